"""Which names look alike: cosine of TF-IDF weights over character trigrams, found through an inverted index in numpy.

A text is padded with a space on either side, so that the beginnings and ends of words count. Weights are those of scikit-learn's
`TfidfVectorizer(analyzer="char", ngram_range=(3, 3), sublinear_tf=True)`, with trigrams hashed to 2^22 numbers: no dictionary of them has
to be kept, and any alphabet will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Ints = npt.NDArray[np.int32]
    Floats = npt.NDArray[np.float32]

_BITS = 22
_FACTORS = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35))
"""Odd numbers that spread three letters over 32 bits; the topmost 22 are the trigram's number."""

_CHUNK = 100_000
"""Names that are cut into trigrams at once."""

_FIRST = 0.6
"""The weight that may be left of a text after the first look-up."""

_ROUNDING = 1e-4
"""What sums of 32-bit weights may be off by."""

_BREAK = 10
"""The line feed between two names, which no name has."""


_MOST_NAMES = 1_000_000
"""Names that are indexed at once, which takes 2 GB; more are done in parts."""

_NONE, _NOTHING = np.empty(0, np.int32), np.empty(0, np.float32)


class NameIndex:
    """An index of names that is asked for those most like a text.

    Args:
        names: The names, folded to the letters that count.
        texts: The texts that will be asked for: only their trigrams are kept.
        idf: What each trigram weighs; by these names if None.
    """

    def __init__(self, names: Sequence[str], texts: Sequence[str], idf: Floats | None = None) -> None:
        self.size = len(names)
        rows, grams, counts = _joined(names)
        frequency = np.bincount(grams, minlength=1 << _BITS)
        self._idf = _idf(self.size, frequency) if idf is None else idf
        weights = (1 + np.log(counts.astype(np.float32))) * self._idf[grams]
        norms = np.sqrt(np.bincount(rows, weights.astype(np.float64) ** 2, minlength=self.size))
        text_rows, text_grams, text_counts = _joined(texts)
        asked = np.zeros(1 << _BITS, bool)
        asked[text_grams] = True
        kept = np.flatnonzero(asked[grams])
        kept = kept[np.argsort(grams[kept], kind="stable")]
        self._rows, self._weights = rows[kept], (weights[kept] / norms[rows[kept]]).astype(np.float32)
        ends = np.cumsum(np.where(asked, frequency, 0))
        self._starts, self._ends = ends - np.where(asked, frequency, 0), ends
        self._texts = (np.searchsorted(text_rows, np.arange(len(texts) + 1)), text_grams, 1 + np.log(text_counts.astype(np.float32)))

    def search(self, text: int, most: int, floor: float) -> tuple[Ints, Floats]:
        """Give the places of the names most like a text, and how like they are, best first.

        The rarest trigrams are looked up first, until what is left of the text weighs less than what the last of the best names has already: no
        other name can come up to it. The common trigrams only add to names that can still be among the best. Nothing is lost by either.

        Args:
            text: Which of the texts.
            most: How many names at most.
            floor: Names that are less like it than this are left out; between 0 and 1.
        """
        begin, end = self._texts[0][text : text + 2]
        grams = self._texts[1][begin:end]
        weights = self._texts[2][begin:end] * self._idf[grams]
        norm = float(np.sqrt((weights.astype(np.float64) ** 2).sum()))
        order = np.argsort(-weights, kind="stable")
        grams, weights = grams[order], weights[order] / np.float32(norm or 1)
        left = np.sqrt(np.maximum(1 - np.cumsum(weights.astype(np.float64) ** 2), 0)) + _ROUNDING
        first, found, scores, least = 0, _NONE, _NOTHING, _FIRST
        while first < len(grams) and (not first or left[first - 1] > least):
            first = min(int(np.searchsorted(-left, -least)) + 1, len(grams))
            found, scores = self._gathered(grams[:first], weights[:first])
            least = max(floor, float(np.partition(scores, -most)[-most]) if len(scores) > most else 0)
        for place in range(max(first, 1) - 1, len(grams)):
            if place >= first:
                self._add(found, scores, grams[place], weights[place])
            fit = scores + np.float32(left[place]) >= least
            found, scores = found[fit], scores[fit]
        best = np.lexsort((found, -scores))[:most]
        best = best[scores[best] >= floor]
        return found[best], np.minimum(scores[best], 1)

    def _add(self, found: Ints, scores: Floats, gram: int, weight: float) -> None:
        """Add what a trigram is worth to the names that have it."""
        span = slice(self._starts[gram], self._ends[gram])
        rows = self._rows[span]
        if len(rows) and len(found):
            places = np.minimum(np.searchsorted(rows, found), len(rows) - 1)
            shares = rows[places] == found
            scores[shares] += weight * self._weights[span][places[shares]]

    def _gathered(self, grams: Ints, weights: Floats) -> tuple[Ints, Floats]:
        """Give the names that have some of a few trigrams, in their order, and what these add up to."""
        spans = [slice(self._starts[gram], self._ends[gram]) for gram in grams]
        rows = np.concatenate([self._rows[span] for span in spans])
        if not len(rows):
            return _NONE, _NOTHING
        parts = np.concatenate([self._weights[span] * weight for span, weight in zip(spans, weights, strict=True)])
        if len(rows) * 20 > self.size:
            sums = np.bincount(rows, parts, minlength=self.size)
            found = np.flatnonzero(sums).astype(np.int32)
            return found, sums[found].astype(np.float32)
        found, places = np.unique(rows, return_inverse=True)
        return found, np.bincount(places, parts).astype(np.float32)


def most_alike(names: Sequence[str], texts: Sequence[str], most: int, floor: float) -> Iterator[tuple[Ints, Floats]]:
    """Yield for each text what `NameIndex.search` gives of all names, which are indexed in parts that fit into memory."""
    if len(names) <= _MOST_NAMES:
        index = NameIndex(names, texts)
        yield from (index.search(text, most, floor) for text in range(len(texts)))
        return
    frequency = np.zeros(1 << _BITS, np.int64)
    for _, grams, _ in _trigrams(names):
        frequency += np.bincount(grams, minlength=1 << _BITS)
    idf = _idf(len(names), frequency)
    best = [(_NONE, _NOTHING)] * len(texts)
    for start in range(0, len(names), _MOST_NAMES):
        index = NameIndex(names[start : start + _MOST_NAMES], texts, idf)
        for text, (places, scores) in enumerate(best):
            found, more = index.search(text, most, floor)
            places, scores = np.concatenate([places, found + np.int32(start)]), np.concatenate([scores, more])  # noqa: PLW2901 - the part's added
            order = np.lexsort((places, -scores))[:most]
            best[text] = places[order], scores[order]
    yield from best


def _idf(names: int, frequency: npt.NDArray[np.int64]) -> Floats:
    """Give what each trigram weighs: the more, the fewer names have it."""
    return (np.log((1 + names) / (1 + frequency)) + 1).astype(np.float32)


def _joined(texts: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """Give the trigrams of all texts: which text, which trigram, how often; in the order of texts and trigrams."""
    parts = list(_trigrams(texts))
    if not parts:
        return _NONE, _NONE, _NONE
    rows, grams, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, grams, counts


def _trigrams(texts: Sequence[str]) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield the trigrams of texts, chunk by chunk."""
    for start in range(0, len(texts), _CHUNK):
        letters = np.frombuffer("".join(f" {text} \n" for text in texts[start : start + _CHUNK]).encode("utf-32-le"), np.uint32)
        breaks = letters == _BREAK
        row = np.cumsum(breaks) + start
        whole = ~(breaks[:-2] | breaks[1:-1] | breaks[2:])
        number = letters[:-2] * _FACTORS[0] + letters[1:-1] * _FACTORS[1] + letters[2:] * _FACTORS[2]
        number ^= number >> np.uint32(15)
        number *= _FACTORS[1]
        pairs = (row[:-2][whole] << _BITS) | (number[whole] >> np.uint32(32 - _BITS))
        pairs.sort()
        first = np.flatnonzero(np.diff(pairs, prepend=-1))
        counts = np.diff(first, append=len(pairs))
        pairs = pairs[first]
        yield (pairs >> _BITS).astype(np.int32), (pairs & ((1 << _BITS) - 1)).astype(np.int32), counts.astype(np.int32)
