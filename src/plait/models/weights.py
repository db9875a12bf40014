"""Hashes of weights and of other files: SHA-256, computed anew only where size or time of one has changed."""

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


def weights_hash(study: Path, files: Sequence[Path]) -> str:
    """Give the SHA-256 of a model's weights: of the file where it is one, else of the lines that `sha256sum` prints of them, by name."""
    hashes = file_hashes(study / FEATURES_FOLDER / "weights.json", files)
    if len(files) == 1:
        return hashes[0]
    lines = (f"{digest}  {file.name}\n" for file, digest in sorted(zip(files, hashes, strict=True), key=lambda pair: pair[0].name))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_hashes(cache: Path, files: Sequence[Path]) -> list[str]:
    """Give the SHA-256 of each file; what is known of files whose size and time are unchanged is taken from a cache, which is kept up to date."""
    known: dict[str, list[int | str]] = {}
    with suppress(OSError, ValueError):
        known = json.loads(cache.read_text(encoding="utf-8"))
    entries = {str(file.resolve()): _entry(file, known.get(str(file.resolve()))) for file in files}
    if not entries.items() <= known.items():
        _save(cache, {**known, **entries})
    return [str(entries[str(file.resolve())][2]) for file in files]


def _entry(file: Path, known: list[int | str] | None) -> list[int | str]:
    """Give size, time and hash of a file, from what is known of it where that still holds."""
    stat = file.stat()
    if known is not None and known[:2] == [stat.st_size, stat.st_mtime_ns]:
        return known
    with file.open("rb") as opened:
        return [stat.st_size, stat.st_mtime_ns, hashlib.file_digest(opened, "sha256").hexdigest()]


def _save(cache: Path, entries: dict[str, list[int | str]]) -> None:
    """Write what is known, whole or not at all; a study that cannot be written to is read without."""
    temporary = cache.with_name(f".{cache.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        cache.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
        temporary.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")
        temporary.replace(cache)
