"""The demo study is what it says: the same bytes for the same seed, Synthea's layout, its own counts, real concepts."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import correlation, fmean
from typing import TYPE_CHECKING

import anndata
import duckdb
import numpy as np
import pytest

from plait.demo import DemoFacts, make_cohort, write_demo
from plait.demo.faults import IMPOSSIBLE, LOCAL_COLUMN, NOBODY
from plait.demo.notes import TYPES
from plait.demo.vocabulary import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PERSON_COLUMNS = {"claims": "PATIENTID", "claims_transactions": "PATIENTID", "notes": "person", "patients": "Id"}
TIMES = ("START", "STOP", "DATE", "SERVICEDATE", "FROMDATE", "TODATE", "START_DATE", "END_DATE", "datetime")
VOCABULARIES = {"medications": "RxNorm", "immunizations": "CVX", "observations": "LOINC"}
REASONS = {
    "unknown_person",
    "invalid_time",
    "missing_value",
    "field_count",
    "nul_byte",
    "duplicate_key",
    "death_before_birth",
    "invalid_number",
    "claimed_twice",
    "truncated_dicom",
    "truncated_slide",
    "not_dicom",
}
LABORATORY = {"samples", "sequenced", "variants", "links", "slides"}


@dataclass(frozen=True)
class Demo:
    """A written demo, and its files as the csv module reads them."""

    folder: Path
    facts: DemoFacts

    @property
    def files(self) -> dict[str, Path]:
        paths = [path for part in ("synthea", "notes", "lab") for path in (self.folder / "data" / part).glob("*.csv")] + [
            self.folder / f"data/{name}.csv" for name in ("links", "slides")
        ]
        return {path.stem: path for path in sorted(paths)}

    def header(self, file: str) -> list[str]:
        return next(self._lines(file))

    def records(self, file: str) -> list[list[str]]:
        return list(self._lines(file))[1:]

    def rows(self, file: str) -> Iterator[dict[str, str]]:
        """Give the records with as many fields as there are columns."""
        header = self.header(file)
        return (dict(zip(header, record, strict=True)) for record in self.records(file) if len(record) == len(header))

    @property
    def rna(self) -> anndata.AnnData:
        return anndata.read_h5ad(self.folder / "data/rna.h5ad")

    def _lines(self, file: str) -> Iterator[list[str]]:
        return csv.reader(io.StringIO(self.files[file].read_text(encoding="utf-8"), newline=""))

    def athena(self, name: str) -> list[dict[str, str]]:
        """Give a file of the vocabulary, read as Athena's are: tabs, no quotes."""
        with (self.folder / f"data/athena/{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    return Demo(folder, write_demo(folder))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float:
    def ranks(values: list[float]) -> list[float]:
        order = sorted(values)
        return [float(order.index(value)) for value in values]

    return correlation(ranks([first for first, _ in pairs]), ranks([second for _, second in pairs]))


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    facts = [write_demo(tmp_path / name, persons=30, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))]
    assert facts[0] == facts[1]
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_a_patient_is_the_same_in_a_larger_cohort() -> None:
    assert make_cohort(50, seed=1)[:20] == make_cohort(20, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_demo_has_every_fault(tmp_path: Path, seed: int) -> None:
    assert set(write_demo(tmp_path, persons=20, seed=seed).faults) == REASONS


def test_too_few_persons_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 20"):
        write_demo(tmp_path, persons=19)
    assert not list(tmp_path.iterdir())


def test_settings_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "plait.yaml").write_text("study: mine\n")
    write_demo(tmp_path, persons=20)
    assert (tmp_path / "plait.yaml").read_text() == "study: mine\n"


def test_headers_are_syntheas(demo: Demo, shared: Path) -> None:
    newer, older = (shared / "data/synthea" / name / "raw" for name in ("tutorial-109", "dbt-27"))
    theirs = {path.stem: path for folder in (older, newer) for path in folder.glob("*.csv")}
    assert len(theirs) == 18
    for name, path in theirs.items():
        with path.open(encoding="utf-8-sig", newline="") as stream:
            expected = next(csv.reader(stream))
        assert demo.header(name) == [*expected, LOCAL_COLUMN] if name == "observations" else expected, name
    assert demo.files.keys() - theirs.keys() == {"notes", "questionnaires", *LABORATORY}


def test_records_are_counted_as_csv_counts_them(demo: Demo) -> None:
    assert demo.facts.records == {name: len(demo.records(name)) for name in demo.files}
    assert demo.facts.persons == 200 == len({row["Id"] for row in demo.rows("patients")})
    with demo.files["conditions"].open(encoding="utf-8") as stream:
        assert sum(1 for _ in stream) == 1 + demo.facts.records["conditions"] + 1  # a header, and a newline in quotes


@pytest.mark.long
def test_faults_are_there_as_often_as_they_are_counted(demo: Demo) -> None:
    found: Counter[str] = Counter()
    known = {row["Id"] for row in demo.rows("patients")}
    for name in demo.files.keys() - {"organizations", "providers", "payers", "questionnaires", *LABORATORY}:
        width, column = len(demo.header(name)), PERSON_COLUMNS.get(name, "PATIENT")
        found["field_count"] += sum(len(record) != width for record in demo.records(name))
        found["nul_byte"] += sum("\x00" in field for record in demo.records(name) for field in record)
        for row in demo.rows(name):
            found["unknown_person"] += row[column] not in {*known, ""}
            found["missing_value"] += not row[column] or (name == "conditions" and not row["START"])
            found["invalid_time"] += IMPOSSIBLE in row.values()
            found["invalid_number"] += name == "claims_transactions" and not re.fullmatch(r"(\d+\.\d\d)?", row["AMOUNT"])
    for name in ("patients", "encounters"):
        records = demo.records(name)
        found["duplicate_key"] += len(records) - len({record[0] for record in records})
    found["death_before_birth"] = sum(bool(row["DEATHDATE"]) and row["DEATHDATE"] < row["BIRTHDATE"] for row in demo.rows("patients"))
    cases = {row["identifier"] for row in demo.rows("links") if row["system"] == "lab-case"}
    claims = {sample: {row["case"] for row in demo.rows("samples") if row["sample"] == sample} for sample in {row["sample"] for row in demo.rows("samples")}}
    found["unknown_person"] += sum(row["case"] not in cases for row in demo.rows("samples")) + sum(case not in cases for case in demo.rna.obs["case_id"])
    found["claimed_twice"] = sum(len(cases) for cases in claims.values() if len(cases) > 1)
    found["invalid_number"] += sum(not row["position"].isdigit() for row in demo.rows("variants"))
    found |= Counter(truncated_dicom=1, truncated_slide=1, not_dicom=1)  # what the tests of images see
    assert found == demo.facts.faults
    assert demo.facts.faults.keys() == REASONS
    repeated = sum(len(records) - len(set(records)) for name in demo.files for records in [[tuple(record) for record in demo.records(name)]])
    assert repeated == demo.facts.duplicates


def test_oddities_that_are_legal_are_there(demo: Demo) -> None:
    words = [row["DESCRIPTION"] for row in demo.rows("conditions")]
    assert sum("\n" in word for word in words) == 1
    assert sum("," in word for word in words) == 1
    observations = list(demo.rows("observations"))
    assert {"QOLS", "DALY"} <= {row["CODE"] for row in observations}
    assert "[Not Available]" in {row["VALUE"] for row in observations}
    assert {row[LOCAL_COLUMN] for row in observations} == {"", "Y"}


def test_every_code_is_in_the_vocabulary_or_declared_to_be_left_out(demo: Demo) -> None:
    concepts = {(row["vocabulary_id"], row["concept_code"]) for row in demo.athena("CONCEPT")}
    left_out = {(row["vocabulary_id"], row["concept_code"]) for row in table("unmapped")}
    used = {("LOINC", code) for code in TYPES.values()}
    for name in ("encounters", "conditions", "medications", "immunizations", "procedures", "observations", "allergies", "careplans", "devices", "supplies"):
        for row in demo.rows(name):
            vocabulary = VOCABULARIES.get(name) or ("ICD10CM" if row.get("SYSTEM") == "ICD10" else "SNOMED")
            used.add(("HCPCS" if row["CODE"] == "G0101" else vocabulary, row["CODE"]))
            used |= {("SNOMED", row[column]) for column in ("REACTION1", "REASONCODE") if row.get(column) and row[column][0] not in "KRZ"}
            used |= {("UCUM", row["UNITS"])} if row.get("UNITS") else set()
    used |= {("SNOMED", row[column]) for row in demo.rows("imaging_studies") for column in ("PROCEDURE_CODE", "BODYSITE_CODE")}
    assert used <= concepts | left_out
    assert left_out <= used
    assert len(used - left_out) > 150


def test_vocabulary_is_closed(demo: Demo) -> None:
    concepts = {row["concept_id"]: row for row in demo.athena("CONCEPT")}
    relationships = demo.athena("CONCEPT_RELATIONSHIP")
    assert {row[column] for row in relationships for column in ("concept_id_1", "concept_id_2")} <= concepts.keys()
    targets: dict[str, list[str]] = defaultdict(list)
    for row in relationships:
        if row["relationship_id"] == "Maps to":
            targets[row["concept_id_1"]].append(row["concept_id_2"])
    assert all(concepts[target]["standard_concept"] == "S" for found in targets.values() for target in found)
    assert all(targets[concept] == [concept] for concept, row in concepts.items() if row["standard_concept"] == "S")
    assert max(len(found) for found in targets.values()) == 2
    assert {row["relationship_id"] for row in relationships} == {row["relationship_id"] for row in demo.athena("RELATIONSHIP")}
    for name, column in (("DOMAIN", "domain_id"), ("CONCEPT_CLASS", "concept_class_id"), ("VOCABULARY", "vocabulary_id")):
        assert {row[column] for row in demo.athena(name)} == {row[column] for row in concepts.values()}
    for name in ("CONCEPT_ANCESTOR", "DRUG_STRENGTH", "CONCEPT_SYNONYM"):
        columns = [column for column in demo.athena(name)[0] if column.endswith("_concept_id") and not column.startswith("language")]
        assert {row[column] for row in demo.athena(name) for column in columns} - {""} <= concepts.keys()
    assert [row["vocabulary_version"] for row in demo.athena("VOCABULARY") if row["vocabulary_id"] == "None"] == ["plait demo v1"]


NOT_AT_HAND = {
    32678,  # UTF-8: OMOP CDM v5.4, NOTE.encoding_concept_id
    4180186,  # English language: OMOP CDM v5.4, NOTE.language_concept_id, a descendant of 4182347
    32810,  # Claim, and
    32831,  # EHR note: the type concepts of 2020, numbered in a row with those that are at hand
    5083,  # Telehealth, and
    581476,  # Home Visit, and
    8546,  # Hospice, and
    8782,  # Urgent Care Facility, and
    8863,  # Skilled Nursing Facility: as ETL-Synthea maps the classes of encounters
}
"""Concepts that rows of the demo point at and that none of these vocabularies holds."""


def test_concepts_are_as_in_public_vocabularies(shared: Path) -> None:
    scans = [f"read_csv('{shared}/data/vocabulary/{name}/CONCEPT.csv', all_varchar = true)" for name in ("merged", "tutorial-2025")]
    scans += [f"read_parquet('{shared}/oracles/{name}/cdm/concept.parquet')" for name in ("gibleed", "omoplite1130", "synthea27nj")]
    columns = "CAST(concept_id AS BIGINT), vocabulary_id, concept_code, domain_id"
    union = " UNION ".join(f"SELECT {columns} FROM {scan}" for scan in scans)  # noqa: S608
    theirs = set(duckdb.sql(union).fetchall())
    ours = {(int(row["concept_id"]), row["vocabulary_id"], row["concept_code"], row["domain_id"]) for row in table("concepts")}
    assert {concept for concept, *_ in ours - theirs} == NOT_AT_HAND


def test_relationships_are_as_in_public_vocabularies(shared: Path) -> None:
    scans = [f"read_csv('{shared}/data/vocabulary/{name}/CONCEPT_RELATIONSHIP.csv', all_varchar = true)" for name in ("merged", "tutorial-2025")]
    theirs = set(duckdb.sql(" UNION ".join(f"SELECT concept_id_1, concept_id_2, relationship_id FROM {scan}" for scan in scans)).fetchall())  # noqa: S608
    ours = {tuple(row.values()) for row in table("relationships")}
    assert {relationship for _, _, relationship in ours - theirs} == {"Maps to value"}


def lives(demo: Demo) -> dict[str, tuple[datetime, datetime]]:
    """Give the birth and the last day of everybody, by the cohort: the files' faults do not matter."""
    end = datetime(2024, 12, 31) + timedelta(days=1)  # noqa: DTZ001 - Synthea's times are taken as local
    cohort = make_cohort(demo.facts.persons)
    midnight = datetime.min.time()
    return {who.id: (datetime.combine(who.born, midnight), datetime.combine(who.died, midnight) + timedelta(days=1) if who.died else end) for who in cohort}


def test_times_lie_inside_lives(demo: Demo) -> None:
    spans, wrong = lives(demo), []
    for name in demo.files.keys() - {"patients", "questionnaires"}:
        times = [column for column in demo.header(name) if column in TIMES]
        for row in demo.rows(name):
            found = [datetime.fromisoformat(row[column].removesuffix("Z")) for column in times if row[column] not in {"", IMPOSSIBLE}]
            born, until = spans.get(row.get(PERSON_COLUMNS.get(name, "PATIENT"), ""), (datetime.min, datetime.max))  # noqa: DTZ901
            if not all(born <= time <= until for time in found) or (
                "STOP" in times and row["STOP"] and IMPOSSIBLE not in row.values() and row["STOP"] < row["START"]
            ):
                wrong.append((name, row))
    assert not wrong


def test_references_lead_somewhere(demo: Demo) -> None:
    keys = {name: {row["Id"] for row in demo.rows(name)} for name in ("patients", "encounters", "organizations", "providers", "payers", "claims")}
    places = {"ENCOUNTER": "encounters", "visit": "encounters", "APPOINTMENTID": "encounters", "ORGANIZATION": "organizations", "PROVIDER": "providers"}
    places |= {"provider": "providers", "PAYER": "payers", "CLAIMID": "claims", "PATIENT": "patients", "PATIENTID": "patients", "person": "patients"}
    dangling = Counter[str]()
    for name in demo.files.keys() - LABORATORY:
        for row in demo.rows(name):
            dangling.update(row[column] for column, target in places.items() if row.get(column) and row[column] not in keys[target])
    assert dangling == {NOBODY: 3}
    texts = {f"texts/{path.name}" for path in (demo.folder / "data/notes/texts").iterdir()}
    assert {row["file"] for row in demo.rows("notes")} == texts


def test_bills_add_up(demo: Demo) -> None:
    left: Counter[tuple[str, str]] = Counter()
    for row in demo.rows("claims_transactions"):
        if row["TYPE"] == "CHARGE" and row["UNITAMOUNT"]:
            left[row["CLAIMID"], row["PROCEDURECODE"]] += round(100 * float(row["UNITAMOUNT"]))
        if row["TYPE"] == "PAYMENT":
            left[row["CLAIMID"], row["PROCEDURECODE"]] -= round(100 * float(row["PAYMENTS"]))
    assert not any(left.values())


def test_severity_shows_in_survival_labs_visits_and_words(demo: Demo) -> None:
    cohort = make_cohort(demo.facts.persons)
    severity = {who.id: who.severity for who in cohort}
    diagnosed = {who.id: who.diagnosed.isoformat() for who in cohort}
    dead = [(who.severity, float((who.died - who.diagnosed).days)) for who in cohort if who.died]
    assert len(dead) == demo.facts.deaths
    assert 0.3 * len(cohort) < len(dead) < 0.7 * len(cohort)
    assert rank_correlation(dead) < -0.3
    assert fmean(value for value, _ in dead) > fmean(who.severity for who in cohort if not who.died) + 0.4
    assert rank_correlation([(who.severity, float(who.stage)) for who in cohort]) > 0.6
    labs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in demo.rows("observations"):
        if row["CODE"] in {"1751-7", "718-7", "2532-0"} and row["PATIENT"] in severity and row["DATE"] >= diagnosed[row["PATIENT"]]:
            labs[row["CODE"], row["PATIENT"]].append(float(row["VALUE"]))
    for code, least, most in (("1751-7", -1, -0.5), ("718-7", -1, -0.3), ("2532-0", 0.5, 1)):
        pairs = [(severity[person], fmean(values)) for (lab, person), values in labs.items() if lab == code]
        assert least <= rank_correlation(pairs) <= most
    frail = {
        row["person"]
        for row in demo.rows("notes")
        if re.search("frail|marked weight loss|at rest", (demo.folder / "data/notes" / row["file"]).read_text(encoding="utf-8"))
    }
    assert fmean(severity[person] for person in frail) > 0.5


def test_notes_are_varied_text_of_most_patients(demo: Demo) -> None:
    texts = [path.read_bytes().decode("utf-8") for path in (demo.folder / "data/notes/texts").iterdir()]
    everything = "\n".join(texts)
    for word in ("No evidence of", "FAMILY HISTORY", "ECOG", "HER2 ", "grade 3", "stage IV", "°C", "µL"):
        assert word in everything
    assert len(set(texts)) == len(texts)
    noted = Counter(row["person"] for row in demo.rows("notes"))
    assert 0.8 * demo.facts.persons < len(noted) < demo.facts.persons
    assert 2 <= fmean(noted.values()) <= 3.5


def test_stays_touch(demo: Demo) -> None:
    ends = {(row["PATIENT"], row["STOP"]): row["ENCOUNTERCLASS"] for row in demo.rows("encounters")}
    joined = Counter(ends.get((row["PATIENT"], row["START"])) for row in demo.rows("encounters") if row["ENCOUNTERCLASS"] == "inpatient")
    assert joined["emergency"] > 20
    assert joined["inpatient"] > 5


def test_the_laboratory_has_other_patients_for_each_assay(demo: Demo) -> None:
    sequenced = {row["sample"] for row in demo.rows("sequenced")}
    expressed = set(demo.rna.obs["sample_id"])
    assert min(len(sequenced & expressed), len(sequenced - expressed), len(expressed - sequenced)) > 20
    assert len(sequenced | expressed) < demo.facts.persons
    assert {row["panel"] for row in demo.rows("sequenced")} == {"small", "large"}


def test_some_variants_are_off_their_panel(demo: Demo) -> None:
    panels = {panel: set((demo.folder / f"data/panels/{panel}.txt").read_text().split()) for panel in ("small", "large")}
    panel_of = {row["sample"]: row["panel"] for row in demo.rows("sequenced")}
    off = [row["gene"] for row in demo.rows("variants") if row["gene"] not in panels[panel_of[row["sample"]]]]
    assert panels["small"] < panels["large"]
    assert 0 < len(off) < 0.2 * demo.facts.records["variants"]


def test_severity_and_the_kind_of_cancer_show_in_the_rna(demo: Demo) -> None:
    cohort = {f"C{1000 + who.number}": who for who in make_cohort(demo.facts.persons)}
    rna = demo.rna[demo.rna.obs["case_id"].isin(cohort.keys()).to_numpy()]
    who = [cohort[case] for case in rna.obs["case_id"]]
    growth = np.log2(1 + np.asarray(rna[:, ["MKI67", "TOP2A", "CCNB1"]].X)).mean(axis=1)
    assert rank_correlation([(patient.severity, float(level)) for patient, level in zip(who, growth, strict=True)]) > 0.7
    prostate = np.asarray(rna[:, "KLK3"].X).ravel()
    kinds = np.asarray([patient.cancer.name for patient in who])
    assert np.median(prostate[kinds == "prostate"]) > 10 * np.median(prostate[kinds != "prostate"])
    assert int(np.isnan(np.asarray(rna.X)).sum()) == 1


def test_without_the_extra_the_rna_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo: Demo) -> None:
    for module in ("anndata", "pydicom", "tifffile"):
        monkeypatch.setitem(sys.modules, module, None)
    facts = write_demo(tmp_path / "core")
    assert facts.left_out == ("the RNA of the tumours, for want of plait[omics]", "the CT and the slides, for want of plait[imaging]")
    assert facts.records == demo.facts.records
    settings = (tmp_path / "core/plait.yaml").read_text(encoding="utf-8")
    assert "rna" not in settings
    assert "images" not in settings
    assert not (tmp_path / "core/data/rna.h5ad").exists()
    assert not (tmp_path / "core/data/images").exists()
