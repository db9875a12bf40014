"""The demo study: a made-up cohort of cancer patients, their records, notes, molecular data and images, and faults to find.

Nobody in it exists. One latent severity per patient moves codes, laboratory values, the words of the notes
and survival, so that what reads several of them together has something to find.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plait.demo.billing import add_claims
from plait.demo.chart import Chart
from plait.demo.cohort import Patient, chance_of, make_cohort
from plait.demo.faults import plant
from plait.demo.fhir import PERSON_SYSTEM, write_fhir
from plait.demo.illness import add_illness
from plait.demo.laboratory import Expression, add_laboratory, plant_in_laboratory, write_genes, write_rna, write_source
from plait.demo.life import add_life_before, add_person, yearly_payers
from plait.demo.notes import add_notes
from plait.demo.pictures import Pictures, add_pictures, write_pictures
from plait.demo.providers import add_providers
from plait.demo.tables import Records
from plait.demo.vocabulary import write_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DemoFacts", "Patient", "make_cohort", "write_demo"]

Ehr = Literal["synthea", "fhir"]

FEWEST = 20
"""Patients that the faults need, so that each finds a record."""
_SETTINGS = """\
study: demo
vocabulary: data/athena
genes: data/genes.tsv
identity: data/links.csv # which of the laboratory's cases is whom
sources:
"""
_LAB_SETTINGS = """\
  - name: lab
    kind: ./sources/lab
    path: data/lab
    person_system: lab-case
    panels:
      - {name: small, genes: data/panels/small.txt}
      - {name: large, genes: data/panels/large.txt}
"""
_EHR_SETTINGS = {
    "synthea": """\
  - {name: ehr, kind: synthea, path: data/synthea}
  - {name: letters, kind: notes, path: data/notes, person_system: synthea}
""",
    "fhir": f"  - {{name: ehr, kind: fhir, path: data/fhir, person_system: {PERSON_SYSTEM}}}\n",
}
_RNA_SETTINGS = """\
  - name: rna
    kind: anndata
    path: data/rna.h5ad
    person_system: lab-case
    person: obs.case_id
    specimen: obs.sample_id
    known_time: obs.reported
    assay: tumours
    layer: counts
    genome_build: GRCh38
"""
_PICTURE_SETTINGS = """\
  - {name: pacs, kind: dicom, path: data/images/ct, person_system: pacs}
  - name: slides
    kind: wsi
    path: data/images/slides
    person_system: lab-case
    sheet: data/slides.csv
    sheet_key: file
    person: sheet.case
    specimen: sheet.block
"""
_NLP_SETTINGS = """\
nlp:
  extractors:
    - {kind: rules} # what stands in the notes, as NOTE_NLP
"""
_FEATURE_SETTINGS = """\
cohorts:
  - name: cancer # 45 days after the diagnosis, when the laboratory's reports are there
    index: {concepts: [SNOMED:254837009, SNOMED:254637007], after_days: 45}
    rules:
      - {alive: true}
      - {prior_observation_days: 365}
    outcomes:
      - {name: survival, kind: time_to_event, death: true}
      - {name: dead_5y, kind: binary, death: true, horizon_days: 1826}
features:
  - {view: notes, modality: text, encoder: {kind: hashing, dim: 256}, recipe: [zscore, {kind: pca, dim: 8}]}
  - {view: clinical, modality: covariates}
  - {view: events, modality: events, lookback_days: 730}
  - {view: variants, modality: omics, assay: lab.variants}
"""
_RNA_VIEW = """\
  - {view: rna, modality: omics, assay: rna.tumours, transform: log1p, recipe: [zscore, {kind: pca, dim: 8}]}
"""
_PICTURE_FEATURES = """\
  - {view: ct, modality: image, encoder: {kind: first-order, range: [-500, 3000]}} # HU: the body, without air and lung
  - {view: wsi, modality: slide, encoder: {kind: stain, mpp: 1.0, tile_pixels: 128}}
"""
_BEGUN = "study: demo # its files are being written\n"
"""What stands in `plait.yaml` until they are."""
_FOLDERS = {"slides": "data", "samples": "data/lab", "sequenced": "data/lab", "variants": "data/lab", "links": "data"}
"""Where each file stands that is not of the health records."""


@dataclass(frozen=True, slots=True)
class DemoFacts:
    """What was written.

    `records` counts CSV records by the file's stem, the faulty ones included (a record may span lines);
    `faults` counts the planted faults by the reason that a loader should give; `duplicates` are records that
    repeat another one exactly; `deaths` are patients with a date of death that can be true. `left_out` says what
    could not be written without which extra.
    """

    persons: int
    deaths: int
    records: dict[str, int]
    faults: dict[str, int]
    duplicates: int
    left_out: tuple[str, ...]


def write_demo(folder: Path, *, persons: int = 200, seed: int = 7, ehr: Ehr = "synthea", with_faults: bool = True) -> DemoFacts:
    """Write the demo study's raw data and, where there is none, its `plait.yaml`.

    The same `persons` and `seed` give the same bytes.

    Args:
        folder: The study's folder, made if it is not there; files of an earlier demo are overwritten.
        persons: Number of patients, at least `FEWEST`.
        seed: Seed of everything that is drawn.
        ehr: How the health records are written: `synthea`, the CSV files of a Synthea export with a folder of notes, or `fhir`, bulk data.
        with_faults: Plant faults. Those of health records are faults of CSV files: in FHIR there are none.

    Raises:
        ValueError: Fewer than `FEWEST` patients.
    """
    if persons < FEWEST:
        raise ValueError(f"expected at least {FEWEST} persons, got {persons}")
    records = Records()
    add_providers(records)
    cohort = make_cohort(persons, seed)
    rna, pictures = Expression(), Pictures()
    for patient in cohort:
        _add_patient(records, patient, seed, rna, pictures)
    faults, duplicates = plant(records, seed) if with_faults and ehr == "synthea" else (Counter(), 0)
    if with_faults:
        faults.update(plant_in_laboratory(records))
    counts = _write(records, folder, ehr)
    settings, features, left_out = [_SETTINGS, _EHR_SETTINGS[ehr], _LAB_SETTINGS], [_FEATURE_SETTINGS], []
    try:
        write_rna(rna, folder / "data/rna.h5ad")
        faults["unknown_person"] += 1
        settings.append(_RNA_SETTINGS)
        features.append(_RNA_VIEW)
    except ImportError:
        left_out.append("the RNA of the tumours, for want of plait[omics]")
    try:
        faults.update(write_pictures(pictures, folder / "data/images"))
        settings.append(_PICTURE_SETTINGS)
        features.append(_PICTURE_FEATURES)
    except ImportError:
        left_out.append("the CT and the slides, for want of plait[imaging]")
    if importlib.util.find_spec("ahocorasick") is not None:
        settings.append(_NLP_SETTINGS)
    else:
        left_out.append("what is read out of the notes, for want of plait[nlp]")
    if is_begun(folder):
        (folder / "plait.yaml").write_text("".join(settings + features), encoding="utf-8", newline="")
    deaths = sum(patient.died is not None for patient in cohort)
    return DemoFacts(persons=persons, deaths=deaths, records=counts, faults=dict(faults), duplicates=duplicates, left_out=tuple(left_out))


def is_begun(folder: Path) -> bool:
    """Tell whether a demo study in a folder was begun, and stopped before all its files were there."""
    file = folder / "plait.yaml"
    return file.is_file() and file.read_bytes() == _BEGUN.encode()


def _add_patient(records: Records, patient: Patient, seed: int, rna: Expression, pictures: Pictures) -> None:
    """Write everything about one patient."""
    payers = yearly_payers(patient, chance_of(seed, patient.number, "payers"))
    add_person(records, patient, chance_of(seed, patient.number, "address"), payers)
    chart = Chart(records, patient, chance_of(seed, patient.number, "chart"), payers)
    add_life_before(chart)
    course = add_illness(chart)
    chart.chance = chance_of(seed, patient.number, "claims")
    add_claims(chart)
    chart.chance = chance_of(seed, patient.number, "notes")
    add_notes(chart, course)
    sample = add_laboratory(records, patient, course, chance_of(seed, patient.number, "laboratory"), rna)
    add_pictures(records, patient, course, sample, chance_of(seed, patient.number, "pictures"), pictures)


def _write(records: Records, folder: Path, ehr: Ehr) -> dict[str, int]:
    """Write all files and give the number of records in each."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # as every study
    if not (folder / "plait.yaml").exists():
        (folder / "plait.yaml").write_text(_BEGUN, encoding="utf-8")
    (folder / "data/lab").mkdir(parents=True, exist_ok=True)
    counts = {}
    if ehr == "fhir":
        counts = write_fhir(records, folder / "data/fhir")
        system = records.at("links", "system")
        for row in records.rows["links"]:
            row[system] = row[system].replace("synthea", PERSON_SYSTEM)
    else:
        for needed in ("data/synthea", "data/notes/texts"):
            (folder / needed).mkdir(parents=True, exist_ok=True)
        counts = {file: records.write(file, folder / "data/synthea" / f"{file}.csv") for file in records.rows if file not in {*_FOLDERS, "notes"}}
        counts["notes"] = records.write("notes", folder / "data/notes/notes.csv")
        for name, text in records.texts.items():
            (folder / "data/notes/texts" / name).write_text(text, encoding="utf-8", newline="")
    for file, place in _FOLDERS.items():
        counts[file] = records.write(file, folder / place / f"{file}.csv")
    write_vocabulary(folder / "data/athena")
    write_genes(folder / "data")
    write_source(folder / "sources/lab")
    return counts
