"""Derived rows: each has its known time and its lineage; a rule that cannot be kept stops the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plait

if TYPE_CHECKING:
    from tiny_study import Tiny

DERIVED = ("condition_era", "observation_period")


def test_every_derived_row_has_a_known_time_and_members(clean: Tiny) -> None:
    con = plait.open(clean.path).connect()
    for table in DERIVED:
        rows = con.execute("SELECT count(*) FROM query_table($table)", {"table": f"cdm.{table}"}).fetchone()
        known = con.execute("SELECT count(*), count(known_time), count(person_id) FROM plait.row_meta WHERE table_name = $table", {"table": table}).fetchone()
        made = con.execute("SELECT count(DISTINCT row_id) FROM plait.derivation WHERE table_name = $table", {"table": table}).fetchone()
        assert rows is not None
        assert rows[0] > 0
        assert known == (rows[0],) * 3
        assert made == rows


def test_every_member_is_a_row_with_a_record_and_a_known_time(clean: Tiny) -> None:
    con = plait.open(clean.path).connect()
    lost = con.execute(
        "SELECT count(*) FROM plait.derivation AS d LEFT JOIN plait.lineage AS l ON d.from_table = l.table_name AND d.from_row_id = l.row_id "
        "LEFT JOIN plait.row_meta AS m ON d.from_table = m.table_name AND d.from_row_id = m.row_id WHERE l.record IS NULL OR m.known_time IS NULL"
    ).fetchone()
    assert lost == (0,)


def test_trace_of_an_era_names_its_conditions_and_their_records(clean: Tiny) -> None:
    con = plait.open(clean.path).connect()
    row = con.execute("SELECT condition_era_id FROM cdm.condition_era WHERE condition_concept_id = 317009").fetchone()
    assert row is not None
    found = plait.open(clean.path).trace("condition_era", row[0])
    assert [(member["table_name"], member["file"], member["record"], member["role"]) for member in found["members"]] == [
        ("condition_occurrence", "conditions", 2, "loaded")
    ]
    assert found["records"] == []
    shown = clean.plait("etl", "trace", "condition_era", str(row[0]))
    assert "made of" in shown.out
    assert "conditions" in shown.out


def test_eras_are_the_same_in_shards_of_one_person(clean: Tiny, fresh: Tiny) -> None:
    settings = (fresh.path / "plait.yaml").read_text(encoding="utf-8")
    fresh.settings(settings + "shard_persons: 1\n")
    studies = [plait.open(clean.path), fresh.run()]
    for table in (*(f"cdm.{name}" for name in DERIVED), "plait.derivation"):
        one, other = [study.connect().execute("SELECT * FROM query_table($table) ORDER BY ALL", {"table": table}).fetchall() for study in studies]
        assert one == other


def test_the_rule_source_needs_a_source_with_periods(fresh: Tiny) -> None:
    settings = (fresh.path / "plait.yaml").read_text(encoding="utf-8")
    fresh.settings(settings + "observation_period: {rule: source}\n")
    shown = fresh.plait("run")
    assert shown.code == 2
    assert "a source with a SELECT that gives the shape 'period'" in shown.err


def test_one_period_of_a_person_has_no_gap(fresh: Tiny) -> None:
    settings = (fresh.path / "plait.yaml").read_text(encoding="utf-8")
    fresh.settings(settings + "observation_period: {gap_days: 30}\n")
    shown = fresh.plait("run")
    assert shown.code == 2
    assert "gap_days belongs to the rules activity, enrolment and source" in shown.err
