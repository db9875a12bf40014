"""What an h5ad file holds beside its matrix is stored with the items, or noticed: nothing is left behind in silence."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import scipy.sparse

from plait.etl.sources import h5ad, matrix

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from conftest import Sandbox

    import plait

RNA: dict[str, Any] = {"name": "rna", "kind": "anndata", "path": "rna.h5ad", "person_system": "lab", "person": "obs.case"}
ITEMS = ["a", "b", "c", "d"]


def delivered() -> anndata.AnnData:
    """Give four items, the second of which is of somebody unknown."""
    obs = pd.DataFrame({"case": ["p1", "nobody", "p2", "p3"]}, index=ITEMS)
    return anndata.AnnData(np.arange(8, dtype=np.float32).reshape(4, 2), obs=obs, var=pd.DataFrame(index=["AAA", "BBB"]))


def stored(sandbox: Sandbox, data: anndata.AnnData, **more: str) -> tuple[plait.Study, anndata.AnnData]:
    data.write_h5ad(sandbox.folder / "rna.h5ad")
    study = sandbox.settings(RNA | more)
    study.run_etl(threads=2)
    with study.assay("rna.rna") as assay:
        return study, assay.read()


def not_kept(study: plait.Study) -> list[tuple[str, str, str, int]]:
    return [(row["source"], row["file"], row["detail"], row["records"]) for row in study.status()["notices"] if row["kind"] == "not_kept"]


def test_rows_of_obsm_follow_the_items(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (h5ad, matrix):
        monkeypatch.setattr(module, "BLOCK_CELLS", 4)  # several blocks
    data = delivered()
    spread = np.array([[0, 1, 0], [2, 0, 0], [0, 0, 3], [4, 0, 5]], dtype=np.int32)
    data.obsm["X_pca"] = np.arange(12, dtype=np.float32).reshape(4, 3)
    data.obsm["pixels"] = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    data.obsm["rows"], data.obsm["columns"] = scipy.sparse.csr_matrix(spread), scipy.sparse.csc_matrix(spread)
    data.obsm["scores"] = pd.DataFrame({"score": [1.5, 2.5, 3.5, 4.5], "word": ["u", "v", "w", "x"]}, index=ITEMS)
    study, found = stored(sandbox, data)
    kept = [0, 2, 3]
    assert list(found.obs_names) == ["a", "c", "d"]
    assert set(found.obsm) == set(data.obsm)
    for name in ("X_pca", "pixels"):
        assert np.array_equal(found.obsm[name], data.obsm[name][kept])
        assert found.obsm[name].dtype == data.obsm[name].dtype
    for name in ("rows", "columns"):
        assert np.array_equal(found.obsm[name].toarray(), spread[kept])
    pd.testing.assert_frame_equal(found.obsm["scores"], data.obsm["scores"].iloc[kept])
    assert not_kept(study) == []


def test_parts_that_are_not_stored_are_noticed(sandbox: Sandbox) -> None:
    data = delivered()
    data.raw = data.copy()
    data.varm["PCs"], data.obsp["distances"], data.varp["links"] = np.ones((2, 2)), scipy.sparse.eye(4, format="csr"), np.ones((2, 2))
    data.layers["tpm"], data.layers["scaled"] = np.ones((4, 2)), np.zeros((4, 2))
    data.uns["who"] = "of sample c"
    study, found = stored(sandbox, data, layer="tpm")
    assert not_kept(study) == [("rna", "items", part, 1) for part in ("layers/tpm", "obsp", "raw", "uns", "varm", "varp")]
    assert set(found.uns) == {"plait"}
    assert found.raw is None
    assert set(found.layers) == {"tpm", "scaled"}
    assert np.array_equal(found.layers["tpm"], found.X)


def test_each_file_of_a_folder_is_counted(sandbox: Sandbox) -> None:
    data = delivered()
    data.varm["PCs"] = np.ones((2, 2))
    (sandbox.folder / "lab").mkdir()
    data.write_h5ad(sandbox.folder / "lab" / "one.h5ad")
    data.write_h5ad(sandbox.folder / "lab" / "two.h5ad")
    study = sandbox.settings(RNA | {"path": "lab"})
    study.run_etl(threads=2)
    assert not_kept(study) == [("rna", "items", "varm", 2)]


def test_a_mean_has_no_obsm(sandbox: Sandbox) -> None:
    data = delivered()
    data.obsm["X_pca"] = np.ones((4, 3))
    study, found = stored(sandbox, data, specimen="obs.case", aliquots="mean")
    assert list(found.obsm) == []
    assert not_kept(study) == [("rna", "items", "obsm", 1)]


def test_a_file_of_an_old_anndata_keeps_its_parts(shared: Path, sandbox: Sandbox) -> None:
    path = shared / "data" / "anndata" / "pbmc68k" / "10x_pbmc68k_reduced.h5ad"  # its obsm is a table of HDF5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = anndata.read_h5ad(path)
    known = sorted(set(data.obs["bulk_labels"]))[:5]
    sandbox.people(known)
    study = sandbox.settings(RNA | {"path": str(path), "person": "obs.bulk_labels", "assay": "rna", "layer": "scaled"})
    study.run_etl(threads=2)
    with study.assay("rna.rna") as assay:
        found = assay.read()
    kept = data.obs["bulk_labels"].isin(known).to_numpy()
    assert 0 < kept.sum() < len(kept)
    assert set(found.obsm) == {"X_pca", "X_umap"}
    assert all(np.array_equal(found.obsm[name], data.obsm[name][kept]) for name in found.obsm)
    assert [part for _, _, part, _ in not_kept(study)] == ["obsp", "raw", "uns", "varm"]
