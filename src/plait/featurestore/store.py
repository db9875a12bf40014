"""The query: index rows in, the same rows out, each view aligned to them (DESIGN, section 7)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from plait.errors import CohortError, ConfigError
from plait.featurestore.aligned import Ragged
from plait.featurestore.cohorts import Cohort, find_cohort
from plait.featurestore.consent import Consent
from plait.featurestore.fitting import Fitted
from plait.featurestore.index import PERSON, as_index, check_persons
from plait.featurestore.lineage import lineage_of
from plait.featurestore.table import FusionTable
from plait.featurestore.view import Question, open_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from plait.featurestore.view import Reading, View


class Store:
    """The feature store of one version of a study. What a view has prepared is kept: the next query finds it warm.

    Attributes:
        reading: The version that it reads.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._views: dict[str, View] = {}
        self._consent: tuple[tuple[int, int] | None, Consent] | None = None

    def view(self, name: str) -> View:
        """Give the view that `plait.yaml` declares under a name.

        Raises:
            ConfigError: No such view, or options that its kind does not know.
        """
        if name not in self._views:
            self._views[name] = open_view(self.reading, name)
        return self._views[name]

    def get_historical_features(
        self,
        rows: Any,  # noqa: ANN401 - a frame of any kind
        views: Sequence[str] | None = None,
        *,
        clock: str = "known",
        audit: bool = False,
        like: FusionTable | Fitted | None = None,
    ) -> FusionTable:
        """Give what was known of each row's person at its moment, in every view.

        Args:
            rows: Index rows, `person_id` and `prediction_time` and whatever else; see `plait.featurestore.index.as_index`. Rows may repeat.
            views: Names of views, or of one; all that `plait.yaml` declares if None.
            clock: `known`: what had happened and was known; `ohdsi`: what had happened, with ends that lie in the future, as OHDSI counts.
            audit: Whether NOT_YET_KNOWN may be said. It tells of the future: such a table is not for a model.
            like: A table, or what was fitted on one, whose features views of covariates are to answer with, and no others: a model's columns.

        Returns:
            As many rows as were given, in their order: a row of a person without any data is there, too, with reasons.

        Raises:
            CohortError: Rows that cannot be asked about, or persons whom the study does not know.
            ConfigError: A view that is not declared, or a clock that is not known.
        """
        names = [view.view for view in self.reading.settings.features] if views is None else [views] if isinstance(views, str) else list(views)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CohortError("views", expected="each view once", got=f"'{twice[0]}' again", todo="Name it once.")
        question = Question.of(clock, audit=audit, columns=_columns_of(like))
        index = as_index(rows)
        check_persons(index, self._persons, f"index rows, column '{PERSON}'")
        opened = {name: self.view(name) for name in names}
        consent = self.consent
        answers = {name: consent.applied(view.align(index, question), view, index) for name, view in opened.items()}
        lineage = lineage_of(self.reading, opened, rows if isinstance(rows, Cohort) else None)
        return FusionTable(index, answers, opened, question, self.reading.version.version, lineage)

    def cohort(self, source: Any) -> Cohort:  # noqa: ANN401 - a name, a number, a path or a frame
        """Give a cohort; see `plait.featurestore.cohorts.find_cohort`.

        Args:
            source: A name in `plait.yaml`; a `cohort_definition_id` of the CDM's COHORT table; the path of a CSV or Parquet file; or a frame.

        Raises:
            ConfigError: No such cohort, file, table or view.
            CohortError: Its definition, or its rows, are not what a query can answer.
        """
        return find_cohort(self.reading, source, lambda index, view: self.get_historical_features(index.frame, [view]).present[:, 0], self.consent)

    @property
    def consent(self) -> Consent:
        """What patients permit, as the study's consent file says it now."""
        file = self.reading.settings.consent
        stamp = (file.stat().st_mtime_ns, file.stat().st_size) if file is not None and file.is_file() else None
        if self._consent is None or self._consent[0] != stamp:
            self._consent = stamp, Consent.read(self.reading)
        return self._consent[1]

    @cached_property
    def _persons(self) -> npt.NDArray[np.int64]:
        """Every person of the version, ascending."""
        persons: npt.NDArray[np.int64] = self.reading.con.execute("SELECT person_id FROM cdm.person ORDER BY person_id").fetchnumpy()["person_id"]
        return persons


def _columns_of(like: FusionTable | Fitted | None) -> Mapping[str, tuple[str, ...]]:
    """Give the features of each view of a table, or of what was fitted on one."""
    if like is None:
        return {}
    if isinstance(like, Fitted):
        return like.names
    if not isinstance(like, FusionTable):
        raise ConfigError("like", expected="a table, or what was fitted on one", got=type(like).__name__, todo="Give the table that a model learned from.")
    return {name: answer.names for name, answer in like.answers.items() if not isinstance(answer, Ragged)}
