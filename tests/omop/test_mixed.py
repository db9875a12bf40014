"""A CDM beside another source: rows of both stand in one table, and what was derived of one of them alone is derived anew."""

from __future__ import annotations

import pytest

from tiny_omop import Legacy
from tiny_study import FILES


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    """Give a study of a CDM and of an EHR that tells more of one of its persons, and of others."""
    study = Legacy(tmp_path_factory.mktemp("mixed") / "study")
    synthea = study.path / "synthea"
    synthea.mkdir(parents=True)
    for stem, text in FILES.items():
        (synthea / f"{stem}.csv").write_text(text.replace("MRN-4713", "12"), encoding="utf-8")
    sources = [
        {"name": "ehr", "kind": "synthea", "path": "synthea", "person_system": "hospital"},
        {"name": "legacy", "kind": "omop", "path": "cdm", "person_system": "hospital"},
    ]
    return study.write(sources=sources).run()


def of_both(study: Legacy, table: str, columns: str) -> list[tuple[object, ...]]:
    return study.rows(f"SELECT {columns} FROM cdm.{table} JOIN cdm.person AS p USING (person_id) WHERE p.person_source_value IN ('12', 'MRN-2') ORDER BY ALL")  # noqa: S608


def test_rows_of_both_have_ids_of_their_own(mixed: Legacy) -> None:
    rows = of_both(mixed, "condition_occurrence", "condition_occurrence_id % 4194304, condition_start_date::VARCHAR, condition_concept_id")
    assert rows == [(0, "2020-03-12", 254761), (1, "2020-03-01", 254761)]  # the CDM's comes behind
    visits = of_both(mixed, "visit_occurrence", "visit_occurrence_id % 4194304, visit_start_date::VARCHAR")
    assert visits == [(0, "2020-03-12"), (1, "2020-03-01")]
    assert mixed.rows("SELECT count(*) - count(DISTINCT condition_occurrence_id) FROM cdm.condition_occurrence") == [(0,)]


def test_a_person_of_both_is_one(mixed: Legacy) -> None:
    assert len(mixed.rows("FROM cdm.person")) == 5
    query = "SELECT sum(read)::INT, sum(loaded)::INT, sum(merged)::INT FROM plait.ledger WHERE shape = 'person'"
    assert mixed.rows(query) == [(6, 5, 1)]


def test_eras_and_periods_of_a_person_of_both_are_derived_anew(mixed: Legacy) -> None:
    """Half of what there is makes no whole: the era joins the conditions of both, the period their visits."""
    assert of_both(mixed, "condition_era", "condition_era_start_date::VARCHAR, condition_era_end_date::VARCHAR, condition_occurrence_count") == [
        ("2020-03-01", "2020-03-13", 2)
    ]
    period = "observation_period_start_date::VARCHAR, observation_period_end_date::VARCHAR"
    assert of_both(mixed, "observation_period", period) == [("2020-03-01", "2020-03-12")]
    reasons = {key: count for key, count in mixed.reasons().items() if key[2] == "rebuilt"}
    assert reasons == {("condition_era", "rejected", "rebuilt"): 1, ("observation_period", "rejected", "rebuilt"): 1}


def test_those_of_a_person_of_the_cdm_alone_are_the_declared_ones(mixed: Legacy) -> None:
    query = (
        "SELECT condition_concept_id, condition_occurrence_count FROM cdm.condition_era JOIN cdm.person USING (person_id) "
        "WHERE person_source_value = 'MRN-1' ORDER BY ALL"
    )
    assert mixed.rows(query) == [(201826, 1), (317009, 7)]


@pytest.mark.long
@pytest.mark.parametrize("derived", ["declared", "rebuilt"])
def test_derived_tables_are_declared_or_rebuilt(legacy: Legacy, derived: str) -> None:
    legacy.options = {"derived": derived}
    legacy.write().run()
    counts = legacy.rows("SELECT condition_concept_id, condition_occurrence_count FROM cdm.condition_era ORDER BY ALL")
    periods = legacy.rows("SELECT observation_period_start_date::VARCHAR FROM cdm.observation_period ORDER BY ALL")
    if derived == "declared":
        assert (counts, periods) == ([(201826, 1), (254761, 1), (317009, 7)], [("2019-01-01",), ("2020-01-01",)])
    else:
        assert (counts, periods) == ([(201826, 1), (254761, 1), (317009, 1)], [("2020-01-10",), ("2020-03-01",)])
        assert {key[0] for key in legacy.reasons() if key[1:] == ("ignored", "rebuilt")} == {"condition_era", "drug_era", "dose_era", "observation_period"}


def test_a_derived_table_that_the_cdm_has_not_is_derived(legacy: Legacy) -> None:
    legacy.tables = {name: text for name, text in legacy.tables.items() if name != "condition_era"}
    legacy.write().run()
    assert legacy.rows("SELECT condition_concept_id FROM cdm.condition_era ORDER BY ALL") == [(201826,), (254761,), (317009,)]
    assert legacy.rows("SELECT drug_exposure_count FROM cdm.drug_era") == [(9,)]  # that one is declared


def test_an_unknown_choice_is_refused(legacy: Legacy) -> None:
    for key, value in (("derived", "sometimes"), ("version", "6.0"), ("remap", "yes please")):
        legacy.options = {key: value}
        done = legacy.write().plait("etl", "run")
        assert (done.code, f"'{value}'" in done.err) == (2, True), done.err
