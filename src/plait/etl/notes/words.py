"""Words of a text as a chain of signs that an automaton can run over, each at its place in the text.

A word is a run of letters and digits, with a possessive `'s`. Case, accents, plural and British or American spelling are levelled; a
text is never changed: what is levelled is a word's sign, and the word's place is that in the text as it stands.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from importlib.resources import files

WORD = re.compile(r"[^\W_]+(?:['\u2019][sS](?![^\W_]))?")
"""One word; linear in the length of the text."""

WIDTH = 3
"""Characters of a word's sign."""

_BASE = 128
_FIRST = 0x100
_UNKNOWN = "\x01" * WIDTH
_MOST_FORMS = 400_000
_LONGEST_WORD = 60
_PLAIN_GAP = re.compile(r"[ \t\xa0]*[-\u2010\u2011\u2013/'\u2019]?[ \t\xa0]*\r?\n?[ \t\xa0]*")
_SHORTEST_PLURAL = 4

_PREFIX = "(?:yp|yc|[pcyra])?"
_RESIDUE = "[ACDEFGHIKLMNPQRSTVWY]"
_RESIDUES = "(?:Ala|Arg|Asn|Asp|Cys|Gln|Glu|Gly|His|Ile|Leu|Lys|Met|Phe|Pro|Ser|Thr|Trp|Tyr|Val)"
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("tnm", re.compile(rf"{_PREFIX}T(?:[0-4X][a-d]?|is|a)(?:{_PREFIX}N[0-3X][a-c]?)?(?:{_PREFIX}M[01X][a-c]?)?")),
    ("tnm", re.compile(rf"{_PREFIX}N[0-3X][a-c]?(?:{_PREFIX}M[01X][a-c]?)?|{_PREFIX}M[01X][a-c]?")),
    ("change", re.compile(rf"{_RESIDUE}\d{{1,4}}(?:{_RESIDUE}|fs|del|dup|ins)?\d{{0,3}}")),
    ("change", re.compile(rf"{_RESIDUES}\d{{1,4}}[A-Za-z]{{0,12}}\d{{0,4}}")),
    ("coding", re.compile(r"\d{1,5}(?:[ACGT]|(?:del|dup|ins)[ACGT\d]{0,30})")),
)
"""Kinds of words that no list can name, and what they look like: parts of a TNM, changes of a protein, places in a coding sequence."""


@cache
def _rules() -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Give (forms that are no rule's, parts of words that are spelt in two ways)."""
    text = (files("plait.etl.notes") / "spellings.csv").read_text(encoding="utf-8")
    whole: dict[str, str] = {}
    parts: list[tuple[str, str]] = []
    for row in csv.DictReader(text.splitlines()):
        if row["kind"] == "word":
            whole[row["form"]] = row["level"]
        else:
            parts.append((row["form"], row["level"]))
    return whole, tuple(parts)


def level(word: str) -> str:
    """Give a word without what differs between its spellings.

    >>> [level(word) for word in ("Tumours", "metastases", "Ménière's", "diabetes", "HER2")]
    ['tumor', 'metastasis', 'meniere', 'diabetes', 'her2']
    """
    if len(word) > _LONGEST_WORD:
        return word
    low = word.lower()
    if low[-2:] in {"'s", "\u2019s"}:
        low = low[:-2]
    if not low.isascii():
        low = "".join(letter for letter in unicodedata.normalize("NFKD", low) if not unicodedata.combining(letter))
    whole, parts = _rules()
    if low in whole:
        return whole[low]
    for form, one in parts:
        if form in low:
            low = low.replace(form, one)
    return _singular(low)


def _singular(word: str) -> str:
    """Give a word without the ending of a regular plural."""
    if len(word) < _SHORTEST_PLURAL or word[-1] != "s" or word[-2] in "sui" or not word[-2].isalpha():
        return word
    if word.endswith("ies") and len(word) > _SHORTEST_PLURAL:
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "shes", "ches", "xes", "zes")) else word[:-1]


def is_plain_gap(gap: str) -> bool:
    """Tell whether what stands between two words joins them: blanks, one hyphen, slash or apostrophe, one end of a line."""
    return _PLAIN_GAP.fullmatch(gap) is not None


class Signs:
    """Gives words their signs: the same to all words that are levelled alike, and one to all that stand in no name.

    The characters at each place of a sign are of their own range, so that an automaton cannot find half of one.

    Attributes:
        kinds: Forms that were met and are of a kind that no list can name, and which.
    """

    def __init__(self) -> None:
        self._levelled: dict[str, str] = {}
        self._forms: dict[str, str] = {}
        self.kinds: dict[str, str] = {}

    def add(self, levelled: str) -> str:
        """Give the sign of a levelled word, a new one where it has none."""
        sign = self._levelled.get(levelled)
        if sign is None:
            sign = _sign(len(self._levelled))
            self._levelled[levelled] = sign
        return sign

    def of(self, words: list[str]) -> str:
        """Give the signs of words as they stand in a text, one after the other."""
        forms = self._forms
        if len(forms) > _MOST_FORMS:
            forms.clear()
            self.kinds.clear()
        return "".join([forms.get(word) or self._new(word) for word in words])

    def _new(self, word: str) -> str:
        """Give the sign of a form that was not seen yet."""
        sign = self._levelled.get(level(word), _UNKNOWN)
        self._forms[word] = sign
        kind = next((kind for kind, pattern in _KINDS if pattern.fullmatch(word)), None)
        if kind is not None:
            self.kinds[word] = kind
        return sign


class Words:
    """A text's words: where they stand, and their signs.

    Attributes:
        text: The text.
        starts: Where each word begins.
        ends: The character after its last.
        signs: Their signs, `WIDTH` characters a word.
        kinds: The words that are of a kind that no list can name: which, and its name.
    """

    __slots__ = ("ends", "kinds", "signs", "starts", "text")

    def __init__(self, text: str, signs: Signs) -> None:
        self.text = text
        places = [match.span() for match in WORD.finditer(text)]
        self.starts = [start for start, _ in places]
        self.ends = [end for _, end in places]
        forms = [text[start:end] for start, end in places]
        self.signs = signs.of(forms)
        kinds = signs.kinds
        self.kinds = [(place, kinds[form]) for place, form in enumerate(forms) if form in kinds] if kinds else []


def _sign(number: int) -> str:
    """Give the sign with a number.

    >>> len({_sign(number) for number in range(10_000)})
    10000
    """
    signs = []
    for place in range(WIDTH):
        number, rest = divmod(number, _BASE)
        signs.append(chr(_FIRST + place * _BASE + rest))
    return "".join(reversed(signs))
