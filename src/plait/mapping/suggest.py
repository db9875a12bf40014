"""What a code may mean: candidates by its code in other vocabularies, and by names that look or mean alike, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from plait.duck import sql
from plait.etl.harmonize.reference import load_reference
from plait.mapping.ngrams import most_alike

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import numpy.typing as npt

    Hits = Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]

NAMES_EACH = 100
"""Names that are looked at for each code, before those of one concept are joined."""

BY_CODE = "the same code"
"""What the reason of a candidate begins with that was found by its code."""

FLOOR = 0.3
"""The likeness below which a name is not proposed."""

WEIGHTS = {"same": 0.95, "other_case": 0.92, "other_form": 0.9, "short": 0.5, "elsewhere": 0.8}
"""What a code of another vocabulary counts for before names are compared (`short`: one of fewer than four letters and digits, which is often
a coincidence), and what a concept counts for (`elsewhere`) whose table is not the one that the source hints at."""


class Comparison(Protocol):
    """Finds names that are like texts."""

    def hits(self, texts: Sequence[str], names: Sequence[str], most: int, floor: float) -> Hits:
        """Yield for each text the places of the names most like it, and how like they are (0 to 1), best first."""
        ...


class Ngrams:
    """Names that look alike, by character trigrams."""

    def hits(self, texts: Sequence[str], names: Sequence[str], most: int, floor: float) -> Hits:
        """Yield for each text the places of the names most like it, and how like they are (0 to 1), best first."""
        return most_alike(names, texts, most, floor)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A code that a concept is looked for.

    Attributes:
        code: The code.
        display: The source's words for it, None where it has none.
        domain_id: The domain that it is hinted to be of.
        is_strict: Whether it can be of no other.
    """

    code: str
    display: str | None
    domain_id: str | None = None
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A valid standard concept that a code may mean.

    Attributes:
        concept_id: The concept.
        concept_name: Its name.
        domain_id: Its domain.
        vocabulary_id: Its vocabulary.
        concept_code: Its code there.
        standard_concept: `S`: what is not standard was followed by `Maps to`.
        score: How likely it is, between 0 and 1.
        reason: Why it is proposed.
    """

    concept_id: int
    concept_name: str
    domain_id: str
    vocabulary_id: str
    concept_code: str
    standard_concept: str
    score: float
    reason: str


def suggest(con: duckdb.DuckDBPyConnection, wanted: Sequence[Wanted], *, most: int = 5, comparison: Comparison | None = None) -> list[list[Candidate]]:
    """Give the candidates of each code, best first.

    Args:
        con: A connection with the schema `vocabulary`, and `study_map`.
        wanted: The codes.
        most: Candidates of each code at most.
        comparison: How names are compared; by character n-grams if None.
    """
    load_reference(con, ())
    con.execute(sql("plait.mapping", "names"))
    _load_asked(con, wanted)
    _load_hits(con, comparison or Ngrams())
    found: list[list[Candidate]] = [[] for _ in wanted]
    weights = {**WEIGHTS, "floor": FLOOR, "most": most}
    for code_no, concept_id, concept, domain, vocabulary, code, standard, score, *why in con.execute(sql("plait.mapping", "candidates"), weights).fetchall():
        found[code_no].append(Candidate(concept_id, concept, domain, vocabulary, code, standard, score, _reason(concept_id, *why)))
    return found


def _reason(concept_id: int, how: str, name: str | None, likeness: float | None, via_id: int, via_code: str, via_name: str) -> str:
    """Say why a concept is proposed: by the code or the name of it, or of one that maps to it."""
    via = f" “{via_name}”, which maps to it" if via_id != concept_id else ""
    if how.startswith(BY_CODE):
        return f"{how}: {via_code}{via}" + (f"; named alike ({likeness:.2f})" if likeness is not None else "")
    return f"{how}: “{name}” ({likeness:.2f})" + (f", of {via_code}{via}" if via else "")


def _load_asked(con: duckdb.DuckDBPyConnection, wanted: Sequence[Wanted]) -> None:
    """Make the table `asked` of the codes, numbered."""
    import pyarrow as pa

    given = pa.table(
        {
            "code_no": pa.array(range(len(wanted)), pa.int32()),
            "code": pa.array([one.code for one in wanted], pa.string()),
            "display": pa.array([one.display for one in wanted], pa.string()),
            "domain_id": pa.array([one.domain_id for one in wanted], pa.string()),
            "is_strict": pa.array([one.is_strict and one.domain_id is not None for one in wanted], pa.bool_()),
        }
    )
    con.register("given", given)
    con.execute(sql("plait.mapping", "asked"))
    con.unregister("given")


def _load_hits(con: duckdb.DuckDBPyConnection, comparison: Comparison) -> None:
    """Make the table `hit` of names that are like a code's words; a code of a strict domain is compared with names of that domain alone."""
    import pyarrow as pa

    con.execute("CREATE OR REPLACE TEMP TABLE hit (code_no INTEGER, folded VARCHAR, score FLOAT)")
    groups: dict[str | None, list[tuple[int, str]]] = {}
    for code_no, folded, domain in con.execute("SELECT code_no, folded, CASE WHEN is_strict THEN domain_id END FROM asked WHERE folded != ''").fetchall():
        groups.setdefault(domain, []).append((code_no, folded))
    for domain, codes in sorted(groups.items(), key=lambda group: group[0] or ""):
        names = con.execute(sql("plait.mapping", "texts"), {"domain": domain}).to_arrow_table()["folded"].combine_chunks()
        texts = sorted({folded for _, folded in codes})
        places = dict(zip(texts, comparison.hits(texts, names.to_pylist(), NAMES_EACH, FLOOR), strict=True))
        lengths = [len(places[folded][0]) for _, folded in codes]
        found = pa.table(
            {
                "code_no": np.repeat(np.array([code_no for code_no, _ in codes], np.int32), lengths),
                "folded": names.take(pa.array(np.concatenate([places[folded][0] for _, folded in codes]), pa.int64())),
                "score": np.concatenate([places[folded][1] for _, folded in codes]),
            }
        )
        con.register("found", found)
        con.execute("INSERT INTO hit FROM found")
        con.unregister("found")
