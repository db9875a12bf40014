"""What the extractor `rules` reads: who has it, whether and when, what was measured, what oncology writes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.etl.notes.extractor import LONGEST, Finding
from plait.etl.notes.lexicon import rows_of
from plait.etl.notes.rules import read
from plait.etl.notes.words import WORD, level

if TYPE_CHECKING:
    from plait.etl.notes.lookups import Lookups
    from plait.etl.notes.rules import RulesExtractor


RECEPTORS = {36203168: "ER", 36203170: "PR", 36203114: "HER2"}


def said(text: str, lookups: Lookups) -> dict[str, str]:
    """Give what is said of each finding: `Y` or `N`, when, and the modifiers."""
    return {
        text[one.start : one.end].lower(): f"{'Y' if one.exists else 'N'} {one.temporal} {one.term_modifiers or ''}".rstrip() for one in read(text, lookups)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sepsis.", "Y present"),
        ("No sepsis.", "N present negation=true"),
        ("No evidence of sepsis.", "N present negation=true"),
        ("Denies chills, nausea, or sepsis.", "N present negation=true"),
        ("No chills but sepsis.", "Y present"),  # a terminator
        ("No chills. Sepsis.", "Y present"),  # a sentence
        ("No chills; sepsis.", "Y present"),
        ("No evidence of\nsepsis.", "N present negation=true"),  # a line that was broken by a program
        ("No chills\n- sepsis", "Y present"),  # an item of a list
        ("No change in sepsis.", "Y present"),  # looks like a negation only
        ("Sepsis was ruled out.", "N present negation=true"),
        ("Sepsis: none.", "N present negation=true"),
        ("Sepsis: no.", "N present negation=true"),
        ("Sepsis? No", "N present negation=true"),
        ("Sepsis in the last months - no, fever: yes.", "N present negation=true"),
        ("Fever: no, sepsis: yes.", "Y present"),  # an answer says nothing of what follows
        ("Sepsis, fever: no.", "Y present"),  # nor of what is asked before
        ("Sepsis. Fever: no.", "Y present"),
        ("Sepsis: no fever.", "Y present"),  # no answer
        ("Sepsis is unlikely.", "N present certainty=low"),
        ("Rule out sepsis.", "N present rule_out=true"),
        ("R/O sepsis", "N present rule_out=true"),
        ("Possible sepsis.", "Y present certainty=possible"),
        ("Sepsis cannot be excluded.", "Y present certainty=possible"),
        ("History of sepsis.", "Y past"),
        ("No history of sepsis.", "N present negation=true"),
        ("Sepsis three years ago.", "Y past"),
        ("Return for sepsis.", "N hypothetical conditional=true"),
        ("If sepsis develops, call.", "N hypothetical conditional=true"),
        ("Mother had sepsis.", "N present subject=family"),
        ("No family history of sepsis.", "N present negation=true,subject=family"),
        ("The donor died of sepsis.", "N present subject=other"),
        ("FAMILY HISTORY:\nSepsis.", "N present subject=family"),
        ("FAMILY HISTORY: Stroke.\n\nEXAMINATION:\nSepsis.", "Y present"),
        ("FAMILY HISTORY\nStroke.\n\nSOMETHING ELSE\nSepsis.", "Y present"),  # a heading that no list knows ends a section, too
        ("PMH: sepsis", "Y past"),
        ("Seen by Dr. No. Sepsis.", "Y present"),
    ],
)
def test_who_has_it_whether_and_when(text: str, expected: str, lookups: Lookups) -> None:
    assert said(text, lookups)["sepsis"] == expected


@pytest.mark.parametrize("number", [1, 7, 39, 41, 200])
def test_a_trigger_reaches_forty_words(number: int, lookups: Lookups) -> None:
    text = f"no {'and ' * number}sepsis"
    assert said(text, lookups)["sepsis"] == ("N present negation=true" if number < 40 else "Y present")


@pytest.mark.parametrize(
    ("text", "words", "modifiers"),
    [
        ("Hb 10.2 g/dL", "Hb 10.2 g/dL", "value=10.2,unit=g/dL"),
        ("Hemoglobin: 10,2 g/dl", "Hemoglobin: 10,2 g/dl", "value=10.2,unit=g/dL"),
        ("WBC of 7,200 /mm3", "WBC of 7,200 /mm3", "value=7200,unit=/uL"),
        ("leukocytes 7.2 · 10³/µL.", "leukocytes 7.2 · 10³/µL", "value=7.2,unit=10*3/uL"),
        ("platelets 1,200,300.5 /uL", "platelets 1,200,300.5 /uL", "value=1200300.5,unit=/uL"),
        ("PSA < 0.1 ng/mL", "PSA < 0.1 ng/mL", "value=0.1,operator=<,unit=ng/mL"),
        ("CRP ≥ 5 mg/L", "CRP ≥ 5 mg/L", "value=5,operator=>=,unit=mg/L"),
        ("heart rate was 80 beats per minute", "heart rate was 80 beats per minute", "value=80,unit=/min"),
        ("Ca 2.3 mmol/L", "Ca 2.3 mmol/L", "value=2.3,unit=mmol/L"),
        ("CA 15-3 31 U/mL", "CA 15-3 31 U/mL", "value=31,unit=[IU]/mL"),
    ],
)
def test_what_was_measured(text: str, words: str, modifiers: str, lookups: Lookups) -> None:
    assert [(text[one.start : one.end], one.term_modifiers) for one in read(text, lookups)] == [(words, modifiers)]


def test_a_blood_pressure_is_two_measurements(lookups: Lookups) -> None:
    found = read("BP 120/80 mmHg", lookups)
    assert [(one.concept_id, one.value, one.unit, one.unit_concept_id) for one in found] == [
        (3004249, 120.0, "mm[Hg]", 8876),
        (3012888, 80.0, "mm[Hg]", 8876),
    ]


PARTS_OF_NUMBERS = ["Hb 10.2-11.4 g/dL", "Hb 10.2–11.4 g/dL", "Hb 1.200,5 g/dL", "Hb 1,2,3 g/dL", "Hb 1.2.2020", "Hb 1e3 g/dL", "Hb 9.1234567 g/dL"]  # noqa: RUF001


@pytest.mark.parametrize("text", ["Ca 2", "pt 3 days", "Hb on 12/03/2020", "Hb 2020-03-01", "Hb", "hr 2nd", "BP 1200/800", *PARTS_OF_NUMBERS])
def test_what_is_no_value(text: str, lookups: Lookups) -> None:
    assert [one for one in read(text, lookups) if one.value is not None] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pT2N1M0", {"pT2": "tnm=pT2,value=T2", "N1": "tnm=pN1,value=N1", "M0": "tnm=pM0,value=M0"}),
        ("cT1c N0 M0", {"cT1c": "tnm=cT1c,value=T1c", "N0": "tnm=cN0,value=N0", "M0": "tnm=cM0,value=M0"}),
        ("ypT0 ypN0", {"ypT0": "tnm=ypT0,value=T0", "ypN0": "tnm=ypN0,value=N0"}),
        ("TNM: T4 N2 M1", {"T4": "tnm=T4,value=T4", "N2": "tnm=N2,value=N2", "M1": "tnm=M1,value=M1"}),
        ("pTis", {"pTis": "tnm=pTis,value=Tis"}),
        ("free T4; T2-weighted; vertebra T1", {}),  # a hormone, a sequence, a vertebra
        ("cancer, stage IIIA", {"stage IIIA": "stage=3A,value=3A"}),
        ("Clinical stage IV (cT4)", {"Clinical stage IV": "stage=4,value=4", "cT4": "tnm=cT4,value=T4"}),
        ("stage 3 kidney disease", {}),
        ("stage II pressure ulcer", {}),
        ("murmur\n\n# Tumour\nstage II cancer", {"stage II": "stage=2,value=2"}),  # what is under another heading says nothing of it
        ("carcinoma, grade 2", {"grade 2": "value=2"}),
        ("grade 3 murmur", {}),
        ("ECOG 1", {"ECOG 1": "value=1"}),
        ("ECOG performance status: 1", {"ECOG performance status: 1": "value=1"}),
        ("Performance status (ECOG) is 2.", {"Performance status (ECOG) is 2": "value=2"}),
        ("Karnofsky 80%", {"Karnofsky 80%": "value=80"}),
        ("Gleason 3 + 4 = 7", {"Gleason 3 + 4 = 7": "patterns=3+4,value=7"}),
        ("GLEASON\n4 + 3 = 7", {"GLEASON\n4 + 3 = 7": "patterns=4+3,value=7"}),
        ("Gleason score 8", {"Gleason score 8": "value=8"}),
        ("ER positive, PR negative", {"ER positive": "receptor=ER,value=positive", "PR negative": "receptor=PR,value=negative"}),
        ("ER/PR positive", {"ER": "receptor=ER,value=positive", "PR positive": "receptor=PR,value=positive"}),
        ("ER+/PR+/HER2-", {"ER+": "receptor=ER,value=positive", "PR+": "receptor=PR,value=positive", "HER2-": "receptor=HER2,value=negative"}),
        ("ER 90%", {"ER 90%": "receptor=ER,value=positive,percent=90"}),
        ("HER2 2+", {"HER2 2+": "receptor=HER2,value=equivocal,score=2+"}),
        ("HER2/neu negative", {"HER2/neu negative": "receptor=HER2,value=negative"}),
        ("seen in the ER; er positive", {}),
        ("EGFR p.L858R", {"EGFR p.L858R": "gene=EGFR,hgvs_p=p.L858R"}),
        ("EGFR p.(Leu858Arg)", {"EGFR p.(Leu858Arg)": "gene=EGFR,hgvs_p=p.Leu858Arg"}),
        ("BRAF V600E", {"BRAF V600E": "gene=BRAF,hgvs_p=p.V600E"}),
        ("c.2573T>G", {"c.2573T>G": "hgvs_c=c.2573T>G"}),
        ("c.2235_2249del15", {"c.2235_2249del15": "hgvs_c=c.2235_2249del15"}),
        ("TP53 p.R213*", {"TP53 p.R213*": "gene=TP53,hgvs_p=p.R213*"}),
        ("BRCA1 p.Glu23fs", {"BRCA1 p.Glu23fs": "gene=BRCA1,hgvs_p=p.Glu23fs"}),
        ("EGFR exon 19 deletion", {"EGFR exon 19 deletion": "gene=EGFR,exon=19,change=deletion"}),
        ("EML4-ALK fusion", {"EML4-ALK fusion": "gene=EML4::ALK,change=fusion"}),
        ("ROS1 rearrangement", {"ROS1 rearrangement": "gene=ROS1,change=fusion"}),
        ("room L858R", {}),  # of no gene, and not written as a change
    ],
)
def test_what_oncology_writes(text: str, found: dict[str, str], lookups: Lookups) -> None:
    read_as = {text[one.start : one.end]: one.term_modifiers for one in read(text, lookups)}
    assert {words: modifiers for words, modifiers in read_as.items() if any(key in str(modifiers) for key in ("value=", "gene=", "hgvs"))} == found


def test_a_triple_negative_cancer_has_three_receptors(lookups: Lookups) -> None:
    found = [one for one in read("Triple-negative breast cancer", lookups) if one.concept_id in RECEPTORS]
    assert {one.concept_id: one.term_modifiers for one in found} == {concept: f"receptor={name},value=negative" for concept, name in RECEPTORS.items()}
    assert all(one.exists for one in found)


def test_what_negates_a_value_is_about_something_else(lookups: Lookups) -> None:
    found = {one.term_modifiers: one.exists for one in read("No spread. Carcinoma without necrosis, ER negative. No KRAS G12C.", lookups)}
    assert found["receptor=ER,value=negative"]
    assert not found["negation=true,gene=KRAS,hgvs_p=p.G12C"]


def test_findings_stand_in_sections(rules: RulesExtractor) -> None:
    (found,) = rules.extract(["sepsis"])
    assert found[0].section_concept_id == 0  # and of a section that the vocabulary has no concept for


def test_all_triggers_do_what_their_list_says() -> None:
    rows = rows_of("triggers")
    assert {row["category"] for row in rows} == {
        "negated", "unlikely", "rule_out", "possible", "hypothetical", "past", "family", "other", "pseudo", "terminate",
    }  # fmt: skip
    assert {row["direction"] for row in rows if row["category"] in {"pseudo", "terminate"}} == {"none"}
    assert {row["direction"] for row in rows if row["category"] not in {"pseudo", "terminate"}} == {"forward", "backward"}
    said_by = Counter((tuple(level(match[0]) for match in WORD.finditer(row["phrase"])), row["direction"]) for row in rows)
    assert [phrase for phrase, lines in said_by.items() if lines > 1] == []  # one line says one thing


PIECES = st.sampled_from(
    ["sepsis", "no ", "possible ", "Hb 10.2 g/dL", "BP 120/80", "pT2N1M0", "ER+", "stage IV cancer", "EGFR p.L858R", "FAMILY HISTORY:\n", "\n\n", ". ", " ",
     "c.2573T>G", "mother ", "high blood pressure", "\u0130", "\U0001d538", "e\u0301", "ß", "\x00", "\r\n", "咳", "Gleason 3+4", "(", "%", "ECOG", "grade", "1"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join))


def check(text: str, findings: list[Finding]) -> None:
    assert [(one.start, one.end) for one in findings] == sorted((one.start, one.end) for one in findings)
    for one in findings:
        assert 0 <= one.start < one.end <= len(text)
        assert one.end - one.start <= LONGEST
        assert text[one.start : one.end].strip() == text[one.start : one.end]
        assert len(one.term_modifiers or "") <= 2000
        assert one.exists or {"negation", "subject", "conditional", "rule_out", "certainty"} & {key for key, _ in one.modifiers}


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_places_are_those_of_the_text_as_it_stands(text: str, lookups: Lookups) -> None:
    check(text, read(text, lookups))


@settings(max_examples=100, deadline=None)
@given(before=TEXTS, text=TEXTS, blanks=st.integers(1, 5))
def test_what_stands_before_a_blank_paragraph_moves_findings_and_changes_none(before: str, text: str, blanks: int, lookups: Lookups) -> None:
    """A text is read alone; within one, paragraphs that headings part are read as texts of their own."""
    parted = f"{before}\n\n# Other\n{' ' * blanks}"
    behind = [one for one in read(parted + "\n\n# Other\n" + text, lookups) if one.start >= len(parted)]
    alone = read("\n\n# Other\n" + text, lookups)
    assert [(one.start - len(parted), one.concept_id, one.modifiers) for one in behind] == [(one.start, one.concept_id, one.modifiers) for one in alone]


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(TEXTS, max_size=5))
def test_a_text_is_read_alone(texts: list[str], rules: RulesExtractor) -> None:
    assert rules.extract(texts) == [found for text in texts for found in rules.extract([text])]


WORST = {
    "negations": "no " * 100_000 + "sepsis",
    "findings": "sepsis " * 100_000,
    "a sentence without an end": "no sepsis and " * 50_000,
    "blanks": "no" + " " * 500_000 + "sepsis",
    "lines": "\n" * 500_000 + "sepsis",
    "lines with blanks": "\n " * 250_000 + "sepsis",
    "full stops": "." * 500_000 + "sepsis",
    "capitals": "A" * 500_000 + " sepsis",
    "lines in capitals": "SOME HEADING\n\n" * 40_000 + "sepsis",
    "hashes": "#" * 500_000 + " sepsis",
    "one word": "x" * 500_000 + " sepsis",
    "digits": "Hb " + "1" * 500_000 + " sepsis",
    "terms without values": "Hb is was of at level " * 25_000 + "sepsis",
    "units": "Hb 1 " + "mg/" * 100_000 + " sepsis",
    "brackets": "pT2(" * 100_000 + " sepsis",
    "stages": "stage " * 80_000 + "sepsis",
    "receptors": "ER PR HER2 " * 40_000 + "sepsis",
    "genes": "EGFR " * 80_000 + "L858R sepsis",
    "changes": "L858R " * 80_000 + "sepsis",
    "colons": "history: " * 50_000 + "sepsis",
    "names that nearly fit": "non small cell lung " * 30_000 + "sepsis",
    "words that nobody has seen": " ".join(f"w{number}q" for number in range(60_000)) + " sepsis",
    "marks": "é" * 200_000 + "e\u0301" * 100_000 + " sepsis",
}


@pytest.mark.long
@pytest.mark.parametrize("text", WORST.values(), ids=WORST.keys())
def test_no_text_is_too_hard(text: str, lookups: Lookups) -> None:
    """Each is read in about a second: what grew with the square of a text would take an hour."""
    found = read(text, lookups)
    check(text, found)
    assert any(text[one.start : one.end] == "sepsis" for one in found)
