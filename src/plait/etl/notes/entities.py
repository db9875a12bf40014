"""The extractor `transformers`: any model for token classification, in a folder or of the hub, with safe weights only.

Words of one label are one finding, and its concept is that of the vocabulary's name which stands there.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from plait.etl.manifest import digest_of
from plait.etl.notes.dictionary import need_automaton
from plait.etl.notes.extractor import LONGEST, Finding
from plait.etl.notes.lookups import Lookups, Names
from plait.etl.notes.tagger import Entity, EntityOptions, Tagger
from plait.etl.notes.values import reading
from plait.etl.notes.words import Words
from plait.etl.own_code import code_digest
from plait.models.model import need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.etl.notes.extractor import Asked

VERSION = "1"


class EntityExtractor:
    """Reads texts with a model; it is loaded when the first text comes.

    Args:
        asked: The study's declaration, vocabulary and cache.
        options: What is declared.
    """

    batch_characters = 200_000

    def __init__(self, asked: Asked, options: EntityOptions) -> None:
        need_automaton(asked.where)
        self._options = options
        self._name = asked.declared.called
        self._tagger = Tagger(asked, options)
        self._names = Names(asked, options.domains, unmapped=False)

    @cached_property
    def extractor_id(self) -> str:
        """A name that changes with the model's weights, settings and tokenizer, with the vocabulary, the rules and the options."""
        parts = [
            VERSION,
            self._tagger.model.weights_sha256,
            self._tagger.model.files_sha256("config"),
            self._tagger.model.files_sha256("tokenizer"),
            self._options.model_dump(exclude={"model", "revision", "device", "batch_size"}),
            self._names.key,
            code_digest(("plait.etl.notes", None)),
        ]
        return f"{self._name}-{digest_of(parts)[:16]}"

    @property
    def system(self) -> str:
        """What NOTE_NLP calls it: its name, the model's, and the SHA-256 of the weights."""
        return f"plait {self._name} {VERSION}: {self._tagger.model.name[-80:]} sha256:{self._tagger.model.weights_sha256}"

    def prepare(self) -> None:
        """Make the dictionary, unless it is there: before several processes want it."""
        self._names.make()

    @cached_property
    def _lookups(self) -> Lookups:
        return self._names.open()

    def extract(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Give the findings of each text, in order of their place.

        Raises:
            EncoderError: The model cannot be loaded, or is none for token classification.
            MissingExtraError: A package is not installed.
        """
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> list[Finding]:
        """Give the findings of a text."""
        lookups = self._lookups
        words = Words(text, lookups.signs)
        entities = [one for one in self.entities(text) if one.score >= self._options.min_score and one.end - one.start <= LONGEST]
        if not words.starts or not entities:
            return []
        hits = lookups.lexicon.find(words)
        around = lookups.surroundings(words, hits, hits.triggers) if self._options.context else None
        found = []
        for entity in entities:
            first = int(np.searchsorted(words.ends, entity.start, side="right"))
            one = reading(words, first, self._finding(text, entity, lookups))
            found.append(one.finding if around is None else around.said(one))
        return found

    def _finding(self, text: str, entity: Entity, lookups: Lookups) -> Finding:
        """Give a finding with the concept whose name the span is, of the domain that its label stands for."""
        wanted = self._options.labels.get(entity.label)
        modifiers = (("label", entity.label), ("score", f"{entity.score:.2f}"))
        span = Words(text[entity.start : entity.end], lookups.signs)
        names = lookups.dictionary
        for first, after, row in names.find(span):
            domain = names.domains[row][0]
            if (first, after) == (0, len(span.starts)) and wanted in {None, domain}:
                return Finding(entity.start, entity.end, (names.targets[row] or [0])[0], names.concept_ids[row], domain, modifiers=modifiers)
        return Finding(entity.start, entity.end, domain=wanted, modifiers=modifiers)

    def entities(self, text: str) -> list[Entity]:
        """Give the spans of a text that the model labels, in order; those of labels that do not count are left out."""
        return self._tagger.entities(text)


def open_extractor(asked: Asked) -> EntityExtractor:
    """Open the extractor that a study declares.

    Raises:
        EncoderError: There is no such model.
        MissingExtraError: A package is not installed.
    """
    need(("torch", "transformers"), asked)
    return EntityExtractor(asked, asked.options(EntityOptions))
