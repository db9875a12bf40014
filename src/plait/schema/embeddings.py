"""The embedding table: Parquet, immutable, one row per item and encoder (DESIGN, section 7).

A table lies in `features/VIEW/ENCODER_ID/`: `encoder.json` declares the encoder, every `*.parquet` is a part of rows
in the columns below and is never changed. A later row of the same item, content, person and times takes the place of an earlier one only
where that one has no vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

FEATURES_FOLDER = "features"
"""Folder of a study with its embedding tables."""

ENCODER_FILE = "encoder.json"
"""Declaration of the encoder, in each table's folder."""


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
    | `encoder_id` | the encoder, see `plait.featurestore.encoders` |
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
