"""Versions without the persons: each is the same version, by its number, and names other files where they were in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from plait.duck import literal, make_view, parquet, sql, write_parquet
from plait.erasure.omics import assay_without
from plait.erasure.pages import COUNTING, Figures, check_balance, find_differences, gone_codes, page
from plait.erasure.staged import write_crosswalk
from plait.erasure.tables import DIMENSIONS, Tables, find_bystanders, renamed
from plait.etl.commit import replace_version, warehouse_of
from plait.etl.staging import SHAPES
from plait.etl.tombstones import SYSTEM
from plait.schema import cdm_tables, plait_tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

    from plait.erasure.names import Telling
    from plait.erasure.staged import Staged
    from plait.erasure.whom import Whom
    from plait.etl.commit import Version

_PACKAGE = "plait.erasure"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A version that was rewritten.

    Attributes:
        version: Its number.
        persons: How many of the persons it had.
        files: How many of its files others take the place of.
        rows: Rows of the CDM that went.
        stale: Whether records of theirs told of other persons, too, so that the next run has to compute these anew.
    """

    version: int
    persons: int
    files: int
    rows: int
    stale: bool


def is_done(version: Version, whom: Whom) -> bool:
    """Tell whether a version was rewritten already, by an attempt that was stopped."""
    return any(mark["token"] == whom.token for mark in version.forgotten)


def rewrite_version(
    con: duckdb.DuckDBPyConnection, study: Path, version: Version, staged: Mapping[Path, Staged], whom: Whom, telling: Telling
) -> Rewritten | None:
    """Put a version without the persons in its place; give what that took, None where they were not in it.

    Args:
        con: A connection with `erased_person`, `erased_identifier`, `erased_record` and the macro of tombstones.
        study: The study.
        version: The version.
        staged: What takes the place of each staged file.
        whom: The persons.
        telling: What they are called, which is taken out of the names of source files, too.

    Raises:
        BooksError: The books would not balance; the version stands as it was.
        StudyError: A file that takes the place of another is gone; likewise.
    """
    work = _Work(con, study, version, [staged[warehouse_of(study) / entry["path"]] for entry in version.staged], whom, telling)
    made, rewritten = work.rewrite()
    if rewritten is None:
        return None
    replace_version(study, made)
    return rewritten


class _Work:
    """The rewriting of one version."""

    def __init__(self, con: duckdb.DuckDBPyConnection, study: Path, version: Version, staged: list[Staged], whom: Whom, telling: Telling) -> None:
        self.con, self.study, self.version, self.staged, self.whom = con, study, version, staged, whom
        self.telling = telling
        self.warehouse = warehouse_of(study)
        self.replaced = [entry for entry in staged if entry.path != entry.now]
        self.tables = Tables(con, whom.token, version.version)
        self.new: dict[str, str] = {}
        self.gone_rows = 0
        self.empty: set[str] = set()
        """Files of shards in which nobody is left: a run would not make them."""

    def rewrite(self) -> tuple[Version, Rewritten | None]:
        """Write all that changes, and give the version and what it took."""
        version = self.version
        crosswalk = self._crosswalk()
        if crosswalk == version.crosswalk and not self.replaced:
            return version, None
        persons = self._persons()
        self.tables.mixed = find_bystanders(self.con, self.staged)
        for files in version.shards.values():
            self._shard(files)
        self._shared()
        stale = self._stale()
        self._books(persons, stale=stale)
        omics = self._omics()
        made = replace(
            version,
            crosswalk=crosswalk,
            dimension_ids=self._dimension_ids(),
            person_digests=self._named(version.person_digests),
            fingerprint="" if stale else version.fingerprint,
            shards=self._shards(),
            tables={schema: self._tables(tables) for schema, tables in version.tables.items()},
            staged=[
                {**entry, "path": str(one.now.relative_to(self.warehouse)), "rows": one.rows} for entry, one in zip(version.staged, self.staged, strict=True)
            ],
            omics=omics,
            counted=self._counted(),
            forgotten=[*version.forgotten, {"at": self.whom.at, "persons": persons, "token": self.whom.token}],
        )
        return made, Rewritten(version.version, persons, len(self.new) + len(self.replaced), self.gone_rows, stale)

    def _named(self, file: str) -> str:
        """Give what takes the place of a file of the warehouse."""
        return self.new.get(file, file)

    def _shards(self) -> dict[str, dict[str, dict[str, str]]]:
        """Give the shards in which somebody is left."""
        made = {number: {schema: self._mapped(tables) for schema, tables in files.items()} for number, files in self.version.shards.items()}
        return {number: files for number, files in made.items() if files["cdm"].get("person") not in self.empty}

    def _tables(self, tables: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Give the files of each table."""
        made = {table: [name for file in files if (name := self._named(file)) not in self.empty] for table, files in tables.items()}
        return {table: files for table, files in made.items() if files or not tables[table]}

    def _mapped(self, files: Mapping[str, str]) -> dict[str, str]:
        return {table: self._named(file) for table, file in files.items()}

    def _note(self, path: Path, now: Path) -> None:
        """Note that a file takes the place of another."""
        if path != now:
            self.new[str(path.relative_to(self.warehouse))] = str(now.relative_to(self.warehouse))

    def _persons(self) -> int:
        """Give how many of the persons the version has."""
        files = [self.warehouse / file for file in self.version.tables["cdm"].get("person", [])]
        if not files:
            return 0
        row = self.con.execute(f"SELECT count(*) FROM {parquet(*files)} WHERE person_id IN (SELECT e.person_id FROM erased_person AS e)").fetchone()
        return int(row[0]) if row else 0

    def _crosswalk(self) -> str:
        """Write the crosswalk with tombstones, if one of the persons is in it."""
        path = self.study / self.version.crosswalk
        row = self.con.execute(f"SELECT count(*) FROM {parquet(path)} SEMI JOIN erased_identifier USING (system, identifier)").fetchone()
        if not row or not row[0]:
            return self.version.crosswalk
        target = renamed(path, self.whom.token)
        return str((target if target.is_file() else write_crosswalk(self.con, path, target)).relative_to(self.study))

    def _shard(self, files: Mapping[str, Mapping[str, str]]) -> None:
        """Write the files of a shard."""
        for schema, specs in (("cdm", cdm_tables()), ("books", plait_tables())):
            given = {table: self.warehouse / file for table, file in files.get(schema, {}).items()}
            for table, now in self.tables.shard(given, specs).items():
                if now != given[table] and schema == "cdm":
                    self.gone_rows += self._rows(given[table]) - self._rows(now)
                self._note(given[table], now)
        person = self._named(files["cdm"].get("person", ""))
        if person and not self._rows(self.warehouse / person):
            self.empty |= {self._named(file) for tables in files.values() for file in tables.values()}

    def _rows(self, path: Path) -> int:
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)

    def _shared(self) -> None:
        """Write the files of what patients share, if records of the persons told of that."""
        sharded = {file for files in self.version.shards.values() for tables in files.values() for file in tables.values()}
        given = {
            table: self.warehouse / file
            for table in ("lineage_key", "person_rejects", "person_fates", "person_notices")
            for file in self.version.tables["books"].get(table, [])
            if file not in sharded
        }
        if "lineage_key" not in given:
            return
        made = self.tables.shard(given, plait_tables())
        for table, now in made.items():
            self._note(given[table], now)
        for table in DIMENSIONS:
            for file in self.version.tables["cdm"].get(table, []):
                path = self.warehouse / file
                self._note(path, self.tables.dimension(path, table, (given["lineage_key"], made["lineage_key"])))

    def _stale(self) -> bool:
        """Tell whether rows of other persons were made of records that go."""
        if not self.tables.mixed:
            return False
        before = [self.warehouse / file for file in self.version.tables["books"].get("lineage_key", [])]
        row = self.con.execute(
            f"SELECT count(*) FROM {parquet(*before)} INNER JOIN gone_digest USING (source, file, shape, digest) "
            "WHERE person_id IN (SELECT b.person_id FROM bystander AS b)"
        ).fetchone()
        return bool(row and row[0])

    def _dimension_ids(self) -> str:
        """Write the ids of what patients share, if a key is named by nobody any more."""
        path = self.study / self.version.dimension_ids
        if not self.tables.mixed:
            return self.version.dimension_ids
        parts: tuple[list[str], list[str]] = ([], [])
        for entry in self.staged:
            if entry.shape in DIMENSIONS.values():
                names = f"SELECT {literal(entry.shape)} AS dimension, system, {SHAPES[entry.shape].key} AS key"
                for part, file in zip(parts, (entry.path, entry.now), strict=True):
                    part.append(f'{names} FROM {parquet(file)} WHERE reject IS NULL AND "ignore" IS NULL')
        if not parts[0]:
            return self.version.dimension_ids
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE gone_key AS ({' UNION '.join(parts[0])}) EXCEPT ({' UNION '.join(parts[1])})")
        row = self.con.execute("SELECT count(*) FROM gone_key").fetchone()
        if not row or not row[0]:
            return self.version.dimension_ids
        target = renamed(path, self.whom.token)
        if not target.is_file():
            make_view(self.con, "dimension_before", f"FROM {parquet(path)}")
            write_parquet(self.con, sql(_PACKAGE, "dimension_ids").replace("forgotten_system", literal(SYSTEM)), target)
        return str(target.relative_to(self.study))

    def _books(self, persons: int, *, stale: bool) -> None:
        """Write the books that are of no shard."""
        books = {table: [self.warehouse / file for file in files] for table, files in self.version.tables["books"].items()}
        con = self.con
        figures = Figures(self.version, tuple(self.replaced), self._pairs("person_fates"), self._pairs("person_notices"), tuple(books["rejects"]), persons)
        find_differences(con, figures)
        for table in COUNTING:
            for path in books.get(table, []):
                self._count(table, path, figures)
        queries = [(path, sql(_PACKAGE, "rejects_left")) for path in books["rejects"]]
        path_alone = self.telling.sql_without("path")
        queries += [(path, f"SELECT * REPLACE ({path_alone} AS path) FROM page") for path in books.get("files", [])]
        if gone_codes(con, self.staged, self.replaced):
            queries += [(path, sql(_PACKAGE, "code_page")) for table in ("study_map", "code_digests") for path in books.get(table, [])]
        theirs = "person_id IN (SELECT e.person_id FROM erased_person AS e)"
        if stale:
            theirs += " OR person_id IN (SELECT b.person_id FROM bystander AS b)"
        queries.append((self.warehouse / self.version.person_digests, f"FROM page WHERE ({theirs}) IS NOT TRUE"))
        for path, query in queries:
            self._page(path, query)

    def _count(self, table: str, path: Path, figures: Figures) -> None:
        """Write a page of a book that counts: it is of one run, and every later version names it, too."""
        target = renamed(path, self.whom.token)
        query = page(self.con, table, path, figures)
        if query is not None and not target.is_file():
            write_parquet(self.con, query, target)
        if target.is_file():
            self._note(path, target)
            if table == "ledger" and query is not None:
                check_balance(self.con, target, self.version.run_id)

    def _page(self, path: Path, query: str) -> None:
        """Write a book as a query over the view `page` has it, unless that is as it is."""
        target = renamed(path, self.whom.token)
        make_view(self.con, "page", f"FROM {parquet(path)}")
        if not target.is_file():
            row = self.con.execute(f"SELECT count(*) FROM (FROM page EXCEPT ALL {query if query.startswith('FROM') else f'({query})'})").fetchone()
            if not row or not row[0]:
                return
            write_parquet(self.con, query, target)
        self._note(path, target)

    def _pairs(self, table: str) -> tuple[tuple[Path, Path], ...]:
        """Give the files of a book that others take the place of, each with that one."""
        return tuple((self.warehouse / file, self.warehouse / self.new[file]) for file in self.version.tables["books"].get(table, []) if file in self.new)

    def _counted(self) -> list[str]:
        """Give the files of what was counted for checks, those of source files with the persons left out: they are counted anew."""
        affected = {(entry["source"], entry["file"]) for entry in self.version.inventory if entry["file_id"] in {one.file_id for one in self.replaced}}
        begins = tuple(f"staged/{source}/{file}.checks." for source, file in affected)
        return [file for file in self.version.counted if not begins or not file.startswith(begins)]

    def _omics(self) -> list[dict[str, Any]]:
        """Write the assays without the persons' items, and their book."""
        made: list[dict[str, Any]] = []
        for entry in self.version.omics:
            now = assay_without(self.study, entry, self.whom)
            made.append(entry if now is None else {**entry, **now})
        changed = [(one, other) for one, other in zip(self.version.omics, made, strict=True) if one != other]
        if changed:
            self._assay_book(changed)
        return made

    def _assay_book(self, changed: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """Write the book of assays with the new files."""
        import pyarrow as pa

        columns = {
            "old_path": [before["path"] for before, _ in changed],
            "new_path": [now["path"] for _, now in changed],
            "new_sha256": [now["sha256"] for _, now in changed],
            "new_items": [now["items"] for _, now in changed],
        }
        self.con.register("assays_given", pa.table(columns))
        self.con.execute("CREATE OR REPLACE TEMP TABLE changed_assay AS FROM assays_given")
        self.con.unregister("assays_given")
        for file in self.version.tables["books"].get("omics_file", []):
            self._page(self.warehouse / file, sql(_PACKAGE, "assay_page"))
