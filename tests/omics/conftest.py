"""Studies of a few persons with an assay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import plait
from plait.demo.vocabulary import write_vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

GENES = "ensembl_id\tApproved symbol\tPrevious symbols\tAlias symbols\tChromosome\n" + "".join(
    f"{line}\n"
    for line in (
        "ENSG00000000001\tAAA\tOLDA\tSHARED\t1",
        "ENSG00000000002\tBBB\t\tSHARED, ALSOB\t2",
        "ENSG00000000003\tCCC\t\t\t3",
        "ENSG00000000004\tTWICE\t\t\t4",
        "ENSG00000000005\tTWICE\t\t\t5",
        "ENSG00000000006\tHAPLO\t\t\t6",
        "ENSG00000000007\tHAPLO\t\t\tCHR_HSCHR6_MHC",
    )
)


@dataclass
class Sandbox:
    """A folder for a study with persons p1, p2, … of the system `lab`."""

    folder: Path

    def people(self, names: Sequence[str]) -> None:
        """Write who is known."""
        (self.folder / "who").mkdir(exist_ok=True)
        (self.folder / "people").mkdir(exist_ok=True)
        (self.folder / "who" / "source.yaml").write_text("kind: who\ndescription: persons\nfiles:\n  people: {needs: [id, born]}\n", encoding="utf-8")
        (self.folder / "who" / "people.person.sql").write_text(
            "-- One row: a person.\nSELECT _pointer, id AS person, born AS birth FROM people\n", encoding="utf-8"
        )
        text = "id,born\n" + "".join(f'"{name}",1970-01-01\n' for name in names)
        (self.folder / "people" / "people.csv").write_text(text, encoding="utf-8")

    def settings(self, *sources: dict[str, Any], **more: object) -> plait.Study:
        """Write plait.yaml and open the study."""
        if not (self.folder / "athena").is_dir():
            write_vocabulary(self.folder / "athena")
        (self.folder / "genes.tsv").write_text(GENES, encoding="utf-8")
        who = [{"name": "who", "kind": "./who", "path": "people", "person_system": "lab"}] if (self.folder / "who").is_dir() else []
        said = {"study": "omics", "vocabulary": "athena", "genes": "genes.tsv", "sources": [*who, *sources]} | more
        (self.folder / "plait.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
        return plait.open(self.folder)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path)
    made.people(["p1", "p2", "p3"])
    return made


@pytest.fixture
def ledger() -> Callable[[plait.Study], dict[tuple[str, str], dict[str, Any]]]:
    """Give a function that gives the newest run's ledger by file and shape, having seen that it balances."""

    def read(study: plait.Study) -> dict[tuple[str, str], dict[str, Any]]:
        rows = study.status()["ledger"]
        assert all(row["read"] == row["loaded"] + row["merged"] + row["rejected"] + row["ignored"] for row in rows)
        return {(row["file"], row["shape"]): row for row in rows}

    return read
