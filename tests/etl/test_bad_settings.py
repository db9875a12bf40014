"""A misspelt key, a wrong value or a source folder that does not work is refused with its place and the nearest right thing."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import plait
from plait.errors import BooksError, ConfigError, PlaitError, StudyError
from shell import command
from tiny_study import FILES, SECRETS, SETTINGS, Tiny, answers

if TYPE_CHECKING:
    from pathlib import Path

BAD_SETTINGS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "misspelt key": ("vocabulary:", "vocabulry:", ("plait.yaml:2", "a key that plait knows", "'vocabulry'", "Did you mean 'vocabulary'?")),
    "key without a neighbour": ("study:", "xyzzy: 1\nstudy:", ("plait.yaml:1", "'xyzzy'", "Known keys: cohorts, consent, features, genes, ", "vocabulary.")),
    "key twice": ("vocabulary:", "vocabulary: elsewhere\nvocabulary:", ("plait.yaml:3", "each key once", "'vocabulary'", "Remove")),
    "misspelt key of a source": ("path:", "encodng: utf-8, path:", ("plait.yaml", "source 'ehr'", "'encodng'", "Did you mean 'encoding'?")),
    "misspelt kind": ("kind: synthea", "kind: synthia", ("plait.yaml", "a kind of source that plait knows", "'synthia'", "Did you mean 'synthea'?")),
    "folder for a kind that is not there": ("kind: synthea", "kind: ./sources/ours", ("sources/ours/source.yaml", "no readable file", "Write one")),
    "one name twice": (
        "  - {name: ehr, kind",
        "  - {name: ehr, kind: synthea, path: data/other}\n  - {name: ehr, kind",
        ("plait.yaml", "two sources of one name: ehr"),
    ),
    "no path": (", path: data/synthea", "", ("plait.yaml:4", "the key 'sources.0.path'", "Add it")),
    "misspelt path": (", path: data/synthea", ", pth: data/synthea", ("plait.yaml:4", "the key 'sources.0.path'", "'pth'", "Did you mean 'path'?")),
    "no sources": ("  - {name: ehr, kind: synthea, path: data/synthea}\n", "  []\n", ("plait.yaml", "at least one source", "Add one under 'sources'")),
    "name that is no name": ("name: ehr", "name: EHR 1", ("plait.yaml:4", "sources.0.name", "Mend the value")),
    "study name that is no name": ("study: tiny", "study: ../tiny", ("plait.yaml:1", "'study'", "Mend the value")),
    "delimiter of two characters": ("path:", 'delimiter: "::", path:', ("plait.yaml:4", "sources.0.delimiter", "at most 1 character")),
    "unknown encoding": ("path:", "encoding: latin-99, path:", ("plait.yaml:4", "sources.0.encoding", "no encoding of this name", "Mend")),
    "misspelt time zone": ("sources:", "time_zone: Europe/Brusels\nsources:", ("plait.yaml:3", "'time_zone'", "nearest is Europe/Brussels")),
    "number that is none": ("sources:", "shard_persons: many\nsources:", ("plait.yaml:3", "'shard_persons'", "integer")),
    "mappings that are not there": ("sources:", "mappings: [ours.csv]\nsources:", ("ours.csv", "a file of mappings", "Mend 'mappings'")),
    "no YAML": ("sources:", "sources: [", ("plait.yaml:", "expected YAML", "Mend the line")),
    "tab": ("  - {name", "\t- {name", ("plait.yaml:4", "expected YAML", "Mend the line")),
    "a list": (SETTINGS, "- study\n", ("plait.yaml", "a mapping of keys to values", "list")),
    "nothing": (SETTINGS, "", ("plait.yaml", "a mapping of keys to values", "nothing")),
    "notes without a person system": (
        "  - {name: ehr",
        "  - {name: letters, kind: notes, path: data/notes}\n  - {name: ehr",
        ("plait.yaml", "source 'letters'", "the key 'person_system'", "for example 'person_system: synthea'"),
    ),
    "column that no SELECT knows": (
        "  - {name: ehr",
        "  - {name: letters, kind: notes, path: data/notes, person_system: synthea, columns: {peron: PATIENT}}\n  - {name: ehr",
        ("plait.yaml", "source 'letters'", "'peron'", "Did you mean 'person'?"),
    ),
}


def _refused(study: Tiny, error: type[PlaitError], code: int, fragments: tuple[str, ...]) -> None:
    """See a study refuse to run, with the version before unharmed and nothing told of patients."""
    before = answers(study.path)
    with pytest.raises(error) as caught:
        study.run()
    assert all((caught.value.where, caught.value.expected, caught.value.got, caught.value.todo))
    shown = study.plait("run")
    assert (shown.code, shown.out, shown.err) == (code, "", f"plait: {caught.value}\n")
    assert [fragment for fragment in fragments if fragment not in shown.err] == [], shown.err
    assert [secret for secret in SECRETS if secret in shown.err] == []
    assert study.versions() == ["000001.json"]
    assert not list((study.path / "warehouse").rglob("*.tmp"))
    assert answers(study.path) == before


@pytest.mark.parametrize("fault", BAD_SETTINGS)
def test_bad_settings_stop_the_run(tiny: Tiny, fault: str) -> None:
    right, wrong, fragments = BAD_SETTINGS[fault]
    assert right in SETTINGS
    tiny.settings(SETTINGS.replace(right, wrong, 1))
    (tiny.path / "data" / "notes").mkdir()
    (tiny.path / "data" / "notes" / "notes.csv").write_text("person,datetime,text\n", encoding="utf-8")
    _refused(tiny, ConfigError, 2, fragments)


RULES = """\
kind: ours
description: An EMR of our own
person_system: synthea
files:
  diagnoses:
    required: true
    needs: [patient, day, code, words]
"""
SELECT = """\
-- One row: a diagnosis.
SELECT
    _pointer,
    patient AS person,
    day AS start,
    code,
    'SNOMED' AS code_system,
    'Condition' AS domain
FROM diagnoses
"""
DIAGNOSES = (
    "patient,day,code,words\nMRN-4711,2021-05-04,49727002,Zebulon coughs\nMRN-4712,2021-05-05,271737000,Perpetua is pale\nMRN-4713,2021-05-06,49727002,\n"
)


def _with_own_source(study: Tiny, select: str = SELECT, rules: str = RULES, name: str = "diagnoses.event.sql") -> Tiny:
    """Add a source folder of the user's own to a study."""
    folder = study.path / "sources" / "ours"
    folder.mkdir(parents=True)
    (folder / "source.yaml").write_text(rules, encoding="utf-8")
    (folder / name).write_text(select, encoding="utf-8")
    (study.path / "data" / "ours").mkdir()
    (study.path / "data" / "ours" / "diagnoses.csv").write_text(DIAGNOSES, encoding="utf-8")
    study.settings(SETTINGS + "  - {name: legacy, kind: ./sources/ours, path: data/ours}\n")
    return study


def test_source_of_ones_own_runs(tiny: Tiny) -> None:
    study = _with_own_source(tiny).run()
    assert study.table("condition_occurrence").height == 4 + 3


SELECT_FILE = "diagnoses.event.sql"
BAD_SELECTS: dict[str, tuple[str, str, type[PlaitError], int, tuple[str, ...]]] = {
    "drops records": (
        "FROM diagnoses",
        "FROM diagnoses WHERE words IS NOT NULL",
        BooksError,
        1,
        (f"{SELECT_FILE} on diagnoses.csv", "a row for each of 3 records", "rows for 2", "Use a LEFT JOIN"),
    ),
    "column that the shape lacks": (
        "day AS start",
        "day AS strat",
        ConfigError,
        2,
        (SELECT_FILE, "columns of the shape 'event'", "'strat'", "Did you mean 'start'?"),
    ),
    "column that is needed": ("    day AS start,\n", "", ConfigError, 2, (SELECT_FILE, "the column 'start'", "a SELECT without it", "Add it")),
    "no pointer": ("    _pointer,\n", "", ConfigError, 2, (SELECT_FILE, "the column '_pointer'", "Add it")),
    "syntax error": ("SELECT", "SELEKT", ConfigError, 2, (SELECT_FILE, "a SELECT", "Mend the SELECT")),
    "two statements": ("FROM diagnoses", "FROM diagnoses; DROP TABLE crosswalk", ConfigError, 2, (SELECT_FILE, "one SELECT", "several", "Mend the SELECT")),
    "column that source.yaml lacks": (
        "code,",
        "coalesce(icd, code) AS code,",
        ConfigError,
        2,
        (SELECT_FILE, "a SELECT that runs on the file's columns", "icd", "declare the column it needs in source.yaml"),
    ),
    "cast that fails": (
        "code,",
        "CAST(words AS INTEGER) AS code,",
        ConfigError,
        2,
        (f"{SELECT_FILE} on diagnoses.csv", "a SELECT that runs on every record", "ConversionException", "try_cast"),
    ),
    "row for a record that is none": (
        "_pointer,",
        "{'record': _pointer.record + 7, 'digest': _pointer.digest} AS _pointer,",
        BooksError,
        1,
        (f"{SELECT_FILE} on diagnoses.csv", "pointers to records from 1 to 3", "3 others", "Yield `_pointer` as the file gives it"),
    ),
}


@pytest.mark.parametrize("fault", BAD_SELECTS)
def test_bad_select_stops_the_run(tiny: Tiny, fault: str) -> None:
    right, wrong, error, code, fragments = BAD_SELECTS[fault]
    assert right in SELECT
    _refused(_with_own_source(tiny, SELECT.replace(right, wrong, 1)), error, code, fragments)


def test_bad_select_stops_the_run_even_where_all_is_staged(tiny: Tiny) -> None:
    _with_own_source(tiny).run()
    (tiny.path / "sources" / "ours" / SELECT_FILE).write_text(SELECT.replace("start", "strat"), encoding="utf-8")
    assert tiny.plait("etl", "run").code == 2
    assert tiny.versions() == ["000001.json", "000002.json"]


@pytest.mark.parametrize(
    ("rules", "name", "fragments"),
    [
        (RULES.replace("needs", "need"), SELECT_FILE, ("source.yaml:7", "'files.diagnoses.need'", "Did you mean 'needs'?")),
        (RULES.replace("files", "fils"), SELECT_FILE, ("source.yaml:4", "the key 'files'", "'fils'", "Did you mean 'files'?")),
        (RULES + "delimiter: ', '\n", SELECT_FILE, ("source.yaml:8", "'delimiter'", "Mend the value")),
        (RULES, "diagnoses.evnt.sql", ("diagnoses.evnt.sql", "FILE.SHAPE.sql", "'evnt'", "Rename it to diagnoses.event.sql")),
        (RULES, "diagnosis.event.sql", ("diagnosis.event.sql", "a file that source.yaml declares", "'diagnosis'", "Declare it under 'files'")),
    ],
)
def test_bad_source_folder_stops_the_run(tiny: Tiny, rules: str, name: str, fragments: tuple[str, ...]) -> None:
    _refused(_with_own_source(tiny, rules=rules, name=name), ConfigError, 2, fragments)


def test_shard_size_is_fixed(tiny: Tiny) -> None:
    tiny.settings(SETTINGS + "shard_persons: 2\n")
    _refused(tiny, ConfigError, 2, ("plait.yaml", "shard_persons: 2048", "Set it back"))


def test_one_run_at_a_time(tiny: Tiny) -> None:
    with (tiny.path / "warehouse" / ".lock").open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("process 4711 on ward-3")
        lock.flush()
        tiny.write("conditions", FILES["conditions"] + "2020-06-01,,MRN-4712,V-2,49727002,Cough\n")
        _refused(tiny, StudyError, 1, ("study", "to be the only run", "process 4711 on ward-3", "Wait for it, or stop it"))
    assert tiny.run().table("condition_occurrence").height == 5


def test_commands_on_no_study(tmp_path: Path) -> None:
    for arguments in (
        ("run",),
        ("etl", "run"),
        ("etl", "status"),
        ("etl", "rejects"),
        ("etl", "trace", "person", "1"),
        ("vocabulary", "info"),
        ("vocabulary", "load"),
    ):
        shown = command(*arguments, "-s", str(tmp_path / "nowhere"))
        assert (shown.code, shown.out) == (2, "")
        assert f"{tmp_path}/nowhere: expected a study (a folder with a plait.yaml), got none. Make one with `plait init" in shown.err
    assert list(tmp_path.iterdir()) == []


def test_commands_before_the_first_run(fresh: Tiny) -> None:
    for arguments in (("etl", "status"), ("etl", "rejects"), ("etl", "trace", "person", "1")):
        shown = fresh.plait(*arguments)
        assert (shown.code, shown.out) == (1, "")
        assert "expected a study with a finished run, got none yet. Run it first: `plait" in shown.err


def test_trace_of_what_is_not_there(clean: Tiny) -> None:
    misspelt = clean.plait("etl", "trace", "condition_occurence", "4194304")
    assert misspelt.code == 2
    assert "expected a table of the CDM, or 'absence', got 'condition_occurence'. Did you mean 'condition_occurrence'?" in misspelt.err
    unknown = clean.plait("etl", "trace", "condition_occurrence", "1")
    assert unknown.code == 1
    assert "condition_occurrence 1: expected a row with this id, got none. Look one up: SELECT condition_occurrence_id" in unknown.err
    assert clean.plait("etl", "trace", "domain", "1").code == clean.plait("etl", "trace", "person", "one").code == 2
    assert clean.plait("etl", "trace", "person").code == 2


def test_trace_of_what_is_there(clean: Tiny) -> None:
    found = json.loads(clean.plait("etl", "trace", "condition_occurrence", "8388608", "--json").out)
    (record,) = found["records"]
    assert (record["file"], record["record"], record["line"]) == ("conditions", 2, 3)
    assert record["raw"] == dict(zip(FILES["conditions"].splitlines()[0].split(","), FILES["conditions"].splitlines()[2].split(","), strict=True))


def test_study_is_not_made_twice(clean: Tiny, tmp_path: Path) -> None:
    assert command("init", str(tmp_path / "new")).code == 0
    assert command("init", str(tmp_path / "new")).code == 2
    with pytest.raises(ConfigError, match="a folder without a study"):
        plait.init(clean.path)


def test_version_that_is_not_there(clean: Tiny) -> None:
    with pytest.raises(StudyError, match=r"expected version 7, got versions 1\. Open one of these"):
        plait.open(clean.path, version=7)
    with pytest.raises(StudyError, match="Open it without a version to write"):
        plait.open(clean.path, version=1).run_etl()


def test_damaged_version_is_named(tiny: Tiny) -> None:
    (tiny.path / "warehouse" / "versions" / "000001.json").write_text("{", encoding="utf-8")
    with pytest.raises(StudyError, match=r"versions/000001\.json: expected a version file, got one that is damaged"):
        plait.open(tiny.path)


def test_file_of_the_warehouse_that_is_gone(tiny: Tiny) -> None:
    for file in (tiny.path / "warehouse" / "cdm" / "person").iterdir():
        file.unlink()
    shown = tiny.plait("etl", "trace", "person", "1")
    assert (shown.code, shown.out) == (1, "")
    assert "every file of version 1, got one that is gone or cannot be read. Restore it from a copy" in shown.err
    assert [secret for secret in SECRETS if secret in shown.err] == []


def test_a_shell_sees_the_same(tiny: Tiny) -> None:
    tiny.settings(SETTINGS.replace("kind: synthea", "kind: synthia"))
    done = subprocess.run(
        [sys.executable, "-c", "from plait.cli import main; main()", "run", "-s", str(tiny.path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "plait: plait.yaml: expected a kind of source that plait knows, got 'synthia'. Did you mean 'synthea'?\n"
