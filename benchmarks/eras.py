"""Eras of many persons with many rows: seconds, rows per second, and whether ten times the rows take ten times as long.

    python benchmarks/eras.py [--persons 100000] [--rows 200] [--threads 2] [--memory 8GiB]

Writes DRUG_EXPOSURE and CONDITION_OCCURRENCE as Parquet into a temporary folder, a few hundred concepts in each, and
times what a shard does: the eras, written as Parquet, with the rows that each is made of, shard after shard.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import connect, make_view, parquet, sql, write_parquet
from plait.etl.derive.eras import ERAS, Era, derive, prepare_drugs
from plait.settings import DEFAULT_SHARD_PERSONS

if TYPE_CHECKING:
    import duckdb

DRUGS, INGREDIENTS, CONDITIONS = 400, 120, 300
FIRST_DRUG, FIRST_INGREDIENT, FIRST_CONDITION = 1_000, 10, 5_000

VOCABULARY = """
CREATE SCHEMA vocabulary;
CREATE TABLE vocabulary.concept AS
SELECT {ingredient} + i AS concept_id, 'Ingredient' AS concept_class_id, 'S' AS standard_concept, 'RxNorm' AS vocabulary_id, 'i' || i AS concept_code
FROM range({ingredients}) AS r (i)
UNION ALL SELECT 8576, 'Unit', 'S', 'UCUM', 'mg';
CREATE TABLE vocabulary.concept_ancestor AS
SELECT {ingredient} + d % {ingredients} AS ancestor_concept_id, {drug} + d AS descendant_concept_id FROM range({drugs}) AS r (d)
UNION ALL
SELECT {ingredient} + (d * 7 + 1) % {ingredients}, {drug} + d FROM range({drugs}) AS r (d) WHERE d % 8 = 0;
CREATE TABLE vocabulary.drug_strength AS
SELECT {drug} + d AS drug_concept_id, {ingredient} + d % {ingredients} AS ingredient_concept_id,
    CAST(1 + d % 20 AS DOUBLE) AS amount_value, 8576 AS amount_unit_concept_id, CAST(NULL AS DOUBLE) AS numerator_value,
    CAST(NULL AS BIGINT) AS numerator_unit_concept_id, CAST(NULL AS DOUBLE) AS denominator_value,
    CAST(NULL AS BIGINT) AS denominator_unit_concept_id, CAST(NULL AS VARCHAR) AS invalid_reason
FROM range({drugs}) AS r (d);
CREATE VIEW used_drug AS SELECT {drug} + d AS drug_concept_id FROM range({drugs}) AS r (d);
"""

# A person takes eight drugs and has eight conditions again and again over six years, so that eras hold several rows.
DRUG_EXPOSURE = """
SELECT p * 4194304 + n AS drug_exposure_id, CAST(p AS BIGINT) AS person_id,
    CAST({drug} + (p * 31 + hash(p, n) % 8 * 50) % {drugs} AS BIGINT) AS drug_concept_id,
    DATE '2000-01-01' + CAST(n * 2400 // {rows} + hash(n, p) % 30 AS INTEGER) AS drug_exposure_start_date,
    drug_exposure_start_date + CAST(hash(p, n, 1) % 30 AS INTEGER) AS drug_exposure_end_date,
    CAST(30 AS BIGINT) AS days_supply, CAST(30 * (1 + hash(p, n, 2) % 2) AS DOUBLE) AS quantity, CAST(NULL AS VARCHAR) AS dose_unit_source_value
FROM range({first}, {last}) AS a (p), range({rows}) AS b (n)
"""
CONDITION_OCCURRENCE = """
SELECT p * 4194304 + n AS condition_occurrence_id, CAST(p AS BIGINT) AS person_id,
    CAST({condition} + (p * 31 + hash(p, n) % 8 * 30) % {conditions} AS BIGINT) AS condition_concept_id,
    DATE '2000-01-01' + CAST(n * 2400 // {rows} + hash(n, p) % 30 AS INTEGER) AS condition_start_date,
    CASE WHEN hash(p, n, 1) % 3 > 0 THEN condition_start_date + CAST(hash(p, n, 2) % 40 AS INTEGER) END AS condition_end_date
FROM range({first}, {last}) AS a (p), range({rows}) AS b (n)
"""
NUMBERS = {
    "drug": FIRST_DRUG,
    "drugs": DRUGS,
    "ingredient": FIRST_INGREDIENT,
    "ingredients": INGREDIENTS,
    "condition": FIRST_CONDITION,
    "conditions": CONDITIONS,
}
SOURCES: dict[Era, tuple[str, str]] = {
    "condition_era": ("condition_occurrence", CONDITION_OCCURRENCE),
    "drug_era": ("drug_exposure", DRUG_EXPOSURE),
    "dose_era": ("drug_exposure", DRUG_EXPOSURE),
}


def main() -> None:
    """Time the eras of the persons asked for, and of a tenth of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=200, help="rows of each table per person")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="8GiB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        con = connect(threads=options.threads, memory=options.memory, spill=Path(folder) / "spill")
        con.execute(VOCABULARY.format(**NUMBERS))
        prepare_drugs(con)
        large = measure(con, Path(folder) / "large", options.persons, options.rows)
        small = measure(con, Path(folder) / "small", max(options.persons // 10, 1), options.rows)
    for table in ERAS:
        print(f"{table}: 10 x the rows took {large[table][1] / small[table][1]:.1f} x the processor's time")
    print(f"all eras: {sum(seconds for seconds, _ in large.values()):.1f} s for {options.persons:,} persons with {options.rows} rows in each table")


def measure(con: duckdb.DuckDBPyConnection, folder: Path, persons: int, rows: int) -> dict[Era, tuple[float, float]]:
    """Give the seconds that each table took, by the clock and of the processor."""
    shards = [(first, min(first + DEFAULT_SHARD_PERSONS, persons)) for first in range(0, persons, DEFAULT_SHARD_PERSONS)]
    for table, query in dict(SOURCES.values()).items():
        for number, (first, last) in enumerate(shards):
            write_parquet(con, query.format(first=first, last=last, rows=rows, **NUMBERS), folder / table / f"{number}.parquet")
    return {table: measure_table(con, folder, table, len(shards), persons * rows) for table in ERAS}


def measure_table(con: duckdb.DuckDBPyConnection, folder: Path, table: Era, shards: int, rows: int) -> tuple[float, float]:
    """Give the seconds that the eras of all shards took, by the clock and of the processor, and print them."""
    source, _ = SOURCES[table]
    start, busy, eras = time.perf_counter(), time.process_time(), 0
    for number in range(shards):
        make_view(con, source, f"FROM {parquet(folder / source / f'{number}.parquet')}")
        con.execute("CREATE OR REPLACE TEMP TABLE derivation (table_name VARCHAR, row_id BIGINT, from_table VARCHAR, from_row_id BIGINT)")
        eras += write_parquet(con, derive(con, table), folder / table / f"{number}.parquet")
        con.execute(sql("plait.etl.derive", "derivation"), {"table": table})
        write_parquet(con, "FROM derivation", folder / "derivation" / f"{table}-{number}.parquet")
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    size = sum(file.stat().st_size for file in (folder / "derivation").glob(f"{table}-*.parquet"))
    members = con.execute("SELECT count(*) FROM read_parquet($files)", {"files": str(folder / "derivation" / f"{table}-*.parquet")}).fetchone()
    assert members is not None  # noqa: S101 - an aggregate gives a row
    print(
        f"{table}: {rows:,} rows of {source} -> {eras:,} eras in {seconds:.1f} s, {busy:.1f} s of processor ({rows / seconds:,.0f} rows/s); "
        f"derivation {members[0]:,} rows, {size / members[0]:.1f} bytes a row"
    )
    return seconds, busy


if __name__ == "__main__":
    main()
