"""What medspaCy's ConText and negspaCy say of spans of text: run by `nlp.py --peers PYTHON`, in an interpreter that has them.

Reads [{"text": …, "spans": [[start, end], …]}, …] and writes {"medspaCy": [is it so, …], "negspaCy": […]} over all spans, in order.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import medspacy  # type: ignore[import-not-found]
import spacy  # type: ignore[import-not-found]
from negspacy.negation import Negex  # type: ignore[import-not-found]  # noqa: F401 - registers the component

if TYPE_CHECKING:
    from collections.abc import Iterator


def _asked(nlp: spacy.Language, components: list[str], documents: list[dict[str, Any]]) -> Iterator[Any]:
    """Yield the entities of all documents, in order, after the components have looked at them; None for one within another."""
    for document in documents:
        doc = nlp.get_pipe(components[0])(nlp.make_doc(document["text"]))
        spans = [doc.char_span(start, end, label="FINDING", alignment_mode="expand") for start, end in document["spans"]]
        doc.ents = spacy.util.filter_spans(spans)
        for name in components[1:]:
            doc = nlp.get_pipe(name)(doc)
        found = {(ent.start, ent.end): ent for ent in doc.ents}
        yield from (found.get((span.start, span.end)) for span in spans)


def main() -> None:
    """Answer."""
    documents = json.load(sys.stdin)
    medical = medspacy.load(enable=["medspacy_pyrush", "medspacy_context"])
    context = [
        ent is not None and not (ent._.is_negated or ent._.is_hypothetical or ent._.is_family or ent._.is_uncertain)
        for ent in _asked(medical, ["medspacy_pyrush", "medspacy_context"], documents)
    ]
    english = spacy.blank("en")
    english.add_pipe("sentencizer")
    english.add_pipe("negex", config={"ent_types": ["FINDING"]})
    negation = [ent is not None and not ent._.negex for ent in _asked(english, ["sentencizer", "negex"], documents)]
    json.dump({"medspaCy": context, "negspaCy": negation}, sys.stdout)


if __name__ == "__main__":
    main()
