"""What Croissant's RAI extension asks of data about persons, in the study's own figures: who they are, what is missing, what is sensitive."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import TYPE_CHECKING

from plait.duck import sql
from plait.export.fair import duo
from plait.export.fair.missing import shares, splits_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from plait.export.fair.aggregates import Group
    from plait.export.fair.missing import Cell, Described
    from plait.export.outgoing import Outgoing

_PACKAGE = "plait.export.fair"
_KINDS = {
    "person": "sex, year of birth, race and ethnicity",
    "condition_occurrence": "diagnoses",
    "drug_exposure": "drugs",
    "procedure_occurrence": "procedures",
    "measurement": "laboratory values and vital signs",
    "observation": "habits, history and circumstances",
    "death": "deaths and their causes",
    "omics_variant": "genetic data: variants",
    "omics_feature": "molecular data",
    "image_occurrence": "records of medical images",
    "cost": "costs of care",
}
"""What tables tell of a person that the law calls sensitive (GDPR, article 9)."""


def said(out: Outgoing, groups: Sequence[Group], snapshots: Sequence[Described], cells: Sequence[Cell], tables: Collection[str]) -> dict[str, Any]:
    """Give the fields of a `Dataset` that say who the data are of and what they lack.

    Args:
        out: The export.
        groups: The persons by group, as they are told.
        snapshots: The snapshots that go along.
        cells: What of these is missing, as far as it is told.
        tables: Tables of the CDM that have rows, here or in the study.
    """
    return {
        "missing": shares(cells),
        "imputation": _imputation(snapshots),
        "biases": tuple(_biases(groups, out.persons)),
        "sensitive_kinds": tuple(about for name, about in _KINDS.items() if name in tables),
        "use_cases": tuple(f"{term}: {duo.meaning(term)}" for term in out.policy.duo),
        "coverage": _coverage(out),
        "timeframe": _timeframe(out),
        "splits": splits_of(snapshots),
    }


def _imputation(snapshots: Sequence[Described]) -> str:
    filled = [f"{one.name}: {one.filled}." for one in snapshots if one.filled]
    rest = "In all tables else nothing" if filled else "Nothing"
    return " ".join([*filled, f"{rest} is imputed: what is missing is empty, in snapshots beside a column with its reason."])


def _biases(groups: Sequence[Group], persons: int) -> list[str]:
    """Give the shares of the persons who are told, by what they are grouped by."""
    found = []
    for breakdown, of_it in groupby(groups, key=lambda group: group.breakdown):
        told = [f"{one.category} {one.persons / persons:.0%}" for one in of_it if one.persons]
        if told and " and " not in breakdown:
            found.append(f"Persons by {breakdown}: {', '.join(told)}. Groups of few are not told.")
    return found


def _coverage(out: Outgoing) -> tuple[str, ...]:
    return tuple(f"{source} captures {domains}" for source, domains in out.con.execute(sql(_PACKAGE, "covered")).fetchall() if domains)


def _timeframe(out: Outgoing) -> tuple[dt.date, dt.date] | None:
    """Give the years in which enough persons were observed."""
    first, last = out.con.execute(sql(_PACKAGE, "timeframe"), {"min_cell": out.policy.min_cell}).fetchone() or (None, None)
    return (dt.date(int(first), 1, 1), dt.date(int(last), 12, 31)) if first and last and first <= last else None
