"""Variants of a person as interpretations: one for each assay, with a description of each variant in the words of VRSATILE."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from plait.export.phenopackets.terms import Terms

_UNKNOWN = ("NCIT:C17998", "Unknown")
_FUSION = ("SO:0001565", "gene_fusion")


def interpretations(subject: dict[str, Any], rows: Sequence[dict[str, Any]], specimens: Collection[int], terms: Terms) -> list[dict[str, Any]]:
    """Give an interpretation for each assay of a person, with the variants in their order.

    Nobody says in a CDM what a variant means for the patient: states and classes are the schema's words for that.

    Args:
        subject: The person's row of `subject.sql`, with the person's only cancer, which the variants are of.
        rows: The variants, in the order of their assays.
        specimens: The specimens that the packet has.
        terms: Gives terms.
    """
    disease = terms(subject["cancer_id"], subject["cancer_label"]) if rows and subject["cancer_id"] else None
    return [
        {
            "id": f"{subject['person_id']}-{assay}",
            "progressStatus": "UNKNOWN_PROGRESS",
            "diagnosis": {
                "disease": disease or terms(*_UNKNOWN),
                "genomicInterpretations": [_interpreted(row, specimens, terms) for row in group],
            },
        }
        for assay, group in groupby(rows, key=lambda row: row["assay"])
    ]


def _interpreted(row: dict[str, Any], specimens: Collection[int], terms: Terms) -> dict[str, Any]:
    from plait.export.phenopackets.packet import sample_name

    return {
        "subjectOrBiosampleId": sample_name(row["specimen_id"]) if row["specimen_id"] in specimens else str(row["person_id"]),
        "interpretationStatus": "UNKNOWN_STATUS",
        "variantInterpretation": {
            "acmgPathogenicityClassification": "NOT_PROVIDED",
            "therapeuticActionability": "UNKNOWN_ACTIONABILITY",
            "variationDescriptor": _described(row, terms),
        },
    }


def _described(row: dict[str, Any], terms: Terms) -> dict[str, Any]:
    """Give a variant. What a MAF writes with a dash has no base before it, and so is no record of VCF: HGVS says where it is."""
    described: dict[str, Any] = {"id": f"variant-{row['row_id']}", "moleculeContext": "genomic"}
    if row["label"]:
        described["label"] = row["label"]
    if row["gene"]:
        terms.prefixes.add(row["gene_id"].partition(":")[0])
        described["geneContext"] = {"valueId": row["gene_id"], "symbol": row["gene"]}
    expressions = [{"syntax": f"hgvs.{kind}", "value": row[f"hgvs_{kind}"]} for kind in ("g", "c", "p") if row[f"hgvs_{kind}"]]
    if expressions:
        described["expressions"] = expressions
    if row["ref"]:
        described["vcfRecord"] = {
            "genomeAssembly": row["genome_build"],
            "chrom": row["chrom"],
            "pos": str(row["position"]),
            "ref": row["ref"],
            "alt": row["alt"],
        }
    if row["variant_class"] == "Fusion":
        described["structuralType"] = terms(*_FUSION)
    return described | _extended(row)


def _extended(row: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Give what VRSATILE has no field for."""
    names = {
        "allele-frequency": "variant_allele_fraction",
        "read-depth": "read_depth",
        "alternate-depth": "alternate_depth",
        "variant-class": "variant_class",
        "mutation-status": "mutation_status",
        "partner": "partner",
    }
    found = [{"name": name, "value": str(row[column])} for name, column in names.items() if row[column] is not None]
    return {"extensions": found} if found else {}
