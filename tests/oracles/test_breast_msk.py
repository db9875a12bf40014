"""breast_msk_2018, a study of cBioPortal: every record accounted for, every cell and every interval as in its files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import plait
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shell import Result

COLUMNS = {
    "DIAGNOSIS_MONTHS": "INVASIVE_CARCINOMA_DX_TIME",
    "DIAGNOSIS_AGE": "INVASIVE_CARCINOMA_DX_AGE",
    "COLLECTION_MONTHS": "NGS_SAMPLE_COLLECTION_TIME",
    "DEATH_MONTHS": "TIME_TO_DEATH_MONTHS",
    "LAST_CONTACT_DAYS": "LAST_CONTACT_DAYS_TO",
    "METASTASIS_MONTHS": "METASTATIC_RECURRENCE_TIME_MONTHS",
}
"""What this study calls the columns: its times count from birth."""
MONTH = 30.4375 * 86400


def lines_of(file: Path) -> list[list[str]]:
    """Give the fields of a text file below its comments, header first."""
    return [line.rstrip("\n").split("\t") for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def rows_of(file: Path) -> list[dict[str, str]]:
    header, *rows = lines_of(file)
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def raw(shared: Path) -> Path:
    return shared / "data" / "cbioportal" / "breast_msk_2018"


@pytest.fixture(scope="module")
def study(shared: Path, raw: Path, tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Result]) -> plait.Study:
    """Give the study, run by the command that a user types, with a panel made by hand for the samples of IMPACT-341."""
    folder = tmp_path_factory.mktemp("msk")
    (folder / "panel.txt").write_text("# by hand\nTP53\nPIK3CA\nMLL2\n", encoding="utf-8")
    lines = [
        "study: msk",
        f"vocabulary: {shared / 'data' / 'vocabulary' / 'merged'}",
        f"genes: {shared / 'data' / 'genes' / 'ensembl100_GRCh38.tsv.gz'}",
        "sources:",
        "  - name: msk",
        "    kind: cbioportal",
        f"    path: {raw}",
        "    person_system: msk",
        "    anchor: birth",
        "    panels:",
        '      - {name: three genes, genes: panel.txt, samples: "*-IM3"}',
        "    columns:",
        *(f"      {ours}: {theirs}" for ours, theirs in COLUMNS.items()),
    ]
    (folder / "plait.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = command("run", "-s", folder, "-q")
    assert result.code == 0, result.err
    return plait.open(folder)


def fetch(study: plait.Study, query: str) -> list[tuple[Any, ...]]:
    return study.connect().execute(query).fetchall()


def test_every_record_is_in_the_ledger(study: plait.Study) -> None:
    ledger = {(row["file"], row["shape"]): row for row in study.status()["ledger"]}
    read = {key: row["read"] for key, row in ledger.items()}
    assert read["patient", "person"] == 1756
    assert read["sample", "specimen"] == read["items", "assay"] == 1918
    assert read["mutation", "variant"] == 9314
    assert read["features", "feature"] == 474
    assert read["fusion", "variant"] == 543
    assert all(row["read"] == row["loaded"] + row["merged"] + row["rejected"] + row["ignored"] for row in ledger.values())
    assert not any(row["rejected"] for row in ledger.values())
    assert fetch(study, "SELECT (SELECT count(*) FROM cdm.person), (SELECT count(*) FROM cdm.specimen)") == [(1756, 1918)]


def test_every_mutation_is_a_row_exact_copies_once(study: plait.Study, raw: Path) -> None:
    different = {tuple(fields) for fields in lines_of(raw / "data_mutations_extended.txt")[1:]}
    ((rows,),) = fetch(study, "SELECT count(*) FROM cdm.omics_variant WHERE assay = 'msk.mutations'")
    assert rows == len(different)
    wanted = sorted(
        (row["Tumor_Sample_Barcode"], row["Hugo_Symbol"], row["HGVSc"], int(row["Start_Position"]), int(row["t_ref_count"]) + int(row["t_alt_count"]))
        for row in rows_of(raw / "data_mutations_extended.txt")
        if row["Hugo_Symbol"] == "PIK3CA" and row["t_ref_count"]
    )
    got = fetch(
        study,
        "SELECT specimen_source_value, gene_source_value, hgvs_c, start_position, read_depth FROM cdm.omics_variant "
        "WHERE gene_symbol = 'PIK3CA' AND assay = 'msk.mutations' AND read_depth IS NOT NULL ORDER BY ALL",
    )
    assert got == wanted
    assert len(got) > 800


def test_the_copy_number_matrix_equals_the_file_cell_by_cell(study: plait.Study, raw: Path) -> None:
    header, *rows = lines_of(raw / "data_CNA.txt")
    assay = study.assay("msk.cna").read()
    assert assay.shape == (1918, 474)
    assert list(assay.obs_names) == header[1:]
    assert list(assay.var["feature"]) == [row[0] for row in rows]
    assert np.array_equal(assay.X.T, np.asarray([row[1:] for row in rows], dtype=float))
    assert (assay.layers["gistic"] == assay.X).all()
    assert assay.obs["person_id"].nunique() == 1756


def test_genes_are_found_by_the_table_and_never_guessed(study: plait.Study) -> None:
    var = study.assay("msk.cna").read().var
    assert var.loc["ENSG00000141510", ["feature", "gene_symbol", "gene_match"]].tolist() == ["TP53", "TP53", "symbol"]
    assert var.loc["ENSG00000101349", ["feature", "gene_symbol", "gene_match"]].tolist() == ["PAK7", "PAK5", "previous"]
    assert var.loc["MLL4", "gene_match"] == "ambiguous"  # KMT2B's, and KMT2D's for some years
    assert var.loc["MLL2", "gene_match"] == "repeated"  # the file has KMT2D as well
    notices = {(row["file"], row["kind"], row["detail"]) for row in study.status()["notices"]}
    assert {("features", "ambiguous_gene", "MLL4"), ("mutation", "ambiguous_gene", "MLL4"), ("features", "repeated_gene", "MLL2")} <= notices


def test_intervals_are_those_of_the_file(study: plait.Study, raw: Path) -> None:
    patients = {row["PATIENT_ID"]: row for row in rows_of(raw / "data_clinical_patient.txt")}
    since = f"round(epoch(%s - CAST(a.anchor_date AS TIMESTAMP)) / {MONTH}, 3)"
    deaths = fetch(
        study,
        f"SELECT person_source_value, {since % 'd.death_datetime'} FROM cdm.death AS d INNER JOIN cdm.person USING (person_id) "
        "INNER JOIN plait.time_anchor AS a USING (person_id)",
    )
    assert dict(deaths) == {name: float(row["TIME_TO_DEATH_MONTHS"]) for name, row in patients.items() if row["TIME_TO_DEATH_MONTHS"]}
    assert len(deaths) == 382
    taken = fetch(
        study,
        f"SELECT specimen_source_id, {since % 's.specimen_datetime'} FROM cdm.specimen AS s INNER JOIN plait.time_anchor AS a USING (person_id)",
    )
    assert dict(taken) == {row["SAMPLE_ID"]: float(row["NGS_SAMPLE_COLLECTION_TIME"]) for row in rows_of(raw / "data_clinical_sample.txt")}
    last_seen = fetch(
        study,
        "SELECT DISTINCT person_source_value, round(epoch(o.observation_datetime - CAST(a.anchor_date AS TIMESTAMP)) / 86400, 3) FROM cdm.observation AS o "
        "INNER JOIN cdm.person USING (person_id) INNER JOIN plait.time_anchor AS a USING (person_id) WHERE observation_source_value = 'VITAL_STATUS'",
    )
    assert dict(last_seen) == {name: float(row["LAST_CONTACT_DAYS_TO"]) for name, row in patients.items()}


def test_every_person_is_flagged_as_without_a_calendar(study: plait.Study) -> None:
    assert fetch(study, "SELECT source, anchor, CAST(anchor_date AS VARCHAR), count(*) FROM plait.time_anchor GROUP BY ALL") == [
        ("msk", "birth", "1900-01-01", 1756)
    ]


def test_what_tells_of_the_follow_up_is_not_known_at_the_diagnosis(study: plait.Study) -> None:
    ((early,),) = fetch(
        study,
        "SELECT count(*) FROM cdm.observation AS o INNER JOIN plait.row_meta AS k ON k.table_name = 'observation' AND k.row_id = o.observation_id "
        "INNER JOIN cdm.episode AS e ON o.person_id = e.person_id AND e.episode_source_value = 'metastasis' "
        "WHERE o.observation_source_value = 'METASTATIC_DZ_FUP' AND k.known_time < e.episode_start_datetime",
    )
    assert early == 0


def test_what_is_off_the_panel_is_not_captured_whatever_the_file_holds(study: plait.Study) -> None:
    assay = study.assay("msk.cna")
    genes = ["TP53", "KMT2D", "ERBB2", "NO_SUCH_GENE"]
    values, reasons = assay.values(genes)
    on_panel = [panel == "three genes" for panel in assay.panels]
    assert 0 < sum(on_panel) < len(on_panel)
    for row, has_panel in enumerate(on_panel):
        # MLL2 is on the panel by its old symbol, ERBB2 is not; a sample without a panel sees what the file has.
        assert reasons[row].tolist() == ([0, 0, 1, 1] if has_panel else [0, 0, 0, 1])
    assert (values[[not panel for panel in on_panel], 2] != 0).any()
    assert np.isnan(values[:, 3]).all()
    with_panel = next(number for number, panel in enumerate(on_panel) if panel)
    assert np.isnan(values[with_panel, 2])


def test_variants_by_gene_are_those_of_the_file_and_off_the_panel_nothing(study: plait.Study, raw: Path) -> None:
    variants = study.variants("msk.mutations")
    assert len(variants.items) == 1918
    genes = ["TP53", "PIK3CA", "ERBB2", "NO_SUCH_GENE"]
    values, reasons = variants.values(genes)
    different = {tuple(row.items()): row for row in rows_of(raw / "data_mutations_extended.txt")}.values()  # exact copies once
    found = Counter((row["Tumor_Sample_Barcode"], row["Hugo_Symbol"]) for row in different)
    wanted = np.asarray([[found[item, gene] for gene in genes] for item in variants.items], dtype=float)
    on_panel = np.asarray([panel == "three genes" for panel in variants.panels])
    assert 0 < on_panel.sum() < 1918
    assert (reasons[:, :2] == Reason.OBSERVED).all()
    assert np.array_equal(values[:, :2], wanted[:, :2])
    assert (reasons[on_panel, 2] == Reason.NOT_CAPTURED).all()
    assert wanted[on_panel, 2].any(), "some have what the panel is said not to see"
    assert np.isnan(values[on_panel, 2]).all()
    assert np.array_equal(values[~on_panel, 2], wanted[~on_panel, 2])
    assert set(reasons[~on_panel, 3].tolist()) == {Reason.UNKNOWN}
    assert set(reasons[on_panel, 3].tolist()) == {Reason.NOT_CAPTURED}


def test_fusions_count_for_both_genes(study: plait.Study, raw: Path) -> None:
    variants = study.variants("msk.fusions")
    values, reasons = variants.values(["ESR1", "ERBB2"])
    with_esr1 = {row["Tumor_Sample_Barcode"] for row in rows_of(raw / "data_fusions.txt") if row["Hugo_Symbol"] == "ESR1"}
    seen = {item for item, panel in zip(variants.items, variants.panels, strict=True) if not panel}
    assert {variants.items[place] for place in np.flatnonzero(values[:, 0] > 0)} == with_esr1 & seen
    assert (reasons == Reason.OBSERVED).any()


def test_one_row_is_that_row_of_the_matrix(study: plait.Study) -> None:
    with study.assay("msk.cna") as assay:
        whole = assay.read().X
        assert all((assay.row(number) == whole[number]).all() for number in (0, 917, 1917))


def test_oncology_conventions(study: plait.Study) -> None:
    assert fetch(study, "SELECT episode_concept_id, count(*) FROM cdm.episode GROUP BY ALL ORDER BY ALL") == [(32528, 1756), (32944, 1261)]
    ((in_episode,),) = fetch(
        study,
        "SELECT count(DISTINCT c.condition_occurrence_id) FROM cdm.condition_occurrence AS c "
        "INNER JOIN cdm.episode_event AS v ON v.event_id = c.condition_occurrence_id "
        "INNER JOIN cdm.episode AS e ON e.episode_id = v.episode_id AND e.episode_concept_id = 32528 AND e.person_id = c.person_id "
        "WHERE v.episode_event_field_concept_id = 1147127",
    )
    ((conditions,),) = fetch(study, "SELECT count(*) FROM cdm.condition_occurrence")
    assert in_episode == conditions
    oestrogen = fetch(
        study,
        "SELECT measurement_source_value, value_source_value, value_as_concept_id, count(*) FROM cdm.measurement "
        "WHERE measurement_concept_id = 36203168 GROUP BY ALL ORDER BY ALL",
    )
    assert oestrogen == [
        ("ER_STATUS", "Negative", 9189, 345),
        ("ER_STATUS", "Positive", 9191, 1512),
        ("ER_STATUS", "Unk/ND", 0, 61),
        ("ER_STATUS_PRIMARY", "Negative", 9189, 250),
        ("ER_STATUS_PRIMARY", "Positive", 9191, 1479),
        ("ER_STATUS_PRIMARY", "Unk/ND", 0, 27),
    ]


def test_a_stage_is_a_modifier_of_the_disease(study: plait.Study) -> None:
    modifiers = fetch(
        study,
        "SELECT m.meas_event_field_concept_id, m.measurement_date = c.condition_start_date, count(*) FROM cdm.measurement AS m "
        "LEFT JOIN cdm.condition_occurrence AS c ON m.measurement_event_id = c.condition_occurrence_id AND m.person_id = c.person_id "
        "WHERE m.measurement_source_value = 'STAGE_AT_DIAGNOSIS' GROUP BY ALL",
    )
    assert modifiers == [(1147127, True, 1756)]


def test_a_sample_without_mutations_was_sequenced_all_the_same(study: plait.Study) -> None:
    ((sequenced, with_variants),) = fetch(
        study,
        "SELECT count(*), count(*) FILTER (specimen_source_value IN (SELECT specimen_source_value FROM cdm.omics_variant WHERE assay = 'msk.mutations')) "
        "FROM cdm.omics_occurrence WHERE assay = 'msk.mutations'",
    )
    assert (sequenced, with_variants) == (1918, 1834)


def test_an_unchanged_study_is_left_alone(study: plait.Study, command: Callable[..., Result]) -> None:
    before = sorted(path.name for path in (study.path / "omics").iterdir())
    again = command("run", "-s", study.path)
    assert again.code == 0
    assert "nothing" in again.out.lower() + again.err.lower()
    assert sorted(path.name for path in (study.path / "omics").iterdir()) == before


def test_a_cell_leads_back_to_its_line(study: plait.Study) -> None:
    ((occurrence, feature),) = fetch(
        study,
        "SELECT (SELECT omics_occurrence_id FROM cdm.omics_occurrence WHERE assay = 'msk.cna' AND omics_source_value = 'P-0000012-T02-IM3'), "
        "(SELECT omics_feature_id FROM cdm.omics_feature WHERE feature_source_value = 'ERBB2')",
    )
    (record,) = study.trace("omics_occurrence", occurrence)["records"]
    assert record["raw"]["sample"] == "P-0000012-T02-IM3"
    (record,) = study.trace("omics_feature", feature)["records"]
    assert record["raw"]["gene"] == "ERBB2"
    ((specimen,),) = fetch(study, "SELECT specimen_id FROM cdm.specimen WHERE specimen_source_id = 'P-0000012-T02-IM3'")
    (record,) = study.trace("specimen", specimen)["records"]
    assert (record["line"], record["raw"]["PATIENT_ID"]) == (7, "P-0000012")
