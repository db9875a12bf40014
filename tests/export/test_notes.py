"""Notes of whole studies: the names that sources tell are nowhere in what leaves, in the demo and in FHIR's bulk data."""

# ruff: noqa: S608 - the tests' own files
from __future__ import annotations

import gzip
import json
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import duckdb
import pytest

import plait
from plait.demo import write_demo
from plait.errors import ExportError
from plait.etl.catalog import open_catalog
from plait.export.deidentify import scrubbing, tables
from plait.export.deidentify.key import ExportKey
from plait.export.deidentify.notes import scrubbed_notes
from plait.export.known.identifiers import gather
from plait.policy_settings import PolicySettings
from plait.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMED = "name"
SCRUB = PolicySettings(notes="scrub", min_cell=2)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small demo in whose notes its patients are named, as letters name them."""
    folder = tmp_path_factory.mktemp("notes") / "study"
    write_demo(folder, persons=20, with_faults=False)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write("policy: {notes: scrub, min_cell: 2}\n")
    told = {row["Id"]: row for row in duckdb.sql(f"FROM '{folder}/data/synthea/patients.csv'").pl().to_dicts()}
    for note in duckdb.sql(f"FROM '{folder}/data/notes/notes.csv'").pl().to_dicts():
        person = told[note["person"]]
        file = folder / "data/notes" / note["file"]
        letter = f"\nRe: {person['FIRST']} {person['LAST'].upper()}, {person['SSN']}, {person['ADDRESS'].upper()}, {person['CITY']}. "
        more = f"{person['FIRST'].lower()} was glad to see Dr. Trialson803. Call 617-555-0142 on 3/14/2019.\n"
        file.write_text(file.read_text(encoding="utf-8") + letter + more, encoding="utf-8")
    plait.open(folder).run_etl()
    return folder


@pytest.fixture(scope="module")
def exported(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give its CDM, exported with a key that is kept."""
    folder = tmp_path_factory.mktemp("packages") / "cdm"
    done = plait.open(study).export_omop(folder, row_level=True, key=NAMED)
    assert done.scrubbed is not None
    assert done.scrubbed.changed == done.scrubbed.notes > 20
    return folder


def test_what_sources_say_of_patients_is_in_no_note(study: Path, exported: Path) -> None:
    texts = "\n".join(row[0] for row in duckdb.sql(f"SELECT note_text FROM '{exported}/note.parquet'").fetchall())
    patients = duckdb.sql(f"FROM '{study}/data/synthea/patients.csv'").pl()
    looked_for = 0
    for column in ("FIRST", "LAST", "MIDDLE", "MAIDEN", "SSN", "DRIVERS", "PASSPORT", "ADDRESS", "CITY"):
        for value in patients[column].drop_nulls().unique():
            looked_for += 1
            assert value.lower() not in texts.lower(), column
    assert looked_for > 100
    assert "617-555" not in texts
    assert "Trialson" not in texts
    assert texts.count("[name]") > 40


def test_dates_in_notes_move_as_those_of_tables_do(study: Path, exported: Path) -> None:
    con = plait.open(study).connect()
    ExportKey.kept(study, NAMED).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    con.execute(f"CREATE VIEW written AS FROM '{exported}/note.parquet'")
    off = con.execute(
        "SELECT count(*), count_if(split_part(w.note_text, chr(10), 2) IS DISTINCT FROM CAST(CAST(split_part(t.note_text, chr(10), 2) AS DATE) + p.shift_days "
        "AS VARCHAR)), count_if(NOT contains(w.note_text, strftime(DATE '2019-03-14' + p.shift_days, '%-m/%d/%Y')) "
        "AND NOT contains(w.note_text, strftime(DATE '2019-03-14' + p.shift_days, '%-m/%-d/%Y'))) "
        "FROM cdm.note AS t JOIN pseudonym AS p USING (person_id) JOIN written AS w ON w.note_id = (p.new_id << 22) + (t.note_id & 4194303)"
    ).fetchone()
    assert off is not None
    assert off[0] > 20
    assert off[1:] == (0, 0)


def test_the_report_tells_kinds_and_rules_and_nothing_else(exported: Path) -> None:
    told = json.loads((exported / "scrubbed.json").read_text(encoding="utf-8"))
    assert set(told) == {"notes", "changed", "model", "found"}
    assert {"kind", "rule", "count"} == set(told["found"][0])
    assert {("name", "known-of-person"), ("date", "year-first"), ("phone", "phone")} <= {(one["kind"], one["rule"]) for one in told["found"]}
    assert "scrubbed.json" in (exported / "SHA256SUMS").read_text(encoding="utf-8")


def test_notes_are_withheld_where_nobody_asks_for_them(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    settings = folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("notes: scrub", "notes: withhold"), encoding="utf-8")
    done = plait.open(folder).export_omop(tmp_path / "out", row_level=True)
    assert done.scrubbed is None
    assert duckdb.sql(f"SELECT DISTINCT note_text FROM '{tmp_path}/out/note.parquet'").fetchall() == [("[withheld]",)]
    assert not (tmp_path / "out/scrubbed.json").exists()


def test_without_the_files_that_name_patients_notes_stay(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    (folder / "data/synthea").rename(folder / "data/gone")
    with pytest.raises(ExportError, match="'ehr': expected its files"):
        plait.open(folder).export_omop(tmp_path / "out", row_level=True)
    settings = folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("notes: scrub", "notes: withhold"), encoding="utf-8")
    assert plait.open(folder).export_omop(tmp_path / "out", row_level=True).unread == ("ehr",)


def test_a_fair_package_says_what_became_of_notes(study: Path, tmp_path: Path) -> None:
    done = plait.open(study).export_fair(tmp_path / "out", row_level=True)
    assert done.scrubbed is not None
    crate = json.loads((tmp_path / "out/ro-crate-metadata.json").read_text(encoding="utf-8"))
    assert "scrubbed.json" in {entity["@id"] for entity in crate["@graph"]}
    assert "free text scrubbed by rules" in (tmp_path / "out/croissant.json").read_text(encoding="utf-8")
    assert plait.open(study).export_fair(tmp_path / "figures").scrubbed is None


def test_processes_scrub_as_one_does(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = plait.open(study)
    assert opened.version is not None
    made = []
    for least in (1 << 40, 0):
        monkeypatch.setattr(scrubbing, "_WORTH_PROCESSES", least)
        with opened.connect() as con:
            tables.prepare(con, ExportKey.kept(study, NAMED), "SELECT person_id FROM cdm.person", 2)
            known = gather(con, study, opened.version, opened.settings, study / "spill")
            with scrubbed_notes(con, study, SCRUB, known, threads=2, progress=silent) as done:
                made.append((done, con.sql("FROM scrubbed_note ORDER BY note_id").fetchall()))
    assert made[0] == made[1]
    assert len(made[0][1]) > 20


def test_nothing_of_the_work_on_notes_is_left(study: Path, exported: Path) -> None:
    assert exported.is_dir()
    assert not list((study / "private").glob("notes-*"))


@pytest.fixture(scope="module")
def bulk(shared: Path, study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection with SMART's bulk data of 13 patients, and their notes scrubbed."""
    folder = tmp_path_factory.mktemp("bulk")
    lines = ["study: bulk", f"vocabulary: {study}/data/athena", "sources:", f"  - {{name: ehr, kind: fhir, path: {shared}/data/fhir/smart-bulk-13,"]
    (folder / "plait.yaml").write_text("\n".join([*lines, '     person_system: "http://hospital.smarthealthit.org"}']) + "\n", encoding="utf-8")
    made = plait.open(folder)
    made.run_etl()
    assert made.version is not None
    with ExitStack() as stack:
        con = stack.enter_context(open_catalog(folder, made.version))
        tables.prepare(con, ExportKey.new(), "SELECT person_id FROM cdm.person", 2)
        known = gather(con, folder, made.version, made.settings, folder / "spill")
        done = stack.enter_context(scrubbed_notes(con, folder, SCRUB, known, threads=1, progress=silent))
        assert done is not None
        assert done.notes > 1000
        yield con


def test_patients_of_fhir_are_named_in_no_note(bulk: duckdb.DuckDBPyConnection, shared: Path) -> None:
    with gzip.open(shared / "data/fhir/smart-bulk-13/Patient.000.ndjson.gz", "rt", encoding="utf-8") as stream:
        patients = [json.loads(line) for line in stream]
    texts = {kind: "\n".join(row[0] for row in bulk.sql(f"SELECT note_text FROM {kind}").fetchall()) for kind in ("cdm.note", "scrubbed_note")}
    names = {name for one in patients for told in one["name"] for name in (told["family"], *told["given"])}
    lines = {line for one in patients for told in one["address"] for line in (told["city"], *told["line"])}
    assert len(names) > 25
    before = sum(texts["cdm.note"].count(name) for name in names | lines)
    assert before > 0
    assert sum(texts["scrubbed_note"].count(name) for name in names | lines) == 0


def test_events_have_the_same_scrubbed_text(study: Path, exported: Path, tmp_path: Path) -> None:
    done = plait.open(study).export_meds(tmp_path / "meds", row_level=True, key=NAMED)
    assert done.scrubbed is not None
    texts = "SELECT text_value FROM '{}/data/**/*.parquet' WHERE text_value IS NOT NULL AND \"table\" = 'note' ORDER BY ALL"
    written = duckdb.sql(f"SELECT note_text FROM '{exported}/note.parquet' ORDER BY ALL").fetchall()
    assert duckdb.sql(texts.format(tmp_path / "meds")).fetchall() == written
