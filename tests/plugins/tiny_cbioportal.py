"""A study of two patients in cBioPortal's format, whole or with a file changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

META = {
    "study": {"cancer_study_identifier": "tiny", "reference_genome": "hg38"},
    "clinical_patient": {"genetic_alteration_type": "CLINICAL", "datatype": "PATIENT_ATTRIBUTES", "data_filename": "data_patients.txt"},
    "clinical_sample": {"genetic_alteration_type": "CLINICAL", "datatype": "SAMPLE_ATTRIBUTES"},
    "mutations": {"genetic_alteration_type": "MUTATION_EXTENDED", "datatype": "MAF"},
    "mrna": {"genetic_alteration_type": "MRNA_EXPRESSION", "datatype": "CONTINUOUS", "stable_id": "rna_seq_mrna", "profile_name": "mRNA"},
}
DATA = {
    "data_patients.txt": "#Patient\tAge\n#STRING\tNUMBER\nPATIENT_ID\tAGE\tSEX\tOS_MONTHS\tOS_STATUS\tSMOKER\n"
    'P1\t60\tFemale\t10\t1:DECEASED\tsaid "no\nP2\t50\tMale\t24\t0:LIVING\tyes\n',
    "data_clinical_sample.txt": "PATIENT_ID\tSAMPLE_ID\tSAMPLE_TYPE\tONCOTREE_CODE\nP1\tS1\tPrimary\tIDC\nP2\tS2\tMetastasis\tILC\n",
    "data_mutations.txt": "#version 2.4\nHugo_Symbol\tNCBI_Build\tChromosome\tStart_Position\tTumor_Sample_Barcode\tVariant_Classification\tHGVSp_Short"
    "\tt_alt_count\tt_ref_count\nAAA\tGRCh38\t1\t100\tS1\tMissense_Mutation\tp.A1B\t30\t90\nBBB\tGRCh38\t2\t200\tS2\tNonsense_Mutation\tp.R2*\t5\t\n",
    "data_mrna.txt": "Hugo_Symbol\tEntrez_Gene_Id\tS1\tS2\nAAA\t1\t1.25\t-3\nBBB\t2\tNA\t4\n",
    "case_lists/sequenced.txt": "stable_id: tiny_sequenced\ncase_list_category: all_cases_with_mutation_data\ncase_list_ids: S1\tS2\n",
}
SOURCE = {"name": "tiny", "kind": "cbioportal", "path": "tiny", "person_system": "tiny"}
TIMELINES = {
    "treatment": "PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tTREATMENT_TYPE\tSUBTYPE\tAGENT\tLINE\n"
    "P1\t10\t80\tTREATMENT\tMedical Therapy\tChemotherapy\tCarboplatin\t1\n"
    "P1\t12\t90\tTREATMENT\tMedical Therapy\tChemotherapy\tPemetrexed\t1\n"
    "P1\t100\t\tTREATMENT\tMedical Therapy\tTargeted Therapy\tOsimertinib\t2\n"
    "P2\t5\t40\tTREATMENT\tRadiation Therapy\tWPRT\t50 Gy\t\n",
    "status": "PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tSTATUS\tSOURCE\nP1\t95\t\tSTATUS\tProgression\tCT\nP1\t40\t\tSTATUS\tStable\tCT\n",
    "specimen": "PATIENT_ID\tSTART_DATE\tEVENT_TYPE\tSAMPLE_ID\tSPECIMEN_SITE\nP1\t-3\tSPECIMEN\tS1\tlung\n",
    "lab": "PATIENT_ID\tSTART_DATE\tEVENT_TYPE\tTEST\tRESULT\tSTYLE_COLOR\n"
    "P1\t7\tLAB_TEST\tCEA\t4.5\t#fff\nP9\t7\tLAB_TEST\tCEA\t4.5\t\nP1\t\tLAB_TEST\tCEA\t5\t\n",
}
"""Four timelines of the tiny study: lines of treatment, what became of the disease, a specimen, and a test."""


def write(folder: Path, **changed: str | None) -> None:
    """Write the study's files; `changed` has other text for a file of DATA by its stem, or None to leave it out."""
    (folder / "tiny" / "case_lists").mkdir(parents=True)
    for name, keys in META.items():
        (folder / "tiny" / f"meta_{name}.txt").write_text("".join(f"{key}: {value}\n" for key, value in keys.items()), encoding="utf-8")
    for name, text in DATA.items():
        stem = name.removesuffix(".txt").removeprefix("data_").removeprefix("case_lists/")
        said = changed.get(stem, text)
        if said is not None:
            (folder / "tiny" / name).write_text(said, encoding="utf-8")


def with_timelines(folder: Path) -> None:
    """Write the study with its timelines."""
    write(folder)
    for name, text in TIMELINES.items():
        meta = f"genetic_alteration_type: CLINICAL\ndatatype: TIMELINE\ndata_filename: data_timeline_{name}.txt\n"
        (folder / "tiny" / f"meta_timeline_{name}.txt").write_text(meta, encoding="utf-8")
        (folder / "tiny" / f"data_timeline_{name}.txt").write_text(text, encoding="utf-8")
