"""A snapshot is what it was, or says which file is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import plait
from plait.errors import SnapshotError
from plait.featurestore.aligned import Aligned, Ragged
from plait.featurestore.compare import compare, compare_snapshots
from plait.featurestore.imputers import Imputed
from plait.featurestore.modalities.events import Codes
from plait.featurestore.sparse import Sparse
from plait.featurestore.view import Question
from plait.schema.reasons import Reason
from shell import environment
from tiny_table import aligned, make_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from plait.featurestore.table import FusionTable
    from shell import Result

LINEAGE: dict[str, Any] = {
    "study": "tiny",
    "consent_sha256": None,
    "views": {"image": {"view": "image", "modality": "image", "recipe": None, "encoder": {"encoder_id": "first-order-1", "version": "1"}}},
}
TABLE = make_table(**LINEAGE)
SPARSE = Sparse(
    "codes",
    ("a", "b"),
    np.arange(len(TABLE) + 1),
    np.arange(len(TABLE)) % 2,
    np.ones(len(TABLE), np.float32),
    np.zeros(len(TABLE), np.uint8),
    np.ones(len(TABLE), np.float32),
    np.ones(len(TABLE), np.int32),
    np.zeros((len(TABLE), 1), np.uint8),
    np.zeros(2, np.int64),
)
EMPTY = Aligned(
    "empty",
    (),
    np.zeros((len(TABLE), 0), np.float32),
    np.full((len(TABLE), 1), 255, np.uint8),
    np.full((len(TABLE), 1), np.nan, np.float32),
    np.zeros((len(TABLE), 1), np.int32),
)
CONCEPTS = replace(make_table()["events"], view="concepts", vocabulary=Codes(np.asarray([31967, 320128, 4112853])))
WIDE = replace(TABLE, answers={**TABLE.answers, "codes": SPARSE, "empty": EMPTY, "concepts": CONCEPTS})  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the snapshot of a test part with what was fitted; not to be changed."""
    train, test = TABLE.split("patient", seed=2)
    folder = tmp_path_factory.mktemp("snapshots") / "v1"
    test.apply(train.fit({"kind": "iterative", "draws": 2, "rounds": 1}, recipes={"image": {"kind": "pca", "dim": 2}})).save(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def same(first: FusionTable, second: FusionTable) -> bool:
    return compare(first, second).is_empty and first.present.tolist() == second.present.tolist() and first.reason.tolist() == second.reason.tolist()


def test_a_snapshot_answers_what_the_table_answered(tmp_path: Path) -> None:
    name = WIDE.save(tmp_path / "v1")
    opened = plait.open_snapshot(tmp_path / "v1", id=name)
    assert same(opened, WIDE)
    assert opened.index.frame.equals(WIDE.index.frame)
    assert (opened.version, opened.question, opened.views) == (WIDE.version, WIDE.question, WIDE.views)
    assert opened.described("image") == LINEAGE["views"]["image"]
    for view, answer in WIDE.answers.items():
        assert type(opened[view]) is type(answer)
    assert opened.to_polars().equals(WIDE.to_polars())
    assert opened["image"].reason.strides[1] == 0  # what was said once of a row is kept once
    with pytest.raises(ValueError, match="read-only"):
        opened["labs"].values[0, 0] = 1  # type: ignore[union-attr]


def test_the_same_table_has_the_same_bytes_and_the_same_id(tmp_path: Path) -> None:
    first, again = WIDE.save(tmp_path / "a"), WIDE.save(tmp_path / "b")
    assert first == again == plait.open_snapshot(tmp_path / "a").save(tmp_path / "c")
    assert content(tmp_path / "a") == content(tmp_path / "b") == content(tmp_path / "c")
    assert WIDE.save(tmp_path / "a") == first
    assert not list(tmp_path.glob(".*"))


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from tiny_table import make_table; train, test = make_table(persons=200).only(['labs', 'image']).split(seed=1); "
        "fitted = train.fit({'kind': 'iterative', 'draws': 2}, recipes={'image': {'kind': 'pca', 'dim': 3}}); "
        "print(test.apply(fitted).save(sys.argv[1]))"
    )
    names = set()
    for threads in ("1", "4"):
        many = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / threads)], check=True, env={**environment(), **many}, stdout=subprocess.PIPE, text=True
        )
        names.add(done.stdout)
    assert len(names) == 1
    assert content(tmp_path / "1") == content(tmp_path / "4")


def test_a_snapshot_keeps_its_split_and_what_was_fitted(saved: Path) -> None:
    opened = plait.open_snapshot(saved)
    assert opened.part is not None
    assert opened.fitted is not None
    assert opened.part.name == "test"
    assert np.isin(opened.index.person_id, opened.part.split.parts["test"]).all()
    labs = opened["labs"]
    assert isinstance(labs, Imputed)
    assert labs.draws is not None
    assert labs.draws.shape == (2, len(opened), 4)
    assert opened.explain("image.pc1")["fitted"] == opened.fitted.digest


def test_it_is_for_its_owner_alone_and_not_to_be_written(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in saved.rglob("*") if file.is_file()} == {0o400}


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "table.json",
        "index.parquet",
        "split.json",
        "fitted/fitted.npz",
        "fitted/fitted.json",
        "views/labs/values.npy",
        "views/image/reason.npy",
    ],
)
@pytest.mark.parametrize("place", [0.02, 0.5, 0.98])
def test_a_flipped_bit_is_found_and_its_file_named(saved: Path, tmp_path: Path, name: str, place: float) -> None:
    shutil.copytree(saved, tmp_path / "v1")
    file = tmp_path / "v1" / name
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 1
    file.chmod(0o600)
    file.write_bytes(data)
    with pytest.raises(SnapshotError) as raised:
        plait.open_snapshot(tmp_path / "v1")
    assert Path(raised.value.where) == file or name == "manifest.json"


def test_a_file_that_is_missing_or_added_is_named(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "v1")
    (tmp_path / "v1/views/labs/more.npy").write_bytes(b"")
    with pytest.raises(SnapshotError, match=r"more\.npy.*not in its manifest"):
        plait.open_snapshot(tmp_path / "v1")
    (tmp_path / "v1/views/labs/more.npy").unlink()
    (tmp_path / "v1/views/labs/filled.npy").unlink()
    with pytest.raises(SnapshotError, match=r"filled\.npy.*no such file"):
        plait.open_snapshot(tmp_path / "v1")
    (tmp_path / "v1/views/labs/filled.npy").symlink_to(saved / "views/labs/filled.npy")
    assert same(plait.open_snapshot(tmp_path / "v1"), plait.open_snapshot(saved))


def test_another_id_than_the_known_one_is_refused(saved: Path, tmp_path: Path) -> None:
    name = json.loads((saved / "manifest.json").read_text())["id"]
    plait.open_snapshot(saved, id=name)
    with pytest.raises(SnapshotError, match="another"):
        plait.open_snapshot(saved, id=TABLE.save(tmp_path / "other"))
    with pytest.raises(SnapshotError, match="manifest"):
        plait.open_snapshot(tmp_path)


def test_a_snapshot_is_never_replaced_and_an_audit_never_kept(saved: Path, tmp_path: Path) -> None:
    before = content(saved)
    with pytest.raises(SnapshotError, match="never replaced"):
        TABLE.save(saved)
    (tmp_path / "mine").mkdir()
    with pytest.raises(SnapshotError, match="expected a new folder, got one with other files"):
        TABLE.save(tmp_path / "mine")
    assert content(saved) == before
    with pytest.raises(SnapshotError, match="tells of the future"):
        replace(TABLE, question=Question(audit=True)).save(tmp_path / "audit")


def test_a_difference_says_what_differs(tmp_path: Path, command: Callable[..., Result]) -> None:
    labs, events = TABLE["labs"], TABLE["events"]
    assert isinstance(labs, Aligned)
    assert isinstance(events, Ragged)
    values, reason = labs.values.copy(), labs.reason.copy()
    row = int(np.flatnonzero(labs.observed[:, 0] & (np.arange(len(TABLE)) > 0))[0])
    values[row, 0] += 1
    lost = int(np.flatnonzero(labs.observed[:, 1] & (np.arange(len(TABLE)) > 0))[0])
    reason[lost, 1] = Reason.FAILED_QC
    views = {**LINEAGE, "views": {"image": {**LINEAGE["views"]["image"], "encoder": {"encoder_id": "first-order-2", "version": "2"}}}}
    changed = aligned("labs", values, reason).columns([0, 1, 2])
    other = replace(
        TABLE,
        answers={"labs": changed, "image": TABLE["image"], "events": replace(events, codes=(events.codes + 1) % 3), "empty": EMPTY},
        lineage=views,
        version=4,
    ).take(np.arange(1, len(TABLE)))
    TABLE.save(tmp_path / "a")
    other.save(tmp_path / "b")
    found = compare_snapshots(tmp_path / "a", tmp_path / "b")
    assert found.rows == (1, 0, len(TABLE) - 1)
    assert (found.added, found.removed) == (("empty",), ())
    of_labs, of_events = found.views
    assert of_labs.removed == ("f3",)
    assert of_labs.values == 2
    assert of_labs.reasons == {("OBSERVED", "FAILED_QC"): 1}
    assert dict(of_labs.features) == {"f0": 1, "f1": 1}
    assert of_events.values == int((np.diff(events.starts)[1:] > 0).sum())
    assert found.facts["views.image.encoder.encoder_id"] == ("first-order-1", "first-order-2")
    assert found.facts["version"] == (3, 4)
    said = command("features", "diff", tmp_path / "a", tmp_path / "b")
    assert said.code == 0
    for words in ("1 rows are only in the first", "Views only in the second: empty", "FAILED_QC", "first-order-2"):
        assert words in said.out, said.out
    as_json = json.loads(command("features", "diff", tmp_path / "a", tmp_path / "b", "--json").out)
    assert as_json["rows"] == {"only_first": 1, "only_second": 0, "both": len(TABLE) - 1}
    assert as_json["views"][0]["reasons"] == [{"first": "OBSERVED", "second": "FAILED_QC", "count": 1}]
    assert command("features", "diff", tmp_path / "a", tmp_path / "a").out == "They are the same.\n"
    (tmp_path / "snapshots").mkdir()
    shutil.copytree(tmp_path / "a", tmp_path / "snapshots/one")
    assert command("features", "diff", "one", tmp_path / "a", "-s", tmp_path).out == "They are the same.\n"
    broken = command("features", "diff", tmp_path / "a", tmp_path)
    assert broken.code == 1
    assert "manifest.json" in broken.err
