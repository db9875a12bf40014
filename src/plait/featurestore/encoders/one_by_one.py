"""Encoders of what is large: series and slides, read and encoded one after the other, each in memory alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from plait.featurestore.encoders.encoder import ItemError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt

    from plait.schema.embeddings import Declaration

InputT = TypeVar("InputT", bound="Hashable")


class OneByOne(ABC, Generic[InputT]):
    """Encodes inputs that are read when it is their turn.

    What became of the inputs of the last batch is kept: where one of them has no vector the others are given again, and are not read again.
    """

    def __init__(self) -> None:
        self._made: dict[InputT, tuple[npt.NDArray[np.float32], int] | ItemError] = {}

    @property
    @abstractmethod
    def declaration(self) -> Declaration:
        """Which encoder it is."""

    @abstractmethod
    def encode_one(self, one: InputT) -> tuple[npt.NDArray[np.float32], int]:
        """Give the vector of an input `(dim,) float32`, and how many pieces were pooled for it.

        Raises:
            ItemError: It has none.
        """

    def encode(self, inputs: Sequence[InputT]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Give the vector of each input `(n, dim) float32`, and how many pieces were pooled for it `(n,)`.

        Raises:
            ItemError: The reason of the first input that has none, after all were tried.
        """
        if not set(inputs) <= set(self._made):
            self._made = {}
        for one in inputs:
            if one not in self._made:
                try:
                    self._made[one] = self.encode_one(one)
                except ItemError as error:
                    self._made[one] = ItemError(error.reason, error.detail)  # without its traceback, which holds what was read
        found = [self._made[one] for one in inputs]
        for made in found:
            if isinstance(made, ItemError):
                raise made
        good = [made for made in found if not isinstance(made, ItemError)]
        vectors = np.stack([vector for vector, _ in good]) if good else np.empty((0, self.declaration.dim), np.float32)
        return vectors, np.asarray([parts for _, parts in good], np.int32)
