"""Embedding tables, examined as they lie on the disk: a table for each view of `plait.yaml` that declares an encoder."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from plait.errors import ConfigError, PlaitError
from plait.schema.embeddings import registered, table_folder
from plait.validators.cdm import records_behind
from plait.validators.counted import judged
from plait.validators.embeddings.drift import keep, profile
from plait.validators.embeddings.examination import Table
from plait.validators.embeddings.rules import SUITE, sound, table_of
from plait.validators.embeddings.scan import scan
from plait.validators.examiner import Examined, Listed
from plait.validators.judge import Result
from plait.validators.suite import Check, checks_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.progress import Progress

_KEEPS = "embeddingDrift"
"""The check that needs what vectors were like before: whoever makes it keeps what they are like now."""


class EmbeddingExaminer:
    """Examines the embedding tables of a study.

    Args:
        examined: The version of the study.
    """

    def __init__(self, examined: Examined) -> None:
        self._examined = examined
        self._tables: dict[str, Table | str | PlaitError] = {}

    @cached_property
    def _views(self) -> dict[str, str]:
        """The views that declare an encoder, by the name of their table."""
        return {table_of(view.view): view.view for view in self._examined.settings.features if "encoder" in view.options}

    def checks(self) -> tuple[Check, ...]:
        """Give every check of each view that declares an encoder."""
        return tuple(check for table in self._views for check in checks_about(SUITE, table))

    def examine(self, checks: Sequence[Check], progress: Progress) -> list[Result]:
        """Make these checks, and keep what the vectors are like where drift is among them."""
        results = []
        for check in checks:
            if check.table not in self._tables:
                progress(f"checking {check.table}", 0)
            table = self._table(check.table)
            results.append(self._result(check, table))
            if check.type.name == _KEEPS and isinstance(table, Table):
                kept = profile(table.scanned, sound(table.scanned))
                keep(self._examined.study, self._views[check.table], self._examined.version.version, kept)
        return results

    def query(self, check: Check) -> str | None:  # noqa: ARG002 - as every examiner has it
        """Give None: no SELECT counts these."""
        return None

    def offending(self, check: Check, limit: int | None) -> Listed:
        """Give what offends a check: rows of the table with their part and place, items, parts, dimensions or sources; and the records behind items."""
        table = self._table(check.table)
        found = table.offending(check) if isinstance(table, Table) else str(table)
        if isinstance(found, str) or not isinstance(table, Table):
            raise ConfigError(check.id, expected="a table that can answer the check", got=str(found), todo=f"See `plait validate {check.table}`.")
        shown = found if limit is None else found.head(limit)
        ids = table.row_ids(shown)
        behind = () if ids is None else tuple(records_behind(self._examined.con, table.table_name, ids))
        return Listed(tuple(shown.columns), tuple(shown.rows()), behind)

    def _result(self, check: Check, table: Table | str | PlaitError) -> Result:
        """Give the result of a check."""
        if isinstance(table, PlaitError):  # a file that is gone, an option that does not fit
            return Result(check, None, None, "ERROR", str(table))
        return judged(check, table if isinstance(table, str) else table.figure(check))

    def _table(self, name: str) -> Table | str | PlaitError:
        """Give a table, read once; why there is none where there is none, and what went wrong where its items cannot be told."""
        if name not in self._tables:
            try:
                self._tables[name] = self._opened(self._views[name])
            except PlaitError as error:
                self._tables[name] = error
        return self._tables[name]

    def _opened(self, view: str) -> Table | str:
        """Read the table of a view."""
        if self._examined.held.items is None:
            return "the items of its view are not known here"
        items = self._examined.held.items(view)
        entry = registered(self._examined.study, view, items.declared)
        if entry is None:
            return f"nothing was encoded yet: plait embed {view}"
        scanned = scan(table_folder(self._examined.study, view, entry["encoder_id"]), int(entry["dim"]))
        return Table(self._examined, view, items, scanned)
