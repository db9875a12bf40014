"""Snapshots whose files were edited: each fault is found by exactly the checks that docs/checks.md lists for it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import plait
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from plait.featurestore.table import FusionTable
    from plait.validators.judge import Result as Found
    from shell import Result

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
TABLE = PAGE.split("\n### What finds which fault in a snapshot\n")[1].split("\n## ")[0]
LISTED = {fault.strip(): set(re.findall(r"`(\w+)`", checks)) for fault, checks in re.findall(r"^\| (.+?) \| (`.+?) \|$", TABLE, re.MULTILINE)}
VIEWS = ["notes", "clinical", "events", "variants", "ct"]
SITES = [f"site-{number}" for number in range(9)]


@pytest.fixture(scope="module")
def study(demo_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the demo study, whose books tests may write."""
    return Path(shutil.copytree(demo_study, tmp_path_factory.mktemp("copy") / "demo", symlinks=True))


@pytest.fixture(scope="module")
def asked(study: Path) -> FusionTable:
    """Give the table of a cohort that has a column with sites."""
    opened = plait.open(study)
    cohort = opened.cohort("cancer").frame.with_row_index("number")
    rows = cohort.with_columns(site=pl.Series([SITES[number % len(SITES)] for number in cohort["number"].to_list()])).drop("number")
    return opened.get_historical_features(rows, VIEWS)


@pytest.fixture(scope="module")
def saved(asked: FusionTable, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give snapshots without fault: of a whole table, of a part that sites were kept whole in, and of parts, one with what was fitted on the other."""
    root = tmp_path_factory.mktemp("saved")
    asked.save(root / "whole")
    by_site, *_ = asked.split("patient", by_site="site", test=0.3, seed=3)
    by_site.save(root / "by_site")
    table = asked.only(["notes", "clinical", "variants", "ct"])
    train, test = table.split("patient", test=0.3, seed=1)
    train.save(root / "train")
    test.apply(train.fit("median", recipes={"notes": [], "ct": []})).save(root / "test")
    return {path.name: path for path in root.iterdir()}


def results(study: Path, *snapshots: Path) -> dict[str, Found]:
    """Give what the checks of the first of some snapshots find, by type."""
    name = f"snapshots.{snapshots[0].name}"
    return {result.check.type.name: result for result in plait.open(study).validate(name, snapshots=snapshots).results}


def edit_json(file: str, change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Give a change of a JSON file of a snapshot."""

    def edit(folder: Path) -> None:
        said = json.loads((folder / file).read_text(encoding="utf-8"))
        change(said)
        (folder / file).chmod(0o600)
        (folder / file).write_text(json.dumps(said), encoding="utf-8")

    return edit


def edit(view: str, array: str, change: Callable[[np.ndarray, dict[str, np.ndarray]], np.ndarray | None]) -> Callable[[Path], None]:
    """Give a change of an array of a view, which sees the view's other arrays."""

    def make(folder: Path) -> None:
        held = {file.stem: np.load(file) for file in sorted((folder / "views" / view).glob("*.npy"))}
        made = change(held[array], held)
        file = folder / "views" / view / f"{array}.npy"
        file.chmod(0o600)
        np.save(file, held[array] if made is None else made)

    return make


def edit_index(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    """Give a change of the index rows."""

    def make(folder: Path) -> None:
        file = folder / "index.parquet"
        file.chmod(0o600)
        change(pl.read_parquet(file)).write_parquet(file)

    return make


def observed(held: dict[str, np.ndarray], *, is_there: bool = True) -> tuple[int, int]:
    """Give the first value that was observed, or was not."""
    reason = np.broadcast_to(held["reason"], held["values"].shape)
    found = np.argwhere((reason == 0) if is_there else (reason != 0) & ~held["filled"])
    return int(found[0][0]), int(found[0][1])


def put(value: float, *, is_there: bool = True) -> Callable[[np.ndarray, dict[str, np.ndarray]], np.ndarray]:
    """Give a change that puts a value where one was observed, or was not."""

    def change(array: np.ndarray, held: dict[str, np.ndarray]) -> np.ndarray:
        made = np.array(np.broadcast_to(array, held["values"].shape))
        made[observed(held, is_there=is_there)] = value
        return made

    return change


def put_entry(kind: str, value: float) -> Callable[[Path], None]:
    """Give a change of the first covariate of a kind."""

    def change(folder: Path) -> None:
        (said,) = [view for view in json.loads((folder / "table.json").read_text(encoding="utf-8"))["views"] if view["view"] == "clinical"]
        features = np.load(folder / "views/clinical/features.npy")
        at = int(np.flatnonzero(np.asarray(said["kinds"])[features] == kind)[0])

        def spoil(entries: np.ndarray, _held: dict[str, np.ndarray]) -> None:
            entries[at] = value

        edit("clinical", "entries", spoil)(folder)

    return change


def another_vector(values: np.ndarray, held: dict[str, np.ndarray]) -> None:
    """Give a row the vector of another one."""
    there = np.flatnonzero(held["reason"][:, 0] == 0)
    one, other = there[0], next(row for row in there if not np.array_equal(values[row], values[there[0]]))
    values[one] = values[other]


def another_code(codes: np.ndarray, held: dict[str, np.ndarray]) -> None:
    codes[-1] = (codes[-1] + 1) % len(held["vocabulary"])


def swap_names(said: dict[str, Any]) -> None:
    names = said["views"][0]["names"]
    names[0], names[1] = names[1], names[0]


def rename(said: dict[str, Any]) -> None:
    (view,) = [one for one in said["views"] if one["view"] == "variants"]
    view["names"][0] = "dead_5y"


def label_as_values(folder: Path) -> None:
    """Have a feature say what a label says."""
    days = pl.read_parquet(folder / "index.parquet")["survival_days"].cast(pl.Float32).to_numpy()

    def change(values: np.ndarray, _held: dict[str, np.ndarray]) -> None:
        values[:, 3] = np.where(np.isnan(values[:, 3]), values[:, 3], 2 * days - 5)

    edit("variants", "values", change)(folder)


def both_parts(said: dict[str, Any]) -> None:
    said["parts"]["test"] = sorted([*said["parts"]["test"], said["parts"]["train"][0]])


def both_sites(said: dict[str, Any]) -> None:
    said["rule"]["sites"]["test"].append(said["rule"]["sites"]["train"][0])


def nobody(index: pl.DataFrame) -> pl.DataFrame:
    return index.with_columns(pl.when(pl.int_range(pl.len()) == 5).then(987_654).otherwise("person_id").alias("person_id"))


def earlier(index: pl.DataFrame) -> pl.DataFrame:
    return index.with_columns(pl.col("prediction_time").dt.offset_by("-200d"))


def _sites_of_nobody(folder: Path) -> None:
    edit_json("split.json", both_sites)(folder)


FAULTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a part that is gone": ("whole", lambda folder: (folder / "views/ct/n_obs.npy").unlink()),
    "a view that lacks a row": ("whole", edit("ct", "values", lambda array, _held: array[:-1])),
    "two columns in another order": ("whole", edit_json("table.json", swap_names)),
    "a reason that tells of the future": ("whole", edit("variants", "reason", put(int(Reason.NOT_YET_KNOWN), is_there=False))),
    "an observed value without a number": ("whole", edit("variants", "values", put(float("nan")))),
    "a number where nothing was observed": ("whole", edit("variants", "values", put(1.5, is_there=False))),
    "a value that is observed and filled": ("test", edit("variants", "filled", put(1))),
    "a value that is filled by nothing": ("whole", edit("variants", "filled", put(1, is_there=False))),
    "a number that is not finite": ("whole", edit("variants", "values", put(float("inf")))),
    "a count below 0": ("whole", put_entry("count", -1)),
    "an indicator that is neither 0 nor 1": ("whole", put_entry("indicator", 0.5)),
    "an age below 0": ("whole", edit("variants", "age_days", put(-3))),
    "a person in two parts": ("train", edit_json("split.json", both_parts)),
    "a site in two parts": ("by_site", _sites_of_nobody),
    "a label by its name": ("whole", edit_json("table.json", rename)),
    "a label by its values": ("whole", label_as_values),
    "an imputer that was fitted on other rows": ("test", edit_json("fitted/fitted.json", lambda said: said.update(rows_sha256="ab" * 32))),
    "an imputer that was fitted on the test's persons": ("test", edit_json("fitted/fitted.json", lambda said: said["persons"].append(0))),
    "a person whom nobody knows": ("whole", edit_index(nobody)),
    "answers to a later moment": ("whole", edit_index(earlier)),
    "an event that nobody had": ("whole", edit("events", "codes", another_code)),
    "the vector of another item": ("whole", edit("notes", "values", another_vector)),
    "a consent file that changed": ("whole", edit_json("table.json", lambda said: said["lineage"].update(consent_sha256="ab" * 32))),
}
"""What is done to a copy of which snapshot; its manifest is then written anew."""

BY_HAND: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a file that was added": ("whole", lambda folder: (folder / "views/ct/more.npy").write_bytes(b"") and None),
    "a byte that was changed": ("test", edit_json("fitted/fitted.json", lambda said: said.update(more=1))),
}
"""What is done without writing the manifest anew."""


def manifest_anew(folder: Path) -> None:
    """Write the manifest of what a folder holds."""
    files = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != "manifest.json":
            content = file.read_bytes()
            files[file.relative_to(folder).as_posix()] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    lines = sorted(f"{name}\0{entry['bytes']}\0{entry['sha256']}" for name, entry in files.items())
    name = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    (folder / "manifest.json").chmod(0o600)
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "id": name, "files": files}), encoding="utf-8")


def test_all_faults_are_in_the_page_and_here() -> None:
    assert LISTED.keys() == FAULTS.keys() | BY_HAND.keys()


@pytest.fixture(scope="module")
def before(study: Path, saved: dict[str, Path]) -> dict[str, dict[str, Found]]:
    """Give what the checks of each snapshot find before a fault."""
    return {name: results(study, path, saved["train"]) for name, path in saved.items()}


def test_a_snapshot_without_fault_passes(before: dict[str, dict[str, Found]]) -> None:
    for name, found in before.items():
        assert {result.status for result in found.values()} <= {"PASS", "NA"}, name
    inapplicable = {name: {kind for kind, result in found.items() if result.status == "NA"} for name, found in before.items()}
    assert inapplicable["test"] == {"snapshotSites", "snapshotConsent"}
    assert inapplicable["by_site"] == {"snapshotFitted", "snapshotConsent"}
    assert inapplicable["whole"] == {"snapshotSplit", "snapshotSites", "snapshotFitted", "snapshotConsent"}
    compared = before["whole"]["snapshotValues"].denominator
    assert compared is not None
    assert compared > 4_000


@pytest.mark.parametrize("fault", sorted(FAULTS | BY_HAND))
def test_fault_is_found_by_exactly_the_checks_listed(
    study: Path, saved: dict[str, Path], tmp_path: Path, fault: str, before: dict[str, dict[str, Found]]
) -> None:
    name, change = (FAULTS | BY_HAND)[fault]
    folder = Path(shutil.copytree(saved[name], tmp_path / name))
    change(folder)
    if fault in FAULTS:
        manifest_anew(folder)
    now = results(study, folder, saved["train"])
    assert {kind for kind, result in now.items() if (result.violated or 0) > (before[name][kind].violated or 0)} == LISTED[fault]
    for kind in LISTED[fault]:
        listed = plait.open(study).offending(now[kind].check.id, snapshots=[folder, saved["train"]])
        assert listed["rows"], kind
        if kind != "snapshotLabels":  # a feature may be one by its name and by its values
            assert len(listed["rows"]) == now[kind].violated, kind


def test_a_snapshot_that_cannot_be_read_is_told(study: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved["whole"], tmp_path / "whole"))
    (folder / "table.json").unlink()
    found = results(study, folder)
    assert {kind for kind, result in found.items() if result.status == "FAIL"} == {"snapshotManifest", "snapshotParts"}
    assert {result.reason for result in found.values() if result.status == "NA"} == {"there is no table.json that can be read"}
    (tmp_path / "empty").mkdir()
    found = results(study, tmp_path / "empty")
    assert {kind for kind, result in found.items() if result.status == "FAIL"} == {"snapshotManifest", "snapshotParts"}


def test_a_version_that_is_gone_is_not_compared(study: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved["whole"], tmp_path / "whole"))
    edit_json("table.json", lambda said: said.update(version=7))(folder)
    manifest_anew(folder)
    found = results(study, folder)
    assert found["snapshotFuture"].reason == "version 7 of the study, which it was made of, is no longer there"
    edit_json("table.json", lambda said: said.update(version=1) or said["lineage"].update(fingerprint="ab"))(folder)
    assert "another one" in (results(study, folder)["snapshotValues"].reason or "")
    edit_json("table.json", lambda said: said["lineage"].update(study="theirs"))(folder)
    assert results(study, folder)["snapshotPersons"].reason == "it is of another study"


def test_a_rare_outcome_that_goes_with_a_rare_code_is_no_label(study: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    """A binary feature that is there in the two rows that have the outcome is one of 6,555 pairs, and there are hundreds of features."""
    folder = Path(shutil.copytree(saved["whole"], tmp_path / "whole"))
    values = np.load(folder / "views/variants/values.npy")
    there = np.flatnonzero(~np.isnan(values[:, 3]))
    outcome = np.zeros(len(values), bool)
    outcome[there[:2]] = True
    edit_index(lambda index: index.with_columns(dead_5y=pl.Series(outcome)))(folder)

    def change(array: np.ndarray, _held: dict[str, np.ndarray]) -> None:
        array[there, 3] = outcome[there]

    edit("variants", "values", change)(folder)
    assert results(study, folder)["snapshotLabels"].violated == 0
    outcome[there[: len(there) // 2]] = True
    edit_index(lambda index: index.with_columns(dead_5y=pl.Series(outcome)))(folder)
    edit("variants", "values", change)(folder)
    assert results(study, folder)["snapshotLabels"].violated == 1


def test_a_covariate_that_says_what_a_label_says_is_found(study: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved["whole"], tmp_path / "whole"))
    clinical = plait.open_snapshot(saved["whole"])["clinical"]
    present = clinical.observed & (clinical.values == 1)  # type: ignore[union-attr]
    chosen = int(np.argmin(np.abs(present.mean(axis=0) - 0.5) + ~clinical.observed.all(axis=0)))  # type: ignore[union-attr]
    assert 0.2 < present[:, chosen].mean() < 0.8
    edit_index(lambda index: index.with_columns(dead_5y=pl.Series(~present[:, chosen])))(folder)
    manifest_anew(folder)
    (result,) = plait.open(study).validate("snapshotLabels.snapshots.whole", snapshots=[folder]).results
    same = int((present == present[:, [chosen]]).all(axis=0).sum() + (present != present[:, [chosen]]).all(axis=0).sum())
    assert result.violated == same
    listed = plait.open(study).offending(result.check.id, snapshots=[folder])["rows"]
    assert {"view": "clinical", "feature": clinical.names[chosen], "label": "dead_5y", "shown_by": "its values"} in [row["row"] for row in listed]


def test_what_was_fitted_needs_training_rows_to_compare_with(study: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved["test"], tmp_path / "test"))
    assert results(study, folder)["snapshotFitted"].status == "PASS"  # the persons that it keeps are in the training part
    edit_json("fitted/fitted.json", lambda said: said.pop("persons") and None)(folder)
    assert results(study, folder)["snapshotFitted"].reason == "there is no snapshot of the training rows to compare with"
    assert results(study, folder, saved["train"])["snapshotFitted"].status == "PASS"


def test_snapshots_below_the_study_are_found(study: Path, saved: dict[str, Path], command: Callable[..., Result]) -> None:
    for name in ("v1", "trials/first"):
        shutil.copytree(saved["whole"], study / "snapshots" / name)
    try:
        listed = json.loads(command("validate", "--list", "snapshots", "-s", study, "--json").out)
        assert {row["check"].partition(".")[2] for row in listed} == {"snapshots.v1", "snapshots.trials/first"}
        done = command("validate", "snapshots.v1", "snapshotAge*", "-s", study)
        assert done.code == 0, done.out
        put_entry("count", -1)(study / "snapshots" / "v1")
        done = command("validate", "snapshots", "-s", study)
        assert done.code == 1
        for check in ("snapshotRange.snapshots.v1", "snapshotManifest.snapshots.v1"):
            assert check in done.out
        rows = command("validate", "--rows", "snapshotRange.snapshots.v1", "-s", study)
        assert "view=clinical" in rows.out
        assert command("validate", "-s", study, "--snapshot", study / "nowhere").code == 2
        other = command("validate", "-s", study, "--snapshot", saved["whole"], "--snapshot", saved["whole"].parent / "train", "--json")
        assert {row["table_name"] for row in json.loads(other.out)["results"]} == {"snapshots.whole", "snapshots.train"}
    finally:
        shutil.rmtree(study / "snapshots")
