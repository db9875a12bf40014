"""A bad row of a CDM is rejected with its reason and stops nothing; what is no CDM stops before anything is written, and says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tiny_omop import CDM, SECRETS, Legacy, export

if TYPE_CHECKING:
    from pathlib import Path

WHO = str(-9223372036854775808)
BAD: dict[str, tuple[str, str]] = {
    "person": (
        (
            f"{WHO},8507,1999,,,,0,0,,,,MRN-0,M,0,\n"  # the id of another one
            "abc,8507,1999,,,,0,0,,,,MRN-9,M,0,\n"
            ",8507,1999,,,,0,0,,,,MRN-8,M,0,\n"
            "13,8507,nineteen,,,,0,0,,,,MRN-7,M,0,\n"
        ),
        "duplicate_key invalid_number missing_value invalid_number",
    ),
    "condition_occurrence": (
        (
            f"-5,{WHO},201826,2021-01-10,,,32827,,,,,,other,201826,\n"  # the id of another one
            "18,99,254761,2020-03-01,,,32827,,,,,,49727002,254761,\n"  # of nobody
            "19,13,254761,2020-03-01,,,32827,,,,,,49727002,254761,\n"  # of a person who was rejected
            "20,12,254761,2020-02-30,,,32827,,,,,,49727002,254761,\n"
            "21,12,254761,yesterday,,,32827,,,,,,49727002,254761,\n"
            "22,12,254761,2020-03-01,,,32827,,,,,,49727002,254761,,one too many\n"
            "23,12,254761,2020-03-01\n"
            "24,12,cough,2020-03-01,,,32827,,,,,,49727002,254761,\n"
            "25,12,254761.5,2020-03-01,,,32827,,,,,,49727002,254761,\n"
            "9223372036854775808,12,254761,2020-03-01,,,32827,,,,,,49727002,254761,\n"  # one more than fits
            ",12,254761,2020-03-01,,,32827,,,,,,49727002,254761,\n"
            "26,12,254761,,,,32827,,,,,,49727002,254761,\n"
        ),
        (
            "duplicate_key unknown_person unknown_person invalid_time invalid_time field_count field_count invalid_number invalid_number invalid_number "
            "missing_value missing_value"
        ),
    ),
    "measurement": (
        f"72,{WHO},3036277,2020-01-10,,,32827,,tall,,8582,,,,8302-2,3036277,cm,8582,tall,,\n",
        "invalid_number",
    ),
    "note_nlp": ("102,99,0,A cough,2,cough,254761,254761,rules 1,2021-01-01,Y,,\n", "unknown_owner"),
    "cost": ("134,4711,Drug,32814,44818668,12.5,10,12.5,12,,12.5\n", "unknown_owner"),
    "episode_event": ("171,4711,1147127\n171,-5,0\n", "unknown_reference unknown_reference"),
    "fact_relationship": ("19,4711,21,71,581410\n19,-5,21,4711,581410\n", "unknown_owner unknown_reference"),
}
"""Rows that are added to the tables → the reasons why each is rejected."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    """Give a study of a CDM with bad rows among the good ones."""
    tables = {name: text + BAD.get(name, ("",))[0] for name, text in CDM.items()}
    tables["drug_exposure"] += f"42,{WHO},1503297,2020-01-10,,,32838,,,,,,,,4711,6809,1503297,,\n"  # a visit that is not there
    tables["care_site"] += "71,Ward 8,8717,99,W8,ward\n"  # a location that is not there
    tables["person"] += "14,8507,1970,,,,0,0,,,72,MRN-3,M,0,\n"  # a care site that is not there
    return Legacy(tmp_path_factory.mktemp("broken") / "study", tables=tables).write().run()


@pytest.mark.parametrize("table", sorted(BAD))
def test_every_bad_row_is_rejected_for_its_reason(broken: Legacy, table: str) -> None:
    reasons = BAD[table][1].split()
    found = {reason: count for (file, fate, reason), count in broken.reasons().items() if (file, fate) == (table, "rejected")}
    assert found == {reason: reasons.count(reason) for reason in reasons}
    read, loaded, _, rejected, _ = broken.ledger()[table]
    good = len(CDM[table].strip().splitlines()) - 1 - CDM[table].count(",\nand a")  # a note has a line feed
    good += table == "person"  # whose care site is not there
    assert (read, rejected) == (good + len(reasons), len(reasons))
    assert loaded == good


def test_rejected_rows_keep_their_text(broken: Legacy) -> None:
    rejects = json.loads(broken.plait("etl", "rejects", "--limit", "100", "--json").out)
    told = {(row["file"], row["reason"], row["detail"]): row["raw"] for row in rejects}
    assert json.loads(told["condition_occurrence", "invalid_number", "condition_concept_id"])["condition_occurrence_id"] in {"24", "25"}
    assert json.loads(told["measurement", "invalid_number", "value_as_number"])["value_as_number"] == "tall"
    assert len(rejects) == sum(len(reasons.split()) for _, reasons in BAD.values())


def test_a_row_that_points_at_nothing_is_loaded_and_noticed(broken: Legacy) -> None:
    assert broken.rows("SELECT count(*) FROM cdm.drug_exposure WHERE visit_occurrence_id IS NULL") == [(1,)]
    fields = ("drug_exposure.visit_occurrence_id", "care_site.location_id", "person.care_site_id")
    assert {detail: count for (kind, detail), count in broken.notices().items() if kind == "unknown_reference"} == dict.fromkeys(fields, 1)


def test_of_two_rows_of_one_id_one_stays(broken: Legacy) -> None:
    assert broken.rows("SELECT count(*) FROM cdm.condition_occurrence")[0] == (3,)
    assert broken.rows("SELECT count(*) FROM cdm.person WHERE person_source_value IN ('MRN-0', 'MRN-1')")[0] == (1,)


@pytest.mark.parametrize(
    ("files", "words"),
    [  # what is wrong with the data ends with 1, what is wrong with the settings with 2
        ({"readme.txt": "no tables"}, ("expected a CDM", "nothing that looks like one")),
        ({"visit_occurrence.csv": CDM["visit_occurrence"]}, ("person.csv", "cannot do without")),
        ({"person.csv": "id,gender\n1,F\n"}, ("person.csv:1", "a column person_id")),
        ({"person.csv": CDM["person"], "note.csv": CDM["note"].replace("cough", "h\xfcsteln").encode("latin-1")}, ("note.csv, byte 0xFC", "encoding: latin-1")),
        ({"person.csv": CDM["person"], "person.parquet": b"PAR1"}, ("the table person in one format", "csv and parquet")),
        ({"person.csv": CDM["person"], "note.csv": ""}, ("note.csv", "an empty file")),
        (
            {
                "person.csv": CDM["person"],
                "visit_occurrence.csv": CDM["visit_occurrence"].replace("admitted_from", "admitting_source"),
                "measurement.csv": CDM["measurement"],
            },
            ("tables of one version", "visit_occurrence.admitting_source_concept_id", "measurement.measurement_event_id", "version: 5.4"),
        ),
    ],
    ids=["no_cdm", "no_persons", "no_ids", "encoding", "two_formats", "empty", "two_versions"],
)
def test_what_is_no_cdm_is_refused_before_anything_is_written(legacy: Legacy, files: dict[str, str | bytes], words: tuple[str, ...]) -> None:
    legacy.tables = {}
    legacy.write()
    for name, content in files.items():
        (legacy.cdm / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    done = legacy.plait("etl", "run")
    assert (done.code, [word for word in words if word not in done.err]) == (2 if "expected a CDM" in words else 1, []), done.err
    assert not [secret for secret in SECRETS if secret in done.err]
    assert not list((legacy.path / "warehouse" / "versions").glob("*"))


def test_tables_of_two_versions_are_read_where_the_version_is_told(legacy: Legacy) -> None:
    legacy.tables = {name: CDM[name] for name in ("person", "measurement")}
    legacy.tables["visit_occurrence"] = CDM["visit_occurrence"].replace("admitted_from_source_value", "admitting_source_value")
    legacy.options = {"version": 5.4}
    legacy.write().run()
    assert ("HOME",) in legacy.rows("SELECT admitted_from_source_value FROM cdm.visit_occurrence")


def test_a_file_that_is_no_database_is_refused(legacy: Legacy, tmp_path: Path) -> None:
    (tmp_path / "cdm.duckdb").write_text("no database", encoding="utf-8")
    (tmp_path / "cdm.xlsx").write_text("no database", encoding="utf-8")
    for path, code, words in (("cdm.duckdb", 1, "a DuckDB file that can be read"), ("none.duckdb", 2, "no such file"), ("cdm.xlsx", 2, "one file that is no")):
        legacy.options = {"path": str(tmp_path / path)}
        done = legacy.write().plait("etl", "run")
        assert (done.code, words in done.err) == (code, True), done.err


def test_a_version_of_a_study_is_no_folder_of_tables(adopted: Legacy, legacy: Legacy, tmp_path: Path) -> None:
    """Files of several versions stand side by side there; the study itself, and its views, are read."""
    export(adopted.path, tmp_path / "exported")
    legacy.options = {"path": str(adopted.path)}
    legacy.tables = {}
    assert legacy.write().run().rows("SELECT count(*) FROM cdm.person") == adopted.rows("SELECT count(*) FROM cdm.person")
