"""Names of the vocabulary in texts: found where they are meant, at their place in the text as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.duck import connect
from plait.etl.notes.dictionary import Dictionary, names_in, write_dictionary
from plait.etl.notes.rules import read
from plait.etl.notes.words import WORD, Signs, Words, level

if TYPE_CHECKING:
    from pathlib import Path

    from plait.etl.notes.lookups import Lookups

SEPSIS, HYPERTENSION, DYSPNEA, DIABETES, PAIN, NSCLC = 132797, 320128, 312437, 201826, 77670, 4115276


def concepts(text: str, lookups: Lookups) -> list[tuple[str, int]]:
    return [(text[one.start : one.end], one.concept_id) for one in read(text, lookups)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sepsis.", [("Sepsis", SEPSIS)]),
        ("septic, sepsised, antisepsis", []),  # words are whole
        ("High  blood\npressure", [("High  blood\npressure", HYPERTENSION)]),
        ("high-blood-pressure", [("high-blood-pressure", HYPERTENSION)]),
        ("high blood. Pressure sore", []),  # a full stop parts
        ("high blood\n\npressure", []),  # a blank line, too
        ("Dyspnoea on exertion", [("Dyspnoea", DYSPNEA)]),  # as it is spelt in Britain
        ("chest pains", [("chest pains", PAIN)]),  # several
        ("CHEST PAIN", [("CHEST PAIN", PAIN)]),
        ("NSCLC", [("NSCLC", NSCLC)]),
        ("nsclc", []),  # an acronym is in capitals
        ("non-small cell lung cancer", [("non-small cell lung cancer", NSCLC)]),  # the longest, not the lung cancer in it
    ],
)
def test_names_are_found_where_they_are_meant(text: str, found: list[tuple[str, int]], lookups: Lookups) -> None:
    assert concepts(text, lookups) == found


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("Malignant neoplasm of breast (disorder)", ["malignant neoplasm of breast"]),
        ("DD - Diverticular disease", ["dd", "diverticular disease"]),
        ("Alzheimer's disease", ["alzheimer disease"]),
        ("Ménière disease, NOS", ["meniere disease"]),
        ("Finding; Findings; Ordinal; QL", []),  # a list of words of LOINC
        ("Patient", []),  # a word that notes use without meaning a finding
        ("MAN", []),  # an acronym that is a common word
        ("eye", []),
        ("12 345", []),
        ("x" * 251, []),
        (" ".join("abcdefghijklmnop"), []),  # more words than a name has
    ],
)
def test_a_name_that_would_be_met_where_it_is_not_meant_is_left_out(name: str, forms: list[str]) -> None:
    assert [one.form for one in names_in(name)] == forms


def dictionary(folder: Path, names: list[tuple[object, ...]]) -> tuple[Dictionary, Signs]:
    with connect(threads=1) as con:
        write_dictionary(con, names, folder / "names.parquet")
    signs = Signs()
    return Dictionary(folder / "names.parquet", signs), signs


def test_a_name_means_the_concept_of_the_best_rank(tmp_path: Path) -> None:
    made, _ = dictionary(
        tmp_path,
        [
            ("alpha beta", 11, [1], ["Observation"], 2, False, True),  # maps to a standard concept
            ("alpha beta", 12, [12], ["Observation"], 2, True, False),  # a synonym of a standard one
            ("alpha beta", 13, [13], ["Condition"], 1, True, True),  # its own name
            ("gamma", 21, [21], ["Condition"], 1, True, True),
            ("Gamma", 22, [22], ["Condition"], 1, True, True),
            ("delta", 31, [5, 6], ["Condition", "Procedure"], 1, False, True),  # means two things at once
            *((("many", 40 + number, [40 + number], ["Condition"], 1, True, True)) for number in range(4)),  # one of four: tells nothing
        ],
    )
    rows = dict(zip(made.concept_ids, zip(made.targets, made.domains, made.candidates, strict=True), strict=True))
    assert rows == {13: ([13], ("Condition",), 1), 21: ([21], ("Condition",), 2), 31: ([5, 6], ("Condition", "Procedure"), 1)}


def test_an_empty_dictionary_finds_nothing(tmp_path: Path) -> None:
    made, signs = dictionary(tmp_path, [])
    assert made.find(Words("sepsis", signs)) == []


LETTERS = st.sampled_from(["a", "ab", "abc", "b", "Bs", "c", "é", "x1"])
GAPS = st.sampled_from([" ", "  ", "-", "\n", ". ", ", ", " (", "\n\n"])


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(st.lists(LETTERS, min_size=2, max_size=4).map(" ".join), min_size=1, max_size=6, unique_by=lambda name: tuple(map(level, name.split()))),
    words=st.lists(st.tuples(LETTERS, GAPS), max_size=25),
)
def test_the_automaton_finds_what_looking_at_every_word_finds(names: list[str], words: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("names")
    made, signs = dictionary(folder, [(name, number + 1, [number + 1], ["Condition"], 1, True, True) for number, name in enumerate(names)])
    text = "".join(word + gap for word, gap in words)
    forms = {tuple(level(match[0]) for match in WORD.finditer(name)): number + 1 for number, name in enumerate(names) if list(names_in(name))}
    places = [match.span() for match in WORD.finditer(text)]
    levelled = [level(text[start:end]) for start, end in places]
    expected, free = [], 0
    for first in range(len(places)):
        for after in range(len(places), first, -1):
            joined = all(text[places[place][1] : places[place + 1][0]] in {" ", "  ", "-", "\n"} for place in range(first, after - 1))
            if first >= free and joined and tuple(levelled[first:after]) in forms:
                expected.append((first, after, forms[tuple(levelled[first:after])]))
                free = after
                break
    assert [(first, after, made.concept_ids[row]) for first, after, row in made.find(Words(text, signs))] == expected


@given(st.text(max_size=40))
def test_levelling_is_done_once(word: str) -> None:
    assert all(level(level(match[0])) == level(match[0]) for match in WORD.finditer(word))
