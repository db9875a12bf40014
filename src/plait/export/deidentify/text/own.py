"""What the study knows of the person whom a note is of, and of those who treat patients, found in the note however it is written there.

Words are compared levelled (small letters, no accents), with anything but letters and digits between them, or nothing; a digit that looks like a
letter, as after a scan, counts as that letter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
        for known, rule in ((self, "known-of-person"), (others, "known-of-others")):
            begun = known.first.keys() & windows[0]
            joints = [known._joined_in(window) for window in windows[: _MOST_JOINED if known.joined else 0]]  # noqa: SLF001 - its own kind
            if not begun and not any(joints):
                continue
            places = places or [match.span() for match in WORD.finditer(text)]
            yield from known._phrases(text, places, spoken, begun, rule)  # noqa: SLF001 - as above
            for more, joint in enumerate(joints):
                yield from _joints(places, spoken, joint, more, rule)

    def _joined_in(self, window: set[str]) -> dict[str, str]:
        """Give which words (or chains of words) are texts without anything between, or are after digits were taken for letters → its kind."""
        joined = self.joined
        found = {word: joined[word] for word in joined.keys() & window}
        for word in window:
            if not word.isalpha() and not word.isdigit():
                meant = word.translate(_LOOKS_LIKE)
                if meant in joined:
                    found[word] = joined[meant]
        return found

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


def _joints(places: list[tuple[int, int]], spoken: list[str], joint: dict[str, str], more: int, rule: str) -> Iterator[Span]:
    """Yield where chains of words stand that are a text: `more` words beyond the first."""
    if not joint:
        return
    for place in range(len(spoken) - more):
        chain = "".join(spoken[place : place + more + 1])
        if chain in joint and _is_close(places, place, place + more + 1):
            yield Span(places[place][0], places[place + more][1], joint[chain], rule)


def _is_close(places: list[tuple[int, int]], first: int, after: int) -> bool:
    """Tell whether little stands between words."""
    return all(places[n + 1][0] - places[n][1] <= _LONGEST_GAP for n in range(first, after - 1))


def _as_written(text: str, spoken: tuple[str, ...]) -> frozenset[str] | None:
    """Give how a short name, or one that is a word as well, must be written to be met: with a capital, or all in capitals; None if it does not matter."""
    if len(spoken) > 1 or (len(spoken[0]) > _SHORT and spoken[0] not in common_words() and spoken[0] not in _ALSO_WORDS):
        return None
    name = text.strip()
    return frozenset({name.capitalize(), name.upper(), name}) - {name.lower()} or frozenset({name})


_ALSO_WORDS = frozenset(
    "bell black bloom bond booth brook brown bush case chase cook cross day fields fox frost gold good grace grant gray green grey hall hand harm"
    " head heart hill hope house hunt joy king knight lamb lane law light little long love may mark miles mills moon moor noble oak page parish park"
    " penny pool poole pope potter price pride rain ray reed rich rivers rock rose rush sage sharp short small snow sparks spring star steel stone storm"
    " strong summer sun swan temple wall ward waters weaver weeks wells west white wild winter wise wolf wood woods young violet iris ruby pearl amber"
    " ivy daisy lily hazel rusty will bill drew frank guy jack don art gene pat rod sandy skip sue victor walker".split()
)
"""Names that are words as well."""


def _garbled(text: str) -> str:
    """Give a text as it looks after its bytes in UTF-8 were read as Windows-1252."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("cp1252", "replace")
