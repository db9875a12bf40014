"""Whatever a CDM holds, nobody's identifier, name, number or date is in what is made of it."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

import json
import random
import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import plait
from plait.etl.harmonize.row_ids import person_of
from plait.export.deidentify.key import ExportKey
from plait.export.deidentify.tables import select, treatments
from plait.schema import cdm_tables
from random_cdm import random_cdm
from tiny_omop import Legacy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

PERSONS = 12
"""One more than the smallest cell: what everybody has stays."""


def decoded(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of all that can be read in a package: names of files and columns, values of tables, words of metadata, members of archives."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        yield "names", name
        if path.suffix == ".parquet":
            yield name, str(pq.read_schema(path))
            for batch in pq.ParquetFile(path).iter_batches():
                for column, values in zip(batch.schema.names, batch.columns, strict=True):
                    kind = values.type
                    if not (pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                        yield from ((f"{name} {column}", str(value)) for value in values.to_pylist() if value is not None)
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as members, tempfile.TemporaryDirectory() as place:
                members.extractall(place)
                yield from decoded(Path(place))
        elif path.is_file():
            yield name, path.read_text(encoding="utf-8")


def assert_nobody(folder: Path, secrets: set[str], ids: set[int]) -> int:
    """Assert that no secret and no id is anywhere in a package, and give how many texts were looked at."""
    spotted = re.compile("|".join(map(re.escape, sorted((secret.casefold() for secret in secrets), key=len, reverse=True))))
    numbers = {str(number) for number in ids}
    looked_at = 0
    for place, text in decoded(folder):
        looked_at += 1
        assert not spotted.search(text.casefold()), place
        assert numbers.isdisjoint(re.findall(r"-?\d+", text)), place
    return looked_at


def assert_shifted(con: duckdb.DuckDBPyConnection, package: Path) -> None:
    """Assert that each person's dates are shifted by the same days, which are some, in all tables."""
    for table, fields in treatments().items():
        dates = [field.field for field in fields if field.action == "shift"]
        if not dates or "JOIN pseudonym" not in select(table):
            continue
        owner = person_of(cdm_tables()[table], "t")
        for date in dates:
            ours = f"SELECT s.new_id, t.{date} + to_days(s.shift_days) AS d, t.{date} AS was FROM cdm.{table} AS t JOIN pseudonym AS s ON s.person_id = {owner}"
            theirs = f"SELECT {owner} AS new_id, t.{date} AS d FROM '{package}/cdm/{table}.parquet' AS t"
            if not (package / "cdm" / f"{table}.parquet").exists():
                continue
            assert con.sql(f"SELECT new_id, CAST(d AS TIMESTAMP) FROM ({ours}) EXCEPT ALL SELECT new_id, CAST(d AS TIMESTAMP) FROM ({theirs})").fetchall() == []
            assert con.sql(f"SELECT count(*) FROM ({ours}) WHERE d = was").fetchone() == (0,), (table, date)


def examine(seed: int, *, zipped: bool) -> None:
    """Make a CDM of chance, export it under two keys, and look at what came of it."""
    made = random_cdm(random.Random(seed), PERSONS)
    with tempfile.TemporaryDirectory() as place:
        study = Legacy(Path(place) / "study", tables=made.tables).write(
            validation={"rules": [{"checks": "*", "severity": "warning"}]}, policy={"license": "CC0-1.0"}
        )
        opened = plait.open(study.run().path)
        package = Path(place) / "package"
        done = opened.export_fair(package, row_level=True, key="one")
        assert done.persons == PERSONS
        assert assert_nobody(package, made.secrets, made.ids) > 1000
        kept = {text for _, text in decoded(package) if text in made.shared}
        assert len(kept) > len(made.shared) / 2, "what everybody has is a code, and stays"
        con = opened.connect()
        ExportKey.kept(study.path, "one").make_pseudonyms(con, "SELECT person_id FROM cdm.person", "pseudonym")
        assert con.sql("SELECT count(*) FROM pseudonym WHERE shift_days BETWEEN -365 AND -1").fetchone() == (PERSONS,)
        assert_shifted(con, package)
        other = opened.export_fair(Path(place) / ("other.zip" if zipped else "other"), row_level=True, key="two", zipped=zipped)
        if zipped:
            shutil.unpack_archive(other.path, Path(place) / "other")
        assert_nobody(Path(place) / "other", made.secrets, made.ids)
        ExportKey.kept(study.path, "two").make_pseudonyms(con, "SELECT person_id FROM cdm.person", "second")
        same = con.sql("SELECT count_if(a.new_id = b.new_id), count_if(a.shift_days = b.shift_days) FROM pseudonym AS a JOIN second AS b USING (person_id)")
        # of shuffled persons one keeps its place on average; that ten of twelve do happens once in millions
        assert max(same.fetchone() or (PERSONS,)) < PERSONS - 2, "persons of two exports cannot be told by their ids"
        assert json.loads((package / "croissant.json").read_text(encoding="utf-8"))["license"] == "CC0-1.0"


@settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.booleans())
def test_nobody_is_in_an_export(seed: int, zipped: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    examine(seed, zipped=zipped)


@pytest.mark.long
@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.booleans())
def test_nobody_is_in_any_export(seed: int, zipped: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    examine(seed, zipped=zipped)
