"""What medspaCy's ConText and negspaCy say of spans of text: run by `nlp.py --peers PYTHON`, in an interpreter that has them.

Reads [{"text": …, "spans": [[start, end], …]}, …] and writes {"medspaCy": [is it so, …], "negspaCy": […]} over all spans, in order.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import medspacy  # type: ignore[import-not-found]
import spacy  # type: ignore[import-not-found]
from negspacy.negation import Negex  # type: ignore[import-not-found]  # noqa: F401 - registers the component


def _asked(nlp: Any, components: list[str], documents: list[dict[str, Any]]) -> Any:
    """Yield the entities of all documents, in order, after the components have looked at them."""
    for document in documents:
        doc = nlp.make_doc(document["text"])
        for name in components[:1]:
            doc = nlp.get_pipe(name)(doc)
        spans = [doc.char_span(start, end, label="FINDING", alignment_mode="expand") for start, end in document["spans"]]
        order = sorted(range(len(spans)), key=lambda place: spans[place].start)
        kept = spacy.util.filter_spans(spans)
        doc.ents = kept
        for name in components[1:]:
            doc = nlp.get_pipe(name)(doc)
        by_place = {(ent.start, ent.end): ent for ent in doc.ents}
        del order
        for span in spans:
            yield by_place.get((span.start, span.end))


def main() -> None:
    """Answer."""
    documents = json.load(sys.stdin)
    medical = medspacy.load(enable=["medspacy_pyrush", "medspacy_context"])
    context = [
        ent is not None
        and not (ent._.is_negated or ent._.is_hypothetical or ent._.is_family or ent._.is_uncertain)
        for ent in _asked(medical, ["medspacy_pyrush", "medspacy_context"], documents)
    ]
    english = spacy.blank("en")
    english.add_pipe("sentencizer")
    english.add_pipe("negex", config={"ent_types": ["FINDING"]})
    negation = [ent is not None and not ent._.negex for ent in _asked(english, ["sentencizer", "negex"], documents)]
    json.dump({"medspaCy": context, "negspaCy": negation}, sys.stdout)


if __name__ == "__main__":
    main()
