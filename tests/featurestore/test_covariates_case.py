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
