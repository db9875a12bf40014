"""The same patients as Synthea's CSV files and as FHIR: the same rows of the CDM, by whichever way they came."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import plait
from plait.demo import write_demo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from shell import Result

pytestmark = pytest.mark.long

COMPARED = """
person location care_site provider visit_occurrence visit_detail condition_occurrence drug_exposure procedure_occurrence
measurement observation note specimen death observation_period payer_plan_period condition_era drug_era
"""
KEYLESS = {"location", "care_site", "provider"}
OTHER_WORDS = {
    "person": {"race_source_value", "ethnicity_source_value"},  # the codes of US Core, not Synthea's words
    "provider": {"specialty_concept_id", "gender_source_value"},  # Synthea's speciality is a word, and its own map knows it
    "visit_occurrence": {"visit_source_value"},  # FHIR's class of the encounter
    "observation": {"value_as_string", "value_source_value"},  # the severity of a reaction is MILD there, mild here
    "death": {"cause_concept_id", "cause_source_value", "cause_source_concept_id"},  # a certificate's; FHIR's Patient has none
}
"""Columns in which the two formats say the same in other words, or where FHIR says nothing."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give the study of each format."""
    folders = {ehr: tmp_path_factory.mktemp("demo") / ehr for ehr in ("synthea", "fhir")}
    for ehr, folder in folders.items():
        write_demo(folder, persons=40, ehr=ehr, with_faults=False)
        plait.open(folder).run_etl(threads=2)
    return folders


def rows(con: duckdb.DuckDBPyConnection, table: str) -> Counter[tuple[object, ...]]:
    """Give the rows of a table, less the ids that each study gives, and with the time at which each was known."""
    study = con.sql(f"FROM cdm.{table}")
    wanted = [name for name in study.columns if not name.endswith("_id") or name.endswith("_concept_id") or name == "person_id"]
    kept = [name for name in wanted if name not in OTHER_WORDS.get(table, ())]
    if table in KEYLESS:
        return Counter(study.select(*kept).fetchall())
    key = "person_id" if table in {"person", "death"} else f"{table}_id"
    known = con.sql(f"FROM plait.row_meta WHERE table_name = '{table}'").select("row_id", "known_time")
    return Counter(study.join(known, f"{key} = row_id", how="left").select(*kept, "known_time").fetchall())


@pytest.mark.parametrize("table", COMPARED.split())
def test_both_formats_give_the_same_rows(both: dict[str, Path], table: str) -> None:
    csv, fhir = (rows(plait.open(both[ehr]).connect(), table) for ehr in ("synthea", "fhir"))
    assert csv, table
    assert csv == fhir


def test_of_costs_and_devices_fhir_has_a_part(both: dict[str, Path]) -> None:
    """Bills come as totals of encounters; supplies are SupplyDelivery, which nobody reads, and a device's use names no encounter."""
    csv, fhir = (plait.open(both[ehr]).connect() for ehr in ("synthea", "fhir"))
    costs = """
    SELECT v.person_id, v.visit_detail_start_datetime, c.total_charge, c.total_paid, c.paid_by_payer, c.paid_by_patient
    FROM cdm.cost AS c JOIN cdm.visit_detail AS v ON c.cost_event_id = v.visit_occurrence_id
    WHERE c.cost_domain_id = 'Visit'
    """
    theirs, ours = Counter(csv.execute(costs).fetchall()), Counter(fhir.execute(costs).fetchall())
    assert ours
    assert not ours - theirs
    devices = (
        "SELECT person_id, device_concept_id, device_exposure_start_datetime, unique_device_id FROM cdm.device_exposure WHERE unique_device_id IS NOT NULL"
    )
    assert Counter(fhir.execute(devices).fetchall()) == Counter(csv.execute(devices).fetchall()) != Counter()


def test_every_resource_is_in_the_ledger(both: dict[str, Path]) -> None:
    written = {file.name.removesuffix(".ndjson.gz"): gzip.decompress(file.read_bytes()).count(b"\n") for file in (both["fhir"] / "data/fhir").iterdir()}
    ledger = plait.open(both["fhir"]).connect().execute("SELECT file, max(read) FROM plait.ledger WHERE source = 'ehr' GROUP BY file").fetchall()
    assert dict(ledger) == written


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_demo(tmp_path / name, persons=20, ehr="fhir")
    one, two = ({file.name: file.read_bytes() for file in sorted((tmp_path / name / "data/fhir").iterdir())} for name in ("one", "two"))
    assert one == two
    first = json.loads(gzip.decompress(one["Patient.ndjson.gz"]).splitlines()[0])
    assert first["resourceType"] == "Patient"


def test_another_format_is_wrong_usage(command: Callable[..., Result], tmp_path: Path) -> None:
    wrong = command("demo", tmp_path / "other", "--ehr", "hl7")
    assert wrong.code == 2
    assert not (tmp_path / "other").exists()


@pytest.mark.long
def test_the_command_writes_it_and_runs_everything(command: Callable[..., Result], tmp_path: Path) -> None:
    result = command("demo", tmp_path / "demo", "--ehr", "fhir", "-q")
    assert result.code == 0, result.err
    assert (tmp_path / "demo" / "data" / "fhir" / "Observation.ndjson.gz").is_file()
