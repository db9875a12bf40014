"""A digest of plait's own code: what was made by other code is made anew."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from importlib.resources import files


def code_digest(*parts: tuple[str, str | None]) -> str:
    """Give a digest of files of plait's packages, and of the engine that runs its SQL.

    Args:
        parts: (package, file) each; all code, SQL and CSV of the package itself where no file is named.
    """
    digest = hashlib.sha256(version("duckdb").encode())  # of the engine that is there: to load it costs as much as to see that nothing changed
    for package, name in parts:
        folder = files(package)
        names = [name] if name is not None else sorted(entry.name for entry in folder.iterdir() if entry.name.endswith((".py", ".sql", ".csv")))
        for each in names:
            digest.update(each.encode() + b"\0" + (folder / each).read_bytes())
    return digest.hexdigest()
