"""OHDSI FeatureExtraction's covariates, each table of the CDM read once for all analyses and windows."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from plait.duck import literal, make_view, one_file, quoted, sql
from plait.errors import ConfigError
from plait.etl.derive.eras import GAP_DAYS
from plait.featurestore.covariates.analyses import PACKAGE, Analysis, Windows
from plait.featurestore.covariates.result import Covariates, read_result
from plait.schema import empty_select, plait_tables
from plait.schema.reasons import PRIORITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from plait.settings import ObservationPeriodSettings

Clock = Literal["known", "ohdsi"]

_TABLES = (
    "visit_detail",
    "visit_occurrence",
    "condition_occurrence",
    "condition_era",
    "drug_exposure",
    "drug_era",
    "procedure_occurrence",
    "device_exposure",
    "measurement",
    "observation",
)
"""The tables of events, visits first: conditions look inpatient visits up."""

_NEEDED = {*_TABLES, "person", "observation_period", "concept", "concept_ancestor", "concept_relationship"}

_VISITS = {"visit_occurrence": "covariate_visit", "visit_detail": "covariate_visit_detail"}
"""Tables that others look up, and what they are kept as."""

_FROM_REACH = ("concept", "distinct", "score")
"""Kinds that read how late a concept's events start and end, as far as their windows end together."""

_FROM_EVENTS = ("count", "count_by_concept", "value", "range", "value_concept")

_STATEMENTS = {"inpatient": "concept", "group": "concept", "count_by_concept": "count"}
"""Kinds whose statement has another's name."""

_FILES: dict[str, tuple[str, dict[str, str]]] = {
    "concepts": ("covariate_concept", {}),
    "scores": ("covariate_term", {"weight": "DECIMAL(6, 1)"}),
    "units": ("covariate_unit_row", {"factor": "DOUBLE", "shift": "DOUBLE"}),
    "analytes": ("covariate_analyte_row", {"molar_mass_g_per_mol": "DOUBLE", "valence": "BIGINT"}),
}
"""The package's CSV files, the tables that they become, and the columns that are no text."""

_ERAS = {"condition_occurrence": "condition_era", "drug_exposure": "drug_era"}
"""What is rebuilt of a table's rows by the clock `known`."""

_FACTS = ("condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation", "specimen")
_OBSERVED_BY = {"visits": ("visit_occurrence", *_FACTS), "activity": ("visit_occurrence", *_FACTS), "enrolment": ("payer_plan_period",)}
"""Tables that observation periods are derived from, by rule."""

_PERSON = ("gender", "age", "age_group", "race", "ethnicity", "index_year", "index_month", "index_year_month")
_OBSERVATION = ("prior_observation", "post_observation", "time_in_cohort")


def covariates(
    con: duckdb.DuckDBPyConnection,
    index: str,
    *,
    analyses: Sequence[Analysis],
    windows: Windows | None = None,
    clock: Clock = "known",
    periods: ObservationPeriodSettings | None = None,
) -> Covariates:
    """Compute the covariates of index rows.

    Args:
        con: Has the CDM's tables (5.3 or 5.4) in the schema `cdm`; of the schema `plait`, `row_meta`, `coverage` and
            `absence` are read where they are there.
        index: Name of a table or view with `row_id` (unique), `person_id` and `prediction_time`; several rows of one
            person may be asked for. `cohort_end_date` is read where it is there.
        analyses: What to compute; see `read_analyses`. By the clock `known`, those that tell of the future are left
            out, and named in `Covariates.left_out`.
        windows: Days from the index date; FeatureExtraction's defaults if None.
        clock: `known`: a row counts if it happened and was known by the prediction time; `ohdsi`: all
            dates as they stand, future ends included, as FeatureExtraction has it.
        periods: How the study's observation periods were derived, for the clock `known`: they are rebuilt from
            what was known by then. None: they were not derived, and count as they stand.

    Raises:
        ConfigError: A window or the index is not what the clock allows, or only the future was asked for.
    """
    run = _Run(con, tuple(analyses), windows or Windows(), clock)
    try:
        run.prepare(index)
        for table in _TABLES:
            run.read(table)
        run.observe(periods)
        run.tell_of_persons()
        return read_result(con, left_out=tuple(analysis.analysis_name for analysis in analyses if clock == "known" and analysis.future))
    finally:
        run.forget()


def observed_days(con: duckdb.DuckDBPyConnection, index: str, periods: ObservationPeriodSettings) -> dict[int, int]:
    """Give for how many days before an index row its person had been observed without a break, by what was known then; nothing where they were not.

    Args:
        con: See `covariates`.
        index: See `covariates`.
        periods: See `covariates`.
    """
    run = _Run(con, (), Windows(), "known")
    try:
        run.prepare(index)
        run.observe(periods)
        return dict(con.execute("SELECT row_id, -start_day FROM covariate_observed").fetchall())
    finally:
        run.forget()


class _Run:
    """One call: its analyses and the temporary tables that it makes on the connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, analyses: tuple[Analysis, ...], windows: Windows, clock: Clock) -> None:
        self.con, self.windows, self.clock = con, windows, clock
        self.analyses = tuple(analysis for analysis in analyses if clock == "ohdsi" or not analysis.future)
        self._check(analyses)

    def _check(self, asked: tuple[Analysis, ...]) -> None:
        """Refuse what cannot be answered."""
        if asked and not self.analyses:
            names = ", ".join(analysis.analysis_name for analysis in asked)
            raise ConfigError("analyses", expected="some that do not tell of the future", got=names, todo="Leave them out, or ask by the clock 'ohdsi'.")
        if self.clock == "known" and self.windows.last_day > 0:
            raise ConfigError(
                "windows",
                expected="windows that end by the prediction time (day 0) with the clock 'known'",
                got=f"one until day {self.windows.last_day}",
                todo="End it on day 0 or before, or ask by the clock 'ohdsi'.",
            )
        if not self.windows.temporal and any(analysis.temporal for analysis in self.analyses):
            raise ConfigError(
                "windows", expected="temporal windows, as temporal analyses are asked for", got="none", todo="Give Windows(temporal=((-365, -31), (-30, 0)))."
            )

    def execute(self, name: str, **parameters: object) -> None:
        """Run the statements of an SQL file, each with those parameters that it names."""
        for statement in self.con.extract_statements(sql(PACKAGE, name)):
            self.con.execute(statement, {key: value for key, value in parameters.items() if key in statement.named_parameters})

    def forget(self) -> None:
        """Drop the temporary tables and views."""
        for kind, catalog in (("VIEW", "views"), ("TABLE", "tables")):
            names = self.con.execute(f"SELECT {kind}_name FROM duckdb_{catalog}() WHERE temporary AND starts_with({kind}_name, 'covariate_')").fetchall()
            for (name,) in names:
                self.con.execute(f"DROP {kind} temp.{quoted(name)}")

    def prepare(self, index: str) -> None:
        """Make the tables that all statements read."""
        columns = {row[0] for row in self.con.execute(f"DESCRIBE FROM {quoted(index)}").fetchall()}
        self._check_columns(index, columns)
        end = "cohort_end_date" if "cohort_end_date" in columns else "CAST(NULL AS DATE) AS cohort_end_date"
        make_view(self.con, "covariate_index", f"SELECT row_id, person_id, prediction_time, {end} FROM {quoted(index)}")
        self._check_rows(index)
        for name in ("macros", "rows", "empty"):
            self.execute(name)
        for file, (table, kinds) in _FILES.items():
            _load(self.con, table, file, kinds)
        self._load_analyses()
        if "value" in self.kinds and self.clock == "known":
            self.execute("unit_tables")
        for view, table in (("covariate_meta", "row_meta"), ("covariate_coverage", "coverage"), ("covariate_absence", "absence")):
            there = self.con.execute("SELECT 1 FROM information_schema.tables WHERE table_schema = 'plait' AND table_name = ?", [table]).fetchone()
            make_view(self.con, view, f"FROM plait.{quoted(table)}" if there else empty_select(plait_tables()[table]))

    def _check_columns(self, index: str, columns: set[str]) -> None:
        """Refuse an index that lacks a column, and a CDM that lacks a table."""
        lacking = {"row_id", "person_id", "prediction_time"} - columns
        if lacking:
            raise ConfigError(
                f"index {index}",
                expected="the columns row_id, person_id and prediction_time",
                got=f"none named {', '.join(sorted(lacking))}",
                todo="Name them so.",
            )
        there = {name for (name,) in self.con.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'cdm'").fetchall()}
        missing = sorted(_NEEDED - there)
        if missing:
            raise ConfigError(
                "schema cdm",
                expected="all tables that covariates read, empty where the CDM has none",
                got=f"no {', '.join(missing)}",
                todo="Make them as empty views.",
            )

    def _check_rows(self, index: str) -> None:
        """Refuse an index with a null or with two rows of one number."""
        nulls, twice = self.con.execute(sql(PACKAGE, "index_faults")).fetchone() or (0, 0)
        if nulls or twice:
            raise ConfigError(
                f"index {index}",
                expected="a row_id of its own, a person and a time in every row",
                got=f"{nulls} rows with a null, {twice} that have the row_id of another",
                todo="Number the rows, and leave out those without a time.",
            )

    def _load_analyses(self) -> None:
        """Make covariate_analysis: one row an analysis and a window."""
        import pyarrow as pa

        rows = [
            {**{name: getattr(a, name) for name in Analysis.__slots__}, "time_id": time_id, "start_day": start, "end_day": end}
            for a in self.analyses
            for time_id, start, end in self.windows.of(a)
        ]
        kinds = {"analysis_id": pa.int64(), "time_id": pa.int32(), "start_day": pa.int32(), "end_day": pa.int32()}
        kinds |= dict.fromkeys(("temporal", "is_binary", "missing_means_zero", "is_default", "future"), pa.bool_())
        names = (*Analysis.__slots__, "time_id", "start_day", "end_day")
        table = pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in names]))
        self.con.register("covariate_asked", table)
        self.con.execute("CREATE OR REPLACE TEMP TABLE covariate_analysis AS FROM covariate_asked")
        self.con.unregister("covariate_asked")

    def kinds_of(self, table: str | None) -> set[str]:
        """Give the kinds of analyses that are asked for of a table."""
        return {analysis.kind for analysis in self.analyses if analysis.table_name == table}

    @property
    def kinds(self) -> set[str]:
        """All kinds that are asked for."""
        return {analysis.kind for analysis in self.analyses}

    def read(self, table: str) -> None:
        """Read a table of events once, and put what its analyses find into covariate_value."""
        if self.clock == "known" and table in _ERAS.values():
            return
        era = _ERAS.get(table) if self.clock == "known" else None
        looked_up = table in _VISITS and ("care_site" in self.kinds or ("inpatient" in self.kinds and table == "visit_occurrence"))
        if not (looked_up or self.kinds_of(table) or self.kinds_of(era)):
            return
        make_view(self.con, "covariate_source", f"({sql(PACKAGE, f'event_{table}')}) UNION ALL BY NAME ({sql(PACKAGE, 'event_shape')})")
        self.execute(f"events_{self.clock}", table=table, last_day=max(self.windows.last_day, 0))
        if looked_up:
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {_VISITS[table]} AS FROM covariate_event")
        if era is not None and self.kinds_of(era):
            self.execute(f"span_{era}")
        self.put_events(table)
        if era is not None and self.kinds_of(era):
            self.execute("eras", gap=GAP_DAYS)
            self.put_events(era)

    def put_events(self, table: str) -> None:
        """Put what the analyses of a table find in covariate_event into covariate_value."""
        kinds = self.kinds_of(table)
        for kind in _FROM_EVENTS:
            if kind in kinds:
                self.put(kind, table)
        if kinds & {*_FROM_REACH, "group"}:
            self.execute("reach", end_day=self.windows.end)
        for kind in _FROM_REACH:
            if kind in kinds:
                self.put(kind, table)
        if "group" in kinds:
            self.execute(f"group_{table}")
            self.execute("group_up", table=table)
            self.put("group", table)
        if "inpatient" in kinds:
            self.execute("inpatient")
            self.execute("reach", end_day=self.windows.end)
            self.put("inpatient", table)

    def put(self, kind: str, table: str) -> None:
        """Put what one kind of analysis finds into covariate_value."""
        if kind == "score":
            self.execute("score_concept")
        if kind == "value" and self.clock == "known":
            self.execute("convert", table=table)
        drop = self.clock == "ohdsi"
        self.execute(_STATEMENTS.get(kind, kind), kind=kind, table=table, end_day=self.windows.end, drop=drop)
        if kind == "value" and self.clock == "known":
            self.execute("unparsed", kind=kind, table=table)
        if kind == "value":
            self.execute("absent", kind=kind, table=table, known=self.clock == "known", priority=[reason.name for reason in PRIORITY])

    def observe(self, periods: ObservationPeriodSettings | None) -> None:
        """Make covariate_observed."""
        tables = _OBSERVED_BY.get(periods.rule) if periods is not None and self.clock == "known" else None
        if periods is None or tables is None:
            self.execute(f"observed_{self.clock}")
            return
        columns = "event_id, person_id, start_date, start_time, end_date, end_time, open_end"
        parts = [
            f"SELECT {literal(table)} AS table_name, {columns} FROM (({sql(PACKAGE, f'event_{table}')}) UNION ALL BY NAME ({sql(PACKAGE, 'event_shape')}))"
            for table in tables
        ]
        make_view(self.con, "covariate_source", " UNION ALL ".join(parts))
        self.execute("observed_spans", rule=periods.rule)
        self.execute("observed_derived", rule=periods.rule, gap=periods.days)

    def tell_of_persons(self) -> None:
        """Put what is told of persons, not of events, into covariate_value."""
        if self.kinds.intersection(_PERSON):
            self.execute("person")
        if self.kinds.intersection(_OBSERVATION):
            self.execute("observation")
        if "care_site" in self.kinds:
            self.execute("care_site")


@contextmanager
def score_concepts(con: duckdb.DuckDBPyConnection, *, wanted: bool) -> Iterator[None]:
    """Have the table `covariate_score` of the concepts that scores count, empty where it is not `wanted`."""
    table, kinds = _FILES["scores"]
    _load(con, table, "scores", kinds)
    if not wanted:
        con.execute(f"DELETE FROM {table}")
    con.execute(sql(PACKAGE, "score_concept"))
    try:
        yield
    finally:
        con.execute(f"DROP TABLE temp.covariate_score; DROP TABLE temp.{table}")


def _load(con: duckdb.DuckDBPyConnection, table: str, file: str, columns: dict[str, str]) -> None:
    """Make a temporary table of one of the package's CSV files, with the place of each row."""
    names = ", ".join(f"{literal(name)}: {literal(columns.get(name, 'VARCHAR'))}" for name in _header(file))
    read = f"SELECT *, row_number() OVER () AS place FROM read_csv($path, hive_partitioning = false, header = true, columns = {{{names}}})"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS {read}", {"path": one_file(files(PACKAGE) / f"{file}.csv")})


@cache
def _header(file: str) -> tuple[str, ...]:
    """Give the names of the columns of one of the package's CSV files."""
    with (files(PACKAGE) / f"{file}.csv").open(encoding="utf-8") as handle:
        return tuple(next(csv.reader(handle)))
