"""What the sieve clears, the last look finds nothing in; and it clears what most packages are made of."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.duck import connect
from plait.export.known.identifiers import Known
from plait.export.known.sieve import Sieve, find_key_words
from plait.export.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

WORDS = st.text("ab1290-. @/", min_size=1, max_size=14) | st.sampled_from(
    ["May Young", "Müller-Lüdenscheidt", "12 Main Street", "MRN 004213", "617-555-0142", "jane@example.net", "10000263", "2.25.4711", "Ångström 12"]
)
KINDS = st.sampled_from(["name", "number", "address", "place", "phone", "email", "file"])


def knowing(rows: Iterable[tuple[str, str]]) -> duckdb.DuckDBPyConnection:
    """Give a connection as `gather` leaves it, where texts of these kinds are known of persons."""
    con = connect()
    con.execute("CREATE SCHEMA cdm; CREATE TABLE cdm.concept (concept_name VARCHAR, concept_code VARCHAR)")
    con.execute("CREATE TEMP TABLE known_text (person_id BIGINT, kind VARCHAR, text_value VARCHAR)")
    for person, (kind, text) in enumerate(rows):
        con.execute("INSERT INTO known_text VALUES ($person, $kind, $text)", {"person": person, "kind": kind, "text": text})
    find_key_words(con)
    return con


@given(
    known=st.lists(st.tuples(KINDS, WORDS.filter(str.strip)), max_size=6),
    texts=st.lists(WORDS, max_size=6),
    around=st.lists(WORDS, max_size=2),
    is_plain=st.booleans(),
)
def test_nothing_is_found_in_what_it_clears(known: list[tuple[str, str]], texts: list[str], around: list[str], *, is_plain: bool) -> None:
    said = texts + [f"{' '.join(around)} {text}" for _, text in known[:2] if around] + [text.upper() for _, text in known[2:3]]
    with TemporaryDirectory() as name, knowing(known) as con:
        folder = Path(name)
        values = {"value": said, "case_number": [int("".join(filter(str.isdigit, text)) or 0) % 2**62 for text in said]}
        if not is_plain:
            values |= {"listed": [[text, None] for text in said]}
        con.register("frame", pl.DataFrame(values, schema_overrides={"value": pl.String}).to_arrow())
        if said:
            con.execute(f"COPY frame TO '{folder}/a.parquet'")
        (folder / "b.json").write_text(json.dumps({"said": said}), encoding="utf-8")
        (folder / "c.csv").write_text("\n".join(["said", *said]), encoding="utf-8")
        (folder / f"{(said or ['d'])[0].replace('/', '')}.txt").write_text("x", encoding="utf-8")
        cleared = {*folder.iterdir()} - {*Sieve(con).left(folder.iterdir())}
        assert scan(folder, Known(con).everywhere, paths=cleared) == []


KNOWN = [("number", "10000263"), ("name", "May Young"), ("address", "12 Main Street"), ("email", "jane@example.net"), ("place", "Springfield")]


@pytest.mark.parametrize(
    ("columns", "is_clear"),
    [
        ("SELECT 'SNOMED/44054006' AS code, 1 AS subject_id, DATE '2020-01-01' AS day, 0.5 AS number, TRUE AS flag, ['ICD10CM/E11', NULL] AS parents", True),
        ("SELECT 'young and may' AS code, 10000263 AS subject_id, 'Springfield' AS city, '[withheld]' AS note, 'Main' AS street", False),
        ("SELECT 'Springfield' AS city, 10000263 AS subject_id, 'main' AS word, '12' AS number", True),
        ("SELECT 'seen: MAY YOUNG' AS note", False),
        ("SELECT ['a', 'x 10000263'] AS listed", False),
        ("SELECT 10000263 AS patient_id", False),
        ('SELECT 1 AS "10000263"', False),
        ("SELECT 'call 617-555-0142' AS note", False),
        ("SELECT 'é' AS note", False),
        ("SELECT {'a': 'b'} AS nested, 'x' AS code", False),
        ("SELECT {'a': 'b', 'c': 'd'} AS nested, 'x' AS code", False),
        ("SELECT [['b']] AS nested, 'x' AS code", False),
        ("SELECT [{'a': 'b'}] AS nested, 'x' AS code", False),
        ("SELECT MAP {'a': 'b'} AS nested, 'x' AS code", False),
        ("SELECT [1] AS nested, ['x'] AS codes", False),
        ("SELECT ['y'] AS before, 'x' AS code, ['z'] AS codes, NULL::VARCHAR AS nothing", True),
        ("SELECT ['y'] AS before, 'x' AS code, ['10000263'] AS codes", False),
        ("SELECT 'ab'::BLOB AS bytes", False),
    ],
)
def test_a_table_is_cleared_by_all_that_stands_in_it(columns: str, tmp_path: Path, *, is_clear: bool) -> None:
    with knowing(KNOWN) as con:
        con.execute(f"COPY ({columns}) TO '{tmp_path}/a.parquet'")
        assert (Sieve(con).left(tmp_path.iterdir()) == []) is is_clear


def test_metadata_is_looked_at_and_arrows_schema_is_left_to_the_last_look(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        for name, key, value in (("a", "said", "May Young"), ("b", "ARROW:schema", "AAAA"), ("c", "said", "nothing")):
            con.execute(f"COPY (SELECT 1 AS n) TO '{tmp_path}/{name}.parquet' (KV_METADATA {{'{key}': '{value}'}})")
        assert {path.name for path in Sieve(con).left(tmp_path.iterdir())} == {"a.parquet", "b.parquet"}
        assert {path.name for path in Sieve(con, constants=["AAAA"]).left(tmp_path.iterdir())} == {"a.parquet"}


def test_what_cannot_be_read_is_left(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        con.sql("SELECT n, md5(n::VARCHAR) AS code FROM range(5000) AS r (n)").write_parquet(f"{tmp_path}/a.parquet", compression="uncompressed")
        whole = (tmp_path / "a.parquet").read_bytes()
        with pq.ParquetWriter(tmp_path / "m.parquet", pa.schema([("n", pa.int64())]), store_schema=False) as writer:
            writer.write_table(pa.table({"n": [1]}))
            writer.add_key_value_metadata({"said": b"\xff"})
        assert Sieve(con).left([tmp_path / "a.parquet", tmp_path / "m.parquet"]) == [tmp_path / "m.parquet"]
        (tmp_path / "b.parquet").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "c.parquet").write_bytes(whole[:40_000] + bytes(20_000) + whole[60_000:])
        (tmp_path / "d.json").write_text("{}", encoding="utf-8")
        assert {path.name for path in Sieve(con).left([path for path in tmp_path.iterdir() if path.stem != "b"])} >= {"c.parquet", "m.parquet"}
        assert {path.name for path in Sieve(con).left(tmp_path.iterdir())} >= {"b.parquet", "c.parquet", "m.parquet"}


@pytest.mark.parametrize("place", ["code=source", "x[1]", "a*b"])
def test_a_file_is_read_whatever_its_folder_is_called(place: str, tmp_path: Path) -> None:
    """DuckDB would take `code` from the folder, and read `x1/a.parquet` for `x[1]/a.parquet`."""
    with knowing(KNOWN) as con:
        for name, text in ((place, "May Young"), ("x1", "nothing")):
            (tmp_path / name).mkdir()
            con.sql(f"SELECT '{text}' AS code, 1 AS n").write_parquet(str(tmp_path / name / "a.parquet"))
        files = [tmp_path / place / "a.parquet", tmp_path / "x1" / "a.parquet"]
        assert Sieve(con).left(files) == files[:1]
        assert scan(tmp_path, Known(con).everywhere, paths=files[:1]) != []


def test_columns_of_one_name_are_left(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        for number, names in enumerate((["note", "Note"], ["note", "note"], ["note", "text"])):
            table = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names)
            pq.write_table(table, tmp_path / f"{number}.parquet", store_schema=False)
        assert {path.name for path in Sieve(con).left(tmp_path.iterdir())} == {"0.parquet", "1.parquet"}


def test_ids_of_fields_are_left_and_a_constant_hides_no_key(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        con.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path}/a.parquet' (FIELD_IDS {{a: 10000263}})")
        con.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path}/b.parquet' (KV_METADATA {{'May Young': 'AAAA'}})")
        (tmp_path / "c.txt").symlink_to(tmp_path / "nowhere")
        assert len(Sieve(con, constants=["AAAA"]).left(tmp_path.iterdir())) == 3


def test_what_may_stand_in_metadata_may_not_stand_in_rows(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        sieve = Sieve(con, allowed=["May Young", "data@example.org"])
        for name, text in (("a.csv", "said\nseen by May Young\n"), ("b.csv", "said\ndata@example.org\n"), ("c.md", "by May Young, data@example.org")):
            (tmp_path / name).write_text(text, encoding="utf-8")
        assert {path.name for path in sieve.left(tmp_path.iterdir())} == {"a.csv", "b.csv"}


def test_one_suspect_among_many_is_found(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        for number in range(60):
            (tmp_path / f"{number}.txt").write_text(("seen: May Young" if number == 41 else "nothing") + " here" * 9_000, encoding="utf-8")
        assert Sieve(con).left(tmp_path.iterdir()) == [tmp_path / "41.txt"]


def test_documents_and_names(tmp_path: Path) -> None:
    with knowing(KNOWN) as con:
        texts = {"a.json": '{"contact": "data@example.org"}', "b.json": '{"contact": "jane@example.net"}', "c.json": r'{"a": "\u004day Young"}', "d.bin": "x"}
        for name, text in (texts | {"10000263.txt": "x", "e.md": "é"}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / "10000263").mkdir()
        (tmp_path / "data").mkdir()
        left = Sieve(con, allowed=["data@example.org"]).left(tmp_path.iterdir())
        assert {path.name for path in tmp_path.iterdir()} - {path.name for path in left} == {"a.json", "data"}


def test_where_a_name_has_other_letters_nothing_is_cleared(tmp_path: Path) -> None:
    with knowing([*KNOWN, ("name", "Eva Müller")]) as con:
        (tmp_path / "a.json").write_text("{}", encoding="utf-8")
        assert Sieve(con).left(tmp_path.iterdir()) == [tmp_path / "a.json"]
