"""A CDM is adopted row by row: every field of every table is kept, ids of any size become the study's own, and every reference follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plait.duck import quoted
from plait.etl.adopted import DIMENSIONS, adopted_tables, references
from plait.schema import cdm_tables
from tiny_omop import CDM, LOWEST, OF_THE_STUDY, Legacy, delivered, differences, export

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

TABLES = sorted(CDM.keys() - OF_THE_STUDY)


def as_delivered(value: Any) -> str:  # noqa: ANN401 - of any type
    """Give a value as the files have it."""
    text = "" if value is None else str(value)
    return text.removesuffix(".0")


def test_every_table_of_the_cdm_that_tells_of_patients_is_tried() -> None:
    extensions = {name for name in cdm_tables() if name.startswith(("image_", "omics_"))}  # the demo has these
    assert {*adopted_tables(), "person", "death", "provider", "care_site", "location"} - extensions == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_every_field_is_kept(adopted: Legacy, table: str) -> None:
    """What is no id and points at nothing stands in the CDM as it was delivered."""
    spec = cdm_tables()[table]
    pointing = {reference.field for reference in references(table)} | set(DIMENSIONS) | {"person_id", "subject_id", spec.id_column}
    theirs = delivered(CDM[table])
    fields = [name for name in theirs[0] if name not in pointing]
    assert len(fields) > 2 or table in {"episode_event", "cohort", "fact_relationship"}
    found = adopted.rows(f"SELECT {', '.join(map(quoted, fields))} FROM cdm.{quoted(table)}")  # noqa: S608 - our own names
    assert sorted(tuple(map(as_delivered, row)) for row in found) == sorted(tuple(row[name].removesuffix(".0") for name in fields) for row in theirs)


def test_every_record_has_a_fate_and_all_but_what_the_study_says_itself_are_loaded(adopted: Legacy) -> None:
    ledger = adopted.ledger()
    for table in TABLES:
        records = len(delivered(CDM[table]))
        assert ledger[table] == (records, records, 0, 0, 0), table
    assert ledger["cdm_source"] == (1, 0, 0, 0, 1)
    assert adopted.reasons() == {("cdm_source", "ignored", "about_the_source"): 1}


def test_references_follow_their_rows(adopted: Legacy) -> None:
    """Each is followed to what the row says in words, as no id is what it was."""
    for query, expected in {
        "SELECT c.condition_source_value, v.visit_source_value, d.visit_detail_start_date::VARCHAR, p.provider_source_value FROM cdm.condition_occurrence AS c "
        "JOIN cdm.visit_occurrence AS v USING (visit_occurrence_id) LEFT JOIN cdm.visit_detail AS d ON c.visit_detail_id = d.visit_detail_id "
        "LEFT JOIN cdm.provider AS p ON c.provider_id = p.provider_id": {
            ("44054006", "IP", "2020-01-10", "who"),
            ("195967001", "OP", None, None),
            ("49727002", "OP", None, None),
        },
        "SELECT m.value_as_number, c.condition_source_value FROM cdm.measurement AS m JOIN cdm.condition_occurrence AS c "
        "ON m.measurement_event_id = c.condition_occurrence_id": {(165.25, "44054006")},
        "SELECT o.value_as_string, c.condition_source_value FROM cdm.observation AS o JOIN cdm.condition_occurrence AS c "
        "ON o.observation_event_id = c.condition_occurrence_id": {("a lot", "49727002")},
        "SELECT n.note_title, f.lexical_variant, c.condition_source_value FROM cdm.note_nlp AS f JOIN cdm.note AS n USING (note_id) "
        "JOIN cdm.condition_occurrence AS c ON n.note_event_id = c.condition_occurrence_id": {("Title", "cough", "49727002")},
        "SELECT e.episode_source_value, p.episode_source_value FROM cdm.episode AS e LEFT JOIN cdm.episode AS p ON e.episode_parent_id = p.episode_id": {
            ("first", None),
            ("line 1", "first"),
        },
        "SELECT e.episode_source_value, coalesce(c.condition_source_value, d.drug_source_value) FROM cdm.episode_event AS v "
        "JOIN cdm.episode AS e USING (episode_id) "
        "LEFT JOIN cdm.condition_occurrence AS c ON v.event_id = c.condition_occurrence_id AND v.episode_event_field_concept_id = 1147127 "
        "LEFT JOIN cdm.drug_exposure AS d ON v.event_id = d.drug_exposure_id AND v.episode_event_field_concept_id = 1147094": {
            ("first", "44054006"),
            ("line 1", "6809"),
        },
        "SELECT c.total_charge, coalesce(d.drug_source_value, v.visit_source_value), p.payer_source_value FROM cdm.cost AS c "
        "LEFT JOIN cdm.drug_exposure AS d ON c.cost_event_id = d.drug_exposure_id AND c.cost_domain_id = 'Drug' "
        "LEFT JOIN cdm.visit_occurrence AS v ON c.cost_event_id = v.visit_occurrence_id AND c.cost_domain_id = 'Visit' "
        "LEFT JOIN cdm.payer_plan_period AS p USING (payer_plan_period_id)": {(12.5, "6809", "Insurer"), (100.0, "IP", None), (5.0, None, "Insurer")},
        "SELECT c.condition_source_value, m.value_as_number FROM cdm.fact_relationship AS f JOIN cdm.condition_occurrence AS c "
        "ON f.fact_id_1 = c.condition_occurrence_id JOIN cdm.measurement AS m ON f.fact_id_2 = m.measurement_id WHERE f.domain_concept_id_1 = 19": {
            ("44054006", 165.25)
        },
        "SELECT p.person_source_value, c.condition_source_value FROM cdm.fact_relationship AS f JOIN cdm.person AS p ON f.fact_id_1 = p.person_id "
        "JOIN cdm.condition_occurrence AS c ON f.fact_id_2 = c.condition_occurrence_id WHERE f.domain_concept_id_1 = 56": {("MRN-2", "49727002")},
        "SELECT p.person_source_value, l.city, s.care_site_name, d.provider_name, t.city FROM cdm.person AS p LEFT JOIN cdm.location AS l USING (location_id) "
        "LEFT JOIN cdm.care_site AS s ON p.care_site_id = s.care_site_id LEFT JOIN cdm.provider AS d ON p.provider_id = d.provider_id "
        "LEFT JOIN cdm.location AS t ON s.location_id = t.location_id": {
            ("MRN-1", "Nowhere", "Ward 7", "Dr Who", "Nowhere"),
            ("MRN-2", None, None, None, None),
        },
        "SELECT d.cohort_definition_name, p.person_source_value FROM cdm.cohort AS c JOIN cdm.cohort_definition AS d USING (cohort_definition_id) "
        "JOIN cdm.person AS p ON c.subject_id = p.person_id": {("coughs", "MRN-2")},
        "SELECT v.visit_start_date::VARCHAR, b.visit_start_date::VARCHAR FROM cdm.visit_occurrence AS v JOIN cdm.visit_occurrence AS b "
        "ON v.preceding_visit_occurrence_id = b.visit_occurrence_id": {("2020-02-01", "2020-01-10")},
    }.items():
        assert set(adopted.rows(query)) == expected, query
    assert {kind for kind, _ in adopted.notices()} == {"unknown_concept"}  # nothing points at nothing


def test_persons_keep_their_order_and_the_crosswalk_their_ids(adopted: Legacy) -> None:
    assert adopted.rows("SELECT person_id, person_source_value FROM cdm.person ORDER BY ALL") == [(1, "MRN-1"), (2, "MRN-2")]
    import polars as pl

    [file] = (adopted.path / "private").glob("crosswalk-*.parquet")
    assert sorted(pl.read_parquet(file).rows()) == [("legacy", "-9223372036854775808", 1), ("legacy", "12", 2)]
    assert {row[0] // 4_194_304 for row in adopted.rows("SELECT condition_occurrence_id FROM cdm.condition_occurrence")} == {1, 2}


def test_a_row_is_traced_to_the_id_that_it_had(adopted: Legacy) -> None:
    [(row_id,)] = adopted.rows("SELECT condition_occurrence_id FROM cdm.condition_occurrence WHERE condition_source_value = '44054006'")
    told = json.loads(adopted.plait("etl", "trace", "condition_occurrence", str(row_id), "--json").out)
    [record] = told["records"]
    assert (record["raw"]["condition_occurrence_id"], record["raw"]["person_id"], record["record"], record["line"]) == ("-5", str(LOWEST), 1, 2)
    assert told["known"] == {"known_time": "2020-01-10T09:00:00", "end_known_time": None}


def test_a_cost_is_known_when_what_it_is_the_cost_of_is(adopted: Legacy) -> None:
    query = (
        "SELECT c.total_charge, m.known_time::VARCHAR FROM cdm.cost AS c "
        "JOIN plait.row_meta AS m ON m.table_name = 'cost' AND m.row_id = c.cost_id ORDER BY ALL"
    )
    times = [(5.0, "2020-01-01 23:59:59.999999"), (12.5, "2020-01-10 23:59:59.999999"), (100.0, "2020-01-10 08:30:00")]
    assert adopted.rows(query) == times


def test_what_is_dated_without_a_time_is_known_at_the_end_of_its_day(adopted: Legacy) -> None:
    """Midnight in a field for times is what a date becomes there."""
    rows = adopted.rows(
        "SELECT v.visit_source_value, v.visit_start_date::VARCHAR, m.known_time::VARCHAR FROM cdm.visit_occurrence AS v "
        "JOIN plait.row_meta AS m ON m.table_name = 'visit_occurrence' AND m.row_id = v.visit_occurrence_id ORDER BY ALL"
    )
    assert rows == [
        ("IP", "2020-01-10", "2020-01-10 08:30:00"),
        ("OP", "2020-02-01", "2020-02-01 23:59:59.999999"),
        ("OP", "2020-03-01", "2020-03-01 23:59:59.999999"),
    ]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_what_plait_wrote_is_read_back_as_it_is(adopted: Legacy, tmp_path: Path, suffix: str) -> None:
    export(adopted.path, tmp_path / "exported", suffix)
    back = Legacy(tmp_path / "back", tables={}, options={"path": str(tmp_path / "exported")}).write().run()
    assert differences(adopted.path, back.path) == {}


def test_the_demo_is_read_back_as_it_is(demo_study: Path, tmp_path: Path) -> None:
    """Every table, every row, every id; derived tables, images and omics included."""
    back = Legacy(tmp_path / "back", tables={}, options={"path": str(demo_study)}).write(vocabulary=str(demo_study / "data" / "athena")).run()
    assert differences(demo_study, back.path) == {}
    assert sum(back.rows("SELECT count(*) FROM cdm.measurement")[0]) > 70_000
    again = back.plait("etl", "run")
    assert (again.code, again.out.split(" since")[0]) == (0, "Nothing has changed")


def test_a_changed_row_changes_its_person_alone(legacy: Legacy) -> None:
    legacy.write().run()
    before = legacy.rows("SELECT * FROM cdm.condition_occurrence ORDER BY ALL")
    changed = CDM["condition_occurrence"].replace("49727002,254761", "49727002-again,254761")
    (legacy.cdm / "condition_occurrence.csv").write_text(changed, encoding="utf-8")
    report = json.loads(legacy.plait("etl", "run", "--json").out)
    assert report["sources"] == [{"source": "legacy", "added": 0, "changed": 1, "removed": 0}]
    after = legacy.rows("SELECT * FROM cdm.condition_occurrence ORDER BY ALL")
    assert [(a[0], b[0]) for a, b in zip(before, after, strict=True) if a != b] == [(before[2][0], after[2][0])]
    fresh = Legacy(legacy.path.parent / "fresh", tables=legacy.tables | {"condition_occurrence": changed}).write().run()
    assert differences(legacy.path, fresh.path) == {}


@pytest.mark.parametrize("shard_persons", [1, 2])
def test_shards_make_no_difference(adopted: Legacy, legacy: Legacy, shard_persons: int) -> None:
    legacy.write(shard_persons=shard_persons).run()
    assert differences(adopted.path, legacy.path) == {}
    digests = [json.loads(study.plait("digest", "--json").out) for study in (adopted, legacy)]
    assert digests[0] == digests[1]
