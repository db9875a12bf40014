"""Hashes of weights: SHA-256 over the files, computed anew only where size or time of one has changed."""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from plait.schema.embeddings import FEATURES_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CACHE = "weights.json"


def weights_hash(study: Path, files: Sequence[Path]) -> str:
    """Give the SHA-256 of a model's weights: of the file where it is one, else of the lines that `sha256sum` prints of them, by name."""
    cache = study / FEATURES_FOLDER / _CACHE
    known: dict[str, list[int | str]] = {}
    with suppress(OSError, ValueError):
        known = json.loads(cache.read_text(encoding="utf-8"))
    found = {file: _entry(file, known.get(str(file.resolve()))) for file in files}
    entries = {str(file.resolve()): entry for file, entry in found.items()}
    if not entries.items() <= known.items():
        _save(cache, {**known, **entries})
    if len(files) == 1:
        return str(found[files[0]][2])
    lines = sorted(f"{entry[2]}  {file.name}\n" for file, entry in found.items())
    return hashlib.sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()


def _entry(file: Path, known: list[int | str] | None) -> list[int | str]:
    """Give size, time and hash of a file, from what is known of it where that still holds."""
    stat = file.stat()
    if known is not None and known[:2] == [stat.st_size, stat.st_mtime_ns]:
        return known
    with file.open("rb") as opened:
        return [stat.st_size, stat.st_mtime_ns, hashlib.file_digest(opened, "sha256").hexdigest()]


def _save(cache: Path, entries: dict[str, list[int | str]]) -> None:
    """Write what is known, whole or not at all; a study that cannot be written to is read without."""
    temporary = cache.with_name(f".{_CACHE}.{secrets.token_hex(4)}")
    with suppress(OSError):
        cache.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")
        temporary.replace(cache)
