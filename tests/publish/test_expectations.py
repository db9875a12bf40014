"""Suites of users run on PostgreSQL, on the server itself, and find what they find in the study that was published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from postgres_server import PASSWORD

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


def test_suites_write_nothing_into_a_database(published: Target, tmp_path: Path) -> None:
    published.do("CREATE SEQUENCE IF NOT EXISTS counter")
    query = "SELECT * FROM {batch} WHERE nextval('counter') > 0"
    suite = {"expectations": [{"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}]}
    (tmp_path / "person.json").write_text(json.dumps(suite), encoding="utf-8")
    done = command("validate", "expectations", "--cdm", published.url, "--expectations", tmp_path, *DAY)
    (row,) = json.loads(done.out)["results"]
    assert (row["status"], row["reason"]) == ("ERROR", "Great Expectations could not answer it: ReadOnlySqlTransaction")
    assert published.rows("SELECT is_called FROM counter") == [(False,)]


def test_a_password_is_not_in_data_docs(published: Target, tmp_path: Path) -> None:
    write_suites(tmp_path / "suites")
    docs = tmp_path / "docs"
    done = command("validate", "expectations.by_hand.person.*", "--cdm", published.url, "--expectations", tmp_path / "suites", "--data-docs", docs, *DAY)
    assert json.loads(done.out)["data_docs"] == str(docs / "data_docs/index.html")
    kept = "".join(file.read_text(encoding="utf-8") for file in docs.rglob("*") if file.is_file())
    assert "by_hand.person" in kept
    assert not any(secret in kept + done.out + done.err for secret in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe="")))
