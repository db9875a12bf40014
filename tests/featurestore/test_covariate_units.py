"""Values of measurements in one unit per concept: what is converted, and what is not."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from cdm_tables import load_csv
from plait.featurestore.covariates import Covariates, covariates, read_analyses
from plait.featurestore.covariates.analyses import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

# name, LOINC code, as delivered, and in the concept's unit: figures of clinical reference works
KNOWN = [
    ("Glucose [Mass/volume] in Serum or Plasma", "2345-7", 5.55, "mmol/L", 100.0, "mg/dL"),
    ("Glucose [Moles/volume] in Serum or Plasma", "14749-6", 100.0, "mg/dL", 5.55, "mmol/L"),
    ("Creatinine [Mass/volume] in Serum or Plasma", "2160-0", 88.4, "umol/L", 1.0, "mg/dL"),
    ("Urea nitrogen [Mass/volume] in Serum or Plasma", "3094-0", 7.14, "mmol/L", 20.0, "mg/dL"),
    ("Cholesterol [Mass/volume] in Serum or Plasma", "2093-3", 5.172, "mmol/L", 200.0, "mg/dL"),
    ("Triglyceride [Mass/volume] in Serum or Plasma", "2571-8", 1.694, "mmol/L", 150.0, "mg/dL"),
    ("Bilirubin.total [Mass/volume] in Serum or Plasma", "1975-2", 17.1, "umol/L", 1.0, "mg/dL"),
    ("Calcium [Mass/volume] in Serum or Plasma", "17861-6", 2.5, "mmol/L", 10.02, "mg/dL"),
    ("Calcium [Mass/volume] in Blood", "49765-1", 5.0, "10*-3.eq/L", 10.02, "mg/dL"),
    ("Potassium [Moles/volume] in Serum or Plasma", "2823-3", 4.1, "10*-3.eq/L", 4.1, "mmol/L"),
    ("Hemoglobin [Mass/volume] in Blood", "718-7", 9.31, "mmol/L", 15.0, "g/dL"),
    ("Hemoglobin [Mass/volume] in Blood", "718-7", 150.0, "g/L", 15.0, "g/dL"),
    ("Urate [Mass/volume] in Serum or Plasma", "3084-1", 357.0, "umol/L", 6.0, "mg/dL"),
    ("25-hydroxyvitamin D3 [Mass/volume] in Serum or Plasma", "1989-3", 50.0, "nmol/L", 20.03, "ng/mL"),
    ("Leukocytes [#/volume] in Blood by Automated count", "6690-2", 7.5, "10*9/L", 7.5, "10*3/uL"),
    ("Erythrocytes [#/volume] in Blood by Automated count", "789-8", 4.7, "10*12/L", 4.7, "10*6/uL"),
    ("Body temperature", "8310-5", 98.6, "[degF]", 37.0, "Cel"),
    ("Body temperature", "8310-5", 310.15, "K", 37.0, "Cel"),
    ("Body weight", "29463-7", 154.32, "[lb_us]", 70.0, "kg"),
    ("Body height", "8302-2", 70.0, "[in_i]", 177.8, "cm"),
    ("Systolic blood pressure", "8480-6", 16.0, "kPa", 120.0, "mm[Hg]"),
    ("Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "1742-6", 0.5, "ukat/L", 30.0, "[U]/L"),
    ("Hematocrit [Volume Fraction] of Blood", "20570-8", 0.45, "L/L", 45.0, "%"),
    ("Something else", "99999-9", 3.5, "{unheard of}", 3.5, "{unheard of}"),
]
UNREAD = [
    ("Hemoglobin A1c/Hemoglobin.total in Blood", "4548-4", 48.0, "mmol/mol"),  # another scale, not another unit
    ("Ferritin [Mass/volume] in Serum or Plasma", "2276-4", 100.0, "pmol/L"),  # no molar mass
    ("Glucose [Mass/volume] in Serum or Plasma", "2345-7", 5.0, "mm"),
    ("Glucose [Mass/volume] in Serum or Plasma", "2345-7", 5.0, None),
    ("Glucose [Mass/volume] in Serum or Plasma", "2345-7", 5.0, "no concept"),
    ("Glucose [Mass/volume] in Serum or Plasma", "2345-7", float("nan"), "mg/dL"),
    ("Creatine kinase", "2345-7", 5.0, "no concept"),  # the code of another concept
]
UNITS = sorted({row[3] for row in KNOWN} | {row[5] for row in KNOWN} | {"mmol/mol", "pmol/L", "mm"})


def measured(tmp_path: Path, rows: list[tuple[str, str, float, str | None]]) -> Covariates:
    """Give the values of measurements of one person, each of a concept of its own, on days one after another."""
    con = load_csv(tmp_path)
    concept = "INSERT INTO cdm.concept BY NAME SELECT ? AS concept_id, ? AS concept_name, ? AS vocabulary_id, ? AS concept_code, 'S' AS standard_concept"
    for number, unit in enumerate(UNITS):
        con.execute(concept, [9000 + number, unit, "UCUM", unit])
    numbers = {None: None, "no concept": 0, **{unit: 9000 + number for number, unit in enumerate(UNITS)}}
    for number, (name, code, value, unit) in enumerate(rows):
        con.execute(concept, [100 + number, name, "LOINC", code])
        con.execute(
            "INSERT INTO cdm.measurement BY NAME SELECT ? AS measurement_id, 1 AS person_id, ? AS measurement_concept_id, "
            "DATE '2020-05-01' AS measurement_date, ? AS value_as_number, ? AS unit_concept_id",
            [number, 100 + number, value, numbers[unit]],
        )
    con.execute("CREATE TEMP TABLE cohort AS SELECT 7 AS row_id, 1 AS person_id, TIMESTAMP '2020-06-01' AS prediction_time")
    return covariates(con, "cohort", analyses=read_analyses(["MeasurementValueLongTerm"]))


def test_values_come_in_the_unit_of_their_concept(tmp_path: Path) -> None:
    result = measured(tmp_path, [row[:4] for row in KNOWN])
    units = {9000 + number: unit for number, unit in enumerate(UNITS)}
    found = columns(result.covariate_ref, "covariate_id", "concept_id", "unit_concept_id")
    unit_of = {key: (concept - 100, units[unit]) for key, concept, unit in found}
    values = {unit_of[key]: value for key, value in columns(result.values, "covariate_id", "covariate_value")}
    assert values == {(number, unit): pytest.approx(expected, rel=2e-3) for number, (_, _, _, _, expected, unit) in enumerate(KNOWN)}
    assert result.unparsed.num_rows == 0
    assert all(key == (concept * 1000 + unit % 1000) * 1000 + 706 for key, concept, unit in found)
    told = {concept - 100: (unit, to) for concept, unit, to in columns(result.conversions, "concept_id", "unit", "to_unit")}
    assert told == {number: (row[3], row[5]) for number, row in enumerate(KNOWN)}


def test_the_tables_of_units_hold_together() -> None:
    """A unit measures one thing, a unit of an analyte is on the list, and a molar mass is where mass and substance meet."""
    units, analytes = (list(csv.DictReader((files(PACKAGE) / f"{name}.csv").read_text(encoding="utf-8").splitlines())) for name in ("units", "analytes"))
    quantity = {row["unit"]: row["quantity"] for row in units}
    assert len(quantity) == len(units)
    assert all(float(row["factor"]) > 0 for row in units)
    assert len({row["loinc"] for row in analytes}) == len(analytes)
    assert {row["unit"] for row in analytes} <= quantity.keys()
    assert all(row["molar_mass_g_per_mol"] for row in analytes if quantity[row["unit"]] == "substance_concentration")
    assert all(row["note"] for row in [*units, *analytes])


def test_a_value_that_is_in_its_unit_is_left_as_it_is(tmp_path: Path) -> None:
    result = measured(tmp_path, [(name, code, 0.1 + 0.2, unit) for name, code, _, _, _, unit in KNOWN])
    assert set(result.values["covariate_value"].to_pylist()) == {0.1 + 0.2}


def test_what_cannot_be_read_is_unparsed_and_never_guessed(tmp_path: Path) -> None:
    result = measured(tmp_path, UNREAD)
    assert result.values.num_rows == 0
    expected = [(7, 706, None, 100 + number, 11) for number in range(len(UNREAD))]
    assert columns(result.unparsed, "row_id", "analysis_id", "time_id", "concept_id", "reason") == expected


def columns(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    """Give columns of an Arrow table as tuples of a row each."""
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
