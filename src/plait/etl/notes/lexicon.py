"""The words that plait itself knows in notes: triggers, headers of sections, what is measured, cues of oncology; one automaton for all.

They are lists of plait's own (CSV), one phrase a line.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, NamedTuple

from plait.etl.notes.words import WIDTH, WORD, is_plain_gap, level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plait.etl.notes.words import Signs, Words

Kind = Literal["trigger", "section", "measure", "cue"]


class Entry(NamedTuple):
    """A phrase: of which list, how many words, and what the list says of it."""

    kind: Kind
    length: int
    content: tuple[str, ...]


class Hit(NamedTuple):
    """A phrase in a text: its first word, the word after its last, and its entry."""

    first: int
    after: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Hits:
    """What of the lists stands in a text: by list, in order of the first word."""

    triggers: list[Hit]
    sections: list[Hit]
    measures: list[Hit]
    cues: list[Hit]


class Lexicon:
    """The lists, ready to be looked up in.

    Args:
        signs: Gets the signs of their words.
    """

    def __init__(self, signs: Signs) -> None:
        import ahocorasick

        entries: dict[str, list[Entry]] = {}
        for kind, phrase, content in _phrases():
            words = [level(match[0]) for match in WORD.finditer(phrase)]
            known, entry = entries.setdefault("".join(map(signs.add, words)), []), Entry(kind, len(words), content)
            if entry not in known:
                known.append(entry)
        self._automaton = ahocorasick.Automaton()
        for key, found in entries.items():
            self._automaton.add_word(key, found)
        self._automaton.make_automaton()

    def find(self, words: Words) -> Hits:
        """Give what stands in a text; of phrases of one list that overlap the longest, and of these the first."""
        by_kind: dict[Kind, list[Hit]] = {"trigger": [], "section": [], "measure": [], "cue": []}
        for end, entries in self._automaton.iter(words.signs):
            after = end // WIDTH + 1
            for entry in entries:
                by_kind[entry.kind].append(Hit(after - entry.length, after, entry))
        by_kind["cue"] += [Hit(place, place + 1, Entry("cue", 1, (kind, ""))) for place, kind in words.kinds]
        triggers, sections, measures, cues = (_longest(words, hits) for hits in by_kind.values())
        return Hits(triggers, sections, measures, cues)


def _longest(words: Words, hits: list[Hit]) -> list[Hit]:
    """Give the longest of hits that overlap, with all that one phrase says, and only those whose words belong together."""
    hits.sort(key=lambda hit: (hit.first, -hit.after))
    kept: list[Hit] = []
    free, place = 0, (-1, -1)
    for hit in hits:
        if (hit.first, hit.after) == place:
            kept.append(hit)
        elif hit.first >= free and _is_joined(words, hit.first, hit.after):
            kept.append(hit)
            free, place = hit.after, (hit.first, hit.after)
    return kept


def _is_joined(words: Words, first: int, after: int) -> bool:
    """Tell whether nothing but blanks, hyphens and the like stands between words."""
    text, starts, ends = words.text, words.starts, words.ends
    return all(is_plain_gap(text[ends[place] : starts[place + 1]].replace("&", "").replace(".", "")) for place in range(first, after - 1))


def _phrases() -> Iterable[tuple[Kind, str, tuple[str, ...]]]:
    """Give (list, phrase, what the list says of it) of all lists."""
    for row in rows_of("triggers"):
        yield "trigger", row["phrase"], (row["category"], row["direction"])
    for row in rows_of("sections"):
        yield "section", row["header"], (row["code"], row["implies"])
    for row in rows_of("measurements"):
        yield "measure", row["term"], (row["code"], row["kind"])
    for row in rows_of("cues"):
        yield "cue", row["phrase"], (row["parser"], row["content"])


def rows_of(name: str) -> list[dict[str, str]]:
    """Give the rows of one of the lists."""
    text = (files("plait.etl.notes") / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
