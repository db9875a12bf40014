"""How well, and how fast, the extractor `rules` reads notes: `python benchmarks/nlp.py medcat | bulk | speed`.

`medcat`: the annotated findings of 14 notes (shared/data/notes/medcat), against the shared vocabulary. `bulk`: the notes of 13 synthetic patients
(shared/data/fhir/smart-bulk-13) against the conditions in their own records. `speed`: MB of text a second and core, with the shared vocabulary and with
a dictionary of so many made-up names. `--peers PYTHON` names an interpreter with medspaCy and negspaCy, which are then asked about the same spans.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _measure import shared_data

import plait
from plait.duck import connect, sql
from plait.etl.notes.codes import Codes
from plait.etl.notes.context import Context
from plait.etl.notes.dictionary import write_dictionary
from plait.etl.notes.extractor import Asked, Finding
from plait.etl.notes.headings import Sections
from plait.etl.notes.lookups import Lookups
from plait.etl.notes.rules import RulesExtractor, RulesOptions, read
from plait.etl.notes.words import Words
from plait.nlp_settings import ExtractorSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA = shared_data() / "data"
_FINDINGS = frozenset({"Condition", "Observation"})


def _extractor(folder: Path, *, unmapped: bool = False) -> RulesExtractor:
    """Give the extractor with the shared vocabulary."""
    with connect() as con:
        from plait.etl.vocabulary import load_vocabulary

        release = load_vocabulary(con, _DATA / "vocabulary" / "merged", folder / "vocabulary")
    asked = Asked(folder, release.folder, folder / "dictionaries", ExtractorSettings(kind="rules"))
    return RulesExtractor(asked, RulesOptions(unmapped=unmapped))


def medcat(folder: Path, peers: str | None) -> None:
    """Compare with annotated findings."""
    notes = json.loads((_DATA / "notes" / "medcat" / "mtsamples_dev.json").read_text(encoding="utf-8"))
    texts = [note["text"] for note in notes]
    for title, unmapped in (("names with a standard concept", False), ("all names", True)):
        extractor = _extractor(folder, unmapped=unmapped)
        known = _names(extractor)
        found = extractor.extract(texts)
        spans = [(place, a) for place, note in enumerate(notes) for a in note["annotations"]]
        named = [(place, a) for place, a in spans if a["text"].lower() in known]
        print(f"\n{title}: of {len(spans)} annotated findings {len(named)} are a name or synonym letter by letter")
        _recall("  of these", named, found)
        _recall("  of all", spans, found)
        _precision(notes, found)
        _status([(a, one) for place, a in spans if (one := _at(found[place], a)) is not None])
    _context(notes, folder, peers)


def _names(extractor: RulesExtractor) -> set[str]:
    """Give all names and synonyms that the dictionary is made of, in small letters, as they stand in the vocabulary."""
    from plait.etl.harmonize.reference import concept_of
    from plait.etl.vocabulary import read_release, register

    names = extractor.names
    with connect() as con:
        register(con, read_release(names.asked.vocabulary))
        asked = {"domains": list(names.domains), "unmapped": names.unmapped, "english": concept_of("language", "en")}
        return {str(row[0]).lower() for row in con.execute(sql("plait.etl.notes", "names"), asked).fetchall()}


def _at(found: list[Finding], annotation: dict[str, Any], *, exactly: bool = False) -> Finding | None:
    """Give the finding at an annotation's place."""
    start, end = annotation["start"], annotation["end"]
    return next((one for one in found if ((one.start, one.end) == (start, end) if exactly else one.start < end and start < one.end)), None)


def _recall(title: str, spans: list[tuple[int, dict[str, Any]]], found: list[list[Finding]]) -> None:
    """Print how many annotations were found."""
    exact = sum(_at(found[place], annotation, exactly=True) is not None for place, annotation in spans)
    overlap = sum(_at(found[place], annotation) is not None for place, annotation in spans)
    print(f"{title}: recall {exact / len(spans):.3f} ({exact}), {overlap / len(spans):.3f} where some of the words count ({overlap} of {len(spans)})")
    missed = Counter(annotation["text"].lower() for place, annotation in spans if _at(found[place], annotation) is None)
    print(f"    missed: {', '.join(f'{text} {count}' for text, count in missed.most_common(12)) or 'none'}")


def _precision(notes: list[dict[str, Any]], found: list[list[Finding]]) -> None:
    """Print how many findings of the domains that were annotated are annotated."""
    marked = {a["text"].lower() for note in notes for a in note["annotations"]}
    for domains, only in ((_FINDINGS, marked), (frozenset({"Condition"}), None), (_FINDINGS, None)):
        chosen = [
            (note, one)
            for note, findings in zip(notes, found, strict=True)
            for one in findings
            if one.domain in domains and one.value is None and (only is None or note["text"][one.start : one.end].lower() in only)
        ]
        spans = {(note["id"], one.start, one.end) for note, one in chosen}
        right = {(note["id"], one.start, one.end) for note, one in chosen if any(one.start < a["end"] and a["start"] < one.end for a in note["annotations"])}
        title = " and ".join(sorted(domains)) + (", of words that are annotated anywhere" if only else "")
        print(f"  precision of {title}: {len(right) / len(spans):.3f} ({len(right)} of {len(spans)} are annotated)")
        texts = {note["id"]: note["text"] for note in notes}
        others = Counter(texts[note][start:end].lower() for note, start, end in spans - right)
        print(f"    not annotated: {', '.join(f'{text} {count}' for text, count in others.most_common(15)) or 'none'}")


def _status(pairs: list[tuple[dict[str, Any], Finding]]) -> None:
    """Print how the status that was annotated compares with what was read."""
    counted = Counter((a["status"] == ["Confirmed"], one.exists and one.is_certain) for a, one in pairs)
    right = counted[True, True] + counted[False, False]
    print(f"  status of those found: {right / len(pairs):.3f} as annotated; {_confusion(counted)}")


def _confusion(counted: Counter[tuple[bool, bool]]) -> str:
    """Give a table of four in words."""
    names = {True: "confirmed", False: "other"}
    return ", ".join(f"{names[gold]} read as {names[read]} {counted[gold, read]}" for gold in (True, False) for read in (True, False))


def _context(notes: list[dict[str, Any]], folder: Path, peers: str | None) -> None:
    """Print what plait's context says of the annotated spans themselves, and what its peers do."""
    answers: dict[str, list[bool]] = {"plait": []}
    lookups = _extractor(folder).lookups
    for note in notes:
        words = Words(note["text"], lookups.signs)
        hits = lookups.lexicon.find(words)
        context = Context(words, hits.triggers)
        sections = Sections(words, hits.sections, {})
        for a in note["annotations"]:
            first, after = bisect_right(words.starts, a["start"]) - 1, bisect_left(words.starts, a["end"])
            status = context.of(first, max(after, first + 1), sections.at(a["start"])[1])
            answers["plait"].append(status.exists and status.is_certain)
    if peers is not None:
        asked = [{"text": note["text"], "spans": [[a["start"], a["end"]] for a in note["annotations"]]} for note in notes]
        script = Path(__file__).with_name("nlp_peers.py")
        told = subprocess.run([peers, str(script)], input=json.dumps(asked), capture_output=True, text=True, check=True)  # noqa: S603 - the interpreter that was named
        answers |= json.loads(told.stdout)
    gold = [a["status"] == ["Confirmed"] for note in notes for a in note["annotations"]]
    print(f"\nstatus of all {len(gold)} annotated spans, found or not")
    for name, said in answers.items():
        counted = Counter(zip(gold, said, strict=True))
        print(f"  {name}: {(counted[True, True] + counted[False, False]) / len(gold):.3f} as annotated; {_confusion(counted)}")


def bulk(folder: Path, peers: str | None) -> None:
    """Compare what notes say of patients with the conditions in their records."""
    del peers
    source = _DATA / "fhir" / "smart-bulk-13"
    (folder / "plait.yaml").write_text(
        f"study: bulk\nvocabulary: {_DATA / 'vocabulary' / 'merged'}\nsources:\n"
        f"  - {{name: bulk, kind: fhir, path: {source}, person_system: bulk}}\nnlp:\n  extractors:\n    - {{kind: rules}}\n",
        encoding="utf-8",
    )
    study = plait.open(folder)
    study.run_etl()
    row = study.connect().execute((Path(__file__).with_name("nlp_bulk.sql")).read_text(encoding="utf-8")).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of counts gives a row
    persons, recorded, named, told, read, agreed = row
    print(f"{persons} persons, {recorded} pairs of a person and a condition in their records (concept 0 aside)")
    print(f"  named in a note of the person letter by letter: {named}; found there: {told} ({told / named:.3f})")
    print(f"  pairs of a person and a condition that notes say the person has or had: {read}; {agreed} ({agreed / read:.3f}) are in the records")


def speed(folder: Path, peers: str | None) -> None:
    """Measure MB a second of one core, and memory, each dictionary in a process of its own."""
    del peers
    names = _extractor(folder).names
    names.make()
    million = folder / "million.parquet"
    with connect() as con:
        write_dictionary(con, _made_up(_names(_extractor(folder)), 1_300_000), million)
    for title, dictionary in (("the shared vocabulary", names.path), ("a million names", million)):
        subprocess.run([sys.executable, __file__, "--reader", title, str(dictionary), str(names.asked.vocabulary)], check=True)  # noqa: S603 - this script


def _reader(title: str, dictionary: Path, vocabulary: Path) -> None:
    """Print MB a second of processor time, the best of three rounds, and memory."""
    notes = json.loads((_DATA / "notes" / "medcat" / "mtsamples_dev.json").read_text(encoding="utf-8"))
    texts = [note["text"] for note in notes] * 40
    size = sum(len(text.encode()) for text in texts) / 1e6
    begin = time.process_time()
    lookups = Lookups(Codes(vocabulary), dictionary)
    ready = time.process_time() - begin
    taken = []
    for _ in range(3):
        begin = time.process_time()
        findings = sum(len(read(text, lookups)) for text in texts)
        taken.append(time.process_time() - begin)
    peak = int(next(line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(
        f"{title}: {size / min(taken):.2f} MB a second and core (to be at least 1); {size:.1f} MB, {findings:,} findings, "
        f"{len(lookups.dictionary.concept_ids):,} names, ready in {ready:.1f} s, {peak:,.0f} MiB",
        flush=True,
    )


def _made_up(known: set[str], number: int) -> Iterator[tuple[object, ...]]:
    """Yield names of one to seven words as often as such occur: those of the vocabulary, and chains of their words."""
    names = sorted(known)
    words = [word for name in names for word in name.split()]
    chance = random.Random(5)  # noqa: S311 - the same every time
    for place in range(number):
        name = names[place] if place < len(names) else " ".join(chance.choices(words, k=chance.choice((1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7))))
        if place >= len(names) and chance.random() < 0.3:  # noqa: PLR2004 - a third have a word that no other has
            name += f" {chance.getrandbits(40):x}"
        yield name, place + 1, [place + 1], ["Condition"], 1, True, True


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("medcat", "bulk", "speed"), nargs="?", help="all three if left out")
    parser.add_argument("--peers", help="an interpreter with medspaCy and negspaCy")
    parser.add_argument("--reader", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.reader:
        _reader(asked.reader[0], *map(Path, asked.reader[1:]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for what in (asked.what,) if asked.what else ("medcat", "bulk", "speed"):
            place = Path(folder) / what
            place.mkdir()
            {"medcat": medcat, "bulk": bulk, "speed": speed}[what](place, asked.peers)


if __name__ == "__main__":
    sys.exit(main())
