"""What oncology writes in forms of its own: TNM, stage, grade, performance status, Gleason score, receptors.

TNM as UICC and AJCC write it (prefixes c, p, y, r, a); ECOG as Oken et al. 1982; Karnofsky in tens; receptors as positive or negative, or in percent.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from plait.etl.notes.headings import near
from plait.etl.notes.values import Amount, plain, reading, with_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plait.etl.notes.codes import Codes
    from plait.etl.notes.extractor import Finding
    from plait.etl.notes.lexicon import Hit
    from plait.etl.notes.values import Reading
    from plait.etl.notes.words import Words

_PREFIX = "(?:yp|yc|[pcyra])?"
_TNM = re.compile(
    rf"(?:(?P<t_prefix>{_PREFIX})T(?P<t>[0-4X][a-d]?|is|a)(?:\([^)\n]{{1,8}}\))?)?"
    rf"(?:[ ,/]{{0,3}}(?P<n_prefix>{_PREFIX})N(?P<n>[0-3X][a-c]?)(?:\([^)\n]{{1,8}}\))?)?"
    rf"(?:[ ,/]{{0,3}}(?P<m_prefix>{_PREFIX})M(?P<m>[01X][a-c]?))?(?![A-Za-z0-9])"
)
_STAGE = re.compile(r"[ \t]{0,2}(?:group)?[ \t:=]{0,3}(?:is )?(?P<stage>0|I{1,3}|IV|[1-4])(?:[ ]?(?P<part>[A-D][1-3]?))?(?![A-Za-z0-9+/.%-]|\.\d)")
_GRADE = re.compile(r"[ \t]{0,2}(?:group)?[ \t:=]{0,3}(?:is )?G?(?P<grade>[1-5]|I{1,3}|IV)(?![A-Za-z0-9+%]|\.\d)")
_OF_TUMOR = re.compile(
    r"carcinoma|cancer|tumou?r|sarcoma|glioma|neoplas|differentiat|nottingham|histolog|lymphoma|malignan|gleason|metasta|\bTNM\b|\b[cpy]?T[0-4]", re.IGNORECASE
)
_NOT_OF_TUMOR = re.compile(
    r"kidney|renal|\bckd\b|ulcer|hypertens|heart failure|sleep|labou?r|pressure|reflux|murmur|toxic|fever|decub|dement|parkinson|esrd", re.IGNORECASE
)
_SCORE_LINK = r"[\s:=()]{0,4}(?:(?:ecog|who|zubrod|performance|status|scale|score|ps|grade|index|kps|karnofsky|is|was|of|at)\b[\s:=()]{0,4}){0,5}"
_ECOG = re.compile(_SCORE_LINK + r"(?P<score>[0-5])(?![\d%+]|\.\d|[ ]?/[ ]?(?:10|\d{2})|-\d\d)", re.IGNORECASE)
_KARNOFSKY = re.compile(_SCORE_LINK + r"(?P<score>100|[1-9]0)(?!\d|\.\d)[ ]?%?", re.IGNORECASE)
_GLEASON = re.compile(
    r"[\s:=]{0,4}(?:(?:score|grade|pattern|sum|of|is|was)\b[\s:=]{0,3}){0,4}"
    r"(?:(?P<first>[1-5])[ ]?\+[ ]?(?P<second>[1-5])(?:[ ]?=[ ]?(?P<sum>\d{1,2}))?|(?P<only>[2-9]|10))(?![\d+%])",
    re.IGNORECASE,
)
_RECEPTOR = re.compile(
    r"[ \t:,(=]{0,3}(?:(?:receptors?|status|expression|staining|protein|ihc|by ihc|is|was|are|were|by immunohistochemistry|immunostain)\b[ \t:,=()]{0,3}){0,4}"
    r"(?:(?:strongly|weakly|moderately|focally|diffusely|highly)[ ])?"
    r"(?:(?P<percent>\d{1,3})[ ]?%|(?P<score>[0-3])\+(?!\+)|(?P<positive>positive\b|pos\b|\+{1,3})|"
    r"(?P<negative>negative\b|neg\b|[-\u2212\u2013](?=[\s,;.)/]|$))"
    r"|(?P<equivocal>equivocal\b|borderline\b)|(?P<low>low\b))",
    re.IGNORECASE,
)
_AND = re.compile(r"[\s/,&]{0,3}(?:and[\s])?", re.IGNORECASE)
_NEAR = 100
_SHORT = 3
_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4"}
_POSITIVE_PERCENT = 1
"""Percent of stained nuclei from which a hormone receptor is positive (ASCO/CAP 2020)."""


def oncology(words: Words, cues: Sequence[Hit], codes: Codes) -> list[Reading]:
    """Give what the cues of a text lead to."""
    found: list[Reading] = []
    free = 0
    for hit in cues:
        parser = _PARSERS.get(hit.entry.content[0])
        if parser is not None and hit.first >= free:
            for one in parser(words, hit, codes):
                found.append(one)
                free = max(free, one.after)
    return found + list(_receptors(words, [hit for hit in cues if hit.entry.content[0] == "receptor"], codes))


def _tnm(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
    """Yield the parts of a TNM; one that stands alone counts with a prefix only: T4 may be a hormone, and L1 to S5 and T1 to T12 are vertebrae."""
    text, start = words.text, words.starts[hit.first]
    match = _TNM.match(text, start)
    if match is None or match.end() == start:
        return
    parts = [(part, match[part], match[f"{part}_prefix"] or "") for part in ("t", "n", "m") if match[part] is not None]
    prefix = next((prefix for _, _, prefix in parts if prefix), "")
    if len(parts) == 1 and not prefix:
        return
    for part, value, own in parts:
        letter, mark = part.upper(), own or prefix
        begin = match.start(f"{part}_prefix")
        meaning = codes.staged(letter, value, mark)
        finding = plain(begin, match.end(part), meaning, ("tnm", f"{mark}{letter}{value}"), ("value", f"{letter}{value}"))
        yield reading(words, hit.first, finding)


def _is_of_tumor(text: str, start: int, end: int) -> bool:
    """Tell whether what is near speaks of a tumour, and not of what else has stages and grades."""
    return _OF_TUMOR.search(near(text, start, end, _NEAR)) is not None and _NOT_OF_TUMOR.search(near(text, start, end, _NEAR // 3)) is None


def _stage(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
    """Yield an overall stage of a cancer."""
    text, start, end = words.text, words.starts[hit.first], words.ends[hit.after - 1]
    match = _STAGE.match(text, end)
    if match is not None and _is_of_tumor(text, start, match.end()):
        value = _ROMAN.get(match["stage"], match["stage"]) + (match["part"] or "")
        prefix = "p" if "patholog" in text[start:end].lower() else "c" if "clinical" in text[start:end].lower() else ""
        yield reading(words, hit.first, plain(start, match.end(), codes.staged("stage", value, prefix), ("stage", value), ("value", value)))


def _grade(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
    """Yield a histological grade."""
    text, start, end = words.text, words.starts[hit.first], words.ends[hit.after - 1]
    match = _GRADE.match(text, end)
    if match is not None and _is_of_tumor(text, start, match.end()):
        value = float(_ROMAN.get(match["grade"], match["grade"]))
        yield reading(words, hit.first, with_amount(plain(start, match.end(), codes.key("grade")), Amount(match.end(), value, None, None), codes))


def _score(name: str, pattern: re.Pattern[str]) -> Callable[[Words, Hit, Codes], Iterator[Reading]]:
    """Give what reads a score."""

    def read(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
        start, end = words.starts[hit.first], words.ends[hit.after - 1]
        match = pattern.match(words.text, end)
        if match is not None and (end - start > _SHORT or words.text[start:end].isupper()):
            amount = Amount(match.end(), float(match["score"]), None, None)
            yield reading(words, hit.first, with_amount(plain(start, match.end(), codes.key(name)), amount, codes))

    return read


def _gleason(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
    """Yield a Gleason score: the sum, and the patterns where they are given."""
    start, end = words.starts[hit.first], words.ends[hit.after - 1]
    match = _GLEASON.match(words.text, end)
    if match is None:
        return
    score = float(match["only"] or int(match["first"]) + int(match["second"]))
    patterns = () if match["only"] else (("patterns", f"{match['first']}+{match['second']}"),)
    yield reading(words, hit.first, with_amount(plain(start, match.end(), codes.key("gleason"), *patterns), Amount(match.end(), score, None, None), codes))


def _receptors(words: Words, hits: Sequence[Hit], codes: Codes) -> Iterator[Reading]:
    """Yield what is said of receptors; of several named together (`ER/PR positive`) the same."""
    text = words.text
    result: re.Match[str] | None = None
    following = -1
    for hit in reversed(hits):
        start, end = words.starts[hit.first], words.ends[hit.after - 1]
        if end - start <= _SHORT and not text[start:end].isupper():
            continue
        match = _RECEPTOR.match(text, end)
        if match is None and result is not None and following >= 0:
            joined = _AND.match(text, end)
            match = result if joined is not None and joined.end() == following else None
        result, following = match, start
        if match is not None:
            receptor = hit.entry.content[1]
            value, number = _receptor_value(receptor, match)
            finding = plain(start, match.end() if match.start() == end else end, codes.key(receptor), ("receptor", receptor), ("value", value), *number)
            yield reading(words, hit.first, _valued(finding, value, codes))


def _receptor_value(receptor: str, match: re.Match[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Give (positive, negative, …; what was counted) of a receptor."""
    if match["percent"]:
        return "positive" if int(match["percent"]) >= _POSITIVE_PERCENT else "negative", (("percent", match["percent"]),)
    if match["score"]:
        score = int(match["score"])
        value = ("negative", "negative", "equivocal", "positive")[score] if receptor == "HER2" else "positive" if score else "negative"
        return value, (("score", f"{score}+"),)
    return next(value for value in ("positive", "negative", "equivocal", "low") if match[value]), ()


def _triple(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
    """Yield the three receptors of a triple-negative cancer."""
    start, end = words.starts[hit.first], words.ends[hit.after - 1]
    for receptor in ("ER", "PR", "HER2"):
        finding = plain(start, end, codes.key(receptor), ("receptor", receptor), ("value", "negative"))
        yield reading(words, hit.first, _valued(finding, "negative", codes))


def _valued(finding: Finding, value: str, codes: Codes) -> Finding:
    """Give a finding whose value is a concept, where the vocabulary has one."""
    return replace(finding, value_concept_id=codes.key(value).concept_id or None) if value != "low" else finding


_PARSERS: dict[str, Callable[[Words, Hit, Codes], Iterator[Reading]]] = {
    "tnm": _tnm,
    "stage": _stage,
    "grade": _grade,
    "ecog": _score("ecog", _ECOG),
    "karnofsky": _score("karnofsky", _KARNOFSKY),
    "gleason": _gleason,
    "triple": _triple,
}
