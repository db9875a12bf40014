"""`plait export phenopackets`: what the schema's own package reads is what the CDM says, under new ids and shifted times."""

# ruff: noqa: S608 - statements of the test's own
from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from google.protobuf.json_format import MessageToDict, Parse
from phenopackets import Phenopacket

import plait
from plait.demo.vocabulary import write_vocabulary
from plait.duck import sql
from plait.export.deidentify.key import ExportKey
from plait.export.phenopackets.terms import rows_of
from tiny_cbioportal import DATA, SOURCE, with_timelines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plait.export.phenopackets.export import Packets
    from shell import Result

KEY = "packets"


@pytest.fixture(scope="module")
def study(few: Path) -> plait.Study:
    return plait.open(few)


@pytest.fixture(scope="module")
def done(study: plait.Study, tmp_path_factory: pytest.TempPathFactory) -> Packets:
    return study.export_phenopackets(tmp_path_factory.mktemp("out") / "packets", row_level=True, key=KEY)


@pytest.fixture(scope="module")
def packets(done: Packets) -> dict[int, Any]:
    """Give the packets by new id, as the package reads them."""
    return {int(file.stem): Parse(file.read_text(encoding="utf-8"), Phenopacket()) for file in (done.path / "phenopackets").iterdir()}


@pytest.fixture(scope="module")
def con(study: plait.Study) -> duckdb.DuckDBPyConnection:
    """Give the study with who is who in `pseudonym`."""
    con = study.connect()
    ExportKey.kept(study.path, KEY).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    return con


def by_person(con: duckdb.DuckDBPyConnection, query: str) -> dict[int, list[Any]]:
    """Give the rows of a query by its first column."""
    found: dict[int, list[Any]] = defaultdict(list)
    for person, *row in con.execute(query).fetchall():
        found[person].append(tuple(row))
    return found


def stamp(element: Any) -> str:  # noqa: ANN401 - a message
    return str(element.timestamp.ToDatetime())


def test_each_person_is_one_packet_that_reads_back_whole(done: Packets, packets: dict[int, Any]) -> None:
    assert sorted(packets) == list(range(1, 21))
    assert done.persons == 20
    for person, packet in packets.items():
        assert packet.id == packet.subject.id == str(person)
        assert packet.meta_data.phenopacket_schema_version == "2.0"
        assert Parse(json.dumps(MessageToDict(packet)), Phenopacket()) == packet
        assert len({sample.id for sample in packet.biosamples}) == len(packet.biosamples)


def test_every_row_has_one_place_or_one_reason(done: Packets, con: duckdb.DuckDBPyConnection) -> None:
    counted: Counter[str] = Counter()
    for table, place, reason, rows in done.rows:
        assert (place is None) != (reason is None), (table, place, reason)
        counted[table] += rows
    tables = [
        row[0] for row in con.execute("SELECT table_name FROM information_schema.columns WHERE table_schema = 'cdm' AND column_name = 'person_id'").fetchall()
    ]
    for table in (*tables, "note_nlp", "cost", "episode_event"):
        (rows,) = con.execute(f'SELECT count(*) FROM cdm."{table}"').fetchone() or (0,)
        assert counted[table] == rows, table
    lines = (done.path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(done.rows) + 1


def test_what_is_counted_as_told_is_told(done: Packets, packets: dict[int, Any]) -> None:
    told: Counter[str] = Counter()
    for table, place, _, rows in done.rows:
        if place is not None:
            told[f"{table}/{place}" if table in {"condition_occurrence", "note_nlp"} else place] += rows
    everyone = list(packets.values())
    actions = [action for packet in everyone for action in packet.medical_actions]
    assert told["measurements"] == sum(len(packet.measurements) for packet in everyone) > 1000
    assert told["biosamples"] == sum(len(packet.biosamples) for packet in everyone) > 10
    assert told["medicalActions.procedure"] == sum(action.HasField("procedure") for action in actions) > 100
    assert told["medicalActions.treatment"] == sum(len(action.treatment.dose_intervals) for action in actions) > 100
    diagnoses = [one.diagnosis for packet in everyone for one in packet.interpretations]
    assert told["interpretations"] == sum(len(diagnosis.genomic_interpretations) for diagnosis in diagnoses) > 5
    assert told["subject.vitalStatus"] == sum(packet.subject.vital_status.status == 2 for packet in everyone) > 0
    assert told["note_nlp/phenotypicFeatures"] >= sum(feature.excluded for packet in everyone for feature in packet.phenotypic_features) > 0


def test_measurements_are_those_of_the_cdm(packets: dict[int, Any], con: duckdb.DuckDBPyConnection) -> None:
    wanted = by_person(
        con,
        "SELECT s.new_id, 'LOINC:' || c.concept_code, CAST(m.measurement_datetime + to_days(s.shift_days) AS VARCHAR), m.value_as_number, "
        "'UCUM:' || u.concept_code FROM cdm.measurement AS m JOIN pseudonym AS s USING (person_id) "
        "JOIN cdm.concept AS c ON c.concept_id = m.measurement_concept_id JOIN cdm.concept AS u ON u.concept_id = m.unit_concept_id "
        "WHERE c.vocabulary_id = 'LOINC' AND u.concept_id <> 0 AND m.value_as_number IS NOT NULL",
    )
    assert sum(map(len, wanted.values())) > 1000
    for person, packet in packets.items():
        got = [
            (one.assay.id, stamp(one.time_observed), one.value.quantity.value, one.value.quantity.unit.id)
            for one in packet.measurements
            if one.value.quantity.unit.id.startswith("UCUM:")
        ]
        assert sorted(got) == sorted(wanted[person])


def test_a_disease_begins_with_its_first_record(packets: dict[int, Any], con: duckdb.DuckDBPyConnection) -> None:
    wanted = by_person(
        con,
        "SELECT s.new_id, 'SNOMEDCT:' || c.concept_code, "
        "CAST(min(coalesce(o.condition_start_datetime, o.condition_start_date)) + to_days(any_value(s.shift_days)) AS VARCHAR) "
        "FROM cdm.condition_occurrence AS o JOIN pseudonym AS s USING (person_id) JOIN cdm.concept AS c ON c.concept_id = o.condition_concept_id "
        "WHERE c.vocabulary_id = 'SNOMED' AND c.concept_class_id = 'Disorder' GROUP BY s.new_id, c.concept_code",
    )
    for person, packet in packets.items():
        got = [(one.term.id, stamp(one.onset)) for one in packet.diseases if one.term.id.startswith("SNOMEDCT:")]
        assert sorted(got) == sorted(wanted[person])


def test_stages_and_tnm_are_of_the_cancer(packets: dict[int, Any], con: duckdb.DuckDBPyConnection) -> None:
    codes = {"21905-5", "21906-3", "21907-1"}
    wanted = by_person(
        con,
        "SELECT DISTINCT s.new_id, c.concept_code, m.value_source_value FROM cdm.measurement AS m JOIN pseudonym AS s USING (person_id) "
        "JOIN cdm.concept AS c ON c.concept_id = m.measurement_concept_id WHERE c.concept_code IN ('21905-5', '21906-3', '21907-1', '21908-9')",
    )
    assert wanted
    told = 0
    for person, packet in packets.items():
        cancers = [disease for disease in packet.diseases if disease.clinical_tnm_finding]
        assert len(cancers) <= 1
        told += len(cancers)
        measured = {one.value.ontology_class.label for one in packet.measurements if one.assay.id.removeprefix("LOINC:") in {*codes, "21908-9"}}
        got = {term.label for disease in cancers for term in (*disease.clinical_tnm_finding, *disease.disease_stage)} | measured
        assert got == {f"{value} Stage Finding" if code in codes else value for code, value in wanted[person]}
        assert not (cancers and measured)
    assert told > 5


def test_variants_are_described_as_the_laboratory_found_them(packets: dict[int, Any], con: duckdb.DuckDBPyConnection) -> None:
    wanted = by_person(
        con,
        "SELECT s.new_id, gene_symbol, hgvs_p, genome_build, chromosome, start_position, reference_allele, alternate_allele, round(variant_allele_fraction, 6) "
        "FROM cdm.omics_variant AS v JOIN pseudonym AS s USING (person_id)",
    )
    for person, packet in packets.items():
        got = []
        for interpretation in (one for whole in packet.interpretations for one in whole.diagnosis.genomic_interpretations):
            assert interpretation.subject_or_biosample_id in {sample.id for sample in packet.biosamples}
            variant = interpretation.variant_interpretation.variation_descriptor
            expressions = {one.syntax: one.value for one in variant.expressions}
            record = variant.vcf_record
            if len(record.ref) == len(record.alt) == 1:
                assert re.fullmatch(rf"NC_0000\d\d\.\d+:g\.{record.pos}{record.ref}>{record.alt}", expressions["hgvs.g"])
            frequency = next(float(one.value) for one in variant.extensions if one.name == "allele-frequency")
            got.append(
                (
                    variant.gene_context.symbol,
                    expressions["hgvs.p"],
                    record.genome_assembly,
                    record.chrom,
                    record.pos,
                    record.ref,
                    record.alt,
                    round(frequency, 6),
                )
            )
        assert sorted(got) == sorted(row for row in wanted[person] if "-" not in row[5:7]), person


def test_what_a_note_denies_is_excluded_unless_it_is_told_elsewhere(packets: dict[int, Any], con: duckdb.DuckDBPyConnection) -> None:
    denied = by_person(
        con,
        "SELECT DISTINCT s.new_id, 'SNOMEDCT:' || c.concept_code FROM cdm.note_nlp AS n JOIN pseudonym AS s ON s.person_id = n.note_nlp_id >> 22 "
        "JOIN cdm.concept AS c ON c.concept_id = n.note_nlp_concept_id WHERE n.term_modifiers LIKE '%negation=true%' AND c.domain_id = 'Condition'",
    )
    families = con.execute("SELECT count(*) FROM cdm.note_nlp WHERE term_modifiers LIKE '%subject=family%'").fetchone()
    assert families is not None
    assert families[0] > 0
    for person, packet in packets.items():
        stated = {one.term.id for one in packet.diseases} | {one.type.id for one in packet.phenotypic_features if not one.excluded}
        got = {one.type.id for one in packet.phenotypic_features if one.excluded}
        assert got == {term for (term,) in denied[person]} - stated


def test_the_dead_are_dead_and_of_the_others_nothing_is_said(packets: dict[int, Any], con: duckdb.DuckDBPyConnection) -> None:
    dead = by_person(
        con, "SELECT s.new_id, CAST(d.death_datetime + to_days(s.shift_days) AS VARCHAR) FROM cdm.death AS d JOIN pseudonym AS s USING (person_id)"
    )
    for person, packet in packets.items():
        status = packet.subject.vital_status
        assert [(stamp(status.time_of_death),)] == dead[person] if status.status == 2 else not dead[person]
        onsets = [disease.onset.timestamp.ToDatetime() for disease in packet.diseases if disease.clinical_tnm_finding]
        if status.survival_time_in_days:
            assert status.survival_time_in_days == (status.time_of_death.timestamp.ToDatetime().date() - onsets[0].date()).days


def test_each_prefix_is_of_a_resource_with_a_version(packets: dict[int, Any]) -> None:
    def terms(part: Any) -> Iterator[str]:  # noqa: ANN401 - a part of JSON
        if isinstance(part, dict):
            if {"id", "label"} == set(part):
                yield part["id"]
            for one in part.values():
                yield from terms(one)
        elif isinstance(part, list):
            for one in part:
                yield from terms(one)

    for packet in packets.values():
        resources = {one.namespace_prefix: one for one in packet.meta_data.resources}
        assert {term.partition(":")[0] for term in terms(MessageToDict(packet))} <= set(resources)
        assert all(one.version and one.iri_prefix and one.url for one in resources.values())
        assert resources["SNOMEDCT"].version != "unknown"


def test_no_person_keeps_an_id(done: Packets, packets: dict[int, Any], study: plait.Study, con: duckdb.DuckDBPyConnection) -> None:
    known = {row[0] for row in con.execute(f"SELECT identifier FROM '{study.path}/private/crosswalk-*.parquet'").fetchall()}
    assert len(known) >= len(packets)
    for person in packets:
        text = (done.path / "phenopackets" / f"{person}.json").read_text(encoding="utf-8")
        assert not set(re.split(r"[\s\"{}\[\],:]+", text)) & known


def test_the_command_and_that_a_key_gives_the_same_packets_again(study: plait.Study, done: Packets, tmp_path: Path, command: Callable[..., Result]) -> None:
    refused = command("export", "phenopackets", tmp_path / "out", "-s", study.path)
    assert refused.code == 2
    assert "--row-level" in refused.err
    assert not (tmp_path / "out").exists()
    result = command("export", "phenopackets", tmp_path / "out", "-s", study.path, "--row-level", "--key", KEY)
    assert result.code == 0, result.err
    assert "medicalActions.treatment" in result.out
    assert (tmp_path / "out" / "SHA256SUMS").read_bytes() == (done.path / "SHA256SUMS").read_bytes()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Result]) -> dict[str, Any]:
    """Give the packet of a patient of a small study of cBioPortal's, with stages, lines of treatment and a progression."""
    folder = tmp_path_factory.mktemp("tiny")
    with_timelines(folder)
    samples = folder / "tiny" / "data_clinical_sample.txt"
    assert samples.read_text(encoding="utf-8") == DATA["data_clinical_sample.txt"]
    samples.write_text(
        "PATIENT_ID\tSAMPLE_ID\tSAMPLE_TYPE\tONCOTREE_CODE\tT_STAGE\tPATH_N_STAGE\tSTAGE_AT_DIAGNOSIS\tTUMOR_GRADE\tLATERALITY\n"
        "P1\tS1\tPrimary\tIDC\tT1c\tpN1mi\tStage 2A\tIII (High)\tLeft\nP2\tS2\tMetastasis\tILC\tunk\tN0\tunk\tUnknown\tRight\n",
        encoding="utf-8",
    )
    write_vocabulary(folder / "athena")
    source = ", ".join(f"{name}: {value}" for name, value in SOURCE.items())
    lines = [
        "study: tiny",
        "vocabulary: athena",
        "sources:",
        f"  - {{{source}}}",
        'validation: {rules: [{checks: "*", severity: warning}]}',
        "policy: {min_cell: 1, withhold: [omics_occurrence]}",
    ]
    (folder / "plait.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    study = plait.open(folder)
    study.run_etl()
    result = command("export", "phenopackets", folder / "out", "-s", folder, "--row-level", "--json")
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert (said["persons"], said["key"]) == (2, None)
    assert ["omics_variant", "interpretations", None, 2] in said["rows"]
    assert [row for row in said["rows"] if row[0] == "omics_occurrence"] == [["omics_occurrence", None, "withheld by the policy", 4]]
    found = [Parse(file.read_text(encoding="utf-8"), Phenopacket()) for file in (folder / "out" / "phenopackets").iterdir()]
    return MessageToDict(next(packet for packet in found if packet.medical_actions and packet.subject.vital_status.status == 2))


def test_stages_written_as_sources_write_them(tiny: dict[str, Any]) -> None:
    (disease,) = tiny["diseases"]
    assert disease["term"]["id"] == "SNOMEDCT:254837009"
    assert [one["label"] for one in disease["clinicalTnmFinding"]] == ["T1c Stage Finding"]
    assert [one["label"] for one in disease["diseaseStage"]] == ["Stage IIA"]
    assert disease["laterality"]["label"] == "Left"
    (sample,) = tiny["biosamples"]
    assert sample["tumorProgression"]["label"] == "Primary Neoplasm"
    assert sample["histologicalDiagnosis"]["id"] == "ONCOTREE:IDC"


def test_regimens_and_the_course_of_a_disease(tiny: dict[str, Any]) -> None:
    regimens = [action["therapeuticRegimen"] for action in tiny["medicalActions"] if "therapeuticRegimen" in action]
    assert [one["regimenStatus"] for one in regimens] == ["COMPLETED", "COMPLETED", "STARTED"]
    assert "OMOP:32677" in {one["type"]["id"] for one in tiny["phenotypicFeatures"]}


@pytest.mark.parametrize(
    ("macro", "written", "wanted"),
    [
        ("tnm_text", "cT2", "T2"),
        ("tnm_text", "ypT1mi category", "T1MI"),
        ("tnm_text", "N0(i+)", "N0"),
        ("tnm_text", "T1C", "T1C"),
        ("tnm_text", "unk", ""),
        ("tnm_text", "STAT3", ""),
        ("stage_text", "Stage 2A", "IIA"),
        ("stage_text", "clinical stage IIIC1", "IIIC1"),
        ("stage_text", "IV", "IV"),
        ("stage_text", "0", "0"),
        ("stage_text", "unk", ""),
        ("stage_text", "not staged: 2 tumours", ""),
        ("grade_text", "III High Grade (Poorly Differentiated)", "3"),
        ("grade_text", "G2", "2"),
        ("grade_text", "High grade", "HIGH GRADE"),
        ("side_text", "Left breast", "LEFT"),
        ("sign_text", "Positive (qualifier value)", "POSITIVE"),
        ("sign_text", "not positive", ""),
    ],
)
def test_what_texts_mean(macro: str, written: str, wanted: str) -> None:
    with duckdb.connect() as con:
        for statement in sql("plait.export.phenopackets", "macros").split(";\n"):
            con.execute(statement)
        assert con.execute(f"SELECT {macro}(?)", [written]).fetchone() == (wanted,)


@pytest.mark.parametrize(
    ("start", "ref", "alt", "wanted"),
    [
        (100, "A", "T", "NC_000017.10:g.100A>T"),
        (100, "-", "GG", "NC_000017.10:g.100_101insGG"),
        (100, "A", "-", "NC_000017.10:g.100del"),
        (100, "ACG", "-", "NC_000017.10:g.100_102del"),
        (100, "AC", "TT", "NC_000017.10:g.100_101delinsTT"),
        (None, "A", "T", None),
    ],
)
def test_changes_of_the_genome_as_hgvs(start: int | None, ref: str, alt: str, wanted: str | None) -> None:
    with duckdb.connect() as con:
        for statement in sql("plait.export.phenopackets", "macros").split(";\n"):
            con.execute(statement)
        con.execute("CREATE TABLE reference AS SELECT 'GRCh37' AS genome_build, '17' AS chromosome, 'NC_000017.10' AS accession")
        columns = (
            "omics_variant_id, person_id, specimen_id, assay, ensembl_gene_id, gene_symbol, gene_source_value, variant_source_value, hgvs_c, hgvs_p, transcript"
        )
        more = "variant_class, partner, mutation_status, variant_allele_fraction, read_depth, alternate_depth"
        nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in f"{columns}, {more}".split(", "))
        con.execute(
            f"CREATE TABLE leaving_omics_variant AS SELECT {nothing}, 'GRCh37' AS genome_build, 'chr17' AS chromosome, "
            "CAST($start AS BIGINT) AS start_position, $ref AS reference_allele, $alt AS alternate_allele",
            {"start": start, "ref": ref, "alt": alt},
        )
        (row,) = con.execute(f"SELECT hgvs_g, ref FROM ({sql('plait.export.phenopackets', 'variant')})").fetchall()
    assert row[0] == wanted
    assert (row[1] is not None) == (start is not None and "-" not in ref + alt)


def test_the_lists_have_each_term_once() -> None:
    words = [(row["kind"], row["text"]) for row in rows_of("terms")]
    assert len(words) == len(set(words))
    assert all(row["text"] == row["text"].upper() for row in rows_of("terms"))
    codes = [(row["vocabulary_id"], row["code"]) for row in rows_of("roles")]
    assert len(codes) == len(set(codes))
    known = [row["concept_id"] for row in rows_of("concepts")]
    assert len(known) == len(set(known))
    assert not math.isnan(sum(map(float, known)))
