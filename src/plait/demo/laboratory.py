"""What the laboratory measured: variants in the genes of one of two panels, and RNA, each in the tumours of some patients.

The laboratory has numbers of its own for its patients (cases). Its two panels see different genes; what it found in a
gene that a panel is not said to see stands in its file all the same, as it does in real ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.demo.cohort import happens
from plait.demo.vocabulary import table

if TYPE_CHECKING:
    import random
    from datetime import date
    from pathlib import Path

    from plait.demo.cohort import Patient
    from plait.demo.illness import Course
    from plait.demo.tables import Records

PANELS = ("small", "large")
_LARGE_SINCE = 2019
_SEQUENCED, _EXPRESSED, _SEEN_ALL_THE_SAME = 0.6, 0.55, 0.3
"""How many patients have either assay, and how many variants off its panel an assay finds."""
_SITES = {"lung": "39607008", "breast": "76752008", "colon": "71854001", "prostate": "41216001"}
_MARKERS = {"GATA3": 0, "ESR1": 0, "PGR": 1, "ERBB2": 2}
"""Genes that follow a receptor of a breast cancer, by its place in `Course.receptors`."""
_DELIVERED = {"KMT2D": "MLL2", "ERBB2": "HER2"}
"""Genes that the RNA has by a previous symbol, and by an alias."""
NO_GENE = "LOC-UNKNOWN"
"""A column of the RNA that means no gene."""


@dataclass(slots=True)
class Expression:
    """RNA of the tumours: for each a case, a sample, the days on which it was taken and reported, a batch and its counts."""

    rows: list[tuple[str, str, date, date, str]] = field(default_factory=list)
    counts: list[list[int]] = field(default_factory=list)


def add_laboratory(records: Records, patient: Patient, course: Course, chance: random.Random, rna: Expression) -> str | None:
    """Write what the laboratory has of one patient, who may have either assay, both or none; give the sample, if there is one."""
    sequenced, expressed = happens(chance, _SEQUENCED), happens(chance, _EXPRESSED)
    if not (sequenced or expressed):
        return None
    case, sample = f"C{1000 + patient.number}", f"T{1000 + patient.number}"
    taken = patient.diagnosed - timedelta(days=9)
    records.add("links", {"person": str(patient.number), "system": "synthea", "identifier": patient.id})
    records.add("links", {"person": str(patient.number), "system": "lab-case", "identifier": case})
    records.add("samples", {"sample": sample, "case": case, "taken": taken.isoformat(), "site": _SITES[patient.cancer.name]})
    if sequenced:
        _sequence(records, patient, sample, taken + timedelta(days=chance.randrange(12, 25)), chance)
    if expressed:
        rna.rows.append((case, sample, taken, taken + timedelta(days=chance.randrange(20, 40)), f"batch {1 + patient.number % 3}"))
        rna.counts.append([_count(gene, patient, course, chance) for gene in table("genes")])
    return sample


def _sequence(records: Records, patient: Patient, sample: str, reported: date, chance: random.Random) -> None:
    """Sequence a sample with the panel of its time; the small one found some variants that it is not said to see."""
    panel = PANELS[patient.diagnosed.year >= _LARGE_SINCE]
    records.add("sequenced", {"sample": sample, "panel": panel, "reported": reported.isoformat()})
    sees = {gene["Approved symbol"] for gene in table("genes") if panel in gene["panels"].split()}
    found: set[str] = set()
    for variant in table("variants"):
        risk = int(variant[patient.cancer.name]) / 100 * (math.exp(0.5 * patient.severity) if variant["gene"] == "TP53" else 1)
        if happens(chance, risk) and variant["gene"] not in found and (variant["gene"] in sees or happens(chance, _SEEN_ALL_THE_SAME)):
            found.add(variant["gene"])
            depth, share = chance.randrange(180, 900), chance.uniform(0.08, 0.55)
            told = {name: variant[name] for name in ("gene", "chromosome", "position", "reference", "alternate", "hgvs_p", "variant_class")}
            records.add("variants", {"sample": sample, **told, "alt_depth": str(round(depth * share)), "ref_depth": str(depth - round(depth * share))})


def _count(gene: dict[str, str], patient: Patient, course: Course, chance: random.Random) -> int:
    """Draw the reads of a gene: its usual level, what the kind of cancer and the severity make of it, and noise."""
    name, role = gene["Approved symbol"], gene["role"]
    level = float(gene["level"]) + 0.5 * chance.gauss(0, 1)
    if role == patient.cancer.name:
        level += 6
    if role == "growth":
        level += 0.9 * patient.severity
    if role == "immune":
        level -= 0.4 * patient.severity
    if patient.cancer.name == "breast" and name in _MARKERS:
        level += 3 if course.receptors[_MARKERS[name]] else -2
    return max(0, round(2**level - 1))


def plant_in_laboratory(records: Records) -> dict[str, int]:
    """Plant a sample of a case that nobody links to a person, a sample that two cases claim, and a position that is none."""
    first, second = (dict(zip(records.headers["samples"], row, strict=True)) for row in records.rows["samples"][:2])
    records.add("samples", first | {"sample": "T9001", "case": "C9001"})
    records.add("samples", first | {"sample": "T9002"})
    records.add("samples", second | {"sample": "T9002"})
    records.rows["variants"][-1][records.at("variants", "position")] = "chr" + records.rows["variants"][-1][records.at("variants", "chromosome")]
    return {"unknown_person": 1, "claimed_twice": 2, "invalid_number": 1}


def write_genes(folder: Path) -> None:
    """Write the gene table, and the genes of each panel."""
    columns = ("ensembl_id", "Chromosome", "Approved symbol", "Previous symbols", "Alias symbols")
    lines = ["\t".join(columns), *("\t".join(gene[column] for column in columns) for gene in table("genes"))]
    (folder / "genes.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    (folder / "panels").mkdir(exist_ok=True)
    for panel in PANELS:
        genes = [gene["Approved symbol"] for gene in table("genes") if panel in gene["panels"].split()]
        (folder / "panels" / f"{panel}.txt").write_text("\n".join(genes) + "\n", encoding="utf-8", newline="")


def write_source(folder: Path) -> None:
    """Write how plait reads the laboratory's files, as a hospital writes it for its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in (files("plait.demo") / "lab").iterdir():
        if part.name.endswith((".sql", ".yaml")):
            (folder / part.name).write_text(part.read_text(encoding="utf-8"), encoding="utf-8", newline="")


def write_rna(rna: Expression, path: Path) -> None:
    """Write the RNA as AnnData; one value is missing, and one sample is of a case that nobody links to a person.

    Raises:
        ImportError: The packages of `plait[omics]` are not installed.
    """
    import anndata
    import numpy as np
    import pandas as pd

    genes = [_DELIVERED.get(gene["Approved symbol"], gene["Approved symbol"]) for gene in table("genes")] + [NO_GENE]
    counts = np.asarray([[*row, number % 7] for number, row in enumerate(rna.counts)], dtype=np.float32)
    counts[len(counts) // 2, 3] = np.nan
    cases, samples, taken, reported, batches = zip(*rna.rows, strict=True)
    obs = pd.DataFrame(
        {
            "case_id": [*cases[:-1], "C9003"],
            "sample_id": [*samples[:-1], "T9003"],
            "collected": [day.isoformat() for day in taken],
            "reported": [day.isoformat() for day in reported],
            "batch": batches,
        },
        index=[f"R{sample[1:]}" for sample in samples[:-1]] + ["R9003"],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    anndata.AnnData(counts, obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(path)
