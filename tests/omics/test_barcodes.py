"""Identifiers that are parts of longer names: TCGA barcodes, and patterns of a study's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import pytest

from plait.duck import connect, sql
from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Sandbox

    import plait

PARTS = ("patient", "sample", "sample_type", "status", "vial", "portion", "analyte", "plate", "center")
NOTHING = (None,) * len(PARTS)
SOURCE: dict[str, Any] = {"name": "rna", "kind": "anndata", "path": "rna.h5ad", "person_system": "lab", "person": "obs.index"}


def parts(barcode: str | None) -> tuple[str | None, ...]:
    """Give what plait's macros find in a barcode, in the order of `PARTS`."""
    with connect(threads=1) as con:
        con.execute(sql("plait.etl", "macros"))
        row = con.execute(f"SELECT {', '.join(f'plait_tcga_{part}($barcode)' for part in PARTS)}", {"barcode": barcode}).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("barcode", "found"),
    [  # the first is the example of the GDC's page "TCGA Barcode", the next four its levels, then barcodes of TCGA
        ("TCGA-02-0001-01C-01D-0182-01", ("TCGA-02-0001", "TCGA-02-0001-01", "01", "tumour", "C", "01", "D", "0182", "01")),
        ("TCGA-02-0001", ("TCGA-02-0001", *NOTHING[1:])),
        ("TCGA-02-0001-01", ("TCGA-02-0001", "TCGA-02-0001-01", "01", "tumour", *NOTHING[4:])),
        ("TCGA-02-0001-01B", ("TCGA-02-0001", "TCGA-02-0001-01", "01", "tumour", "B", *NOTHING[5:])),
        ("TCGA-02-0001-01B-02D", ("TCGA-02-0001", "TCGA-02-0001-01", "01", "tumour", "B", "02", "D", None, None)),
        ("TCGA-02-0001-01C-01-TS1", ("TCGA-02-0001", "TCGA-02-0001-01", "01", "tumour", "C", "01", None, None, None)),  # a slide
        ("TCGA-E9-A295-10A-01D-A16D-09", ("TCGA-E9-A295", "TCGA-E9-A295-10", "10", "normal", "A", "01", "D", "A16D", "09")),
        ("TCGA-B0-5117-20A-01D-1421-08", ("TCGA-B0-5117", "TCGA-B0-5117-20", "20", "control", "A", "01", "D", "1421", "08")),
        ("TCGA-B0-5117-50A", ("TCGA-B0-5117", "TCGA-B0-5117-50", "50", None, "A", *NOTHING[5:])),  # a cell line
        ("TCGA-B0-5117-00A", ("TCGA-B0-5117", "TCGA-B0-5117-00", "00", None, "A", *NOTHING[5:])),
        ("tcga-02-0001-01c-01d-0182-01", NOTHING),
        ("TCGA-02-00011-01C", NOTHING),
        ("TCGA-02-0001_01C", NOTHING),
        ("x TCGA-02-0001-01C", NOTHING),
        ("TCGA-02-0001-1C", ("TCGA-02-0001", *NOTHING[1:])),
        ("TCGA-02-0001-01C-01D-182-01", ("TCGA-02-0001", "TCGA-02-0001-01", "01", "tumour", "C", "01", "D", None, None)),
        ("", NOTHING),
        (None, NOTHING),
    ],
)
def test_a_barcode_is_taken_apart_as_far_as_it_is_one(barcode: str | None, found: tuple[str | None, ...]) -> None:
    assert parts(barcode) == found


def study_of(sandbox: Sandbox, names: list[str], people: list[str], **more: Any) -> plait.Study:  # noqa: ANN401 - options
    """Give a study of items of these names, which are all that is said of them."""
    sandbox.people(people)
    values = np.ones((len(names), 1), dtype=np.float32)
    anndata.AnnData(values, obs=pd.DataFrame({"tcga_plate": "own", "day": "2010-05-01"}, index=names), var=pd.DataFrame(index=["AAA"])).write_h5ad(
        sandbox.folder / "rna.h5ad"
    )
    return sandbox.settings(SOURCE | more)


def test_a_stored_assay_has_the_parts_of_its_barcodes(sandbox: Sandbox) -> None:
    names = ["TCGA-02-0001-01C-01D-0182-01", "TCGA-02-0001-11A", "TCGA-02-0001-12A-01R"]
    study = study_of(sandbox, names, ["TCGA-02-0001"], barcode="tcga")
    study.run_etl(threads=2)
    with study.assay("rna.rna") as assay:
        stored = assay.read()
    columns = [f"tcga_{part}" for part in ("sample_type", "vial", "portion", "analyte", "plate", "center")]
    assert stored.obs[columns].to_numpy().tolist() == [
        ["01", "C", "01", "D", "0182", "01"],
        ["11", "A", "", "", "", ""],
        ["12", "A", "01", "R", "", ""],
    ]
    assert stored.uns["plait"]["barcode"] == "tcga"


def test_names_that_are_any_names_are_not_taken_apart(sandbox: Sandbox) -> None:
    study = study_of(sandbox, ["TCGA-02-0001-01C"], ["TCGA-02-0001-01C"])
    study.run_etl(threads=2)
    with study.assay("rna.rna") as assay:
        stored = assay.read()
    assert [column for column in stored.obs if column.startswith("tcga_")] == ["tcga_plate"]
    assert stored.obs["tcga_plate"].tolist() == ["own"]


def test_a_pattern_finds_identifiers_within_names(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    names = ["2024_p1_T1", "2024_p1_T2", "2024_p2", "p3_T3", "2024_p4_T4"]
    study = study_of(sandbox, names, ["p1", "p2", "p3"], specimen="obs.index", person_pattern="^[0-9]{4}_(p[0-9])", specimen_pattern="_(?P<tumour>T[0-9])$")
    study.run_etl(threads=2)
    rows = study.connect().execute(
        "SELECT omics_source_value, person_source_value, specimen_source_value FROM cdm.omics_occurrence INNER JOIN cdm.person USING (person_id) ORDER BY 1"
    )
    assert rows.fetchall() == [("2024_p1_T1", "p1", "T1"), ("2024_p1_T2", "p1", "T2")]
    assert ledger(study)["items", "assay"]["rejected"] == 3
    assert [row["reason"] for row in study.rejects()] == ["missing_value", "missing_value", "unknown_person"]


def test_a_barcode_may_stand_within_a_name(sandbox: Sandbox) -> None:
    study = study_of(
        sandbox,
        ["run7:TCGA-02-0001-01A"],
        ["TCGA-02-0001"],
        barcode="tcga",
        person_pattern=":(.*)",
        specimen_pattern=":(.*)",
        date="obs.day",
        specimen_type="119376003",
    )
    study.run_etl(threads=2)
    rows = study.connect().execute(
        "SELECT specimen_source_id, disease_status_source_value, specimen_id IN (SELECT specimen_id FROM cdm.omics_occurrence) FROM cdm.specimen"
    )
    assert rows.fetchall() == [("TCGA-02-0001-01", "tumour", True)]


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"person_pattern": "p([0-9]"}, r"person_pattern: expected a regular expression \(RE2\), got 'p\(\[0-9\]'"),
        ({"person_pattern": "(?=p)(p)"}, r"person_pattern: expected a regular expression \(RE2\)"),
        ({"person_pattern": "p[0-9]"}, r"person_pattern: expected a regular expression with one group.*with none"),
        ({"person_pattern": "(p)([0-9])"}, r"person_pattern: expected a regular expression with one group.*with 2"),
        ({"specimen_pattern": "(p)"}, r"specimen_pattern: expected the option 'specimen'"),
    ],
)
def test_a_pattern_that_finds_nothing_is_refused(sandbox: Sandbox, more: dict[str, str], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        study_of(sandbox, ["p1"], ["p1"], **more).run_etl(threads=2)


def test_small_letters_are_no_barcode_of_a_matrix(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    names = ["TCGA-02-0001-01C", "tcga-02-0001-11a", "Tcga-02-0001-12A"]
    study = study_of(sandbox, names, ["TCGA-02-0001", "tcga-02-0001"], barcode="tcga")
    study.run_etl(threads=2)
    assert study.connect().execute("SELECT omics_source_value FROM cdm.omics_occurrence").fetchall() == [("TCGA-02-0001-01C",)]
    book = ledger(study)["items", "assay"]
    assert (book["read"], book["loaded"], book["rejected"]) == (3, 1, 2)
    assert {row["reason"] for row in study.rejects() if row["shape"] == "assay"} == {"missing_value"}
