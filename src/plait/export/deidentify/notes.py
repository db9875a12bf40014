"""The notes of an export without what identifies: the temporary view `scrubbed_note` that tables are written from, and what was found."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import literal, parquet, sql
from plait.errors import ExportError
from plait.etl.executor import LocalProcesses
from plait.export.deidentify.text.dates import Order, count_orders
from plait.export.deidentify.text.own import Own
from plait.export.deidentify.text.scrub import Scrubber
from plait.export.deidentify.text.tagging import Tagging, open_tagger
from plait.export.phrases import words
from plait.workfolder import PRIVATE_WORK, work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    import polars as pl

    from plait.etl.run import Progress
    from plait.export.known.identifiers import Known
    from plait.policy_settings import PolicySettings

SCRUBBED_FILE = "scrubbed.json"
"""The file of a package that tells what was found in notes, and never where or what it was."""

_PACKAGE = "plait.export.deidentify"
_LOT = 8192
"""Notes of a task; DuckDB makes groups of rows of whole multiples of 2,048."""
_LOOKED_AT = 8192
"""Notes that tell how the study writes dates of three numbers."""
_WORTH_PROCESSES = 16 << 20
"""Signs of text from which on starting processes is worth it."""
_SHORTEST_PART = 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found.

    Attributes:
        kind: What it is: `name`, `date`, `phone`, …
        rule: The rule.
        count: How often, None where it is of fewer persons than may be told.
    """

    kind: str
    rule: str
    count: int | None


@dataclass(frozen=True, slots=True)
class ScrubbedNotes:
    """What was done to notes.

    Attributes:
        notes: Notes that leave.
        changed: Those in which something was found.
        found: What was found, by kind and rule.
        model: The model that helped, None without one.
    """

    notes: int
    changed: int
    found: tuple[Found, ...]
    model: str | None = None

    def write(self, folder: Path) -> None:
        """Write the report into a package."""
        found = [{"kind": one.kind, "rule": one.rule, "count": one.count} for one in self.found]
        content = {"notes": self.notes, "changed": self.changed, "model": self.model, "found": found}
        (folder / SCRUBBED_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Lot:
    """Some notes to scrub: a group of rows of a file."""

    folder: Path
    group: int
    order: Order | None
    tagging: Tagging | None


@contextmanager
def scrubbed_notes(
    con: duckdb.DuckDBPyConnection, study: Path, policy: PolicySettings, known: Known, *, threads: int | None = None, progress: Progress
) -> Iterator[ScrubbedNotes | None]:
    """Make the temporary view `scrubbed_note` (note_id, note_text) for as long as it is needed, where the policy has notes scrubbed; else None.

    Args:
        con: A connection that `plait.export.deidentify.tables.prepare` prepared.
        study: The study's folder; notes are kept in its `private/` while they are worked on, and removed.
        policy: What becomes of notes, and the model that helps.
        known: What the study knows of who somebody is.
        threads: Processes to use, as many as cores if None.
        progress: Hears of notes that were scrubbed.

    Raises:
        ExportError: A source's files are gone, so that what it says of persons cannot be looked for.
        ConfigError: The model has no label that tells of what identifies.
        EncoderError: There is no such model.
        MissingExtraError: A package is not installed.
    """
    if policy.notes != "scrub" or "note" in policy.withhold:
        yield None
        return
    if known.unread:
        raise ExportError(
            f"source '{known.unread[0]}'",
            expected="its files, which say what persons are called",
            got="none that can be read",
            todo="Restore them, or have notes withheld (policy.notes: withhold).",
        )
    private = study / "private"
    parent = private if os.access(private, os.W_OK) else Path(tempfile.gettempdir())
    with work_folder(parent, PRIVATE_WORK) as folder:
        yield _scrub(con, folder, Tagging(study, policy.note_model) if policy.note_model else None, known.texts, policy.min_cell, threads, progress)


def _scrub(
    con: duckdb.DuckDBPyConnection, folder: Path, tagging: Tagging | None, known: pl.DataFrame, min_cell: int, threads: int | None, progress: Progress
) -> ScrubbedNotes:
    import pyarrow.parquet as pq

    con.execute(f"COPY ({sql(_PACKAGE, 'notes_to_scrub')}) TO {literal(folder / 'notes.parquet')} (FORMAT parquet, ROW_GROUP_SIZE {_LOT})")
    _write_known(con, folder, known)
    file = pq.ParquetFile(folder / "notes.parquet")
    signs = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
    order = _order(file)
    lots = [_Lot(folder, n, order, tagging) for n in range(file.num_row_groups) if file.metadata.row_group(n).num_rows]
    if tagging is not None:
        open_tagger(tagging)
    cores = threads or os.cpu_count() or 1
    done = LocalProcesses(cores).run(lots, _scrub_lot) if signs > _WORTH_PROCESSES and cores > 1 and tagging is None else map(_scrub_lot, lots)
    counted: Counter[tuple[str, str]] = Counter()
    persons: Counter[tuple[str, str]] = Counter()
    notes = changed = 0
    for count, touched, found, of in done:
        notes, changed = notes + count, changed + touched
        counted.update(found)
        persons.update(of)
        progress("export", count)
    made = [folder / f"scrubbed-{lot.group}.parquet" for lot in lots]
    con.execute("DROP TABLE IF EXISTS scrubbed_note")
    nothing = "SELECT CAST(NULL AS BIGINT) AS note_id, CAST(NULL AS VARCHAR) AS note_text WHERE FALSE"
    con.execute(f"CREATE OR REPLACE TEMP VIEW scrubbed_note AS {f'FROM {parquet(*made)}' if made else nothing}")
    told = tuple(Found(kind, rule, count if persons[kind, rule] >= min_cell else None) for (kind, rule), count in sorted(counted.items()))
    return ScrubbedNotes(notes, changed, told, tagging.model if tagging else None)


def _write_known(con: duckdb.DuckDBPyConnection, folder: Path, known: pl.DataFrame) -> None:
    """Write what is looked for: by person what the person is known by, with the parts of the names of who treated them; and of all others."""
    import polars as pl

    treated = con.execute(sql(_PACKAGE, "own_providers")).fetchall()
    parts = [(person, "name", part) for person, name in treated for part in {name, *name.split()} if len("".join(words(part))) >= _SHORTEST_PART]
    leaving = con.execute("SELECT person_id FROM pseudonym").pl()
    own = pl.concat([known.filter(pl.col("person_id").is_not_null()), pl.DataFrame(parts, schema=known.schema, orient="row")]).unique()
    own.join(leaving, on="person_id", how="semi").sort("person_id").write_parquet(folder / "own.parquet")
    others = known.filter(pl.col("person_id").is_null()).select("kind", "text")
    several = others["text"].str.strip_chars().str.contains(r"[^\s]\s+[^\s]")
    has_digit = others["text"].str.contains(r"\d")
    others.filter((pl.col("kind").is_in(["name", "place"]) & several) | (~pl.col("kind").is_in(["name", "place"]) & has_digit)).unique().write_parquet(
        folder / "others.parquet"
    )


def _order(file: object) -> Order | None:
    """Give what stands first in the study's dates of three numbers, by the first of its notes; None where they do not tell."""
    days = months = 0
    for batch in file.iter_batches(batch_size=_LOOKED_AT, columns=["note_text"]):  # type: ignore[attr-defined] # pyarrow has no types
        for text in batch.column(0).to_pylist():
            first, second = count_orders(text)
            days, months = days + first, months + second
        break
    return None if days == months else "day" if days > months else "month"


def _scrub_lot(lot: _Lot) -> tuple[int, int, Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Scrub some notes into a file of their own, and give their number, how many changed, what was found, and of how many persons."""
    import polars as pl
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(lot.folder / "notes.parquet").read_row_group(lot.group)
    notes = pl.DataFrame(rows)
    known = pl.scan_parquet(lot.folder / "own.parquet").filter(pl.col("person_id").is_between(notes["person_id"].min(), notes["person_id"].max())).collect()
    of_person = {person[0]: frame.select("kind", "text").rows() for person, frame in known.partition_by("person_id", as_dict=True).items()}
    scrubber = Scrubber(_others(lot.folder), lot.order, open_tagger(lot.tagging) if lot.tagging else None)
    texts, found, persons, changed = [], Counter[tuple[str, str]](), Counter[tuple[str, str]](), 0
    for (person, days), frame in notes.partition_by("person_id", "shift_days", as_dict=True, maintain_order=True).items():
        own = Own.of(of_person.get(person, ()))
        mine: set[tuple[str, str]] = set()
        for text in frame["note_text"]:
            done = scrubber.scrub(text, days, own)
            texts.append(done.text)
            found.update(done.found)
            mine.update(done.found)
            changed += bool(done.found)
        persons.update(mine)
    made = notes.select("note_id").with_columns(pl.Series("note_text", texts, pl.String))
    made.write_parquet(lot.folder / f"scrubbed-{lot.group}.parquet")
    return notes.height, changed, found, persons


@lru_cache(1)
def _others(folder: Path) -> Own:
    """Give what is looked for in all notes."""
    import polars as pl

    return Own.of(pl.read_parquet(folder / "others.parquet").rows())
