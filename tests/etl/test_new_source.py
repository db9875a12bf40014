"""`plait etl new-source` and `check-source`: what it writes of raw files runs as it is, says why, and shows nobody's data."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plait
from plait.demo.vocabulary import table, write_vocabulary
from plait.duck import connect
from plait.etl.profiling.columns import Column, prepare, profile_column
from plait.etl.profiling.layout import look_at
from plait.etl.sources.folder import SourceRules
from plait.settings import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = list[dict[str, str]]

CODES = [row["concept_code"] for row in table("concepts") if row["vocabulary_id"] == "SNOMED"]
LABS = [row["concept_code"] for row in table("concepts") if row["vocabulary_id"] == "LOINC"]
FIRST_DAY = dt.datetime(2021, 3, 1, 8, 0)  # noqa: DTZ001 - local times, as hospitals write them


def hospital(form: str = "%Y-%m-%d %H:%M", persons: int = 40) -> dict[str, Rows]:
    """Give the files of a made-up hospital: who was there, which stays they had, what was found and measured."""
    pick = random.Random(7)
    patients, stays, labs, diagnoses = [], [], [], []
    for number in range(persons):
        mrn = f"P{number:06d}-{pick.randrange(10**6)}"
        born = dt.datetime(1930 + number, 1 + number % 12, 1 + number % 28)  # noqa: DTZ001
        patients.append({"MRN": mrn, "Surname": f"Xylander{number}", "Sex": "FM"[number % 2], "BirthDate": born.strftime(form.partition(" ")[0])})
        for turn in range(2):
            begin = FIRST_DAY + dt.timedelta(days=30 * turn + number, hours=number % 9)
            stay = f"S{number}{turn}"
            stays.append(
                {"StayID": stay, "MRN": mrn, "AdmitTime": begin.strftime(form), "DischargeTime": (begin + dt.timedelta(days=3)).strftime(form)}
                | {"Class": ("inpatient", "outpatient")[turn]}
            )
            diagnoses.append({"MRN": mrn, "StayID": stay, "DiagnosisDate": begin.strftime(form), "DiagnosisCode": CODES[(number + turn) % len(CODES)]})
            for step in range(4):
                taken = begin + dt.timedelta(hours=6 * step)
                labs.append(
                    {"MRN": mrn, "StayID": stay, "CollectedTime": taken.strftime(form), "ReportedTime": (taken + dt.timedelta(hours=2)).strftime(form)}
                    | {"TestCode": LABS[step % len(LABS)], "Result": f"{10 + number / 7:.3f}", "Unit": "mg/dL"}
                )
    return {"patients": patients, "stays": stays, "labs": labs, "diagnoses": diagnoses}


def text_of(rows: Rows, delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, rows[0], delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def write(folder: Path, files: dict[str, Rows], delimiter: str = ",", encoding: str = "utf-8", suffix: str = ".csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        data = text_of(rows, delimiter).encode(encoding)
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    return folder


def rules_of(folder: Path) -> SourceRules:
    return parse_yaml(SourceRules, (folder / "source.yaml").read_text(encoding="utf-8"), folder)


def tried(command: Callable[..., Any], source: object, *arguments: object) -> dict[str, Any]:
    result = command("etl", "check-source", source, *arguments, "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return {f"{shape['file']}.{shape['shape']}": shape for shape in found["shapes"]} | {"": found}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write(tmp_path / "emr", hospital())


def test_what_is_written_runs_as_it_is(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    result = command("etl", "new-source", raw, "-s", tmp_path)
    assert result.code == 0, result.err
    folder = tmp_path / "sources" / "emr"
    assert sorted(path.name for path in folder.iterdir()) == [
        "diagnoses.event.sql",
        "labs.event.sql",
        "patients.person.sql",
        "source.yaml",
        "source_to_concept_map.csv",
        "stays.visit.sql",
    ]
    shapes = tried(command, folder, raw)
    checks = {(row["check_id"], row["status"]) for row in shapes[""]["checks"]}
    assert {("sourceUnique.emr.patients.MRN", "PASS"), ("sourceReference.emr.labs.MRN", "PASS"), ("sourceType.emr.labs.CollectedTime", "PASS")} <= checks
    assert {status for _, status in checks} == {"PASS"}
    assert {name: (shape["records"], shape["rows"], shape["rejected"]) for name, shape in shapes.items() if name} == {
        "diagnoses.event": (80, 80, {}),
        "labs.event": (320, 320, {}),
        "patients.person": (40, 40, {}),
        "stays.visit": (80, 80, {}),
    }
    write_vocabulary(tmp_path / "athena")
    (tmp_path / "plait.yaml").write_text("study: new\nvocabulary: athena\nsources:\n  - {name: emr, kind: ./sources/emr, path: emr}\n", encoding="utf-8")
    study = plait.open(tmp_path)
    study.run_etl(threads=2)
    con = study.connect()
    assert con.execute("SELECT count(*) FROM cdm.person WHERE gender_concept_id > 0").fetchone() == (40,)
    assert con.execute("SELECT count(*) FROM cdm.visit_occurrence").fetchone() == (80,)
    known = "SELECT count(*), min(k.known_time - m.measurement_datetime) FROM cdm.measurement AS m INNER JOIN plait.row_meta AS k "
    known += "ON k.table_name = 'measurement' AND k.row_id = m.measurement_id WHERE m.measurement_concept_id > 0 AND m.value_as_number IS NOT NULL"
    assert con.execute(known).fetchone() == (320, dt.timedelta(hours=2))
    again = command("etl", "new-source", raw, "-o", tmp_path / "looked_up", "-s", tmp_path, "--name", "emr")
    assert again.code == 0
    assert "the vocabulary has all of them" in (tmp_path / "looked_up" / "labs.event.sql").read_text(encoding="utf-8")


def test_nobody_is_shown(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    folder = tmp_path / "out"
    said = [command("etl", "new-source", raw, "-o", folder), command("etl", "new-source", raw, "-o", folder, "--force", "--json")]
    said += [command("etl", "check-source", folder, raw), command("etl", "check-source", folder, raw, "--json")]
    everything = "".join(result.out + result.err for result in said) + "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    values = {value for rows in hospital().values() for row in rows for value in row.values()} - {"F", "M", "inpatient", "outpatient", "mg/dL"}
    assert [value for value in sorted(values) if value in everything] == []


def test_values_are_shown_where_they_are_common_and_asked_for(tmp_path: Path, command: Callable[..., Any]) -> None:
    files = hospital()
    for number, row in enumerate(files["stays"]):
        row["Ward"] = "ORTHO-9" if number < 10 else "CARDIO-4"
    raw = write(tmp_path / "emr", files)
    assert command("etl", "new-source", raw, "-o", tmp_path / "out", "--values").code == 0
    text = (tmp_path / "out" / "source.yaml").read_text(encoding="utf-8")
    assert '"CARDIO-4" (70)' in text
    assert "ORTHO-9" not in text
    assert "Xylander" not in text


LAYOUTS = {
    "semicolons": (";", "utf-8", ".csv"),
    "tabs": ("\t", "utf-8", ".tsv"),
    "bars": ("|", "utf-8", ".txt"),
    "carets": ("^", "utf-8", ".csv"),
    "a mark": (",", "utf-8-sig", ".csv"),
    "Latin-1": (";", "latin-1", ".csv"),
    "Windows-1252": (";", "cp1252", ".csv"),
    "UTF-16": (",", "utf-16", ".csv"),
    "UTF-16 without a mark": (",", "utf-16-le", ".csv"),
    "gzip": (",", "utf-8", ".csv.gz"),
    "gzip of Latin-1": ("\t", "latin-1", ".tsv.gz"),
}


@pytest.mark.long
@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_are_read_as_they_are_written(layout: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    delimiter, encoding, suffix = LAYOUTS[layout]
    files = hospital()
    for rows in files.values():
        for row in rows:
            row["Remark"] = 'two\nlines, a "quote"; a | and a \t' + ("\u20ac" if encoding == "cp1252" else "\u00e9")
    raw = write(tmp_path / "emr", files, delimiter, encoding, suffix)
    assert command("etl", "new-source", raw, "-o", tmp_path / "out").code == 0
    shapes = tried(command, tmp_path / "out", raw)
    assert {name: (shape["records"], shape["rows"]) for name, shape in shapes.items() if name} == {
        "diagnoses.event": (80, 80),
        "labs.event": (320, 320),
        "patients.person": (40, 40),
        "stays.visit": (80, 80),
    }


def test_each_file_may_be_written_in_its_own_way(tmp_path: Path, command: Callable[..., Any]) -> None:
    files = hospital()
    raw = write(tmp_path / "emr", {"stays": files["stays"]}, ";", "latin-1")
    write(raw, {"patients": files["patients"]}, "\t", "utf-16")
    (raw / "patients.csv").write_bytes(("# extracted by night\n" + text_of(files["patients"], "\t")).encode("utf-16"))
    write(raw / "2022", {"labs_2022": files["labs"][:100]}, "|", suffix=".csv.gz")
    write(raw / "2023", {"labs_2023": files["labs"][100:]}, "|", suffix=".csv.gz")
    pq.write_table(pa.Table.from_pylist(files["diagnoses"]), raw / "diagnoses.parquet")
    assert command("etl", "new-source", raw, "-o", tmp_path / "out").code == 0
    rules = rules_of(tmp_path / "out")
    assert sorted(rules.files) == ["diagnoses", "labs", "patients", "stays"]
    shapes = tried(command, tmp_path / "out", raw)
    assert {name: (shape["records"], shape["rows"]) for name, shape in shapes.items() if name} == {
        "diagnoses.event": (80, 80),
        "labs.event": (320, 320),
        "patients.person": (40, 40),
        "stays.visit": (80, 80),
    }


@pytest.mark.parametrize(
    "form", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d-%b-%Y %H:%M", "%d%b%Y:%H:%M:%S", "%Y%m%d%H%M%S", "%m/%d/%y %I:%M %p"]
)
def test_times_are_read_by_their_format(form: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    files = hospital(form)
    for row, other in zip(files["patients"], hospital()["patients"], strict=True):
        row["BirthDate"] = other["BirthDate"]
    raw = write(tmp_path / "emr", files)
    assert command("etl", "new-source", raw, "-o", tmp_path / "out").code == 0
    shapes = tried(command, tmp_path / "out", raw)
    assert {name: (shape["rows"], shape["rejected"]) for name, shape in shapes.items() if name} == {
        "diagnoses.event": (80, {}),
        "labs.event": (320, {}),
        "patients.person": (40, {}),
        "stays.visit": (80, {}),
    }
    assert form in rules_of(tmp_path / "out").time_formats


def test_days_and_months_the_other_way_round_in_one_file_are_read_there(tmp_path: Path, command: Callable[..., Any]) -> None:
    files = hospital("%d/%m/%Y %H:%M") | {"labs": hospital("%m/%d/%Y %H:%M")["labs"]}
    raw = write(tmp_path / "emr", files)
    assert command("etl", "new-source", raw, "-o", tmp_path / "out").code == 0
    shapes = tried(command, tmp_path / "out", raw)
    assert (shapes["labs.event"]["rows"], shapes["stays.visit"]["rows"]) == (320, 80)
    assert "here months come first" in (tmp_path / "out" / "labs.event.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p"])
def test_times_that_are_all_midnight_are_days(form: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    """A day is known at its end; where one time of a column is not midnight, all are times."""
    files = {name: hospital(form)[name] for name in ("patients", "labs")}
    day = dt.datetime(2021, 5, 1)  # noqa: DTZ001 - local, as files have it
    for number, row in enumerate(files["labs"]):
        row["CollectedTime"] = row["ReportedTime"] = (day + dt.timedelta(days=number % 300)).strftime(form)
    for name, hour, at in (("days", 0, "23:59:59"), ("times", 7, "00:00:00")):
        files["labs"][0]["CollectedTime"] = files["labs"][0]["ReportedTime"] = day.replace(hour=hour).strftime(form)
        assert command("etl", "new-source", write(tmp_path / f"{name}-raw", files), "-o", tmp_path / name, "--name", "emr").code == 0
        study = tmp_path / f"study-{name}"
        write_vocabulary(study / "data" / "athena")
        source = f"sources: [{{name: emr, kind: {tmp_path / name}, path: {tmp_path / f'{name}-raw'}}}]"
        (study / "plait.yaml").write_text(f"study: midnight\nvocabulary: data/athena\n{source}\n", encoding="utf-8")
        assert command("etl", "run", "-s", study, "-q").code == 0
        known = plait.open(study).table("plait.row_meta").filter(pl.col("table_name") == "measurement")["known_time"]
        assert known.dt.to_string("%H:%M:%S").mode().to_list() == [at]


def test_the_order_of_records_does_not_matter(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    shuffled = hospital()
    for rows in shuffled.values():
        random.Random(3).shuffle(rows)
    write(tmp_path / "other", shuffled)
    for source, out in ((raw, "a"), (tmp_path / "other", "b")):
        assert command("etl", "new-source", source, "-o", tmp_path / out, "--name", "emr").code == 0
    assert {p.name: p.read_text() for p in (tmp_path / "a").iterdir()} == {p.name: p.read_text() for p in (tmp_path / "b").iterdir()}


def parquet_of(names: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table([pa.array(["1"])] * len(names), names=names), sink)
    return sink.getvalue()


WRONG = {
    "empty.csv": (b"", "it is empty"),
    "headless.csv": (b"1,2020-01-01\n2,2020-01-02\n", "no header"),
    "twice.csv": (b"a,A,b\n1,2,3\n", "one name twice"),
    "taken.csv": (b"a,_Fault\n1,2\n", "a name that plait gives to a record"),
    "broken.csv.gz": (gzip.compress(b"a,b\n" + b"1,2\n" * 9000)[:60], "cannot be read"),
    "picture.png": (b"\x89PNG", "no table"),
    "torn.parquet": (b"PAR1", "no Parquet file"),
    "twice.parquet": (parquet_of(["a", "A"]), "one name twice"),
    "taken.parquet": (parquet_of(["a", "_pointer"]), "a name that plait gives to a record"),
}


def test_what_cannot_be_read_is_told(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    for name, (data, _) in WRONG.items():
        (raw / name).write_bytes(data)
    result = command("etl", "new-source", raw, "-o", tmp_path / "out", "--json")
    assert result.code == 0, result.err
    told = {row["file"]: row["why"] for row in json.loads(result.out)["unread"]}
    assert told.keys() == WRONG.keys()
    assert [name for name, (_, words) in WRONG.items() if words not in told[name]] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "no such file or folder"),
        (("empty",), "nothing of the kind"),
        (("emr", "-o", "emr"), "one with files"),
        (("emr", "--name", "Our EMR"), "small letters"),
    ],
)
def test_wrong_use_is_refused(
    arguments: tuple[str, ...], words: str, raw: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del raw
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    result = command("etl", "new-source", *arguments)
    assert result.code == 2
    assert words in result.err
    assert not (tmp_path / "sources").exists()


def test_a_record_without_a_fate_is_found(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    folder = tmp_path / "out"
    command("etl", "new-source", raw, "-o", folder)
    select = folder / "labs.event.sql"
    select.write_text(select.read_text(encoding="utf-8") + "WHERE r.Result > '12'\n", encoding="utf-8")
    before = sorted(path for path in tmp_path.rglob("*"))
    result = command("etl", "check-source", folder, raw)
    assert result.code == 1
    assert "labs.event.sql: expected a row for each of 320 records" in result.out
    assert "stays" in result.out
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_rejected_records_are_shown_by_place_and_with_values_on_request(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    folder = tmp_path / "out"
    command("etl", "new-source", raw, "-o", folder)
    lines = (raw / "labs.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    lines[5] = lines[5].replace(lines[5].split(",")[2], "31/31/2021")
    (raw / "labs.csv").write_text("".join(lines), encoding="utf-8")
    plain, shown = command("etl", "check-source", folder, raw), command("etl", "check-source", folder, raw, "--show-values")
    assert "labs.csv, record 5, as event: invalid_time, column start" in plain.out
    assert "31/31/2021" not in plain.out + plain.err
    assert "31/31/2021" in shown.out


def test_a_source_of_the_study_is_checked_by_its_name(demo_study: Path, command: Callable[..., Any]) -> None:
    shapes = tried(command, "ehr", "-s", demo_study)
    ledger = {(row["source"], f"{row['file']}.{row['shape']}"): row for row in plait.open(demo_study).status()["ledger"]}
    for name, shape in shapes.items():
        if name:
            row = ledger["ehr", name]
            assert (shape["records"], sum(shape["ignored"].values())) == (row["read"], row["ignored"]), name
    codes = {row["code_system"]: row for row in shapes[""]["codes"]}
    assert 0 < codes["SNOMED-CT"]["mapped"] <= codes["SNOMED-CT"]["codes"]
    assert tried(command, "letters", "-s", demo_study)[""]["notes"] == []


def test_nothing_is_written_of_a_folder_that_is_one_input(tmp_path: Path, command: Callable[..., Any]) -> None:
    (tmp_path / "fhir").mkdir()
    patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:mrn", "value": "1"}], "birthDate": "1970-01-01"}
    (tmp_path / "fhir" / "Patient.ndjson").write_text(json.dumps(patient) + "\n", encoding="utf-8")
    (tmp_path / "plait.yaml").write_text("study: f\nsources:\n  - {name: f, kind: fhir, path: fhir, person_system: 'urn:mrn'}\n", encoding="utf-8")
    shapes = tried(command, "f", "-s", tmp_path)
    assert shapes["Patient.person"]["rows"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fhir", "plait.yaml"]


def test_without_anybody_to_know_records_are_tried_all_the_same(raw: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    folder = tmp_path / "out"
    command("etl", "new-source", raw, "-o", folder)
    (raw / "patients.csv").unlink()
    (folder / "source.yaml").write_text((folder / "source.yaml").read_text(encoding="utf-8").replace("\n    required: true\n", "\n"), encoding="utf-8")
    shapes = tried(command, folder, raw)
    assert shapes["labs.event"]["rows"] == 320
    assert "tried as if all persons were known" in shapes[""]["notes"][0]


ODD: dict[str, tuple[str, int, int]] = {
    "order.csv": ('patient id,"select",Gr\u00f6\u00dfe,"a""b",date\n1,A,1.5,q,2020-01-01\n2,B,2.5,r,2020-01-02\n', 2, 0),
    "options.csv": ("patient_id,date,code\n1,2020-01-01,A\n2,2020-01-02,B\n2,2020-01-02,B\n", 3, 0),
    "crosswalk.csv": ("patient_id,date,code\n1,2020-01-01,A\n2,2020-01-02,B\n", 2, 0),
    "profiled.csv": ("patient_id,date,code\n1,2020-01-01,A\n2,2020-01-02,B\n", 2, 0),
    "Labs.2023.v2.csv": ("patient_id,date,code\n1,2020-01-01,A\n", 1, 0),
    "2023.csv": ("patient_id,date,code\n1,2020-01-01,A\n", 1, 0),
    "nul.csv": ("patient_id,date,code\n1,2020-01-01,A\0\n2,2020-01-02,B\n", 2, 1),
    "ragged.csv": ("patient_id,date,code\n1,2020-01-01\n2,2020-01-02,B,extra\n1,2020-01-01,C\n", 3, 2),
    "unnamed.csv": (",patient_id,date,code\n0,1,2020-01-01,A\n1,2,2020-01-02,B\n", 2, 0),
    "its.csv": ("patient_id,date,it's a code\n1,2020-01-01,A\n2,2020-01-01,B\n1,2020-01-03,A\n", 3, 0),
    "two_columns.csv": ("patient_id,collection_date,collection_time,value,test\n1,01/02/2020,08:15,1,K\n2,13/02/2020,09:20,2,K\n", 2, 0),
    "commas.csv": ("patient_id;date;value;item\r\n1;03.04.2020;1.234,5;K\r\n2;15.04.2020;2,5;K\r\n", 2, 0),
    "wide.csv": ("patient_id,date," + ",".join(f"v{n}" for n in range(80)) + "\n1,2020-01-01" + ",1.5" * 80 + "\n", 1, 0),
}


def test_odd_files_do_no_harm(tmp_path: Path, command: Callable[..., Any]) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, (text, _, _) in ODD.items():
        (raw / name).write_bytes(text.encode())
    (raw / "patients.csv").write_text("patient_id,birth_date\n1,1980-01-01\n2,1990-02-02\n", encoding="utf-8")
    told = json.loads(command("etl", "new-source", raw, "-o", tmp_path / "out", "--json").out)
    assert told["unread"] == []
    shapes = tried(command, tmp_path / "out", raw)
    found = {shape["file"].removeprefix("file_"): (shape["records"], sum(shape["rejected"].values())) for name, shape in shapes.items() if name}
    names = {name: name.removesuffix(".csv").lower().replace(".", "_") for name in ODD}
    assert found == {"patients": (2, 0)} | {names[name]: (records, rejected) for name, (_, records, rejected) in ODD.items()}
    assert {check["status"] for check in shapes[""]["checks"]} == {"PASS"}
    values = {shape["file"]: shape["unparsed"] for name, shape in shapes.items() if name}
    assert values["commas"] == 0
    assert shapes["wide.event"]["rows"] == 60


def profiled(values: list[str], name: str = "column") -> Column:
    with connect(threads=1) as con:
        prepare(con)
        con.execute("CREATE TEMP TABLE raw AS SELECT unnest($values) AS value, CAST(NULL AS VARCHAR) AS _fault", {"values": values})
        con.execute(f'ALTER TABLE raw RENAME value TO "{name}"')
        return profile_column(con, "raw", name, len(values), len(values))


def test_check_digits_are_those_of_the_terminologies(shared: Path) -> None:
    with connect(threads=1) as con:
        prepare(con)
        con.execute(
            "CREATE TABLE code AS SELECT * FROM read_csv($file, all_varchar = true)", {"file": str(shared / "data/vocabulary/tutorial-2025/CONCEPT.csv")}
        )
        rows = con.execute(
            "SELECT vocabulary_id, count(*) FILTER (plait_is_sctid(concept_code)) / count(*), count(*) FILTER (plait_is_loinc(concept_code)) / count(*) "
            "FROM code WHERE vocabulary_id IN ('SNOMED', 'LOINC', 'RxNorm', 'CVX') GROUP BY ALL HAVING count(*) > 20"
        ).fetchall()
        found = {name: shares for name, *shares in rows}
        assert found["SNOMED"][0] == 1
        assert found["RxNorm"][0] < 0.01
        assert all(shares[1] == (1 if name == "LOINC" else 0) for name, shares in found.items())


@given(st.sampled_from(CODES), st.data())
@settings(max_examples=60, deadline=None)
def test_a_wrong_digit_or_two_that_changed_places_are_no_snomed_code(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code) - 4))
    digit = data.draw(st.sampled_from([d for d in "123456789" if d != code[place]]))
    wrong = code[:place] + digit + code[place + 1 :]
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    with connect(threads=1) as con:
        prepare(con)
        row = con.execute("SELECT plait_is_sctid($1), plait_is_sctid($2), plait_is_sctid($3)", [code, wrong, swapped]).fetchone()
    assert row == (True, False, swapped == code)


@pytest.mark.parametrize(
    ("name", "values", "system"),
    [
        ("code", CODES, "SNOMED"),
        ("test", LABS, "LOINC"),
        ("diagnosis_code", ["E119", "I2510", "S72001A", "Z9981"], "ICD10CM"),
        ("icd_code", ["E11.9", "I25.10", "S72.001A", "Z99.81"], "ICD10CM"),
        ("icd9", ["25000", "4019", "V5861", "E8859"], "ICD9CM"),
        ("ndc", ["0002-8215-01", "50242-040-62", "60575-4112-1"], "NDC"),
        ("atc", ["A10BA02", "C09AA05", "N02BE01"], "ATC"),
        ("hcpcs_cd", ["J1100", "G0378", "A4253"], "HCPCS"),
        ("cpt", ["99213", "0001F", "80053"], "CPT4"),
        ("rxcui", ["860975", "314076", "308136"], "RxNorm"),
        ("histology", ["8140/3", "8070/3", "8500/2"], "ICDO3"),
    ],
)
def test_code_systems_are_known_by_the_shape_of_their_codes(name: str, values: list[str], system: str) -> None:
    from plait.etl.profiling.guess import codes_of
    from plait.etl.profiling.profile import RawFile

    guess = codes_of(profiled(values * 3, name), RawFile("any", ()))
    assert guess is not None
    assert guess.system == system


def test_a_date_whose_month_comes_first_stays_a_date_and_two_digits_of_a_year_are_told_of(tmp_path: Path, command: Callable[..., Any]) -> None:
    born = [{"MRN": f"P{n}", "BirthDate": f"{n + 1:02}/{n % 12 + 1:02}/70"} for n in range(28)]
    labs = [{"MRN": f"P{n}", "LabDate": f"{n % 12 + 1:02}/{n + 1:02}/2020", "TestCode": LABS[0], "Result": "1.5"} for n in range(28)]
    write(tmp_path / "emr", {"patients": born, "labs": labs})
    assert command("etl", "new-source", tmp_path / "emr", "-s", tmp_path).code == 0
    assert "00 to 68 as 2000 to 2068" in (tmp_path / "sources" / "emr" / "patients.person.sql").read_text(encoding="utf-8")
    write_vocabulary(tmp_path / "athena")
    (tmp_path / "plait.yaml").write_text("study: new\nvocabulary: athena\nsources:\n  - {name: emr, kind: ./sources/emr, path: emr}\n", encoding="utf-8")
    study = plait.open(tmp_path)
    study.run_etl(threads=1)
    known = study.connect().execute("SELECT count(*), min(known_time), max(known_time) FROM plait.row_meta WHERE table_name = 'measurement'").fetchone()
    assert known == (28, dt.datetime(2020, 1, 1, 23, 59, 59, 999999), dt.datetime(2020, 12, 24, 23, 59, 59, 999999))  # noqa: DTZ001


def test_codes_get_their_point_where_some_lack_it() -> None:
    from plait.etl.profiling.guess import codes_of
    from plait.etl.profiling.profile import RawFile

    expressions = [codes_of(profiled([*values, "I10", "J45"], "icd_code"), RawFile("any", ())) for values in (["E11.9", "C50.9"], ["E11.9", "C509"])]
    assert [guess and guess.expression for guess in expressions] == ["{}", "plait_icd10({})"]


@pytest.mark.parametrize("values", [["1", "2", "3"], ["12.5", "13.1", "900.25"], ["A1", "B2", "C3"], ["2021-01-01", "2021-01-02"], ["Ward 7", "Ward 8"]])
def test_what_is_no_code_is_not_taken_for_one(values: list[str]) -> None:
    from plait.etl.profiling.guess import codes_of
    from plait.etl.profiling.profile import RawFile

    assert codes_of(profiled(values * 3, "column"), RawFile("any", ())) is None


@pytest.mark.parametrize("unit", ["mg/dL", "mmol/L", "10*3/uL", "%", "mm[Hg]", "Cel", "g", "mL/min/{1.73_m2}", "[iU]/L", "kg/m2", "/[HPF]", "ug/kg/min"])
def test_units_are_known_by_their_grammar(unit: str) -> None:
    assert profiled([unit], "unit").units == 1


def test_look_at_tells_quotes_apart(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,words\n1,'a, b'\n2,'c, d'\n", encoding="utf-8")
    assert (look_at(file, tmp_path).quote, look_at(file, tmp_path).delimiter) == ("'", ",")
    file.write_text('id|words\n1|"5" pipe\n2|"6" pipe\n', encoding="utf-8")
    assert (look_at(file, tmp_path).quote, look_at(file, tmp_path).delimiter) == ("", "|")
