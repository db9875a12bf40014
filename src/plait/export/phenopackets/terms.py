"""Terms of ontologies: a CURIE and a name each, and the ontologies that those of a packet are of."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

PACKAGE = "plait.export.phenopackets"
UNKNOWN_VERSION = "unknown"

NOT_AVAILABLE = ("NCIT:C126101", "Not Available")
"""The term for what a schema asks and nobody wrote down."""


class Terms:
    """Gives the terms of one packet, and remembers which ontologies they are of."""

    def __init__(self) -> None:
        self.prefixes: set[str] = set()

    def __call__(self, identifier: str, label: str) -> dict[str, str]:
        """Give a term as the schema has it."""
        self.prefixes.add(identifier.partition(":")[0])
        return {"id": identifier, "label": label}

    def maybe(self, name: str, identifier: str | None, label: str | None) -> dict[str, dict[str, str]]:
        """Give a field with a term, or no field where there is no term."""
        return {name: self(identifier, label or identifier)} if identifier else {}

    def resources(self, versions: Mapping[str, str]) -> list[dict[str, str]]:
        """Give the ontologies of the terms that were given, as the schema has them.

        Args:
            versions: Versions by OMOP's name of a vocabulary; that of the whole release by no name.
        """
        known = {row["prefix"]: row for row in rows_of("resources")}
        return [
            {
                "id": row["id"],
                "name": row["name"],
                "url": row["url"],
                "version": row["version"] or versions.get(row["vocabulary_id"]) or (versions.get("") if row["vocabulary_id"] else None) or UNKNOWN_VERSION,
                "namespacePrefix": prefix,
                "iriPrefix": row["iri_prefix"],
            }
            for prefix in sorted(self.prefixes)
            for row in [known[prefix]]
        ]


@cache
def rows_of(name: str) -> list[dict[str, str]]:
    """Give the rows of one of the lists beside this module."""
    return list(csv.DictReader((files(PACKAGE) / f"{name}.csv").read_text(encoding="utf-8").splitlines(), strict=True))


def stamp(moment: dt.datetime) -> str:
    """Give a moment as protobuf writes it; times are local ones, and the Z is the schema's."""
    return moment.isoformat() + "Z"


def element(name: str, moment: dt.datetime | None) -> dict[str, Any]:
    """Give a field with a time element, or no field where there is no moment."""
    return {name: {"timestamp": stamp(moment)}} if moment is not None else {}
