"""How `plait.yaml` says what is read out of notes, and which of it becomes events."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PromotedDomain = Literal["Condition", "Measurement", "Observation"]

PROMOTED_DOMAINS: tuple[PromotedDomain, ...] = ("Condition", "Measurement", "Observation")
"""Domains whose findings may become events: a drug or a procedure that a note mentions was not therefore given or done."""


class ExtractorSettings(BaseModel):
    """One extractor; keys beyond these belong to its kind, which checks them.

    Attributes:
        kind: Its kind: `rules`, `transformers`, or one that another package registers.
        name: What it is called in NOTE_NLP and in the rules of promotion; its kind if left out.
        languages: Languages that it can read (ISO 639-1): notes that say another one are left to others. A note that says none is read.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str
    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    languages: tuple[str, ...] = ("en",)

    @property
    def called(self) -> str:
        """Its name, or its kind."""
        return self.name or self.kind

    @property
    def options(self) -> dict[str, Any]:
        """Keys that only this kind of extractor knows."""
        return dict(self.model_extra or {})


class PromotionRule(BaseModel):
    """Which findings become events, of those that a note says the patient has now, and for certain.

    Attributes:
        domains: Domains of their concepts.
        concepts: Their concepts, and all that stand below them (CONCEPT_ANCESTOR); any if empty.
        extractors: Names of extractors; any if empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: tuple[PromotedDomain, ...] = PROMOTED_DOMAINS
    concepts: tuple[int, ...] = ()
    extractors: tuple[str, ...] = ()


class NlpSettings(BaseModel):
    """What is read out of notes.

    Attributes:
        extractors: What reads them; NOTE_NLP holds the findings of all.
        promote: A finding that one of these rules is about becomes an event.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    extractors: tuple[ExtractorSettings, ...] = ()
    promote: tuple[PromotionRule, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [extractor.called for extractor in self.extractors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two extractors of one name: {', '.join(twice)}")
        unknown = sorted({name for rule in self.promote for name in rule.extractors} - set(names))
        if unknown:
            raise ValueError(f"a rule of promotion on '{unknown[0]}', which is no extractor of this study")
        if self.promote and not self.extractors:
            raise ValueError("rules of promotion, and no extractor whose findings they could be about")
        return self
