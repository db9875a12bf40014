"""A text encoder without a model: words, pairs of words and pieces of words, counted under hashed names with a sign.

Feature hashing after Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009; pieces of words as in
Bojanowski et al., "Enriching Word Vectors with Subword Information", TACL 2017. It needs no vocabulary and no language.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from plait.featurestore.encoders.registry import EncoderOptions
from plait.schema.embeddings import Declaration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked

    Hashes = npt.NDArray[np.uint64]
    Ints = npt.NDArray[np.int64]

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: it has an inverse modulo 2^64, by which the hash of any stretch follows from sums
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_LETTERS_AT_ONCE = 1 << 20
"""How many letters are hashed together."""

_SPACE = ord(" ")


class HashingOptions(EncoderOptions):
    """What `kind: hashing` may be told.

    Attributes:
        dim: Length of the vectors.
        words: Longest run of words that counts as one feature; none if 0.
        pieces: Shortest and longest piece of a word, in letters, its borders included; none if null.
    """

    dim: int = Field(default=512, ge=8, le=1 << 20)
    words: int = Field(default=2, ge=0, le=5)
    pieces: tuple[int, int] | None = (3, 5)

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.pieces is not None and not 1 <= self.pieces[0] <= self.pieces[1] <= 16:  # noqa: PLR2004 - longer ones are words
            raise ValueError("pieces are two lengths from 1 to 16, the shorter one first")
        if self.pieces is None and not self.words:
            raise ValueError("neither words nor pieces count")
        return self


class HashingEncoder:
    """Turns texts into vectors of length 1; the same text gives the same bytes on every machine of one byte order."""

    def __init__(self, options: HashingOptions) -> None:
        self._options = options

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration: there are no weights."""
        options = self._options
        preprocessing = {"normal_form": "NFKC, case folded", "words": options.words, "pieces": options.pieces, "counts": "square root"}
        return Declaration(options.name or "hashing", options.version, "", preprocessing, options.dim, norm=(0.999, 1.001))

    def encode(self, inputs: Sequence[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Give the vector of each text `(n, dim) float32`, NaN of one without letters, and 1 for each."""
        vectors = np.full((len(inputs), self._options.dim), np.nan, np.float32)
        for first, texts in _batches(inputs):
            vectors[first : first + len(texts)] = self._encoded(texts)
        return vectors, np.ones(len(inputs), np.int32)

    def _encoded(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Give the vectors of some texts."""
        letters = np.frombuffer("".join(f" {text} " for text in texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        owner = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
        dim = self._options.dim
        sums = np.zeros(len(texts) * dim)
        for hashes, starts in self._features(letters, owner):
            mixed = _mixed(hashes)
            buckets = owner[starts] * dim + (mixed % np.uint64(dim)).astype(np.int64)
            sums += np.bincount(buckets, np.where(mixed >> np.uint64(63), -1.0, 1.0), minlength=len(sums))
        damped = (np.sign(sums) * np.sqrt(np.abs(sums))).reshape(len(texts), dim)  # ten times a word is not ten times as much
        norms = np.sqrt(np.einsum("ij,ij->i", damped, damped))[:, None]
        with np.errstate(invalid="ignore"):
            vectors: npt.NDArray[np.float32] = (damped / norms).astype(np.float32)
        return vectors

    def _features(self, letters: npt.NDArray[np.uint32], owner: Ints) -> Iterator[tuple[Hashes, Ints]]:
        """Yield hashes of features and the place of each one's first letter, one kind of feature at a time."""
        seen, place = np.unique(letters, return_inverse=True)
        known = [chr(letter) for letter in seen.tolist()]
        is_gap = np.array([letter.isspace() for letter in known])[place]
        is_word = np.array([letter.isalnum() or unicodedata.category(letter).startswith("M") for letter in known])[place]
        starts, stops = _runs(is_word)
        words = _mixed(_Stretches(letters).hashes(starts, stops))
        for length in range(1, self._options.words + 1):
            begin, last = starts[: len(starts) - length + 1], starts[length - 1 :]
            is_of_one = owner[begin] == owner[last]
            hashes = np.zeros(len(begin), np.uint64)
            for step in range(length):
                hashes = hashes * _BASE + words[step : step + len(begin)]
            yield hashes[is_of_one], begin[is_of_one]
        if self._options.pieces is not None:
            stretches, gaps = _Stretches(np.where(is_gap, np.uint32(_SPACE), letters)), np.concatenate(([0], np.cumsum(is_gap)))
            for length in range(self._options.pieces[0], self._options.pieces[1] + 1):
                begin = np.arange(max(len(letters) - length + 1, 0))
                # A gap at a border says that a word begins or ends there; one within would join two words, or two texts.
                within = gaps[begin + length - 1] - gaps[begin + 1]
                begin = begin[(within == 0) & (gaps[begin + length] - gaps[begin] < length)]
                yield stretches.hashes(begin, begin + length) + np.uint64(length), begin


class _Stretches:
    """Hashes of stretches of letters, each the same wherever it stands: a polynomial of its letters modulo 2^64."""

    def __init__(self, letters: npt.NDArray[np.uint32]) -> None:
        powers = np.cumprod(np.full(len(letters), _BASE, np.uint64))
        self._inverses = np.cumprod(np.full(len(letters), _INVERSE, np.uint64))
        self._sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum((letters.astype(np.uint64) + np.uint64(1)) * powers)))

    def hashes(self, start: Ints, stop: Ints) -> Hashes:
        """Give the hash of the letters from each `start` to before its `stop`."""
        hashes: Hashes = (self._sums[stop] - self._sums[start]) * self._inverses[start]
        return hashes


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield normalised texts, some letters at a time, with the place of the first of them."""
    held: list[str] = []
    first = size = 0
    for place, text in enumerate(texts):
        normal = unicodedata.normalize("NFKC", text).casefold()
        if held and size + len(normal) > _LETTERS_AT_ONCE:
            yield first, held
            first, held, size = place, [], 0
        held.append(normal)
        size += len(normal) + 2
    if held:
        yield first, held


def _runs(flags: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Give where runs of true flags begin, and where they end."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return edges[::2], edges[1::2]


def _mixed(hashes: Hashes) -> Hashes:
    """Give hashes whose every bit depends on all bits (the finaliser of SplitMix64)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def open_encoder(asked: Asked) -> HashingEncoder:
    """Open the encoder that a view declares."""
    return HashingEncoder(asked.options(HashingOptions))
