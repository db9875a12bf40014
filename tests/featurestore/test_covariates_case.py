"""Every analysis of FeatureExtraction against its own SQL, on a small CDM whose days lie on the edges of windows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cdm_tables import load_csv
from plait.duck import literal
from plait.featurestore.covariates import Windows, covariates, read_analyses

CASE = Path(__file__).with_name("fe_case")
WINDOWS = Windows(temporal=((-365, -181), (-180, -31), (-30, -1), (0, 0), (1, 60)))


@pytest.mark.parametrize(("names", "file", "analyses"), [("all", "static", 118), ("all_temporal", "temporal", 27)])
def test_every_row_is_that_of_feature_extraction(names: str, file: str, analyses: int) -> None:
    con = load_csv(CASE / "cdm")
    con.execute(f"CREATE TEMP TABLE cohort AS FROM {literal(CASE / 'index.csv')}")
    result = covariates(con, "cohort", analyses=read_analyses([names]), windows=WINDOWS, clock="ohdsi")
    time = "time_id" if file == "temporal" else "NULL"
    theirs = con.execute(f"SELECT row_id, covariate_id, {time}, CAST(covariate_value AS DOUBLE) FROM {literal(CASE / f'{file}.csv')}").fetchall()
    assert len({covariate % 1000 for _, covariate, _, _ in theirs}) == analyses  # none is empty
    columns = (result.values[name].to_pylist() for name in ("row_id", "covariate_id", "time_id", "covariate_value"))
    assert Counter(zip(*columns, strict=True)) == Counter(theirs)


def test_the_distributions_are_those_of_feature_extraction() -> None:
    """Its means and deviations are rounded to three places on DuckDB, whose type it asks for has no more."""
    con = load_csv(CASE / "cdm")
    con.execute(f"CREATE TEMP TABLE cohort AS FROM {literal(CASE / 'index.csv')}")
    result = covariates(con, "cohort", analyses=read_analyses(["all"]), windows=WINDOWS, clock="ohdsi").continuous()
    theirs = con.execute(f"FROM {literal(CASE / 'continuous.csv')} ORDER BY covariate_id")
    columns = [column[0] for column in theirs.description or []]
    expected = {row[0]: tuple(pytest.approx(value, abs=5.1e-4) for value in row[1:]) for row in theirs.fetchall()}
    ours = zip(*(result[name].to_pylist() for name in columns), strict=True)
    assert len(expected) > 100
    assert {row[0]: row[1:] for row in ours} == expected
