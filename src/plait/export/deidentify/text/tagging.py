"""A token-classification model that helps to find names, places and numbers: loaded as NOTE_NLP's extractor loads one, its labels mapped to kinds."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.errors import ConfigError
from plait.etl.notes.tagger import EntityOptions, Tagger
from plait.models.model import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEAST_SCORE = 0.3
"""Probability from which on what a model finds counts: it is worse to leave a name than to take a word."""


@dataclass(frozen=True, slots=True)
class Tagging:
    """Who wants a model to look at notes.

    Attributes:
        study: The study's folder: paths are relative to it.
        model: A folder, or a model's id on the hub.
    """

    study: Path
    model: str

    @property
    def where(self) -> str:
        """Where the model is named, for errors."""
        return "plait.yaml: policy, note_model"


@cache
def kinds() -> dict[str, str]:
    """Give what labels that models have stand for, by the label."""
    rows = csv.DictReader((files("plait.export.deidentify.text") / "labels.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["label"]: row["kind"] for row in rows}


@cache
def open_tagger(tagging: Tagging) -> Callable[[str], list[tuple[int, int, str]]]:
    """Give what finds (start, end, kind) in a text, loaded once in a process.

    Raises:
        ConfigError: The model has no label that is known.
        EncoderError: There is no such model, or it is none for token classification.
        MissingExtraError: A package is not installed.
    """
    need(("torch", "transformers"), tagging)
    tagger = Tagger(tagging, EntityOptions(model=tagging.model))
    if not any(map(_kind, tagger.labels)):
        raise ConfigError(
            tagging.where,
            expected="a model with labels of what identifies (PER, PERSON, PATIENT, LOC, DATE, ID, PHONE, …)",
            got=f"one with {', '.join(sorted(tagger.labels)[:10])}",
            todo="Name another one, or none: rules and what the study knows of persons are used in any case.",
        )

    def find(text: str) -> list[tuple[int, int, str]]:
        found = ((one.start, one.end, _kind(one.label)) for one in tagger.entities(text) if one.score >= LEAST_SCORE)
        return [(start, end, kind) for start, end, kind in found if kind is not None]

    return find


@cache
def _kind(label: str) -> str | None:
    """Give what a label stands for, None where it tells of nothing that identifies.

    >>> _kind("B-PATIENT"), _kind("I_PERSON"), _kind("DISEASE")
    ('name', 'name', None)
    """
    bare = label.upper()
    for prefix in ("B-", "I-", "E-", "S-", "L-", "U-", "B_", "I_"):
        bare = bare.removeprefix(prefix)
    return kinds().get(bare)
