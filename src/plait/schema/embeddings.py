"""The embedding table: Parquet, immutable, one row per item and encoder (DESIGN, section 7).

A table lies in `features/VIEW/ENCODER_ID/`: `encoder.json` declares the encoder, every `*.parquet` is a part of rows
in the columns below and is never changed. A later row of the same item, content, person and times takes the place of an earlier one only
where that one has no vector.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

FEATURES_FOLDER = "features"
"""Folder of a study with its embedding tables."""

ENCODER_FILE = "encoder.json"
"""Declaration of the encoder, in each table's folder."""

KEY = ["source", "item", "content"]
"""What names an item's embedding under one encoder."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """Which encoder made a vector: whatever differs here makes another encoder, whose vectors never mix with these.

    Attributes:
        name: The encoder's name, as `plait.yaml` or its own configuration says.
        version: Its version.
        weights_sha256: SHA-256 over its weights, empty of an encoder without any.
        preprocessing: All that is done to an input first, with every parameter.
        dim: Length of its vectors.
        dtype: Type of their numbers as the encoder makes them.
        norm: Least and greatest Euclidean norm that its vectors can have.
    """

    name: str
    version: str
    weights_sha256: str
    preprocessing: dict[str, Any]
    dim: int
    dtype: str = "float32"
    norm: tuple[float, float] = field(default=(0.0, float("inf")))

    @property
    def encoder_id(self) -> str:
        """A name for it that changes with anything above: its name, and twelve digits of a digest."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        name = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in self.name).strip("-.")[-40:] or "encoder"
        return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def embedding_schema(dim: int) -> pa.Schema:
    """Give the columns of an embedding table whose vectors have `dim` numbers.

    | column | meaning |
    |---|---|
    | `source` | source of the study that the item comes from |
    | `item` | the item, by its natural key within the source: it outlives row ids |
    | `content` | SHA-256 of what was encoded: an item whose content changed is another row |
    | `person_id` | whose item it is, in the version that it was encoded in |
    | `event_time` | when the item was made |
    | `known_time` | when it was there to be used |
    | `encoder_id` | the encoder, see `Declaration` |
    | `status` | code of `Reason`: 0, or why there is no vector (FAILED_QC, UNREACHABLE, UNPARSED, NO_MATERIAL) |
    | `detail` | words on that, without anything of a patient |
    | `parts` | pieces that were pooled: chunks of a note, slices, tiles |
    | `vector` | the embedding, null where status is not 0 |
    """
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("source", pa.string(), nullable=False),
            pa.field("item", pa.string(), nullable=False),
            pa.field("content", pa.string(), nullable=False),
            pa.field("person_id", pa.int64(), nullable=False),
            pa.field("event_time", pa.timestamp("us"), nullable=False),
            pa.field("known_time", pa.timestamp("us"), nullable=False),
            pa.field("encoder_id", pa.string(), nullable=False),
            pa.field("status", pa.uint8(), nullable=False),
            pa.field("detail", pa.string()),
            pa.field("parts", pa.int32(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def table_folder(study: Path, view: str, encoder_id: str) -> Path:
    """Give the folder of the embedding table of a view and an encoder."""
    return study / FEATURES_FOLDER / view / encoder_id


def registered(study: Path, view: str, declared: dict[str, Any]) -> dict[str, Any] | None:
    """Give what was registered last for an encoder that is declared so (the content of its `encoder.json`), None where nothing was."""
    files = sorted((study / FEATURES_FOLDER / view).glob(f"*/{ENCODER_FILE}"))
    found = [entry for entry in (json.loads(file.read_text(encoding="utf-8")) for file in files) if entry["declared"] == declared]
    return max(found, key=lambda entry: entry["registered_at"], default=None)


def part_name(number: int, digest: str) -> str:
    """Give the name of a part: its place in the table, from 1, and twelve digits of the digest of its content."""
    return f"{number:06}-{digest[:12]}.parquet"


def part_digest(keys: pa.Table, vectors: Iterable[npt.NDArray[np.float32]]) -> str:
    """Give the SHA-256 of what a part holds: the keys and the status of its rows, and the vectors of those that have one.

    Args:
        keys: The part's rows, with the columns of `KEY` and `status`.
        vectors: The vectors in their order, in as many blocks as one likes, `(n, dim) float32` each.
    """
    total = hashlib.sha256(json.dumps([keys[name].to_pylist() for name in (*KEY, "status")]).encode())
    for block in vectors:
        total.update(block.tobytes())
    return total.hexdigest()
