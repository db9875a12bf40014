"""Whether what a text names is there, was there, is certain, and whose it is: ConText's rules over triggers and their scopes.

A trigger speaks of what follows or precedes it in its sentence, as far as a terminator; a phrase that only looks like a trigger shadows the one
within it. The rules are those of NegEx and ConText (Chapman et al. 2001, doi:10.1006/jbin.2001.1029; Harkema et al. 2009,
doi:10.1016/j.jbi.2009.05.002); the lists are plait's own.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plait.etl.notes.extractor import Temporal
    from plait.etl.notes.lexicon import Hit
    from plait.etl.notes.words import Words

SCOPE_WORDS = 40
"""Words from a trigger over which it speaks at most, in a sentence that does not end."""

_BREAK = re.compile(r"[.!?;](?=[\s,]|$)|\n[ \t]*\r?\n|\n(?=[ \t]*(?:[-*•#>]|\d{1,2}[.)]|[A-Z]))|:[ \t]*\r?\n")
_UNBROKEN = frozenset({"dr", "mr", "mrs", "ms", "vs", "prof", "st", "approx", "e.g", "i.e", "jr", "sr"})
_LONGEST_ABBREVIATION = 7
_LONGEST_GAP = 8
_ANSWERED = re.compile(r"[^\n,;.:=?]{0,60}(?:[:=?]|[ \t][-\u2013\u2014](?=[ \t]))[ \t]*")
"""What stands between what is asked for and its answer."""
_ANSWER = re.compile(r"no[ \t]*(?:[.,;!)\]]|\r?\n|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Status:
    """What the words around a finding say of it; see `Finding`."""

    exists: bool
    temporal: Temporal
    subject: str
    is_certain: bool
    modifiers: tuple[tuple[str, str], ...]


_PLAIN = Status(exists=True, temporal="present", subject="patient", is_certain=True, modifiers=())


def sentence_starts(words: Words) -> list[int]:
    """Give the first word of each sentence.

    A sentence ends at its full stop, a semicolon, a blank line, a colon at the end of a line, and at a line whose follower begins as an
    item of a list, a heading or a sentence does: lines of a paragraph that was broken by a program go on.
    """
    text, starts = words.text, words.starts
    found = [0]
    for match in _BREAK.finditer(text):
        if match[0] == "." and _abbreviates(text, match.start()):
            continue
        place = bisect_left(starts, match.end(), found[-1])
        if place > found[-1]:
            found.append(place)
    return found


def _abbreviates(text: str, stop: int) -> bool:
    """Tell whether a full stop belongs to a title, to an initial or to an abbreviation."""
    before = text[max(0, stop - _LONGEST_ABBREVIATION) : stop].split()
    if not before or text[stop - 1].isspace():
        return False
    word = before[-1].lstrip("(\"'")
    return word.lower() in _UNBROKEN or (len(word) == 1 and word.isupper() and word.isalpha())


class Context:
    """The triggers of a text, ready to be asked about any of its words.

    Args:
        words: The text's words.
        triggers: Its triggers, those that only look like one and terminators included.
    """

    def __init__(self, words: Words, triggers: Iterable[Hit]) -> None:
        self._words = words
        self._sentences = sentence_starts(words)
        self._count = len(words.starts)
        self._forward: dict[str, list[tuple[int, int]]] = {}
        self._backward: dict[str, list[int]] = {}
        self._ends: list[int] = []
        self._all: list[int] = []
        self._answers: list[int] = []
        for first, after, entry in triggers:
            category, direction = entry.content
            if category == "terminate":
                self._ends.append(first)
            elif category == "negated" and self._is_answer(first):
                self._answers.append(first)
            elif direction == "forward":
                self._forward.setdefault(category, []).append((after, first))
                self._all.append(first)
            elif direction == "backward":
                self._backward.setdefault(category, []).append(first)
                self._all.append(first)

    def of(self, first: int, after: int, implied: str = "") -> Status:
        """Give what is said of the words `first` to `after - 1`, which stand in a section that implies a category."""
        place = bisect_right(self._sentences, first) - 1
        low = self._sentences[place]
        high = self._sentences[place + 1] if place + 1 < len(self._sentences) else self._count
        categories = {implied} if implied else set()
        known = bisect_left(self._all, low)
        if known < len(self._all) and self._all[known] < high:
            low, high = max(low, first - SCOPE_WORDS), min(high, after + SCOPE_WORDS)
            categories |= {category for category, hits in self._forward.items() if self._reaches(hits, low, first)}
            categories |= {category for category, hits in self._backward.items() if self._reaches_back(hits, after, high)}
        if self._is_answered(after):
            categories.add("negated")
        return _status(categories) if categories else _PLAIN

    def _is_answer(self, word: int) -> bool:
        """Tell whether a word is the answer to what stands before it, as in "Fever: no, cough: yes": it speaks of nothing that follows."""
        text, start = self._words.text, self._words.starts[word]
        asked = text[max(0, start - _LONGEST_GAP) : start].rstrip(" \t")[-2:]
        return _ANSWER.match(text, start) is not None and (asked[-1:] in {":", "=", "?"} or asked in {" -", " \u2013", " \u2014"})

    def _is_answered(self, after: int) -> bool:
        """Tell whether the words before `after` are asked for, and the answer is no; of a list the last ones are."""
        answer = bisect_left(self._answers, after)
        if answer == len(self._answers):
            return False
        return _ANSWERED.fullmatch(self._words.text, self._words.ends[after - 1], self._words.starts[self._answers[answer]]) is not None

    def _reaches(self, hits: Sequence[tuple[int, int]], low: int, first: int) -> bool:
        """Tell whether the last trigger before a word is of its sentence, and nothing ends its scope in between."""
        last = bisect_right(hits, (first, first)) - 1
        if last < 0 or hits[last][1] < low:
            return False
        end = bisect_left(self._ends, hits[last][0])
        return end == len(self._ends) or self._ends[end] >= first

    def _reaches_back(self, hits: Sequence[int], after: int, high: int) -> bool:
        """Tell whether the next trigger behind a word is of its sentence, and nothing ends its scope in between."""
        following = bisect_left(hits, after)
        if following == len(hits) or hits[following] >= high:
            return False
        end = bisect_left(self._ends, after)
        return end == len(self._ends) or self._ends[end] >= hits[following]


def _status(categories: set[str]) -> Status:
    """Give what categories of triggers come to, by OMOP's rule for NOTE_NLP.

    "Any of the following modifiers would make Term_exists false: Negation = true, Subject = [anything other than the patient], Conditional = true,
    Rule_out = true, Uncertain = very low certainty or any lower certainties." (OMOP CDM v5.4, NOTE_NLP)
    """
    modifiers = []
    if "negated" in categories:
        modifiers.append(("negation", "true"))
    subject = "family" if "family" in categories else "other" if "other" in categories else "patient"
    if subject != "patient":
        modifiers.append(("subject", subject))
    if "hypothetical" in categories:
        modifiers.append(("conditional", "true"))
    if "rule_out" in categories:
        modifiers.append(("rule_out", "true"))
    if "unlikely" in categories:
        modifiers.append(("certainty", "low"))
    elif "possible" in categories:
        modifiers.append(("certainty", "possible"))
    return Status(
        exists=not categories & {"negated", "family", "other", "hypothetical", "rule_out", "unlikely"},
        temporal="hypothetical" if "hypothetical" in categories else "past" if "past" in categories else "present",
        subject=subject,
        is_certain=not categories & {"possible", "unlikely", "rule_out"},
        modifiers=tuple(modifiers),
    )
