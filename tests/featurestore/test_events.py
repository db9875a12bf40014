"""Views of events against a loop over all of them; and that neither the future nor other patients change an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import CohortError, ConfigError
from plait.featurestore.aligned import Ragged
from plait.featurestore.modalities.events import Codes
from plait.schema.reasons import Reason
from tiny_cdm import A, B, C, Cdm, day

if TYPE_CHECKING:
    from collections.abc import Sequence

PERSONS = 4


class Fact(NamedTuple):
    person: int
    concept: int
    event: int
    known: int
    row_id: int

    @property
    def table(self) -> str:
        return "measurement" if self.concept == C else "condition_occurrence"


facts = st.lists(
    st.builds(
        lambda who, what, when, late, n: Fact(who, what, when, when + late, n),
        st.integers(1, PERSONS), st.sampled_from([A, B, C]), st.integers(0, 20), st.integers(0, 6), st.integers(0, 1_000),
    ),
    max_size=20, unique_by=lambda one: one.row_id,
)  # fmt: skip
rows = st.lists(st.tuples(st.integers(1, PERSONS), st.integers(0, 30)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def cdm() -> Cdm:
    return Cdm()


def fill(cdm: Cdm, held: list[Fact]) -> None:
    cdm.empty()
    for person in range(1, PERSONS + 1):
        cdm.add("cdm.person", person_id=person)
    for one in held:
        cdm.fact(
            one.table, one.row_id, one.person, one.concept, day(one.event), day(one.known), **({"value_as_number": one.row_id} if one.concept == C else {})
        )


def ask(cdm: Cdm, asked: Sequence[tuple[int, int]], clock: str = "known", *, audit: bool = False, **options: Any) -> Ragged:  # noqa: ANN401 - options
    index = pl.DataFrame({"person_id": [row[0] for row in asked], "prediction_time": [day(row[1]) for row in asked]})
    store = cdm.store({"features": [{"view": "it", "modality": "events", **options}]})
    answer = store.get_historical_features(index, clock=clock, audit=audit)["it"]
    assert isinstance(answer, Ragged)
    return answer


def sequences(answer: Ragged) -> list[list[tuple[str, float | None, float]]]:
    """Give each row's events: code, number, days before the row's moment."""
    words = list(answer.vocabulary)
    numbers = [None if np.isnan(value) else float(value) for value in answer.values]
    found = list(zip((words[code] for code in answer.codes), numbers, answer.age_days.tolist(), strict=True))
    return [found[first:last] for first, last in zip(answer.starts[:-1], answer.starts[1:], strict=True)]


@settings(max_examples=20, deadline=None)
@given(facts, rows, st.sampled_from(["known", "ohdsi"]), st.one_of(st.none(), st.integers(1, 15)), st.one_of(st.none(), st.integers(1, 3)))
def test_sequences_are_those_of_a_loop(cdm: Cdm, held: list[Fact], asked: list[tuple[int, int]], clock: str, lookback: int | None, most: int | None) -> None:
    fill(cdm, held)
    answer = ask(cdm, asked, clock, lookback_days=lookback, max_events=most)
    assert len(answer) == len(asked)
    for (person, at), found, reason in zip(asked, sequences(answer), answer.reason.tolist(), strict=True):
        seen = [one for one in held if one.person == person and one.event <= at and (clock == "ohdsi" or one.known <= at)]
        inside = sorted(
            (one for one in seen if lookback is None or one.event > at - lookback), key=lambda one: (one.event, one.known, one.table, one.concept, one.row_id)
        )
        expected = [(str(one.concept), float(one.row_id) if one.concept == C else None, float(at - one.event)) for one in inside]
        assert found == (expected if most is None else expected[-most:])
        assert reason == (Reason.OBSERVED if inside else Reason.OUT_OF_WINDOW if seen else Reason.UNKNOWN)


@settings(max_examples=20, deadline=None)
@given(facts, facts, rows)
def test_neither_the_future_nor_others_change_a_bit(cdm: Cdm, held: list[Fact], poison: list[Fact], asked: list[tuple[int, int]]) -> None:
    cut = max(at for _, at in asked)
    taken = {one.row_id for one in held}
    by_then = [one for one in held if one.known <= cut]
    later = [one._replace(known=max(one.known, cut + 1)) for one in poison if one.row_id not in taken]
    fill(cdm, by_then)
    alone = ask(cdm, asked, max_events=5)
    fill(cdm, [*by_then, *later])
    mixed = ask(cdm, asked, max_events=5)
    for part in ("starts", "codes", "values", "age_days", "reason"):
        assert getattr(alone, part).tobytes() == getattr(mixed, part).tobytes()
    assert alone.vocabulary == mixed.vocabulary
    assert sequences(ask(cdm, asked[:1], max_events=5)) == sequences(mixed)[:1]


def test_padding_keeps_the_newest_and_marks_what_is_there(cdm: Cdm) -> None:
    fill(cdm, [Fact(1, A, 1, 1, 1), Fact(1, C, 3, 3, 7), Fact(1, B, 8, 8, 3), Fact(2, A, 5, 5, 4)])
    answer = ask(cdm, [(1, 10), (3, 10), (2, 10)])
    codes, values, gaps, valid = answer.padded(2)
    word = [str(code) for code in (A, B, C)]
    place = {name: list(answer.vocabulary).index(name) for name in word}
    assert codes.tolist() == [[place[str(C)], place[str(B)]], [-1, -1], [place[str(A)], -1]]
    assert valid.tolist() == [[True, True], [False, False], [True, False]]
    assert values[0, 0] == 7
    assert gaps.tolist() == [[2.0, 5.0], [0.0, 0.0], [0.0, 0.0]]


def test_codes_are_those_that_are_declared_or_all_of_the_vocabulary(cdm: Cdm) -> None:
    fill(cdm, [Fact(1, A, 1, 1, 1), Fact(1, B, 2, 2, 2), Fact(1, C, 3, 3, 3), Fact(1, 999, 4, 4, 4)])
    assert [code for code, *_ in sequences(ask(cdm, [(1, 10)]))[0]] == [str(A), str(B), str(C), "0"]  # 999 is in no release: unmapped
    declared = ask(cdm, [(1, 10)], concepts=["V:a"])
    assert [code for code, *_ in sequences(declared)[0]] == [str(A), str(B)]
    assert list(declared.vocabulary) == [str(A), str(B)]
    assert [code for code, *_ in sequences(ask(cdm, [(1, 10)], tables=["measurement"]))[0]] == [str(C)]


def test_an_audit_tells_of_what_is_not_known_yet(cdm: Cdm) -> None:
    fill(cdm, [Fact(1, A, 5, 9, 1)])
    assert ask(cdm, [(1, 7), (2, 7)], audit=True).reason.tolist() == [Reason.NOT_YET_KNOWN, Reason.UNKNOWN]
    assert ask(cdm, [(1, 7)]).reason.tolist() == [Reason.UNKNOWN]


def test_a_code_leads_back_to_its_concept_and_its_rows(cdm: Cdm) -> None:
    fill(cdm, [Fact(1, A, 1, 2, 11), Fact(2, A, 4, 4, 12), Fact(2, B, 4, 4, 13), Fact(2, A, 8, 8, 14)])
    index = {"person_id": [2, 1], "prediction_time": [day(5), day(5)]}
    table = cdm.store({"features": [{"view": "it", "modality": "events"}]}).get_historical_features(index)
    told = table.explain(f"it.{A}")
    assert (told["vocabulary_id"], told["concept_code"]) == ("V", "a")
    assert told["sources"].select("row", "table_name", "row_id").rows() == [(0, "condition_occurrence", 12), (1, "condition_occurrence", 11)]
    with pytest.raises(CohortError, match="'7'"):
        table.explain("it.7")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"tables": ["measurments"]}, ConfigError, "Did you mean 'measurement'"),
        ({"concepts": ["V:zz"]}, CohortError, "which it does not have"),
        ({"max_event": 3}, ConfigError, "Did you mean 'max_events'"),
        ({"max_events": 0}, ConfigError, "max_events"),
    ],
)
def test_options_that_do_not_fit_say_why(cdm: Cdm, options: dict[str, Any], error: type[Exception], match: str) -> None:
    fill(cdm, [])
    with pytest.raises(error, match=match):
        ask(cdm, [(1, 1)], **options)


def test_codes_are_a_sequence() -> None:
    codes = Codes(np.asarray([0, 3, 7]))
    assert (len(codes), codes[1], list(codes[1:]), list(codes)) == (3, "3", ["3", "7"], ["0", "3", "7"])
    assert codes == ["0", "3", "7"]
    assert codes != ["0"]
    assert codes.places(np.asarray([7, 5, 0])).tolist() == [2, 0, 0]
