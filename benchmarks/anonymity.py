"""k-anonymity, l-diversity (distinct and entropy) and t-closeness of random tables, by plait and by pycanon: whether they agree, and how long each takes.

    python -m venv peer && peer/bin/pip install pycanon==1.3.6
    python benchmarks/anonymity.py --peer peer/bin/python

Without --peer, plait alone is timed. pycanon gives the entropy's l as a whole number, rounded down.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import time

import numpy as np
import pyarrow as pa

from plait.duck import connect
from plait.export.disclosure.anonymity import Anonymity, measure

_QUASI = ["sex", "born", "area"]


def random_table(seed: int, rows: int) -> pa.Table:
    """Give persons with a sex, a year of birth, an area and a diagnosis, some of each common."""
    chance = np.random.default_rng(seed)
    return pa.table(
        {
            "person_id": np.arange(rows),
            "sex": chance.choice(["F", "M"], rows),
            "born": chance.choice([str(1930 + 10 * decade) for decade in range(int(chance.integers(1, 6)))], rows),
            "area": chance.choice(["021", "100", "606"][: int(chance.integers(1, 4))], rows),
            "diagnosis": chance.choice(["asthma", "cancer", "diabetes", "gout"], rows, p=[0.5, 0.3, 0.15, 0.05]),
        }
    )


def ours(table: pa.Table) -> Anonymity:
    """Give plait's figures."""
    con = connect()
    con.register("described", table)
    held = "SELECT person_id, diagnosis AS held_value FROM described"
    return measure(con, _QUASI, [("diagnosis", held)], least=1, fewest=1)


def main() -> None:
    """Compare and time."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peer", metavar="PYTHON", help="an interpreter with pycanon")
    chosen = options.parse_args()
    tables = [random_table(seed, 20 * 4 ** (seed % 4)) for seed in range(40)]
    begin = time.perf_counter()
    found = [ours(table) for table in tables]
    print(f"plait: {len(tables)} tables of 20 to 1,280 persons in {time.perf_counter() - begin:.1f} s")
    large = random_table(7, 1_000_000)
    begin = time.perf_counter()
    k = ours(large).k
    print(f"plait: 1,000,000 persons in {time.perf_counter() - begin:.1f} s, k = {k:,}")
    if chosen.peer is None:
        return
    asked = [{"columns": table.drop(["person_id"]).to_pydict(), "quasi": _QUASI, "sensitive": "diagnosis"} for table in tables]
    begin = time.perf_counter()
    command = [chosen.peer, f"{__file__.removesuffix('.py')}_peer.py"]
    answered = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)  # noqa: S603 - named by the user
    print(f"pycanon: the same {len(tables)} tables in {time.perf_counter() - begin:.1f} s, its start included")
    equal = [0, 0, 0, 0]
    for one, (k, least, entropy, distance) in zip(found, json.loads(answered.stdout), strict=True):
        told = one.sensitive[0]
        agrees = (one.k == k, told.l == least, math.floor(told.entropy_l + 1e-9) == entropy, math.isclose(told.t, distance, abs_tol=1e-3))
        equal = [count + so for count, so in zip(equal, agrees, strict=True)]
    print(f"equal: k {equal[0]}, l {equal[1]}, entropy l {equal[2]}, t {equal[3]} of {len(tables)}")


if __name__ == "__main__":
    main()
