"""What `plait publish` wrote into PostgreSQL is read back by `kind: omop`, as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from postgres_server import PASSWORD

import plait
from tiny_omop import Legacy, differences

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import Target

    from tiny_study import Tiny


def reading(target: Target, clean: Tiny, folder: Path, **options: str) -> Legacy:
    """Give a study whose source is a database; the password is in the environment."""
    url = target.bare_url.replace("plait@", "plait:${CDM_PASSWORD}@")
    return Legacy(folder / "back", tables={}, options={"path": url} | options).write(vocabulary=str(clean.path / "data" / "athena"))


@pytest.mark.long
def test_a_published_cdm_is_read_back_as_it_is(clean: Tiny, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDM_PASSWORD", PASSWORD)
    plait.open(clean.path).publish(target.url)
    target.do("CREATE SCHEMA aaa", "CREATE TABLE aaa.person (person_id BIGINT)")  # the first one with such a table, and not the one that is named
    back = reading(target, clean, tmp_path, schema="cdm")
    done = back.plait("etl", "run", "--memory", "600MiB")
    assert done.code == 0, done.err
    assert differences(clean.path, back.path) == {}
    assert target.rows("SELECT count(*) FROM cdm.person") == [(4,)]  # it is left as it was
    assert back.plait("etl", "run").out.startswith("Nothing has changed")
    target.do("UPDATE cdm.condition_occurrence SET condition_source_value = 'another' WHERE person_id = 1")
    report = json.loads(back.plait("etl", "run", "--json").out)
    assert report["sources"] == [{"source": "legacy", "added": 0, "changed": 1, "removed": 0}]
    kept = [path for path in back.path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []


def test_a_database_without_a_cdm_or_without_its_password_is_refused(clean: Tiny, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back = reading(target, clean, tmp_path)
    monkeypatch.delenv("CDM_PASSWORD", raising=False)
    done = back.plait("etl", "run")
    assert (done.code, "'CDM_PASSWORD'" in done.err) == (2, True), done.err
    monkeypatch.setenv("CDM_PASSWORD", "hunter2")
    done = back.plait("etl", "run")
    assert (done.code, "hunter2" in done.err, target.bare_url in done.err) == (1, False, True), done.err
    monkeypatch.setenv("CDM_PASSWORD", PASSWORD)
    done = back.plait("etl", "run")
    assert (done.code, "a database that holds a CDM" in done.err) == (2, True), done.err
