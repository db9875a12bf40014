"""A small study with codes that nobody has mapped, some of which a spreadsheet would spoil."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from plait.demo.vocabulary import write_vocabulary
from tiny_study import FILES, Tiny, write_tiny

if TYPE_CHECKING:
    from pathlib import Path

UNMAPPED = """\
2020-01-11,,MRN-4711,V-1,E119,diabetes of the second type
2020-02-12,,MRN-4712,V-2,00123,Asthmatic bronchitis
2020-03-13,,MRN-4713,V-3,00123,Asthma bronchiale
2020-03-14,,MRN-4713,V-3,1E5,Chronic cough
2020-03-15,,MRN-4713,V-3,3-11,Anaemia
2020-04-14,,MRN-4714,V-4,=1+1,"=HYPERLINK(""http://example.org"",""Cough"")"
"""


def add_concepts(athena: Path, concepts: list[tuple[object, ...]], relationships: list[tuple[object, ...]]) -> None:
    """Add (id, name, domain, vocabulary, class, standard, code) and (id, id, relationship) to a download."""
    with (athena / "CONCEPT.csv").open("a", encoding="utf-8") as file:
        file.writelines("\t".join(map(str, (*concept, "19700101", "20991231", ""))) + "\n" for concept in concepts)
    with (athena / "CONCEPT_RELATIONSHIP.csv").open("a", encoding="utf-8") as file:
        file.writelines("\t".join(map(str, (*link, "19700101", "20991231", ""))) + "\n" for link in relationships)


def write_desk(folder: Path) -> Tiny:
    """Write the study, and run it."""
    tiny = write_tiny(folder)
    tiny.settings((folder / "plait.yaml").read_text(encoding="utf-8") + "shard_persons: 1\n")
    tiny.write("conditions", FILES["conditions"] + UNMAPPED)
    athena = folder / "data" / "athena"
    write_vocabulary(folder / "whole")
    shutil.copy(folder / "whole" / "CONCEPT_SYNONYM.csv", athena / "CONCEPT_SYNONYM.csv")
    shutil.rmtree(folder / "whole")
    add_concepts(
        athena,
        [
            (35206882, "Type 2 diabetes mellitus without complications", "Condition", "ICD10CM", "5-char billing code", "", "E11.9"),
            (45766052, "Old name of a disease", "Condition", "SNOMED", "Disorder", "", "703136005"),
        ],
        [(35206882, 201826, "Maps to"), (45766052, 317009, "Maps to")],
    )
    tiny.run()
    return tiny
