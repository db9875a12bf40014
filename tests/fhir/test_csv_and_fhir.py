"""The same patients written as CSV and as FHIR give the same rows of the CDM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

import plait
from plait.demo import write_demo
from synthea_as_fhir import FILES, write_as_fhir

if TYPE_CHECKING:
    from pathlib import Path

QUERIES = {
    "person": "SELECT person_source_value, gender_concept_id, race_concept_id, ethnicity_concept_id, birth_datetime FROM cdm.person",
    "death": "SELECT p.person_source_value, d.death_date FROM cdm.death AS d INNER JOIN cdm.person AS p USING (person_id)",
    "visit_occurrence": """SELECT p.person_source_value, v.visit_concept_id, v.visit_start_datetime, v.visit_end_datetime, v.visit_type_concept_id
    FROM cdm.visit_occurrence AS v INNER JOIN cdm.person AS p USING (person_id)""",
    "condition_occurrence": """SELECT p.person_source_value, e.condition_concept_id, e.condition_source_value, e.condition_source_concept_id,
    e.condition_start_datetime, e.condition_end_datetime, e.condition_type_concept_id, v.visit_start_datetime, e.condition_status_concept_id
    FROM cdm.condition_occurrence AS e INNER JOIN cdm.person AS p USING (person_id)
    LEFT JOIN cdm.visit_occurrence AS v ON e.visit_occurrence_id = v.visit_occurrence_id""",
    "drug_exposure": """SELECT p.person_source_value, e.drug_concept_id, e.drug_source_value, e.drug_exposure_start_datetime, e.drug_exposure_end_date,
    e.drug_type_concept_id, e.refills, e.days_supply, v.visit_start_datetime
    FROM cdm.drug_exposure AS e INNER JOIN cdm.person AS p USING (person_id)
    LEFT JOIN cdm.visit_occurrence AS v ON e.visit_occurrence_id = v.visit_occurrence_id""",
    "procedure_occurrence": """SELECT p.person_source_value, e.procedure_concept_id, e.procedure_source_value, e.procedure_datetime,
    e.procedure_end_datetime, v.visit_start_datetime
    FROM cdm.procedure_occurrence AS e INNER JOIN cdm.person AS p USING (person_id)
    LEFT JOIN cdm.visit_occurrence AS v ON e.visit_occurrence_id = v.visit_occurrence_id""",
    "measurement": """SELECT p.person_source_value, e.measurement_concept_id, e.measurement_source_value, e.measurement_datetime, e.value_as_number,
    e.value_as_concept_id, e.value_source_value, e.unit_concept_id, e.unit_source_value, v.visit_start_datetime
    FROM cdm.measurement AS e INNER JOIN cdm.person AS p USING (person_id)
    LEFT JOIN cdm.visit_occurrence AS v ON e.visit_occurrence_id = v.visit_occurrence_id""",
    "observation": """SELECT p.person_source_value, e.observation_concept_id, e.observation_source_value, e.observation_datetime, e.value_as_number,
    e.value_as_concept_id, e.value_source_value, v.visit_start_datetime
    FROM cdm.observation AS e INNER JOIN cdm.person AS p USING (person_id)
    LEFT JOIN cdm.visit_occurrence AS v ON e.visit_occurrence_id = v.visit_occurrence_id""",
    "condition_era": """SELECT p.person_source_value, e.condition_concept_id, e.condition_era_start_date, e.condition_era_end_date
    FROM cdm.condition_era AS e INNER JOIN cdm.person AS p USING (person_id)""",
    "drug_era": """SELECT p.person_source_value, e.drug_concept_id, e.drug_era_start_date, e.drug_era_end_date
    FROM cdm.drug_era AS e INNER JOIN cdm.person AS p USING (person_id)""",
}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[plait.Study, plait.Study]:
    """Give the study of the demo's CSV files that have their like in FHIR, and that of these as FHIR."""
    folder = tmp_path_factory.mktemp("both")
    write_demo(folder, persons=20)
    synthea = folder / "data" / "synthea"
    write_as_fhir(synthea, folder / "fhir" / "data")
    for file in synthea.glob("*.csv"):
        if file.stem not in FILES:
            file.unlink()
    return _run(folder, "synthea", synthea), _run(folder / "fhir", "fhir", folder / "fhir" / "data")


def _run(folder: Path, kind: str, data: Path) -> plait.Study:
    vocabulary = str(data.parents[1] / "data" / "athena") if kind == "fhir" else "data/athena"
    settings = {"study": kind, "vocabulary": vocabulary, "sources": [{"name": "ehr", "kind": kind, "path": str(data), "person_system": "synthea"}]}
    (folder / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    study = plait.open(folder)
    study.run_etl(threads=2)
    return study


@pytest.mark.parametrize("table", QUERIES)
def test_the_rows_are_the_same(table: str, studies: tuple[plait.Study, plait.Study]) -> None:
    ours, theirs = (sorted(study.connect().execute(QUERIES[table]).fetchall(), key=str) for study in studies)
    assert ours
    assert theirs == ours
