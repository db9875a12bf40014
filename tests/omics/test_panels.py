"""What an assay cannot see is kept apart from what it did not find."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.errors import InputFileError
from plait.etl.executor import LocalProcesses
from plait.etl.omics.assay import Assay
from plait.etl.omics.panels import panel_genes
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Sandbox

SOURCE: dict[str, Any] = {"name": "rna", "kind": "anndata", "path": "rna.h5ad", "person_system": "lab", "person": "obs.case", "specimen": "obs.sample"}


def write(sandbox: Sandbox) -> None:
    obs = pd.DataFrame({"case": ["p1", "p2", "p3"], "sample": ["s1-X", "s2-Y", "s3-Z"], "kit": ["small", "large", "lost"]}, index=["a", "b", "c"])
    data = anndata.AnnData(np.array([[1, 2, 3]] * 3, dtype=np.float32), obs=obs, var=pd.DataFrame(index=["AAA", "BBB", "CCC"]))
    data.write_h5ad(sandbox.folder / "rna.h5ad")
    (sandbox.folder / "small.txt").write_text("OLDA # by its previous symbol\n", encoding="utf-8")
    (sandbox.folder / "large.txt").write_text("stable_id: large\ngene_list: AAA\tBBB\n", encoding="utf-8")


def test_panels_by_pattern(sandbox: Sandbox) -> None:
    write(sandbox)
    panels = [{"name": "small", "genes": "small.txt", "samples": "*-X"}, {"name": "large", "genes": "large.txt", "samples": "s?-Y"}]
    study = sandbox.settings(SOURCE | {"panels": panels})
    study.run_etl(threads=2)
    assert study.connect().execute("SELECT omics_source_value, panel FROM cdm.omics_occurrence ORDER BY 1").fetchall() == [
        ("a", "small"),
        ("b", "large"),
        ("c", None),
    ]
    assert study.connect().execute("SELECT panel, gene_source_value, gene_symbol FROM plait.omics_panel ORDER BY ALL").fetchall() == [
        ("large", "AAA", "AAA"),
        ("large", "BBB", "BBB"),
        ("small", "OLDA", "AAA"),
    ]
    with study.assay("rna.rna") as assay:
        values, reasons = assay.values(["AAA", "BBB", "ENSG00000000003"])
    assert reasons.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert np.isnan(values[reasons != Reason.OBSERVED]).all()
    assert values[2].tolist() == [1, 2, 3]


def test_panels_by_column(sandbox: Sandbox) -> None:
    write(sandbox)
    panels = [{"name": "small", "genes": "small.txt"}, {"name": "large", "genes": "large.txt"}]
    study = sandbox.settings(SOURCE | {"panel": "obs.kit", "panels": panels})
    study.run_etl(threads=2)
    with study.assay("rna.rna") as assay:
        assert assay.panels == ["small", "large", "lost"]
        assert assay.values(["AAA", "CCC"])[1].tolist() == [[0, 1], [0, 1], [0, 0]]
    notices = [(row["kind"], row["detail"], row["records"]) for row in study.status()["notices"]]
    assert ("unknown_panel", "lost", 1) in notices


def test_another_panel_is_another_result_and_the_matrix_stays(sandbox: Sandbox) -> None:
    write(sandbox)
    panels = [{"name": "small", "genes": "small.txt", "samples": "*-X"}]
    study = sandbox.settings(SOURCE | {"panels": panels})
    study.run_etl(threads=2)
    files = [entry["sha256"] for entry in study.version.omics]
    (sandbox.folder / "small.txt").write_text("CCC\n", encoding="utf-8")
    study.run_etl(threads=2)
    with study.assay("rna.rna") as assay:
        assert assay.values(["AAA", "CCC"])[1].tolist()[0] == [1, 0]
    assert [entry["sha256"] for entry in study.version.omics] == files


def test_a_panel_without_genes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(InputFileError, match="expected at least one gene"):
        panel_genes(tmp_path / "none.txt")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    matrix=st.lists(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=3, max_size=3), min_size=1, max_size=4),
    panels=st.lists(st.sampled_from(["", "p", "q"]), min_size=4, max_size=4),
    seen=st.fixed_dictionaries({"p": st.sets(st.sampled_from("ABC")), "q": st.sets(st.sampled_from("ABC"))}),
    asked=st.lists(st.sampled_from("ABCD"), max_size=5),
)
def test_a_value_is_given_if_and_only_if_it_is_observed(
    tmp_path_factory: pytest.TempPathFactory, matrix: list[list[float]], panels: list[str], seen: dict[str, set[str]], asked: list[str]
) -> None:
    path = tmp_path_factory.mktemp("assay") / "a.h5ad"
    obs = pd.DataFrame(index=[f"i{number}" for number in range(len(matrix))])
    obs["person_id"], obs["omics_occurrence_id"], obs["specimen"], obs["panel"] = range(len(matrix)), range(len(matrix)), "s", panels[: len(matrix)]
    anndata.AnnData(np.asarray(matrix), obs=obs, var=pd.DataFrame(index=list("ABC"))).write_h5ad(path)
    with Assay(path, seen, {}) as assay:
        values, reasons = assay.values(asked)
    for line, row in enumerate(matrix):
        for number, gene in enumerate(asked):
            captured = gene in "ABC" and (not panels[line] or gene in seen[panels[line]])
            there = captured and not np.isnan(row["ABC".index(gene)])
            assert reasons[line, number] == (Reason.OBSERVED if there else Reason.UNKNOWN if captured else Reason.NOT_CAPTURED)
            assert np.isnan(values[line, number]) == (not there)
            assert not there or values[line, number] == row["ABC".index(gene)]


def test_processes_read_as_threads_do(sandbox: Sandbox) -> None:
    write(sandbox)
    study = sandbox.settings(SOURCE)
    study.run_etl(threads=2)
    by_threads = study.digest()
    study.run_etl(threads=2, full=True, executor=LocalProcesses(2))
    assert study.digest() == by_threads


def test_without_the_extra_the_error_names_it(sandbox: Sandbox) -> None:
    write(sandbox)
    study = sandbox.settings(SOURCE)
    blocked = "import sys; sys.modules['anndata'] = sys.modules['h5py'] = None; from plait.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", blocked, "run", "-s", study.path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'plait[omics]'" in done.stderr
    assert "Traceback" not in done.stderr
