"""How fast the last look over a package is: a table of texts that repeat and one of texts that do not, with as many identifiers as a large study has.

python benchmarks/scan.py [MILLIONS OF ROWS] [THOUSANDS OF IDENTIFIERS]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _measure import measured

from plait.duck import connect, literal
from plait.export.phrases import Phrases
from plait.export.scan import scan

ROWS = "SELECT range AS n, {text} AS value FROM range({count})"
TEXTS = {
    "codes that repeat": "'SNOMED ' || (range % 5000)",
    "texts that differ": "'note ' || range || ': lungs are clear, heart sounds regular, pressure 120/80, continue as before'",
    "hashes": "sha256(CAST(range AS VARCHAR))",
}


def main() -> None:
    """Print megabytes of text a second, and the most memory."""
    count = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 2_000_000
    many = int(float(sys.argv[2]) * 1e3) if len(sys.argv) > 2 else 500_000  # noqa: PLR2004 - the second argument
    known = Phrases([f"Q{n:09}-{n % 97}" for n in range(many)])
    for about, text in TEXTS.items():
        with tempfile.TemporaryDirectory() as place:
            con = connect()
            con.execute(f"COPY ({ROWS.format(text=text, count=count)}) TO {literal(Path(place) / 'a.parquet')} (FORMAT parquet)")
            (size,) = con.execute(f"SELECT sum(strlen(value)) FROM {literal(Path(place) / 'a.parquet')}").fetchone() or (0,)
            con.close()
            with measured() as took:
                found = scan(Path(place), known)
            print(f"{about}: {size / 1e6:,.0f} MB of text, {took}, {size / 1e6 / took.seconds:,.0f} MB a second, {len(found)} hits")


if __name__ == "__main__":
    main()
