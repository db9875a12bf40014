"""What a call of `covariates` gives: Arrow tables that hold no more of the connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import connect, sql
from plait.featurestore.covariates.analyses import PACKAGE
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_VALUES = "SELECT row_id, covariate_id, time_id, covariate_value, last_day FROM covariate_value ORDER BY row_id, covariate_id, time_id, covariate_value"

_UNPARSED = "SELECT *, CAST($reason AS UTINYINT) AS reason FROM covariate_unparsed ORDER BY row_id, analysis_id, temporal, time_id, concept_id"
_ABSENT = (
    "SELECT * REPLACE (CAST(list_extract(CAST($codes AS INTEGER[]), list_position(CAST($names AS VARCHAR[]), reason)) AS UTINYINT) AS reason) "
    "FROM covariate_absent ORDER BY row_id, analysis_id, temporal, time_id, concept_id"
)
_CONVERSIONS = "FROM covariate_conversion ORDER BY table_name, concept_id, unit_concept_id"


@dataclass(frozen=True)
class Covariates:
    """The covariates of index rows, sparse.

    Attributes:
        values: One row a value: `row_id`, `covariate_id`, `time_id` (null without a temporal window), `covariate_value`
            (float64), `last_day` (the last day, from the index date, on which an event behind it began; null of a person's), in that order.
        covariate_ref: One row a covariate: `covariate_id`, `temporal`, `covariate_name`, `analysis_id`, `concept_id`,
            `value_as_concept_id`, `unit_concept_id`, `collisions`.
        analysis_ref: One row an analysis: `analysis_id`, `analysis_name`, `domain_id`, `feature`, `temporal`,
            `start_day`, `end_day`, `is_binary`, `missing_means_zero`.
        silence: One row an index row, an analysis and a window: `row_id`, `analysis_id`, `temporal`, `time_id`, `reason`
            (uint8, `plait.schema.reasons.Reason`): what it means that a covariate of it has no row: 0 a true zero, 1
            not captured, 255 unknown.
        unparsed: One row an index row, an analysis, a window and a concept of which only values in unknown units were
            found: `row_id`, `analysis_id`, `temporal`, `time_id`, `concept_id`, `reason` (11).
        absent: One row an index row, an analysis of values, a window and a concept without a value in it of which a source says why: `row_id`,
            `analysis_id`, `temporal`, `time_id`, `concept_id`, `reason` (uint8), `absence_id` (in `plait.absence`), `event_time`, `known_time`.
        conversions: One row a concept and a unit that its values came in: `table_name`, `concept_id`,
            `unit_concept_id`, `unit`, `to_unit_concept_id`, `to_unit`, `factor` (null where it is unknown), `shift`,
            `value_count` (seen from index rows).
        rows: Number of index rows.
        left_out: Names of analyses that were asked for and tell of the future, by the clock `known`.
    """

    values: pa.Table
    covariate_ref: pa.Table
    analysis_ref: pa.Table
    silence: pa.Table
    unparsed: pa.Table
    absent: pa.Table
    conversions: pa.Table
    rows: int
    left_out: tuple[str, ...] = ()

    def continuous(self) -> pa.Table:
        """Give the distribution of every covariate with numbers for values, as FeatureExtraction sums it up.

        Returns:
            One row a covariate and window: `covariate_id`, `time_id`, `count_value`, `min_value`, `max_value`,
            `average_value`, `standard_deviation`, `median_value`, `p10_value`, `p25_value`, `p75_value`,
            `p90_value`. Where FeatureExtraction says that a missing value means 0, those rows count as 0.
        """
        with connect() as con:
            con.register("covariate_values", self.values)
            con.register("analyses", self.analysis_ref)
            return con.execute(sql(PACKAGE, "continuous"), {"rows": self.rows}).to_arrow_table()


def read_result(con: duckdb.DuckDBPyConnection, left_out: tuple[str, ...]) -> Covariates:
    """Give the tables that the engine left on the connection."""
    reasons = {"observed": Reason.OBSERVED, "not_captured": Reason.NOT_CAPTURED, "unknown": Reason.UNKNOWN}
    (rows,) = con.execute("SELECT count(*) FROM covariate_row").fetchall()[0]
    return Covariates(
        values=con.execute(_VALUES).to_arrow_table(),
        covariate_ref=con.execute(sql(PACKAGE, "covariate_ref")).to_arrow_table(),
        analysis_ref=con.execute(sql(PACKAGE, "analysis_ref")).to_arrow_table(),
        silence=con.execute(sql(PACKAGE, "silence"), {name: int(reason) for name, reason in reasons.items()}).to_arrow_table(),
        unparsed=con.execute(_UNPARSED, {"reason": int(Reason.UNPARSED)}).to_arrow_table(),
        absent=con.execute(_ABSENT, {"names": [reason.name for reason in Reason], "codes": [int(reason) for reason in Reason]}).to_arrow_table(),
        conversions=con.execute(_CONVERSIONS).to_arrow_table(),
        rows=rows,
        left_out=left_out,
    )
