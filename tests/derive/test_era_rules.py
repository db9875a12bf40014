"""Eras from SQL against eras from a loop, on any intervals."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.duck import connect
from plait.etl.derive.eras import GAP_DAYS, derive, prepare_drugs

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

DAY_0 = dt.date(2020, 1, 1)
Interval = tuple[int, int, int, int | None]
"""Person, concept, first day, length in days (None: no end; negative: an end before the start)."""

INTERVALS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 150), st.none() | st.integers(-2, 60)),
    max_size=40,
)
DRUGS = {1: (11,), 2: (11, 12), 3: ()}
"""Ingredients of each drug."""


def naive(spans: Iterable[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int, int, int]]:
    """Give (person, thing, start, end, members, gap days), day by day and span by span."""
    by_thing = defaultdict(list)
    for person, thing, start, end in spans:
        by_thing[person, thing].append((start, end))
    eras = []
    for (person, thing), found in by_thing.items():
        open_eras: list[list[tuple[int, int]]] = []
        for span in sorted(found):
            if open_eras and span[0] - max(end for _, end in open_eras[-1]) <= GAP_DAYS:
                open_eras[-1].append(span)
            else:
                open_eras.append([span])
        for era in open_eras:
            first, last = era[0][0], max(end for _, end in era)
            nights = {night for start, end in era for night in range(start, end)}
            eras.append((person, thing, first, last, len(era), last - first - len(nights)))
    return sorted(eras, key=lambda era: (era[0], era[2], era[1]))


def day(number: int) -> dt.date:
    return DAY_0 + dt.timedelta(days=number)


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return con.execute(query).fetchall()


@given(intervals=INTERVALS)
@settings(deadline=None, max_examples=60)
def test_condition_eras_equal_those_of_a_loop(intervals: list[Interval]) -> None:
    con = connect(threads=2)
    con.execute(
        "CREATE TABLE condition_occurrence (condition_occurrence_id INTEGER, person_id INTEGER, condition_concept_id INTEGER, "
        "condition_start_date DATE, condition_end_date DATE)"
    )
    for number, (person, concept, start, length) in enumerate(intervals):
        end = None if length is None else day(start + length)
        con.execute("INSERT INTO condition_occurrence VALUES (?, ?, ?, ?, ?)", [number, person, concept, day(start), end])
    got = rows(con, derive(con, "condition_era"))
    expected = naive((person, concept, start, start + (1 if length is None else max(length, 0))) for person, concept, start, length in intervals if concept)
    assert [row[1:] for row in got] == [(person, thing, day(start), day(end), count) for person, thing, start, end, count, _ in expected]
    ordinals: dict[int, int] = defaultdict(int)
    for era_id, person, *_ in got:
        assert era_id == person * 2**22 + ordinals[person]
        ordinals[person] += 1
    joined = 'SELECT count(*), count(DISTINCT from_row_id), bool_and(m.start BETWEEN e.era_start AND e.era_end AND m."end" <= e.era_end)'
    members = rows(con, f"{joined} FROM member AS m JOIN era AS e USING (person_id, series, era_start)")[0]
    mapped = sum(1 for _, concept, _, _ in intervals if concept)
    assert members == (mapped, mapped, True if mapped else None)


@given(intervals=INTERVALS)
@settings(deadline=None, max_examples=60)
def test_drug_eras_equal_those_of_a_loop(intervals: list[Interval]) -> None:
    con = connect(threads=2)
    write_drugs(con)
    spans = []
    for number, (person, concept, start, length) in enumerate(intervals):
        drug, supply = concept + 1, number % 5 - 1
        end = None if length is None else day(start + length)
        con.execute("INSERT INTO drug_exposure VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)", [number, person, drug, day(start), end, supply])
        last = start + (max(length, 0) if length is not None else supply if supply > 0 else 1)
        spans += [(person, ingredient, start, last) for ingredient in DRUGS[drug]]
    got = rows(con, derive(con, "drug_era"))
    assert [row[1:] for row in got] == [(person, thing, day(start), day(end), count, gap) for person, thing, start, end, count, gap in naive(spans)]


def write_drugs(con: duckdb.DuckDBPyConnection) -> None:
    """Make a vocabulary of three drugs with two ingredients, and an empty DRUG_EXPOSURE."""
    con.execute("CREATE SCHEMA vocabulary")
    con.execute(
        "CREATE TABLE vocabulary.concept AS SELECT * FROM (VALUES (11, 'Ingredient', 'S', 'RxNorm', '11'), (12, 'Ingredient', 'S', 'RxNorm', '12'), "
        "(13, 'Ingredient', NULL, 'RxNorm', '13'), (20, 'Clinical Drug Form', 'S', 'RxNorm', '20'), (8587, 'Unit', 'S', 'UCUM', 'mL'), "
        "(8505, 'Unit', 'S', 'UCUM', 'h'), (8576, 'Unit', 'S', 'UCUM', 'mg'), (45744809, 'Unit', 'S', 'UCUM', '{actuat}')) "
        "AS c (concept_id, concept_class_id, standard_concept, vocabulary_id, concept_code)"
    )
    con.execute(
        "CREATE TABLE vocabulary.concept_ancestor AS SELECT * FROM (VALUES (11, 1), (11, 2), (12, 2), (13, 1), (20, 1), (11, 11)) "
        "AS a (ancestor_concept_id, descendant_concept_id)"
    )
    con.execute(
        "CREATE TABLE vocabulary.drug_strength (drug_concept_id INTEGER, ingredient_concept_id INTEGER, amount_value DOUBLE, amount_unit_concept_id INTEGER, "
        "numerator_value DOUBLE, numerator_unit_concept_id INTEGER, denominator_value DOUBLE, denominator_unit_concept_id INTEGER, invalid_reason VARCHAR)"
    )
    con.execute(
        "CREATE TABLE drug_exposure (drug_exposure_id INTEGER, person_id INTEGER, drug_concept_id INTEGER, drug_exposure_start_date DATE, "
        "drug_exposure_end_date DATE, days_supply INTEGER, quantity DOUBLE, dose_unit_source_value VARCHAR)"
    )
    con.execute("CREATE VIEW used_drug AS FROM (VALUES (1), (2), (3)) AS d (drug_concept_id)")
    prepare_drugs(con)


def daily_dose(strength: str, exposure: str) -> tuple[object, ...]:
    """Give (dose, unit, reason) of one exposure of drug 1."""
    con = connect(threads=1)
    write_drugs(con)
    con.execute(f"INSERT INTO vocabulary.drug_strength VALUES {strength}")  # noqa: S608 - this file's own values
    prepare_drugs(con)
    con.execute(f"INSERT INTO drug_exposure VALUES (1, 1, 1, DATE '2020-01-01', NULL, {exposure})")  # noqa: S608
    derive(con, "dose_era")
    (found,) = set(rows(con, "SELECT daily_dose, unit_concept_id, reason FROM exposure_dose"))
    return found


TABLET = "(1, 11, 500, 8576, NULL, NULL, NULL, NULL, NULL)"
PUFF = "(1, 11, NULL, NULL, 0.1, 8576, NULL, 45744809, NULL)"
SYRINGE = "(1, 11, NULL, NULL, 1250, 8576, 5, 8587, NULL)"
SOLUTION = "(1, 11, NULL, NULL, 10, 8576, NULL, 8587, NULL)"
PATCH = "(1, 11, NULL, NULL, 0.000833, 8576, NULL, 8505, NULL)"


def test_a_quantity_of_pieces_is_multiplied_with_the_strength_of_a_piece() -> None:
    assert daily_dose(TABLET, "10, 20, NULL") == (1000, 8576, None)
    assert daily_dose(TABLET, "10, 20, '{tbl}'") == (1000, 8576, None)
    assert daily_dose(TABLET, "10, 20, 'TABS'") == (1000, 8576, None)
    assert daily_dose(TABLET, "10, 20, 'mg'") == (None, 8576, "unclear_unit")
    assert daily_dose(PUFF, "10, 200, NULL") == (2, 8576, None)


def test_a_concentration_needs_a_quantity_in_its_unit() -> None:
    assert daily_dose(SOLUTION, "1, 45, 'mL'") == (450, 8576, None)
    assert daily_dose(SOLUTION, "1, 45, NULL") == (None, 8576, "unclear_unit")
    assert daily_dose(SOLUTION, "1, 45, 'mg'") == (None, 8576, "unclear_unit")
    assert daily_dose(SYRINGE, "1, 2, NULL") == (2500, 8576, None)
    assert daily_dose(SYRINGE, "1, 10, 'mL'") == (2500, 8576, None)


def test_a_rate_gives_a_daily_dose_without_quantity() -> None:
    assert daily_dose(PATCH, "NULL, NULL, NULL") == (0.019992, 8576, None)


def test_what_lacks_a_factor_has_no_dose_and_says_why() -> None:
    assert daily_dose(TABLET, "10, NULL, NULL") == (None, 8576, "no_quantity")
    assert daily_dose(TABLET, "0, 20, NULL") == (None, 8576, "no_days_supply")
    assert daily_dose(TABLET.replace("1, 11", "2, 11", 1), "10, 20, NULL") == (None, None, "no_strength")
    assert daily_dose(TABLET.replace("500", "NULL"), "10, 20, NULL") == (None, None, "no_strength")
    assert daily_dose(f"{TABLET}, {TABLET.replace('500', '250')}", "10, 20, NULL") == (None, None, "several_strengths")


def test_rows_that_begin_on_one_day_are_in_one_era_however_they_are_sorted() -> None:
    con = connect(threads=32)
    con.execute(
        "CREATE TABLE condition_occurrence AS SELECT i AS condition_occurrence_id, hash(i) % 8000 AS person_id, 1 + hash(i, 1) % 5 AS condition_concept_id, "
        "DATE '2020-01-01' + CAST(hash(i, 2) % 12 * 45 AS INTEGER) AS condition_start_date, condition_start_date + CAST(hash(i, 3) % 2 * 20 AS INTEGER) "
        "AS condition_end_date FROM range(1200000) AS r (i)"
    )
    found = set()
    for _ in range(4):
        derive(con, "condition_era")
        found |= set(rows(con, "SELECT count(*), sum(members), sum(hash(era_id, series, era_start, era_end, members, gap_days)) FROM era"))
        assert rows(con, "SELECT count(*) FROM member WHERE era_start IS NULL") == [(0,)]
    assert len(found) == 1
