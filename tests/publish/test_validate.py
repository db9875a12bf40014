"""`plait validate --cdm URL`: a CDM in PostgreSQL is checked as the study that it was published from is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import plait

if TYPE_CHECKING:
    from postgres_server import Target

    from shell import Result
    from tiny_study import Tiny

DAY = ("--today", "2026-11-23", "--json")


def numbers(result: Result) -> dict[str, tuple[object, ...]]:
    return {row["check_id"]: (row["violated"], row["denominator"], row["status"]) for row in json.loads(result.out)["results"]}


def test_a_published_cdm_has_the_numbers_of_its_study(clean: Tiny, target: Target) -> None:
    plait.open(clean.path).publish(target.url)
    checks = ("person", "visit_occurrence", "condition_occurrence", "concept", "cdm_source")
    there = clean.plait("validate", *checks, *DAY, "--cdm", target.url)
    here = numbers(clean.plait("validate", *checks, *DAY))
    of_books = {name for name in here if name.startswith(("knownAfterEvent", "steady"))}
    assert {name: found for name, found in numbers(there).items() if name not in of_books} == {
        name: found for name, found in here.items() if name not in of_books
    }
    assert json.loads(there.out)["name"] == target.bare_url
    assert {found[2] for name, found in numbers(there).items() if name.startswith("knownAfterEvent")} == {"NA"}  # it has no books


def test_a_database_without_a_cdm_is_refused_without_its_password(clean: Tiny, target: Target) -> None:
    done = clean.plait("validate", "--cdm", target.url)
    assert (done.code, "expected a CDM" in done.err, target.url in done.err) == (2, True, False)
