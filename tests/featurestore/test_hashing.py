"""The hashing encoder: what it counts, against counting by hand."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.featurestore.encoders.hashing import HashingEncoder, HashingOptions

WORD = 1 << 64
BASE = 0x9E3779B97F4A7C15

TEXTS = st.text(st.one_of(st.sampled_from("ab c\nß-1é肺"), st.characters(exclude_categories=["Cs"])), max_size=40)


def encoder(**options: object) -> HashingEncoder:
    return HashingEncoder(HashingOptions(kind="hashing", **options))


def mixed(number: int) -> int:
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB % WORD
    return number ^ (number >> 31)


def hashed(letters: str) -> int:
    return sum((ord(letter) + 1) * pow(BASE, place + 1, WORD) for place, letter in enumerate(letters)) * pow(BASE, -1, WORD) % WORD


def by_hand(text: str, options: HashingOptions) -> np.ndarray:
    """Count the features of one text, one by one."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    features, words, word = [], [], ""
    for letter in f"{normal} ":
        if letter.isalnum() or unicodedata.category(letter).startswith("M"):
            word += letter
        elif word:
            words.append(mixed(hashed(word)))
            word = ""
    for length in range(1, options.words + 1):
        for start in range(len(words) - length + 1):
            number = 0
            for one in words[start : start + length]:
                number = (number * BASE + one) % WORD
            features.append(number)
    blank = "".join(" " if letter.isspace() else letter for letter in f" {normal} ")
    shortest, longest = options.pieces or (1, 0)
    for length in range(shortest, longest + 1):
        pieces = (blank[start : start + length] for start in range(len(blank) - length + 1))
        features += [(hashed(piece) + length) % WORD for piece in pieces if " " not in piece[1:-1] and piece.strip()]
    sums = np.zeros(options.dim)
    for number in map(mixed, features):
        sums[number % options.dim] += -1 if number >> 63 else 1
    damped = np.sign(sums) * np.sqrt(np.abs(sums))
    with np.errstate(invalid="ignore"):
        return (damped / np.linalg.norm(damped)).astype(np.float32)


@given(texts=st.lists(TEXTS, max_size=5), words=st.integers(0, 3), pieces=st.sampled_from([(1, 2), (3, 5), (2, 2), None]))
def test_as_counted_by_hand(texts: list[str], words: int, pieces: tuple[int, int] | None) -> None:
    if pieces is None:
        words = max(words, 1)
    one = encoder(dim=32, words=words, pieces=pieces)
    vectors, parts = one.encode(texts)
    assert vectors.shape == (len(texts), 32)
    assert parts.tolist() == [1] * len(texts)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, by_hand(text, HashingOptions(kind="hashing", dim=32, words=words, pieces=pieces)), rtol=1e-6)


def test_alone_and_among_many_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Stage {number} carcinoma of the lung" * (number % 7) for number in range(50)]
    together = encoder().encode(texts)[0]
    monkeypatch.setattr("plait.featurestore.encoders.hashing._LETTERS_AT_ONCE", 100)
    assert np.array_equal(encoder().encode(texts)[0], together, equal_nan=True)
    alone = np.concatenate([encoder().encode([text])[0] for text in texts])
    assert np.array_equal(alone, together, equal_nan=True)


def test_length_is_one_and_likeness_is_seen() -> None:
    vectors = encoder().encode(["Adenocarcinoma of the lung", "adenocarcinoma,\nof the LUNG", "A fall from a ladder", "肺がんの診断", "肺がんの治療", " \n"])[0]
    np.testing.assert_allclose(np.linalg.norm(vectors[:5], axis=1), 1, rtol=1e-6)
    likeness = vectors[:5] @ vectors[:5].T
    assert likeness[0, 1] > 0.9
    assert likeness[0, 2] < 0.2
    assert likeness[3, 4] > 0.3
    assert np.isnan(vectors[5]).all()


@pytest.mark.parametrize("wrong", [{"pieces": (5, 3)}, {"pieces": None, "words": 0}, {"dim": 1}])
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"pieces|words|dim"):
        HashingOptions(kind="hashing", **wrong)
