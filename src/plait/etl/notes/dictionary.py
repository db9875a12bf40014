"""The vocabulary's names as an automaton: which concepts a chain of words means.

A dictionary is made once of a release and a choice of domains, and kept as Parquet; whoever reads notes makes the automaton of that.
"""

from __future__ import annotations

import csv
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from sys import intern
from typing import TYPE_CHECKING, Any

from plait.duck import connect, sql, write_parquet
from plait.errors import MissingExtraError
from plait.etl.harmonize.reference import concept_of
from plait.etl.manifest import digest_of
from plait.etl.notes.extractor import LONGEST
from plait.etl.notes.words import WIDTH, WORD, is_plain_gap, level
from plait.etl.own_code import code_digest
from plait.etl.vocabulary import read_release, register

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.notes.words import Signs, Words

_PACKAGE = "plait.etl.notes"
_TAG = re.compile(r" \(([a-z/ -]{3,40})\)$")
_ABBREVIATED = re.compile(r"([A-Z][A-Za-z0-9/&]{1,7}) - (.{4,})")
_LISTS = (";", "|")
_MOST_WORDS = 15
_SHORTEST_NAME = 4
_SHORTEST_ACRONYM, _LONGEST_ACRONYM = 2, 5
_BATCH = 50_000


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the automaton knows it.

    Attributes:
        form: Its words, levelled, with a blank between.
        gaps: What stands between its words where that is more than a blank or a hyphen: one string a gap, empty where it is not.
        is_acronym: Whether it is met in capitals only.
    """

    form: str
    gaps: tuple[str, ...]
    is_acronym: bool


@cache
def _words_of(file: str) -> frozenset[str]:
    """Give the first column of a list."""
    text = (files(_PACKAGE) / f"{file}.csv").read_text(encoding="utf-8")
    return frozenset(row[0] for row in list(csv.reader(text.splitlines()))[1:])


def names_in(name: str) -> Iterator[Name]:
    """Give what a concept's name is known by in texts: nothing of a name that would be met where it is not meant.

    >>> [n.form for n in names_in("TIA - Transient ischaemic attack (disorder)")]
    ['tia', 'transient ischemic attack']
    >>> list(names_in("Patient")), list(names_in("Finding; Findings; Random; Screen"))
    ([], [])
    """
    tag = _TAG.search(name)
    if tag is not None and tag[1] in _words_of("semantic_tags"):
        name = name[: tag.start()]
    name = name.removesuffix(", NOS").removesuffix(" NOS").strip()
    if len(name) > LONGEST or any(mark in name for mark in _LISTS):
        return
    pair = _ABBREVIATED.fullmatch(name)
    for part in (name,) if pair is None else pair.groups():
        found = _name(part)
        if found is not None:
            yield found


def _name(name: str) -> Name | None:
    """Give one name, None where it is too short, too common or too long to be one."""
    places = [match.span() for match in WORD.finditer(name)]
    if not 0 < len(places) <= _MOST_WORDS:
        return None
    words = [name[start:end] for start, end in places]
    is_acronym = len(words) == 1 and words[0].isupper() and _SHORTEST_ACRONYM <= len(words[0]) <= _LONGEST_ACRONYM
    levelled = [level(word) for word in words]
    if len(words) == 1 and (words[0].lower() in _words_of("common_words") or (len(words[0]) < _SHORTEST_NAME and not is_acronym)):
        return None
    if sum(letter.isalpha() for word in levelled for letter in word) < _SHORTEST_ACRONYM:
        return None
    between = [name[left[1] : right[0]] for left, right in pairwise(places)]
    gaps = tuple("" if is_plain_gap(gap) else "".join(gap.split()) for gap in between)
    return Name(" ".join(levelled), gaps, is_acronym)


def need_automaton(where: str) -> None:
    """Fail where there is no library for automata.

    Raises:
        MissingExtraError: It is not installed.
    """
    if importlib.util.find_spec("ahocorasick") is None:
        raise MissingExtraError(where, expected="pyahocorasick", got="none", todo="pip install 'plait[nlp]'.")


def dictionary_key(vocabulary: str, domains: Sequence[str], *, unmapped: bool) -> str:
    """Give what tells a dictionary from others: the release (its digest), the domains and the code that makes it."""
    own = code_digest(*((_PACKAGE, file) for file in _MADE_BY))
    return digest_of([vocabulary, list(domains), unmapped, own])[:16]


_MADE_BY = ("dictionary.py", "words.py", "names.sql", "form.sql", "dictionary.sql", "spellings.csv", "semantic_tags.csv", "common_words.csv")


def make_dictionary(vocabulary: Path, target: Path, domains: Sequence[str], *, unmapped: bool) -> None:
    """Write the names of a release of the vocabulary, unless they are there: one row a levelled name.

    Args:
        vocabulary: Folder of the release.
        target: The Parquet file to write.
        domains: Domains whose concepts count, the first of them first where a name means concepts of several.
        unmapped: Whether concepts without a standard one count, too.
    """
    if target.is_file():
        return
    with connect(spill=target.parent) as con:
        register(con, read_release(vocabulary))
        write_dictionary(con, _named(con, domains, unmapped=unmapped), target)


def _named(con: duckdb.DuckDBPyConnection, domains: Sequence[str], *, unmapped: bool) -> Iterator[tuple[Any, ...]]:
    """Yield (name, concept, targets, their domains, its rank, is standard, is its own name)."""
    found = con.cursor().execute(sql(_PACKAGE, "names"), {"domains": list(domains), "unmapped": unmapped, "english": concept_of("language", "en")})
    while rows := found.fetchmany(_BATCH):
        yield from rows


def write_dictionary(con: duckdb.DuckDBPyConnection, named: Iterable[tuple[Any, ...]], target: Path) -> None:
    """Write the dictionary of names and what they mean, given as (name, concept, targets, their domains, its rank, is standard, is its own name)."""
    con.execute(sql(_PACKAGE, "form"))
    columns: list[list[Any]] = [[] for _ in _FORM]
    for name, *meaning in named:
        for one in names_in(name):
            for column, value in zip(columns, (one.form, one.gaps if any(one.gaps) else None, one.is_acronym, *meaning), strict=True):
                column.append(value)
        if len(columns[0]) >= _BATCH:
            _insert(con, columns)
    _insert(con, columns)
    write_parquet(con, sql(_PACKAGE, "dictionary"), target)


_FORM = {
    "form": "string",
    "gaps": "list<string>",
    "is_acronym": "bool",
    "concept_id": "int64",
    "targets": "list<int64>",
    "domains": "list<string>",
    "domain_rank": "int32",
    "is_standard": "bool",
    "is_own": "bool",
}


def _insert(con: duckdb.DuckDBPyConnection, columns: list[list[Any]]) -> None:
    """Add names to the table `form`, and empty the columns."""
    import pyarrow as pa

    types = {"list<string>": pa.list_(pa.string()), "list<int64>": pa.list_(pa.int64()), "bool": pa.bool_()}
    arrays = [pa.array(column, types.get(kind) or pa.type_for_alias(kind)) for column, kind in zip(columns, _FORM.values(), strict=True)]
    con.register("forms", pa.table(arrays, names=list(_FORM)))
    con.execute("INSERT INTO form FROM forms")
    con.unregister("forms")
    for column in columns:
        column.clear()


class Dictionary:
    """A dictionary, ready to be looked up in: rows by number, and an automaton that finds their names.

    Attributes:
        concept_ids: Of each row, the concept whose name it is.
        targets: The standard concepts that it means.
        domains: The domain of each of these; its own where there are none.
        candidates: How many things it could mean.
    """

    def __init__(self, path: Path, signs: Signs) -> None:
        import ahocorasick
        import pyarrow.parquet as pq

        table = pq.read_table(path, partitioning=None)
        self.concept_ids: list[int] = table["concept_id"].to_pylist()
        self.targets: list[list[int]] = table["targets"].to_pylist()
        self.domains = [tuple(map(intern, domains)) for domains in table["domains"].to_pylist()]
        self.candidates = bytes(table["candidates"].to_pylist())
        self._is_acronym = bytes(table["is_acronym"].to_pylist())
        self._gaps: dict[int, list[str]] = {number: gaps for number, gaps in enumerate(table["gaps"].to_pylist()) if gaps}
        self.automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        lengths = bytearray()
        for number, form in enumerate(table["form"].to_pylist()):
            words = form.split(" ")
            lengths.append(len(words))
            self.automaton.add_word("".join(map(signs.add, words)), number)
        self._lengths = bytes(lengths)
        if lengths:
            self.automaton.make_automaton()

    def find(self, words: Words) -> list[tuple[int, int, int]]:
        """Give (first word, word after the last, row) of the names in a text: the longest of those that overlap, and of these the first."""
        if not self._lengths:
            return []
        lengths, found = self._lengths, []
        for end, number in self.automaton.iter(words.signs):
            last = end // WIDTH
            found.append((last + 1 - lengths[number], last + 1, number))
        found.sort(key=lambda match: (match[0], -match[1]))
        kept, free = [], 0
        for match in found:
            if match[0] >= free and self._holds(words, *match):
                kept.append(match)
                free = match[1]
        return kept

    def _holds(self, words: Words, first: int, after: int, number: int) -> bool:
        """Tell whether what stands between the words, and their case, are those of the name."""
        text, starts, ends = words.text, words.starts, words.ends
        if self._is_acronym[number]:
            return text[starts[first] : ends[first]].isupper()
        for place in range(first, after - 1):
            gap = text[ends[place] : starts[place + 1]]
            if gap in {" ", "-"} or is_plain_gap(gap):
                continue
            wanted = self._gaps.get(number)
            if wanted is None or wanted[place - first] != "".join(gap.split()):
                return False
        return True
