"""What Croissant Baker says of a package, by the files alone, beside what plait says: files, hashes, sizes, columns, types and rows.

python -m venv peer && peer/bin/pip install croissant-baker==0.8.0
python benchmarks/croissant_baker.py PACKAGE --baker peer/bin/croissant-baker
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

_ROWS = re.compile(r"\(([\d,]+) rows")
_NUMBERS = {"cr:Int64", "cr:Int32", "sc:Integer", "sc:Float", "cr:Float64", "cr:Float32", "sc:Number"}


def described(file: Path) -> dict[str, dict[str, Any]]:
    """Give what a Croissant file says of each file: hash, size, columns with their types, and what is said of the rows."""
    content = json.loads(file.read_text(encoding="utf-8"))
    paths = {one["@id"]: one["contentUrl"] for one in content["distribution"]}
    found = {one["contentUrl"]: {"sha256": one.get("sha256"), "size": str(one.get("contentSize")).removesuffix(" B")} for one in content["distribution"]}
    for record_set in content["recordSet"]:
        fields = [one for one in record_set["field"] if "source" in one]
        for one in fields:
            path = paths[one["source"]["fileObject"]["@id"]]
            said = one.get("dataType", "none")
            kind = said if isinstance(said, str) else said[0]
            found[path].setdefault("columns", {})[one["source"]["extract"]["column"]] = "number" if kind in _NUMBERS else kind.rpartition(":")[2]
            found[path]["about"] = record_set.get("description", "")
    return found


def main() -> None:
    """Compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("package", type=Path)
    options.add_argument("--baker", required=True, metavar="PROGRAM", help="croissant-baker")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        baked = Path(folder) / "baked.json"
        command = [
            chosen.baker,
            "-i",
            chosen.package,
            "-o",
            baked,
            "--no-validate",
            "--creator",
            "nobody",
            "--license",
            "CC0-1.0",
            "--url",
            "https://example.org",
        ]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)  # noqa: S603 - named by the user
        if done.returncode:
            sys.exit(done.stderr or done.stdout)
        theirs = described(baked)
    ours = described(chosen.package / "croissant.json")
    lacking = sorted({*ours} - {*theirs})
    alike = {"sha256": 0, "size": 0, "columns": 0, "types": 0, "rows": 0}
    columns = differing = counted = 0
    for path in sorted({*ours} & {*theirs}):
        mine, other = ours[path], theirs[path]
        alike["sha256"] += mine["sha256"] == other["sha256"]
        alike["size"] += mine["size"] == other["size"]
        alike["columns"] += [*mine["columns"]] == [*other.get("columns", {})]
        columns += len(mine["columns"])
        for name, kind in mine["columns"].items():
            if name in other.get("columns", {}) and other["columns"][name] != kind:
                differing += 1
                print(f"  {path}, {name}: {kind} here, {other['columns'][name]} there")
        rows = _ROWS.search(other.get("about", ""))
        if rows:
            counted += 1
            (there,) = duckdb.sql(f"SELECT count(*) FROM '{chosen.package / path}'").fetchone() or (None,)
            alike["rows"] += there == int(rows[1].replace(",", ""))
    both = len({*ours} & {*theirs})
    print(f"files in both: {both}; only in plait's: {', '.join(lacking) or 'none'}; only in Croissant Baker's: {', '.join(sorted({*theirs} - {*ours}))}")
    print(f"equal hashes: {alike['sha256']}, sizes: {alike['size']}, columns in order: {alike['columns']} of {both}")
    print(f"columns: {columns}, of another type: {differing}; rows told by Croissant Baker: {counted} files, equal: {alike['rows']}")


if __name__ == "__main__":
    main()
