"""What an encoder is to the rest of the store: a declaration with an id, and a function from inputs to vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from plait.schema.embeddings import Declaration
    from plait.schema.reasons import Reason

HOW = frozenset({"device", "batch_size"})
"""Keys of a declaration in `plait.yaml` that say how an encoder goes about its work, not what comes of it."""


class Encoder(Protocol):
    """Turns inputs of a modality (texts, volumes, tiles of a slide) into vectors."""

    @property
    def declaration(self) -> Declaration:
        """Which encoder it is; reads the hash of its weights, not the weights into memory."""

    def encode(self, inputs: Sequence[Any]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Give the vector of each input `(n, dim) float32`, and how many pieces were pooled for it `(n,)`; a vector with NaN failed.

        Raises:
            ItemError: An input cannot be encoded; the inputs are then given again in smaller lots, until it is found.
        """


class ItemError(Exception):
    """One item has no vector, for a reason that is the item's alone: it becomes a row of the embedding table, and the others go on.

    Args:
        reason: UNREACHABLE, UNPARSED, FAILED_QC or NO_MATERIAL.
        detail: Words on it, without anything of a patient: no text, no name of a file.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)
