"""An Athena download becomes the study's vocabulary, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plait.duck import connect
from plait.errors import VocabularyError
from plait.etl.vocabulary import load_vocabulary, read_release, register
from plait.schema import VOCABULARY_TABLES, cdm_tables

if TYPE_CHECKING:
    import duckdb

CONCEPT = """concept_id|concept_name|domain_id|vocabulary_id|concept_class_id|standard_concept|concept_code|valid_start_date|valid_end_date|invalid_reason
8876|millimeter mercury column|Unit|UCUM|Unit|S|mm[Hg]|19700101|20991231|
40162522|"Tube 5" x 3, soft|Drug|RxNorm|Clinical Drug|S|NA|20090802|20991231|
1567956|Old one|Condition|ICD10CM|3-char||C34|20070101|20231231|D
""".replace("|", "\t")
RELATIONSHIP = """concept_id_1|concept_id_2|relationship_id|valid_start_date|valid_end_date|invalid_reason
8876|8876|Maps to|19700101|20991231|
1567956|40162522|Maps to|20150101|20991231|
""".replace("|", "\t")
VOCABULARY = """vocabulary_id	vocabulary_name	vocabulary_reference	vocabulary_version	vocabulary_concept_id
None	OMOP Standardized Vocabularies	OMOP generated	v5.0 27-AUG-25	44819096
UCUM	Unified Code	http://unitsofmeasure.org	Version 1.8.2	44819107
RxNorm	RxNorm	NLM	RxNorm 20250804	44819104
ICD10CM	ICD-10-CM	CDC	ICD10CM FY2026	44819098
"""
CONCEPT_CLASS = "concept_class_id\tconcept_class_name\tconcept_class_concept_id\nUnit\tUnit\t44819146\n"
DOMAIN = "domain_id\tdomain_name\tdomain_concept_id\nUnit\tUnit\t16\n"
KINSHIP = "relationship_id\trelationship_name\tis_hierarchical\tdefines_ancestry\treverse_relationship_id\trelationship_concept_id\n"
KINSHIP += "Maps to\tNon-standard to Standard map (OMOP)\t0\t0\tMapped from\t44818977\n"
SYNONYM = "concept_id\tconcept_synonym_name\tlanguage_concept_id\n8876\tmmHg\t4180186\n"
ANCESTOR = "ancestor_concept_id\tdescendant_concept_id\tmin_levels_of_separation\tmax_levels_of_separation\n40162522\t40162522\t0\t0\n"
STRENGTH = "\t".join(cdm_tables()["drug_strength"].columns) + "\n40162522\t40162522\t2.5\t8576\t\t\t\t\t\t20090802\t20991231\t\n"

FULL = {
    "CONCEPT.csv": CONCEPT,
    "CONCEPT_RELATIONSHIP.csv": RELATIONSHIP,
    "VOCABULARY.csv": VOCABULARY,
    "CONCEPT_CLASS.csv": CONCEPT_CLASS,
    "DOMAIN.csv": DOMAIN,
    "RELATIONSHIP.csv": KINSHIP,
    "CONCEPT_SYNONYM.csv": SYNONYM,
    "CONCEPT_ANCESTOR.csv": ANCESTOR,
    "DRUG_STRENGTH.csv": STRENGTH,
}
ZERO = (0, "No matching concept", "Metadata", "None", "Undefined", None, "No matching concept", date(1970, 1, 1), date(2099, 12, 31), None)
ZERO_LINE = "0\tNo matching concept\tMetadata\tNone\tUndefined\t\tNo matching concept\t19700101\t20991231\t\n"

MakeDownload = Callable[..., Path]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection in memory."""
    with connect() as connection:
        yield connection


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Give the path of a study's vocabulary folder, which is not there yet."""
    return tmp_path / "warehouse" / "vocabulary"


@pytest.fixture
def download(tmp_path: Path) -> MakeDownload:
    """Give a function that writes a full download, with files replaced, added, or left out if they are None."""

    def make(**changes: str | bytes | None) -> Path:
        folder = tmp_path / "athena"
        folder.mkdir(exist_ok=True)
        for name, text in {**FULL, **{f"{name}.csv": text for name, text in changes.items()}}.items():
            if text is not None:
                (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return make


def concepts(con: duckdb.DuckDBPyConnection) -> dict[int, tuple[object, ...]]:
    """Give the rows of the registered concepts by id."""
    return {row[0]: row for row in con.execute("FROM vocabulary.concept").fetchall()}


def to_csv(text: str) -> str:
    """Give tab-separated text as quoted, comma-separated text."""
    rows = [['"' + field.replace('"', '""') + '"' for field in line.split("\t")] for line in text.splitlines()]
    return "\n".join(",".join(row) for row in rows) + "\n"


def test_a_full_download_is_loaded_as_it_is(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    release = load_vocabulary(con, download(), target)

    assert release.folder == target / release.digest[:16]
    assert release.release == "v5.0 27-AUG-25"
    assert release.warnings == ()
    assert release.missing == ()
    assert release.added_concept_zero
    assert release.rows["concept"] == 4
    versions = {"ICD10CM": "ICD10CM FY2026", "None": "v5.0 27-AUG-25", "RxNorm": "RxNorm 20250804", "UCUM": "Version 1.8.2"}
    assert release.vocabularies == tuple((name, version, 1) for name, version in versions.items())
    register(con, release)
    start, end = date(2009, 8, 2), date(2099, 12, 31)
    assert next(iter(concepts(con).values())) == ZERO
    assert concepts(con)[40162522] == (40162522, '"Tube 5" x 3, soft', "Drug", "RxNorm", "Clinical Drug", "S", "NA", start, end, None)
    assert concepts(con)[1567956][5] is None
    assert con.execute("SELECT amount_value, numerator_value, valid_start_date FROM vocabulary.drug_strength").fetchone() == (2.5, None, start)


def test_every_table_has_the_columns_and_types_of_the_cdm(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    register(con, load_vocabulary(con, download(CONCEPT_SYNONYM=None), target), "v")

    for table in VOCABULARY_TABLES:
        described = [(row[0], row[1]) for row in con.execute(f"DESCRIBE v.{table}").fetchall()]
        assert described == [(field.name, field.duckdb_type) for field in cdm_tables()[table].fields]


def test_the_connection_and_the_folder_keep_no_trace(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    release = load_vocabulary(con, download(), target)

    assert con.execute("SELECT * FROM duckdb_views() WHERE NOT internal").fetchall() == []
    assert list(target.iterdir()) == [release.folder]
    assert sorted(path.name for path in release.folder.iterdir()) == sorted([f"{table}.parquet" for table in release.rows] + ["release.json"])


@pytest.mark.parametrize("line", [ZERO_LINE, ZERO_LINE.replace("No matching concept", "Renamed")])
def test_concept_zero_is_not_added_twice(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, line: str) -> None:
    release = load_vocabulary(con, download(CONCEPT=CONCEPT + line), target)

    assert not release.added_concept_zero
    assert release.rows["concept"] == 4


def test_concept_zero_is_added_although_its_name_occurs(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    release = load_vocabulary(con, download(CONCEPT=CONCEPT.replace("Old one", "No matching concept")), target)

    register(con, release)
    assert release.added_concept_zero
    assert concepts(con)[0] == ZERO


@pytest.mark.parametrize("kind", ["comma", "crlf", "gzip", "lower case", "parquet", "iso dates", "other order", "byte order mark", "blank line"])
def test_the_same_vocabulary_in_another_form_gives_the_same_tables(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, kind: str) -> None:
    register(con, load_vocabulary(con, download(), target), "expected")
    folder = download().rename(target.parent.parent / f"athena [{kind}] *")
    for path in sorted(folder.iterdir()):
        rewrite(con, path, kind)

    register(con, load_vocabulary(con, folder, target.with_name("other")), "got")

    for table in VOCABULARY_TABLES:
        assert con.execute(f"FROM got.{table}").fetchall() == con.execute(f"FROM expected.{table}").fetchall(), table


def rewrite(con: duckdb.DuckDBPyConnection, path: Path, kind: str) -> None:
    """Write a file of the download in another form."""
    text = path.read_text(encoding="utf-8")
    match kind:
        case "comma":
            path.write_text(to_csv(text), encoding="utf-8")
        case "crlf":
            path.write_bytes(text.replace("\n", "\r\n").encode())
        case "gzip":
            path.unlink()
            path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode()))
        case "lower case":
            path.rename(path.with_name(path.name.lower()))
        case "parquet":
            con.execute("CREATE OR REPLACE TABLE t AS FROM read_csv($p, delim = '\t', quote = '', header = true)", {"p": str(path)})
            con.execute("COPY t TO $p (FORMAT parquet)", {"p": str(path.with_suffix(".parquet"))})
            path.unlink()
        case "iso dates":
            path.write_text(re.sub(r"\t((?:19|20)\d\d)(\d\d)(\d\d)(?=\t)", r"\t\1-\2-\3", text), encoding="utf-8")
        case "other order":
            path.write_text("".join("\t".join(reversed(line.split("\t"))) + "\n" for line in text.splitlines()), encoding="utf-8")
        case "byte order mark":
            path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        case "blank line":
            path.write_text(text.replace("\n", "\n\n", 2), encoding="utf-8")


def test_na_is_null_in_two_columns_only(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    line = "7\tNA\tDrug\tRxNorm\tDose Form\tNA\tNA\t19700101\t20991231\tNA\n"

    register(con, load_vocabulary(con, download(CONCEPT=CONCEPT + line), target))

    assert concepts(con)[7][1:7] == ("NA", "Drug", "RxNorm", "Dose Form", None, "NA")
    assert concepts(con)[7][9] is None


def test_dates_that_went_through_a_spreadsheet_are_read_and_said(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    lines = "7\ta\tUnit\tUCUM\tUnit\tS\ta\t01/02/1970\t31/12/2099\t\n8\tb\tUnit\tUCUM\tUnit\tS\tb\t25569\t2099-12-31\t\n"

    release = load_vocabulary(con, download(CONCEPT=CONCEPT + lines), target)

    register(con, release)
    assert concepts(con)[7][7:9] == (date(1970, 2, 1), date(2099, 12, 31))
    assert concepts(con)[8][7:9] == (date(1970, 1, 1), date(2099, 12, 31))
    assert release.warnings == ("CONCEPT.csv writes 3 dates as day/month/year or as a spreadsheet's day number: they were read as such.",)


def test_a_column_that_is_not_needed_may_be_absent(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    release = load_vocabulary(con, download(CONCEPT_CLASS="concept_class_id,extra\nUnit,1\n"), target)

    register(con, release)
    assert con.execute("FROM vocabulary.concept_class").fetchall() == [("Unit", None, None)]
    assert release.warnings == ("CONCEPT_CLASS.csv has no column concept_class_name, concept_class_concept_id: it is null.",)


ABSENCES = {
    "CONCEPT_ANCESTOR": "CONCEPT_ANCESTOR is absent: eras by ingredient and roll-ups will be empty.",
    "DRUG_STRENGTH": "DRUG_STRENGTH is absent: dose eras will be empty.",
    "CONCEPT_SYNONYM": "CONCEPT_SYNONYM is absent: suggestions use names only.",
    "VOCABULARY": "VOCABULARY is absent: the release and the versions of its vocabularies are unknown.",
}


@pytest.mark.parametrize("table", ABSENCES)
def test_what_is_absent_is_said_with_what_it_means(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, table: str) -> None:
    release = load_vocabulary(con, download(**{table: None}), target)

    assert release.missing == (table.lower(),)
    assert release.warnings == (ABSENCES[table],)


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"CONCEPT_ANCESTOR": ANCESTOR.splitlines()[0] + "\n"}, "CONCEPT_ANCESTOR is empty: eras by ingredient and roll-ups will be empty."),
        ({"CONCEPT": CONCEPT.replace("UCUM", "RxNorm")}, "No concept is of UCUM: units stay unmapped (concept 0)."),
        ({"CONCEPT": CONCEPT.replace("ICD10CM", "Local")}, "VOCABULARY does not list Local, which CONCEPT uses: their versions are unknown."),
        ({"CONCEPT": CONCEPT.replace("3-char\t\t", "3-char\tS\t")}, "1 concepts are standard and yet invalid"),
        ({"CONCEPT_RELATIONSHIP": RELATIONSHIP + "8876\t1\tMaps to\t19700101\t20991231\t\n"}, "1 relationships point to concepts that CONCEPT lacks"),
        ({"VOCABULARY": VOCABULARY.replace("v5.0 27-AUG-25", "")}, "VOCABULARY names no release"),
        ({"VOCABULARY": VOCABULARY.replace("27-AUG-25", "27-AUG-08")}, "1 concepts begin more than 90 days after the release v5.0 27-AUG-08"),
        ({"CONCEPT_CPT4": "x\n"}, "CPT4 is in the download but not in CONCEPT"),
    ],
)
def test_what_is_odd_is_said(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, changes: dict[str, str], warning: str) -> None:
    release = load_vocabulary(con, download(**changes), target)

    assert len(release.warnings) == 1
    assert release.warnings[0].startswith(warning)


def test_other_files_are_listed_and_left_alone(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    folder = download(CONCEPT_PROVENANCE="x\n")
    (folder / "cpt.jar").write_bytes(b"")

    assert load_vocabulary(con, folder, target).unused == ("CONCEPT_PROVENANCE.csv", "cpt.jar")


def replace_line(text: str, number: int, old: str, new: str) -> str:
    """Give `text` with `old` replaced on line `number`, counted from 1."""
    lines = text.splitlines(keepends=True)
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new)
    return "".join(lines)


BAD: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "no concepts": ({"CONCEPT": None}, "CONCEPT.csv"),
    "no relationships": ({"CONCEPT_RELATIONSHIP": None}, "CONCEPT_RELATIONSHIP.csv"),
    "empty file": ({"CONCEPT": ""}, "CONCEPT.csv: expected a header line"),
    "empty optional file": ({"DOMAIN": ""}, "DOMAIN.csv: expected a header line"),
    "header only": ({"CONCEPT": CONCEPT.splitlines()[0] + "\n"}, "CONCEPT.csv: expected concepts, got a header line only"),
    "missing column": ({"CONCEPT": CONCEPT.replace("standard_concept", "standard")}, "CONCEPT.csv: expected a column standard_concept"),
    "column twice": ({"DOMAIN": DOMAIN.replace("domain_name", "domain_id")}, "DOMAIN.csv: expected each column once"),
    "bad date": ({"CONCEPT": replace_line(CONCEPT, 3, "20090802", "20090231")}, "CONCEPT.csv, line 3, column valid_start_date"),
    "seven digits": ({"CONCEPT": replace_line(CONCEPT, 3, "20090802", "2009082")}, "CONCEPT.csv, line 3, column valid_start_date"),
    "first date bad": ({"CONCEPT": replace_line(CONCEPT, 2, "19700101", "soon")}, "CONCEPT.csv, line 2, column valid_start_date"),
    "no date": ({"CONCEPT_RELATIONSHIP": replace_line(RELATIONSHIP, 3, "20150101", "")}, "CONCEPT_RELATIONSHIP.csv, line 3, column valid_start_date"),
    "bad id": ({"CONCEPT_RELATIONSHIP": replace_line(RELATIONSHIP, 3, "40162522", "x1")}, "CONCEPT_RELATIONSHIP.csv, line 3, column concept_id_2"),
    "no id": ({"CONCEPT": replace_line(CONCEPT, 4, "1567956", "")}, "CONCEPT.csv, line 4, column concept_id"),
    "bad number": ({"DRUG_STRENGTH": STRENGTH.replace("2.5", "2,5")}, "DRUG_STRENGTH.csv, line 2, column amount_value"),
    "short line": ({"CONCEPT": replace_line(CONCEPT, 3, "\tS\tNA", "")}, "CONCEPT.csv, line 3: expected 10 columns, got 8"),
    "long line": ({"CONCEPT": replace_line(CONCEPT, 3, "RxNorm", "RxNorm\tRxNorm")}, "CONCEPT.csv, line 3: expected 10 columns, got 11"),
    "not UTF-8": ({"CONCEPT": CONCEPT.replace("Old one", "Å").encode("latin-1")}, "CONCEPT.csv, line 4: expected text in UTF-8"),
    "bare quote in CSV": ({"DOMAIN": 'domain_id,domain_name\nUnit,"a" b"\nDrug,"c\n'}, "DOMAIN.csv"),
    "quoted lines": ({"DOMAIN": 'domain_id,domain_name,domain_concept_id\nUnit,"a\nb",16\nDrug,c,x\n'}, "DOMAIN.csv, line 4, column domain_concept_id"),
    "repeated id": ({"CONCEPT": CONCEPT + CONCEPT.splitlines()[1] + "\n"}, "expected each id once, got 8876 2 times"),
    "concept 0 twice": ({"CONCEPT": CONCEPT + ZERO_LINE + ZERO_LINE}, "expected each id once, got 0"),
    "no Maps to": ({"CONCEPT_RELATIONSHIP": RELATIONSHIP.replace("Maps to", "Is a")}, "expected valid relationships `Maps to`, got none"),
    "no valid Maps to": ({"CONCEPT_RELATIONSHIP": RELATIONSHIP.replace("20991231\t", "20991231\tD")}, "expected valid relationships `Maps to`, got none"),
    "day or month": ({"CONCEPT": CONCEPT.replace("20991231", "01/02/2099")}, "CONCEPT.csv, line 2: expected a date"),
    "day and month": ({"DRUG_STRENGTH": STRENGTH.replace("20090802", "31/12/2009").replace("20991231", "12/31/2099")}, "DRUG_STRENGTH.csv, line 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_stops_before_anything_is_written(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, case: str) -> None:
    changes, message = BAD[case]
    target.mkdir(parents=True)

    with pytest.raises(VocabularyError) as error:
        load_vocabulary(con, download(**changes), target)

    assert message in str(error.value)
    assert len(error.value.todo) > 20
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("kind", ["nothing", "file"])
def test_a_source_that_is_no_folder_is_said(con: duckdb.DuckDBPyConnection, tmp_path: Path, target: Path, kind: str) -> None:
    source = tmp_path / "athena.zip"
    if kind == "file":
        source.write_bytes(b"PK")

    with pytest.raises(VocabularyError, match=rf"athena.zip: expected a folder, got .*{kind}"):
        load_vocabulary(con, source, target)

    assert not target.exists()


def test_two_files_for_one_table_are_an_error(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    folder = download()
    (folder / "concept.csv.gz").write_bytes(gzip.compress(CONCEPT.encode()))

    with pytest.raises(VocabularyError, match=r"one file for CONCEPT, got CONCEPT.csv and concept.csv.gz"):
        load_vocabulary(con, folder, target)


@pytest.mark.parametrize("content", [b"PAR1", b"", b"nonsense"])
def test_a_broken_parquet_file_is_an_error(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, content: bytes) -> None:
    folder = download(DOMAIN=None)
    (folder / "DOMAIN.parquet").write_bytes(content)

    with pytest.raises(VocabularyError, match=r"DOMAIN.parquet: expected a Parquet file"):
        load_vocabulary(con, folder, target)


def test_a_bad_row_of_a_parquet_file_is_named(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    folder = download(DOMAIN=None)
    query = "SELECT * FROM (VALUES ('Unit', 'Unit', '16'), ('Drug', 'Drug', 'x')) AS d (domain_id, domain_name, domain_concept_id)"
    con.execute(f"COPY ({query}) TO $p (FORMAT parquet)", {"p": str(folder / "DOMAIN.parquet")})

    with pytest.raises(VocabularyError, match=r"DOMAIN.parquet, line 2, column domain_concept_id: expected an integer, got 'x'"):
        load_vocabulary(con, folder, target)


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(CONCEPT.encode() * 50)[:-20]])
def test_a_broken_gzip_file_is_an_error(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, content: bytes) -> None:
    folder = download(CONCEPT=None)
    (folder / "CONCEPT.csv.gz").write_bytes(content)

    with pytest.raises(VocabularyError, match=r"CONCEPT.csv.gz"):
        load_vocabulary(con, folder, target)

    assert not target.exists() or list(target.iterdir()) == []


def test_the_same_download_is_recognised(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, tmp_path: Path) -> None:
    folder = download()
    first = load_vocabulary(con, folder, target)
    written = (first.folder / "release.json").stat()
    os.utime(folder / "CONCEPT.csv")
    copied = shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)

    assert read_release(first.folder) == first
    assert load_vocabulary(con, folder, target) == first
    assert load_vocabulary(con, copied, target) == first
    assert list(target.iterdir()) == [first.folder]
    assert (first.folder / "release.json").stat().st_mtime_ns == written.st_mtime_ns


def test_an_unchanged_download_is_not_read_again(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = download()
    first = load_vocabulary(con, folder, target)
    monkeypatch.delattr("plait.etl.vocabulary.athena.sha256_of")

    assert load_vocabulary(con, folder, target) == first


def test_a_release_of_an_older_layout_is_not_taken_for_this_one(
    con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = download()
    with monkeypatch.context() as older:
        older.setattr("plait.etl.vocabulary.athena._LAYOUT", "plait vocabulary 0")
        first = load_vocabulary(con, folder, target)

    assert load_vocabulary(con, folder, target).folder != first.folder


def test_another_release_stands_beside_the_first(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path) -> None:
    first = load_vocabulary(con, download(), target)
    second = load_vocabulary(con, download(VOCABULARY=VOCABULARY.replace("27-AUG-25", "27-AUG-26")), target)

    assert {first.folder, second.folder} == set(target.iterdir())
    assert (first.release, second.release) == ("v5.0 27-AUG-25", "v5.0 27-AUG-26")


def test_a_release_that_moved_is_read_where_it_is(con: duckdb.DuckDBPyConnection, download: MakeDownload, target: Path, tmp_path: Path) -> None:
    moved = load_vocabulary(con, download(), target).folder.rename(tmp_path / "it's moved")

    register(con, read_release(moved))

    assert concepts(con)[0] == ZERO


@pytest.mark.parametrize("content", [None, "{", "{}", "[]"])
def test_a_folder_without_a_release_is_said(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "release.json").write_text(content, encoding="utf-8")

    with pytest.raises(VocabularyError, match=r"release.json: expected a"):
        read_release(tmp_path)


REAL = {
    "tutorial-2025": {"concept": 7_294, "concept_relationship": 7_359},
    "merged": {"concept": 16_961, "concept_relationship": 54_668, "concept_ancestor": 24_318},
}


@pytest.mark.parametrize("name", REAL)
def test_real_vocabularies_are_loaded_whole(con: duckdb.DuckDBPyConnection, shared: Path, target: Path, name: str) -> None:
    source = shared / "data" / "vocabulary" / name

    release = load_vocabulary(con, source, target)

    register(con, release)
    assert release.release == "v5.0 30-AUG-24"  # what VOCABULARY.csv says; the concepts are of later releases, and that is a warning
    assert any("the files are of different releases" in warning for warning in release.warnings)
    assert release.added_concept_zero == (name == "tutorial-2025")
    for table, count in release.rows.items():
        with (source / f"{table.upper()}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == REAL[name].get(table, len(lines))
        assert count == len(lines) + (table == "concept" and release.added_concept_zero)
        plain = [field for field in cdm_tables()[table].fields if field.base_type != "date" and field.name not in {"standard_concept", "invalid_reason"}]
        expected = [tuple(int(line[field.name]) if field.base_type == "integer" else line[field.name] or None for field in plain) for line in lines]
        got = con.execute(f"SELECT {', '.join(field.name for field in plain)} FROM vocabulary.{table}").fetchall()
        assert got[count - len(lines) :] == expected
