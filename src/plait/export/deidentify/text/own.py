"""What the study knows of the person whom a note is of, and of those who treat patients, found in the note however it is written there.

Words are compared levelled (small letters, no accents), with anything but letters and digits between them, or nothing; a digit that looks like a
letter, as after a scan, counts as that letter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import add
from typing import TYPE_CHECKING

from plait.export.deidentify.text.rules import common_words
from plait.export.deidentify.text.spans import Span
from plait.export.phrases import WORD, level, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KINDS = {"number": "id", "file": "id"}
"""Kind of what is known → what stands in its place, where that has another name."""

_LOOKS_LIKE = str.maketrans("015", "ols")
_SHORTEST = 2
"""Letters and digits of a text that is looked for at least."""
_SHORT = 2
"""Letters of a name up to which it is met only as it is written."""
_SHORTEST_NUMBER = 4
_JOINED_SHORTEST = 5
"""Letters and digits of what is found also where something stands within its words, or nothing between them."""
_LONGEST_GAP = 4
"""Signs between two words of one text."""
_MOST_JOINED = 3


@dataclass(slots=True)
class _Text:
    """A text that is looked for: its words, its kind, and, of one that is a word of everyday language, how it must be written."""

    words: tuple[str, ...]
    kind: str
    written: frozenset[str] | None = None


@dataclass(slots=True)
class Own:
    """What is looked for in notes.

    Attributes:
        first: Its first word → the texts that begin with it.
        joined: Its letters and digits without anything between → its kind.
    """

    first: dict[str, list[_Text]] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]]) -> Own:
        """Give what finds texts (kind, text)."""
        made = cls()
        for kind, text in texts:
            made.add(kind, text)
        return made

    def add(self, kind: str, text: str) -> None:
        """Add a text; also as it looks after UTF-8 was taken for Windows-1252."""
        for variant in {text, _garbled(text)}:
            spoken = tuple(words(variant))
            whole = "".join(spoken)
            if len(whole) < (_SHORTEST if kind == "name" else _SHORTEST_NUMBER):
                continue
            written = _as_written(variant, spoken) if kind in {"name", "place"} else None
            if kind == "number" and len(spoken) == 1 and written is None and whole in common_words():
                written = _as_written(variant, spoken)
            self.first.setdefault(spoken[0], []).append(_Text(spoken, _KINDS.get(kind, kind), written))
            if len(whole) >= _JOINED_SHORTEST and written is None:
                self.joined.setdefault(whole, _KINDS.get(kind, kind))
                self.joined.setdefault(whole.translate(_LOOKS_LIKE), _KINDS.get(kind, kind))

    def find(self, text: str, others: Own) -> Iterator[Span]:
        """Yield where what is known stands in a text, of this person and of others who are looked for in all notes."""
        spoken = WORD.findall(text.lower()) if text.isascii() else [level(word) for word in WORD.findall(text)]
        windows, places = _windows(spoken), None
        alike = _alike(spoken)
        for known, rule in ((self, "known-of-person"), (others, "known-of-others")):
            begun = known.first.keys() & windows[0]
            joints = [known.joined.keys() & window for window in windows] if known.joined else []
            misread = [(first, after, known.joined[chain]) for first, after, chain in alike if chain in known.joined]
            if not begun and not misread and not any(joints):
                continue
            places = places or [match.span() for match in WORD.finditer(text)]
            yield from known._phrases(text, places, spoken, begun, rule)  # noqa: SLF001 - its own kind
            chains = misread + [one for more, joint in enumerate(joints) for one in known._joints(spoken, joint, more)]  # noqa: SLF001 - as above
            yield from (Span(places[first][0], places[after - 1][1], kind, rule) for first, after, kind in chains if _is_close(places, first, after))

    def _joints(self, spoken: list[str], joint: set[str], more: int) -> Iterator[tuple[int, int, str]]:
        """Yield (first word, behind the last, kind) of chains of words that are a text without anything between: `more` words beyond the first."""
        if not joint:
            return
        for place in range(len(spoken) - more):
            chain = "".join(spoken[place : place + more + 1])
            if chain in joint:
                yield place, place + more + 1, self.joined[chain]

    def _phrases(self, text: str, places: list[tuple[int, int]], spoken: list[str], begun: set[str], rule: str) -> Iterator[Span]:
        """Yield texts word by word."""
        for place in [n for n, word in enumerate(spoken) if word in begun]:
            for one in self.first[spoken[place]]:
                after = place + len(one.words)
                if tuple(spoken[place:after]) != one.words or not _is_close(places, place, after):
                    continue
                start, end = places[place][0], places[after - 1][1]
                if one.written is None or text[start:end] in one.written:
                    yield Span(start, end, one.kind, rule)


def _windows(spoken: list[str]) -> list[set[str]]:
    """Give the words of a text, and each two and three beside each other as one."""
    chains, found = spoken, [set(spoken)]
    for more in range(1, _MOST_JOINED):
        chains = list(map(add, chains, spoken[more:]))
        found.append(set(chains))
    return found


def _alike(spoken: list[str]) -> list[tuple[int, int, str]]:
    """Give (first word, behind the last, as one word) of chains with a word in which digits may be letters, with these for the digits."""
    mixed = [n for n, word in enumerate(spoken) if not word.isalpha() and not word.isdigit()]
    places = {(first, after) for n in mixed for first in range(max(n - _MOST_JOINED + 1, 0), n + 1) for after in range(n + 1, first + _MOST_JOINED + 1)}
    return [(first, after, "".join(spoken[first:after]).translate(_LOOKS_LIKE)) for first, after in places if after <= len(spoken)]


def _is_close(places: list[tuple[int, int]], first: int, after: int) -> bool:
    """Tell whether little stands between words."""
    return all(places[n + 1][0] - places[n][1] <= _LONGEST_GAP for n in range(first, after - 1))


def _as_written(text: str, spoken: tuple[str, ...]) -> frozenset[str] | None:
    """Give how a short name, or one that is a word as well, must be written to be met: with a capital, or all in capitals; None if it does not matter."""
    if len(spoken) > 1 or (len(spoken[0]) > _SHORT and spoken[0] not in _name_words()):
        return None
    name = text.strip()
    return frozenset({name.capitalize(), name.upper(), name}) - {name.lower()} or frozenset({name})


@cache
def _name_words() -> frozenset[str]:
    """Give names that are words as well."""
    return frozenset((files("plait.export.deidentify.text") / "name_words.csv").read_text(encoding="utf-8").split()[1:]) | common_words()


def _garbled(text: str) -> str:
    """Give a text as it looks after its bytes in UTF-8 were read as Windows-1252."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("cp1252", "replace")
