"""`plait forget`: a person is taken out of everything that a study holds, and the study is looked through for what is left.

The order is such that it can be stopped at any moment and ended later: whom it is about is written down first, then the tombstones, then come
new files beside old ones, then the versions that name them, one by one, then the old files go. Until all is done nothing else writes to the study.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from plait.duck import connect, parquet
from plait.erasure.leftovers import Removed, clear_leftovers, clear_reports
from plait.erasure.names import Telling
from plait.erasure.proof import Left, Proof, files_of_sources, prove
from plait.erasure.staged import Before, Staged, find_records, linked_file, links_of, records_by_file, rewrite_staged, write_crosswalk
from plait.erasure.versions import Rewritten, is_done, rewrite_version
from plait.erasure.whom import Whom, begin, end, find_persons, pending
from plait.errors import ConfigError
from plait.etl.catalog import checks_file
from plait.etl.clearing import SPILL
from plait.etl.commit import Version, locked, newest_version, read_version, replace_version, versions, warehouse_of, writing
from plait.etl.crosswalk import linked_crosswalk
from plait.etl.forgotten import sources_with_forgotten
from plait.etl.staging import CLAIMED, SHAPES
from plait.etl.tombstones import Tombstones, is_telling, read_tombstones, write_tombstones
from plait.featurestore.forgetting import Taken, embedding_tables, forget_in_snapshot, forget_in_table, snapshots_below
from plait.featurestore.snapshot import finish_again
from plait.progress import silent
from plait.validators.snapshots.examiner import SNAPSHOTS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.progress import Progress
    from plait.settings import Settings

STEPS = (
    "finding records",
    "writing tombstones",
    "rewriting staged rows",
    "rewriting versions",
    "rewriting embeddings",
    "rewriting snapshots",
    "removing files",
    "looking through files",
    "done",
)
"""The steps of a forgetting, in order. Wherever it is stopped, every version can be opened, and the next one takes it up."""


@dataclass(frozen=True, slots=True)
class Held:
    """A source file that still holds records of the persons: it is not plait's to change.

    Attributes:
        source: The source.
        path: The file.
        records: How many records of it tell of the persons; a run ignores them by the rule `forgotten`.
    """

    source: str
    path: str
    records: int


@dataclass(slots=True)
class Forgotten:
    """What was taken out of a study, and what is left.

    Attributes:
        persons: How many persons.
        again: Whether all of them were forgotten before.
        dry_run: Whether nothing was changed; then `left` is what there is of them.
        versions: Versions that were rewritten.
        removed_versions: Versions that took the persons for one with others, which are gone.
        embeddings: Embedding tables that were rewritten.
        snapshots: Snapshots that were rewritten.
        files: Old files that were removed.
        size_bytes: Their bytes.
        sources: Source files that still hold them.
        identifiers: How many identifiers were looked for; none of a person who was forgotten before and is named by a number.
        scanned: Files that were looked through in the end.
        left: What was found.
        excluded: Places of sources within the study that were not looked through.
    """

    persons: int
    again: bool = False
    dry_run: bool = False
    versions: list[Rewritten] = field(default_factory=list)
    removed_versions: list[int] = field(default_factory=list)
    embeddings: list[Taken] = field(default_factory=list)
    snapshots: list[Taken] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    sources: list[Held] = field(default_factory=list)
    identifiers: int = 0
    scanned: int = 0
    left: list[Left] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)

    @property
    def is_proved(self) -> bool:
        """Whether nothing of the persons was found."""
        return self.dry_run or not self.left


def forget(study: Path, settings: Settings, names: Sequence[str], *, dry_run: bool = False, progress: Progress = silent) -> list[Forgotten]:
    """Take persons out of a study; a forgetting that was stopped is ended first.

    Args:
        study: The study's folder.
        settings: Its settings.
        names: `person_id` or `SYSTEM=IDENTIFIER` of each; may be none where one was stopped.
        dry_run: Change nothing, and say what there is of them.
        progress: Hears of steps.

    Returns:
        What was done: of the one that was stopped, and of the persons named.

    Raises:
        ConfigError: Nobody is named, or a name is none.
        StudyError: The study knows no such person, or another run holds the study.
        BooksError: A version's books would not balance; it stands as it was, and so do those after it.
    """
    study = study.resolve()
    checks = checks_file(study).parent
    with writing(study), locked(study, checks) if checks.is_dir() else nullcontext():
        done = []
        begun = pending(study)
        if begun is not None and not dry_run:
            done.append(_Forgetting(study, settings, begun, progress).run())
        if names:
            whom = find_persons(study, names, read_tombstones(study))
            work = _Forgetting(study, settings, whom, progress)
            done.append(work.look(dry_run=dry_run) if dry_run or whom.again else work.run())
            done[-1].dry_run = dry_run
        if not done:
            raise ConfigError("plait forget", expected="a person", got="nobody", todo="Name a person_id, or SYSTEM=IDENTIFIER; nothing was stopped half-way.")
        return done


class _Forgetting:
    """One forgetting."""

    def __init__(self, study: Path, settings: Settings, whom: Whom, progress: Progress) -> None:
        self.study, self.settings, self.whom, self.progress = study, settings, whom, progress
        self.warehouse = warehouse_of(study)
        self.result = Forgotten(whom.persons, again=whom.again)

    def look(self, *, dry_run: bool) -> Forgotten:
        """Say what there is of the persons; where they were forgotten before, what the newest version lists no more goes first."""
        if not dry_run:
            self._clear_names(self._telling())
        with connect(spill=self.warehouse / SPILL) as con:
            tombstones = read_tombstones(self.study)
            tombstones.install(con)
            self.whom.tables(con, tombstones)
            find_records(con, self.warehouse, self._versions())
            self._count_records(con)
            self._say_sources(tombstones)
            self._prove(con, Removed(), clear=False)
        return self.result

    def run(self) -> Forgotten:
        """Do all steps."""
        begin(self.study, self.whom)
        removed = Removed()
        with connect(spill=self.warehouse / SPILL) as con:
            self.progress("finding records", 0)
            before = self._old_tombstones()
            before.install(con)
            self.whom.tables(con, before)
            self._remove_mixed()
            files = find_records(con, self.warehouse, self._versions())
            self._count_records(con)
            self.progress("writing tombstones", 0)
            tombstones = self._tombstones(con, before)
            write_tombstones(self.study, tombstones)
            tombstones.install(con)
            self.progress("rewriting staged rows", 0)
            staged = self._stage(con, files, before, tombstones)
            self._say_sources(tombstones)
            self.progress("rewriting versions", 0)
            telling = self._telling()
            for version in self._versions():
                made = None if is_done(version, self.whom) else rewrite_version(con, self.study, version, staged, self.whom, telling)
                if made is not None:
                    self.result.versions.append(made)
                    self.progress("rewriting versions", made.rows)
            self._clear_names(telling)
            self._features()
            self.progress("removing files", 0)
            sources = {held.source for held in self.result.sources} | set(sources_with_forgotten(self.warehouse, newest_version(self.study)))
            clear_leftovers(con, self.study, self.settings, sources, removed)
            self._prove(con, removed, clear=True)
        self.result.files, self.result.size_bytes = removed.files, removed.size_bytes
        end(self.study)
        self.progress("done", 0)
        return self.result

    def _versions(self) -> list[Version]:
        """Give the versions that are there, oldest first."""
        return [version for number in versions(self.study) if (version := read_version(self.study, number)) is not None]

    def _old_tombstones(self) -> Tombstones:
        """Give the tombstones without those of these persons, who may have them from an attempt that was stopped."""
        now = read_tombstones(self.study)
        theirs = {now.of(system, identifier) for system, identifier, _ in self.whom.identifiers}
        return replace(now, persons=tuple(one for one in now.persons if one[0] not in theirs))

    def _remove_mixed(self) -> None:
        """Remove older versions in which the persons were taken for one with somebody else: nobody can tell their rows apart there."""
        import polars as pl

        rows = [(system, identifier) for system, identifier, _ in self.whom.identifiers]
        ours = pl.DataFrame(rows, schema={"system": pl.String, "identifier": pl.String}, orient="row")
        newest = newest_version(self.study)
        for version in self._versions():
            if newest is None or version.version == newest.version:
                continue
            linked = linked_crosswalk(self.study, version)
            key = ["system", "identifier"]
            theirs = {*linked.join(ours, on=key, how="semi")["person_id"].to_list(), *self.whom.numbers}
            if linked.join(ours, on=key, how="anti").filter(pl.col("person_id").is_in(list(theirs))).height:
                (self.warehouse / "versions" / f"{version.version:06}.json").unlink()
                self.result.removed_versions.append(version.version)

    def _tombstones(self, con: duckdb.DuckDBPyConnection, before: Tombstones) -> Tombstones:
        """Give the tombstones with those of the persons."""
        known = read_tombstones(self.study)  # an attempt that was stopped may have found claims that are gone by now
        claims, texts = set(known.claims), set(known.texts)
        newest = newest_version(self.study)
        if newest is not None:
            claims |= {before.of(*claim) for claim in self._claims(con, newest)}
            notes = self._notes(newest)
            if notes:
                texts |= {before.of(source, name) for source, name in self._texts(con, notes)}
        mine = {(before.of(system, identifier), number) for system, identifier, number in self.whom.identifiers}
        words = {before.of("word", identifier) for identifier in self.whom.names if is_telling(identifier)} | set(known.words)
        claimed, texts_of, words_of = (tuple(sorted(hashes)) for hashes in (claims, texts, words))
        return replace(before, persons=tuple(sorted({*before.persons, *mine})), claims=claimed, texts=texts_of, words=words_of)

    def _claims(self, con: duckdb.DuckDBPyConnection, version: Version) -> list[tuple[str, str]]:
        """Give (kind, system and key) of what the persons and others claim: specimens, images, and identifiers that links give."""
        found: list[tuple[str, str]] = []
        contested = self.study / version.contested if version.contested else None
        for entry in version.staged:
            path = parquet(self.warehouse / entry["path"])
            theirs = f"{path} SEMI JOIN erased_record USING (file_id, record)"
            sound = 'reject IS NULL AND "ignore" IS NULL'
            if entry["shape"] == "link":
                found += con.execute(
                    f"SELECT 'link', link_system || chr(31) || identifier FROM {path} WHERE {sound} GROUP BY ALL HAVING count(DISTINCT person) > 1 "
                    f"AND (link_system, identifier) IN (SELECT (link_system, identifier) FROM {theirs})"
                ).fetchall()
                continue
            for kind in CLAIMED:
                if contested is not None and kind in SHAPES[entry["shape"]].columns:
                    query = f"SELECT DISTINCT system, {kind} AS key FROM {theirs} WHERE {sound} AND {kind} IS NOT NULL"
                    found += con.execute(
                        f"SELECT kind, system || chr(31) || key FROM {parquet(contested)} SEMI JOIN ({query}) USING (system, key) WHERE kind = $kind",
                        {"kind": kind},
                    ).fetchall()
        return found

    def _notes(self, version: Version) -> list[Path]:
        return [self.warehouse / entry["path"] for entry in version.staged if entry["shape"] == "note"]

    @staticmethod
    def _texts(con: duckdb.DuckDBPyConnection, notes: list[Path]) -> list[tuple[str, str]]:
        """Give (source, name) of the files with texts that only notes of the persons take in."""
        rows = f"{parquet(*notes)}"
        columns = "SELECT DISTINCT source, text_file FROM"
        sound = 'text_file IS NOT NULL AND reject IS NULL AND "ignore" IS NULL'
        theirs = f"{columns} {rows} SEMI JOIN erased_record USING (file_id, record) WHERE {sound}"
        others = f"{columns} {rows} ANTI JOIN erased_record USING (file_id, record) WHERE {sound}"
        return [(str(source), str(name)) for source, name in con.execute(f"{theirs} EXCEPT {others}").fetchall()]

    def _stage(self, con: duckdb.DuckDBPyConnection, files: list[tuple[Path, str, int]], before: Tombstones, now: Tombstones) -> dict[Path, Staged]:
        """Rewrite staged rows: links first, since who is who follows from them."""
        newest = newest_version(self.study)
        if newest is None:
            return {}
        spill = self.warehouse / SPILL
        told = Before(before.digest, None, None)
        links = rewrite_staged(con, [file for file in files if file[1] == "link"], told, now, self.whom.token)
        if not is_done(newest, self.whom):
            crosswalk = self.study / newest.crosswalk
            old = linked_file(con, crosswalk, links_of(self.warehouse, newest), before, spill / "linked-before.parquet")
            left = [str(links[self.warehouse / entry["path"]].now) for entry in newest.staged if entry["shape"] == "link" and entry["rows"]]
            new = linked_file(con, write_crosswalk(con, crosswalk, spill / "crosswalk.parquet"), left, now, spill / "linked-now.parquet")
            told = Before(before.digest, old, new)
            now.install(con)
        return links | rewrite_staged(con, [file for file in files if file[1] != "link"], told, now, self.whom.token)

    def _count_records(self, con: duckdb.DuckDBPyConnection) -> None:
        """Note how many records of each source file tell of the persons; an attempt that was stopped may have counted before."""
        counted = {**self.whom.records, **{str(file_id): records for file_id, records in records_by_file(con).items()}}
        if counted != self.whom.records:
            self.whom = replace(self.whom, records=counted)
            if pending(self.study) is not None:
                begin(self.study, self.whom)

    def _say_sources(self, tombstones: Tombstones) -> None:
        """Say which source files hold the persons."""
        newest = newest_version(self.study)
        for entry in newest.inventory if newest is not None else []:
            records = self.whom.records.get(str(entry["file_id"]))
            if records:
                self.result.sources.append(Held(entry["source"], str(entry.get("url") or entry["path"]), records))
            elif entry["format"] == "text" and tombstones.is_text(entry["source"], entry["name"]):
                self.result.sources.append(Held(entry["source"], str(entry["path"]), 1))

    def _features(self) -> None:
        """Rewrite embedding tables and snapshots."""
        whom = self.whom
        self.progress("rewriting embeddings", 0)
        for folder in embedding_tables(self.study):
            taken = forget_in_table(folder, whom.numbers, whom.at, whom.token)
            if taken is not None:
                self.result.embeddings.append(taken)
                self.progress("rewriting embeddings", taken.rows)
        self.progress("rewriting snapshots", 0)
        root = self.study / SNAPSHOTS_FOLDER
        if root.is_dir():
            finish_again(root)
            for folder in list(snapshots_below(root)):
                taken = forget_in_snapshot(folder, whom.numbers, whom.at, whom.token)
                if taken is not None:
                    self.result.snapshots.append(taken)
                    self.progress("rewriting snapshots", taken.rows)

    def _clear_names(self, telling: Telling) -> None:
        """Take what names the persons out of the source files that older versions list: the newest one knows them as they are delivered."""
        for version in self._versions()[:-1]:
            names = [{key: telling.without(entry[key]) for key in ("name", "path")} for entry in version.inventory]
            made = replace(version, inventory=[{**entry, **name} for entry, name in zip(version.inventory, names, strict=True)])
            if made != version:
                replace_version(self.study, made)

    def _telling(self) -> Telling:
        """Give what the persons are called that tells of them wherever it stands."""
        newest = newest_version(self.study)
        ours = {(system, identifier) for system, identifier, _ in self.whom.identifiers}
        known = linked_crosswalk(self.study, newest).iter_rows() if newest is not None else ()
        return Telling.of(self.whom.names, [identifier for system, identifier, _ in known if (system, identifier) not in ours])

    def _prove(self, con: duckdb.DuckDBPyConnection, removed: Removed, *, clear: bool) -> None:
        """Look through the study."""
        self.progress("looking through files", 0)
        found: Proof = prove(con, self.study, self.whom, self._telling(), files_of_sources(self.settings, self.study), self.progress)
        self.result.left = clear_reports(self.study, found.left, removed) if clear else found.left
        self.result.scanned, self.result.excluded, self.result.identifiers = found.files, found.excluded, len(self.whom.names)
