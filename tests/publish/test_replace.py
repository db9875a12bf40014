"""A publication replaces the one before all at once: readers, and whoever looks after a failure, see the old one or the new."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest
from little_study import Little, with_notes
from postgres_server import PASSWORD, Target

from plait.errors import PublishError
from plait.etl.commit import warehouse_of

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_rerun_replaces_and_readers_keep_their_grants(little: Callable[..., Little], target: Target) -> None:
    target.do("CREATE SCHEMA results", "CREATE TABLE results.cohort (id bigint)")
    first, second = little(with_notes("old")), little(with_notes("new", "newer"))
    assert not first.publish(target).replaced
    role = f"reader_{target.name}"
    target.do(
        f"CREATE ROLE {role}",
        f"GRANT USAGE ON SCHEMA cdm TO {role} WITH GRANT OPTION",
        f"GRANT SELECT ON cdm.note, cdm.person TO {role}",
        "GRANT SELECT ON cdm.concept TO PUBLIC",
    )
    report = second.publish(target)
    assert (report.replaced, report.version, report.put_aside) == (True, 2, ())
    assert target.notes() == ["new", "newer"]
    assert target.schemas() == ["cdm", "results"]
    assert target.rows("SELECT obj_description('cdm'::regnamespace)")[0][0].endswith("published this CDM, version 2")
    may = "SELECT {} FROM unnest(ARRAY['note', 'person', 'concept', 'death']) AS name"
    assert target.rows(may.format(f"has_table_privilege('{role}', 'cdm.' || name, 'SELECT')")) == [(True,), (True,), (True,), (False,)]
    assert target.rows(f"SELECT has_schema_privilege('{role}', 'cdm', 'USAGE WITH GRANT OPTION')") == [(True,)]


@pytest.mark.parametrize("step", ["publishing", "keys and indices"])
def test_a_publication_that_fails_leaves_the_one_before(step: str, little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)

    def fail(at: str, rows: int) -> None:
        del rows
        if at == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        little(with_notes("new")).publish(target, progress=fail)
    assert (target.notes(), target.schemas()) == (["old"], ["cdm"])


def test_a_server_that_hangs_up_leaves_the_publication_before(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)

    def hang_up(at: str, rows: int) -> None:
        if at == "publishing" and rows:
            with target.server.connect() as con:
                con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plait publish'")

    with pytest.raises(PublishError) as caught:
        little(with_notes("new")).publish(target, progress=hang_up)
    assert PASSWORD not in str(caught.value)
    assert (target.notes(), target.schemas()) == (["old"], ["cdm"])


KILLED = """
import os, pathlib, signal, sys
from plait.etl.commit import newest_version
from plait.etl.publish import publish
def die(step, rows):
    if step == "keys and indices":
        os.kill(os.getpid(), signal.SIGKILL)
study = pathlib.Path(sys.argv[1])
publish(study, newest_version(study), sys.argv[2], progress=die)
"""


def test_a_process_that_is_killed_leaves_the_publication_before(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)
    study = little(with_notes("new"))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(study.path), target.url], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (target.notes(), target.schemas()) == (["old"], ["cdm"])
    assert study.publish(target).replaced
    assert (target.notes(), target.schemas()) == (["new"], ["cdm"])


def test_a_parquet_file_that_breaks_off_stops_before_anything_is_replaced(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)
    study = little(with_notes("new"))

    def break_off(at: str, rows: int) -> None:
        file = warehouse_of(study.path) / study.version.tables["cdm"]["note"][0]
        if at == "publishing" and rows:
            file.write_bytes(file.read_bytes()[:100])

    with pytest.raises(duckdb.Error):
        study.publish(target, progress=break_off)
    assert (target.notes(), target.schemas()) == (["old"], ["cdm"])


def test_unequal_numbers_of_rows_stop_the_publication(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)
    more, study = little(with_notes("one", "two")), little(with_notes("new"))
    file, other = (warehouse_of(of.path) / of.version.tables["cdm"]["note"][0] for of in (study, more))

    def grow(at: str, rows: int) -> None:
        if at == "publishing" and rows:
            file.write_bytes(other.read_bytes())

    with pytest.raises(PublishError, match=r"expected equal numbers, got note: 1 and 2. Nothing was replaced"):
        study.publish(target, progress=grow)
    assert (target.notes(), target.schemas()) == (["old"], ["cdm"])


def test_a_reader_in_an_open_transaction_finishes_with_the_old_and_then_sees_the_new(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old", "older")).publish(target)
    with target.connected() as reader:
        with reader.transaction(), reader.cursor("reading") as reading:
            reading.execute("SELECT note_text FROM cdm.note ORDER BY note_id")
            assert reading.fetchone() == ("old",)
            report = little(with_notes("new")).publish(target)
            assert reading.fetchone() == ("older",)
            assert reader.execute("SELECT note_text FROM cdm.note").fetchall() == [("new",)]
        assert [name.startswith("cdm_old_") for name in report.put_aside] == [True]
        assert target.schemas() == ["cdm", *report.put_aside]
    report = little(with_notes("newest")).publish(target)
    assert report.put_aside == ()
    assert (target.notes(), target.schemas()) == (["newest"], ["cdm"])


def test_a_reader_with_an_older_snapshot_sees_no_empty_table(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)
    with target.connected() as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute("SELECT count(*) FROM cdm.person").fetchone() == (1,)
        little(with_notes("new")).publish(target)
        assert reader.execute("SELECT note_text FROM cdm.note").fetchall() == [("new",)]


def test_one_publication_at_a_time(little: Callable[..., Little], target: Target) -> None:
    refused = []

    def try_too(at: str, rows: int) -> None:
        if at == "publishing" and rows and not refused:
            with pytest.raises(PublishError, match="another one in progress") as caught:
                little(with_notes("second")).publish(target)
            refused.append(caught.value)

    little(with_notes("first")).publish(target, progress=try_too)
    assert refused
    assert target.notes() == ["first"]
