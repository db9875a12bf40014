"""Suites of users run on PostgreSQL, on the server itself, and find what they find in the study that was published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import plait
from hand_suites import SUITES, write_suites
from shell import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postgres_server import Target

    from shell import Result

DAY = ("--today", "2026-11-23", "--json")


def found(result: Result) -> dict[str, tuple[object, ...]]:
    return {row["check_id"]: (row["violated"], row["denominator"], row["severity"], row["status"]) for row in json.loads(result.out)["results"]}


@pytest.fixture(scope="module")
def published(demo_study: Path, new_target: Callable[[], Target]) -> Target:
    target = new_target()
    plait.open(demo_study).publish(target.url)
    return target


def test_twenty_expectations_find_the_same_in_postgresql_as_in_duckdb(demo_study: Path, published: Target, tmp_path: Path) -> None:
    write_suites(tmp_path)
    suites = ("--expectations", tmp_path)
    here = found(command("validate", "expectations", "-s", demo_study, *suites, *DAY))
    there = command("validate", "expectations", "--cdm", published.url, *suites, *DAY)
    assert len(here) == sum(len(pairs) for pairs in SUITES.values()) == 20
    assert found(there) == here
    assert {status for *_, status in here.values()} == {"PASS", "FAIL"}
