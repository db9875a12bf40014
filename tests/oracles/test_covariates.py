"""Covariates by OHDSI's clock against what FeatureExtraction gave on three public CDMs: every row, every name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from cdm_tables import load_parquet
from plait.duck import literal
from plait.featurestore.covariates import Covariates, covariates, read_analyses

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

CDMS = ("synthea27nj", "omoplite1130", "gibleed")
SETS = {"default": "", "all": "_all"}


def computed(folder: Path, names: str) -> tuple[duckdb.DuckDBPyConnection, Covariates]:
    """Give the covariates of an oracle's cohort."""
    con = load_parquet(folder / "cdm")
    columns = "subject_id AS row_id, subject_id AS person_id, CAST(cohort_start_date AS TIMESTAMP) AS prediction_time, cohort_end_date"
    con.execute(f"CREATE TEMP TABLE cohort AS SELECT {columns} FROM {literal(folder / 'cohort.csv')}")
    return con, covariates(con, "cohort", analyses=read_analyses([names]), clock="ohdsi")


@pytest.mark.parametrize("names", SETS)
@pytest.mark.parametrize("name", CDMS)
def test_every_covariate_of_feature_extraction_is_equal_in_value_and_name(shared: Path, name: str, names: str) -> None:
    """One name differs: a unit that CONCEPT does not hold has none there, and is `Unknown unit` here."""
    folder = shared / "oracles" / name
    con, result = computed(folder, names)
    file = folder / ("covariates.csv" if names == "default" else "covariates_all.csv.gz")
    theirs = con.execute(f"SELECT subject_id, covariate_id, CAST(covariate_value AS DOUBLE) FROM {literal(file)}").fetchall()
    assert len(theirs) > 500
    assert Counter(rows(result)) == Counter(theirs)
    named = con.execute(f"SELECT covariate_id, covariate_name FROM {literal(folder / f'covariate_ref{SETS[names]}.csv')}").fetchall()
    ours = dict(zip(result.covariate_ref["covariate_id"].to_pylist(), result.covariate_ref["covariate_name"].to_pylist(), strict=True))
    assert ours == {key: title.replace("()", "(Unknown unit)") for key, title in named}


def rows(result: Covariates) -> list[tuple[Any, ...]]:
    """Give the values as tuples of row, covariate and value."""
    columns = (result.values[name].to_pylist() for name in ("row_id", "covariate_id", "covariate_value"))
    return list(zip(*columns, strict=True))
