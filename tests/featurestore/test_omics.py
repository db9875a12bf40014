"""Views of molecular data: against a loop over all records, against the laboratory's own files, and without a look at the future."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import anndata
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plait
from plait.errors import CohortError, ConfigError
from plait.featurestore.aligned import Aligned
from plait.featurestore.modalities.omics import read_gmt
from plait.featurestore.modalities.omics_values import States
from plait.schema.reasons import PRIORITY, Reason
from tiny_cdm import Cdm, day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PERSONS, GENES = 3, ("G1", "G2", "G3")
PANELS = {"small": {"G1"}, "large": {"G1", "G2"}}
"""G3 is on no panel; of the panel 'odd' nobody lists the genes."""


class Sample(NamedTuple):
    person: int
    name: str
    taken: int
    known: int
    panel: str | None


class Variant(NamedTuple):
    person: int
    name: str
    gene: str
    found: int
    known: int


samples = st.lists(
    st.builds(
        lambda who, what, when, late, panel: Sample(who, what, when, when + late, panel),
        st.integers(1, PERSONS), st.sampled_from("xyz"), st.integers(0, 15), st.integers(0, 8), st.sampled_from(["small", "large", "odd", None]),
    ),
    max_size=6, unique_by=lambda one: (one.person, one.name),
)  # fmt: skip
variants = st.lists(
    st.builds(
        lambda who, what, gene, when, late: Variant(who, what, gene, when, when + late),
        st.integers(1, PERSONS), st.sampled_from("xyz"), st.sampled_from(GENES), st.integers(0, 15), st.integers(0, 8),
    ),
    max_size=10,
)  # fmt: skip
rows = st.lists(st.tuples(st.integers(1, PERSONS), st.integers(0, 25)), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def cdm() -> Cdm:
    return Cdm()


def fill(cdm: Cdm, taken: list[Sample], found: list[Variant]) -> None:
    cdm.empty()
    for person in range(1, PERSONS + 1):
        cdm.add("cdm.person", person_id=person)
    for panel, genes in PANELS.items():
        for gene in sorted(genes):
            cdm.add("plait.omics_panel", panel=panel, gene_source_value=gene, ensembl_gene_id=f"ENSG-{gene}", gene_symbol=gene, gene_match="symbol")
    cdm.add("cdm.omics_occurrence", omics_occurrence_id=10**6, person_id=PERSONS + 1, assay="lab.v", omics_occurrence_date=day(0).date())  # so that it exists
    for number, one in enumerate(taken):
        times = {"omics_occurrence_date": day(one.taken).date(), "omics_occurrence_datetime": day(one.taken)}
        cdm.add(
            "cdm.omics_occurrence", omics_occurrence_id=number, person_id=one.person, assay="lab.v", panel=one.panel, specimen_source_value=one.name, **times
        )
        cdm.add("plait.row_meta", table_name="omics_occurrence", row_id=number, person_id=one.person, known_time=day(one.known))
    for number, one in enumerate(found):
        gene = {"gene_source_value": one.gene, "ensembl_gene_id": f"ENSG-{one.gene}", "gene_symbol": one.gene}
        times = {"omics_variant_date": day(one.found).date(), "omics_variant_datetime": day(one.found)}
        cdm.add("cdm.omics_variant", omics_variant_id=number, person_id=one.person, assay="lab.v", specimen_source_value=one.name, **gene, **times)
        cdm.add("plait.row_meta", table_name="omics_variant", row_id=number, person_id=one.person, known_time=day(one.known))


def ask(cdm: Cdm, asked: Sequence[tuple[int, int]], **options: Any) -> Aligned:  # noqa: ANN401 - options
    index = pl.DataFrame({"person_id": [row[0] for row in asked], "prediction_time": [day(row[1]) for row in asked]})
    store = cdm.store({"features": [{"view": "it", "modality": "omics", "assay": "lab.v", "genes": list(GENES), **options}]})
    answer = store.get_historical_features(index)["it"]
    assert isinstance(answer, Aligned)
    return answer


def as_known(at: int, person: int, taken: list[Sample], found: list[Variant], since: float) -> list[tuple[float, dict[str, tuple[float | None, Reason]]]]:
    """Give what was known of each specimen of somebody by a day, oldest first: when it was taken, and each gene's number or reason."""
    told = []
    for name in "xyz":
        mine = [one for one in found if (one.person, one.name) == (person, name) and one.known <= at]
        looked = next((one for one in taken if (one.person, one.name) == (person, name) and one.known <= at), None)
        if not mine and looked is None:
            continue
        when, panel = (looked.taken, looked.panel) if looked else (min(one.found for one in mine), None)
        if not since < when <= at:
            continue
        newest = max([one.known for one in mine] + ([looked.known] if looked else []))
        values: dict[str, tuple[float | None, Reason]] = {}
        for gene in GENES:
            number = sum(one.gene == gene for one in mine)
            if panel in PANELS and gene not in PANELS[panel]:
                values[gene] = None, Reason.NOT_CAPTURED
            elif number or (looked and panel in PANELS):
                values[gene] = float(number), Reason.OBSERVED
            else:
                values[gene] = None, Reason.UNKNOWN
        told.append(((when, newest, name), values))
    return [(order[0], values) for order, values in sorted(told, key=lambda pair: pair[0])]


@settings(max_examples=30, deadline=None)
@given(samples, variants, rows, st.sampled_from(["last", "first", "mean", "max", "count"]), st.one_of(st.none(), st.integers(1, 12)))
def test_numbers_of_variants_are_those_of_a_loop(
    cdm: Cdm, taken: list[Sample], found: list[Variant], asked: list[tuple[int, int]], reduce: str, lookback: int | None
) -> None:
    fill(cdm, taken, found)
    answer = ask(cdm, asked, reduce=reduce, lookback_days=lookback)
    assert (answer.observed == ~np.isnan(answer.values)).all()
    for row, (person, at) in enumerate(asked):
        held = as_known(at, person, taken, found, -np.inf if lookback is None else at - lookback)
        older = Reason.OUT_OF_WINDOW if as_known(at, person, taken, found, -np.inf) else Reason.UNKNOWN
        if reduce == "count":
            assert answer.reason[row, 0] == (Reason.OBSERVED if held else older)
            assert not held or answer.values[row, 0] == len(held)
            continue
        for column, gene in enumerate(GENES):
            values = [number for _, genes in held for number in [genes[gene][0]] if number is not None]
            reasons = [genes[gene][1] for _, genes in held]
            if reduce in {"last", "first"}:
                number, reason = held[-1 if reduce == "last" else 0][1][gene] if held else (None, older)
            else:
                number = (np.mean(values) if reduce == "mean" else max(values)) if values else None
                reason = Reason.OBSERVED if values else min(reasons, key=PRIORITY.index) if reasons else older
            assert answer.reason[row, column] == reason
            assert answer.n_obs[row, column] == len(values)
            assert number is None or answer.values[row, column] == pytest.approx(number)


@settings(max_examples=30, deadline=None)
@given(samples, variants, samples, variants, rows)
def test_what_happens_or_becomes_known_later_changes_not_a_bit(
    cdm: Cdm, taken: list[Sample], found: list[Variant], more: list[Sample], further: list[Variant], asked: list[tuple[int, int]]
) -> None:
    cut = max(at for _, at in asked)
    taken, found = [one for one in taken if one.known <= cut], [one for one in found if one.known <= cut]
    there = {(one.person, one.name) for one in taken}
    later = [one._replace(known=max(one.known, cut + 1)) for one in more if (one.person, one.name) not in there]
    found_later = [one._replace(known=max(one.known, cut + 1)) for one in further]
    for options in ({}, {"reduce": "mean", "lookback_days": 9}):
        fill(cdm, taken, found)
        alone = ask(cdm, asked, **options)
        fill(cdm, [*taken, *later], [*found, *found_later])
        mixed = ask(cdm, asked, **options)
        for part in ("values", "reason", "age_days", "n_obs"):
            assert getattr(alone, part).tobytes() == getattr(mixed, part).tobytes()


def test_no_variant_where_nobody_lists_the_panel_means_what_the_view_says(cdm: Cdm) -> None:
    fill(cdm, [Sample(1, "x", 1, 2, "odd"), Sample(2, "x", 1, 2, "large")], [Variant(1, "x", "G1", 1, 2)])
    assert ask(cdm, [(1, 5), (2, 5)]).reason.tolist() == [[0, 255, 255], [0, 0, 1]]
    sees_all = ask(cdm, [(1, 5), (2, 5)], unlisted="wild_type")
    assert sees_all.reason.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert sees_all.values[0].tolist() == [1, 0, 0]


def test_without_genes_those_of_the_panels_are_asked_for(cdm: Cdm) -> None:
    fill(cdm, [], [])
    assert ask(cdm, [(1, 5)], genes=[]).names == ("G1", "G2")


# The demo study's RNA, against the laboratory's own files


@pytest.fixture(scope="module")
def rna(demo_study: Path, tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    """Give the demo study with views of its RNA."""
    folder = tmp_path_factory.mktemp("rna") / "study"
    folder.mkdir()
    for part in ("warehouse", "omics", "private"):
        (folder / part).symlink_to(demo_study / part)
    (folder / "sets.gmt").write_text("GROWTH\t-\tMKI67\tTP53\tHER2\nNOWHERE\t-\tTP53\tNOPE1\tNOPE2\n", encoding="utf-8")
    (folder / "genes.txt").write_text("TP53\nHER2 # by an alias\n", encoding="utf-8")
    views = [
        {"view": "rna", "genes": ["TP53", "HER2", "NOPE"]},
        {"view": "log", "genes": "genes.txt", "transform": "log1p"},
        {"view": "ranked", "genes": ["TP53"], "transform": "rank"},
        {"view": "every"},
        {"view": "sets", "gene_sets": "sets.gmt"},
    ]
    lines = "".join(f"  - {{modality: omics, assay: rna.tumours, {', '.join(f'{key}: {value}' for key, value in view.items())}}}\n" for view in views)
    (folder / "plait.yaml").write_text("study: demo\nfeatures:\n" + lines, encoding="utf-8")
    return plait.open(folder)


@pytest.fixture(scope="module")
def delivered(demo_study: Path) -> pl.DataFrame:
    """Give what the laboratory delivered: whose each sample is, when it was taken and reported, and the counts of two genes."""
    read = anndata.read_h5ad(demo_study / "data/rna.h5ad")
    with (demo_study / "data/links.csv").open(encoding="utf-8") as file:
        links = list(csv.DictReader(file))
    label = {line["identifier"]: line["person"] for line in links if line["system"] == "lab-case"}
    patient = {line["person"]: line["identifier"] for line in links if line["system"] == "synthea"}
    ids = dict(plait.open(demo_study).connect().execute("SELECT person_source_value, person_id FROM cdm.person").fetchall())
    ranks = [
        float(np.sum(row[~np.isnan(row)] < value) + (np.sum(row == value) + 1) / 2) / np.sum(~np.isnan(row))
        for row, value in zip(read.X, read[:, "TP53"].X[:, 0], strict=True)
    ]
    return pl.DataFrame({
        "person_id": [ids.get(patient.get(label.get(case, ""), ""), -1) for case in read.obs["case_id"]],
        "taken": [dt.date.fromisoformat(text) for text in read.obs["collected"]],
        "reported": [dt.date.fromisoformat(text) for text in read.obs["reported"]],
        "TP53": read[:, "TP53"].X[:, 0].astype(float),
        "ERBB2": read[:, "HER2"].X[:, 0].astype(float),
        "rank": ranks,
    }).filter(pl.col("person_id") >= 0)  # fmt: skip


def test_values_are_those_of_the_file_and_known_when_they_were_reported(rna: plait.Study, delivered: pl.DataFrame) -> None:
    index = delivered.select("person_id", prediction_time="reported")
    table = rna.get_historical_features(index)
    counts = delivered.select("TP53", "ERBB2").to_numpy()
    assert table["rna"].names == ("TP53", "ERBB2", "NOPE")
    is_number = ~np.isnan(counts)
    np.testing.assert_array_equal(table["rna"].values[:, :2], counts.astype(np.float32))
    np.testing.assert_array_equal(table["rna"].reason[:, :2], np.where(is_number, 0, 255))
    assert (table["rna"].reason[:, 2] == Reason.NOT_CAPTURED).all()
    np.testing.assert_allclose(table["log"].values, np.log1p(counts).astype(np.float32), rtol=1e-6)
    np.testing.assert_allclose(table["ranked"].values[:, 0], delivered["rank"].to_numpy(), rtol=1e-6)
    age = [(end - start).days for start, end in delivered.select("taken", "reported").iter_rows()]
    np.testing.assert_allclose(table["every"].age_days[:, 0], np.asarray(age) + 1, atol=0.01)  # known at the end of the day of the report
    before = rna.get_historical_features(index.with_columns(pl.col("prediction_time") - pl.duration(days=1)), ["rna"])
    assert not before.present.any()
    assert (before["rna"].reason[:, :2] == Reason.UNKNOWN).all()


def test_a_set_is_the_mean_of_its_genes_where_enough_are_there(rna: plait.Study, delivered: pl.DataFrame) -> None:
    index = delivered.select("person_id", prediction_time="reported")
    table = rna.get_historical_features(index, ["sets", "every"])
    every = table["every"]
    genes = [every.names.index(gene) for gene in ("MKI67", "TP53", "ERBB2") if gene in every.names]
    with np.errstate(invalid="ignore"):
        expected = np.nanmean(every.values[:, genes], axis=1)
    np.testing.assert_allclose(table["sets"].values[:, 0], expected, rtol=1e-5)
    assert (table["sets"].reason[:, 1] == Reason.NOT_CAPTURED).all()
    told = table.explain("sets.GROWTH")
    assert "ERBB2" in told["captured"]
    assert told["sources"].height == (table["sets"].reason[:, 0] == 0).sum()


def test_a_gene_leads_back_to_its_id_and_its_assays(rna: plait.Study, delivered: pl.DataFrame) -> None:
    table = rna.get_historical_features(delivered.select("person_id", prediction_time="reported"), ["rna"])
    told = table.explain("rna.ERBB2")
    assert (told["ensembl_gene_id"], told["captured"], told["layer"], told["panels"]) == ("ENSG00000141736", True, "counts", ["large", "small"])
    assert set(told["sources"]["table_name"]) == {"omics_occurrence"}
    assert told["sources"].height == table["rna"].observed[:, 1].sum()
    assert not table.explain("rna.NOPE")["captured"]
    with pytest.raises(CohortError, match="'HER3'"):
        table.explain("rna.HER3")
    assert rna.store.view("rna").describe()["matrix_sha256"] == rna.version.omics[0]["sha256"]


def test_what_is_no_number_failed() -> None:
    states = States(pl.DataFrame(), np.asarray([[np.inf, 1.0], [-2.0, np.nan]], np.float32), np.asarray([[0, 0], [0, 1]], np.uint8))
    assert states.checked().reason.tolist() == [[Reason.FAILED_QC, 0], [0, 1]]
    assert states.log1p().reason.tolist() == [[Reason.FAILED_QC, 0], [Reason.FAILED_QC, 1]]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ("assay: rna.tumors", "There are: lab.variants, rna.tumours"),
        ("assay: rna.tumours, layer: tpm", "'counts'"),
        ("assay: rna.tumours, classes: [Missense_Mutation]", "no classes of variants"),
        ("assay: rna.tumours, genes: [ERBB2, HER2]", "ERBB2 by two names"),
        ("assay: rna.tumours, genes: [TP53], gene_sets: sets.gmt", "got both"),
        ("assay: rna.tumours, gene_sets: none.gmt", "no file that can be read"),
        ("assay: rna.tumours, gene_sets: sets.gmt, sets: [APOPTOSIS]", "a set 'APOPTOSIS'"),
        ("assay: lab.variants, transform: rank", "which has variants"),
        ("assay: rna.tumours, gene: [TP53]", "Did you mean 'genes'"),
    ],
)
def test_options_that_do_not_fit_say_why(rna: plait.Study, tmp_path: Path, options: str, match: str) -> None:
    for part in ("warehouse", "omics", "private"):
        (tmp_path / part).symlink_to((rna.path / part).resolve())
    shutil.copy(rna.path / "sets.gmt", tmp_path)
    (tmp_path / "plait.yaml").write_text(f"study: demo\nfeatures:\n  - {{view: it, modality: omics, {options}}}\n")
    with pytest.raises(ConfigError, match=match):
        plait.open(tmp_path).get_historical_features({"person_id": [1], "prediction_time": [dt.date(2024, 1, 1)]})


@pytest.mark.parametrize(("text", "match"), [("A\tdesc\n", "sets.gmt:1: .*no gene"), ("A\t-\tG\nA\t-\tG\n", "sets.gmt:2: .*'A' again")])
def test_a_file_of_sets_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "sets.gmt").write_text(text)
    with pytest.raises(ConfigError, match=match):
        read_gmt(tmp_path / "sets.gmt")
