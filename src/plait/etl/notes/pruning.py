"""What was read of texts that no kept version has goes, as do the findings of extractors that none used: they tell of patients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.duck import connect, make_view, parquet, sql, write_parquet
from plait.etl.notes.reading import FINDINGS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from plait.etl.commit import Version

_MOST_FILES = 16
"""Files of a shard that are made one, though all of their texts are used."""

_SHARD = re.compile(r"(shard-\d{6,}-)[0-9a-z]+\.parquet")


def unused_findings(warehouse: Path, versions: Sequence[Version]) -> list[Path]:
    """Give the files of extractors that no version names, of dictionaries, which are made again when they are wanted, and what killed runs left half-done."""
    used = {extractor for version in versions for extractor in version.extractors}
    folder = warehouse / FINDINGS_FOLDER
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and (file.name.startswith(".") or file.relative_to(folder).parts[0] not in used)]


def prune_findings(warehouse: Path, versions: Sequence[Version], is_young: Callable[[Path], bool], *, dry_run: bool) -> list[Path]:
    """Leave of what was read only the texts of notes that a version has, and give the files that went; files too young stay.

    Args:
        warehouse: The study's warehouse.
        versions: The versions that are kept.
        is_young: Tells whether a file is too young to go.
        dry_run: Change nothing.
    """
    gone: list[Path] = []
    with connect() as con:
        for folder in sorted(path for path in (warehouse / FINDINGS_FOLDER).glob("*") if path.is_dir()):
            shards: dict[str, list[Path]] = {}
            for file in sorted(folder.glob("shard-*.parquet")):
                match = _SHARD.fullmatch(file.name)
                if match is not None:
                    shards.setdefault(match[1], []).append(file)
            for prefix, files in shards.items():
                if any(map(is_young, files)):
                    continue
                make_view(con, "kept_note", _notes(warehouse, versions, prefix))
                make_view(con, "text_read", f"FROM {parquet(*files)}")
                row = con.execute(sql("plait.etl.notes", "unused_texts")).fetchone()
                if (row and row[0]) or len(files) > _MOST_FILES:
                    gone += files
                    if not dry_run:
                        write_parquet(con, sql("plait.etl.notes", "used_texts"), folder / f"{prefix}pruned.parquet.new")
                        for file in files:
                            file.unlink()
                        (folder / f"{prefix}pruned.parquet.new").replace(folder / f"{prefix}pruned.parquet")
    return gone


def _notes(warehouse: Path, versions: Iterable[Version], prefix: str) -> str:
    """Give the SELECT of the texts of a shard's notes in some versions."""
    number = str(int(prefix.removeprefix("shard-").rstrip("-")))
    files = {version.shards.get(number, {}).get("cdm", {}).get("note") for version in versions}
    paths = sorted(warehouse / file for file in files if file)
    return f"SELECT note_text FROM {parquet(*paths)}" if paths else "SELECT '' AS note_text WHERE false"
