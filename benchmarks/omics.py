"""A sparse assay of 20,000 cells by 20,000 genes through `plait run --memory 1GiB`, and one patient's row read back.

Prints the seconds, the most memory that the run's process held, and the milliseconds that one row takes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse

import plait
from plait.demo.vocabulary import write_vocabulary

ITEMS = FEATURES = 20_000
DENSITY = 0.05
LIMIT_MIB = 1024

_PLAIT = """
study: big
vocabulary: athena
sources:
  - {name: who, kind: ./who, path: people, person_system: lab}
  - {name: rna, kind: anndata, path: rna.h5ad, person_system: lab, person: obs.case, layer: counts}
"""


_MEASURED = """
import pathlib, resource, sys
import plait
folder = pathlib.Path(sys.argv[1])
plait.open(folder).run_etl(memory=sys.argv[2])
(folder / "held").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def write(folder: Path) -> None:
    """Write a study of 20,000 persons with an item each."""
    write_vocabulary(folder / "athena")
    for name in ("who", "people"):
        (folder / name).mkdir()
    (folder / "who" / "source.yaml").write_text("kind: who\ndescription: persons\nfiles:\n  people: {needs: [id, born]}\n")
    (folder / "who" / "people.person.sql").write_text("-- One row: a person.\nSELECT _pointer, id AS person, born AS birth FROM people\n")
    people = [f"p{number:05}" for number in range(ITEMS)]
    (folder / "people" / "people.csv").write_text("id,born\n" + "".join(f"{name},1970-01-01\n" for name in people))
    (folder / "plait.yaml").write_text(_PLAIT)
    counts = scipy.sparse.random(ITEMS, FEATURES, DENSITY, format="csr", dtype=np.float32, random_state=1, data_rvs=lambda size: np.ones(size, np.float32))
    obs = pd.DataFrame({"case": people}, index=[f"cell{number:05}" for number in range(ITEMS)])
    var = pd.DataFrame(index=[f"ENSG{number:011}" for number in range(FEATURES)])
    anndata.AnnData(counts, obs=obs, var=var).write_h5ad(folder / "rna.h5ad")


def main() -> None:
    """Run it and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, folder], check=True)  # noqa: S603 - apart: a child begins with what its parent holds
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", _MEASURED, folder, f"{LIMIT_MIB}MiB"], check=True)  # noqa: S603 - itself
        seconds = time.perf_counter() - started
        held_mib = int(Path(folder / "held").read_text()) / 1024
        with plait.open(folder).assay("rna.rna") as assay:
            times = []
            for item in np.random.default_rng(1).integers(0, ITEMS, 200):
                began = time.perf_counter()
                assay.row(int(item))
                times.append((time.perf_counter() - began) * 1000)
        print(f"{ITEMS:,} x {FEATURES:,}, {DENSITY:.0%} filled: {seconds:.0f} s, {held_mib:,.0f} MiB held of {LIMIT_MIB:,}")
        print(f"one row: {statistics.median(times):.1f} ms in the middle, {max(times):.1f} ms at most")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]))
    else:
        main()
