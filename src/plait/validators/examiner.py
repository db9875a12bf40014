"""What examines one kind of thing in a study: its CDM, its sources, its embeddings, its snapshots.

An examiner says which checks there are, makes those that are asked for, and lists what offends one. Whatever it looks at, a check is a
`plait.validators.suite.Check` and what it found a `plait.validators.judge.Result`, so that one report, one history and one exit code hold them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import duckdb
    import polars as pl

    from plait.etl.commit import Version
    from plait.progress import Progress
    from plait.settings import Settings
    from plait.validators.judge import Result
    from plait.validators.suite import Check


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """The items of a view in a version: what the feature store encodes.

    Attributes:
        frame: `source`, `item`, `content`, `person_id`, `event_time`, `known_time`, `row_id` and `status`; see `plait.featurestore.items.ItemView.inventory`.
        table_name: The table of the CDM that `row_id` is of.
        declared: What `plait.yaml` says of the encoder; `encoder.json` of its table has the same.
    """

    frame: pl.DataFrame
    table_name: str
    declared: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What is examined beside a version's CDM.

    Attributes:
        items: Gives the items of a view by its name; the feature store knows them, which imports from here. None where nobody does.
        snapshots: Snapshots that lie elsewhere than in the study.
    """

    items: Callable[[str], Items] | None = None
    snapshots: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What is examined: a version of a study.

    Attributes:
        study: The study's folder.
        version: The version.
        settings: The study's settings.
        con: A connection that has the version as its schemas `cdm` and `plait`; temporary tables may be made on it.
        today: The date that checks compare with.
        held: What is examined beside its CDM.
    """

    study: Path
    version: Version
    settings: Settings
    con: duckdb.DuckDBPyConnection
    today: dt.date
    held: Held = Held()


@dataclass(frozen=True, slots=True)
class Listed:
    """What offends a check.

    Attributes:
        columns: The names of the values of a row.
        rows: Its rows.
        records: The source records behind each row, as far as there are any: `source`, `file`, `record`, `role`.
        query: The SELECT that gave them, where it was one.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    records: tuple[tuple[dict[str, Any], ...], ...] = ()
    query: str | None = None

    def as_dict(self, check: Check) -> dict[str, Any]:
        """Give it as plain data: `check`, `about`, `query`, `columns`, and `rows`, each with `row`, its values by column, and its `records`."""
        behind = self.records or ((),) * len(self.rows)
        rows = [{"row": dict(zip(self.columns, row, strict=True)), "records": list(records)} for row, records in zip(self.rows, behind, strict=True)]
        return {"check": check.id, "about": check.about, "query": self.query, "columns": list(self.columns), "rows": rows}


class Examiner(Protocol):
    """Examines one kind of thing."""

    def checks(self) -> Sequence[Check]:
        """Give every check that there is, whether or not there is something to look at: the settings decide, not what was made of them."""

    def examine(self, checks: Sequence[Check], progress: Progress) -> Sequence[Result]:
        """Make some of these checks, in their order; `progress` hears of what was looked at."""

    def query(self, check: Check) -> str | None:
        """Give the SELECT of what offends one of these checks; None where no SELECT does."""

    def offending(self, check: Check, limit: int | None) -> Listed:
        """Give what offends one of these checks, at most `limit` rows.

        Raises:
            ConfigError: It is about no rows, or cannot be answered.
        """
