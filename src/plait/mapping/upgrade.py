"""What another vocabulary release would change in a study: every code mapped by both, compared, and counted in the staged rows."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import connect, sql
from plait.etl.commit import warehouse_of
from plait.etl.derive.eras import prepare_drugs
from plait.etl.harmonize.reference import load_reference
from plait.etl.sources.folder import open_sources
from plait.etl.vocabulary import known_release, load_vocabulary, read_release, register
from plait.etl.vocabulary.approvals import read_approvals
from plait.etl.vocabulary.mapping import digest_codes, load_site_mappings, map_codes
from plait.mapping.unmapped import load_coded

if TYPE_CHECKING:
    import duckdb

    from plait.etl.commit import Version
    from plait.etl.vocabulary import Release
    from plait.settings import Settings

KINDS = {
    "retired": "codes whose concept goes: they will have none",
    "remapped": "codes that lead to another standard concept",
    "moved": "codes whose concept is of another domain",
    "mapped": "codes without a concept that will have one",
    "stale_mapping": "codes that your own mappings lead to a concept that will not be standard: their rows stay",
    "recoded": "codes whose own concept, or the value that comes with them, is another",
    "ingredients": "drugs with other ingredients or strengths, or units that count otherwise: eras and doses follow",
    "renamed": "codes whose concept has another name: no row changes",
}
"""What may happen to a code, most urgent first."""


@dataclass(frozen=True, slots=True)
class CodeChange:
    """A code of the study that another release changes.

    Attributes:
        source: The source that names it.
        code_system: Its code system, as the source names it.
        code: The code.
        display: The source's words for it.
        kind: What happens to it, one of `KINDS`.
        is_recomputed: Whether the persons whose rows name it are computed anew.
        concepts_before: The standard concepts that it leads to now.
        concepts_after: Those that it will lead to.
        names_before: Names of the former.
        names_after: Names of the latter.
        domains_before: Their domains now.
        domains_after: Their domains by the new release.
        tables_before: The CDM tables that its events stand in.
        tables_after: Those that they will stand in.
        named_by: The attributes that name it (`event.code`), with a comma between.
        rows: Staged rows that name it.
        persons: Persons whom these rows are of.
    """

    source: str
    code_system: str
    code: str
    display: str | None
    kind: str
    is_recomputed: bool
    concepts_before: list[int]
    concepts_after: list[int]
    names_before: list[str]
    names_after: list[str]
    domains_before: list[str]
    domains_after: list[str]
    tables_before: list[str]
    tables_after: list[str]
    named_by: str | None
    rows: int
    persons: int


@dataclass(frozen=True, slots=True)
class KindSum:
    """How much a kind of change touches; a person counts once."""

    kind: str
    meaning: str
    codes: int
    rows: int
    persons: int


@dataclass(frozen=True, slots=True)
class ReleaseDifference:
    """What another release would change.

    Attributes:
        before: What the study's release calls itself.
        after: What the other one does.
        codes: Codes of the study that are compared.
        changes: Those that change, most rows first.
        sums: The same by kind, most urgent first.
        rows: Staged rows that name a code whose rows in the CDM change.
        persons: Persons whom these are of: the next run computes just them anew.
        warnings: What is odd about the other release, in sentences.
    """

    before: str | None
    after: str | None
    codes: int
    changes: list[CodeChange]
    sums: list[KindSum]
    rows: int
    persons: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Staged:
    """A staged file, as far as its codes go."""

    path: str


def compare_release(study: Path, version: Version, settings: Settings, athena: Path) -> ReleaseDifference:
    """Say what another release would change in a study; nothing in the study is changed by it.

    Args:
        study: The study's folder.
        version: The version whose codes and rows count.
        settings: The study's settings: its mappings hold by either release.
        athena: Folder of an Athena download.

    Raises:
        VocabularyError: The download cannot be read.
    """
    warehouse = warehouse_of(study)
    with tempfile.TemporaryDirectory(prefix="plait-release-") as temporary, connect(spill=Path(temporary) / "spill") as con:
        before = read_release(warehouse / str(version.vocabulary))
        after = known_release(athena, warehouse / "vocabulary") or load_vocabulary(con, athena, Path(temporary) / "vocabulary")
        for name, release in (("meaning_before", before), ("meaning_now", after)):
            _load_meanings(con, release, study, version, settings, Path(temporary) / f"{name}.parquet")
            con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql('plait.mapping', 'meanings')}", {"digests": str(Path(temporary) / f"{name}.parquet")})
        con.execute(sql("plait.mapping", "release_changes"))
        load_coded(con, study, version)
        con.execute(sql("plait.mapping", "release_counts"))
        changes = [CodeChange(*row) for row in con.execute(sql("plait.mapping", "release_codes")).fetchall()]
        sums = {kind: counts for kind, *counts in con.execute(sql("plait.mapping", "release_sums")).fetchall()}
        codes = con.execute("SELECT count(*) FROM meaning_now").fetchone()
    return ReleaseDifference(
        before=before.release,
        after=after.release,
        codes=codes[0] if codes else 0,
        changes=changes,
        sums=[KindSum(kind, meaning, *sums[kind]) for kind, meaning in KINDS.items() if kind in sums],
        rows=sums[None][1],
        persons=sums[None][2],
        warnings=after.warnings,
    )


def _load_meanings(con: duckdb.DuckDBPyConnection, release: Release, study: Path, version: Version, settings: Settings, digests: Path) -> None:
    """Map the study's codes by a release, as a run does, and write the digest of each."""
    register(con, release)
    sources = open_sources(settings, study)
    load_site_mappings(con, sources, settings.mappings, read_approvals(study))
    map_codes(con, [_Staged(str(warehouse_of(study) / entry["path"])) for entry in version.staged], sources)
    load_reference(con, ())
    prepare_drugs(con)
    digest_codes(con, digests)
