"""Tables of a version without the rows of forgotten persons: only files in which they have rows are written anew, under other names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, quoted, sql, write_parquet
from plait.etl.harmonize.row_ids import person_of
from plait.etl.staging import OWN, SHAPES
from plait.schema import TableSpec, cdm_tables, plait_tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.erasure.staged import Staged

_PACKAGE = "plait.erasure"
_SOUND = 'reject IS NULL AND "ignore" IS NULL'
DIMENSIONS = {"location": "location", "care_site": "care_site", "provider": "provider", "omics_feature": "feature"}
"""Tables that patients share → the shape that their rows come as, which is also the dimension."""

BY_DIGEST = ("lineage_key", "person_rejects", "person_fates")
"""Books whose rows name records by their digests, those of others than the persons, too."""


def renamed(path: Path, token: str) -> Path:
    """Give the name of the file that takes the place of another one."""
    return path.with_name(f"{path.name.partition('.')[0]}.{token}{path.suffix}")


@dataclass(slots=True)
class Tables:
    """Rewrites files of tables.

    Attributes:
        con: A connection with `erased_person`, `erased_record`, and those of `find_bystanders`.
        token: In the names of new files.
        version: The version, in the names of those files that depend on what else it holds.
        mixed: Whether records of the persons tell of others, too, or of what patients share.
        done: What took the place of which.
        beside: The books of the shard that is being rewritten, by table.
    """

    con: duckdb.DuckDBPyConnection
    token: str
    version: int
    mixed: bool = False
    done: dict[Path, Path] = field(default_factory=dict)
    beside: dict[str, Path] = field(default_factory=dict)

    def shard(self, files: dict[str, Path], specs: dict[str, TableSpec]) -> dict[str, Path]:
        """Give the files of the books, or of the tables of the CDM, of a shard, or of what patients share, without the persons; by table."""
        self.beside = files
        return {table: self.of_persons(files[table], specs[table]) for table in sorted(files, key=lambda table: (table == "person_fates", table))}

    def write(self, path: Path, query: str, *, of_version: bool = False) -> Path:
        """Write what takes the place of a file, unless it is there from an attempt that was stopped, or from another version."""
        target = renamed(path, f"{self.token}-{self.version}" if of_version else self.token)
        if not target.is_file():
            write_parquet(self.con, query, target)
        self.done[path] = target
        return target

    def of_persons(self, path: Path, spec: TableSpec) -> Path:
        """Give a file of a table without the rows of the persons."""
        if path in self.done:
            return self.done[path]
        theirs = f"{person_of(spec)} IN (SELECT e.person_id FROM erased_person AS e)"
        if spec.name == "lineage_key":
            theirs = f"({theirs} OR (table_name = 'person' AND row_id IN (SELECT e.person_id FROM erased_person AS e)))"
        if self.mixed and spec.name in BY_DIGEST:
            make_view(self.con, "book_before", f"SELECT *, coalesce(person_id, -1) AS person_key FROM {parquet(path)}")
            touched = (
                "touched_fate USING (person_key, source, file, shape)" if spec.name == "person_fates" else "gone_digest USING (source, file, shape, digest)"
            )
            row = self.con.execute(f"SELECT count(*) FROM book_before SEMI JOIN {touched}").fetchone()
            if row and row[0]:
                return self._by_digest(path, spec, theirs)
        row = self.con.execute(f"SELECT count(*) FROM {parquet(path)} WHERE {theirs}").fetchone()
        return self.write(path, f"FROM {parquet(path)} WHERE ({theirs}) IS NOT TRUE") if row and row[0] else path

    def _by_digest(self, path: Path, spec: TableSpec, theirs: str) -> Path:
        """Give a file of a book without the rows of the persons, and without those of their records that others were told of by."""
        kept = f"SELECT * EXCLUDE (person_key) FROM book_before WHERE ({theirs}) IS NOT TRUE"
        if spec.name == "person_fates":
            return self._fates(path, theirs)
        query = f"SELECT b.* FROM ({kept}) AS b ANTI JOIN gone_digest USING (source, file, shape, digest)"
        if spec.name == "lineage_key":
            query = sql(_PACKAGE, "lineage_left").replace("kept_lineage", f"({query})")
        columns = ", ".join(quoted(one.name) for one in spec.fields)
        return self.write(path, f"SELECT {columns} FROM ({query})", of_version=True)

    def _fates(self, path: Path, theirs: str) -> Path:
        """Give a file of the fates of persons' records; of those that stand beside a forgotten record, as they are counted anew."""
        con, place = self.con, "(person_key, source, file, shape)"
        make_view(con, "fate_kept", f"FROM (FROM book_before WHERE ({theirs}) IS NOT TRUE) ANTI JOIN touched_fate USING {place}")
        for view, table in (("lineage", "lineage_key"), ("late_reject", "person_rejects")):
            beside = self.beside[table]
            make_view(con, view, f"FROM {parquet(self.done.get(beside, beside))}")
        make_view(con, "all_staged", f"FROM touched_row SEMI JOIN book_before USING {place}")
        fates = sql("plait.etl.harmonize", "fates")
        query = f"SELECT * EXCLUDE (person_key) FROM fate_kept UNION ALL FROM ({fates})"
        return self.write(path, f"SELECT {', '.join(_cast('person_fates'))} FROM ({query}) ORDER BY ALL", of_version=True)

    def dimension(self, path: Path, table: str, lineage: tuple[Path, Path]) -> Path:
        """Give a file of a table that patients share without the rows that only the persons' records told of.

        Args:
            path: The file.
            table: The table.
            lineage: The file of its lineage, as it was and as it is.
        """
        if path in self.done or not self.mixed:
            return self.done.get(path, path)
        key = cdm_tables()[table].id_column
        assert key is not None  # noqa: S101 - all of them have one
        named = f"SELECT DISTINCT row_id FROM {{}} WHERE table_name = {literal(table)}"
        gone = f"{named.format(parquet(lineage[0]))} EXCEPT {named.format(parquet(lineage[1]))}"
        row = self.con.execute(f"SELECT count(*) FROM {parquet(path)} WHERE {quoted(key)} IN ({gone})").fetchone()
        left = f"FROM {parquet(path)} WHERE {quoted(key)} NOT IN ({gone})"
        return self.write(path, left, of_version=True) if row and row[0] else path


def _cast(table: str) -> list[str]:
    return [f"CAST({quoted(one.name)} AS {one.duckdb_type}) AS {quoted(one.name)}" for one in plait_tables()[table].fields]


def find_bystanders(con: duckdb.DuckDBPyConnection, staged: Iterable[Staged]) -> bool:
    """Find what else the persons' records told of in a version: places, say, or other persons; give whether there is anything.

    Makes `gone_digest` (source, file, shape, digest) of records that no other equals, `touched_fate` (person_key, source, file, shape) of whose
    fates are to be counted anew, `touched_row` of their records that are left, and `bystander` (person_id).
    """
    con.execute(sql(_PACKAGE, "bystander_tables"))
    others = [entry for entry in staged if SHAPES[entry.shape].name in OWN or SHAPES[entry.shape].of_person]
    for entry in others:
        if entry.path == entry.now:
            continue
        rows = f"{parquet(entry.path)} AS s SEMI JOIN erased_record USING (file_id, record)"
        if not SHAPES[entry.shape].of_person:
            who, apart = "CAST(NULL AS BIGINT)", "true"
        elif entry.shape == "person":
            continue
        else:
            who, apart = "s.person_id", "s.person_id IS NOT NULL AND s.person_id NOT IN (SELECT e.person_id FROM erased_person AS e)"
        con.execute(f"INSERT INTO touched SELECT DISTINCT {who}, source, file, {literal(entry.shape)}, digest FROM {rows} WHERE {_SOUND} AND {apart}")
    row = con.execute("SELECT count(*) FROM touched").fetchone()
    if not row or not row[0]:
        return False
    shapes = {shape for (shape,) in con.execute("SELECT DISTINCT shape FROM touched").fetchall()}
    for entry in others:
        if entry.shape in shapes:
            who = "person_id" if SHAPES[entry.shape].of_person else "CAST(NULL AS BIGINT)"
            con.execute(
                f"INSERT INTO left_row SELECT {who}, source, file, {literal(entry.shape)}, digest, is_first FROM {parquet(entry.now)} "
                f"WHERE {_SOUND} AND (source, file) IN (SELECT (t.source, t.file) FROM touched AS t)"
            )
    con.execute(sql(_PACKAGE, "bystanders"))
    return True
