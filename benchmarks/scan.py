"""How fast the last look over a package is, and how much memory it takes: codes that repeat, texts that differ, and hashes, in one Parquet file each.

`python benchmarks/scan.py --rows 2 --known 500` looks for 500,000 identifiers in tables of 2,000,000 rows, each in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from _measure import spend

_TEXTS = {
    "codes that repeat": "'SNOMED ' || (range % 5000)",
    "texts that differ": "'note ' || range || ': lungs are clear, heart sounds regular, pressure 120/80, continue as before'",
    "hashes": "sha256(CAST(range AS VARCHAR))",
}
_LOOK = """
import sys
from pathlib import Path
from plait.export.phrases import Phrases
from plait.export.scan import scan
known = Phrases(f"Q{n:09}-{n % 97}" for n in range(int(sys.argv[2])))
hits = scan(Path(sys.argv[1]), known) if sys.argv[3] == "scan" else []
sys.exit(len(hits))
"""


def main() -> None:
    """Print megabytes of text a second, and the most memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=2, help="million rows")
    parser.add_argument("--known", type=float, default=500, help="thousand identifiers")
    asked = parser.parse_args()
    import duckdb

    for about, text in _TEXTS.items():
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "a.parquet"
            duckdb.execute(f"COPY (SELECT range AS n, {text} AS value FROM range({int(asked.rows * 1e6)})) TO '{file}' (FORMAT parquet)")
            size = duckdb.execute(f"SELECT sum(strlen(value)) / 1e6 FROM '{file}'").fetchone()
            took = [spend(sys.executable, "-c", _LOOK, place, int(asked.known * 1e3), what) for what in ("load", "scan")]
        cpu, wall = (took[1].cpu_s - took[0].cpu_s, took[1].wall_s - took[0].wall_s)
        megabytes = size[0] if size else 0
        print(f"{about}: {megabytes:,.0f} MB, {megabytes / wall:,.0f} MB/s, {megabytes / cpu:,.0f} MB/s of a core, at most {took[1].peak_mib:,.0f} MiB")


if __name__ == "__main__":
    main()
