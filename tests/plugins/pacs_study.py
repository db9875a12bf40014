"""Studies of a few persons with images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

import plait
from plait.demo.vocabulary import write_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Sandbox:
    """A folder for a study with some persons of the system `lab`, and images in `pacs`."""

    folder: Path

    @property
    def pacs(self) -> Path:
        return self.folder / "pacs"

    def people(self, names: Sequence[str]) -> None:
        """Write who is known."""
        for part in ("who", "people", "pacs"):
            (self.folder / part).mkdir(exist_ok=True)
        (self.folder / "who" / "source.yaml").write_text(
            "kind: who\ndescription: persons\nfiles:\n  people: {needs: [id, born]}\n  scans: {needs: [id, day, code, accession]}\n", encoding="utf-8"
        )
        (self.folder / "who" / "people.person.sql").write_text(
            "-- One row: a person.\nSELECT _pointer, id AS person, born AS birth FROM people\n", encoding="utf-8"
        )
        (self.folder / "who" / "scans.event.sql").write_text(
            "-- One row: an examination.\nSELECT _pointer, id AS person, day AS start, code, 'SNOMED' AS code_system, 'Procedure' AS domain, accession, "
            "'ehr' AS type FROM scans\n",
            encoding="utf-8",
        )
        text = "id,born\n" + "".join(f'"{name}",1970-01-01\n' for name in names)
        (self.folder / "people" / "people.csv").write_text(text, encoding="utf-8")

    def settings(self, path: str = "pacs", shard_persons: int = 2048, **more: object) -> plait.Study:
        """Write plait.yaml and open the study."""
        if not (self.folder / "athena").is_dir():
            write_vocabulary(self.folder / "athena")
        sources = [
            {"name": "who", "kind": "./who", "path": "people", "person_system": "lab"},
            {"name": "pacs", "kind": "dicom", "path": path, "person_system": "lab"} | more,
        ]
        said = {"study": "images", "vocabulary": "athena", "sources": sources, "shard_persons": shard_persons}
        (self.folder / "plait.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
        return plait.open(self.folder)

    def run(self, path: str = "pacs", **more: object) -> plait.Study:
        """Run the study."""
        study = self.settings(path, **more)
        study.run_etl(threads=2)
        return plait.open(self.folder)
