"""A small study to break: four made-up patients in Synthea's files, and a vocabulary of a dozen real concepts."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plait
from plait.demo.vocabulary import table, write_vocabulary
from shell import Result, command

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """\
study: tiny
vocabulary: data/athena
sources:
  - {name: ehr, kind: synthea, path: data/synthea}
"""

FILES = {
    "patients": """\
Id,BIRTHDATE,DEATHDATE,FIRST,LAST,RACE,ETHNICITY,GENDER
MRN-4711,1950-03-01,,Zebulon,Quux,white,nonhispanic,M
MRN-4712,1961-07-14,2021-11-30,Perpetua,Quux,black,nonhispanic,F
MRN-4713,1972-12-24,,Thaddeus,Vorb,asian,hispanic,M
MRN-4714,1983-01-09,,Ottoline,Blenk,white,nonhispanic,F
""",
    "encounters": """\
Id,START,STOP,PATIENT,ENCOUNTERCLASS,CODE,DESCRIPTION
V-1,2020-01-10T09:00:00Z,2020-01-10T09:30:00Z,MRN-4711,ambulatory,162673000,General examination of patient
V-2,2020-02-11T10:00:00Z,2020-02-11T10:30:00Z,MRN-4712,ambulatory,162673000,General examination of patient
V-3,2020-03-12T11:00:00Z,2020-03-12T11:30:00Z,MRN-4713,ambulatory,162673000,General examination of patient
V-4,2020-04-13T12:00:00Z,2020-04-13T12:30:00Z,MRN-4714,ambulatory,162673000,General examination of patient
""",
    "conditions": """\
START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION
2020-01-10,,MRN-4711,V-1,44054006,Type 2 diabetes mellitus
2020-02-11,2020-03-01,MRN-4712,V-2,195967001,Asthma
2020-03-12,,MRN-4713,V-3,49727002,Cough
2020-04-13,,MRN-4714,V-4,271737000,Anemia
""",
}
"""Synthea's files by stem, in as few columns as it takes. Nobody in them exists."""

SECRETS = ("Zebulon", "Perpetua", "Thaddeus", "Ottoline", "Quux", "Vorb", "Blenk", "MRN-47", "V-1,", "1950-03-01", "1961-07-14", "snores like a walrus")
"""What stands in the files and must not stand in a message: names, identifiers, a birthday, the words of a note."""

_CONCEPTS = {8507, 8532, 8527, 8516, 8515, 38003563, 38003564, 9202, 4036803, 201826, 317009, 254761, 439777}


def record(line: str, delimiter: str = ",") -> list[str]:
    """Give the fields of one line."""
    return next(csv.reader([line], delimiter=delimiter))


@dataclass(frozen=True)
class Tiny:
    """A small study in `path`."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "data" / "synthea"

    def file(self, stem: str) -> Path:
        return self.data / f"{stem}.csv"

    def write(self, stem: str, content: str | bytes) -> Path:
        """Replace one of Synthea's files."""
        self.file(stem).write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.file(stem)

    def settings(self, text: str) -> Path:
        """Replace plait.yaml."""
        file = self.path / "plait.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    def plait(self, *arguments: str) -> Result:
        """Run a command on the study as a shell would, in this process."""
        return command(*arguments, "-s", str(self.path))

    def run(self) -> plait.Study:
        """Run the ETL and give the study."""
        study = plait.open(self.path)
        study.run_etl(threads=2)
        return study

    def versions(self) -> list[str]:
        """Give what was committed."""
        return sorted(path.name for path in (self.path / "warehouse" / "versions").glob("*"))


def write_tiny(folder: Path) -> Tiny:
    """Write a small study that has not been run."""
    study = Tiny(folder)
    study.data.mkdir(parents=True)
    study.settings(SETTINGS)
    for stem, text in FILES.items():
        study.write(stem, text)
    write_vocabulary(folder / "data" / "athena")
    _keep(folder / "data" / "athena" / "CONCEPT.csv", ("concept_id",))
    _keep(folder / "data" / "athena" / "CONCEPT_RELATIONSHIP.csv", ("concept_id_1", "concept_id_2"))
    for optional in ("CONCEPT_ANCESTOR", "CONCEPT_SYNONYM", "DRUG_STRENGTH"):
        (folder / "data" / "athena" / f"{optional}.csv").unlink()
    assert {int(row["concept_id"]) for row in table("concepts")} >= _CONCEPTS
    return study


def _keep(file: Path, columns: tuple[str, ...]) -> None:
    """Leave only the few concepts in a file of the demo's vocabulary."""
    header, *lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [header.rstrip("\n").split("\t").index(column) for column in columns]
    kept = [line for line in lines if all(int(line.rstrip("\n").split("\t")[place]) in _CONCEPTS for place in places)]
    file.write_text(header + "".join(kept), encoding="utf-8")


def answers(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Give all rows of the CDM tables that patients fill, and the ledger: what a reader sees of a study."""
    con = plait.open(path).connect()
    tables = ("cdm.person", "cdm.visit_occurrence", "cdm.condition_occurrence", "cdm.death", "cdm.observation_period", "plait.ledger", "plait.runs")
    return {name: con.execute("SELECT * FROM query_table($table) ORDER BY ALL", {"table": name}).fetchall() for name in tables}
