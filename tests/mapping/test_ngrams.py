"""Names that look alike, against scikit-learn's TF-IDF over character trigrams."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from plait.mapping import ngrams
from plait.mapping.ngrams import NameIndex

WORD = st.text("abcdé東京", min_size=1, max_size=6)
NAME = st.lists(WORD, min_size=1, max_size=4).map(" ".join)


def cosines(names: list[str], texts: list[str]) -> np.ndarray:
    """Give scikit-learn's cosine of each text (a row) with each name."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), sublinear_tf=True, lowercase=False)
    matrix = vectorizer.fit_transform([f" {name} " for name in names])
    return (vectorizer.transform([f" {text} " for text in texts]) @ matrix.T).toarray()


@settings(deadline=None, max_examples=40)
@given(st.lists(NAME, min_size=1, max_size=30), st.integers(1, 5), st.sampled_from([0.0, 0.3, 0.7]))
def test_the_best_names_are_those_of_scikit_learn(names: list[str], most: int, floor: float) -> None:
    texts = [names[0], names[-1]]
    expected, index = cosines(names, texts), NameIndex(names, texts)
    for text in range(2):
        places, scores = index.search(text, most, floor)
        best = np.sort(expected[text][expected[text] > max(floor, 1e-6)])[::-1][:most]
        assert np.allclose(scores[: len(best)], best, atol=0.01) or np.abs(np.sort(expected[text])[::-1] - floor).min() < 0.01, (names, text)
        assert np.allclose(scores, expected[text][places], atol=0.01)
        assert list(scores) == sorted(scores, reverse=True)


@settings(deadline=None, max_examples=15)
@given(st.lists(NAME, min_size=8, max_size=30), st.integers(1, 5))
def test_names_in_parts_give_what_they_give_at_once(names: list[str], most: int) -> None:
    texts = [names[0], names[-1]]
    whole = list(ngrams.most_alike(names, texts, most, 0.1))
    with patch.object(ngrams, "_MOST_NAMES", 7):
        parts = list(ngrams.most_alike(names, texts, most, 0.1))
    for (places, scores), (others, more) in zip(whole, parts, strict=True):
        assert np.allclose(scores, more, atol=1e-5)
        assert set(places[scores > scores[-1] + 1e-4]) <= set(others) if len(places) else not len(others)


def test_a_trigram_that_no_name_has_counts_against_a_name() -> None:
    whole, part = NameIndex(["asthma"], ["asthma"]), NameIndex(["asthma"], ["asthma bronchiale"])
    assert whole.search(0, 1, 0)[1][0] > 0.999
    assert part.search(0, 1, 0)[1][0] < 0.7


def test_texts_without_letters_are_like_nothing() -> None:
    index = NameIndex(["asthma", ""], ["", "x"])
    assert [len(index.search(text, 5, 0.3)[0]) for text in (0, 1)] == [0, 0]
    assert len(NameIndex([], ["asthma"]).search(0, 5, 0.3)[0]) == 0
