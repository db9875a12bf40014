"""Suites of Great Expectations written by hand: twenty expectations of six tables, each with the SELECT of (violated, denominator) that asks the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_NOT_NULL = "SELECT count(*) FILTER ({column} IS NULL), count(*) FROM cdm.{table}"
_OF_VALUES = "SELECT count(*) FILTER (NOT ({holds})), count({column}) FROM cdm.{table} WHERE {column} IS NOT NULL"

SUITES: dict[str, list[tuple[dict[str, Any], str]]] = {
    "person": [
        ({"type": "expect_column_values_to_be_unique", "kwargs": {"column": "person_id"}}, "SELECT 0, count(*) FROM cdm.person"),
        (
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "year_of_birth", "min_value": 1940, "max_value": 2015}},
            _OF_VALUES.format(table="person", column="year_of_birth", holds="year_of_birth BETWEEN 1940 AND 2015"),
        ),
        (
            {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "gender_source_value", "value_set": ["F"]}},
            _OF_VALUES.format(table="person", column="gender_source_value", holds="gender_source_value = 'F'"),
        ),
        (
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "person_source_value", "regex": "^[0-9a-f]{8}-[0-9a-f-]+$"}},
            _OF_VALUES.format(table="person", column="person_source_value", holds="regexp_matches(person_source_value, '^[0-9a-f]{8}-[0-9a-f-]+$')"),
        ),
        (
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "race_source_value", "regex": "hit"}, "severity": "info"},
            _OF_VALUES.format(table="person", column="race_source_value", holds="race_source_value LIKE '%hit%'"),
        ),
        (
            {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1_000_000}},
            "SELECT (count(*) < 1000000)::INT, 1 FROM cdm.person",
        ),
    ],
    "visit_occurrence": [
        (
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "provider_id"}},
            _NOT_NULL.format(table="visit_occurrence", column="provider_id"),
        ),
        (
            {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": {"column_A": "visit_end_date", "column_B": "visit_start_date"}},
            "SELECT count(*) FILTER (NOT visit_end_date > visit_start_date), count(*) FROM cdm.visit_occurrence",
        ),
        (
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "visit_start_date", "min_value": "2005-01-01", "max_value": "2015-12-31"}},
            _OF_VALUES.format(table="visit_occurrence", column="visit_start_date", holds="visit_start_date BETWEEN '2005-01-01' AND '2015-12-31'"),
        ),
    ],
    "condition_occurrence": [
        (
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "condition_end_date", "mostly": 0.5}, "severity": "warning"},
            _NOT_NULL.format(table="condition_occurrence", column="condition_end_date"),
        ),
        (
            {"type": "expect_column_values_to_not_be_in_set", "kwargs": {"column": "condition_concept_id", "value_set": [0]}, "severity": "warning"},
            _OF_VALUES.format(table="condition_occurrence", column="condition_concept_id", holds="condition_concept_id <> 0"),
        ),
        (
            {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["person_id", "condition_concept_id"]}},
            (
                "SELECT count(*) FILTER (n > 1), count(*) "
                "FROM (SELECT count(*) OVER (PARTITION BY person_id, condition_concept_id) AS n FROM cdm.condition_occurrence)"
            ),
        ),
        (
            {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "condition_source_value", "min_value": 7, "max_value": 9}},
            _OF_VALUES.format(table="condition_occurrence", column="condition_source_value", holds="length(condition_source_value) BETWEEN 7 AND 9"),
        ),
    ],
    "measurement": [
        (
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "value_as_number", "min_value": 0, "max_value": 200}},
            _OF_VALUES.format(table="measurement", column="value_as_number", holds="value_as_number BETWEEN 0 AND 200"),
        ),
        (
            {"type": "expect_column_values_to_not_match_regex", "kwargs": {"column": "measurement_source_value", "regex": "^8"}},
            _OF_VALUES.format(table="measurement", column="measurement_source_value", holds="measurement_source_value NOT LIKE '8%'"),
        ),
        (
            {
                "type": "unexpected_rows_expectation",
                "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE value_as_number < 1"},
                "severity": "info",
                "description": "no value is below 1",
            },
            "SELECT count(*), NULL FROM cdm.measurement WHERE value_as_number < 1",
        ),
        (
            {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "value_as_number", "min_value": -1}, "severity": "info"},
            "SELECT (avg(value_as_number) < -1)::INT, 1 FROM cdm.measurement",
        ),
    ],
    "observation": [
        (
            {
                "type": "expect_column_values_to_match_like_pattern",
                "kwargs": {"column": "observation_source_value", "like_pattern": "1%"},
                "severity": "warning",
            },
            _OF_VALUES.format(table="observation", column="observation_source_value", holds="observation_source_value LIKE '1%'"),
        ),
        (
            {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "observation_id", "type_": "BIGINT"}, "severity": "warning"},
            "SELECT 0, 1",
        ),
    ],
    "observation_period": [
        (
            {
                "type": "expect_select_column_values_to_be_unique_within_record",
                "kwargs": {"column_list": ["observation_period_id", "person_id"]},
                "severity": "info",
            },
            "SELECT count(*) FILTER (observation_period_id = person_id), count(*) FROM cdm.observation_period",
        ),
    ],
}


def write_suites(folder: Path) -> None:
    """Write them as Great Expectations does, one of a table."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, pairs in SUITES.items():
        suite = {"name": f"by_hand.{table}", "expectations": [expectation for expectation, _ in pairs], "meta": {"table": table}}
        (folder / f"{table}.json").write_text(json.dumps(suite, indent=2), encoding="utf-8")
