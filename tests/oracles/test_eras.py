"""Eras of public CDMs against the eras that came with them: what is equal, and what is not and why."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from plait.duck import connect, literal, make_view
from plait.etl.derive.eras import Era, derive, prepare_drugs

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

EPOCH = dt.date(1970, 1, 1)
CONDITION = "person_id, condition_concept_id, condition_era_start_date, condition_era_end_date, condition_occurrence_count"
DRUG = "person_id, drug_concept_id, drug_era_start_date, drug_era_end_date, drug_exposure_count, gap_days"
NO_STRENGTHS = (
    "CREATE OR REPLACE VIEW vocabulary.drug_strength AS SELECT NULL::BIGINT AS drug_concept_id, NULL::BIGINT AS ingredient_concept_id, "
    "NULL::DOUBLE AS amount_value, NULL::BIGINT AS amount_unit_concept_id, NULL::DOUBLE AS numerator_value, NULL::BIGINT AS numerator_unit_concept_id, "
    "NULL::DOUBLE AS denominator_value, NULL::BIGINT AS denominator_unit_concept_id, NULL::VARCHAR AS invalid_reason WHERE false"
)


def tutorial(shared: Path) -> duckdb.DuckDBPyConnection:
    """Give a connection with the CDM of tutorial-109, whose days are numbers like 20200131, and its drug eras as `theirs`."""
    con = connect(threads=2)
    for table in ("condition_occurrence", "condition_era", "drug_exposure", "drug_era"):
        source = f"read_csv({literal(shared / 'data/synthea/tutorial-109/cdm' / f'{table}.csv')}, sample_size = -1)"
        names = [row[0] for row in con.execute(f"DESCRIBE FROM {source}").fetchall()]
        days = ", ".join(f"CAST(strptime(CAST({name} AS VARCHAR), '%Y%m%d') AS DATE) AS {name}" for name in names if name.endswith("_date"))
        make_view(con, table if not table.endswith("_era") else f"their_{table}", f"SELECT * REPLACE ({days}) FROM {source}")
    return con


def oracle(shared: Path, name: str) -> duckdb.DuckDBPyConnection:
    """Give a connection with the CDM of an oracle."""
    con = connect(threads=2)
    for table in ("condition_occurrence", "condition_era", "drug_exposure", "drug_era"):
        make_view(con, table if not table.endswith("_era") else f"their_{table}", f"FROM {literal(shared / 'oracles' / name / 'cdm' / f'{table}.parquet')}")
    return con


def with_drugs(con: duckdb.DuckDBPyConnection, concept: str, ancestor: str) -> duckdb.DuckDBPyConnection:
    """Give the connection with the look-ups of drugs, from the files of a vocabulary."""
    con.execute("CREATE SCHEMA vocabulary")
    con.execute(f"CREATE VIEW vocabulary.concept AS FROM {concept}")
    con.execute(f"CREATE VIEW vocabulary.concept_ancestor AS FROM {ancestor}")
    con.execute(NO_STRENGTHS)
    con.execute("CREATE TEMP VIEW used_drug AS SELECT DISTINCT drug_concept_id FROM drug_exposure")
    prepare_drugs(con)
    return con


def both(con: duckdb.DuckDBPyConnection, table: Era, columns: str) -> tuple[Counter[Any], Counter[Any]]:
    """Give plait's eras and theirs as multisets of `columns`."""
    ours = con.execute(f"SELECT {columns} FROM ({derive(con, table)})").fetchall()
    return Counter(ours), Counter(con.execute(f"SELECT {columns} FROM their_{table}").fetchall())


def test_condition_eras_of_tutorial_109_equal_theirs(shared: Path) -> None:
    ours, theirs = both(tutorial(shared), "condition_era", CONDITION)
    assert ours.total() == 2_195
    assert ours == theirs


def test_condition_eras_of_synthea27nj_equal_theirs(shared: Path) -> None:
    ours, theirs = both(oracle(shared, "synthea27nj"), "condition_era", CONDITION)
    assert ours.total() == 469
    assert ours == theirs


@pytest.mark.parametrize(("name", "equal", "of_concept_0"), [("gibleed", 65_276, 443), ("omoplite1130", 7_072, 825)])
def test_condition_eras_equal_theirs_but_for_concept_0(shared: Path, name: str, equal: int, of_concept_0: int) -> None:
    """OHDSI's script has the condition that leaves concept 0 out as a comment: unmapped diseases of all kinds share eras."""
    ours, theirs = both(oracle(shared, name), "condition_era", CONDITION)
    assert ours.total() == equal
    assert not ours - theirs
    assert (theirs - ours).total() == of_concept_0
    assert {row[1] for row in theirs - ours} == {0}


def test_drug_eras_of_gibleed_equal_theirs_but_for_thirteen(shared: Path) -> None:
    """13 of 224 eras in which two exposures begin on one day, one of them of no length, end with it there or count the other as a gap.

    Besides, their gap_days are no number of days: they are the last day, counted from 1970, less the gap.
    """
    folder = shared / "oracles" / "gibleed" / "cdm"
    con = with_drugs(oracle(shared, "gibleed"), literal(folder / "concept.parquet"), literal(folder / "concept_ancestor.parquet"))
    ours, theirs = both(con, "drug_era", DRUG)
    assert (ours.total(), theirs.total()) == (52_508, 52_508)
    as_theirs = Counter((*row[:5], (row[3] - EPOCH).days - row[5]) for row in ours.elements())
    different = as_theirs - theirs
    assert different.total() == (theirs - as_theirs).total() == 13
    twins = con.execute(
        "SELECT DISTINCT person_id, series, era_start FROM member GROUP BY person_id, series, era_start, start "
        'HAVING count(*) > 1 AND min("end") = start AND max("end") > start'
    ).fetchall()
    assert len(twins) == 224
    assert {row[:3] for row in different} <= set(twins)
    otherwise = Counter(row[:4] for row in different) - Counter(row[:4] for row in theirs)
    assert otherwise.total() == 8
    assert {(row[0], row[1], row[2], row[2]) for row in otherwise} <= {row[:4] for row in theirs}


def test_drug_eras_of_tutorial_109_equal_theirs_where_the_ancestors_are_there(shared: Path) -> None:
    """The CDM comes without CONCEPT_ANCESTOR, and the merged vocabulary lacks the ingredients of 80 products.

    1,068 eras are equal, gap_days included; each of the 231 others of theirs holds an exposure to such a product, and
    the 15 others of ours are what is left of them without it.
    """
    vocabulary = shared / "data" / "vocabulary" / "merged"
    read = [f"read_csv({literal(vocabulary / name)}, sample_size = -1)" for name in ("CONCEPT.csv", "CONCEPT_ANCESTOR.csv")]
    con = with_drugs(tutorial(shared), *read)
    ours, theirs = both(con, "drug_era", DRUG)
    assert (ours.total(), theirs.total(), (ours & theirs).total()) == (1_083, 1_299, 1_068)
    unknown = con.execute(
        "SELECT d.person_id, d.drug_exposure_start_date, d.drug_concept_id FROM drug_exposure AS d ANTI JOIN drug_ingredient AS i USING (drug_concept_id)"
    ).fetchall()
    assert len({concept for _, _, concept in unknown}) == 80
    days: dict[int, list[dt.date]] = {}
    for person, day, _ in unknown:
        days.setdefault(person, []).append(day)
    assert all(any(start <= day <= end for day in days.get(person, [])) for person, _, start, end, _, _ in theirs - ours)
    larger = {(person, ingredient): (start, end) for person, ingredient, start, end, *_ in theirs - ours}
    assert all((person, ingredient) in larger for person, ingredient, *_ in ours - theirs)
