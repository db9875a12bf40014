"""How long `plait etl new-source` looks at a large file, and how much memory it takes: by default, and at every record.

Writes a delivery of SIZE MB (200 by default) to a temporary folder: a file of laboratory results and one of patients. Compares with DuckDB's bare
count of its records in the same process, since a machine's speed says little by itself.

    python benchmarks/new_source.py [SIZE]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import plait.study
from plait.duck import connect
from plait.etl.profiling.new_source import ProfileOptions

RECORD_BYTES = 110


def write(folder: Path, records: int) -> None:
    """Write a delivery with so many laboratory results."""
    with connect() as con:
        con.execute(
            "COPY (SELECT 'P' || lpad((i % 200000)::VARCHAR, 7, '0') AS mrn, 'V' || (i // 8) AS visit_id, "
            "strftime(TIMESTAMP '2015-01-01' + to_minutes(i % 4000000), '%d/%m/%Y %H:%M') AS taken, "
            "strftime(TIMESTAMP '2015-01-01' + to_minutes(i % 4000000 + 90), '%d/%m/%Y %H:%M') AS reported, "
            "(['2160-0', '2951-2', '2823-3', '718-7', '4544-3'])[i % 5 + 1] AS test_code, (i * 7919 % 10000 / 100)::VARCHAR AS result, "
            f"'mg/dL' AS unit, 'comment number ' || i || ' of the laboratory' AS remark FROM range({records}) AS t (i)) TO '{folder / 'labs.csv'}' (HEADER)"
        )
        con.execute(
            "COPY (SELECT 'P' || lpad(i::VARCHAR, 7, '0') AS mrn, strftime(DATE '1940-01-01' + (i % 20000)::INT, '%d/%m/%Y') AS birth_date, "
            f"'F' AS sex FROM range(200000) AS t (i)) TO '{folder / 'patients.csv'}' (HEADER)"
        )


def seconds_of(folder: Path, out: Path, options: ProfileOptions) -> float:
    """Give how long it takes to profile the delivery."""
    begin = time.perf_counter()
    plait.study.new_source(folder, out, study=out.parent / "none", options=options)
    return time.perf_counter() - begin


def main() -> None:
    """Print MB/s, ratios and memory."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "emr"
        folder.mkdir()
        records = megabytes * 1_000_000 // RECORD_BYTES
        write(folder, records)
        size = (folder / "labs.csv").stat().st_size / 1e6
        begin = time.perf_counter()
        with connect() as con:
            con.execute("SELECT count(*) FROM read_csv($file, all_varchar = true)", {"file": str(folder / "labs.csv")}).fetchone()
        bare = time.perf_counter() - begin
        print(f"{size:,.0f} MB, {records:,} records; DuckDB counts them in {bare:.1f} s")
        for number, (what, options) in enumerate(
            (("the first million records", ProfileOptions()), ("every record, 1 GiB", ProfileOptions(records=10**9, memory="1GiB")))
        ):
            taken = seconds_of(folder, Path(name) / f"out{number}", options)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{what}: {taken:.1f} s ({size / taken:,.0f} MB/s, {taken / bare:.1f} times the count), peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
