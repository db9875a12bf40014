"""Notes without what identifies: lots of them are scrubbed beside one another, each into a file of its own."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from plait.duck import literal, parquet, sql
from plait.etl.executor import LocalProcesses
from plait.export.deidentify.notes import Found, ScrubbedNotes
from plait.export.deidentify.text.dates import Order, count_orders
from plait.export.deidentify.text.own import Own
from plait.export.deidentify.text.scrub import Scrubber
from plait.export.deidentify.text.tagging import Tagging, open_tagger
from plait.export.phrases import words

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import polars as pl

    from plait.progress import Progress

_PACKAGE = "plait.export.deidentify"
_LOT = 8192
"""Notes of a task; DuckDB makes groups of rows of whole multiples of 2,048."""
_LOOKED_AT = 8192
"""Notes that tell how the study writes dates of three numbers."""
_WORTH_PROCESSES = 16 << 20
"""Signs of text from which on starting processes is worth it."""
_SHORTEST_PART = 3


@dataclass(frozen=True, slots=True)
class _Lot:
    """Some notes to scrub: a group of rows of a file."""

    folder: Path
    group: int
    order: Order | None
    tagging: Tagging | None


def scrub_notes(
    con: duckdb.DuckDBPyConnection, folder: Path, tagging: Tagging | None, known: pl.DataFrame, min_cell: int, threads: int | None, progress: Progress
) -> ScrubbedNotes:
    """Write the notes that leave without what identifies, make the temporary view `scrubbed_note` of them, and tell what was found.

    Args:
        con: A connection that `plait.export.deidentify.tables.prepare` prepared.
        folder: A private folder for the notes, which the view reads.
        tagging: The model that helps, None without one.
        known: What the study knows of who somebody is.
        min_cell: The fewest persons of whom a finding is counted.
        threads: Processes to use, as many as cores if None.
        progress: Hears of notes that were scrubbed.
    """
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
