"""What an extractor is to the rest: an id, and a function from a text to findings; and how kinds of extractors are found."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from plait.errors import ConfigError, did_you_mean
from plait.settings import misfit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plait.nlp_settings import ExtractorSettings

ENTRY_POINTS = "plait.extractors"
"""Entry-point group of extractors: each names a kind, and a module with `open_extractor(asked)`."""

LONGEST = 250
"""Characters that NOTE_NLP has room for in a finding's words (OMOP CDM v5.4, NOTE_NLP.lexical_variant)."""

_MOST_MODIFIERS = 2000

Temporal = Literal["present", "past", "hypothetical"]

OptionsT = TypeVar("OptionsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a text says, and where.

    Attributes:
        start: Where it begins, in characters (Unicode code points) from the text's first, which is 0.
        end: The character after its last.
        concept_id: Its standard concept, 0 where it has none.
        source_concept_id: The concept whose name stands there, 0 where it is not the vocabulary's.
        domain: The domain of its concept.
        section_concept_id: The section that it stands in, 0 where that is not known.
        exists: Whether the patient has it or had it, by OMOP's rule: False of what is negated, of somebody else, conditional or to be ruled out.
        temporal: Whether it is so now, was so, or might come to be so.
        subject: `patient`, or who else.
        is_certain: False of what is possible, or to be ruled out.
        modifiers: What goes into `term_modifiers`, in this order.
        value: A number that was measured.
        value_concept_id: A value that is a concept.
        operator: What stands before the number: `<`, `<=`, `=`, `>=`, `>`.
        unit: Its unit, in UCUM's words where they are known.
        unit_concept_id: The unit's concept, 0 where it has none.
    """

    start: int
    end: int
    concept_id: int = 0
    source_concept_id: int = 0
    domain: str | None = None
    section_concept_id: int = 0
    exists: bool = True
    temporal: Temporal = "present"
    subject: str = "patient"
    is_certain: bool = True
    modifiers: tuple[tuple[str, str], ...] = field(default=())
    value: float | None = None
    value_concept_id: int | None = None
    operator: str | None = None
    unit: str | None = None
    unit_concept_id: int | None = None

    @property
    def term_modifiers(self) -> str | None:
        """The modifiers as OMOP writes them, `key=value` with commas between; what does not fit is left out from the end."""
        text = ""
        for key, value in self.modifiers:
            more = f"{',' if text else ''}{key}={value.replace(',', ';')}"
            if len(text) + len(more) > _MOST_MODIFIERS:
                break
            text += more
        return text or None


class Extractor(Protocol):
    """Reads texts. It is opened in every process that reads, and used by one thread at a time.

    One that is slow may have an attribute `batch_characters`, the characters of text that it is given in one task; one that prepares files which several
    processes want, a method `prepare()`, which is called before they begin.
    """

    @property
    def extractor_id(self) -> str:
        """A name for it that changes with whatever changes its findings; letters, digits, `.`, `_` and `-`."""

    @property
    def system(self) -> str:
        """What NOTE_NLP calls it: name, version, and what tells its data or weights apart; at most 250 characters."""

    def extract(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Give the findings of each text, in order of their place."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An extractor as a study asks for it; a process that is given it can open the same.

    Attributes:
        study: The study's folder: paths are relative to it.
        vocabulary: The folder of the study's release of the vocabulary.
        cache: A folder in which an extractor may keep what it has prepared.
        declared: What `plait.yaml` says of it.
    """

    study: Path
    vocabulary: Path
    cache: Path
    declared: ExtractorSettings

    @property
    def where(self) -> str:
        """Where the extractor is declared, for errors."""
        return f"plait.yaml: nlp, extractor '{self.declared.called}'"

    def options(self, model: type[OptionsT]) -> OptionsT:
        """Give what is declared beyond kind, name and languages as the kind's `model`.

        Raises:
            ConfigError: A key or value that does not fit; names the nearest right key.
        """
        try:
            return model.model_validate(self.declared.options)
        except ValidationError as error:
            known = ("kind", "name", "languages", *model.model_fields)
            raise misfit(error, self.where, f"extractors of kind '{self.declared.kind}'", known) from None


def open_extractor(asked: Asked) -> Extractor:
    """Open the extractor that a study declares.

    Raises:
        ConfigError: No kind of this name is registered, or several are, or options that it does not know.
        MissingExtraError: It needs packages that are not installed.
    """
    points = list(entry_points(group=ENTRY_POINTS))
    kinds = {point.name: point for point in points}
    kind = asked.declared.kind
    if kind not in kinds:
        todo = did_you_mean(kind, kinds, f"Known kinds: {', '.join(sorted(kinds)) or 'none'}.")
        raise ConfigError(asked.where, expected="a kind of extractor", got=f"'{kind}'", todo=todo)
    values = {point.value for point in points if point.name == kind}
    if len(values) > 1:
        raise ConfigError(
            f"extractor '{kind}'", expected="one registered kind of this name", got=f"several: {', '.join(sorted(values))}", todo="Uninstall all but one."
        )
    extractor: Extractor = kinds[kind].load().open_extractor(asked)
    return extractor
