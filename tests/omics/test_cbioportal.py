"""Small studies of cBioPortal's format: what the meta files say, and what is wrong with files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import plait
from plait.errors import ConfigError, InputFileError
from tiny_cbioportal import DATA, SOURCE, TIMELINES, with_timelines, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Sandbox

    from shell import Result


def run(sandbox: Sandbox, changed: dict[str, str | None] | None = None, **more: Any) -> plait.Study:  # noqa: ANN401 - settings are of any type
    write(sandbox.folder, **(changed or {}))
    study = sandbox.settings(SOURCE | more)
    study.run_etl(threads=2)
    return study


def rows(study: plait.Study, query: str) -> list[tuple[Any, ...]]:
    return study.connect().execute(query).fetchall()


def test_the_meta_files_say_what_is_what(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    study = run(sandbox)
    books = ledger(study)
    assert {key: row["loaded"] for key, row in books.items() if key[0] in {"patient", "sample", "mutation", "items", "features"}} == {
        ("patient", "person"): 2,
        ("patient", "death"): 1,
        ("patient", "episode"): 2,
        ("patient", "event"): 2,
        ("sample", "event"): 2,
        ("sample", "specimen"): 2,
        ("mutation", "variant"): 2,
        ("items", "assay"): 2,
        ("features", "feature"): 2,
    }
    assert rows(study, "SELECT assay, layer, genome_build, platform, items, features FROM plait.omics_file") == [
        ("tiny.rna_seq_mrna", "expression", "GRCh38", "mRNA", 2, 2)
    ]


@pytest.mark.long
@pytest.mark.parametrize(("name", "layer"), [("mrna_seq_tpm", "tpm"), ("mrna_seq_read_counts", "counts"), ("mrna", "expression")])
def test_a_profile_says_in_its_name_what_its_values_are(sandbox: Sandbox, name: str, layer: str) -> None:
    write(sandbox.folder)
    meta = sandbox.folder / "tiny" / "meta_mrna.txt"
    meta.write_text(meta.read_text(encoding="utf-8").replace("rna_seq_mrna", name), encoding="utf-8")
    study = sandbox.settings(SOURCE)
    data = sandbox.folder / "tiny" / "data_mrna.txt"
    data.write_text(data.read_text(encoding="utf-8").replace("-3", "3"), encoding="utf-8")
    study.run_etl(threads=2)
    assert rows(study, "SELECT assay, layer FROM plait.omics_file") == [(f"tiny.{name}", layer)]
    assert rows(
        study, "SELECT omics_source_value, layer, feature_count, missing_count, coverage FROM cdm.omics_occurrence WHERE layer IS NOT NULL ORDER BY 1"
    ) == [
        ("S1", layer, 2, 1, 0.5),
        ("S2", layer, 2, 0, 1.0),
    ]


def test_quotes_mean_nothing_and_comments_are_no_records(sandbox: Sandbox) -> None:
    study = run(sandbox)
    ((smoker, row_id),) = rows(
        study,
        "SELECT value_as_string, observation_id FROM cdm.observation INNER JOIN cdm.person USING (person_id) "
        "WHERE observation_source_value = 'SMOKER' AND person_source_value = 'P1'",
    )
    assert smoker == 'said "no'
    (record,) = study.trace("observation", row_id)["records"]
    assert (record["record"], record["line"], record["raw"]["SMOKER"]) == (1, 4, 'said "no')


def test_offsets_count_from_the_diagnosis(sandbox: Sandbox) -> None:
    study = run(sandbox)
    assert rows(study, "SELECT DISTINCT anchor, CAST(anchor_date AS VARCHAR) FROM plait.time_anchor") == [("diagnosis", "2000-01-01")]
    assert rows(study, "SELECT CAST(death_datetime AS VARCHAR) FROM cdm.death") == [("2000-10-31 09:00:00",)]  # 10 months of 30.4375 days
    assert rows(study, "SELECT person_source_value, year_of_birth FROM cdm.person WHERE starts_with(person_source_value, 'P') ORDER BY 1") == [
        ("P1", 1940),
        ("P2", 1950),
    ]
    assert rows(study, "SELECT DISTINCT CAST(specimen_date AS VARCHAR) FROM cdm.specimen") == [("2000-01-01",)]


def test_an_export_keeps_the_intervals_from_an_anchor(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of persons who are born on 1 January 1900, the first of their days is no filler."""
    study = run(sandbox, anchor="birth")
    settings = study.path / "plait.yaml"
    settings.write_text(f'{settings.read_text(encoding="utf-8")}\nvalidation: {{rules: [{{checks: "*", severity: warning}}]}}\n', encoding="utf-8")
    plait.open(study.path).export_omop(tmp_path / "out", row_level=True)
    days = "list_sort(list(date_diff('day', s.specimen_date, d.death_date))), bool_or(specimen_date = '1900-01-01')"
    (before,) = rows(study, f"SELECT {days} FROM cdm.specimen AS s JOIN cdm.death AS d USING (person_id)")
    (after,) = rows(study, f"SELECT {days} FROM '{tmp_path}/out/specimen.parquet' AS s JOIN '{tmp_path}/out/death.parquet' AS d USING (person_id)")
    assert (after[0], before[1], after[1]) == (before[0], True, False)
    assert before[0]


def test_a_timeline_is_events(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    with_timelines(sandbox.folder)
    study = sandbox.settings(SOURCE | {"columns": {"TREATMENT_LINE": "LINE"}})
    study.run_etl(threads=2)
    books = ledger(study)["timeline", "event"]
    assert (books["read"], books["rejected"]) == (10, 2)
    assert sorted((row["reason"], row["detail"]) for row in study.rejects(reason=None) if row["shape"] == "event") == [
        ("missing_value", "start"),
        ("unknown_person", "person"),
    ]
    assert rows(
        study,
        "SELECT drug_source_value, date_diff('day', DATE '2000-01-01', drug_exposure_start_date), "
        "date_diff('day', DATE '2000-01-01', drug_exposure_end_date) FROM cdm.drug_exposure ORDER BY 2",
    ) == [("Carboplatin", 10, 80), ("Pemetrexed", 12, 90), ("Osimertinib", 100, 100)]
    assert rows(study, "SELECT procedure_source_value FROM cdm.procedure_occurrence") == [("WPRT",)]
    assert rows(study, "SELECT measurement_source_value, value_as_number FROM cdm.measurement WHERE measurement_source_value = 'CEA'") == [("CEA", 4.5)]
    found = rows(
        study, "SELECT observation_source_value, value_as_string FROM cdm.observation WHERE observation_source_value SIMILAR TO '[A-Z]+[.].*' ORDER BY ALL"
    )
    assert ("SPECIMEN.SPECIMEN_SITE", "lung") in found
    assert ("STATUS.SOURCE", "CT") in found
    assert not [name for name, _ in found if "STYLE" in name or name.endswith(("AGENT", "LINE", "TEST", "STATUS.STATUS"))]


def test_lines_of_treatment_and_what_became_of_the_disease_are_episodes(sandbox: Sandbox) -> None:
    with_timelines(sandbox.folder)
    study = sandbox.settings(SOURCE | {"columns": {"TREATMENT_LINE": "LINE"}})
    study.run_etl(threads=2)
    episodes = rows(
        study,
        "SELECT episode_concept_id, episode_start_date - DATE '2000-01-01', episode_end_date - DATE '2000-01-01', episode_number, "
        "(SELECT count(*) FROM cdm.episode_event AS v WHERE v.episode_id = e.episode_id), CAST(m.known_time AS DATE) - DATE '2000-01-01', "
        "episode_parent_id IN (SELECT episode_id FROM cdm.episode WHERE episode_concept_id = 32528) "
        "FROM cdm.episode AS e INNER JOIN plait.row_meta AS m ON m.table_name = 'episode' AND m.row_id = e.episode_id "
        "WHERE episode_concept_id != 32528 ORDER BY e.person_id, episode_start_date",
    )
    assert episodes == [
        (32531, 10, 90, 1, 2, 12, True),  # of two agents: which ones is known when the second begins
        (32677, 95, None, None, 0, 95, True),
        (32531, 100, None, 2, 1, 100, True),
        (32531, 5, 40, None, 1, 5, True),
    ]


def test_a_timeline_says_when_a_specimen_was_taken(sandbox: Sandbox) -> None:
    with_timelines(sandbox.folder)
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    assert rows(study, "SELECT specimen_source_id, CAST(specimen_date AS VARCHAR) FROM cdm.specimen ORDER BY 1") == [
        ("S1", "1999-12-29"),
        ("S2", "2000-01-01"),
    ]


def test_agents_of_one_day_are_a_regimen_where_no_line_is_named(sandbox: Sandbox) -> None:
    with_timelines(sandbox.folder)
    timeline = sandbox.folder / "tiny" / "data_timeline_treatment.txt"
    timeline.write_text(TIMELINES["treatment"].replace("P1\t12\t", "P1\t10\t").replace("\tLINE", "\tNOTHING"), encoding="utf-8")
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    assert rows(
        study,
        "SELECT count(*) FROM cdm.episode_event WHERE episode_id IN (SELECT episode_id FROM cdm.episode WHERE episode_concept_id = 32531) "
        "GROUP BY episode_id ORDER BY 1",
    ) == [(1,), (1,), (2,)]


def test_sites_and_kinds_of_specimens_have_the_concepts_that_the_vocabulary_has(sandbox: Sandbox) -> None:
    sample = DATA["data_clinical_sample.txt"].replace("ONCOTREE_CODE", "ONCOTREE_CODE\tSAMPLE_SITE").replace("IDC", "IDC\tLiver").replace("ILC", "ILC\tOrbit")
    write(sandbox.folder, clinical_sample=sample)
    study = sandbox.settings(SOURCE)
    with (sandbox.folder / "athena" / "CONCEPT.csv").open("a", encoding="utf-8") as concepts:
        concepts.write("4000001\tLiver\tSpec Anatomic Site\tSNOMED\tBody Structure\tS\t10200004\t19700101\t20991231\t\n")
        concepts.write("4000002\tTissue specimen\tSpecimen\tSNOMED\tSpecimen\tS\t119376003\t19700101\t20991231\t\n")
        concepts.write("4000003\tOld metastasis\tObservation\tSNOMED\tMorph Abnormality\t\t14799000\t19700101\t20991231\t\n")
        concepts.write("4000004\tMetastasis\tObservation\tSNOMED\tMorph Abnormality\tS\t900\t19700101\t20991231\t\n")
    with (sandbox.folder / "athena" / "CONCEPT_RELATIONSHIP.csv").open("a", encoding="utf-8") as relationships:
        relationships.write("4000003\t4000004\tMaps to\t19700101\t20991231\t\n")
    study.run_etl(threads=2)
    assert rows(
        study,
        "SELECT specimen_source_id, specimen_concept_id, anatomic_site_concept_id, disease_status_concept_id, anatomic_site_source_value "
        "FROM cdm.specimen ORDER BY 1",
    ) == [("S1", 4000002, 4000001, 0, "Liver"), ("S2", 4000002, 0, 4000004, "Orbit")]


def test_variants_have_fraction_and_depth_where_both_are_told(sandbox: Sandbox) -> None:
    study = run(sandbox)
    assert rows(study, "SELECT gene_symbol, hgvs_p, genome_build, alternate_depth, read_depth, variant_allele_fraction FROM cdm.omics_variant ORDER BY 1") == [
        ("AAA", "p.A1B", "GRCh38", 30, 120, 0.25),
        ("BBB", "p.R2*", "GRCh38", 5, None, None),
    ]


def test_a_variant_that_the_sites_map_knows_is_a_measurement_too(sandbox: Sandbox) -> None:
    (sandbox.folder / "map.csv").write_text(
        "source_code,source_vocabulary_id,source_code_description,target_concept_id,target_vocabulary_id\nAAA:p.A1B,HGVS,AAA A1B,3016723,LOINC\n",
        encoding="utf-8",
    )
    write(sandbox.folder)
    study = sandbox.settings(SOURCE, mappings=["map.csv"])
    study.run_etl(threads=2)
    ((row_id, value, date),) = rows(
        study, "SELECT measurement_id, value_source_value, CAST(measurement_date AS VARCHAR) FROM cdm.measurement WHERE measurement_concept_id = 3016723"
    )
    assert (value, date) == ("p.A1B", "2000-01-01")
    (record,) = study.trace("measurement", row_id)["records"]
    assert (record["file"], record["shape"], record["record"]) == ("mutation", "variant", 1)
    assert {(row["file"], row["shape"]): (row["loaded"], row["written"]) for row in study.status()["ledger"]}["mutation", "variant"] == (2, 3)


def test_counts_are_not_below_zero(sandbox: Sandbox) -> None:
    write(sandbox.folder)  # S2 has -3
    meta = sandbox.folder / "tiny" / "meta_mrna.txt"
    meta.write_text(meta.read_text(encoding="utf-8").replace("rna_seq_mrna", "mrna_seq_read_counts"), encoding="utf-8")
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    assert [(row["file"], row["record"], row["reason"]) for row in study.rejects()] == [("items", 2, "negative_count")]
    with study.assay("tiny.mrna_seq_read_counts") as assay:
        assert assay.items == ["S1"]


def test_missing_values_of_a_matrix_are_unknown(sandbox: Sandbox) -> None:
    with run(sandbox).assay("tiny.rna_seq_mrna") as assay:
        values, reasons = assay.values(["AAA", "BBB"])
    assert reasons.tolist() == [[0, 255], [0, 0]]
    assert values[:, 0].tolist() == [1.25, -3.0]


def test_a_line_that_is_no_row_of_numbers_is_rejected_with_its_reason(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    study = run(sandbox, {"mrna": DATA["data_mrna.txt"] + "CCC\t3\thigh\t4\nTWICE\t4\t1\n"})
    assert [(row["file"], row["record"], row["reason"]) for row in study.rejects()] == [("features", 3, "invalid_number"), ("features", 4, "field_count")]
    assert ledger(study)["features", "feature"]["loaded"] == 2
    with study.assay("tiny.rna_seq_mrna") as assay:
        assert assay.read().shape == (2, 2)


def test_samples_that_match_nobody_are_rejected(sandbox: Sandbox) -> None:
    study = run(
        sandbox,
        {
            "mrna": "Hugo_Symbol\tS1\tSX\nAAA\t1\t2\n",
            "mutations": DATA["data_mutations.txt"].replace("S2", "SY"),
            "sequenced": DATA["case_lists/sequenced.txt"].replace("S2", "SZ"),
        },
    )
    assert sorted((row["file"], row["reason"]) for row in study.rejects()) == [
        ("case_list", "unknown_specimen"),
        ("items", "unknown_specimen"),
        ("mutation", "unknown_specimen"),
    ]
    with study.assay("tiny.rna_seq_mrna") as assay:
        assert assay.items == ["S1"]


def test_variants_on_another_genome_are_rejected_where_the_source_names_its_own(sandbox: Sandbox) -> None:
    study = run(sandbox, {"mutations": DATA["data_mutations.txt"].replace("BBB\tGRCh38", "BBB\tGRCh37")}, genome_build="GRCh38")
    assert [(row["record"], row["reason"]) for row in study.rejects()] == [(2, "other_genome_build")]


def test_a_shifted_column_is_no_position(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    shifted = DATA["data_mutations.txt"].replace("BBB\tGRCh38\t2\t200\tS2\tNonsense_Mutation\tp.R2*\t5\t\n", "BBB\tGRCh38\tchr\t2\t200\tS2\tNonsense\tp\t5\n")
    study = run(sandbox, {"mutations": shifted.replace("AAA\tGRCh38\t1\t100", "AAA\tGRCh38\t1\tx100")})
    assert [(row["record"], row["reason"], row["detail"]) for row in study.rejects()] == [
        (1, "invalid_number", "position"),
        (2, "unknown_specimen", None),
    ]
    assert ledger(study)["mutation", "variant"]["rejected"] == 2


def test_a_study_without_meta_files_is_refused(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    for meta in (sandbox.folder / "tiny").glob("meta_*"):
        meta.unlink()
    study = sandbox.settings(SOURCE)
    with pytest.raises(InputFileError, match=r"expected meta_\*\.txt files.*got 0 meta files"):
        study.run_etl(threads=2)
    assert plait.open(study.path).version is None


def test_a_sample_that_stands_twice_in_a_matrix_is_refused(sandbox: Sandbox) -> None:
    write(sandbox.folder, mrna="Hugo_Symbol\tS1\tS1\nAAA\t1\t2\n")
    with pytest.raises(InputFileError, match="every one of the 2 samples once"):
        sandbox.settings(SOURCE).run_etl(threads=2)


def test_a_reader_is_never_taken_from_the_studys_own_folders(sandbox: Sandbox) -> None:
    sandbox.people([])
    folder = sandbox.folder / "who"
    (folder / "source.yaml").write_text("kind: who\ndescription: persons\nfiles:\n  people: {reader: true}\n", encoding="utf-8")
    (folder / "reader.py").write_text("raise SystemExit('executed')\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no reader that plait may run"):
        sandbox.settings().run_etl(threads=2)


def test_the_gene_panel_matrix_says_which_panel_a_sample_had(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    (sandbox.folder / "tiny" / "meta_gene_matrix.txt").write_text("genetic_alteration_type: GENE_PANEL_MATRIX\ndatatype: GENE_PANEL_MATRIX\n", encoding="utf-8")
    (sandbox.folder / "tiny" / "data_gene_matrix.txt").write_text("SAMPLE_ID\tmutations\nS1\tkit\nS2\t\n", encoding="utf-8")
    (sandbox.folder / "kit.txt").write_text("stable_id: kit\ngene_list:\tAAA\tCCC\n", encoding="utf-8")
    study = sandbox.settings(SOURCE | {"panels": [{"name": "kit", "genes": "kit.txt"}]})
    study.run_etl(threads=2)
    assert rows(study, "SELECT omics_source_value, panel FROM cdm.omics_occurrence WHERE assay = 'tiny.mutations' ORDER BY 1") == [("S1", "kit"), ("S2", None)]


def test_panels_of_other_profiles_and_of_meta_files(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    meta = sandbox.folder / "tiny" / "meta_mutations.txt"
    meta.write_text(meta.read_text(encoding="utf-8") + "gene_panel: exome\n", encoding="utf-8")
    (sandbox.folder / "tiny" / "meta_gene_matrix.txt").write_text("genetic_alteration_type: GENE_PANEL_MATRIX\ndatatype: GENE_PANEL_MATRIX\n", encoding="utf-8")
    (sandbox.folder / "tiny" / "data_gene_matrix.txt").write_text("SAMPLE_ID\trna_seq_mrna\nS1\tkit\nS2\tNA\n", encoding="utf-8")
    (sandbox.folder / "kit.txt").write_text("AAA\n", encoding="utf-8")
    study = sandbox.settings(SOURCE | {"panels": [{"name": "kit", "genes": "kit.txt"}]})
    study.run_etl(threads=2)
    assert rows(study, "SELECT assay, omics_source_value, panel FROM cdm.omics_occurrence ORDER BY ALL") == [
        ("tiny.mutations", "S1", "exome"),
        ("tiny.mutations", "S2", "exome"),
        ("tiny.rna_seq_mrna", "S1", "kit"),
        ("tiny.rna_seq_mrna", "S2", None),
    ]
    with study.assay("tiny.rna_seq_mrna") as assay:
        assert assay.values(["AAA", "BBB"])[1].tolist() == [[0, 1], [0, 0]]
    meta.write_text(meta.read_text(encoding="utf-8").replace("exome", "genome"), encoding="utf-8")
    study.run_etl(threads=2)
    assert rows(plait.open(study.path), "SELECT DISTINCT panel FROM cdm.omics_occurrence WHERE assay = 'tiny.mutations'") == [("genome",)]


def test_a_list_is_known_by_its_name_where_it_has_no_category(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    study = run(sandbox, {"sequenced": "stable_id: tiny_sequenced\ncase_list_ids: S1\tS2\n"})
    assert ledger(study)["case_list", "assay"]["loaded"] == 2


def test_a_study_has_one_genome_build(sandbox: Sandbox) -> None:
    study = run(sandbox, {"mutations": DATA["data_mutations.txt"].replace("AAA\tGRCh38", "AAA\thg38").replace("BBB\tGRCh38", "BBB\t37")})
    assert [(row["record"], row["reason"]) for row in study.rejects()] == [(2, "other_genome_build")]  # the meta file says hg38
    assert rows(study, "SELECT genome_build FROM cdm.omics_variant") == [("GRCh38",)]


def test_most_records_say_which_build_a_study_has(sandbox: Sandbox) -> None:
    more = "AAA\tGRCh37\t1\t101\tS1\tMissense_Mutation\tp.A2B\t3\t9\n"
    write(sandbox.folder, mutations=DATA["data_mutations.txt"].replace("AAA\tGRCh38", "AAA\thg19") + more)
    (sandbox.folder / "tiny" / "meta_study.txt").write_text("cancer_study_identifier: tiny\n", encoding="utf-8")
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    assert [(row["record"], row["reason"]) for row in study.rejects()] == [(2, "other_genome_build")]
    assert rows(study, "SELECT DISTINCT genome_build FROM cdm.omics_variant") == [("GRCh37",)]


def test_the_commands_show_where_a_row_comes_from(sandbox: Sandbox, command: Callable[..., Result]) -> None:
    write(sandbox.folder)
    study = sandbox.settings(SOURCE)
    assert command("run", "-s", study.path).code == 0
    ((occurrence,),) = rows(
        plait.open(study.path), "SELECT omics_occurrence_id FROM cdm.omics_occurrence WHERE omics_source_value = 'S2' AND layer IS NOT NULL"
    )
    said = command("etl", "trace", "omics_occurrence", occurrence, "-s", study.path)
    assert said.code == 0, said.err
    assert "data_mrna.txt, record 2 (tiny: items as assay)" in said.out.replace("\n", " ")


@pytest.mark.long
@pytest.mark.parametrize("shard_persons", [1, 1000])
def test_the_digest_does_not_depend_on_shards(sandbox: Sandbox, shard_persons: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    write(sandbox.folder)
    study = sandbox.settings(SOURCE, shard_persons=shard_persons)
    study.run_etl(threads=2)
    digests = {key: value for key, value in study.digest().items() if key.startswith(("omics", "specimen", "person"))}
    other = type(sandbox)(tmp_path_factory.mktemp("other"))
    other.people(["p1", "p2", "p3"])
    write(other.folder)
    again = other.settings(SOURCE, shard_persons=7)
    again.run_etl(threads=1)
    assert {key: again.digest()[key] for key in digests} == digests
    assert {"omics_occurrence", "omics_variant", "omics_feature"} <= digests.keys()
