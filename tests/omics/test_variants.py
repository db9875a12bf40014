"""Variants by gene: found, not found, off the panel, or nobody looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from plait.errors import ConfigError
from plait.schema.reasons import Reason
from tiny_cbioportal import SOURCE, write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Sandbox

OBSERVED, OFF, UNKNOWN = Reason.OBSERVED, Reason.NOT_CAPTURED, Reason.UNKNOWN


def with_structural_variants(folder: Path) -> None:
    """Write the tiny study with a variant of two genes in S1, and no list of who was looked at."""
    write(folder)
    (folder / "tiny" / "meta_sv.txt").write_text("genetic_alteration_type: STRUCTURAL_VARIANT\ndatatype: SV\n", encoding="utf-8")
    (folder / "tiny" / "data_sv.txt").write_text(
        "Sample_Id\tSV_Status\tSite1_Hugo_Symbol\tSite2_Hugo_Symbol\tClass\nS1\tSOMATIC\tAAA\tCCC\tFusion\n", encoding="utf-8"
    )


def test_what_was_not_found_is_no_variant_where_somebody_looked(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    variants = study.variants("tiny.mutations")
    values, reasons = variants.values(["AAA", "OLDA", "ENSG00000000002", "CCC"])
    assert variants.items == ["S1", "S2"]
    assert reasons.tolist() == [[OBSERVED, UNKNOWN, OBSERVED, UNKNOWN]] * 2
    assert values[:, 0].tolist() == [1, 0]
    assert values[:, 2].tolist() == [0, 1]
    assert variants.values(["AAA"], [1])[0].tolist() == [[0]]


def test_a_class_of_variants_alone(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    values, reasons = study.variants("tiny.mutations", classes=["Missense_Mutation"]).values(["AAA", "BBB"])
    assert values[:, 0].tolist() == [1, 0]
    assert reasons[:, 1].tolist() == [OBSERVED, OBSERVED]
    assert values[:, 1].tolist() == [0, 0]


def test_what_is_off_the_panel_is_no_wild_type(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    (sandbox.folder / "kit.txt").write_text("AAA\nCCC\n", encoding="utf-8")
    study = sandbox.settings(SOURCE | {"panels": [{"name": "kit", "genes": "kit.txt", "samples": "S*"}]})
    study.run_etl(threads=2)
    values, reasons = study.variants("tiny.mutations").values(["AAA", "BBB", "CCC"])
    assert reasons.tolist() == [[OBSERVED, OFF, OBSERVED]] * 2
    assert values[:, [0, 2]].tolist() == [[1, 0], [0, 0]]
    assert np.isnan(values[:, 1]).all(), "S2 has a variant in BBB, which its panel does not see"


def test_a_variant_of_two_genes_is_of_both_and_silence_is_not_the_wild_type(sandbox: Sandbox) -> None:
    with_structural_variants(sandbox.folder)
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    variants = study.variants("tiny.structural_variants")
    values, reasons = variants.values(["AAA", "CCC", "BBB"])
    assert variants.items == ["S1"]
    assert reasons.tolist() == [[OBSERVED, OBSERVED, UNKNOWN]]
    assert values[0, :2].tolist() == [1, 1]
    (sandbox.folder / "tiny" / "case_lists" / "sv.txt").write_text("stable_id: tiny_sv\ncase_list_ids: S1\tS2\n", encoding="utf-8")
    study.run_etl(threads=2)
    variants = study.variants("tiny.structural_variants")
    assert variants.items == ["S1", "S2"]
    assert variants.values(["AAA", "CCC", "BBB"])[1].tolist() == [[OBSERVED, OBSERVED, UNKNOWN]] * 2


def test_a_structural_variant_has_two_places(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    (sandbox.folder / "tiny" / "meta_sv.txt").write_text("genetic_alteration_type: STRUCTURAL_VARIANT\ndatatype: SV\n", encoding="utf-8")
    header = "Sample_Id\tSV_Status\tSite1_Hugo_Symbol\tSite1_Chromosome\tSite1_Position\tSite2_Hugo_Symbol\tSite2_Entrez_Gene_Id\tSite2_Chromosome"
    lines = (
        "S1\tSOMATIC\tAAA\t1\t10\tBBB\t\t2\t20\t40\t9\tGRCh38\n",
        "S2\tGERMLINE\t\t3\t30\t\t77\t4\t40\t\t\thg19\n",
        "S2\tSOMATIC\t\t3\t30\tCCC\t\t4\t40\t\t\thg38\n",
    )
    (sandbox.folder / "tiny" / "data_sv.txt").write_text(
        f"{header}\tSite2_Position\tTumor_Read_Count\tTumor_Variant_Count\tNCBI_Build\n{''.join(lines)}", encoding="utf-8"
    )
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    found = study.connect().execute(
        "SELECT gene_source_value, chromosome, start_position, partner, partner_chromosome, partner_position, alternate_depth, read_depth "
        "FROM cdm.omics_variant WHERE assay = 'tiny.structural_variants' ORDER BY ALL"
    )
    assert found.fetchall() == [("AAA", "1", 10, "BBB", "2", 20, 9, 40), ("CCC", "4", 40, None, "3", 30, None, None)]
    assert [(row["record"], row["reason"]) for row in study.rejects()] == [(2, "other_genome_build")]


def test_an_assay_without_variants_is_said(sandbox: Sandbox) -> None:
    write(sandbox.folder)
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    with pytest.raises(ConfigError, match=r"no such assay.*tiny\.mutations"):
        study.variants("tiny.rna_seq_mrna")
    with pytest.raises(ConfigError, match=r"study\.variants"):
        study.assay("tiny.mutations")
