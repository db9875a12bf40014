"""A study's page as HTML: one file without scripts that fetches nothing, so that it opens anywhere, and prints."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError
from plait.report.facts import gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plait.featurestore.store import Store
    from plait.report.facts import Facts

PAGE = Path("reports") / "study.html"
"""Where the page stands in a study, unless another place is named."""

_FATES = ("loaded", "merged", "ignored", "rejected")


def write_page(store: Store, target: Path) -> Facts:
    """Write the page of the version that a feature store reads, for its owner alone, and give what it tells. A page of the same place is replaced.

    Raises:
        ConfigError: The place is a folder.
    """
    if target.is_dir():
        raise ConfigError(target, expected="a file", got="a folder", todo=f"Name a file in it: -o {target / PAGE.name}")
    facts = gather(store)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".tmp")
    with open(partial, "w", encoding="utf-8", opener=_private) as file:
        file.write(render(facts))
    partial.replace(target)
    return facts


def render(facts: Facts) -> str:
    """Give the page. The same facts give the same page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("plait.report", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = _number
    environment.filters["percent"] = _percent
    lines = {source: list(rows) for source, rows in groupby(facts.books["ledger"], key=lambda line: line["source"])}
    sums = {source: _sum(rows) for source, rows in lines.items()}
    page: str = environment.get_template("page.html.j2").render(facts=facts, fates=_FATES, lines=lines, sums=sums, totals=_sum(facts.books["ledger"]))
    return page


def _number(value: float | None) -> str:
    """Give a number with its thousands apart, and a sign where it is not told."""
    return "—" if value is None else f"{value:,}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} %"


def _sum(ledger: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Give what became of all records that lines of the ledger are of."""
    return {fate: sum(line[fate] for line in ledger) for fate in ("read", *_FATES, "written")}


def _private(path: str, flags: int) -> int:
    """Open a file that its owner alone can read."""
    return os.open(path, flags, 0o600)
