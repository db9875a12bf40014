"""`remap: true`: concepts of a CDM are mapped to the loaded vocabulary, and a report says what changed. Without it they stay, whoever knows them."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from tiny_omop import CDM, Legacy, differences

if TYPE_CHECKING:
    from pathlib import Path

COUGH, ASTHMA, DIABETES, ANEMIA = 254761, 317009, 201826, 439777
UNKNOWN = 2000000012
WHO = "-9223372036854775808"
CONDITIONS = CDM["condition_occurrence"] + (
    f"-3,{WHO},{ANEMIA},2020-02-03,,2020-02-05,32827,,healed,,,,271737000,{ANEMIA},\n"
    f"-2,{WHO},{UNKNOWN},2020-02-04,,,32827,,,,,,OWN,{UNKNOWN + 1},\n"
    f"-1,{WHO},0,2020-02-05,,,32827,,,,,,195967001,0,\n"
    f"-6,{WHO},{ASTHMA},2020-02-06,,,32827,,,,,,271737000,{ANEMIA},\n"
)
"""The conditions of the small CDM, and: one whose concept becomes two; one that no vocabulary knows; one with nothing but a code; one that is one
of two that its source's concept maps to."""


def edit(file: Path, change: dict[str, dict[str, str]], more: tuple[str, ...] = ()) -> None:
    """Change fields of the rows of a file of a vocabulary, which are known by their first column, and add rows."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    read = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
    rows = [row | change.get(row[header[0]], {}) for row in read]
    text = "\n".join(["\t".join(header), *("\t".join(row.values()) for row in rows), *more]) + "\n"
    file.write_text(text, encoding="utf-8")


def release(study: Legacy) -> None:
    """Make a new release of the vocabulary: cough is asthma now, diabetes an observation, and anemia is both asthma and anemia of a new kind."""
    athena = study.path / "athena"
    kind = f"{ANEMIA + 1}\tAnemia of a new kind\tCondition\tSNOMED\tDisorder\tS\t999\t19700101\t20991231\t"
    changed = {str(COUGH): {"standard_concept": ""}, str(ANEMIA): {"standard_concept": ""}, str(DIABETES): {"domain_id": "Observation"}}
    edit(athena / "CONCEPT.csv", changed, (kind,))
    relationships = athena / "CONCEPT_RELATIONSHIP.csv"
    header, *lines = relationships.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith((f"{COUGH}\t{COUGH}\tMaps to\t", f"{ANEMIA}\t{ANEMIA}\tMaps to\t"))]
    more = [f"{a}\t{b}\tMaps to\t19700101\t20991231\t" for a, b in ((COUGH, ASTHMA), (ANEMIA, ASTHMA), (ANEMIA, ANEMIA + 1), (ANEMIA + 1, ANEMIA + 1))]
    relationships.write_text("\n".join([header, *kept, *more]) + "\n", encoding="utf-8")


def conditions(study: Legacy) -> dict[str, list[Any]]:
    """Give (concept, source concept) of the conditions, by what they were called."""
    found: dict[str, list[Any]] = {}
    query = "SELECT condition_source_value, condition_concept_id, condition_source_concept_id FROM cdm.condition_occurrence ORDER BY ALL"
    for name, *concepts in study.rows(query):
        found.setdefault(name, []).append(tuple(concepts))
    return found


@pytest.fixture(scope="module")
def remapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Legacy, dict[str, Any]]:
    """Give a study of a CDM that was mapped anew to a new release, and what its run reported."""
    study = Legacy(tmp_path_factory.mktemp("remapped") / "study", tables=CDM | {"condition_occurrence": CONDITIONS})
    study.options = {"remap": True, "codes": {"condition_source_value": "SNOMED"}}
    study.write()
    release(study)
    done = study.plait("etl", "run", "--json")
    assert done.code == 0, done.err
    return study, json.loads(done.out)


def test_without_it_every_concept_stays(legacy: Legacy) -> None:
    legacy.tables = CDM | {"condition_occurrence": CONDITIONS}
    legacy.write()
    release(legacy)
    legacy.run()
    found = conditions(legacy)
    assert (found["49727002"], found["OWN"], found["44054006"]) == ([(COUGH, COUGH)], [(UNKNOWN, UNKNOWN + 1)], [(DIABETES, DIABETES)])
    assert legacy.notices()["unknown_concept", "condition_occurrence.condition_concept_id"] == 1
    assert ("unknown_concept", "measurement.measurement_concept_id") not in legacy.notices()
    assert legacy.rows("SELECT count(*) FROM plait.concept_change") == [(0,)]
    assert not (legacy.path / "reports").exists()


def test_concepts_are_those_of_the_loaded_vocabulary(remapped: tuple[Legacy, dict[str, Any]]) -> None:
    found = conditions(remapped[0])
    assert found["49727002"] == [(ASTHMA, COUGH)]  # retired: what it maps to
    assert found["OWN"] == [(UNKNOWN, UNKNOWN + 1)]  # nobody knows it
    assert found["195967001"] == [(ASTHMA, ASTHMA), (ASTHMA, ASTHMA)]  # unchanged; and by its code
    assert sorted(found["271737000"]) == [(ASTHMA, ANEMIA), (ASTHMA, ANEMIA), (ANEMIA + 1, ANEMIA)]  # two of one, and the one that had its own
    assert "44054006" not in found


def test_an_event_of_another_domain_goes_to_its_table_and_keeps_what_that_has_a_place_for(remapped: tuple[Legacy, dict[str, Any]]) -> None:
    study = remapped[0]
    [(person, concept, start, visit, provider, name)] = study.rows(
        "SELECT p.person_source_value, observation_concept_id, observation_datetime::VARCHAR, v.visit_source_value, d.provider_source_value, "
        "observation_source_value FROM cdm.observation AS o JOIN cdm.person AS p USING (person_id) JOIN cdm.visit_occurrence AS v USING (visit_occurrence_id) "
        "JOIN cdm.provider AS d ON o.provider_id = d.provider_id WHERE observation_source_value = '44054006'"
    )
    assert (person, concept, start, visit, provider, name) == ("MRN-1", DIABETES, "2020-01-10 09:00:00", "IP", "who", "44054006")
    assert study.notices()["left_behind", "condition_occurrence.condition_status_concept_id"] == 1


def test_references_follow_an_event_to_its_new_table(remapped: tuple[Legacy, dict[str, Any]]) -> None:
    query = (
        "SELECT o.observation_source_value FROM cdm.measurement AS m JOIN cdm.observation AS o ON m.measurement_event_id = o.observation_id "
        "WHERE m.meas_event_field_concept_id = 1147165"  # observation.observation_id
    )
    assert remapped[0].rows(query) == [("44054006",)]
    query = "SELECT domain_concept_id_1, observation_source_value FROM cdm.fact_relationship JOIN cdm.observation ON fact_id_1 = observation_id"
    assert remapped[0].rows(query) == [(27, "44054006")]


def test_eras_are_those_of_the_new_concepts(remapped: tuple[Legacy, dict[str, Any]]) -> None:
    study = remapped[0]
    assert study.rows("SELECT DISTINCT condition_concept_id FROM cdm.condition_era ORDER BY ALL") == [(ASTHMA,), (ANEMIA + 1,), (UNKNOWN,)]
    assert study.reasons()["condition_era", "ignored", "rebuilt"] == 3
    assert study.ledger()["observation_period"] == (2, 2, 0, 0, 0)


def test_the_report_names_every_concept_that_changed(remapped: tuple[Legacy, dict[str, Any]]) -> None:
    study, told = remapped
    expected = {
        # field, source's concept, old, new, new domain, new table, rows, persons
        ("condition_concept_id", COUGH, COUGH, ASTHMA, "Condition", "condition_occurrence", 1, 1),
        ("condition_concept_id", DIABETES, DIABETES, DIABETES, "Observation", "observation", 1, 1),
        ("condition_concept_id", ANEMIA, ANEMIA, ASTHMA, "Condition", "condition_occurrence", 1, 1),
        ("condition_concept_id", ANEMIA, ANEMIA, ANEMIA + 1, "Condition", "condition_occurrence", 1, 1),
        ("condition_concept_id", 0, 0, ASTHMA, "Condition", "condition_occurrence", 1, 1),
        ("note_nlp_concept_id", COUGH, COUGH, ASTHMA, "Condition", "note_nlp", 1, 1),
    }
    keys = ("field", "source_concept_id", "old_concept_id", "new_concept_id", "new_domain_id", "new_table_name", "rows", "persons")
    assert {tuple(change[key] for key in keys) for change in told["concept_changes"]} == expected
    with (study.path / "reports" / "concept-changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {tuple(str(value) for value in row) for row in expected} == {tuple(row[key] for key in keys) for row in rows}
    assert {row["old_concept_name"] for row in rows if row["old_concept_id"] == str(COUGH)} == {"Cough"}
    book = "SELECT sum(records)::BIGINT, count(DISTINCT person_id) FROM plait.concept_change WHERE table_name = 'condition_occurrence'"
    assert study.rows(book) == [(5, 2)]


def test_the_terminal_shows_the_changes(legacy: Legacy) -> None:
    legacy.options = {"remap": True}
    legacy.write()
    release(legacy)
    out = legacy.plait("etl", "run").out
    assert "Concepts that changed, those of most rows first" in out
    assert f"{COUGH} Cough" in out
    assert "2 concepts changed; the 3 changes stand in reports/concept-changes.csv." in out


def test_on_an_unchanged_vocabulary_nothing_changes(adopted: Legacy, legacy: Legacy) -> None:
    """But eras, which are derived anew."""
    legacy.options = {"remap": True}
    legacy.write().run()
    assert set(differences(adopted.path, legacy.path)) <= {"condition_era", "drug_era", "dose_era"}
    assert legacy.rows("SELECT * FROM plait.concept_change") == []


def test_a_vocabulary_for_what_is_no_source_value_is_refused(legacy: Legacy) -> None:
    legacy.options = {"remap": True, "codes": {"condition_concept_id": "SNOMED"}}
    done = legacy.write().plait("etl", "run")
    assert (done.code, "'condition_concept_id'" in done.err, "condition_source_value" in done.err) == (2, True, True)
