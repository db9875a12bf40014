"""How long `load_vocabulary` takes beside a bare DuckDB `COPY (FROM read_csv(…)) TO … (FORMAT parquet)` of the same files.

The download is synthetic and of the size of a real one. Both sides run in turn, on a connection of their own, and the best of the rounds counts;
the bare side guesses types and checks nothing, plait's side types, checks and hashes. The target is a ratio of at most 1.5.

    python benchmarks/vocabulary_load.py --concepts 2000000 --relationships 4000000 --ancestors 5000000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from plait.duck import connect
from plait.etl.vocabulary import load_vocabulary

_TSV = "(FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER)"
_CONCEPT = """
    SELECT i AS concept_id,
        'Product ' || md5(CAST(i AS VARCHAR)) || CASE WHEN i % 50 = 0 THEN ' 5" tube' ELSE ' tablet' END AS concept_name,
        CASE WHEN i % 3 = 0 THEN 'Drug' ELSE 'Condition' END AS domain_id,
        CASE WHEN i % 1000 = 0 THEN 'UCUM' ELSE 'Vocabulary ' || (i * 40 // $concepts) END AS vocabulary_id,
        'Clinical Drug' AS concept_class_id, CASE WHEN i % 3 = 0 THEN 'S' END AS standard_concept,
        CASE WHEN i = 0 THEN 'No matching concept' ELSE 'C' || (i * 7919 % 99999989) END AS concept_code,
        strftime(DATE '1980-01-01' + CAST(i % 14000 AS INTEGER), '%Y%m%d') AS valid_start_date, '20991231' AS valid_end_date,
        CASE WHEN i % 3 <> 0 AND i % 10 = 1 THEN 'D' END AS invalid_reason
    FROM range($first, $concepts) AS numbers (i)
"""
_RELATIONSHIP = """
    SELECT i * 31 % ($concepts - 1) + 1 AS concept_id_1, i * 7919 % ($concepts - 1) + 1 AS concept_id_2,
        CASE WHEN i % 4 = 0 THEN 'Maps to' ELSE 'Is a' END AS relationship_id,
        strftime(DATE '1980-01-01' + CAST(i % 14000 AS INTEGER), '%Y%m%d') AS valid_start_date, '20991231' AS valid_end_date, NULL AS invalid_reason
    FROM range($rows) AS numbers (i)
"""
_ANCESTOR = """
    SELECT i * 31 % ($concepts - 1) + 1 AS ancestor_concept_id, i * 7919 % ($concepts - 1) + 1 AS descendant_concept_id,
        i % 5 AS min_levels_of_separation, i % 5 + i % 3 AS max_levels_of_separation
    FROM range($rows) AS numbers (i)
"""
_VOCABULARY = """
    SELECT 'None' AS vocabulary_id, 'OMOP' AS vocabulary_name, '' AS vocabulary_reference, 'v5.0 27-AUG-25' AS vocabulary_version,
        1 AS vocabulary_concept_id
"""


def make_download(folder: Path, *, concepts: int, relationships: int, ancestors: int, without_zero: bool) -> None:
    """Write a synthetic Athena download into `folder`."""
    with connect() as con:
        for name, query, values in (
            ("CONCEPT", _CONCEPT, {"concepts": concepts, "first": int(without_zero)}),
            ("CONCEPT_RELATIONSHIP", _RELATIONSHIP, {"concepts": concepts, "rows": relationships}),
            ("CONCEPT_ANCESTOR", _ANCESTOR, {"concepts": concepts, "rows": ancestors}),
            ("VOCABULARY", _VOCABULARY, {}),
        ):
            con.execute(f"COPY ({query}) TO $target {_TSV}", {**values, "target": str(folder / f"{name}.csv")})


def bare_copy(source: Path, target: Path) -> float:
    """Copy every file with DuckDB's own guesses, and give the seconds it took."""
    statement = "COPY (FROM read_csv($path, delim = '\t', quote = '', escape = '', header = true)) TO $target (FORMAT parquet)"
    with connect() as con:
        begin = time.perf_counter()
        for path in sorted(source.iterdir()):
            con.execute(statement, {"path": str(path), "target": str(target / f"{path.stem}.parquet")})
        return time.perf_counter() - begin


def plait_load(source: Path, target: Path) -> float:
    """Load the download, and give the seconds it took."""
    with connect() as con:
        begin = time.perf_counter()
        load_vocabulary(con, source, target)
        return time.perf_counter() - begin


def main() -> None:
    """Make the download, time both sides in turn, and print seconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concepts", type=int, default=2_000_000)
    parser.add_argument("--relationships", type=int, default=4_000_000)
    parser.add_argument("--ancestors", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-zero", action="store_true", help="leave out concept 0, which plait then has to add")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (source := folder / "athena").mkdir()
        sizes = {"concepts": arguments.concepts, "relationships": arguments.relationships, "ancestors": arguments.ancestors}
        make_download(source, **sizes, without_zero=arguments.without_zero)
        megabytes = sum(path.stat().st_size for path in source.iterdir()) / 1e6
        print(f"{megabytes:,.0f} MB, {', '.join(f'{count:,} {what}' for what, count in sizes.items())}")
        bare, plait = [], []
        for number in range(arguments.rounds):
            (target := folder / f"bare-{number}").mkdir()
            bare.append(bare_copy(source, target))
            plait.append(plait_load(source, folder / f"plait-{number}"))
            print(f"round {number + 1}: bare {bare[-1]:.2f} s, plait {plait[-1]:.2f} s")
        print(f"best: bare {min(bare):.2f} s, plait {min(plait):.2f} s, ratio {min(plait) / min(bare):.2f}")


if __name__ == "__main__":
    main()
