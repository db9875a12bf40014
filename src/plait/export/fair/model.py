"""What a package holds and where it comes from: the one model that every metadata file is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    import datetime as dt

Kind = Literal["integer", "number", "boolean", "string", "date", "datetime"]

KINDS: tuple[Kind, ...] = ("integer", "number", "boolean", "string", "date", "datetime")
"""What a column holds, in words that each format has one of its own for."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        kind: What it holds.
        about: What it says, in words.
        is_required: Whether it is never empty.
        points_at: `table.column` whose values it takes, where it is a key of another table.
        values: What each of its codes means, where there are few.
    """

    name: str
    kind: Kind
    about: str
    is_required: bool = False
    points_at: str | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table of the package.

    Attributes:
        name: Its name, unique in the package.
        path: Its file, below the package.
        about: What a row is.
        rows: How many there are; None where that is fewer than may be told.
        size_bytes: The file's size.
        sha256: The file's hash.
        columns: Its columns, in order.
        key: The columns that name a row; empty where none do.
        split: The part for training or testing that its rows are; None where they are of none.
    """

    name: str
    path: str
    about: str
    rows: int | None
    size_bytes: int
    sha256: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    split: str | None = None


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the package that is no table: an image, a matrix.

    Attributes:
        path: Its file, below the package.
        about: What it is.
        media_type: Its media type, `application/dicom`.
        size_bytes: Its size.
        sha256: Its hash.
    """

    path: str
    about: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Party:
    """A person or an organisation.

    Attributes:
        name: The name.
        kind: Which of the two.
        identifier: An ORCID or a ROR, as a URL.
    """

    name: str
    kind: Literal["person", "organization"] = "organization"
    identifier: str | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Give who is meant by a name, with an ORCID, a ROR or another address after it in angle brackets.

        >>> Party.of("Ada Example <https://orcid.org/0000-0002-1825-0097>").kind
        'person'
        """
        name, _, rest = text.partition("<")
        address = rest.rstrip("> ").strip() or None
        return cls(name.strip(), "person" if address and "orcid.org" in address else "organization", address)


@dataclass(frozen=True, slots=True)
class Step:
    """A step on the way of the data, as W3C PROV has it: what was done, by what, to what.

    Attributes:
        name: The step.
        about: What it did.
        agent: The program, with its version.
        started_at: When it began, UTC; None where nobody knows.
        finished_at: When it ended.
        used: What it read, in words (a source and its kind; a vocabulary's release), with a hash where there is one.
    """

    name: str
    about: str
    agent: str
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    used: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A package.

    Attributes:
        name: Its name, of letters, digits, `_` and `-`.
        title: Its title.
        about: What it is, in a few sentences.
        version: Its version.
        created: The day it was made.
        license: The licence, as an SPDX identifier or a URL; None where the policy names none.
        duo: Terms of the Data Use Ontology that say what it may be used for, `DUO:0000042`.
        creators: Who made the data.
        publisher: Who gives it out.
        contact: Where questions go.
        url: Where it can be got, or a name that stands for that.
        keywords: What it can be found by.
        tables: Its tables.
        history: How the data came about, the first step first.
        missing: What is missing: where and for which reason, what that means, and the share of rows, where that may be told.
        sensitive: What of persons is in it, and what was done about it.
        limits: What a user must not conclude from it.
        collection: How the data were collected.
        timeframe: The first day of the first year and the last day of the last in which enough persons were observed, as dates leave.
        splits: Parts for training and testing that come with it: name and rows.
        files: Its files that are no tables.
        imputation: How missing values were filled, or that they were not.
        biases: Who the persons are, in shares that may be told.
        sensitive_kinds: What kinds of sensitive data there are.
        use_cases: What the data may be used for, in words.
        coverage: What each source says it captures.
    """

    name: str
    title: str
    about: str
    version: str
    created: dt.date
    license: str | None
    duo: tuple[str, ...]
    creators: tuple[Party, ...]
    publisher: Party | None
    contact: str | None
    url: str | None
    keywords: tuple[str, ...]
    tables: tuple[TableFile, ...]
    history: tuple[Step, ...]
    missing: tuple[tuple[str, str, float | None], ...] = ()
    sensitive: str = ""
    limits: str = ""
    collection: str = ""
    timeframe: tuple[dt.date, dt.date] | None = None
    splits: tuple[tuple[str, int], ...] = ()
    files: tuple[DataFile, ...] = ()
    imputation: str = ""
    biases: tuple[str, ...] = ()
    sensitive_kinds: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()
