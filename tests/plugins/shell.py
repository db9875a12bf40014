"""Running `plait` as a shell does."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from unittest.mock import patch

from plait.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, and what it wrote to each stream."""

    code: int
    out: str
    err: str


def command(*arguments: object) -> Result:
    """Run `plait` in this process and give what a shell would see."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), patch.object(sys, "argv", ["plait", *map(str, arguments)]):
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


def environment() -> dict[str, str]:
    """Give the environment of a process of its own that finds what this one finds: `python -m plait`."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
