"""Reading notes: every text once by every extractor, its findings kept by the text's SHA-256, so that a rerun reads nothing again.

What was read lies in `warehouse/findings/EXTRACTOR_ID/`, by shard: a text of two persons in one shard is read once. It is a cache: what is
there is what the extractor makes of the text, today and always; a run that was stopped goes on behind the last whole file.
"""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from plait.duck import connect, literal, make_view, parquet, sql
from plait.errors import ConfigError
from plait.etl.manifest import digest_of
from plait.etl.notes.extractor import LONGEST, Asked, Extractor, Finding, open_extractor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from plait.etl.executor import Executor
    from plait.settings import Settings

FINDINGS_FOLDER = "findings"
"""Folder in the warehouse with what was read."""

_PACKAGE = "plait.etl.notes"
_FORMAT = 1
"""Number of the columns in which findings are kept: whoever changes them counts on."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BATCH_CHARACTERS = 2_000_000
"""Characters of text that one task reads, unless the extractor is slow and says fewer: what is lost when a run is killed, what Ctrl-C waits for, and what
one process gets at a time."""

_AT_ONCE = 64
_AROUND = 60
"""Characters of a snippet before and behind what was found."""


@dataclass(frozen=True, slots=True)
class StudyExtractor:
    """An extractor of a study, as far as those need to know who do not read.

    Attributes:
        name: What `plait.yaml` calls it.
        extractor_id: What its findings are kept under.
        system: What NOTE_NLP calls it.
        languages: Languages that it reads.
        asked: What it is opened from.
        batch_characters: Characters that it reads in one task.
    """

    name: str
    extractor_id: str
    system: str
    languages: tuple[str, ...]
    asked: Asked
    batch_characters: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts to read: those of a shard's persons whose SHA-256 is between two, both included.

    Attributes:
        extractor: What reads them.
        shard: The shard.
        size: Persons per shard.
        low: The first text.
        high: The last text.
        notes: Files of staged notes.
        persons: File of who is to be computed.
        folder: Where what was read goes.
        memory: DuckDB's memory limit.
        spill: Where what does not fit into memory goes.
    """

    extractor: StudyExtractor
    shard: int
    size: int
    low: str
    high: str
    notes: tuple[str, ...]
    persons: Path
    folder: Path
    memory: str | None
    spill: Path

    @property
    def path(self) -> Path:
        """Where what was read of these texts stands."""
        return folder_of(self.folder, self.extractor) / f"{shard_prefix(self.shard)}{digest_of([self.low, self.high])[:12]}.parquet"


def folder_of(findings: Path, extractor: StudyExtractor) -> Path:
    """Give the folder of what an extractor has read."""
    return findings / extractor.extractor_id


def shard_prefix(shard: int) -> str:
    """Give what the names of a shard's files begin with."""
    return f"shard-{shard:06}-"


def files_of_shard(findings: Path, extractor: StudyExtractor, shard: int) -> list[Path]:
    """Give the files of what an extractor has read of a shard."""
    return sorted(folder_of(findings, extractor).glob(f"{shard_prefix(shard)}*.parquet"))


def extractors_of(study: Path, settings: Settings, vocabulary: Path) -> tuple[StudyExtractor, ...]:
    """Give the extractors that a study declares, in its order.

    Raises:
        ConfigError: One of them is not declared as its kind asks.
        MissingExtraError: One needs packages that are not installed.
    """
    found = []
    for declared in settings.nlp.extractors:
        asked = Asked(study, vocabulary, vocabulary.parent.parent / FINDINGS_FOLDER / "dictionaries", declared)
        extractor = open_extractor(asked)
        if not _ID.fullmatch(extractor.extractor_id):
            raise ConfigError(
                asked.where, expected="an extractor whose id has up to 100 letters, digits, '.', '_' and '-'", got="another one", todo="Ask who wrote it."
            )
        characters = getattr(extractor, "batch_characters", _BATCH_CHARACTERS)
        found.append(StudyExtractor(declared.called, f"{extractor.extractor_id}.{_FORMAT}", extractor.system, declared.languages, asked, characters))
    return tuple(found)


def read_notes(
    con: duckdb.DuckDBPyConnection,
    extractors: Sequence[StudyExtractor],
    shards: Collection[int],
    notes: Sequence[str],
    batch: Batch,
    executor: Executor,
) -> Iterator[int]:
    """Read what has not been read yet of the persons to compute, and yield the characters of each batch when it is done.

    Args:
        con: A connection.
        extractors: Who reads.
        shards: Shards with somebody to compute.
        notes: Files of staged notes.
        batch: What all batches share; its extractor, shard and texts are replaced.
        executor: Runs the batches.
    """
    batches = [one for extractor in extractors for one in _batches(con, extractor, shards, notes, batch)]
    if not batches:
        return
    for extractor in {one.extractor.name: one.extractor for one in batches}.values():
        folder_of(batch.folder, extractor).mkdir(parents=True, exist_ok=True, mode=0o700)
        prepare = getattr(_opened(extractor.asked, extractor.extractor_id), "prepare", None)
        if prepare is not None:
            prepare()
    yield from executor.run(batches, read_batch)


def _batches(con: duckdb.DuckDBPyConnection, extractor: StudyExtractor, shards: Collection[int], notes: Sequence[str], batch: Batch) -> Iterator[Batch]:
    """Yield what an extractor has not read yet, a shard's texts in lots."""
    from dataclasses import replace

    if not notes:
        return
    known = [path for shard in sorted(shards) for path in files_of_shard(batch.folder, extractor, shard)]
    make_view(con, "known_text", f"SELECT shard, text FROM {parquet(*known)}" if known else "SELECT 0 AS shard, '' AS text WHERE false")
    make_view(con, "noted", f"FROM {parquet(*notes)}")
    make_view(con, "noted_person", f"SELECT DISTINCT person_id FROM {parquet(batch.persons)} WHERE state = 'changed'")
    found = con.execute(
        sql(_PACKAGE, "unread"), {"size": batch.size, "characters": extractor.batch_characters, "languages": list(extractor.languages)}
    ).fetchall()
    for shard, low, high in found:
        yield replace(batch, extractor=extractor, shard=int(shard), low=low, high=high, notes=tuple(notes))


_locks: dict[str, threading.Lock] = {}
_lock = threading.Lock()


@cache
def _extractors() -> dict[str, Extractor]:
    """Give the extractors that this process has opened, by id."""
    return {}


def _opened(asked: Asked, extractor_id: str) -> Extractor:
    """Give an extractor, opened once in a process: what it looks up in takes time to make, and memory."""
    with _lock:
        if extractor_id not in _extractors():
            _extractors()[extractor_id] = open_extractor(asked)
            _locks[extractor_id] = threading.Lock()
        return _extractors()[extractor_id]


def read_batch(batch: Batch) -> int:
    """Read texts, write what was found, whole or not at all, and give the number of their characters."""
    import pyarrow.parquet as pq

    extractor = _opened(batch.extractor.asked, batch.extractor.extractor_id)
    characters, rows = 0, []
    with connect(threads=1, memory=batch.memory, spill=batch.spill) as con:
        make_view(con, "noted", f"FROM {parquet(*batch.notes)}")
        make_view(con, "noted_person", f"SELECT DISTINCT person_id FROM {parquet(batch.persons)} WHERE state = 'changed'")
        asked = {"first": batch.shard * batch.size, "last": (batch.shard + 1) * batch.size - 1, "low": batch.low, "high": batch.high}
        con.execute(sql(_PACKAGE, "texts"), {**asked, "languages": list(batch.extractor.languages)})
        while texts := con.fetchmany(_AT_ONCE):
            with _locks[batch.extractor.extractor_id]:
                found = extractor.extract([body for _, body in texts])
            for (text, body), findings in zip(texts, found, strict=True):
                characters += len(body)
                rows.append({"shard": batch.shard, "text": text, "findings": [_row(body, finding) for finding in findings]})
    import pyarrow as pa

    table = pa.Table.from_pylist(rows, schema=findings_schema())
    partial = batch.path.with_name(f".{batch.path.name}.{secrets.token_hex(4)}.tmp")
    try:
        pq.write_table(table, partial, compression="zstd")
        partial.replace(batch.path)
    finally:
        partial.unlink(missing_ok=True)
    return characters


def _row(body: str, finding: Finding) -> dict[str, Any]:
    """Give a finding as it is kept."""
    around = min(_AROUND, (LONGEST - (finding.end - finding.start)) // 2)
    return {
        "start": finding.start,
        "stop": finding.end,
        "lexical_variant": body[finding.start : finding.end],
        "snippet": body[max(0, finding.start - around) : finding.end + around],
        "concept_id": finding.concept_id,
        "source_concept_id": finding.source_concept_id,
        "domain_id": finding.domain,
        "section_concept_id": finding.section_concept_id,
        "is_there": finding.exists,
        "temporal": finding.temporal,
        "subject": finding.subject,
        "is_certain": finding.is_certain,
        "modifiers": finding.term_modifiers,
        "value_number": finding.value,
        "value_text": None if finding.value is not None else dict(finding.modifiers).get("value"),
        "value_concept_id": finding.value_concept_id,
        "operator": finding.operator,
        "unit": finding.unit,
        "unit_concept_id": finding.unit_concept_id,
    }


def findings_schema() -> pa.Schema:
    """Give the columns of what is kept: one row a text, with its shard, its SHA-256 and the list of its findings."""
    import pyarrow as pa

    kinds = {
        pa.int64(): ("start", "stop", "concept_id", "source_concept_id", "section_concept_id", "value_concept_id", "unit_concept_id"),
        pa.string(): ("lexical_variant", "snippet", "domain_id", "temporal", "subject", "modifiers", "value_text", "operator", "unit"),
        pa.bool_(): ("is_there", "is_certain"),
        pa.float64(): ("value_number",),
    }
    finding = pa.struct([pa.field(name, kind) for kind, names in kinds.items() for name in names])
    return pa.schema([("shard", pa.int64()), ("text", pa.string()), ("findings", pa.list_(finding))])


def read_text(findings: Path, extractors: Iterable[StudyExtractor], shard: int) -> str:
    """Give the SELECT of all that was read of a shard: extractor_id, text, findings; each text once, whatever runs read it."""
    selects = []
    for extractor in extractors:
        files = files_of_shard(findings, extractor, shard)
        if files:
            selects.append(
                f"SELECT {literal(extractor.extractor_id)} AS extractor_id, text, any_value(findings) AS findings FROM {parquet(*files)} GROUP BY text"
            )
    return " UNION ALL ".join(selects) if selects else f"SELECT '' AS extractor_id, '' AS text, {_NO_FINDINGS} AS findings WHERE false"


_NO_FINDINGS = (
    "CAST([] AS STRUCT(start BIGINT, stop BIGINT, concept_id BIGINT, source_concept_id BIGINT, section_concept_id BIGINT, value_concept_id BIGINT, "
    "unit_concept_id BIGINT, lexical_variant VARCHAR, snippet VARCHAR, domain_id VARCHAR, temporal VARCHAR, subject VARCHAR, modifiers VARCHAR, "
    "value_text VARCHAR, operator VARCHAR, unit VARCHAR, is_there BOOLEAN, is_certain BOOLEAN, value_number DOUBLE)[])"
)
