"""MIMIC-IV's own files (`kind: mimic`): every file has a fate, and every fact its time, its code and the moment from which it was known."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

import plait
from plait.demo.vocabulary import write_vocabulary
from tiny_mimic import HEADERS, records_of, write_mimic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def make(folder: Path, **options: Any) -> plait.Study:  # noqa: ANN401 - whatever write_mimic takes
    write_mimic(folder / "data", **options)
    write_vocabulary(folder / "athena")
    (folder / "plait.yaml").write_text("study: mi\nvocabulary: athena\nsources:\n  - {name: mimic, kind: mimic, path: data}\n", encoding="utf-8")
    study = plait.open(folder)
    study.run_etl(threads=2)
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    return make(tmp_path_factory.mktemp("mimic"))


def rows(study: plait.Study, query: str) -> list[tuple[Any, ...]]:
    return study.connect().execute(query).fetchall()


def known(study: plait.Study, table: str, column: str, where: str = "true") -> list[tuple[Any, ...]]:
    """Give (source value, when it happened, when it was known) of the rows of a table."""
    start = {"drug_exposure": "drug_exposure_start", "condition_occurrence": "condition_start"}.get(table, table.partition("_")[0])
    return rows(
        study,
        f"SELECT t.{column}, t.{start}_datetime, k.known_time FROM cdm.{table} AS t INNER JOIN plait.row_meta AS k ON k.table_name = '{table}' "
        f"AND k.row_id = t.{table}_id WHERE {where} ORDER BY 2, 1",
    )


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_every_record_of_every_file_has_its_fate(study: plait.Study) -> None:
    ledger = study.status()["ledger"]
    read = {row["file"]: row["read"] for row in ledger}
    assert read == {name.partition("/")[2]: len(records_of(name)) for name in HEADERS}
    assert [row for row in ledger if row["read"] != row["loaded"] + row["merged"] + row["rejected"] + row["ignored"]] == []
    assert [(row["file"], row["reason"], row["records"]) for row in study.status()["reasons"] if row["fate"] == "rejected"] == [
        ("labevents", "unknown_person", 1)
    ]
    assert study.status()["columns"] == []
    rules = {(row["file"], row["reason"]) for row in study.status()["reasons"] if row["fate"] == "ignored" and row["shape"] != "none"}
    assert rules == {
        ("admissions", "left_alive"),
        ("emar", "not_given"),
        ("inputevents", "rewritten"),
        ("patients", "alive"),
        ("transfers", "discharged"),
    }


def test_persons_are_born_by_their_anchor_and_who_is_over_89_is_told(study: plait.Study) -> None:
    found = rows(study, "SELECT person_source_value, year_of_birth, gender_concept_id, race_source_value FROM cdm.person ORDER BY 1")
    assert [(row[0], row[1], row[3]) for row in found] == [
        ("1", 2090, "ASIAN - CHINESE"),
        ("2", 2069, "HISPANIC OR LATINO"),
        ("3", 2107, "WHITE"),
        ("4", 2085, None),
    ]
    assert rows(study, "SELECT count(*) FROM cdm.person WHERE gender_concept_id > 0") == [(4,)]
    over = "SELECT p.person_source_value FROM cdm.observation AS o INNER JOIN cdm.person AS p USING (person_id) WHERE observation_source_value = 'over_89'"
    assert rows(study, over) == [("2",)]


def test_a_death_in_the_hospital_goes_before_the_register(study: plait.Study) -> None:
    assert rows(study, "SELECT death_datetime FROM cdm.death ORDER BY person_id") == [(at("2161-03-05 04:05:00"),), (at("2141-02-01 00:00:00"),)]


def test_stays_are_details_of_their_admission(study: plait.Study) -> None:
    query = (
        "SELECT v.visit_source_value, d.visit_detail_source_value FROM cdm.visit_detail AS d INNER JOIN cdm.visit_occurrence AS v USING (visit_occurrence_id) "
    )
    assert rows(study, query + "WHERE v.visit_source_value IN ('EW EMER.', 'ED') ORDER BY v.person_id, d.visit_detail_id") == [
        ("ED", "Emergency of Nowhere"),
        ("EW EMER.", "EW EMER."),
        ("EW EMER.", "Intensive Care of Nowhere"),
        ("EW EMER.", "Intensive Care of Nowhere"),
        ("EW EMER.", "Ward of Nowhere"),
        ("ED", "Emergency of Nowhere"),
    ]
    charted = (
        "SELECT DISTINCT d.visit_detail_source_value, v.visit_source_value FROM cdm.measurement AS m INNER JOIN cdm.visit_detail AS d USING (visit_detail_id) "
    )
    charted += "INNER JOIN cdm.visit_occurrence AS v ON m.visit_occurrence_id = v.visit_occurrence_id WHERE measurement_source_value = '220045'"
    assert rows(study, charted) == [("Intensive Care of Nowhere", "EW EMER.")]


def test_codes_of_icd_have_their_points_and_are_known_after_the_discharge(study: plait.Study) -> None:
    coded = "SELECT code_system, code FROM plait.study_map WHERE code_system LIKE 'ICD%' ORDER BY ALL"
    assert rows(study, coded) == [
        ("ICD10CM", "E11.9"),
        ("ICD10CM", "I10"),
        ("ICD10PCS", "0SR904A"),
        ("ICD9CM", "250.00"),
        ("ICD9CM", "E885.9"),
        ("ICD9Proc", "39.61"),
    ]
    assert known(study, "condition_occurrence", "condition_source_value") == [
        ("E119", at("2151-05-02 10:00:00"), at("2151-05-09 15:30:00")),
        ("E8859", at("2151-05-02 10:00:00"), at("2151-05-09 15:30:00")),
        ("25000", at("2161-03-01 22:00:00"), at("2161-03-05 04:10:00")),
        ("I10", at("2161-03-01 22:00:00"), at("2161-03-05 04:10:00")),
    ]
    assert known(study, "procedure_occurrence", "procedure_source_value")[1:3] == [
        ("99291", at("2151-05-03 00:00:00"), at("2151-05-09 15:30:00")),
        ("3961", at("2151-05-04 00:00:00"), at("2151-05-09 15:30:00")),
    ]


def test_what_was_stored_later_is_known_later(study: plait.Study) -> None:
    assert known(study, "measurement", "measurement_source_value", "measurement_source_value IN ('50912', '220045', '90201')") == [
        ("50912", at("2151-05-02 12:00:00"), at("2151-05-02 13:40:00")),
        ("220045", at("2151-05-02 15:00:00"), at("2151-05-02 15:22:00")),
        ("90201", at("2151-05-03 08:00:00"), at("2151-05-06 11:00:00")),
    ]
    assert known(study, "note", "note_source_value") == [
        ("RR", at("2151-05-03 10:00:00"), at("2151-05-03 12:30:00")),
        ("DS", at("2151-05-09 00:00:00"), at("2151-05-11 09:12:00")),
    ]


def test_results_keep_value_unit_range_and_sign(study: plait.Study) -> None:
    query = "SELECT measurement_source_value, value_as_number, unit_source_value, range_low, range_high, operator_concept_id IS NOT NULL, value_source_value"
    query += " FROM cdm.measurement WHERE measurement_source_value IN ('50912', '50971', '51006', '223761', '226559') ORDER BY 1"
    assert rows(study, query) == [
        ("223761", 98.6, "°F", 97.0, 99.0, False, "98.6"),
        ("226559", 250.0, "ml", None, None, False, "250"),
        ("50912", 1.1, "mg/dL", 0.4, 1.1, False, "1.1"),
        ("50971", 2.5, "mEq/L", 3.3, 5.1, True, "<2.5"),
        ("51006", None, None, None, None, False, "HAEMOLYSED"),
    ]
    assert rows(study, "SELECT count(*) FROM cdm.measurement WHERE unit_concept_id > 0") == [(5,)]


def test_an_isolate_counts_once_and_each_antibiotic_as_a_result_of_its_own(study: plait.Study) -> None:
    query = "SELECT measurement_source_value, value_source_value, value_as_number FROM cdm.measurement WHERE measurement_source_value LIKE '90%' ORDER BY ALL"
    assert rows(study, query) == [("90015", "S", 0.5), ("90025", "R", 8.0), ("90039", "NO GROWTH.", None), ("90201", "STAPH AUREUS COAG +", None)]


def test_a_blood_pressure_is_two_measurements(study: plait.Study) -> None:
    query = "SELECT measurement_source_value, value_as_number, unit_source_value FROM cdm.measurement WHERE measurement_source_value LIKE '%(%' ORDER BY ALL"
    assert rows(study, query) == [
        ("Blood Pressure (diastolic)", 84.0, "mm[Hg]"),
        ("Blood Pressure (systolic)", 132.0, "mm[Hg]"),
        ("Weight (Lbs)", 151.5, "[lb_av]"),
    ]


def test_drugs_are_known_by_ndc_or_name_and_what_was_not_given_is_left_out(study: plait.Study) -> None:
    query = "SELECT drug_source_value, drug_exposure_start_datetime, drug_exposure_end_datetime, sig FROM cdm.drug_exposure ORDER BY 2, 1"
    assert rows(study, query) == [
        ("00087606005", at("2151-05-02 14:00:00"), at("2151-05-04 14:00:00"), "500 mg BID"),
        ("221906", at("2151-05-02 15:00:00"), at("2151-05-03 16:00:00"), "0.1 mcg/kg/min"),
        ("Metformin", at("2151-05-03 01:00:00"), None, "Administered"),
        ("Metformin", at("2151-05-03 04:00:00"), None, "Administered in Other Location"),
        ("0.9% Sodium Chloride", at("2151-05-03 14:00:00"), None, None),
        ("Aspirin", at("2161-03-01 22:00:00"), None, None),
    ]


def test_notes_are_kept_letter_by_letter(study: plait.Study) -> None:
    texts = [str(row["text"]) for name in ("note/discharge", "note/radiology") for row in records_of(name)]
    assert sorted(text for (text,) in rows(study, "SELECT note_text FROM cdm.note")) == sorted(texts)


def test_trace_leads_to_the_line(study: plait.Study, command: Callable[..., Any]) -> None:
    [(row,)] = rows(study, "SELECT measurement_id FROM cdm.measurement WHERE measurement_source_value = '50912'")
    found = json.loads(command("etl", "trace", "measurement", row, "-s", study.path, "--json").out)
    [record] = found["records"]
    assert record["path"].endswith("hosp/labevents.csv.gz")
    assert (record["record"], record["raw"]["labevent_id"]) == (1, "1")
    assert [(line["code_system"], line["code"]) for line in found["mapping"] if line["attribute"] == "code"] == [("mimic:itemid", "50912")]


def test_items_with_a_loinc_code_are_mapped_by_it(tmp_path: Path) -> None:
    """d_labitems had the column loinc_code before 2.0; a list of the user's may have it again."""
    folder = write_mimic(tmp_path / "data", suffix=".csv")
    file = folder / "hosp" / "d_labitems.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        items = list(csv.DictReader(stream))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [*items[0], "loinc_code"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(item | {"loinc_code": "718-7" if item["itemid"] == "51006" else ""} for item in items)
    file.write_text(out.getvalue(), encoding="utf-8")
    write_vocabulary(tmp_path / "athena")
    (tmp_path / "plait.yaml").write_text("study: mi\nvocabulary: athena\nsources:\n  - {name: mimic, kind: mimic, path: data}\n", encoding="utf-8")
    study = plait.open(tmp_path)
    study.run_etl(threads=2)
    mapped = "SELECT c.concept_code FROM cdm.measurement AS m INNER JOIN cdm.concept AS c ON m.measurement_concept_id = c.concept_id "
    assert rows(study, mapped + "WHERE measurement_source_value = '51006'") == [("718-7",)]


def test_notes_may_be_absent_and_a_rerun_changes_nothing(tmp_path: Path) -> None:
    study = make(tmp_path, notes=False)
    assert rows(study, "SELECT count(*) FROM cdm.note") == [(0,)]
    assert study.run_etl(threads=1).changed is False


def test_the_same_files_in_other_order_and_packing_give_the_same_rows(study: plait.Study, tmp_path: Path) -> None:
    folder = write_mimic(tmp_path / "data", suffix=".csv")
    for file in sorted(folder.rglob("*.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            header, *records = list(csv.reader(stream))
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([header, *reversed(records)])
    for name in ("labevents", "chartevents"):
        [file] = folder.rglob(f"{name}.csv")
        file.with_suffix(".csv.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    write_vocabulary(tmp_path / "athena")
    (tmp_path / "plait.yaml").write_text("study: mi\nvocabulary: athena\nsources:\n  - {name: mimic, kind: mimic, path: data}\n", encoding="utf-8")
    other = plait.open(tmp_path)
    other.run_etl(threads=1)
    assert other.digest() == study.digest()


@pytest.mark.long
def test_new_source_knows_the_layout_and_writes_what_runs(tmp_path: Path, command: Callable[..., Any]) -> None:
    folder = write_mimic(tmp_path / "data")
    report = json.loads(command("etl", "new-source", folder, "-o", tmp_path / "first", "--name", "first", "--json").out)
    assert report["kinds"] == ["mimic"]
    shapes = {file["file"]: file["shapes"] for file in report["files"]}
    assert shapes["admissions"] == ["visit"]
    assert shapes["labevents"] == shapes["chartevents"] == shapes["diagnoses_icd"] == ["event"]
    assert command("etl", "check-source", tmp_path / "first", folder).code == 0
