"""plait beside OHDSI's own ETL-Synthea, on the same files (`tutorial-109`); each difference stands in docs/conventions.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import plait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

FACTS = {"condition_occurrence": "condition", "drug_exposure": "drug", "device_exposure": "device"}
SAME = {
    "the fact": "person, code, concept_id, start_date",
    "its source concept": "person, code, concept_id, start_date, source_concept_id",
    "its end": "person, code, concept_id, start_date, end_date",
    "its type": "person, code, concept_id, start_date, type_concept_id",
    "its provider": "person, code, concept_id, start_date, provider",
}
ROLLED_UP = "visit_concept_id IN (9201, 9202, 9203)"

_FACTS = """
    CREATE TABLE {schema}_{table} AS
    SELECT
        p.person_source_value AS person, f.{kind}_source_value AS code, f.{kind}_concept_id AS concept_id, f.{kind}_source_concept_id AS source_concept_id,
        f.{start} AS start_date, f.{end} AS end_date, f.{kind}_type_concept_id AS type_concept_id, r.provider_source_value AS provider,
        v.visit_concept_id, v.visit_start_date, v.visit_end_date, f.*
    FROM {schema}.{table} AS f
    INNER JOIN {schema}.person AS p USING (person_id)
    LEFT JOIN {schema}.provider AS r ON f.provider_id = r.provider_id
    LEFT JOIN {schema}.visit_occurrence AS v ON f.visit_occurrence_id = v.visit_occurrence_id
    WHERE f.{kind}_concept_id != 0
"""
_VISITS = """
    CREATE TABLE {schema}_visit AS
    SELECT
        p.person_source_value AS person, v.visit_concept_id, v.visit_start_date AS start_date, v.visit_end_date AS end_date,
        r.provider_source_value AS provider, v.visit_occurrence_id, {encounter} AS encounter
    FROM {schema}.visit_occurrence AS v
    INNER JOIN {schema}.person AS p USING (person_id)
    LEFT JOIN {schema}.provider AS r ON v.provider_id = r.provider_id
    {joins}
"""
_LEADER = """
    INNER JOIN plait.lineage AS l ON l.table_name = 'visit_occurrence' AND l.row_id = v.visit_occurrence_id AND l.role = 'loaded'
    INNER JOIN raw.encounters AS e ON l.record = e.record
"""


@pytest.fixture(scope="module")
def con(shared: Path, make_study: Callable[..., Path]) -> duckdb.DuckDBPyConnection:
    """Both CDMs side by side: schemas `cdm` (ours), `oracle` (OHDSI's, typed as ours) and `raw`."""
    folder = shared / "data" / "synthea" / "tutorial-109"
    con = plait.open(make_study(folder / "raw", "tutorial-2025")).connect()
    con.execute("SET enable_progress_bar = false; CREATE SCHEMA oracle; CREATE SCHEMA raw")
    for file in sorted((folder / "cdm").glob("*.csv")):
        columns = con.execute(f"SELECT column_name, column_type FROM (DESCRIBE cdm.{file.stem})").fetchall()
        typed = ", ".join(
            f"CAST(strptime({name}, '%Y%m%d') AS DATE) AS {name}" if kind == "DATE" else f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns
        )
        con.execute(f"CREATE TABLE oracle.{file.stem} AS SELECT {typed} FROM read_csv('{file}', header = true, all_varchar = true)")
    for file in sorted((folder / "raw").glob("*.csv")):
        con.execute(f"CREATE TABLE raw.{file.stem} AS SELECT row_number() OVER () AS record, * FROM read_csv('{file}', header = true, all_varchar = true)")
    for schema in ("cdm", "oracle"):
        for table, kind in FACTS.items():
            start = f"{kind}_start_date" if kind == "condition" else f"{kind}_exposure_start_date"
            con.execute(_FACTS.format(schema=schema, table=table, kind=kind, start=start, end=start.replace("start", "end")))
    con.execute(_VISITS.format(schema="cdm", encounter="e.Id", joins=_LEADER))
    con.execute(_VISITS.format(schema="oracle", encounter="v.visit_source_value", joins=""))
    return con


def one(con: duckdb.DuckDBPyConnection, query: str) -> Any:  # noqa: ANN401
    """Give the only value of a query."""
    row = con.execute(query).fetchone()
    assert row is not None
    return row[0]


def only_in(con: duckdb.DuckDBPyConnection, left: str, right: str) -> int:
    """Count rows of one query that another one lacks, as multisets."""
    return int(one(con, f"SELECT count(*) FROM (({left}) EXCEPT ALL ({right}))"))


def differing(con: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int, int]:
    """Give (rows of ours, only in ours, only in theirs) of a query with `{schema}` in it."""
    ours, theirs = query.format(schema="cdm"), query.format(schema="oracle")
    return int(one(con, f"SELECT count(*) FROM ({ours})")), only_in(con, ours, theirs), only_in(con, theirs, ours)


@pytest.mark.parametrize("what", sorted(SAME))
@pytest.mark.parametrize(("table", "rows"), [("condition_occurrence", 2222), ("drug_exposure", 9513), ("device_exposure", 154)])
def test_facts_with_a_concept_are_equal(con: duckdb.DuckDBPyConnection, table: str, rows: int, what: str) -> None:
    assert differing(con, f"SELECT {SAME[what]} FROM {{schema}}_{table}") == (rows, 0, 0)


_BY_PERSON = "FROM {schema}.%s INNER JOIN {schema}.person AS p USING (person_id)"
EQUAL = {
    "persons, by birth, sex and ethnicity": (
        "SELECT person_source_value, gender_concept_id, year_of_birth, month_of_birth, day_of_birth, birth_datetime, ethnicity_concept_id,"
        " gender_source_value, race_source_value, ethnicity_source_value FROM {schema}.person"
    ),
    "deaths, by cause": "SELECT person_source_value, death_type_concept_id, cause_concept_id, cause_source_value, cause_source_concept_id "
    + _BY_PERSON % "death",
    "observation periods, by start, end and type": (
        "SELECT person_source_value, observation_period_start_date, observation_period_end_date, period_type_concept_id " + _BY_PERSON % "observation_period"
    ),
    "payer plan periods, by start, end, payer and plan": (
        "SELECT person_source_value, payer_plan_period_start_date, payer_plan_period_end_date, payer_source_value, plan_source_value "
        + _BY_PERSON % "payer_plan_period"
    ),
    "conditions with a concept": "SELECT person, code, concept_id, start_date, end_date, provider FROM {schema}_condition_occurrence",
    "drug exposures with a concept": "SELECT person, code, concept_id, start_date, end_date, verbatim_end_date, provider FROM {schema}_drug_exposure",
    "device exposures with a concept": "SELECT person, code, concept_id, start_date, end_date, unique_device_id, provider FROM {schema}_device_exposure",
    "emergency visits, by start, end and provider": (
        "SELECT person, visit_concept_id, start_date, end_date, provider FROM {schema}_visit WHERE visit_concept_id = 9203"
    ),
    "providers, by name, specialty and sex": (
        "SELECT provider_source_value, provider_name, specialty_concept_id, gender_concept_id, specialty_source_value FROM {schema}.provider"
    ),
    "care sites, by name": "SELECT care_site_source_value, care_site_name FROM {schema}.care_site",
}


def test_what_is_equal(con: duckdb.DuckDBPyConnection, conventions: Callable[..., dict[str, int]]) -> None:
    found = {name: differing(con, query) for name, query in EQUAL.items()}
    assert {name: differences for name, (_, *differences) in found.items() if differences != [0, 0]} == {}
    assert {name: rows for name, (rows, *_) in found.items()} == conventions("What is equal")


def test_visits(con: duckdb.DuckDBPyConnection, conventions: Callable[..., dict[str, int]]) -> None:
    con.execute("""
        CREATE OR REPLACE TEMP TABLE ours_only AS
        SELECT person, visit_concept_id, start_date, end_date FROM cdm_visit EXCEPT ALL SELECT person, visit_concept_id, start_date, end_date FROM oracle_visit;
        CREATE OR REPLACE TEMP TABLE theirs_only AS
        SELECT person, visit_concept_id, start_date, end_date FROM oracle_visit EXCEPT ALL SELECT person, visit_concept_id, start_date, end_date FROM cdm_visit;
        """)
    names = {8782: "urgent care", 8863: "skilled nursing", 5083: "telehealth", 8546: "hospice", 581476: "at home"}
    # OHDSI's tables of visits are made of inpatient, emergency and outpatient classes only (AllVisitTable.sql); it has no visit of any other
    assert one(con, f"SELECT count(*) FROM oracle_visit WHERE NOT {ROLLED_UP}") == 0
    found = {
        f"{names[concept]} visits, only plait's": count
        for concept, count in con.execute(f"SELECT visit_concept_id, count(*) FROM cdm_visit WHERE NOT {ROLLED_UP} GROUP BY ALL").fetchall()
    }
    # 19 outpatient visits: another outpatient visit covers the day on which they start, and OHDSI gives their encounters to that one
    covered = """
        SELECT count(*) FROM ours_only AS o
        WHERE o.visit_concept_id = 9202 AND EXISTS (
            FROM oracle_visit AS t
            WHERE t.person = o.person AND t.visit_concept_id = 9202 AND o.start_date BETWEEN t.start_date AND t.end_date AND t.start_date {before} o.start_date
        )
    """
    found["outpatient visits, only plait's, on the last day of an earlier one"] = one(con, covered.format(before="<"))
    found["outpatient visits, only plait's, on the day of one of another class"] = one(con, covered.format(before="="))
    # 6 inpatient visits: an encounter that plait rolled into a longer stay with the same end, of which both have the first encounter's visit
    found["inpatient visits, only OHDSI's"] = one(
        con,
        """
        SELECT count(*)
        FROM theirs_only AS t
        INNER JOIN oracle_visit AS o ON t.person = o.person AND t.start_date = o.start_date AND t.end_date = o.end_date AND t.visit_concept_id = 9201
        INNER JOIN raw.encounters AS e ON o.encounter = e.Id AND e.ENCOUNTERCLASS = 'inpatient'
        INNER JOIN plait.lineage AS l ON l.table_name = 'visit_occurrence' AND e.record = l.record AND l.role = 'merged'
        INNER JOIN cdm_visit AS s ON l.row_id = s.visit_occurrence_id AND s.visit_concept_id = 9201 AND s.start_date < t.start_date AND s.end_date = t.end_date
        INNER JOIN oracle_visit AS b ON b.encounter = s.encounter AND b.start_date = s.start_date AND b.end_date = s.end_date
        """,
    )
    # nothing else differs
    assert con.execute("SELECT visit_concept_id, count(*) FROM ours_only GROUP BY ALL HAVING visit_concept_id IN (9201, 9202, 9203)").fetchall() == [(9202, 19)]
    assert con.execute("SELECT visit_concept_id, count(*) FROM theirs_only GROUP BY ALL").fetchall() == [(9201, 6)]
    assert found["outpatient visits, only plait's, on the last day of an earlier one"] + found[
        "outpatient visits, only plait's, on the day of one of another class"
    ] == one(con, "SELECT count(*) FROM ours_only WHERE visit_concept_id = 9202")
    # of the visits that both have, the encounter that gives the name, and never the provider
    found["visits of both, named by another encounter"] = one(
        con,
        f"""
        SELECT count(*)
        FROM (FROM oracle_visit ANTI JOIN cdm_visit USING (encounter)) AS t
        INNER JOIN (FROM cdm_visit ANTI JOIN oracle_visit USING (encounter)) AS o USING (person, visit_concept_id, start_date, end_date, provider)
        WHERE o.{ROLLED_UP}
        """,
    )
    only = "SELECT person, visit_concept_id, start_date, end_date, provider FROM {left}_visit"
    assert only_in(con, f"{only.format(left='cdm')} WHERE {ROLLED_UP}", only.format(left="oracle")) == 19
    assert only_in(con, only.format(left="oracle"), only.format(left="cdm")) == 6
    assert found == conventions("Visits")
    assert (one(con, "SELECT count(*) FROM cdm_visit"), one(con, "SELECT count(*) FROM oracle_visit")) == (10368, 9923)


def test_other_differences(con: duckdb.DuckDBPyConnection, conventions: Callable[..., dict[str, int]]) -> None:
    person = "FROM cdm.person AS p INNER JOIN oracle.person AS o USING (person_source_value)"
    death = "FROM cdm.death AS d INNER JOIN cdm.person USING (person_id) INNER JOIN oracle.person AS o USING (person_source_value)"
    facts = "(FROM (FROM {left}_{table} SELECT {columns}) EXCEPT ALL (FROM {right}_{table} SELECT {columns}))"
    columns = "person, code, concept_id, start_date, visit_concept_id, visit_start_date, visit_end_date"
    found = {
        "death date": one(
            con,
            f"""
            SELECT count(*) {death}
            INNER JOIN oracle.death AS t ON t.person_id = o.person_id
            INNER JOIN raw.patients AS r ON person_source_value = r.Id
            INNER JOIN raw.encounters AS e ON e.PATIENT = r.Id AND e.CODE = '308646001'
            WHERE d.death_date = CAST(r.DEATHDATE AS DATE) AND t.death_date = CAST(CAST(e.START AS TIMESTAMP) AS DATE) AND d.death_date < t.death_date
            """,
        ),
        "race": one(con, f"SELECT count(*) {person} WHERE p.race_concept_id = 8557 AND o.race_concept_id = 0 AND p.race_source_value = 'hawaiian'"),
        "zip code": one(
            con,
            f"""
            SELECT count(*) {person}
            INNER JOIN cdm.location AS l ON p.location_id = l.location_id
            INNER JOIN oracle.location AS t ON o.location_id = t.location_id
            WHERE l.zip != t.zip AND l.zip = lpad(t.zip, 5, '0') AND l.city = t.city
            """,
        ),
        "days_supply of medications": one(con, "SELECT count(*) FROM cdm_drug_exposure WHERE days_supply IS NULL"),
        "days_supply of immunizations": one(con, "SELECT count(*) FROM cdm_drug_exposure WHERE days_supply = 1"),
        "refills of medications": one(con, "SELECT count(*) FROM cdm_drug_exposure WHERE refills > 0"),
        "refills of immunizations": one(con, "SELECT count(*) FROM cdm_drug_exposure WHERE refills IS NULL"),
    }
    assert one(con, f"SELECT count(*) {person} WHERE p.race_concept_id != o.race_concept_id") == found["race"]
    assert one(con, "SELECT count(*) FROM oracle_drug_exposure WHERE refills != 0 OR days_supply != date_diff('day', start_date, end_date)") == 0
    for table in FACTS:
        ours = facts.format(left="cdm", right="oracle", table=table, columns=columns)
        theirs = facts.format(left="oracle", right="cdm", table=table, columns=columns)
        found[f"{table} of a visit that OHDSI has not"] = one(con, f"SELECT count(*) FROM {theirs} WHERE visit_concept_id IS NULL")
        assert one(con, f"SELECT count(*) FROM {ours} WHERE NOT {ROLLED_UP}") == found[f"{table} of a visit that OHDSI has not"]
        found[f"{table} of another visit"] = one(con, f"SELECT count(*) FROM {theirs} WHERE visit_concept_id IS NOT NULL")
        overlapping = f"""
            SELECT count(*) FROM {theirs} AS t SEMI JOIN {ours} AS o
            ON t.person = o.person AND t.code = o.code AND t.start_date = o.start_date
                AND t.visit_start_date <= o.visit_end_date AND o.visit_start_date <= t.visit_end_date
        """
        assert one(con, overlapping) == found[f"{table} of another visit"]
    assert {name: count for name, count in found.items() if count} == conventions("Values")


def test_rows_of_the_tables(con: duckdb.DuckDBPyConnection, conventions: Callable[..., dict[str, int]]) -> None:
    for column, schema in ((1, "cdm"), (2, "oracle")):
        documented = conventions("Tables", column)
        assert {name: one(con, f"SELECT count(*) FROM {schema}.{name}") for name in documented} == documented
    assert one(con, "SELECT count(*) FROM oracle.visit_occurrence WHERE care_site_id IS NOT NULL OR CAST(visit_start_datetime AS TIME) != '00:00:00'") == 0
    assert one(con, "SELECT count(*) FROM cdm.visit_occurrence WHERE care_site_id IS NULL") == 0
    assert one(con, "SELECT count(*) FROM oracle.provider WHERE care_site_id IS NOT NULL") == 0
    assert one(con, "SELECT count(*) FROM cdm.provider WHERE care_site_id IS NULL") == 0
    assert one(con, "SELECT count(*) FROM cdm.visit_detail") == one(con, "SELECT count(*) FROM raw.encounters")


def test_what_ohdsi_leaves_out_is_counted(con: duckdb.DuckDBPyConnection, conventions: Callable[..., dict[str, int]]) -> None:
    keys = {**FACTS, "procedure_occurrence": "procedure", "observation": "observation"}
    facts = " UNION ALL ".join(
        f"SELECT '{table}' AS table_name, {table}_id AS row_id, {kind}_concept_id AS concept_id, {kind}_source_value AS code FROM cdm.{table}"
        for table, kind in keys.items()
    )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE kept AS
        SELECT
            i.file, f.table_name, f.concept_id != 0 AS mapped, f.code,
            coalesce(c.SYSTEM, CASE i.file WHEN 'immunizations' THEN 'CVX' ELSE 'SNOMED-CT' END) AS system
        FROM ({facts}) AS f
        INNER JOIN plait.lineage AS l ON l.table_name = f.table_name AND l.row_id = f.row_id AND l.shape = 'event' AND l.role = 'loaded'
        INNER JOIN plait.files AS i USING (file_id)
        LEFT JOIN raw.conditions AS c ON i.file = 'conditions' AND l.record = c.record
    """)
    # a code of the fact tables that has no concept is in no vocabulary
    unknown = """
        SELECT DISTINCT m.mapped_by
        FROM kept INNER JOIN plait.study_map AS m ON kept.code = m.code AND kept.system = m.code_system
        WHERE NOT kept.mapped AND kept.table_name != 'observation'
    """
    assert con.execute(unknown).fetchall() == [("not_in_vocabulary",)]
    rows = con.execute("SELECT file, table_name, mapped, system, count(*) FROM kept GROUP BY ALL").fetchall()
    read = {"conditions", "immunizations", "devices"}  # which OHDSI's ETL reads too; it has no SELECT on supplies, careplans and imaging_studies
    found = {
        f"{file} → {table}, {'has a concept' if mapped else 'no concept'}{f' ({system})' if file in read else ''}": count
        for file, table, mapped, system, count in rows
        if (not mapped or file not in {*read, "medications"}) and not (table == "observation" and file in {"conditions", "allergies"})
    }
    assert found == conventions("What OHDSI's ETL leaves out")
    no_oracle = {
        f"{file} → {table}, {'has a concept' if mapped else 'no concept'}": count
        for file, table, mapped, _, count in con.execute(
            "SELECT file, table_name, mapped, NULL, count(*) FROM kept WHERE table_name = 'observation' GROUP BY ALL"
        ).fetchall()
        if file in {"conditions", "allergies"}
    }
    assert no_oracle == conventions("What cannot be compared")
    assert sum(found.values()) + sum(no_oracle.values()) + 2222 + 9513 + 154 == sum(row[-1] for row in rows) == one(con, f"SELECT count(*) FROM ({facts})")


def test_costs_of_ohdsi_are_another_thing(con: duckdb.DuckDBPyConnection) -> None:
    """The figures of the line on costs in docs/conventions.md."""
    query = "SELECT cost_domain_id, count(*) FROM {schema}.cost GROUP BY ALL"
    assert dict(con.execute(query.format(schema="cdm")).fetchall()) == {"Visit": 10715, "Drug": 9764}
    assert dict(con.execute(query.format(schema="oracle")).fetchall()) == {"Procedure": 11321, "Drug": 9267, "Condition": 807}
