"""From texts to vectors by way of tokens: long texts in chunks with overlap, chunks in batches by length, pooled by tokens.

What runs the model (torch, ONNX Runtime) is told apart by its `run` alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from plait.featurestore.encoders.registry import ModelOptions
from plait.models.tokenizer import Tokenizer
from plait.schema.embeddings import Declaration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import numpy.typing as npt

    from plait.models.model import Model

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

_LEAST_NORM, _MOST_NORM = 1e-6, 1e6
"""What any encoder's vectors keep to: one of zeros, or of numbers that exploded, says nothing of a text."""

_UNIT = (0.999, 1.001)


class TokenOptions(ModelOptions):
    """What an encoder of texts with a model may be told.

    Attributes:
        pooling: What becomes of the vectors of a chunk's tokens: their `mean`, that of the first (`cls`), or that of the `last`.
        max_length: Tokens of a chunk, special ones included; as many as the model takes if left out.
        overlap: Tokens that a chunk shares with the one before.
        normalize: Whether vectors are brought to length 1.
    """

    pooling: Literal["mean", "cls", "last"] = "mean"
    max_length: int | None = Field(default=None, ge=8)
    overlap: int = Field(default=32, ge=0)
    normalize: bool = False

    @model_validator(mode="after")
    def _chunks_go_on(self) -> Self:
        if self.max_length is not None and self.overlap > self.max_length // 2:
            raise ValueError("overlap is more than half of max_length")
        return self


class TokenEncoder(ABC):
    """An encoder of texts: chunks go through a model, and their vectors are pooled by tokens.

    Args:
        model: The model's files.
        options: What is declared.
    """

    def __init__(self, model: Model, options: TokenOptions) -> None:
        self.model, self.options = model, options
        self._tokenizer = Tokenizer(model)

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration; nothing but small files and the hash of the weights is read for it."""
        options, model = self.options, self.model
        preprocessing = {
            "model_type": model.config.get("model_type"),
            "config_sha256": model.files_sha256("config"),
            "tokenizer_sha256": model.files_sha256("tokenizer"),
            "runtime": options.kind,
            "pooling": options.pooling,
            "max_length": self.max_length,
            "overlap": self.overlap,
            "chunks": "mean by tokens",
            "normalize": options.normalize,
            "dtype": options.dtype,
        }
        norm = _UNIT if options.normalize else (_LEAST_NORM, _MOST_NORM)
        return Declaration(model.name, options.version, self.weights_sha256, preprocessing, model.size("hidden_size", "d_model", "dim"), norm=norm)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights."""
        return self.model.weights_sha256

    @cached_property
    def max_length(self) -> int:
        """Tokens of a chunk, special ones included."""
        return min(self.options.max_length or self.model.positions(), self.model.positions())

    @property
    def overlap(self) -> int:
        """Tokens that a chunk shares with the one before: never more than half of one."""
        return min(self.options.overlap, self.max_length // 2)

    def encode(self, inputs: Sequence[str]) -> tuple[Floats, npt.NDArray[np.int32]]:
        """Give the vector of each text `(n, dim) float32`, and how many chunks it was pooled from `(n,)`.

        Raises:
            EncoderError: The model cannot be loaded.
            MissingExtraError: A package is not installed.
        """
        chunks, text, weights = self._chunks(inputs)
        vectors = np.zeros((len(inputs), self.declaration.dim))
        lengths = np.array([len(chunk) for chunk in chunks], np.int64)
        by_length = np.argsort(-lengths, kind="stable")  # what needs the most memory comes first
        for start in range(0, len(by_length), self.options.batch_size):
            places = by_length[start : start + self.options.batch_size]
            pooled = self.run(*_padded([chunks[place] for place in places], lengths[places], self._tokenizer.pad))
            np.add.at(vectors, text[places], pooled * weights[places, None])
        vectors /= np.bincount(text, weights, minlength=len(inputs))[:, None]
        if self.options.normalize:
            with np.errstate(invalid="ignore"):
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32), np.bincount(text, minlength=len(inputs)).astype(np.int32)

    @abstractmethod
    def run(self, tokens: Ints, lengths: Ints) -> Floats:
        """Give the pooled vector of each chunk of a batch `(n, dim)`, from tokens padded on the right `(n, length)` and how many there are `(n,)`."""

    def _chunks(self, texts: Sequence[str]) -> tuple[list[list[int]], Ints, npt.NDArray[np.float64]]:
        """Give the tokens of all chunks with special ones about them, the text of each, and how many tokens of its own it has."""
        before, after = self._tokenizer.special
        room = max(self.max_length - len(before) - len(after), 1)
        step = max(room - self.overlap, 1)
        chunks, text, weights = [], [], []
        tokens = self._tokenizer.raw(list(texts), add_special_tokens=False, truncation=False, padding=False, return_attention_mask=False, verbose=False)[
            "input_ids"
        ]
        for place, ids in enumerate(tokens):
            for start in range(0, max(len(ids) - self.overlap, 1), step) if len(ids) > room else (0,):
                chunk = ids[start : start + room]
                chunks.append([*before, *chunk, *after])
                text.append(place)
                weights.append(max(len(chunk), 1))
        return chunks, np.array(text, np.int64), np.array(weights, np.float64)


def _padded(chunks: list[list[int]], lengths: Ints, pad: int) -> tuple[Ints, Ints]:
    """Give the tokens of chunks, filled up on the right, and how many there are of each."""
    tokens = np.full((len(chunks), lengths.max()), pad, np.int64)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = np.concatenate([np.asarray(chunk, np.int64) for chunk in chunks])
    return tokens, lengths
