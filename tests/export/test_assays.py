"""Assays in a package: the values of who leaves, under the ids of the tables, and nothing else that stood in the file."""

# ruff: noqa: S608 - statements of the test's own
from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anndata
import duckdb
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

import plait
from plait.errors import ConfigError, ExportError
from plait.export.assays import common_columns, write_assays
from plait.export.deidentify.key import ExportKey
from plait.export.matrices import copy_rows
from plait.export.outgoing import leaving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shell import Result

KEY = "assays"


@pytest.fixture(scope="module")
def study(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the study, of which only words of several persons may be told."""
    folder = tmp_path_factory.mktemp("assays") / "study"
    shutil.copytree(few, folder, ignore=shutil.ignore_patterns("snapshots"))
    settings = folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("min_cell: 1", "min_cell: 2"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def package(study: Path, tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Result]) -> Path:
    """Give a package with the study's assay."""
    folder = tmp_path_factory.mktemp("fair") / "package"
    result = command("export", "fair", folder, "-s", study, "--row-level", "--assay", "all", "--key", KEY)
    assert result.code == 0, result.err
    assert "rna.tumours" in result.out
    return folder


@pytest.fixture(scope="module")
def shipped(package: Path) -> Any:  # noqa: ANN401 - an AnnData
    return anndata.read_h5ad(package / "omics" / "rna.tumours.h5ad")


@pytest.fixture(scope="module")
def who(study: Path) -> dict[int, int]:
    con = plait.open(study).connect()
    ExportKey.kept(study, KEY).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    return dict(con.execute("SELECT new_id, person_id FROM pseudonym").fetchall())


def test_each_row_has_the_values_of_its_person(shipped: Any, study: Path, who: dict[int, int]) -> None:  # noqa: ANN401
    with plait.open(study).assay("rna.tumours") as assay:
        kept = assay.read()
    assert shipped.shape == kept.shape
    assert (np.diff(shipped.obs["person_id"]) >= 0).all()
    assert shipped.var.equals(kept.var)
    theirs = kept.obs["person_id"].to_numpy()
    for place, new_id in enumerate(shipped.obs["person_id"].unique()):
        assert np.array_equal(shipped[shipped.obs["person_id"] == new_id].X, kept[theirs == who[new_id]].X, equal_nan=True), place
    assert np.array_equal(shipped.layers["counts"], shipped.X, equal_nan=True)


def test_its_ids_are_those_of_the_tables(shipped: Any, package: Path) -> None:  # noqa: ANN401
    for table in ("omics_occurrence", "specimen"):
        ids = dict(duckdb.sql(f"SELECT {table}_id, person_id FROM '{package}/cdm/{table}.parquet'").fetchall())
        for row, person in shipped.obs[[f"{table}_id", "person_id"]].dropna().itertuples(index=False):
            assert ids[row] == person


def test_no_name_of_the_study_is_left(shipped: Any, study: Path, package: Path) -> None:  # noqa: ANN401
    with plait.open(study).assay("rna.tumours") as assay:
        names = {*assay.items, *assay.specimens}
    assert not names & {*shipped.obs_names, *shipped.obs["specimen"]}
    assert (
        list(shipped.obs) == ["person_id", "omics_occurrence_id", "specimen_id", "specimen", "panel", "case_id", "sample_id", "batch"] or "batch" in shipped.obs
    )
    assert "collected" not in shipped.obs
    assert set(shipped.uns["plait"]) == {"assay", "layer", "is_mean", "genome_build"}
    content = (package / "omics" / "rna.tumours.h5ad").read_bytes()
    assert not [name for name in names if name.encode() in content]


def test_the_metadata_list_it_with_its_hash(package: Path) -> None:
    lines = dict(reversed(line.split("  ")) for line in (package / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    described = json.loads((package / "croissant.json").read_text(encoding="utf-8"))["distribution"]
    (found,) = (file for file in described if file["contentUrl"] == "omics/rna.tumours.h5ad")
    assert found["sha256"] == lines["omics/rna.tumours.h5ad"]
    crate = json.loads((package / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    assert "omics/rna.tumours.h5ad" in {entity["@id"] for entity in crate}


def test_what_does_not_leave(study: Path, tmp_path: Path) -> None:
    """Persons who withhold, an assay that the policy withholds, one that nobody knows, and one that was changed since."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    con = plait.open(folder).connect()
    (somebody,) = con.execute(
        "SELECT person_source_value FROM cdm.person WHERE person_id IN (SELECT person_id FROM cdm.omics_occurrence WHERE layer = 'counts')"
    ).fetchone() or ("",)
    (folder / "consent.csv").write_text(f"person,system,modality,decision,from,to\n{somebody},synthea,omics,deny,,\n", encoding="utf-8")
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write("consent: consent.csv\n")
    opened = plait.open(folder)
    version = opened._committed()  # noqa: SLF001 - what the façade hands on
    with leaving(folder, version, opened.settings, tmp_path / "out") as out:
        (one,) = write_assays(out, ["rna.tumours"])
        assert one.left_out > 0
        held = anndata.read_h5ad(out.folder / "omics" / "rna.tumours.h5ad")
        assert held.obs["person_id"].max() <= out.persons == 19
        with pytest.raises(ConfigError, match=r"There are: rna\.tumours"):
            write_assays(out, ["rna"])
        policy = out.policy.model_copy(update={"withhold": ("omics_occurrence",)})
        with pytest.raises(ExportError, match=r"policy\.withhold"):
            write_assays(replace(out, settings=out.settings.model_copy(update={"policy": policy})), ["all"])
        with h5py.File(folder / version.omics[0]["path"], "a") as file:
            file["uns/patient"] = somebody
        with pytest.raises(ExportError, match="expected the file that was committed, got another one"):
            write_assays(out, ["all"])


def test_columns_that_nobody_knows() -> None:
    persons = np.repeat(np.arange(20), 2)
    frame = pd.DataFrame(
        {
            "batch": pd.Categorical(["a", "b"] * 20, categories=["a", "b", "somebody's name"]),
            "site": ["here"] * 36 + ["a village"] * 4,
            "name": [f"patient {person}" for person in persons],
            "sampled": ["2020-03-01"] * 40,
            "taken": pd.to_datetime(["2020-03-01"] * 40),
            "passed": [True] * 40,
            "depth": np.arange(40) / 7,
        }
    )
    kept, dropped, suppressed = common_columns(frame, persons, 11)
    assert sorted(kept) == ["batch", "passed", "site"]
    assert list(kept["batch"].cat.categories) == ["a", "b"]
    assert kept["passed"].dtype == bool
    assert set(kept["site"].dropna()) == {"here"}
    assert list(kept["site"].cat.categories) == ["here"]
    assert dropped == ["name", "sampled", "taken", "depth"]
    assert suppressed == 4


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**32 - 1), st.data())
def test_rows_in_another_order(rows: int, columns: int, seed: int, data: st.DataObject) -> None:
    chosen = np.array(data.draw(st.lists(st.integers(0, rows - 1), unique=True)), dtype=np.intp)
    values = np.random.default_rng(seed).integers(0, 3, (rows, columns)).astype(np.float32)
    with h5py.File("a", "w", driver="core", backing_store=False) as file:
        file["dense"] = values
        anndata.io.write_elem(file, "sparse", csr_matrix(values))
        copy_rows(file["dense"], file, "some", chosen)
        copy_rows(file["sparse"], file, "few", chosen)
        assert np.array_equal(file["some"][:], values[chosen])
        assert np.array_equal(anndata.io.read_elem(file["few"]).toarray(), values[chosen])
