"""Embedding tables examined: how long reading, counting and the store's verdict take, and how much memory, against reading the Parquet alone.

Run it with the number of vectors and their length: python benchmarks/gates.py 200000 256
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from plait.featurestore.embeddings import Embeddings
from plait.schema.embeddings import Declaration, embedding_schema, part_digest, part_name
from plait.validators.embeddings.rules import table_figures
from plait.validators.embeddings.scan import parts_of, scan

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS_OF_A_PART = 8_192


def write_table(root: Path, count: int, dim: int) -> Path:
    """Write a table of random vectors of length 1, four of each person."""
    declared = Declaration("random", "1", "", {}, dim, norm=(0.999, 1.001))
    folder = root / declared.encoder_id
    folder.mkdir()
    (folder / "encoder.json").write_text(json.dumps({"encoder_id": declared.encoder_id, **asdict(declared), "declared": {}}), encoding="utf-8")
    random = np.random.default_rng(0)
    for number, first in enumerate(range(0, count, ROWS_OF_A_PART), 1):
        places = np.arange(first, min(first + ROWS_OF_A_PART, count))
        vectors = random.standard_normal((len(places), dim), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        times = pa.array(np.full(len(places), 1_600_000_000_000_000), pa.timestamp("us"))
        held = {
            "source": ["notes"] * len(places),
            "item": [f"notes/note/{place}" for place in places],
            "content": [hashlib.sha256(str(place).encode()).hexdigest() for place in places],
            "person_id": places // 4 + 1,
            "event_time": times,
            "known_time": times,
            "encoder_id": [declared.encoder_id] * len(places),
            "status": np.zeros(len(places), np.uint8),
            "detail": pa.nulls(len(places), pa.string()),
            "parts": np.ones(len(places), np.int32),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim),
        }
        table = pa.table(held, schema=embedding_schema(dim))
        pq.write_table(table, folder / part_name(number, part_digest(table, [vectors])), compression="zstd")
    return folder


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main(count: int, dim: int) -> None:
    """Print what each step takes, as a multiple of reading the vectors alone, and what memory the examination needed."""
    with TemporaryDirectory() as root:
        folder = write_table(Path(root), count, dim)
        size = count * dim * 4 / 2**20
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        looked = timed(lambda: table_figures(scan(folder, dim)))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        read = timed(lambda: [pq.read_table(part, columns=["vector"]) for part in parts_of(folder)])
        first = timed(lambda: Embeddings.open(folder, dim))
        again = timed(lambda: Embeddings.open(folder, dim))
    print(f"{count:,} vectors of {dim}, {size:,.0f} MiB, in {-(-count // ROWS_OF_A_PART)} parts; reading them all takes {read:.2f} s")
    print(f"examining: {looked / read:.1f} times that, {after - before:,.0f} MiB more memory at most")
    print(f"the store's cache and verdict, when the parts are new: {first / read:.1f} times; when they are known: {again / read:.3f} times")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3])) if len(sys.argv) > 2 else main(100_000, 256)  # noqa: PLR2004 - both numbers
