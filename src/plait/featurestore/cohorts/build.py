"""Making a cohort step by step, and counting who is left after each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.errors import CohortError, ConfigError, did_you_mean
from plait.featurestore.cohorts.cohort import Cohort, Label, Labels
from plait.featurestore.cohorts.entry import entry_rows, given_rows, read_rows, table_rows
from plait.featurestore.cohorts.outcomes import labels_of
from plait.featurestore.cohorts.rules import meets, said
from plait.featurestore.index import PERSON, TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from plait.cohort_settings import CohortSettings
    from plait.featurestore.consent import Consent
    from plait.featurestore.index import Index
    from plait.featurestore.view import Reading

    Presence = Callable[[Index, str], npt.NDArray[np.bool_]]

_MEDS_VALUES = ("boolean_value", "integer_value", "float_value", "categorical_value")
"""Columns of a MEDS label file that hold labels (MEDS 0.4, LabelSchema)."""


class Steps:
    """What became of a cohort's rows, step by step."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []

    def add(self, rule: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Write down how many are left after a rule, and give them back."""
        self._lines.append({"rule": rule, "persons": rows[PERSON].n_unique(), "rows": rows.height})
        return rows

    @property
    def frame(self) -> pl.DataFrame:
        """`rule`, `persons`, `rows`."""
        import polars as pl

        return pl.DataFrame(self._lines, schema={"rule": pl.String, "persons": pl.Int64, "rows": pl.Int64})


def find_cohort(reading: Reading, source: Any, presence: Presence, consent: Consent) -> Cohort:  # noqa: ANN401 - a name, a number, a path or a frame
    """Give a cohort by what it is asked for as.

    Args:
        reading: The version that is read.
        source: A name in `plait.yaml`; a `cohort_definition_id` of the CDM's COHORT table; the path of a CSV or Parquet file; or a frame.
        presence: Tells whether a view is there for rows, for rules that ask so.
        consent: What patients withhold: their labels are withheld, too.

    Raises:
        ConfigError: No such cohort or file.
        CohortError: Its definition, or its rows, are not what a query can answer.
    """
    if isinstance(source, Cohort):
        return source
    if isinstance(source, str) and not source.endswith((".csv", ".parquet")):
        return build_cohort(reading, _declared(reading, source), presence, consent)
    steps = Steps()
    if isinstance(source, (str, Path)):
        name, rows = Path(source).stem, read_rows(Path(source))
    elif isinstance(source, int):
        name, rows = f"cohort {source}", table_rows(reading, source, f"cohort {source}")
    else:
        name, rows = "rows", source
    return _cohort(name, given_rows(rows, reading, name, steps.add), steps, {"rows": name})


def build_cohort(reading: Reading, declared: CohortSettings, presence: Presence, consent: Consent) -> Cohort:
    """Make a cohort as `plait.yaml` declares it; see `find_cohort`."""
    where, steps = f"plait.yaml: cohort '{declared.name}'", Steps()
    rows = entry_rows(reading, declared.index, where, steps.add)
    for rule in declared.rules:
        rows = steps.add(said(rule), rows.filter(meets(reading, rows, rule, presence, where)))
    cohort = _cohort(declared.name, rows, steps, declared.model_dump(mode="json", exclude_defaults=True))
    made = labels_of(reading, declared, cohort.rows, consent, where)
    taken = sorted({*made.frame.columns} & {*cohort.rows.columns, *cohort.labels.frame.columns})
    if taken:
        raise CohortError(where, expected="outcomes whose columns are not there yet", got=f"'{taken[0]}' twice", todo="Give the outcome another name.")
    given = cohort.labels.frame
    labels = Labels(given.hstack(made.frame) if given.width else made.frame, (*cohort.labels.labels, *made.labels))
    return Cohort(cohort.name, cohort.rows, labels, cohort.attrition, cohort.definition)


def _cohort(name: str, rows: pl.DataFrame, steps: Steps, definition: dict[str, Any]) -> Cohort:
    """Give rows as a cohort; MEDS's label columns become labels."""
    columns = [column for column in _MEDS_VALUES if column in rows.columns and rows[column].null_count() < rows.height]
    labels = Labels(rows.select(columns), tuple(Label(column, "given", (column,)) for column in columns))
    kept = rows.drop([column for column in _MEDS_VALUES if column in rows.columns])
    return Cohort(name, kept.select(PERSON, TIME, *(column for column in kept.columns if column not in {PERSON, TIME})), labels, steps.frame, definition)


def _declared(reading: Reading, name: str) -> CohortSettings:
    """Give what `plait.yaml` says of a cohort."""
    known = {cohort.name: cohort for cohort in reading.settings.cohorts}
    if name not in known:
        todo = did_you_mean(name, known, f"There are: {', '.join(known) or 'none; declare one under cohorts, or name a .csv or .parquet file'}.")
        raise ConfigError("plait.yaml, cohorts", expected="a cohort of this name", got=f"'{name}'", todo=todo)
    return known[name]
