"""A person of a FHIR source, which is split once: no copy of what the source still holds is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import plait
from plait.demo import write_demo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_resources_of_a_person_go_and_do_not_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_demo(folder, persons=20, ehr="fhir", with_faults=False)
    plait.open(folder).run_etl(threads=2)
    study = plait.open(folder)
    person = study.table("person")["person_id"][7]
    assert list((folder / "warehouse" / "headers").rglob("Patient.parquet"))
    done = study.forget(person)[0]
    assert done.is_proved, done.left
    digest = plait.open(folder).digest()
    assert not plait.open(folder).run_etl(threads=2).changed
    assert not list((folder / "warehouse" / "headers").rglob("Patient.parquet"))
    plait.open(folder).run_etl(threads=2, full=True)
    assert plait.open(folder).digest() == digest
    again = plait.open(folder).forget(person)[0]
    assert again.is_proved, again.left
    assert plait.open(folder).trace("person", plait.open(folder).table("person")["person_id"][0])["records"]
