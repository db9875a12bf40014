"""Observation periods: spans of time in which what happened to a person was recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plait.duck import make_view, sql
from plait.errors import ConfigError
from plait.etl.adopted import PREFIX
from plait.etl.derive.eras import merge_spans
from plait.etl.harmonize.reference import concept_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.sources.folder import Source
    from plait.settings import ObservationPeriodSettings

_PACKAGE = "plait.etl.derive"
_SHAPE = "period"


def sources_by_rule(sources: Sequence[Source], rule: ObservationPeriodSettings, file: Path) -> tuple[Source, ...]:
    """Give the sources as the rule wants them read: without their declared periods where another rule makes the periods.

    Raises:
        ConfigError: The rule is `source`, and no source declares periods; names `file`.
    """
    declared = any(select.shape == _SHAPE for source in sources for select in source.selects)
    adopted = any(select.shape == f"{PREFIX}observation_period" for source in sources for select in source.selects)
    if rule.rule == "source" and not declared and not adopted:
        raise ConfigError(
            file,
            expected="a source with a SELECT that gives the shape 'period'",
            got="none",
            todo="Add FILE.period.sql to a source, or choose another observation_period.rule.",
        )
    if rule.rule == "source" or not declared:
        return tuple(sources)
    return tuple(replace(source, selects=tuple(select for select in source.selects if select.shape != _SHAPE)) for source in sources)


def derive_periods(con: duckdb.DuckDBPyConnection, rule: ObservationPeriodSettings) -> str:
    """Make the observation periods and give the query for their rows, in the order of the ids.

    Leaves the temporary tables `era` and `member` as `plait.etl.derive.eras.derive` does.

    Args:
        con: Has VISIT_OCCURRENCE and the tables of facts, or PAYER_PLAN_PERIOD, with the columns of the
            CDM v5.4; for the rule `source` the table `period_row`.
        rule: The rule and its gap.
    """
    if rule.rule == "source":
        return merge_spans(con, "source_span", rule.days, "declared_period")
    make_view(con, "fact_date", sql(_PACKAGE, "fact_date"))
    con.execute("CREATE OR REPLACE TEMP TABLE period_type AS SELECT $concept_id AS concept_id", {"concept_id": concept_of("period_type", rule.rule)})
    return merge_spans(con, f"{rule.rule}_span", rule.days, "observation_period")
