"""Chance that depends on nothing but what it is asked for: the same seed and the same row give the same number.

No generator is advanced, so that neither the order of rows, nor a batch, nor a worker changes what is drawn.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Key = int | npt.NDArray[np.integer[Any]]

_BITS = 0xFFFF_FFFF_FFFF_FFFF


def key_of(text: str) -> int:
    """Give a key for a text: the first eight bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def uniform(*keys: Key) -> npt.NDArray[np.float64]:
    """Give numbers of the open interval from 0 to 1, one for each combination of keys, which are spread as NumPy does.

    The mixing function is splitmix64's (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
    """
    mixed = np.zeros((), np.uint64)
    for key in keys:
        given = np.uint64(key & _BITS) if isinstance(key, int) else np.asarray(key).astype(np.int64).view(np.uint64)
        mixed = _mix(np.bitwise_xor(mixed, given))
    return ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / (1 << 53)


def normal(*keys: Key) -> npt.NDArray[np.float64]:
    """Give numbers of the standard normal distribution, one for each combination of keys, by the transform of Box and Muller (1958)."""
    radius = np.sqrt(-2.0 * np.log(uniform(*keys, 1)))
    angle: npt.NDArray[np.float64] = radius * np.cos(2.0 * np.pi * uniform(*keys, 2))
    return angle


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Give the next state of splitmix64, mixed; products wrap around."""
    with np.errstate(over="ignore"):
        state = state + np.uint64(0x9E37_79B9_7F4A_7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
        mixed: npt.NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed
