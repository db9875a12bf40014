"""A feature store's plainest question, at size: 1,000,000 rows of 10 numbers, 100,000 rows asked, a third of the records late.

Compared in one run, for 50 and for 500 rows a patient:

- a bare Polars `join_asof` on the same Parquet files, which knows one clock and gives values alone;
- the same question to a study (`kind: table`), cold (a new process's first) and warm, with masks, reasons and ages;
- Feast's DuckDB store, if `--feast PYTHON` names an interpreter that has `feast[duckdb]`; where no record is late, its values must be
  those of plait.

Also 64 random patients of a view of 11,400 x 1,024, warm, and the time of `import plait`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from _measure import spend

import plait
from plait.demo.vocabulary import write_vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, ASKED, FEATURES = 1_000_000, 100_000, 10
LATE = 1 / 3
MOST_DELAY_DAYS = 90
YEARS = 10
EMBEDDED, DIM, BATCH = 11_400, 1_024, 64
ROUNDS = 5
DAY_S = 86_400

_SETTINGS = """\
study: benchmark
vocabulary: athena
sources:
  - {name: who, kind: ./who, path: people, person_system: lab}
features:
  - {view: labs, modality: table, path: features.parquet, person: person_id, event_time: event_time, known_time: known_time}
  - view: vectors
    modality: table
    path: vectors.parquet
    person: person_id
    event_time: event_time
    encoder: {name: random, dim: 1024}
"""

_FEAST = """\
import json, sys, time
from datetime import timedelta
from pathlib import Path
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float32
from feast.value_type import ValueType
folder = Path(sys.argv[1])
online = {"type": "sqlite", "path": str(folder / "online.db")}
config = dict(project="benchmark", registry=str(folder / "registry.db"), provider="local", entity_key_serialization_version=3)
store = FeatureStore(config=RepoConfig(**config, offline_store={"type": "duckdb"}, online_store=online))
person = Entity(name="person", join_keys=["person_id"], value_type=ValueType.INT64)
source = FileSource(path=str(folder / "features.parquet"), timestamp_field="event_time", created_timestamp_column="known_time")
names = [f"f{number}" for number in range(10)]
schema = [Field(name=name, dtype=Float32) for name in names]
store.apply([person, FeatureView(name="labs", entities=[person], ttl=timedelta(0), schema=schema, source=source, online=False)])
asked = pd.read_parquet(folder / "index.parquet").rename(columns={"prediction_time": "event_timestamp"})
begin = time.perf_counter()
found = store.get_historical_features(asked, [f"labs:{name}" for name in names]).to_df()
print(json.dumps({"wall_s": time.perf_counter() - begin}))
found.to_parquet(folder / "feast.parquet")
"""

_COLD = """\
import sys, time
import polars as pl
import plait
study = plait.open(sys.argv[1])
study.store
asked = pl.read_parquet(sys.argv[1] + "/index.parquet")
begin = time.perf_counter()
labs = study.get_historical_features(asked, ["labs"])["labs"]
labs.values, labs.observed, labs.reason, labs.age_days
print(time.perf_counter() - begin)
"""


def write_study(folder: Path, rows_each: int, *, late: float) -> None:
    """Write a study of as many persons as it takes, a table of features, rows to ask, and embeddings."""
    random = np.random.default_rng(0)
    persons = ROWS // rows_each
    write_vocabulary(folder / "athena")
    for name in ("who", "people"):
        (folder / name).mkdir(parents=True)
    (folder / "who" / "source.yaml").write_text("kind: who\ndescription: persons\nfiles:\n  people: {needs: [id, born]}\n")
    (folder / "who" / "people.person.sql").write_text("-- One row: a person.\nSELECT _pointer, id AS person, born AS birth FROM people\n")
    people = max(persons, EMBEDDED)
    (folder / "people" / "people.csv").write_text("id,born\n" + "".join(f"p{number:06},1950-01-01\n" for number in range(people)))
    (folder / "plait.yaml").write_text(_SETTINGS)

    def moments(number: int) -> np.ndarray:
        return np.datetime64("2010-01-01", "s") + random.integers(0, YEARS * 365 * DAY_S, number)

    event = moments(ROWS)
    delay = np.where(random.random(ROWS) < late, random.integers(0, MOST_DELAY_DAYS * DAY_S, ROWS), 0)
    numbers = {f"f{place}": random.standard_normal(ROWS).astype(np.float32) for place in range(FEATURES)}
    held = {"person_id": np.repeat(np.arange(1, persons + 1), rows_each), "event_time": event.astype("M8[us]"), "known_time": (event + delay).astype("M8[us]")}
    pl.DataFrame({**held, **numbers}).write_parquet(folder / "features.parquet")
    asked = {"person_id": random.integers(1, persons + 1, ASKED), "prediction_time": moments(ASKED).astype("M8[us]")}
    pl.DataFrame(asked).write_parquet(folder / "index.parquet")
    vectors = pl.Series("vector", random.standard_normal((EMBEDDED, DIM)).astype(np.float32), dtype=pl.Array(pl.Float32, DIM))
    made = {"person_id": np.arange(1, EMBEDDED + 1), "event_time": moments(EMBEDDED).astype("M8[us]")}
    pl.DataFrame(made).with_columns(vectors).write_parquet(folder / "vectors.parquet")
    plait.open(folder).run_etl()


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Give the least seconds that a piece of work takes."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def join_asof(folder: Path) -> pl.DataFrame:
    """Answer with Polars alone: read, sort, join."""
    held = pl.read_parquet(folder / "features.parquet").sort("event_time")
    asked = pl.read_parquet(folder / "index.parquet").with_row_index("row").sort("prediction_time")
    return asked.join_asof(held, left_on="prediction_time", right_on="event_time", by="person_id", check_sortedness=False).sort("row")


def measure(folder: Path, rows_each: int, feast: str | None) -> None:
    """Print the figures for one length of history."""
    write_study(folder, rows_each, late=LATE)
    bare = best(lambda: join_asof(folder))
    cold = min(float(subprocess.check_output([sys.executable, "-c", _COLD, str(folder)])) for _ in range(3))  # noqa: S603 - our own interpreter
    peak = spend(sys.executable, "-c", _COLD, folder).peak_mib
    study, asked = plait.open(folder), pl.read_parquet(folder / "index.parquet")
    warm = best(lambda: study.get_historical_features(asked, ["labs"])["labs"].observed)
    print(
        f"{rows_each:4} rows a patient: join_asof {bare:.3f} s; plait cold {cold:.3f} s ({cold / bare:.2f} x), warm {warm:.3f} s ({warm / bare:.2f} x), "
        f"peak {peak:,.0f} MiB",
        flush=True,
    )
    if feast:
        said = subprocess.check_output([feast, "-c", _FEAST, str(folder)], stderr=subprocess.DEVNULL)  # noqa: S603 - the interpreter that was named
        theirs = json.loads(said.splitlines()[-1])["wall_s"]
        print(f"     Feast {theirs:.3f} s: {theirs / cold:.0f} x plait cold, {theirs / warm:.0f} x warm", flush=True)


def compare_with_feast(folder: Path, feast: str) -> None:
    """Fail unless Feast gives the same values where no record is late."""
    write_study(folder, 50, late=0)
    subprocess.check_output([feast, "-c", _FEAST, str(folder)], stderr=subprocess.DEVNULL)  # noqa: S603 - the interpreter that was named
    names = [f"f{place}" for place in range(FEATURES)]
    theirs = pl.read_parquet(folder / "feast.parquet").sort("person_id", "event_timestamp").select(names).to_numpy()
    asked = pl.read_parquet(folder / "index.parquet").sort("person_id", "prediction_time")
    ours = plait.open(folder).get_historical_features(asked, ["labs"])["labs"]
    if not np.array_equal(ours.values, theirs, equal_nan=True):
        sys.exit("Feast gives other values where no record is late")
    print(f"Feast gives the same {theirs.size:,} values where no record is late")


def measure_vectors(folder: Path) -> None:
    """Print how long 64 random patients of a large view of embeddings take, warm."""
    study, random = plait.open(folder), np.random.default_rng(1)
    study.embed(["vectors"])
    moment = np.full(BATCH, np.datetime64("2030-01-01", "us"))
    taken = []
    for _ in range(200):
        asked = pl.DataFrame({"person_id": random.choice(EMBEDDED, BATCH, replace=False) + 1, "prediction_time": moment})
        begin = time.perf_counter()
        found = study.get_historical_features(asked, ["vectors"])["vectors"]
        taken.append(time.perf_counter() - begin)
        if not found.present.all():
            sys.exit("a vector is missing")
    print(f"{BATCH} of {EMBEDDED:,} x {DIM:,}: median {statistics.median(taken) * 1e3:.2f} ms, 99 of 100 within {np.percentile(taken, 99) * 1e3:.2f} ms")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feast", metavar="PYTHON", help="an interpreter with feast[duckdb]")
    feast = parser.parse_args().feast
    print(f"import plait: {min(spend(sys.executable, '-c', 'import plait').wall_s for _ in range(3)):.3f} s")
    with tempfile.TemporaryDirectory() as name:
        for rows_each in (50, 500):
            measure(Path(name) / str(rows_each), rows_each, feast)
        measure_vectors(Path(name) / "50")
        if feast:
            compare_with_feast(Path(name) / "same", feast)


if __name__ == "__main__":
    main()
