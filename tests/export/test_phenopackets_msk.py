"""Phenopackets of breast_msk_2018, a study of cBioPortal: every mutation, every stage, every sample of its files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import Parse
from phenopackets import Phenopacket

import plait
from plait.export.deidentify.key import ExportKey
from plait.export.phenopackets.terms import rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.phenopackets.export import Packets

pytestmark = pytest.mark.long

SETTINGS = """
study: msk
vocabulary: {vocabulary}
genes: {genes}
sources:
  - name: msk
    kind: cbioportal
    path: {raw}
    person_system: msk
    anchor: birth
    columns:
      DIAGNOSIS_MONTHS: INVASIVE_CARCINOMA_DX_TIME
      DIAGNOSIS_AGE: INVASIVE_CARCINOMA_DX_AGE
      COLLECTION_MONTHS: NGS_SAMPLE_COLLECTION_TIME
      DEATH_MONTHS: TIME_TO_DEATH_MONTHS
      LAST_CONTACT_DAYS: LAST_CONTACT_DAYS_TO
      METASTASIS_MONTHS: METASTATIC_RECURRENCE_TIME_MONTHS
policy: {{min_cell: 1}}
validation: {{rules: [{{checks: "isForeignKey.*", severity: warning}}]}} # the vocabulary at hand is a small one
"""


def lines_of(file: Path) -> list[dict[str, str]]:
    header, *rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def raw(shared: Path) -> Path:
    return shared / "data" / "cbioportal" / "breast_msk_2018"


@pytest.fixture(scope="module")
def study(shared: Path, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    folder = tmp_path_factory.mktemp("msk")
    data = shared / "data"
    said = SETTINGS.format(vocabulary=data / "vocabulary/merged", genes=data / "genes/ensembl100_GRCh38.tsv.gz", raw=raw)
    (folder / "plait.yaml").write_text(said, encoding="utf-8")
    plait.open(folder).run_etl()
    return plait.open(folder)


@pytest.fixture(scope="module")
def done(study: plait.Study, tmp_path_factory: pytest.TempPathFactory) -> Packets:
    return study.export_phenopackets(tmp_path_factory.mktemp("out") / "packets", row_level=True, key="msk")


@pytest.fixture(scope="module")
def packets(done: Packets, study: plait.Study) -> dict[str, Any]:
    """Give the packets by the patients that they are of."""
    con = study.connect()
    ExportKey.kept(study.path, "msk").make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    who = con.execute("SELECT s.new_id, p.person_source_value FROM pseudonym AS s JOIN cdm.person AS p USING (person_id)").fetchall()
    return {name: Parse((done.path / "phenopackets" / f"{new_id}.json").read_text(encoding="utf-8"), Phenopacket()) for new_id, name in who}


def test_every_mutation_and_every_fusion_is_told(packets: dict[str, Any], raw: Path) -> None:
    different = {tuple(row.items()): row for row in lines_of(raw / "data_mutations_extended.txt")}.values()  # exact copies once
    assert len(lines_of(raw / "data_mutations_extended.txt")) == 9314
    wanted = Counter((row["Tumor_Sample_Barcode"][:9], row["HGVSc"], row["Reference_Allele"]) for row in different if row["HGVSc"])
    got: Counter[tuple[str, str, str | None]] = Counter()
    mutations = fusions = 0
    for name, packet in packets.items():
        for interpretation in packet.interpretations:
            for one in interpretation.diagnosis.genomic_interpretations:
                variant = one.variant_interpretation.variation_descriptor
                if variant.structural_type.id:
                    fusions += 1
                    continue
                mutations += 1
                expressions = {expression.syntax: expression.value for expression in variant.expressions}
                if "hgvs.c" in expressions:
                    got[name, expressions["hgvs.c"], None] += 1
                assert expressions["hgvs.g"].startswith("NC_0000")
    assert mutations == len(different)
    assert fusions == 543
    assert got == Counter({(name, change, None): rows for (name, change), rows in Counter((name, change) for name, change, _ in wanted.elements()).items()})


def test_stages_are_those_of_the_files(packets: dict[str, Any], raw: Path) -> None:
    known = {row["text"]: row["label"] for row in rows_of("terms") if row["kind"] in {"tnm", "stage"}}
    told = 0
    stages = {row["PATIENT_ID"]: row for row in lines_of(raw / "data_clinical_sample.txt")}
    for row in (stages[row["PATIENT_ID"]] | row for row in lines_of(raw / "data_clinical_patient.txt")):
        (*diseases,) = (disease for disease in packets[row["PATIENT_ID"]].diseases if disease.clinical_tnm_finding or disease.disease_stage)
        labels = {term.label for disease in diseases for term in (*disease.clinical_tnm_finding, *disease.disease_stage)}
        for column in ("T_STAGE", "N_STAGE", "M_STAGE", "STAGE_AT_DIAGNOSIS"):
            label = known.get(row[column].partition("(")[0].strip().upper())
            if label and diseases:
                assert label in labels, (column, row[column])
                told += 1
    assert told > 6500


def test_every_sample_is_a_biosample_with_its_histology(packets: dict[str, Any], raw: Path) -> None:
    samples = lines_of(raw / "data_clinical_sample.txt")
    assert sum(len(packet.biosamples) for packet in packets.values()) == len(samples) == 1918
    codes: dict[str, set[str]] = {}
    for row in samples:
        codes.setdefault(row["PATIENT_ID"], set()).add(row["ONCOTREE_CODE"])
    told = 0
    for name, packet in packets.items():
        for sample in packet.biosamples:
            if sample.histological_diagnosis.id:
                assert {sample.histological_diagnosis.id} == {f"ONCOTREE:{code}" for code in codes[name]}
                told += 1
    assert told > 1850


def test_survival_is_from_the_diagnosis_to_death(packets: dict[str, Any], raw: Path) -> None:
    patients = {row["PATIENT_ID"]: row for row in lines_of(raw / "data_clinical_patient.txt")}
    first = {row["PATIENT_ID"]: float(row["INVASIVE_CARCINOMA_DX_TIME"]) for row in lines_of(raw / "data_clinical_sample.txt")}
    dead = 0
    for name, packet in packets.items():
        status, months = packet.subject.vital_status, patients[name]["TIME_TO_DEATH_MONTHS"]
        assert (status.status == 2) == bool(months)
        if months and status.survival_time_in_days:
            assert abs(status.survival_time_in_days - (float(months) - first[name]) * 30.4375) <= 1.01
            dead += 1
    assert dead > 350


def test_rows_are_accounted_for(done: Packets, study: plait.Study) -> None:
    counted: Counter[str] = Counter()
    for table, _, _, rows in done.rows:
        counted[table] += rows
    con = study.connect()
    for table in ("condition_occurrence", "measurement", "observation", "specimen", "episode", "omics_variant", "death"):
        assert (counted[table],) == con.execute(f'SELECT count(*) FROM cdm."{table}"').fetchone()  # noqa: S608 - a table of the CDM
