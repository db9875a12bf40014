"""What `plait publish` refuses, and that nothing it says shows a password or a value of a row."""

from __future__ import annotations

import json
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from little_study import Little, Rows, with_notes
from postgres_server import PASSWORD, Server, Target

from plait.errors import ConfigError, MissingExtraError, PlaitError, PublishError
from plait.etl.postgres import read_url
from plait.etl.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_nul_character_is_refused_and_its_place_named(little: Callable[..., Little], target: Target) -> None:
    little().publish(target)
    rows = Rows()
    rows["note"] = [{"note_id": number, "person_id": 1, "note_text": text} for number, text in enumerate(("SECRET\0", "fine", "SECRET \0 again"))]
    with pytest.raises(PublishError, match=r"NUL characters, got some in note\.note_text \(2 rows\)") as caught:
        little(rows).publish(target)
    assert "SECRET" not in str(caught.value)
    assert target.rows("SELECT note_text FROM cdm.note") == [("nothing special",)]


def test_nothing_in_a_required_column_is_refused_and_its_place_named(little: Callable[..., Little], target: Target) -> None:
    study = little(Rows(), fill=False)
    with pytest.raises(PublishError, match=r"none in person\.gender_concept_id \(1 rows\).*note\.note_date \(1 rows\)"):
        study.publish(target)
    assert target.schemas() == []


# What is refused


@pytest.mark.parametrize("comment", ["", "COMMENT ON SCHEMA cdm IS 'somebody else''s'"])
def test_a_schema_that_plait_did_not_make_is_refused(comment: str, little: Callable[..., Little], target: Target) -> None:
    target.do("CREATE SCHEMA cdm", "CREATE TABLE cdm.person (person_id bigint)", *filter(None, [comment]))
    with pytest.raises(ConfigError, match=r"schema cdm: .* one that plait did not make.*--schema"):
        little().publish(target)
    assert target.rows("SELECT * FROM cdm.person") == []
    assert target.schemas() == ["cdm"]


def test_what_others_built_on_it_is_not_lost(little: Callable[..., Little], target: Target) -> None:
    little(with_notes("old")).publish(target)
    target.do(
        "CREATE TABLE cdm.my_cohort (id bigint)",
        "CREATE VIEW cdm.adults AS SELECT 1 AS a",
        "CREATE FUNCTION cdm.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW public.elders AS SELECT * FROM cdm.person",
        "CREATE TABLE public.mine (id bigint REFERENCES cdm.person)",
    )
    named = "constraint mine_id_fkey on table mine, function cdm.f(), table cdm.my_cohort, view cdm.adults, view elders"
    with pytest.raises(ConfigError, match=re.escape(f"schema cdm: expected nothing but what plait made, got also {named}. ")):
        little(with_notes("new")).publish(target)
    assert (target.notes(), target.schemas()) == (["old"], ["cdm"])


@pytest.mark.parametrize("name", ["", "CDM", "pg_cdm", "public", "information_schema", "a b", 'x"; DROP SCHEMA cdm', "x" * 47])
def test_a_name_that_is_no_name_for_a_schema_is_refused(name: str, little: Callable[..., Little], target: Target) -> None:
    with pytest.raises(ConfigError, match="--schema: expected the name of a schema"):
        little().publish(target, schema=name)


def test_a_user_who_may_not_hears_so_before_anything_is_copied(little: Callable[..., Little], target: Target) -> None:
    target.do(f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'")
    heard: list[str] = []
    study = little()

    def publish_as_stranger() -> None:
        publish(study.path, study.version, target.url.replace("plait:", "stranger:"), progress=lambda step, _: heard.append(step))

    with pytest.raises(PublishError, match=r"InsufficientPrivilege \(42501\): permission denied for database .*GRANT CREATE ON DATABASE"):
        publish_as_stranger()
    study.publish(target)
    target.do(f"GRANT CREATE ON DATABASE {target.name} TO stranger")
    with pytest.raises(PublishError, match=r"\(42501\): must be owner of schema cdm"):
        publish_as_stranger()
    assert not heard


def test_a_database_that_is_not_in_utf8_is_refused(little: Callable[..., Little], new_target: Callable[..., Target]) -> None:
    target = new_target("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(PublishError, match="expected a database in UTF8, got one in LATIN1"):
        little().publish(target)


def test_two_rows_with_one_id_are_refused_without_their_values(little: Callable[..., Little], target: Target) -> None:
    rows = Rows()
    rows["person"] *= 2
    rows["person"] = [row | {"person_id": 424_242} for row in rows["person"]]
    rows["note"] = []
    with pytest.raises(PublishError, match=r"person\.xpk_person: .*UniqueViolation \(23505\)") as caught:
        little(rows).publish(target)
    assert "424242" not in str(caught.value)
    assert target.schemas() == []


# URLs and passwords


def everything_said(error: BaseException) -> str:
    """What a message, a representation or a traceback shows."""
    return "".join([str(error), repr(error), repr(error.args), *traceback.format_exception(error)])


TAIL = "qu1x"
SECRET = "p/w@x:7%é"  # noqa: S105 - nobody's


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://plait:{quoted}@127.0.0.1:{port}/postgres", PublishError),
        ("postgresql://plait@127.0.0.1:{port}/postgres?password={quoted}", PublishError),
        ("postgresql://plait:{quoted}@127.0.0.1:{port}/nowhere", PublishError),
        ("postgresql://plait:{quoted}@127.0.0.1:1/postgres", PublishError),
        ("postgresql://plait:{quoted}@no-such-host.invalid/postgres", PublishError),
        ("postgresql://plait:{quoted}@/postgres?host=/no/such/folder", PublishError),
        ("postgresql://plait:{quoted}@127.0.0.1:{port}/postgres?no_such_option=1", ConfigError),
        ("postgresql://plait:{raw}@127.0.0.1:{port}/postgres", ConfigError),
        ("postgresql://plait:x@127.0.0.1:{raw}/postgres", ConfigError),
        ("postgresql://plait:x@{tail}@127.0.0.1/postgres", ConfigError),
        ("mysql://plait:{quoted}@127.0.0.1/omop", ConfigError),
        ("postgresql+psycopg2://plait:{quoted}@127.0.0.1/omop", ConfigError),
        ("{raw}", ConfigError),
    ],
)
def test_no_error_shows_a_password(url: str, kind: type[PlaitError], server: Server, little: Callable[..., Little]) -> None:
    study = little()
    with pytest.raises(kind) as caught:
        publish(study.path, study.version, url.format(quoted=quote(SECRET, safe=""), raw=SECRET, tail=TAIL, port=server.port))
    said = everything_said(caught.value)
    for part in (SECRET, quote(SECRET), quote(SECRET, safe=""), "x:7", TAIL):
        assert part not in said


def test_a_wrong_password_says_what_failed(server: Server, little: Callable[..., Little], command: Callable[..., Any]) -> None:
    study = little()
    with pytest.raises(PublishError, match=f"postgresql://plait@127.0.0.1:{server.port}/postgres: .*password authentication failed.*PGPASSWORD"):
        publish(study.path, study.version, f"postgresql://plait:wrong@127.0.0.1:{server.port}/postgres")
    result = command("publish", f"postgresql://plait:wr0ng@127.0.0.1:{server.port}/postgres", "-s", study.path)
    assert (result.code, result.out) == (1, "")
    assert "password authentication failed" in result.err
    assert "wr0ng" not in result.err


def test_the_password_comes_from_the_environment(target: Target, little: Callable[..., Little], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = little()
    target.do("CREATE SCHEMA cdm")

    def assert_lets_in(url: str) -> None:
        with pytest.raises(ConfigError, match="one that plait did not make"):
            publish(study.path, study.version, url)

    with pytest.raises(PublishError, match="no password supplied"):
        publish(study.path, study.version, target.bare_url)
    monkeypatch.setenv("OMOP_PW", PASSWORD)
    assert_lets_in(target.bare_url.replace("plait@", "plait:${OMOP_PW}@"))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert_lets_in(target.bare_url)
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pgpass").write_text("127.0.0.1:*:*:plait:" + PASSWORD.replace("\\", "\\\\").replace(":", "\\:") + "\n", encoding="utf-8")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert_lets_in(f"{target.bare_url}?sslmode=prefer")


@pytest.mark.parametrize(
    ("url", "shown", "parameters"),
    [
        ("postgresql://h/d", "postgresql://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql:///d?host=/run/pg", "postgresql:///d", {"host": "/run/pg", "dbname": "d"}),
        ("postgresql+psycopg://u:p%40@[::1]:5/d", "postgresql+psycopg://u@[::1]:5/d", {"host": "::1", "port": "5", "password": "p@"}),
        ("postgresql://u:${A}${B}@${H}:${P}/d", "postgresql://u@db:6/d", {"password": "x/@y${z}", "host": "db", "port": "6"}),
        ("postgresql://u@h/d?sslmode=require&connect_timeout=3", "postgresql://u@h/d", {"sslmode": "require", "connect_timeout": "3"}),
    ],
)
def test_url_forms(url: str, shown: str, parameters: dict[str, str]) -> None:
    database = read_url(url, {"A": "x/@", "B": "y${z}", "H": "db", "P": "6"})
    assert database.shown == shown
    assert database.parameters | parameters == database.parameters
    assert not database.secrets or all(secret not in repr(database) for secret in database.secrets)


def test_a_password_that_the_server_says_is_taken_out() -> None:
    database = read_url(f"postgresql://u:{quote(SECRET, safe='')}@h/d")
    assert database.masked(f"no pg_hba entry for {SECRET},\n\tnor {quote(SECRET)} ({quote(SECRET, safe='')})") == "no pg_hba entry for ***, nor *** (***)"


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigError, match=r"environment variable 'NO_SUCH'.*export NO_SUCH="):
        read_url("postgresql://u:${NO_SUCH}@h/d", {})


def test_without_psycopg_the_extra_is_named(little: Callable[..., Little], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    study = little()
    with pytest.raises(MissingExtraError, match=r"pip install 'plait\[postgres\]'"):
        publish(study.path, study.version, "postgresql://h/d")


# The command line


def test_the_command_prints_rows_and_keys_or_json(little: Callable[..., Little], target: Target, command: Callable[..., Any]) -> None:
    rows = Rows()
    rows["domain"] = [{"domain_id": "D"}, *({"domain_id": f"D{number}", "domain_concept_id": number} for number in range(1, 8))]
    study = little(rows)
    shown = command("publish", target.url, "-s", study.path)
    assert (shown.code, shown.err) == (0, "")
    assert re.search(r"^domain +8 +8$", shown.out, re.MULTILINE)
    assert re.search(r"^domain\.domain_concept_id +concept\.concept_id +7 +7 +1, 2, 3, 4, 5, …$", shown.out, re.MULTILINE)
    made = "version 1, 13 rows, 33 primary keys, 188 foreign keys (1 left out), 96 indices."
    assert f"Made schema cdm in {target.bare_url}: {made}" in shown.out
    report = json.loads(command("publish", target.url, "--schema", "cdm", "--json", "-s", study.path).out)
    assert (report["replaced"], report["database"], report["foreign_keys"], report["indices"]) == (True, target.bare_url, 188, 96)
    assert [key["first"] for key in report["keys_left_out"]] == [[1, 2, 3, 4, 5]]
    assert {"table": "domain", "study": 8, "database": 8} in report["tables"]


def test_the_command_refuses_what_is_no_url_and_a_study_that_was_not_run(little: Callable[..., Little], tmp_path: Path, command: Callable[..., Any]) -> None:
    refused = command("publish", "sqlite:///x.db", "-s", little().path)
    assert (refused.code, refused.out) == (2, "")
    assert "expected postgresql+psycopg://USER@HOST:PORT/DATABASE, got 'sqlite://…'" in refused.err
    (tmp_path / "new").mkdir()
    (tmp_path / "new/plait.yaml").write_text("study: s\n", encoding="utf-8")
    assert command("publish", "postgresql://h/d", "-s", tmp_path / "new").code == 1
    assert "Example: plait publish" in command("publish", "--help").out
