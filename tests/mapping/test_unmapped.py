"""Codes without a concept: which, why, and how much hangs on each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import plait

if TYPE_CHECKING:
    from tiny_study import Tiny


def listed(desk: Tiny, *options: str) -> dict[str, dict[str, object]]:
    """Give what the command lists, by code."""
    result = desk.plait("map", "unmapped", "--json", *options)
    assert result.code == 0, result.err
    return {row["code"]: row for row in json.loads(result.out)}


def test_codes_are_listed_with_rows_persons_and_reason(desk: Tiny) -> None:
    codes = listed(desk)
    assert codes["00123"] == {
        "source": "ehr",
        "code_system": "SNOMED-CT",
        "code": "00123",
        "display": "Asthma bronchiale",
        "reason": "not_in_vocabulary",
        "domain_id": "Condition",
        "is_strict": False,
        "named_by": "event.code",
        "rows": 2,
        "persons": 2,
        "vocabulary_id": None,
        "source_concept_id": 0,
        "target_concept_id": 0,
    } | {"code_system": codes["00123"]["code_system"]}
    assert {"E119", "1E5", "3-11", "=1+1"} < set(codes)
    assert "44054006" not in codes
    assert next(iter(codes)) == "00123", "most rows first"


def test_rows_and_persons_are_those_of_the_cdm(desk: Tiny) -> None:
    con = plait.open(desk.path).connect()
    counted = dict(
        con.execute(
            "SELECT condition_source_value, {'rows': count(*), 'persons': count(DISTINCT person_id)} "
            "FROM cdm.condition_occurrence WHERE condition_concept_id = 0 GROUP BY ALL"
        ).fetchall()
    )
    codes = listed(desk, "--domain", "Condition")
    assert {code: {"rows": row["rows"], "persons": row["persons"]} for code, row in codes.items()} == counted


def test_filters_leave_the_rest_out(desk: Tiny) -> None:
    assert set(listed(desk, "--rows", "2", "--domain", "Condition")) == {"00123"}
    assert listed(desk, "--source", "nobody") == {}
    assert listed(desk, "--reason", "no_maps_to") == {}
    assert len(listed(desk, "--limit", "2")) == 2


def test_a_mapping_that_leads_astray_is_listed_with_what_is_wrong(desk: Tiny) -> None:
    settings = (desk.path / "plait.yaml").read_text(encoding="utf-8")
    desk.settings(settings + "mappings: [site.csv]\n")
    lines = ["00123,SNOMED,x,45766052,SNOMED", "1E5,SNOMED,x,999999999,SNOMED", "3-11,SNOMED,x,0,None", "E119,SNOMED,x,201826,SNOMED"]
    header = "source_code,source_vocabulary_id,source_code_description,target_concept_id,target_vocabulary_id"
    (desk.path / "site.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    desk.run()
    codes = listed(desk, "--domain", "Condition")
    assert {code: row["reason"] for code, row in codes.items()} == {
        "00123": "target_not_standard",
        "1E5": "target_unknown",
        "3-11": "no_match",
        "=1+1": "not_in_vocabulary",
    }
    assert codes["00123"]["target_concept_id"] == 45766052


def test_a_table_says_what_is_there(desk: Tiny) -> None:
    result = desk.plait("map", "unmapped", "--limit", "1")
    assert "00123" in result.out
    assert "--limit shows more" in result.err
    assert desk.plait("map", "unmapped", "--source", "nobody").out == "No code without a standard concept is of what was asked for.\n"
