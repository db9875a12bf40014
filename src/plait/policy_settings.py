"""What may leave a study, and how: the part `policy` of `plait.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ERAS = {"condition_occurrence": ("condition_era",), "drug_exposure": ("drug_era", "dose_era")}
"""Tables whose rows say again what those of another one say."""


class PolicySettings(BaseModel):
    """What may leave the study, and how.

    Attributes:
        min_cell: The fewest persons that a figure, a word or a place must be of, for it to be told.
        keep_weekdays: Whether dates are shifted by whole weeks.
        withhold: Tables of the CDM that no export may hold.
        notes: What becomes of free text: none leaves, or what is left when all that may identify is taken out.
        note_model: A token-classification model that helps to find it, a folder or a hub's id; rules and known identifiers alone without one.
        blank_images: Whether pixels that may show a name are blanked: burned-in text, labels and overviews of slides; otherwise such images stop an export.
        key: The name under which the key of an export is kept, where the command names none; thrown away without one.
        quasi_identifiers: Fields (`person.year_of_birth`) by which somebody who knows a person may recognise the person.
        k_anonymity: The fewest persons that may share the same quasi-identifiers; counted but not asked for if None.
        sensitive: Fields (`condition_occurrence.condition_concept_id`) that must differ among those.
        l_diversity: The fewest values of each sensitive field among persons who share the same quasi-identifiers.
        license: The licence of what is given out, as an SPDX identifier or a URL.
        duo: Terms of the Data Use Ontology, `DUO:0000042`.
        title: What the data are called.
        description: What they are, in a few sentences.
        creators: Who made them, each by name, with an ORCID or a ROR in angle brackets after it if there is one.
        publisher: Who gives them out.
        contact: An e-mail address for questions.
        url: Where they can be got.
        keywords: What they can be found by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_cell: int = Field(default=11, ge=1)
    keep_weekdays: bool = False
    withhold: tuple[str, ...] = ()
    notes: Literal["withhold", "scrub"] = "withhold"
    note_model: str | None = Field(default=None, min_length=1)
    blank_images: bool = False
    key: str | None = Field(default=None, min_length=1)
    quasi_identifiers: tuple[Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$")], ...] = ()
    k_anonymity: int | None = Field(default=None, ge=2)
    sensitive: tuple[Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$")], ...] = ()
    l_diversity: int | None = Field(default=None, ge=2)
    license: str | None = Field(default=None, min_length=1)
    duo: tuple[Annotated[str, Field(pattern=r"^DUO:\d{7}$")], ...] = ()
    title: str | None = Field(default=None, min_length=1)
    description: str | None = Field(default=None, min_length=1)
    creators: tuple[str, ...] = ()
    publisher: str | None = None
    contact: str | None = None
    url: str | None = None
    keywords: tuple[str, ...] = ()

    @property
    def withheld(self) -> frozenset[str]:
        """The tables of which no row leaves: those that are named, and the eras that are made of them."""
        return frozenset(self.withhold) | {era for table in self.withhold for era in ERAS.get(table, ())}
