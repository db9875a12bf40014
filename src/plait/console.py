"""What the command line shows: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from plait.progress import Progress


_NO_LIMIT = 100_000
"""Columns of a terminal that is none."""


def as_json(data: Any) -> str:  # noqa: ANN401 - anything that a command gives back
    """Give data as JSON, dates in ISO form."""

    def plain(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, (dt.date, dt.datetime)):
            return value.isoformat()
        if isinstance(value, (Path, decimal.Decimal)):
            return str(value)
        if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        raise TypeError(type(value).__name__)

    return json.dumps(data, default=plain, indent=2, ensure_ascii=False)


def say(text: str = "") -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(text + "\n")


def hint(text: str) -> None:
    """Write a line about the work to stderr."""
    sys.stderr.write(text + "\n")


def table(title: str, rows: Sequence[dict[str, Any]], *, columns: Iterable[str] | None = None) -> None:
    """Show rows as a table: numbers to the right with thousands marked, zeros quiet, ids as they are; where nobody watches, a row is a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = list(columns or (rows[0] if rows else ()))
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold", style="yellow" if name == "rejected" else None)
    for row in rows:
        shown.add_row(*(_cell(row.get(name), is_id=name.endswith("_id")) for name in names))
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _NO_LIMIT)
    with console.capture() as captured:
        if title:
            console.print(Text(title, "bold"))
        console.print(shown)
    for line in captured.get().removesuffix("\n").split("\n"):
        say(line.rstrip())


def _cell(value: Any, *, is_id: bool) -> str:  # noqa: ANN401
    """Give a value as text for a cell; text is shown as it is, not as markup."""
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and not is_id:
        return "·" if value == 0 else f"{value:,}"
    return escape(str(value))


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Give a listener that shows the rows passing through each step on stderr, silent where nobody watches."""
    from plait.progress import silent

    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    tasks: dict[str, TaskID] = {}
    with Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:

        def listen(step: str, rows: int) -> None:
            if step not in tasks:
                for earlier in tasks.values():
                    bar.stop_task(earlier)
                tasks[step] = bar.add_task(step, total=None)
            bar.update(tasks[step], advance=rows)

        yield listen
