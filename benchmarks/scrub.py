"""How well and how fast notes are scrubbed: recall of what is planted in made notes, what stays of the rest, and megabytes a second of a core.

`python benchmarks/scrub.py --notes 2000 --peer /path/to/venv/bin/python` compares with scrubadub and Presidio, as far as that Python has them
(`pip install scrubadub presidio-analyzer presidio-anonymizer`). Each gets the same notes in a process of its own; nobody is told the persons' names
but plait, which knows them as a study does: a second line of figures is without. The notes are dense with what identifies, and made by those who wrote
the rules: the last line is of transcriptions that nobody here wrote.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "plugins"))

from _measure import shared_data

from planted import PLAIN, Planted, planted

PEERS = {
    "scrubadub": """
import json, sys, time
import scrubadub
notes = json.load(open(sys.argv[1]))
scrubber = scrubadub.Scrubber()
begin = time.process_time()
texts = [scrubber.clean(note) for note in notes]
json.dump({"texts": texts, "seconds": time.process_time() - begin}, open(sys.argv[2], "w"))
""",
    "presidio, rules only": """
import json, sys, time
import spacy, tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from presidio_anonymizer import AnonymizerEngine

tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # from the copy in the package

class Blank(SpacyNlpEngine):  # words, and no model that would be downloaded
    def __init__(self):
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": spacy.blank("en")}

    def load(self):
        pass

notes = json.load(open(sys.argv[1]))
registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"])
analyzer, anonymizer = AnalyzerEngine(nlp_engine=Blank(), registry=registry), AnonymizerEngine()
begin = time.process_time()
texts = [anonymizer.anonymize(note, analyzer.analyze(note, language="en")).text for note in notes]
json.dump({"texts": texts, "seconds": time.process_time() - begin}, open(sys.argv[2], "w"))
""",
}


def _by_plait(notes: Sequence[Planted], *, knows: bool) -> tuple[list[str], float]:
    """Scrub as an export does, and give the texts and the seconds of processor time."""
    from plait.export.deidentify.text.scrub import Scrubber

    scrubber = Scrubber(order="month")
    scrubber.scrub("", -1)
    begin = time.process_time()
    texts = [scrubber.scrub(note.text, -100, note.own if knows else ()).text for note in notes]
    return texts, time.process_time() - begin


def _by_peer(program: str, python: str, notes: Sequence[Planted]) -> tuple[list[str], float] | None:
    """Scrub with another tool; None where it is not there or fails."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "notes.json", Path(folder) / "texts.json"
        given.write_text(json.dumps([note.text for note in notes]), encoding="utf-8")
        done = subprocess.run([python, "-c", program, given, made], check=False, capture_output=True, text=True)  # noqa: S603 - the user's own Python
        if not made.is_file():
            print(done.stderr.strip().splitlines()[-1] if done.stderr else "it wrote nothing", file=sys.stderr)
            return None
        found = json.loads(made.read_text(encoding="utf-8"))
    return found["texts"], found["seconds"]


def _show(name: str, notes: Sequence[Planted], made: tuple[list[str], float]) -> float:
    """Print the figures of a tool, and give its megabytes a second."""
    texts, seconds = made
    planted_in, gone = Counter[str](), Counter[str]()
    plain = kept = 0
    for note, text in zip(notes, texts, strict=True):
        values = [*note.values, *(("date", f"{day:{form}}") for day, form in note.dates)]
        for kind, value in values:
            written = (f"{value}-year" if f"{value}-year" in note.text else f"{value} years") if kind == "age" else value
            planted_in[kind] += 1
            gone[kind] += written not in text
        plain += sum(note.text.count(sentence) for sentence in PLAIN)
        kept += sum(text.count(sentence) for sentence in PLAIN)
    speed = sum(len(note.text.encode()) for note in notes) / 1e6 / seconds
    shares = ", ".join(f"{kind} {gone[kind] / planted_in[kind]:.1%}" for kind in sorted(planted_in))
    total = sum(gone.values()) / sum(planted_in.values())
    print(f"{name}: {total:.2%} of {sum(planted_in.values()):,} gone ({shares}); {kept / plain:.1%} of plain sentences untouched; {speed:.3f} MB/s of a core")
    return speed


def main() -> None:
    """Print the figures of plait and of the peers that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=2000, help="notes of about a kilobyte")
    parser.add_argument("--sentences", type=int, default=25, help="sentences of a note")
    parser.add_argument("--peer", default=sys.executable, help="a Python that has the peers")
    asked = parser.parse_args()
    notes = [planted(seed, asked.sentences) for seed in range(asked.notes)]
    ours: Callable[..., tuple[list[str], float]] = _by_plait
    speed = _show("plait", notes, ours(notes, knows=True))
    _show("plait, told no names", notes, ours(notes, knows=False))
    for name, program in PEERS.items():
        made = _by_peer(program, asked.peer, notes)
        if made is None:
            print(f"{name}: not here")
            continue
        print(f"  plait is {speed / _show(name, notes, made):.1f} times as fast")
    texts = [each["text"] for each in json.loads((shared_data() / "data/notes/medcat/mtsamples_dev.json").read_text(encoding="utf-8"))] * 20
    _, seconds = ours([Planted(text, (), (), ()) for text in texts], knows=True)
    print(f"plait, transcriptions of dictations: {sum(len(text.encode()) for text in texts) / 1e6 / seconds:.3f} MB/s of a core")


if __name__ == "__main__":
    main()
