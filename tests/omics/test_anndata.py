"""h5ad files: what goes in comes out, tied to persons; what cannot be trusted is refused before anything is written."""

from __future__ import annotations

import pickle
import re
import warnings
from typing import TYPE_CHECKING, Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import plait
from plait.errors import ConfigError, InputFileError
from plait.etl.sources import h5ad, matrix
from plait.etl.sources.h5ad import H5adMatrix
from plait.etl.sources.matrix import AssayFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Sandbox

Matrix = np.ndarray | scipy.sparse.spmatrix
RNA: dict[str, Any] = {"name": "rna", "kind": "anndata", "path": "rna.h5ad", "person_system": "lab", "person": "obs.case", "specimen": "obs.sample"}


def small(values: Matrix | None = None, *, genes: list[str] | None = None) -> anndata.AnnData:
    """Give three samples of p1, p2 and somebody unknown, by three genes."""
    matrix = np.arange(9, dtype=np.float32).reshape(3, 3) if values is None else values
    obs = pd.DataFrame({"case": ["p1", "p2", "nobody"], "sample": ["s1", "s2", "s3"], "batch": [1, 2, 3]}, index=["a", "b", "c"])
    return anndata.AnnData(matrix, obs=obs, var=pd.DataFrame(index=genes or ["AAA", "BBB", "CCC"]))


def run(sandbox: Sandbox, data: anndata.AnnData, **more: str) -> plait.Study:
    data.write_h5ad(sandbox.folder / "rna.h5ad")
    study = sandbox.settings(RNA | more)
    study.run_etl(threads=2)
    return study


def test_pbmc68k_round_trips(shared: Path, sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    path = shared / "data" / "anndata" / "pbmc68k" / "10x_pbmc68k_reduced.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        delivered = anndata.read_h5ad(path)
    sandbox.people(sorted(set(delivered.obs["bulk_labels"])))
    study = sandbox.settings(
        {"name": "sc", "kind": "anndata", "path": str(path), "person_system": "lab", "person": "obs.bulk_labels", "assay": "cells", "layer": "scaled"},
        genes=str(shared / "data" / "genes" / "ensembl100_GRCh38.tsv.gz"),
    )
    study.run_etl(threads=2)
    with study.assay("sc.cells") as assay:
        stored = assay.read()
    assert np.array_equal(stored.X, delivered.X)
    assert stored.X.dtype == delivered.X.dtype
    assert list(stored.obs_names) == list(delivered.obs_names)
    pd.testing.assert_frame_equal(stored.obs[list(delivered.obs)], delivered.obs, check_names=False)
    assert list(stored.var["feature"]) == list(delivered.var_names)
    books = ledger(study)
    assert (books["items", "assay"]["read"], books["items", "assay"]["rejected"], books["features", "feature"]["loaded"]) == (700, 0, 765)


@pytest.mark.parametrize("layout", ["dense", "csr", "csc"])
def test_values_are_kept_and_strangers_left_out(sandbox: Sandbox, layout: str, ledger: Callable[..., Any]) -> None:
    values = np.array([[0, 1.5, 0], [2, 0, 3], [4, 4, 4]], dtype=np.float32)
    made = {"dense": values, "csr": scipy.sparse.csr_matrix(values), "csc": scipy.sparse.csc_matrix(values)}
    study = run(sandbox, small(made[layout]), layer="tpm")
    assert ledger(study)["items", "assay"]["rejected"] == 1
    assert [row["reason"] for row in study.rejects()] == ["unknown_person"]
    with study.assay("rna.rna") as assay:
        stored = assay.read()
        dense = stored.X if layout == "dense" else stored.X.toarray()
        assert np.array_equal(dense, values[:2])
        assert [assay.row(number).tolist() for number in (0, 1)] == values[:2].tolist()
        assert (assay.items, assay.persons, assay.specimens) == (["a", "b"], [1, 2], ["s1", "s2"])
        assert stored.obs["batch"].tolist() == [1, 2]
        assert stored.uns["plait"]["layer"] == "tpm"
        assert "tpm" in stored.layers


def test_genes_are_named_by_the_table(sandbox: Sandbox) -> None:
    names = ["AAA", "OLDA", "SHARED", "TWICE", "HAPLO", "ALSOB", "ENSG00000000003.7", "XYZ"]
    study = run(sandbox, small(np.ones((3, 8), dtype=np.float32), genes=names))
    with study.assay("rna.rna") as assay:
        var = assay.read().var
    assert dict(zip(var["feature"], zip(var.index, var["gene_match"], strict=True), strict=True)) == {
        "AAA": ("ENSG00000000001", "symbol"),
        "OLDA": ("OLDA", "repeated"),
        "SHARED": ("SHARED", "ambiguous"),
        "TWICE": ("TWICE", "ambiguous"),
        "HAPLO": ("ENSG00000000006", "symbol"),
        "ALSOB": ("ENSG00000000002", "alias"),
        "ENSG00000000003.7": ("ENSG00000000003", "ensembl_id"),
        "XYZ": ("XYZ", "unknown"),
    }
    assert var.loc["ENSG00000000003", "retired_id"] == "ENSG00000000003.7"
    kinds = {(row["kind"], row["detail"]) for row in study.status()["notices"]}
    assert {("unknown_gene", "XYZ"), ("ambiguous_gene", "TWICE"), ("ambiguous_gene", "SHARED"), ("repeated_gene", "OLDA")} <= kinds


def test_specimens_are_those_of_the_file_where_it_says_when(sandbox: Sandbox) -> None:
    data = small()
    data.obs["day"] = ["2020-03-01", "2020-03-02", "2020-03-03"]
    study = run(sandbox, data, date="obs.day", specimen_type="119376003")
    rows = study.connect().execute(
        "SELECT s.specimen_source_id, CAST(s.specimen_date AS VARCHAR), o.specimen_id = s.specimen_id, CAST(o.omics_occurrence_date AS VARCHAR) "
        "FROM cdm.specimen AS s INNER JOIN cdm.omics_occurrence AS o ON o.specimen_source_value = s.specimen_source_id ORDER BY ALL"
    )
    assert rows.fetchall() == [("s1", "2020-03-01", True, "2020-03-01"), ("s2", "2020-03-02", True, "2020-03-02")]


def test_values_are_known_when_they_were_reported(sandbox: Sandbox) -> None:
    data = small()
    data.obs["day"], data.obs["reported"] = ["2020-03-01"] * 3, ["2020-03-20", None, "2020-03-22"]
    study = run(sandbox, data, date="obs.day", specimen_type="119376003", known_time="obs.reported")
    known = study.connect().execute(
        "SELECT o.omics_source_value, CAST(o.omics_occurrence_date AS VARCHAR), CAST(CAST(k.known_time AS DATE) AS VARCHAR) FROM cdm.omics_occurrence AS o "
        "INNER JOIN plait.row_meta AS k ON k.table_name = 'omics_occurrence' AND k.row_id = o.omics_occurrence_id ORDER BY 1"
    )
    assert known.fetchall() == [("a", "2020-03-01", "2020-03-20"), ("b", "2020-03-01", "2020-03-01")]


def test_cells_of_one_specimen_are_one_occurrence(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    data = small()
    data.obs["case"], data.obs["sample"] = ["p1", "p1", "p2"], ["s1", "s1", "s2"]
    study = run(sandbox, data)
    assert study.connect().execute("SELECT specimen_source_value, item_count FROM cdm.omics_occurrence ORDER BY ALL").fetchall() == [("s1", 2), ("s2", 1)]
    assert (ledger(study)["items", "assay"]["loaded"], ledger(study)["items", "assay"]["merged"]) == (2, 1)
    with study.assay("rna.rna") as assay:
        assert assay.items == ["a", "b", "c"]


def test_nan_and_inf_are_kept_and_counted(sandbox: Sandbox) -> None:
    study = run(sandbox, small(np.array([[np.nan, 1, np.inf], [1, 1, 1], [1, 1, 1]], dtype=np.float32)))
    counts = study.connect().execute("SELECT omics_source_value, feature_count, missing_count FROM cdm.omics_occurrence ORDER BY ALL").fetchall()
    assert counts == [("a", 3, 1), ("b", 3, 0)]
    assert [(row["kind"], row["detail"], row["records"]) for row in study.status()["notices"] if row["kind"] == "infinite_value"] == [
        ("infinite_value", "rna.rna", 1)
    ]
    with study.assay("rna.rna") as assay:
        values, reasons = assay.values(["AAA", "BBB", "nowhere"])
    assert reasons.tolist() == [[255, 0, 1], [0, 0, 1]]
    assert np.isnan(values[0, 0])
    assert values[0, 1] == 1


def test_counts_below_zero_are_rejected(sandbox: Sandbox) -> None:
    values = np.array([[-1, 1, 1], [1, 1, 1], [1, 1, 1]], dtype=np.float32)
    study = run(sandbox, small(values), layer="counts")
    assert sorted(row["reason"] for row in study.rejects() if row["shape"] == "assay") == ["negative_count", "unknown_person"]
    with study.assay("rna.rna") as assay:
        assert assay.items == ["b"]


def test_a_changed_row_changes_its_person_alone_and_old_versions_keep_their_file(sandbox: Sandbox) -> None:
    data = small()
    study = run(sandbox, data)
    first = study.version.version
    data.X[0, 0] = 99
    data.write_h5ad(sandbox.folder / "rna.h5ad")
    report = study.run_etl(threads=2)
    assert [(change.source, change.changed) for change in report.sources if change.source == "rna"] == [("rna", 1)]
    with plait.open(study.path, version=first).assay("rna.rna") as before, study.assay("rna.rna") as now:
        assert (before.row(0)[0], now.row(0)[0]) == (0, 99)
    assert len(list((study.path / "omics").iterdir())) == 2


def test_garbage_goes_with_its_version(sandbox: Sandbox) -> None:
    from plait.etl.gc import collect_garbage

    data = small()
    study = run(sandbox, data)
    data.X[0, 0] = 99
    data.write_h5ad(sandbox.folder / "rna.h5ad")
    study.run_etl(threads=2)
    later = max(path.stat().st_mtime for path in study.path.rglob("*")) + 3 * 24 * 3600
    collect_garbage(study.path, keep=1, now=later)
    assert [f"omics/{path.name}" for path in (study.path / "omics").iterdir()] == [entry["path"] for entry in study.version.omics]


BARCODES = ["TCGA-02-0001-01C-01D-0182-01", "TCGA-02-0001-01A-02R-0182-01", "TCGA-02-0001-11A-01R-0182-01", "TCGA-02-0002-01A-01R-0182-01"]


def aliquots(sandbox: Sandbox, rule: str, layout: Callable[..., Matrix] = np.asarray) -> plait.Study:
    """Give a study of two patients: two aliquots of a tumour and one of normal tissue of the first, one of a tumour of the second."""
    sandbox.people(["TCGA-02-0001", "TCGA-02-0002"])
    data = anndata.AnnData(
        layout(np.array([[1, 0], [3, 0], [5, 6], [7, 8]], dtype=np.float32)), obs=pd.DataFrame(index=BARCODES), var=pd.DataFrame(index=["AAA", "BBB"])
    )
    data.write_h5ad(sandbox.folder / "rna.h5ad")
    source = {key: value for key, value in RNA.items() if key != "specimen"}
    study = sandbox.settings(source | {"person": "obs.index", "barcode": "tcga", "aliquots": rule})
    study.run_etl(threads=2)
    return study


@pytest.mark.long
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_matrix])
@pytest.mark.parametrize(
    ("rule", "items", "values"),
    [
        ("all", BARCODES, [[1, 0], [3, 0], [5, 6], [7, 8]]),
        ("first", BARCODES[1:], [[3, 0], [5, 6], [7, 8]]),
        ("mean", [BARCODES[0], *BARCODES[2:]], [[2, 0], [5, 6], [7, 8]]),
    ],
)
def test_aliquots_of_a_specimen_follow_the_declared_rule(
    sandbox: Sandbox, ledger: Callable[..., Any], layout: Callable[..., Matrix], rule: str, items: list[str], values: list[list[float]]
) -> None:
    study = aliquots(sandbox, rule, layout)
    ledger(study)
    occurrences = study.connect().execute("SELECT specimen_source_value, person_source_value FROM cdm.omics_occurrence INNER JOIN cdm.person USING (person_id)")
    assert sorted(occurrences.fetchall()) == [
        ("TCGA-02-0001-01", "TCGA-02-0001"),
        ("TCGA-02-0001-11", "TCGA-02-0001"),
        ("TCGA-02-0002-01", "TCGA-02-0002"),
    ]
    with study.assay("rna.rna") as assay:
        assert assay.items == items
        assert [assay.row(number).tolist() for number in range(len(items))] == values
        assert assay.read().shape == (len(items), 2)


def test_barcodes_tell_tumour_from_normal_tissue(sandbox: Sandbox) -> None:
    sandbox.people(["TCGA-02-0001"])
    obs = pd.DataFrame({"day": ["2010-05-01"] * 2}, index=[BARCODES[0], BARCODES[2]])
    anndata.AnnData(np.ones((2, 1), dtype=np.float32), obs=obs, var=pd.DataFrame(index=["AAA"])).write_h5ad(sandbox.folder / "rna.h5ad")
    source = {key: value for key, value in RNA.items() if key != "specimen"}
    study = sandbox.settings(source | {"person": "obs.index", "barcode": "tcga", "date": "obs.day", "specimen_type": "119376003"})
    study.run_etl(threads=2)
    assert study.connect().execute("SELECT specimen_source_id, disease_status_source_value FROM cdm.specimen ORDER BY 1").fetchall() == [
        ("TCGA-02-0001-01", "tumour"),
        ("TCGA-02-0001-11", "normal"),
    ]


def test_an_unknown_rule_for_aliquots_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="expected all or first or mean, got 'median'"):
        aliquots(sandbox, "median")


def refused(sandbox: Sandbox, error: type[Exception], match: str) -> None:
    """See that a run is refused, and that nothing was committed."""
    study = sandbox.settings(RNA)
    with pytest.raises(error, match=match):
        study.run_etl(threads=2)
    assert plait.open(study.path).version is None
    assert not (study.path / "omics").exists()


def test_a_truncated_file_is_refused(sandbox: Sandbox) -> None:
    path = sandbox.folder / "rna.h5ad"
    small().write_h5ad(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(sandbox, InputFileError, "truncated")


def test_a_pickled_object_is_refused_and_never_loaded(sandbox: Sandbox) -> None:
    path = sandbox.folder / "rna.h5ad"
    small().write_h5ad(path)
    with h5py.File(path, "a") as file:
        file["uns/model"] = np.void(pickle.dumps({"a": 1}))
    refused(sandbox, InputFileError, "pickled object, which plait never loads")


def test_a_link_to_another_file_is_refused(sandbox: Sandbox) -> None:
    path = sandbox.folder / "rna.h5ad"
    small().write_h5ad(path)
    with h5py.File(path, "a") as file:
        file["uns/elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    refused(sandbox, InputFileError, "link to another file")


def test_names_that_stand_twice_are_refused_without_showing_them(sandbox: Sandbox) -> None:
    data = small()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.obs_names = ["a", "b", "a"]
        data.write_h5ad(sandbox.folder / "rna.h5ad")
    refused(sandbox, InputFileError, r"every one of the 3 obs names once, got one name at places 1 and 3")


def test_a_column_that_is_not_there_is_named_with_the_nearest(sandbox: Sandbox) -> None:
    small().write_h5ad(sandbox.folder / "rna.h5ad")
    study = sandbox.settings(RNA | {"person": "obs.cases"})
    with pytest.raises(ConfigError, match=r"Did you mean 'obs\.case'"):
        study.run_etl(threads=2)


def test_a_gene_table_without_ids_is_refused(sandbox: Sandbox) -> None:
    small().write_h5ad(sandbox.folder / "rna.h5ad")
    study = sandbox.settings(RNA)
    (sandbox.folder / "genes.tsv").write_text("name\tplace\nAAA\t1\n", encoding="utf-8")
    with pytest.raises(InputFileError, match="expected a column ensembl_id"):
        study.run_etl(threads=2)


def test_a_gene_table_of_another_release_names_what_it_does_not_know(sandbox: Sandbox) -> None:
    study = run(sandbox, small(genes=["ENSG00000000001.2", "ENSG00000000099.1", "CCC"]))
    rows = study.connect().execute("SELECT feature_source_value, ensembl_gene_id, gene_match FROM cdm.omics_feature ORDER BY ALL").fetchall()
    assert rows == [("CCC", "ENSG00000000003", "symbol"), ("ENSG00000000001.2", "ENSG00000000001", "ensembl_id"), ("ENSG00000000099.1", None, "unknown")]


@pytest.mark.parametrize(
    ("known", "unknown", "noticed"),
    [(9, 1, []), (8, 1, ["1 of 9 Ensembl ids of rna.rna"]), (0, 1_200, ["1,200 of 1,200 Ensembl ids of rna.rna"])],
)
def test_a_gene_table_of_another_release_is_noticed_once(sandbox: Sandbox, known: int, unknown: int, noticed: list[str]) -> None:
    names = [f"ENSG{number:011}.{number}" for number in range(1, known + 1)] + [f"ENSG9{number:010}" for number in range(unknown)]
    small(np.ones((3, len(names) + 2)), genes=[*names, "XYZ", "ENSMUSG00000000001"]).write_h5ad(sandbox.folder / "rna.h5ad")
    study = sandbox.settings(RNA, genes="release.tsv")
    (sandbox.folder / "release.tsv").write_text("ensembl_id\tsymbol\n" + "".join(f"ENSG{number:011}\tG{number}\n" for number in range(1, 10)), encoding="utf-8")
    study.run_etl(threads=2)
    notices = [row for row in study.status()["notices"] if row["source"] == "rna"]
    assert [(row["detail"], row["records"]) for row in notices if row["kind"] == "other_gene_release"] == [(detail, unknown) for detail in noticed]
    assert sum(row["kind"] == "unknown_gene" for row in notices) == unknown + 2


def test_without_a_gene_table_no_release_is_another(sandbox: Sandbox) -> None:
    small(genes=["ENSG00000000001", "ENSG00000000002", "XYZ"]).write_h5ad(sandbox.folder / "rna.h5ad")
    study = sandbox.settings(RNA, genes=None)
    study.run_etl(threads=2)
    assert not {row["kind"] for row in study.status()["notices"]} & {"other_gene_release", "unknown_gene"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 7)), elements=st.sampled_from([0, 0, 1, 2.5, -3])), data=st.data())
def test_any_matrix_in_any_layout_is_stored_as_it_is(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("any")
    layout = data.draw(st.sampled_from([np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix]))
    items = data.draw(st.lists(st.integers(0, values.shape[0] - 1), unique=True).map(sorted))
    features = data.draw(st.lists(st.integers(0, values.shape[1] - 1), unique=True).map(sorted))
    obs, var = (pd.DataFrame(index=[f"{axis}{n}" for n in range(size)]) for axis, size in zip("ov", values.shape, strict=True))
    anndata.AnnData(layout(values), obs=obs, var=var).write_h5ad(folder / "a.h5ad")
    with h5py.File(folder / "b.h5", "w") as file, pytest.MonkeyPatch.context() as patch:
        for module in (h5ad, matrix):
            patch.setattr(module, "BLOCK_CELLS", data.draw(st.integers(1, 12)))  # several blocks
        H5adMatrix(folder / "a.h5ad", AssayFacts("x.a", "X")).store(file, items, features, folder)
        stored = anndata.io.read_elem(file["X"])
    dense = stored.toarray() if scipy.sparse.issparse(stored) else stored
    assert np.array_equal(dense, values[np.ix_(items, features)])


SHEET = "sample,patient,taken,kit\na,p1,2020-03-01,small\nb,p2,2020-03-02,small\n"


def with_sheet(sandbox: Sandbox, text: str = SHEET, **more: str | None) -> plait.Study:
    """Give a study whose sheet says whose the items `a` and `b` are."""
    small().write_h5ad(sandbox.folder / "rna.h5ad")
    (sandbox.folder / "lab").mkdir(exist_ok=True)
    (sandbox.folder / "lab" / "sheet.csv").write_text(text, encoding="utf-8")
    return sandbox.settings(
        RNA | {"sheet": "lab/sheet.csv", "sheet_key": "sample", "person": "sheet.patient", "date": "sheet.taken", "specimen_type": "119376003"} | more
    )


def occurrences(study: plait.Study) -> list[tuple[Any, ...]]:
    """Give the item, its person, the day and the panel of each row of `omics_occurrence`."""
    return (
        study.connect()
        .execute(
            "SELECT o.omics_source_value, p.person_source_value, CAST(o.omics_occurrence_date AS VARCHAR), o.panel "
            "FROM cdm.omics_occurrence AS o INNER JOIN cdm.person AS p USING (person_id) ORDER BY 1"
        )
        .fetchall()
    )


def test_a_sheet_says_whose_an_item_is_and_what_it_lacks_is_nobodys(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    study = with_sheet(sandbox, SHEET + "elsewhere,p3,2020-03-04,small\nshort,p3\n", panel="sheet.kit")
    study.run_etl(threads=2)
    assert occurrences(study) == [("a", "p1", "2020-03-01", "small"), ("b", "p2", "2020-03-02", "small")]
    assert [(row["reason"], row["detail"], row["shape"]) for row in study.rejects()] == [("missing_value", "person", "assay")]
    books = ledger(study)
    assert (books["items", "assay"]["read"], books["items", "assay"]["rejected"]) == (3, 1)
    assert (books["sheet", "none"]["read"], books["sheet", "none"]["ignored"]) == (4, 4)
    assert study.connect().execute("SELECT count(*) FROM plait.columns WHERE source = 'rna' AND fate = 'unaccounted'").fetchone() == (0,)


def test_a_sheet_of_samples_serves_their_cells(sandbox: Sandbox) -> None:
    study = with_sheet(sandbox, "sample\tpatient\ttaken\ns1\tp1\t2020-03-01\ns2\tp2\t2020-03-02\n", sheet_item="obs.sample", sheet="lab/sheet.tsv")
    (sandbox.folder / "lab" / "sheet.csv").rename(sandbox.folder / "lab" / "sheet.tsv")
    study.run_etl(threads=2)
    assert [row[:3] for row in occurrences(study)] == [("a", "p1", "2020-03-01"), ("b", "p2", "2020-03-02")]


def test_a_changed_line_of_the_sheet_changes_those_whom_it_names(sandbox: Sandbox) -> None:
    study = with_sheet(sandbox)
    study.run_etl(threads=2)
    (sandbox.folder / "lab" / "sheet.csv").write_text(SHEET.replace("b,p2", "b,p3"), encoding="utf-8")
    report = study.run_etl(threads=2)
    assert [(change.added, change.changed, change.removed) for change in report.sources if change.source == "rna"] == [(1, 0, 1)]
    assert [row[:2] for row in occurrences(study)] == [("a", "p1"), ("b", "p3")]
    with study.assay("rna.rna") as assay:
        assert assay.persons == [1, 3]
    assert not study.run_etl(threads=2).changed


def test_a_sheet_in_the_folder_of_the_matrices_is_no_unused_file(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    study = with_sheet(sandbox, path="lab")
    (sandbox.folder / "rna.h5ad").rename(sandbox.folder / "lab" / "rna.h5ad")
    study.run_etl(threads=2)
    assert {file for file, _ in ledger(study)} >= {"items", "sheet"}
    assert study.connect().execute("SELECT file, path FROM plait.files WHERE path LIKE '%sheet%'").fetchall() == [("sheet", "sheet.csv")]
    assert study.trace("omics_occurrence", study.table("omics_occurrence")["omics_occurrence_id"][0])["records"][0]["raw"]["item"] == "a"


@pytest.mark.parametrize(
    ("text", "more", "error", "match"),
    [
        (SHEET + "a,p3,2020-03-01,small\n", {}, InputFileError, r"expected every one of the 3 items once, got one name at places 1 and 3"),
        (SHEET.replace("kit", "taken"), {}, InputFileError, r"every one of the 4 columns once"),
        ("", {}, InputFileError, "a header and lines"),
        (SHEET.replace("p2", "\udcff"), {}, InputFileError, "UTF-8 text"),
        (SHEET.replace("p2", '"p2'), {}, InputFileError, "a quote that is closed"),
        (
            SHEET,
            {"person": "sheet.patiens"},
            ConfigError,
            r"person: expected 'sheet\.' and a column of sheet\.csv, got 'sheet\.patiens'.*Did you mean 'sheet\.patient'",
        ),
        (SHEET, {"sheet_key": "samples"}, ConfigError, r"sheet_key: expected a column of sheet\.csv, got 'samples'.*Did you mean 'sample'"),
        (SHEET.replace("kit", ""), {"sheet_key": None}, ConfigError, r"sheet_key: expected a column of sheet\.csv, got none"),
        (SHEET, {"sheet": "rna.h5ad"}, InputFileError, r"a table as text: \.csv.*got '\.h5ad'"),
        (SHEET, {"sheet_item": "obs.sampel"}, ConfigError, r"Did you mean 'obs\.sample'"),
        (SHEET, {"sheet": "lab/sheets.csv"}, ConfigError, r"sheet: expected the path of a file.*got 'lab/sheets\.csv', where there is none"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_refused(sandbox: Sandbox, text: str, more: dict[str, str | None], error: type[Exception], match: str) -> None:
    study = with_sheet(sandbox, **more)
    (sandbox.folder / "lab" / "sheet.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(error, match=re.compile(match, re.DOTALL)) as refusal:
        study.run_etl(threads=2)
    assert not any(person in str(refusal.value) for person in ("p1", "p2", "p3"))
    assert plait.open(study.path).version is None


def test_a_sheet_that_nobody_names_is_asked_for(sandbox: Sandbox) -> None:
    small().write_h5ad(sandbox.folder / "rna.h5ad")
    with pytest.raises(ConfigError, match=r"person: .*got 'sheet\.patient'"):
        sandbox.settings(RNA | {"person": "sheet.patient"}).run_etl(threads=2)
