"""Which names mean alike: cosine of sentence embeddings, by any model of `transformers`; the loading rules are those of text encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from plait.featurestore.encoders.registry import Asked
from plait.mapping.ngrams import most_alike

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from plait.featurestore.encoders.transformers_text import TransformersEncoder
    from plait.mapping.suggest import Hits

MOST_ENCODED = 50_000
"""Names that are all encoded; of more, those that look most like one of the texts are. Some 100 names a second go through a small model on two cores."""

_LOOK_ALIKE = (50, 0.15)
"""How many names are taken for each text where not all are encoded, and how much they look like it at least."""

_ROWS = 1_024
"""Texts that are compared at once."""


class _AskedHere(Asked):
    """A model that the command line names."""

    @property
    def where(self) -> str:
        """Where the model is named, for errors."""
        return "plait map suggest, --model"


class SentenceModel:
    """Names that mean alike, by a sentence-embedding model.

    Args:
        study: The study's folder, which keeps the hash of weights.
        model: A folder, or an id of the hub.
        pooling: What becomes of the vectors of a name's tokens.
        most_encoded: Names that are all encoded.
    """

    def __init__(self, study: Path, model: str, pooling: Literal["mean", "cls", "last"] = "mean", *, most_encoded: int = MOST_ENCODED) -> None:
        self.most_encoded = most_encoded
        self.study, self.declared = study, {"kind": "transformers", "model": model, "pooling": pooling, "normalize": True, "batch_size": 64}

    def hits(self, texts: Sequence[str], names: Sequence[str], most: int, floor: float) -> Hits:
        """Yield for each text the places of the names most like it, and how like they are (0 to 1), best first.

        Raises:
            EncoderError: The model is not there, or cannot be loaded safely.
            MissingExtraError: torch or transformers is not installed.
        """
        from plait.featurestore.encoders.transformers_text import open_encoder

        encoder = open_encoder(_AskedHere(self.study, "", "text", self.declared))
        places = self._worth_it(texts, names)
        vectors = self._encoded(encoder, [names[place] for place in places])
        asked = self._encoded(encoder, texts)
        for start in range(0, len(texts), _ROWS):
            likeness = asked[start : start + _ROWS] @ vectors.T
            for row in likeness:
                best = np.lexsort((places, -row))[:most]
                best = best[row[best] >= floor]
                yield places[best], np.minimum(row[best], 1)

    def _worth_it(self, texts: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.int32]:
        """Give the places of the names to encode."""
        if len(names) <= self.most_encoded:
            return np.arange(len(names), dtype=np.int32)
        return np.unique(np.concatenate([places for places, _ in most_alike(names, texts, *_LOOK_ALIKE)]))

    def _encoded(self, encoder: TransformersEncoder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Give the vectors of texts, of length 1 each `(n, dim) float32`."""
        return encoder.encode(texts)[0] if texts else np.empty((0, encoder.declaration.dim), np.float32)
