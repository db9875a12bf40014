"""The kind of view `covariates`: what OHDSI's FeatureExtraction counts, by what was known at the moment or by OHDSI's own clock.

Its features are the covariates that were found for the rows asked, or those of a table that they are to be like; a feature is named by
FeatureExtraction's covariate id, with `@` and the number of its window where it has one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator

from plait.duck import sql
from plait.errors import CohortError
from plait.featurestore.absences import RANK, no_absences, with_records
from plait.featurestore.asof import DAY_US
from plait.featurestore.covariates import PACKAGE, Analysis, Covariates, Windows, covariates, read_analyses
from plait.featurestore.covariates.engine import score_concepts
from plait.featurestore.events import need_events
from plait.featurestore.index import PERSON, TIME
from plait.featurestore.sparse import Sparse
from plait.featurestore.view import View, ViewOptions, options_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from plait.featurestore.index import Index
    from plait.featurestore.view import Question, Reading
    from plait.settings import FeatureSettings

    Ints = npt.NDArray[np.int64]

_INDEX = "covariate_rows"
_ANALYSES = 1_000
"""A covariate's id is a thousand times what it counts, and its analysis (FeatureExtraction)."""

_VALUES = 1_000_000
"""The id of a covariate with a value is as many times its concept, and the last digits of its unit, and its analysis (FeatureExtraction)."""

_MADE_OF = {"condition_era": "condition_occurrence", "drug_era": "drug_exposure", "visit_detail": "visit_occurrence"}
"""Tables whose rows are shown as those that they were made of."""

_KINDS = {"indicator": "indicator", "count": "count", "score": "count", "value": "value"}
"""What a covariate is, by what its analysis makes; one that tells of a person is a number or an indicator, as FeatureExtraction says."""


class CovariatesOptions(ViewOptions):
    """What a view of covariates may be told.

    Attributes:
        analyses: Names of analyses, or of sets: `default` (FeatureExtraction's 29), `all` (its 118), `temporal`, `all_temporal`.
        windows_days: How far back the long, the medium and the short window reach.
        temporal_days: Windows of temporal analyses: first and last day, from the moment: `[[-365, -31], [-30, 0]]`.
        end_day: The last day of the windows, 0 being that of the moment.
    """

    analyses: tuple[str, ...] = Field(default=("default",), min_length=1)
    windows_days: tuple[int, int, int] = (365, 180, 30)
    temporal_days: tuple[tuple[int, int], ...] = ()
    end_day: int = 0

    @model_validator(mode="after")
    def _has_no_lookback(self) -> Self:
        if self.lookback_days is not None:
            raise ValueError("lookback_days with covariates; how far each analysis looks back is told by windows_days")
        return self

    @property
    def windows(self) -> Windows:
        """The windows as the engine takes them."""
        long, medium, short = (-days for days in self.windows_days)
        return Windows(long, medium, short, self.end_day, self.temporal_days)


class CovariatesView(View):
    """Covariates of index rows."""

    def __init__(self, reading: Reading, name: str, options: CovariatesOptions) -> None:
        self.reading, self.name, self.modality, self.options = reading, name, "covariates", options
        self._analyses, self._windows = read_analyses(options.analyses), options.windows
        self._told: dict[str, dict[str, Any]] = {}
        self._conversions: dict[tuple[str, int, int], dict[str, Any]] = {}

    def align(self, index: Index, question: Question) -> Sparse:
        """Give the covariates of each row; of what was not found, whether that is a 0."""
        found = self._ask(index, question)
        (ids, window), feature = _distinct(found.values)
        names = _names(ids, window)
        row = found.values["row_id"].to_numpy()
        values = found.values["covariate_value"].to_numpy().astype(np.float32)
        last_day = found.values["last_day"].cast("float64").fill_null(float("nan")).to_numpy()
        age = (index.at[row] % DAY_US / DAY_US - last_day).astype(np.float32)
        if self.name in question.columns:
            wanted = question.columns[self.name]
            place = {name: number for number, name in enumerate(wanted)}
            feature = np.asarray([place.get(name, -1) for name in names], np.int64)[feature]
            names, is_wanted = list(wanted), feature >= 0
            row, feature, values, age = row[is_wanted], feature[is_wanted], values[is_wanted], age[is_wanted]
        missing = self._missing(found, names)
        row, feature = np.append(row, missing["row"].to_numpy()), np.append(feature, missing["feature"].to_numpy())
        nothing = np.full(missing.height, np.float32(np.nan))
        codes = np.append(np.zeros(len(values), np.uint8), missing["code"].to_numpy())
        n_obs = np.append(np.ones(len(values), np.int32), missing["row_id"].is_null().to_numpy().astype(np.int32))
        values, age = np.append(values, nothing), np.append(age, nothing)
        order = np.lexsort((feature, row))
        row, feature, values, age, codes, n_obs = row[order], feature[order], values[order], age[order], codes[order], n_obs[order]
        groups, silence = self._silence(found, len(index))
        group_of = [groups[_group(name)] for name in self._known(names, groups)]
        kinds = tuple(_kind(self._analysis(name)) for name in names)
        is_count = np.asarray([kind == "count" for kind in kinds], np.bool_)
        return Sparse(
            self.name,
            tuple(names),
            np.searchsorted(row, np.arange(len(index) + 1)),
            feature,
            values,
            codes,
            age,
            np.where(is_count[feature] & (codes == Reason.OBSERVED), values, n_obs).astype(np.int32),
            silence,
            np.asarray(group_of, np.int64),
            self.options.present,
            kinds,
        )

    def explain(self, feature: str) -> dict[str, Any]:
        """Give the name, the concept and the analysis of a covariate that was found for rows that were asked; of numbers, what they were converted from."""
        if feature not in self._told:
            raise CohortError(f"view '{self.name}'", expected="a covariate that was found", got=f"'{feature}'", todo="Features are called by covariate ids.")
        analysis = self._analysis(feature)
        start, end = next((start, end) for time_id, start, end in self._windows.of(analysis) if (time_id or 0) == _group(feature)[1])
        about: dict[str, Any] = {"analysis_name": analysis.analysis_name, "domain_id": analysis.domain_id, "start_day": start, "end_day": end}
        if analysis.kind == "value":
            of = (analysis.table_name, self._told[feature]["concept_id"])
            told = ("unit", "to_unit", "factor", "shift", "value_count")
            about["conversions"] = [{part: line[part] for part in told} for key, line in sorted(self._conversions.items()) if key[:2] == of]
        return {"view": self.name, "feature": feature, **self._told[feature], **about}

    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the rows of the CDM that a covariate of each row is made of; of one that is told of a person, the person's row."""
        import polars as pl

        told, analysis, values = self.explain(feature), self._analysis(feature), self._ask(index, question).values
        has_it = np.unique(values["row_id"].to_numpy()[_places(values, feature)])
        rows = pl.DataFrame({"row": has_it, PERSON: index.person_id[has_it]})
        if not analysis.table_name:
            no_time = pl.lit(None, pl.Datetime("us"))
            return rows.select("row", table_name=pl.lit("person"), row_id=PERSON, event_time=no_time, known_time=no_time)
        table = _MADE_OF.get(analysis.table_name, analysis.table_name)
        concepts = {"distinct": "all", "count": "all", "care_site": "all", "score": "score", "group": "below"}.get(analysis.kind, "one")
        given = {
            "table": table,
            "concepts": "below" if concepts == "one" and table == "drug_exposure" and analysis.table_name == "drug_era" else concepts,
            "concept": told["concept_id"],
            "score": analysis.score,
            "clock": question.clock,
            "moment": analysis.moment,
            "start_day": told["start_day"],
            "end_day": told["end_day"],
        }
        need_events(self.reading.con)
        with self._rows(index), score_concepts(self.reading.con, wanted=concepts == "score"):
            frame: pl.DataFrame = self.reading.con.execute(sql(PACKAGE, "sources"), given).pl()
        return frame.filter(pl.col("row").is_in(has_it))

    def absences(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the absences that say why rows have no value of a covariate."""
        found = self._missing(self._ask(index, question), [feature]) if self._analysis(feature).kind == "value" else None
        if found is None:
            return no_absences()
        said = found.filter(found["row_id"].is_not_null())
        return with_records(self.reading.con, said.select("row", "row_id", "event_time", "known_time", "reason"))

    def describe(self) -> dict[str, Any]:
        """Give the view's options."""
        return {**super().describe(), "options": self.options.model_dump(mode="json")}

    @contextmanager
    def _rows(self, index: Index) -> Iterator[None]:
        """Have index rows as a table of the connection."""
        import polars as pl

        frame = pl.DataFrame({"row_id": np.arange(len(index)), PERSON: index.person_id, TIME: index.at.astype("datetime64[us]")})
        self.reading.con.register(_INDEX, frame.to_arrow())
        try:
            yield
        finally:
            self.reading.con.unregister(_INDEX)

    def _ask(self, index: Index, question: Question) -> Covariates:
        """Run the analyses for index rows."""
        con, periods = self.reading.con, self.reading.settings.observation_period
        with self._rows(index):
            found = covariates(con, _INDEX, analyses=self._analyses, windows=self._windows, clock=question.clock, periods=periods)
        named = {line["covariate_id"]: line for line in found.covariate_ref.to_pylist()}
        (ids, window), _ = _distinct(found.values)
        for name, covariate in zip(_names(ids, window), ids.tolist(), strict=True):
            self._told[name] = {key: named[covariate][key] for key in ("covariate_id", "covariate_name", "analysis_id", "concept_id")}
        for line in found.conversions.to_pylist():
            self._conversions[line["table_name"], line["concept_id"], line["unit_concept_id"]] = line
        return found

    def _missing(self, found: Covariates, names: Sequence[str]) -> pl.DataFrame:
        """Give what is known of missing values: of which only values in unknown units were found, and of which a source says why they are missing.

        Returns:
            `row`, `feature` (its place in `names`), `code` (uint8: the first reason in the order of reasons); where a source said it, `row_id` (of
            `plait.absence`), `event_time`, `known_time` and `reason`, else nulls. One line a row and feature.
        """
        import polars as pl

        values = [(place, name) for place, name in enumerate(names) if self._analysis(name).kind == "value"]
        of = pl.DataFrame(
            [(*_group(name), int(name.partition("@")[0]) // _VALUES, place) for place, name in values],
            schema={"analysis_id": pl.Int64, "time_id": pl.Int64, "concept_id": pl.Int64, "feature": pl.Int64},
            orient="row",
        )
        told = [pl.DataFrame(pl.from_arrow(table)).with_columns(pl.col("time_id").fill_null(0).cast(pl.Int64)) for table in (found.unparsed, found.absent)]
        lines = pl.concat(told, how="diagonal").join(of, on=["analysis_id", "time_id", "concept_id"])
        lines = lines.with_columns(rank=pl.col("reason").replace_strict({int(reason): rank for reason, rank in RANK.items()}, return_dtype=pl.Int64))
        lines = lines.sort("row_id", "feature", "rank").unique(["row_id", "feature"], keep="first", maintain_order=True)
        name = pl.col("reason").replace_strict({int(reason): reason.name for reason in RANK}, return_dtype=pl.String)
        return lines.select("feature", "event_time", "known_time", row="row_id", code="reason", row_id="absence_id", reason=name)

    def _silence(self, found: Covariates, rows: int) -> tuple[dict[tuple[int, int], int], npt.NDArray[np.uint8]]:
        """Give the place of each analysis and window, and what it means that a row has none of its covariates, `(n_rows, n_groups)`."""
        told = found.silence
        window = told["time_id"].fill_null(0).to_numpy().astype(np.int64)
        keys, place = np.unique(np.stack([told["analysis_id"].to_numpy().astype(np.int64), window]), axis=1, return_inverse=True)
        silence = np.full((rows, keys.shape[1]), Reason.UNKNOWN, np.uint8)
        silence[told["row_id"].to_numpy(), place.reshape(-1)] = told["reason"].to_numpy()
        return {(analysis, time): number for number, (analysis, time) in enumerate(keys.T.tolist())}, silence

    def _known(self, names: list[str], groups: dict[tuple[int, int], int]) -> list[str]:
        """Give names, all of which are of an analysis that was asked for."""
        strange = next((name for name in names if _group(name) not in groups), None)
        if strange is not None:
            raise CohortError(f"view '{self.name}'", expected="covariates of its analyses", got=f"'{strange}'", todo="Ask for columns of this view.")
        return names

    def _analysis(self, feature: str) -> Analysis:
        """Give the analysis of a covariate by its name."""
        number, window = _group(feature)
        return next(analysis for analysis in self._analyses if analysis.analysis_id == number and analysis.temporal == (window > 0))


def _distinct(values: pa.Table) -> tuple[tuple[Ints, Ints], Ints]:
    """Give the different covariates, by id and then window (0 where they have none), and the place of each value's among them."""
    window = values["time_id"].fill_null(0).to_numpy().astype(np.int64)
    pairs, place = np.unique(np.stack([values["covariate_id"].to_numpy().astype(np.int64), window]), axis=1, return_inverse=True)
    return (pairs[0], pairs[1]), place.reshape(-1)


def _names(ids: Ints, window: Ints) -> list[str]:
    """Give the name of each covariate."""
    return [f"{covariate}@{time}" if time else str(covariate) for covariate, time in zip(ids.tolist(), window.tolist(), strict=True)]


def _places(values: pa.Table, feature: str) -> npt.NDArray[np.bool_]:
    """Say which values are those of a covariate."""
    (ids, window), place = _distinct(values)
    names = _names(ids, window)
    is_it: npt.NDArray[np.bool_] = place == (names.index(feature) if feature in names else -1)
    return is_it


def _kind(analysis: Analysis) -> str:
    """Give what the covariates of an analysis are."""
    return _KINDS.get(analysis.feature) or ("indicator" if analysis.is_binary else "value")


def _group(name: str) -> tuple[int, int]:
    """Give the analysis and the window of a covariate by its name, (-1, 0) where it is no name of one."""
    covariate, _, time = name.partition("@")
    if not covariate.removeprefix("-").isdecimal():
        return -1, 0
    return int(covariate) % _ANALYSES, int(time) if time.isdecimal() else 0


def open_view(reading: Reading, settings: FeatureSettings) -> CovariatesView:
    """Open a view of covariates.

    Raises:
        ConfigError: Options that it does not know, or an analysis of no name.
    """
    return CovariatesView(reading, settings.view, options_of(CovariatesOptions, settings))
