"""A bad file, vocabulary or folder stops a run before anything is written, and the message says where, what and what to do."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

import plait
from plait.errors import InputFileError, PlaitError, VocabularyError
from tiny_study import FILES, SECRETS, SETTINGS, Tiny, answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Break = tuple["Callable[[Tiny], object]", tuple[str, ...]]


def _lines(stem: str, *more: str) -> str:
    return FILES[stem] + "".join(f"{line}\n" for line in more)


def _gz(study: Tiny, stem: str, content: bytes) -> None:
    study.file(stem).unlink()
    (study.data / f"{stem}.csv.gz").write_bytes(content)


def _parquet(study: Tiny, stem: str, content: bytes) -> None:
    study.file(stem).unlink()
    (study.data / f"{stem}.parquet").write_bytes(content)


def _without(stem: str, column: int) -> str:
    return "".join(",".join(field for place, field in enumerate(line.split(",")) if place != column) + "\n" for line in FILES[stem].splitlines())


BAD_FILES: dict[str, Break] = {
    "missing": (
        lambda s: s.file("encounters").unlink(),
        ("synthea/encounters.csv", "source 'ehr' (synthea) cannot do without it", "no such file", "Deliver it"),
    ),
    "empty": (lambda s: s.write("conditions", ""), ("conditions.csv", "a header and records", "an empty file", "Deliver it again")),
    "empty gzip": (lambda s: _gz(s, "conditions", gzip.compress(b"")), ("conditions.csv.gz", "header", "Deliver")),
    "only line ends": (lambda s: s.write("conditions", "\n\n"), ("conditions.csv:1", "a column START", "is the header missing?", "Deliver")),
    "missing column": (
        lambda s: s.write("conditions", _without("conditions", 2)),
        ("conditions.csv:1", "a column PATIENT", "5 columns, of which it knows START, STOP, ENCOUNTER, CODE, DESCRIPTION", "Deliver the column"),
    ),
    "missing choice of columns": (
        lambda s: s.write("procedures", "PATIENT,CODE\nMRN-4711,162673000\n"),
        ("procedures.csv:1", "a column START or DATE", "Deliver the column"),
    ),
    "no header": (
        lambda s: s.write("patients", FILES["patients"].partition("\n")[2]),
        ("patients.csv:1", "a column Id", "8 columns, none of which it knows (is the header missing?)", "Deliver the column"),
    ),
    "repeated column": (
        lambda s: s.write("conditions", FILES["conditions"].replace("STOP", "start", 1)),
        ("conditions.csv:1", "every column once", "one name at columns 1, 2", "Mend the header"),
    ),
    "column of plait's": (
        lambda s: s.write("conditions", FILES["conditions"].replace("STOP", "_Pointer", 1)),
        ("conditions.csv:1", "names of their own", "'_pointer', which plait gives to a record", "Rename the column"),
    ),
    "semicolons": (
        lambda s: s.write("conditions", FILES["conditions"].replace(",", ";")),
        ("conditions.csv:1", "columns separated by comma", "a header separated by semicolon", "Declare 'delimiter: ';''"),
    ),
    "tabs": (
        lambda s: s.write("conditions", FILES["conditions"].replace(",", "\t")),
        ("conditions.csv:1", "columns separated by comma", "a header separated by tab", r"Declare 'delimiter: '\t''"),
    ),
    "Latin-1": (
        lambda s: s.write("conditions", _lines("conditions", "2020-05-01,,MRN-4711,V-1,49727002,Toux légère").encode("latin-1")),
        ("conditions.csv, byte 0xE9 at offset 279", "UTF-8 text", "Latin-1 (encoding: latin-1)", "Declare the file's 'encoding'"),
    ),
    "Windows-1252": (
        lambda s: s.write("conditions", _lines("conditions", "2020-05-01,,MRN-4711,V-1,49727002,Crohn\u2019s").encode("cp1252")),
        ("conditions.csv, byte 0x92 at offset", "Windows-1252 (encoding: cp1252)", "Declare the file's 'encoding'"),
    ),
    "UTF-16": (
        lambda s: s.write("conditions", FILES["conditions"].encode("utf-16")),
        ("conditions.csv, byte 0xFF at offset 0", "UTF-16 (encoding: utf-16)", "Declare the file's 'encoding'"),
    ),
    "UTF-16 without a mark": (
        lambda s: s.write("conditions", FILES["conditions"].encode("utf-16-le")),
        ("conditions.csv", "UTF-16 (encoding: utf-16-le)", "Declare the file's 'encoding'"),
    ),
    "half a character": (lambda s: s.write("conditions", FILES["conditions"].encode() + b"\xc3"), ("conditions.csv, byte 0xC3 at offset 240", "UTF-8 text")),
    "cut gzip": (
        lambda s: _gz(s, "conditions", gzip.compress(FILES["conditions"].encode())[:-12]),
        ("conditions.csv.gz", "a whole gzip file", "a broken one", "Transfer it again"),
    ),
    "no gzip": (
        lambda s: _gz(s, "conditions", FILES["conditions"].encode()),
        ("conditions.csv.gz", "a whole gzip file", "a broken one", "Transfer it again"),
    ),
    "damaged gzip": (
        lambda s: _gz(s, "conditions", (packed := gzip.compress(FILES["conditions"].encode()))[:40] + b"\xff\xff\xff" + packed[43:]),
        ("conditions.csv.gz", "a whole gzip file", "a broken one", "Transfer it again"),
    ),
    "no Parquet": (
        lambda s: _parquet(s, "conditions", FILES["conditions"].encode()),
        ("conditions.parquet", "a Parquet file", "something else, or a truncated one", "Deliver it again"),
    ),
    "open quote": (
        lambda s: s.write("conditions", _lines("conditions", '2020-05-01,,MRN-4711,V-1,49727002,"Cough', "2020-05-02,,MRN-4712,V-2,49727002,Cough")),
        ("conditions.csv:6", "a quote that is closed where its field ends", "double the quotes within"),
    ),
    "open quote in the last field": (
        lambda s: s.write("conditions", FILES["conditions"] + '2020-05-01,,MRN-4711,V-1,49727002,"Cough'),
        ("conditions.csv:6", "a quote that is closed where its field ends"),
    ),
    "open quote that another one closes": (
        lambda s: s.write("conditions", _lines("conditions", '2020-05-01,,MRN-4711,V-1,49727002,"Cough', '2020-05-02,,MRN-4712,V-2,49727002,"Cough"')),
        ("conditions.csv:6", "a quote that is closed where its field ends"),
    ),
    "single quotes within quotes": (
        lambda s: s.write("conditions", _lines("conditions", '2020-05-01,,MRN-4711,V-1,49727002,"a "dry" Quux"')),
        ("conditions.csv:6", "a quote that is closed where its field ends"),
    ),
}


def _refused(study: Tiny, fragments: tuple[str, ...], code: int = 1) -> None:
    """See the command line refuse to run, and say enough and not too much."""
    shown = study.plait("etl", "run")
    assert (shown.code, shown.out) == (code, ""), shown.err
    assert [fragment for fragment in fragments if fragment not in shown.err] == [], shown.err
    assert [secret for secret in SECRETS if secret in shown.err] == []


def _raised(study: Tiny) -> PlaitError:
    """Give the error that Python sees, having seen that it has all its parts."""
    with pytest.raises(PlaitError) as caught:
        study.run()
    assert all((caught.value.where, caught.value.expected, caught.value.got, caught.value.todo))
    assert [secret for secret in SECRETS if secret in repr(caught.value)] == []
    return caught.value


def _unharmed(study: Tiny, before: dict[str, object]) -> None:
    """See that the version before still answers as it did, and that nothing half-written lies about."""
    assert study.versions() == ["000001.json"]
    assert answers(study.path) == before
    assert not list((study.path / "warehouse").rglob("*.tmp"))
    assert not (study.path / "warehouse" / ".spill").exists()


@pytest.mark.parametrize("fault", BAD_FILES)
def test_bad_file_stops_the_run(tiny: Tiny, fresh: Tiny, fault: str) -> None:
    spoil, fragments = BAD_FILES[fault]
    before = answers(tiny.path)
    spoil(tiny)
    _refused(tiny, fragments)
    _unharmed(tiny, before)
    spoil(fresh)
    assert isinstance(_raised(fresh), InputFileError)
    assert fresh.versions() == []
    assert not (fresh.path / "warehouse" / "cdm").exists()
    assert not (fresh.path / "warehouse" / "books").exists()


def test_a_run_goes_on_once_the_file_is_mended(tiny: Tiny) -> None:
    good = FILES["conditions"]
    tiny.write("conditions", good.encode()[:-3] + b"\xff\n")
    _refused(tiny, ("conditions.csv",))
    tiny.write("conditions", good + "2020-06-01,,MRN-4712,V-2,49727002,Cough\n")
    assert tiny.run().table("condition_occurrence").height == 5


def test_header_only_is_a_file_without_records(tiny: Tiny) -> None:
    tiny.write("conditions", FILES["conditions"].partition("\n")[0] + "\n")
    status = tiny.run().status()
    assert [row["read"] for row in status["ledger"] if row["file"] == "conditions"] == [0]
    assert [(row["file"], row["kind"]) for row in status["notices"] if row["kind"] == "no_records"] == [("conditions", "no_records")]
    assert tiny.run().table("condition_occurrence").height == 0


def test_header_only_everywhere_is_an_empty_study(fresh: Tiny) -> None:
    for stem, text in FILES.items():
        fresh.write(stem, text.partition("\n")[0])
    study = fresh.run()
    assert study.status()["tables"]["person"] == 0
    assert {row["read"] for row in study.status()["ledger"]} == {0}


BAD_VOCABULARIES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "without Maps to": (
        lambda folder: (folder / "CONCEPT_RELATIONSHIP.csv").write_text(
            (folder / "CONCEPT_RELATIONSHIP.csv").read_text(encoding="utf-8").replace("Maps to", "Is a"), encoding="utf-8"
        ),
        ("CONCEPT_RELATIONSHIP", "valid relationships `Maps to`", "none", "Download the vocabulary again"),
    ),
    "without relationships": (lambda folder: (folder / "CONCEPT_RELATIONSHIP.csv").unlink(), ("athena", "CONCEPT_RELATIONSHIP.csv", "no such file", "Unzip")),
    "with an empty CONCEPT": (lambda folder: (folder / "CONCEPT.csv").write_text("", encoding="utf-8"), ("CONCEPT.csv", "a header line", "an empty file")),
    "gone": (lambda folder: folder.rename(folder.with_name("elsewhere")), ("athena", "a folder", "nothing", "Unzip the download")),
}


@pytest.mark.parametrize("fault", BAD_VOCABULARIES)
def test_bad_vocabulary_stops_the_run(tiny: Tiny, fault: str) -> None:
    spoil, fragments = BAD_VOCABULARIES[fault]
    before = answers(tiny.path)
    spoil(tiny.path / "data" / "athena")
    _refused(tiny, fragments)
    assert isinstance(_raised(tiny), VocabularyError)
    _unharmed(tiny, before)
    assert len([path for path in (tiny.path / "warehouse" / "vocabulary").iterdir() if path.is_dir()]) == 1


def test_folder_that_is_not_there(tiny: Tiny) -> None:
    before = answers(tiny.path)
    tiny.data.rename(tiny.data.with_name("moved"))
    _refused(tiny, ("data/synthea", "the files of source 'ehr'", "no such file or folder", "Mend 'path' in plait.yaml"), code=2)
    _unharmed(tiny, before)


_AS_ANYBODY = """
import ctypes, os, sys
PR_CAPBSET_DROP, DAC_OVERRIDE, DAC_READ_SEARCH = 24, 1, 2
for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
    if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
        sys.exit(77)
os.execv(sys.executable, [sys.executable, "-c", "from plait.cli import main; main()", *sys.argv[1:]])
"""
"""Runs plait without root's right to read and write everything."""


def _run_as_anybody(study: Tiny) -> tuple[int, str]:
    """Run the ETL as somebody for whom permissions count, and give exit code and stderr."""
    plainly = ["-c", "from plait.cli import main; main()"]
    command = [sys.executable, *(["-c", _AS_ANYBODY] if os.geteuid() == 0 else plainly), "etl", "run", "-s", str(study.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("permissions do not bind root here, and it may not give up its rights")
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("place", "code", "fragments"),
    [
        ("data/synthea", 2, ("data/synthea", "a folder that plait may read", "no permission", "Give the user who runs plait read access")),
        ("data/synthea/conditions.csv", 1, ("conditions.csv", "a file that plait may read", "no permission", "Give the user who runs plait read access")),
        ("data/athena", 1, ("data/athena", "a readable folder", "Check its permissions")),
        ("plait.yaml", 2, ("plait.yaml", "a readable UTF-8 file", "no permission", "Check its permissions")),
        ("warehouse", 1, ("warehouse", "a folder that plait may write", "no permission")),
        ("warehouse/versions", 1, ("warehouse/versions", "a folder that plait may write", "no permission")),
    ],
)
def test_no_permission(tiny: Tiny, place: str, code: int, fragments: tuple[str, ...]) -> None:
    before = answers(tiny.path)
    tiny.write("conditions", _lines("conditions", "2020-06-01,,MRN-4712,V-2,49727002,Cough"))
    os.utime(tiny.path / "data" / "athena" / "CONCEPT.csv")
    mode = (tiny.path / place).stat().st_mode
    (tiny.path / place).chmod(0o555 if place.startswith("warehouse") else 0)
    try:
        got, told = _run_as_anybody(tiny)
    finally:
        (tiny.path / place).chmod(mode)
    assert got == code, told
    assert [fragment for fragment in fragments if fragment not in told] == [], told
    assert [secret for secret in SECRETS if secret in told] == []
    _unharmed(tiny, before)


@pytest.mark.parametrize("place", ["warehouse", "private"])
def test_file_where_a_folder_should_be(fresh: Tiny, place: str) -> None:
    (fresh.path / place).write_text("in the way", encoding="utf-8")
    _refused(fresh, (place, "a folder", "a file", "Move it away"))
    assert (fresh.path / place).read_text(encoding="utf-8") == "in the way"


def _split(study: Tiny, stem: str, lines: list[str]) -> None:
    study.write(stem, "".join(lines[:3]))
    (study.data / f"{stem}_2.csv").write_text("".join([lines[0], *lines[3:]]), encoding="utf-8")


WRAPPINGS: dict[str, Callable[[Tiny, str, str], object]] = {
    "gzip": lambda s, stem, text: _gz(s, stem, gzip.compress(text.encode())),
    "Parquet": lambda s, stem, text: (s.file(stem).unlink(), pl.read_csv(text.encode(), infer_schema=False).write_parquet(s.data / f"{stem}.parquet")),
    "CRLF": lambda s, stem, text: s.write(stem, text.replace("\n", "\r\n")),
    "line ends of two kinds": lambda s, stem, text: s.write(stem, text.replace("\n", "\r\n", 2)),
    "byte order mark": lambda s, stem, text: s.write(stem, "\ufeff" + text),
    "no last line end": lambda s, stem, text: s.write(stem, text.rstrip("\n")),
    "blank lines": lambda s, stem, text: s.write(stem, text.replace("\n", "\n\n")),
    "quotes": lambda s, stem, text: s.write(stem, "".join(f'"{line}"\n'.replace(",", '","') for line in text.splitlines())),
    "small letters": lambda s, stem, text: s.write(stem, text.replace(text.partition("\n")[0], text.partition("\n")[0].lower())),
    "columns in another order": lambda s, stem, text: s.write(stem, "".join(",".join(line.split(",")[::-1]) + "\n" for line in text.splitlines())),
    "two files": lambda s, stem, text: _split(s, stem, text.splitlines(keepends=True)),
    "capitals": lambda s, stem, text: s.write(stem, text).rename(s.data / f"{stem.upper()}.CSV"),
}


@pytest.mark.parametrize("shift", range(4))
def test_same_data_in_other_wrappings(clean: Tiny, fresh: Tiny, shift: int) -> None:
    names = list(WRAPPINGS)[shift::4]
    for name, (stem, text) in zip(names, FILES.items(), strict=True):
        WRAPPINGS[name](fresh, stem, text)
    fresh.run()
    found, expected = answers(fresh.path), answers(clean.path)
    assert {name: rows for name, rows in found.items() if name != "plait.runs"} == {name: rows for name, rows in expected.items() if name != "plait.runs"}


@pytest.mark.parametrize(
    ("settings", "encoding", "delimiter"),
    [
        ("encoding: latin-1", "latin-1", ","),
        ('encoding: cp1252, delimiter: ";"', "cp1252", ";"),
        ("encoding: utf-16", "utf-16", ","),
        ('encoding: utf-16-le, delimiter: "\\t"', "utf-16-le", "\t"),
    ],
)
def test_declared_encoding_and_delimiter_are_obeyed(fresh: Tiny, settings: str, encoding: str, delimiter: str) -> None:
    fresh.settings(SETTINGS.replace("path: data/synthea", f"path: data/synthea, {settings}"))
    texts = {**FILES, "conditions": _lines("conditions", "2020-05-01,,MRN-4711,V-1,déjà-vu,Toux légère", "2020-05-01,,MRN-9999,V-1,déjà-vu,Toux légère")}
    for stem, text in texts.items():
        fresh.write(stem, text.replace(",", delimiter).encode(encoding))
    study = fresh.run()
    assert study.table("condition_occurrence").filter(pl.col("condition_source_value") == "déjà-vu").height == 1
    (reject,) = study.rejects()
    assert (reject["record"], reject["reason"]) == (6, "unknown_person")
    assert "Toux légère" in reject["raw"]
    assert study.status()["notices"] == []


def test_open_study_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(PlaitError, match=r"expected a study \(a folder with a plait\.yaml\), got none\. Make one with `plait init"):
        plait.open(tmp_path)
