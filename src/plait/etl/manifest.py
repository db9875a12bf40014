"""Manifests: what a finished piece of work wrote, so that a later run takes it over and does not do it again.

A manifest stands beside no file before all of its files do. It names their sizes, since a machine that
loses power may keep a name and lose what stood under it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_manifest(manifest: Path, files: Iterable[Path], content: dict[str, Any]) -> None:
    """Write that `files` are whole, and `content` (JSON) beside it; the folder is made."""
    manifest.parent.mkdir(parents=True, exist_ok=True)
    sizes = {os.path.relpath(file, manifest.parent): file.stat().st_size for file in files}
    partial = manifest.with_name(f"{manifest.name}.{secrets.token_hex(4)}.tmp")
    try:
        partial.write_text(json.dumps({"files": sizes, **content}), encoding="utf-8")
        partial.replace(manifest)
    finally:
        partial.unlink(missing_ok=True)


def read_manifest(manifest: Path) -> dict[str, Any] | None:
    """Give the content of a manifest; None where there is none, or one of its files is not what it was."""
    try:
        content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        sizes: dict[str, int] = content.pop("files")
    except (FileNotFoundError, ValueError, KeyError):
        return None
    folder = manifest.parent
    return content if all(_size(folder / name) == size for name, size in sizes.items()) else None


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def digest_of(parts: list[Any]) -> str:
    """Give a digest of what a piece of work is made of, as far as JSON can say it."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
