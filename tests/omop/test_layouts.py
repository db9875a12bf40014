"""CDMs come as folders of all sorts, and as databases."""

from __future__ import annotations

import gzip
import os
import sqlite3
from typing import TYPE_CHECKING

import duckdb
import pytest

from plait.duck import literal, quoted
from tiny_omop import CDM, Legacy, delivered, differences

if TYPE_CHECKING:
    from pathlib import Path


def as_tabs(text: str, *, quotes: bool) -> str:
    """Give a table as fields between tabs, quoted where they have to be, or not at all."""
    rows = delivered(text)
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]
    if quotes:
        return "".join("\t".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) + "\n" for row in cells)
    return "".join("\t".join(row) + "\n" for row in cells)


def test_tables_in_capitals_between_tabs_are_one_with_those_between_commas(adopted: Legacy, legacy: Legacy) -> None:
    """Athena writes so: without quotes. A text with a line feed or a tab has to be quoted."""
    legacy.tables = {}
    legacy.write()
    for stem, text in CDM.items():
        header, rest = as_tabs(text, quotes=stem == "note").split("\n", 1)
        (legacy.cdm / f"{stem.upper()}.csv").write_text(f"{header.upper()}\n{rest}", encoding="utf-8")
    legacy.run()
    assert differences(adopted.path, legacy.path) == {}


def test_tables_in_parts_and_in_folders_are_one_with_whole_ones(adopted: Legacy, legacy: Legacy) -> None:
    legacy.tables = {name: text for name, text in CDM.items() if name not in {"condition_occurrence", "visit_occurrence", "person"}}
    legacy.write()
    header, *lines = CDM["condition_occurrence"].splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        (legacy.cdm / f"condition_occurrence_{number}.csv").write_text(header + line, encoding="utf-8")
    (legacy.cdm / "Visit_Occurrence").mkdir()
    with duckdb.connect() as con:
        for number, visit in enumerate(delivered(CDM["visit_occurrence"])):
            values = ", ".join(f"nullif({literal(value)}, '') AS {quoted(name)}" for name, value in visit.items())
            con.execute(f"COPY (SELECT {values}) TO {literal(legacy.cdm / 'Visit_Occurrence' / f'part-{number}.parquet')} (FORMAT parquet)")
    with gzip.open(legacy.cdm / "person.csv.gz", "wt", encoding="utf-8") as file:
        file.write(CDM["person"])
    legacy.run()
    assert differences(adopted.path, legacy.path) == {}


def _as_5_3(tables: dict[str, str]) -> dict[str, str]:
    """Give the tables as CDM 5.3 has them: under its names, without what is new."""
    renamed = {
        "admitted_from_concept_id": "admitting_source_concept_id",
        "admitted_from_source_value": "admitting_source_value",
        "discharged_to": "discharge_to",
        "parent_visit_detail_id": "visit_detail_parent_id",
    }
    new = {
        "location": ("country_concept_id", "country_source_value", "latitude", "longitude"),
        "procedure_occurrence": ("procedure_end_date",),
        "device_exposure": ("production_id", "unit_concept_id", "unit_source_value", "unit_source_concept_id"),
        "measurement": ("unit_source_concept_id", "measurement_event_id", "meas_event_field_concept_id"),
        "observation": ("value_source_value", "observation_event_id", "obs_event_field_concept_id"),
        "note": ("note_event_id", "note_event_field_concept_id"),
        "cdm_source": ("cdm_version_concept_id",),
    }
    found = {}
    for name, text in tables.items():
        if name in {"episode", "episode_event"}:
            continue
        rows = delivered(text)
        kept = [column for column in rows[0] if column not in new.get(name, ())]
        lines = ['"' + '","'.join(row[column].replace('"', '""') for column in kept) + '"' for row in rows]
        header = ",".join(kept)
        for theirs, ours in renamed.items():
            header = header.replace(theirs, ours)
        found[name] = "\n".join([header, *lines]) + "\n"
    return found


def test_cdm_5_3_becomes_5_4(adopted: Legacy, legacy: Legacy) -> None:
    """What 5.3 calls otherwise is found under its new name, and what it has not is null; nothing else differs."""
    legacy.tables = _as_5_3(CDM)
    legacy.write().run()
    assert legacy.rows("SELECT count(*) FROM plait.columns WHERE fate = 'unaccounted'") == [(0,)]
    assert set(differences(adopted.path, legacy.path)) == {
        "location",
        "procedure_occurrence",
        "device_exposure",
        "measurement",
        "observation",
        "note",
        "episode",
        "episode_event",
    }
    told = "SELECT admitted_from_source_value, discharged_to_concept_id, discharged_to_source_value FROM cdm.visit_occurrence WHERE visit_concept_id = 9201"
    assert legacy.rows(told) == [("HOME", 8863, "SNF")]
    assert legacy.rows("SELECT count(parent_visit_detail_id) FROM cdm.visit_detail") == [(1,)]
    same = "SELECT device_source_value, quantity FROM cdm.device_exposure"
    assert legacy.rows(same) == adopted.rows(same)


def test_the_layout_of_mimic_iv_loads(legacy: Legacy) -> None:
    """MIMIC-IV in the OMOP CDM: a folder with the tables of 5.3, vocabulary files with a number before them, negative ids of 64 bits, and more columns."""
    legacy.tables = {}
    legacy.write()
    folder = legacy.cdm / "1_omop_data_csv"
    folder.mkdir()
    person, visit = -6005241124406168211, -4740568263866738373
    files = {
        "person.csv": "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,race_concept_id,ethnicity_concept_id,location_id,"
        "provider_id,care_site_id,person_source_value,gender_source_value,gender_source_concept_id,race_source_value,race_source_concept_id,"
        f"ethnicity_source_value,ethnicity_source_concept_id\n{person},8507,2095,,,,2000001406,38003563,,,,10000001,M,0,HISPANIC OR LATINO,2000001408,,0\n",
        "visit_occurrence.csv": "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime,"
        "visit_type_concept_id,provider_id,care_site_id,visit_source_value,visit_source_concept_id,admitting_source_concept_id,admitting_source_value,"
        f"discharge_to_concept_id,discharge_to_source_value,preceding_visit_occurrence_id\n{visit},{person},262,2150-05-01,2150-05-01 08:15:00,2150-05-03,"
        "2150-05-03 12:00:00,32817,,-5000000000000000001,10000001|20000002,2000001801,8870,EMERGENCY ROOM,581476,HOME,\n",
        "visit_detail.csv": "visit_detail_id,person_id,visit_detail_concept_id,visit_detail_start_date,visit_detail_start_datetime,visit_detail_end_date,"
        "visit_detail_end_datetime,visit_detail_type_concept_id,provider_id,care_site_id,admitting_source_concept_id,discharge_to_concept_id,"
        "preceding_visit_detail_id,visit_detail_source_value,visit_detail_source_concept_id,admitting_source_value,discharge_to_source_value,"
        f"visit_detail_parent_id,visit_occurrence_id\n-1,{person},2000000012,2150-05-01,2150-05-01 08:15:00,2150-05-03,2150-05-03 12:00:00,32817,,,0,0,,"
        f"10000001|20000002|3,2000001900,,,,{visit}\n",
        "measurement.csv": "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,measurement_time,measurement_type_concept_id,"
        "operator_concept_id,value_as_number,value_as_concept_id,unit_concept_id,range_low,range_high,provider_id,visit_occurrence_id,visit_detail_id,"
        "measurement_source_value,measurement_source_concept_id,unit_source_value,value_source_value,unit_id,load_table_id\n"
        f"-3000000000000000001,{person},3024561,2150-05-01,2150-05-01 09:00:00,,32856,,2.4,,8713,3.5,5.2,,{visit},,50862,2000001001,g/dL,2.4,measurement.lab,"
        "labevents\n",
        "care_site.csv": "care_site_id,care_site_name,place_of_service_concept_id,location_id,care_site_source_value,place_of_service_source_value\n"
        "-5000000000000000001,Emergency Department,8870,1,Emergency Department,ED\n",
        "location.csv": "location_id,address_1,address_2,city,state,zip,county,location_source_value\n1,,,,MA,,,Nowhere General\n",
        "fact_relationship.csv": "domain_concept_id_1,fact_id_1,domain_concept_id_2,fact_id_2,relationship_concept_id\n"
        "36,-7000000000000000001,21,-3000000000000000001,581410\n",
        "specimen.csv": "specimen_id,person_id,specimen_concept_id,specimen_type_concept_id,specimen_date,specimen_datetime,quantity,unit_concept_id,"
        "anatomic_site_concept_id,disease_status_concept_id,specimen_source_id,specimen_source_value,unit_source_value,anatomic_site_source_value,"
        f"disease_status_source_value\n-7000000000000000001,{person},4046280,32856,2150-05-01,2150-05-01 08:50:00,,0,0,0,1,BLOOD,,,\n",
        "cdm_source.csv": "cdm_source_name,cdm_source_abbreviation,cdm_holder,source_description,source_documentation_reference,cdm_etl_reference,"
        "source_release_date,cdm_release_date,cdm_version,vocabulary_version\nMIMIC IV,mimiciv,PhysioNet,,,,2020-09-01,2020-09-01,5.3.1,v5.0\n",
        "2b_concept.csv": "concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,standard_concept,concept_code,valid_start_date,valid_end_date,"
        "invalid_reason\n2000001801,EW EMER.,Visit,mimiciv_vis_admission_type,Visit,,EW EMER.,1970-01-01,2099-12-31,\n",
        "2b_concept_relationship.csv": "concept_id_1,concept_id_2,relationship_id,valid_start_date,valid_end_date,invalid_reason\n"
        "2000001801,262,Maps to,1970-01-01,2099-12-31,\n",
        "2b_vocabulary.csv": "vocabulary_id,vocabulary_name,vocabulary_reference,vocabulary_version,vocabulary_concept_id\nmimiciv_vis,a,b,c,2000001802\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    legacy.run()
    assert {reason: count for (_, fate, reason), count in legacy.reasons().items() if fate == "rejected"} == {}
    assert {file for (file, fate, reason), _ in legacy.reasons().items() if (fate, reason) == ("ignored", "vocabulary")} == {
        "concept",
        "concept_relationship",
        "vocabulary",
    }
    assert legacy.rows(
        "SELECT p.person_source_value, v.visit_concept_id, v.admitted_from_concept_id, v.discharged_to_source_value, s.care_site_name, l.state, "
        "d.visit_detail_concept_id, m.value_as_number, n.specimen_source_value FROM cdm.person AS p JOIN cdm.visit_occurrence AS v USING (person_id) "
        "JOIN cdm.care_site AS s ON v.care_site_id = s.care_site_id JOIN cdm.location AS l ON s.location_id = l.location_id "
        "JOIN cdm.visit_detail AS d USING (visit_occurrence_id) JOIN cdm.measurement AS m ON m.visit_occurrence_id = v.visit_occurrence_id "
        "JOIN cdm.fact_relationship AS f ON f.fact_id_2 = m.measurement_id JOIN cdm.specimen AS n ON f.fact_id_1 = n.specimen_id"
    ) == [("10000001", 262, 8870, "HOME", "Emergency Department", "MA", 2000000012, 2.4, "BLOOD")]
    unaccounted = legacy.rows("SELECT file, \"column\" FROM plait.columns WHERE fate = 'unaccounted' ORDER BY ALL")
    assert unaccounted == [("measurement", "load_table_id"), ("measurement", "unit_id")]


def fill(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Make the tables of the small CDM in a schema of DuckDB."""
    con.execute(f"CREATE SCHEMA {schema}")
    for stem, text in CDM.items():
        rows = delivered(text)
        con.execute(f"CREATE TABLE {schema}.{stem.upper()} ({', '.join(f'{quoted(name)} VARCHAR' for name in rows[0])})")
        con.executemany(f"INSERT INTO {schema}.{stem} VALUES ({', '.join('?' * len(rows[0]))})", [[cell or None for cell in row.values()] for row in rows])  # noqa: S608


def test_a_duckdb_file_is_read_and_left_as_it_is(adopted: Legacy, legacy: Legacy, tmp_path: Path) -> None:
    file = tmp_path / "omop.duckdb"
    with duckdb.connect(str(file)) as con:
        fill(con, "hospital")
    before = file.read_bytes()
    legacy.tables, legacy.options = {}, {"path": str(file)}
    legacy.write().run()
    assert differences(adopted.path, legacy.path) == {}
    assert file.read_bytes() == before
    assert legacy.plait("etl", "run").out.startswith("Nothing has changed")
    with duckdb.connect(str(file)) as con:
        con.execute("DELETE FROM hospital.condition_era WHERE person_id = '12'")
    assert "1 changed" in legacy.plait("etl", "run").out


def test_any_database_that_sqlalchemy_reaches_is_read_in_batches(adopted: Legacy, legacy: Legacy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from plait.etl import databases

    monkeypatch.setattr(databases, "BATCH_ROWS", 2)
    monkeypatch.setenv("CDM_FILE", "omop.sqlite")
    file = tmp_path / "omop.sqlite"
    con = sqlite3.connect(file)
    for stem, text in CDM.items():
        rows = delivered(text)
        con.execute(f"CREATE TABLE {stem} ({', '.join(map(quoted, rows[0]))})")
        con.executemany(f"INSERT INTO {stem} VALUES ({', '.join('?' * len(rows[0]))})", [[cell or None for cell in row.values()] for row in rows])  # noqa: S608
    con.commit()
    con.close()
    before = file.read_bytes()
    legacy.tables, legacy.options = {}, {"path": f"sqlite:///{tmp_path}/${{CDM_FILE}}"}
    legacy.write().run()
    assert differences(adopted.path, legacy.path) == {}
    assert file.read_bytes() == before
    assert legacy.plait("etl", "run").out.startswith("Nothing has changed")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://me:hunter2@db.example/omop", "a password in the URL of a database"),
        ("postgresql://db.example/omop?user=me&password=hunter2", "a password in the URL of a database"),
        ("postgresql+psycopg://me:${NO_SUCH_PASSWORD}@db.example/omop", "'NO_SUCH_PASSWORD'"),
        ("sqlite:////nowhere/omop.sqlite", "the file of a database"),
        ("s3://bucket/cdm", "the URL of a database"),
    ],
    ids=["password", "password_in_query", "variable", "no_file", "store"],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(legacy: Legacy, url: str, words: str) -> None:
    assert "NO_SUCH_PASSWORD" not in os.environ
    legacy.tables, legacy.options = {}, {"path": url}
    done = legacy.write().plait("etl", "run")
    assert (done.code, words in done.err, "hunter2" in done.err + done.out) == (2, True, False), done.err
    assert "hunter2" not in "".join(str(path.read_bytes()) for path in (legacy.path / "warehouse").rglob("*") if path.is_file())
