"""The Data Use Ontology: its terms by number and name, as GA4GH gives them out (https://github.com/EBISPOT/DUO)."""

from __future__ import annotations

import csv
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


@cache
def terms() -> dict[str, str]:
    """Give the name of each term that may be said of data."""
    rows = csv.DictReader((files("plait.export.fair") / "duo.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["term"]: row["name"] for row in rows}


def meaning(term: str) -> str:
    """Give the name of a term.

    Raises:
        ConfigError: There is no such term.
    """
    found = terms().get(term)
    if found is None:
        near = get_close_matches(term, terms(), n=1)
        hint = f"Did you mean {near[0]} ({terms()[near[0]]})?" if near else "They are listed at https://github.com/EBISPOT/DUO."
        raise ConfigError("policy.duo", expected="a term of the Data Use Ontology", got=f"'{term}'", todo=hint)
    return found


def check(named: Iterable[str]) -> None:
    """Fail unless all terms are ones of the ontology.

    Raises:
        ConfigError: One is not.
    """
    for term in named:
        meaning(term)
