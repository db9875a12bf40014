"""Changes of genes as notes and molecular reports write them: HGVS of proteins and coding sequences, exons, fusions.

The forms are those of the HGVS nomenclature (hgvs-nomenclature.org); without `p.` a change of a protein counts behind its gene only.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from plait.etl.notes.codes import UNKNOWN
from plait.etl.notes.lexicon import rows_of
from plait.etl.notes.values import plain, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plait.etl.notes.lexicon import Hit
    from plait.etl.notes.values import Reading
    from plait.etl.notes.words import Words

_RESIDUE = "(?:[ACDEFGHIKLMNPQRSTVWY]|Ala|Arg|Asn|Asp|Cys|Gln|Glu|Gly|His|Ile|Leu|Lys|Met|Phe|Pro|Ser|Thr|Trp|Tyr|Val)"
_PROTEIN = re.compile(
    rf"{_RESIDUE}\d{{1,4}}(?:_{_RESIDUE}\d{{1,4}})?"
    rf"(?:(?:delins|ins){_RESIDUE}{{1,12}}|del|dup|{_RESIDUE}?fs(?:(?:\*|Ter|X)\d{{0,4}})?|\*|Ter|=|{_RESIDUE})(?![A-Za-z0-9])"
)
_CODING = re.compile(
    r"c\.\(?[-*]?\d{1,5}(?:[+-]\d{1,4})?(?:_[-*]?\d{1,5}(?:[+-]\d{1,4})?)?(?:[ACGT]>[ACGT]|delins[ACGT]{1,60}|ins[ACGT]{1,60}|del[ACGT\d]{0,60}|dup[ACGT\d]{0,60})"
)
_EXON = re.compile(
    r"[ \t]{0,2}(?P<exon>\d{1,2})[ \t]{0,2}(?P<what>deletion|del|insertion|ins|duplication|skipping|mutation|variant|alteration|amplification)s?\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s:,(]{0,3}(?:(?:gene|mutation|variant|positive|mutant|exon \d{1,2})[\s:,(]{0,3}){0,3}(?:p\.\(?)?", re.IGNORECASE)
_WORDS_BACK = 4
_CODING_BACK = 16
_GENE_GAP = re.compile(r"[\s:,(/-]{0,4}")


@cache
def _genes() -> frozenset[str]:
    """Give the symbols in the list."""
    return frozenset(row["symbol"] for row in rows_of("genes"))


def variants(words: Words, cues: Sequence[Hit]) -> list[Reading]:
    """Give the changes of genes that a text names; the vocabulary has no concept for them, what is said stands in the modifiers."""
    found: list[Reading] = []
    free = 0
    for hit in cues:
        kind = hit.entry.content[0]
        if hit.first < free or kind not in {"change", "coding", "exon", "fusion"}:
            continue
        for one in {"change": _change, "coding": _coding, "exon": _exon, "fusion": _fusion}[kind](words, hit):
            found.append(one)
            free = max(free, one.after)
    return found


def _gene_before(words: Words, place: int, back: int = _WORDS_BACK) -> int | None:
    """Give the last word before a place that names a gene, among the few words before it and in its sentence."""
    text = words.text
    for word in range(place - 1, max(-1, place - 1 - back), -1):
        between = text[words.ends[word] : words.starts[word + 1]] if word + 1 < len(words.starts) else ""
        if ". " in between or "\n\n" in between or ";" in between:
            return None
        if text[words.starts[word] : words.ends[word]] in _genes():
            return word
    return None


def _gene_is_next_to(words: Words, gene: int, place: int) -> bool:
    """Tell whether nothing but `p.`, a bracket or the word mutation stands between a gene and a change."""
    return _BETWEEN.fullmatch(words.text, words.ends[gene], words.starts[place]) is not None


def _change(words: Words, hit: Hit) -> Iterator[Reading]:
    """Yield a change of a protein."""
    text, start = words.text, words.starts[hit.first]
    match = _PROTEIN.match(text, start)
    if match is None:
        return
    before = text[max(0, start - 3) : start]
    written = before.endswith(("p.", "p.("))
    gene = _gene_before(words, hit.first - 1 if written else hit.first)
    if not written and (gene is None or not _gene_is_next_to(words, gene, hit.first)):
        return
    first, begin, end = hit.first, start, match.end()
    if written:
        first, begin = hit.first - 1, start - (3 if before.endswith("(") else 2)
        end += int(text[end : end + 1] == ")" and before.endswith("("))
    modifiers = [("hgvs_p", f"p.{match[0]}")]
    if gene is not None:
        modifiers.insert(0, ("gene", text[words.starts[gene] : words.ends[gene]]))
        first, begin = gene, words.starts[gene]
    yield reading(words, first, plain(begin, end, UNKNOWN, *modifiers))


def _coding(words: Words, hit: Hit) -> Iterator[Reading]:
    """Yield a change of a coding sequence."""
    text, start = words.text, words.starts[hit.first]
    begin = text.rfind("c.", max(0, start - _CODING_BACK), start)
    match = _CODING.match(text, begin) if begin >= 0 else None
    if match is None or match.end() < words.ends[hit.first]:
        return
    first = hit.first
    while first > 0 and words.starts[first] > begin:
        first -= 1
    gene = _gene_before(words, first)
    modifiers = [("hgvs_c", match[0])]
    if gene is not None:
        modifiers.insert(0, ("gene", text[words.starts[gene] : words.ends[gene]]))
    yield reading(words, first, plain(begin, match.end(), UNKNOWN, *modifiers))


def _exon(words: Words, hit: Hit) -> Iterator[Reading]:
    """Yield what happened to an exon of a gene."""
    match = _EXON.match(words.text, words.ends[hit.after - 1])
    gene = _gene_before(words, hit.first)
    if match is None or gene is None:
        return
    begin = words.starts[gene]
    symbol = words.text[begin : words.ends[gene]]
    yield reading(words, gene, plain(begin, match.end(), UNKNOWN, ("gene", symbol), ("exon", match["exon"]), ("change", match["what"].lower())))


def _fusion(words: Words, hit: Hit) -> Iterator[Reading]:
    """Yield a fusion or rearrangement of one or two genes."""
    gene = _gene_before(words, hit.first, 2)
    if gene is None:
        return
    text, symbols, first = words.text, [text_of(words, gene)], gene
    if gene > 0 and text_of(words, gene - 1) in _genes() and _GENE_GAP.fullmatch(text[words.ends[gene - 1] : words.starts[gene]]):
        symbols.insert(0, text_of(words, gene - 1))
        first = gene - 1
    finding = plain(words.starts[first], words.ends[hit.after - 1], UNKNOWN, ("gene", symbols[0]), ("change", "fusion"))
    if len(symbols) > 1:
        finding = plain(finding.start, finding.end, UNKNOWN, ("gene", "::".join(symbols)), ("change", "fusion"))
    yield reading(words, first, finding)


def text_of(words: Words, place: int) -> str:
    """Give a word as it stands in the text."""
    return words.text[words.starts[place] : words.ends[place]]
