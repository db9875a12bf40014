"""Embedding tables that were tampered with: each fault is found by exactly the checks that docs/checks.md lists for it, and nothing bad is served."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import plait
from linked_study import linked
from plait.errors import EncoderError
from plait.featurestore.modalities.text import TextView
from plait.schema.embeddings import embedding_schema, part_digest, part_name
from plait.schema.reasons import Reason
from plait.validators.counted import is_beyond_chance
from plait.validators.embeddings.drift import keep, profile
from plait.validators.embeddings.rules import sound
from plait.validators.embeddings.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from shell import Result

    Rows = dict[str, list[Any]]

DIM = 64
NOTES = f"  - {{view: notes, modality: text, encoder: {{kind: hashing, dim: {DIM}}}}}\n"
PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")


def listed(heading: str) -> dict[str, set[str]]:
    """Give the checks of each fault in the table below a heading of the page."""
    text = PAGE.split(f"\n{heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| (.+?) \| (`.+?) \|$", text, re.MULTILINE)
    return {fault.strip(): set(re.findall(r"`(\w+)`", checks)) for fault, checks in found}


LISTED = listed("### What finds which fault in an embedding table")


@pytest.fixture(scope="module")
def demo_copy(demo_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the demo study, whose books tests may write."""
    return Path(shutil.copytree(demo_study, tmp_path_factory.mktemp("copy") / "demo", symlinks=True))


@pytest.fixture(scope="module")
def encoded(demo_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study whose notes were encoded in parts of a hundred; not to be changed."""
    study = linked(demo_copy, tmp_path_factory.mktemp("encoded") / "study", NOTES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TextView, "at_once", 100)
        plait.open(study).embed()
    return study


@pytest.fixture
def study(encoded: Path, demo_copy: Path, tmp_path: Path) -> Path:
    """Give a copy of that study whose features are its own."""
    made = linked(demo_copy, tmp_path / "study", NOTES)
    shutil.copytree(encoded / "features", made / "features")
    return made


def folder(study: Path) -> Path:
    (found,) = (study / "features" / "notes").glob("hashing-*")
    return found


def parts(study: Path) -> list[Path]:
    return sorted(folder(study).glob("*.parquet"))


def found(study: Path) -> dict[str, tuple[int | None, int | None, str]]:
    """Give what the checks of the table of notes find: two numbers and the status."""
    report = plait.open(study).validate("embeddings.notes")
    return {result.check.id: (result.violated, result.denominator, result.status) for result in report.results}


def rewrite(study: Path, change: Callable[[Rows], None], *, place: int = 1, is_named: bool = True) -> None:
    """Change the rows of a part, as an encoder with a fault would have written them; or by hand, under the name that the part had."""
    file = parts(study)[place]
    table = pq.read_table(file)
    rows: Rows = table.to_pydict()
    change(rows)
    dim = next(len(one) for one in rows["vector"] if one is not None)
    schema = pa.schema([field.with_nullable(nullable=True) for field in embedding_schema(dim)])
    made = pa.table(rows, schema=schema)
    numbers = np.asarray([one for one, code in zip(rows["vector"], rows["status"], strict=True) if code == 0], np.float32)
    target = folder(study) / part_name(place + 1, part_digest(made, [numbers])) if is_named else file
    file.unlink()
    pq.write_table(made, target)


def many(study: Path) -> int:
    """Give the place, in the second part, of a note of a person with several."""
    rows = pl.concat([pl.from_arrow(pq.read_table(part, columns=["person_id"])) for part in parts(study)])["person_id"]
    often = rows.value_counts().filter(pl.col("count") > 3)["person_id"].to_list()
    return next(place for place, person in enumerate(rows[100:200].to_list()) if person in often)


def set_one(column: str, value: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Give a change of one value of one row."""

    def change(study: Path) -> None:
        at = many(study)

        def rows_of(rows: Rows) -> None:
            rows[column][at] = value(rows[column][at])

        rewrite(study, rows_of)

    return change


def share(study: Path) -> None:
    """Have twenty notes the vector of one."""

    def change(rows: Rows) -> None:
        rows["vector"][:20] = [rows["vector"][0]] * 20

    rewrite(study, change)


def constant(study: Path) -> None:
    """Have a dimension the same in all vectors, which keep their norm of 1."""

    def change(rows: Rows) -> None:
        held = np.asarray(rows["vector"])
        held[:, 7] = 0
        held *= np.sqrt(1 - 0.25**2) / np.linalg.norm(held, axis=1, keepdims=True)
        held[:, 7] = 0.25
        rows["vector"] = held.tolist()

    for place in range(len(parts(study))):
        rewrite(study, change, place=place)


def register_other_weights(study: Path) -> None:
    file = folder(study) / "encoder.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "weights_sha256": "ab" * 32}), encoding="utf-8")


def swap_by_hand(study: Path) -> None:
    def change(rows: Rows) -> None:
        rows["vector"][0], rows["vector"][1] = rows["vector"][1], rows["vector"][0]

    rewrite(study, change, is_named=False)


def truncate(study: Path) -> None:
    file = parts(study)[1]
    file.write_bytes(file.read_bytes()[:-100])


def shorten(study: Path) -> None:
    def change(rows: Rows) -> None:
        rows["vector"] = [one[: DIM // 2] for one in rows["vector"]]

    rewrite(study, change)


FAULTS: dict[str, Callable[[Path], None]] = {
    "a number that is not finite": set_one("vector", lambda one: [float("nan"), *one[1:]]),
    "a norm that the encoder cannot give": set_one("vector", lambda one: [2 * number for number in one]),
    "a vector of another encoder": set_one("encoder_id", lambda _one: "hashing-000000000000"),
    "a vector beside the reason why there is none": set_one("status", lambda _one: int(Reason.NO_MATERIAL)),
    "a vector of no piece": set_one("parts", lambda _one: 0),
    "a row of another person": set_one("person_id", lambda one: 1 if one != 1 else 2),
    "a row of nobody": set_one("person_id", lambda _one: 987_654),
    "a row without a time": set_one("event_time", lambda _one: None),
    "a row from before birth": set_one("event_time", lambda _one: dt.datetime(1850, 1, 1)),  # noqa: DTZ001 - local time, as all of the CDM
    "a row that was known before it was made": set_one("known_time", lambda one: one - dt.timedelta(days=4)),
    "an item that changed": set_one("content", lambda one: hashlib.sha256(one.encode()).hexdigest()),
    "an item that is gone": set_one("item", lambda one: f"{one}0"),
    "vectors that many share": share,
    "a dimension that is constant": constant,
    "a part that is gone": lambda study: parts(study)[1].unlink(),
    "a part that was changed by hand": swap_by_hand,
    "a part that cannot be read": truncate,
    "vectors of another length": shorten,
    "other weights by the same name": register_other_weights,
}


def test_all_faults_are_in_the_page_and_here() -> None:
    assert LISTED.keys() == FAULTS.keys()


@pytest.fixture(scope="module")
def before(encoded: Path) -> dict[str, tuple[int | None, int | None, str]]:
    """Give what the checks find before a fault."""
    return found(encoded)


def test_a_table_without_fault_passes(before: dict[str, tuple[int | None, int | None, str]]) -> None:
    assert {status for _, _, status in before.values()} <= {"PASS", "NA"}
    assert [name.split(".")[0] for name, (_, _, status) in before.items() if status == "NA"] == ["embeddingDrift", "embeddingNormDrift"]
    assert before["embeddingFinite.embeddings.notes.vector"] == (0, 476, "PASS")
    assert before["embeddingPersons.embeddings.notes"] == (0, 178, "PASS")


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_fault_is_found_by_exactly_the_checks_listed(study: Path, fault: str, before: dict[str, tuple[int | None, int | None, str]]) -> None:
    FAULTS[fault](study)
    now = found(study)
    more = {name for name, (violated, _, _) in now.items() if (violated or 0) > (before[name][0] or 0)}
    assert {name.split(".")[0] for name in more} == LISTED[fault]
    for name in more:
        rows = plait.open(study).offending(name)["rows"]
        if not name.startswith("embeddingShared"):  # of k that are alike, all are listed, and k - 1 are too many
            assert len(rows) == now[name][0], name


def served(study: Path) -> pl.DataFrame:
    """Give, of each person with notes, what is served at the end of time."""
    opened = plait.open(study)
    rows = opened.connect().execute("SELECT DISTINCT person_id, TIMESTAMP '2030-01-01' AS prediction_time FROM cdm.note ORDER BY person_id").pl()
    answer = opened.get_historical_features(rows, ["notes"])["notes"]
    return rows.select("person_id").with_columns(reason=pl.Series(answer.row_reason), n_obs=pl.Series(answer.n_obs[:, 0]))


def test_a_row_that_fails_is_quarantined_and_encoded_anew(study: Path) -> None:
    was = served(study)
    FAULTS["a number that is not finite"](study)
    now = served(study)
    assert now["n_obs"].sum() == was["n_obs"].sum() - 1
    (done,) = plait.open(study).embed()
    assert (done.encoded, done.failed) == (1, {})
    assert served(study).equals(was)
    assert found(study)["embeddingCoverage.embeddings.notes"] == (0, 476, "PASS")


def test_a_row_of_another_person_is_failed_qc_until_it_is_written_anew(study: Path, encoded: Path) -> None:
    was = served(encoded)
    alone = was.filter(pl.col("n_obs") == 1)["person_id"].to_list()
    holds = [
        (place, at)
        for place in range(len(parts(study)))
        for at, person in enumerate(pq.read_table(parts(study)[place])["person_id"].to_pylist())
        if person in alone
    ]
    place, at = holds[0]
    whose: list[int] = []

    def change(rows: Rows) -> None:
        whose.append(rows["person_id"][at])
        rows["person_id"][at] = next(person for person in alone if person != whose[0])

    rewrite(study, change, place=place)
    now = served(study)
    assert now.filter(pl.col("reason") != 0)["person_id"].to_list() == whose
    assert now.filter(pl.col("reason") != 0)["reason"].to_list() == [Reason.FAILED_QC]
    plait.open(study).embed()
    assert served(study).equals(was)
    assert found(study)["embeddingPerson.embeddings.notes.person_id"][2] == "PASS"


@pytest.mark.parametrize("fault", ["vectors that many share", "a part that was changed by hand", "vectors of another length", "other weights by the same name"])
def test_a_table_that_fails_is_not_served(study: Path, fault: str) -> None:
    FAULTS[fault](study)
    with pytest.raises(EncoderError, match=r"embedding\w+\.embeddings\.notes.*plait validate embeddings\.notes"):
        served(study)
    first = {name for name, (_, _, status) in found(study).items() if status == "FAIL"}
    assert first, "what is not served fails its checks as well"
    others = plait.open(study)
    assert len(others.get_historical_features({"person_id": [1], "prediction_time": [dt.datetime(2024, 1, 1)]}, [])) == 1  # noqa: DTZ001


def test_the_settings_decide_what_is_served(study: Path) -> None:
    FAULTS["vectors that many share"](study)
    settings = (study / "plait.yaml").read_text(encoding="utf-8")
    (study / "plait.yaml").write_text(settings + "validation:\n  rules: [{checks: 'embeddingShared.*', severity: warning}]\n", encoding="utf-8")
    assert served(study)["reason"].to_list() == [0] * 178
    (study / "plait.yaml").write_text(settings + "validation:\n  skip: [embeddingShared]\n", encoding="utf-8")
    assert served(study)["reason"].to_list() == [0] * 178
    FAULTS["a dimension that is constant"](study)
    (study / "plait.yaml").write_text(
        settings + "validation:\n  skip: [embeddingShared]\n  rules: [{checks: embeddingConstant, severity: error, threshold: 0}]\n", encoding="utf-8"
    )
    with pytest.raises(EncoderError, match="embeddingConstant"):
        served(study)


def test_the_verdict_is_kept_and_needs_no_validation(study: Path) -> None:
    FAULTS["vectors that many share"](study)
    for _ in range(2):  # made with the cache, then read from it
        with pytest.raises(EncoderError, match="embeddingShared"):
            served(study)
    (kept,) = (folder(study) / "cache").glob("*.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["embeddingShared"] == [19, 476]


def test_a_damaged_part_that_is_removed_is_encoded_again(study: Path) -> None:
    was = served(study)
    truncate(study)
    with pytest.raises(EncoderError, match="embeddingPart"):
        served(study)
    parts(study)[1].unlink()
    (done,) = plait.open(study).embed()
    assert done.encoded == 100
    assert served(study).equals(was)


def test_vectors_of_the_future_change_no_answer_of_the_past(study: Path) -> None:
    """What is wrong with later rows alone leaves earlier answers as they are; what is wrong with the table leaves none."""
    opened = plait.open(study)
    moment = dt.datetime(2021, 1, 1)  # noqa: DTZ001 - local time, as all of the CDM
    rows = opened.connect().execute("SELECT DISTINCT person_id FROM cdm.note ORDER BY person_id").pl().with_columns(prediction_time=moment)
    was = opened.get_historical_features(rows, ["notes"])["notes"]
    assert 5 < was.observed[:, 0].sum() < len(rows)

    def spoil_later(rows: Rows) -> None:
        rows["vector"] = [[float("nan")] * DIM if event > moment else one for one, event in zip(rows["vector"], rows["event_time"], strict=True)]

    for place in range(len(parts(study))):
        rewrite(study, spoil_later, place=place)
    now = plait.open(study).get_historical_features(rows, ["notes"])["notes"]
    for part in ("values", "reason", "age_days", "n_obs"):
        assert np.array_equal(getattr(now, part), getattr(was, part), equal_nan=part in {"values", "age_days"}), part

    def share_later(rows: Rows) -> None:
        rows["vector"] = [[1.0, *[0.0] * (DIM - 1)] if event > moment else one for one, event in zip(rows["vector"], rows["event_time"], strict=True)]

    for place in range(len(parts(study))):
        rewrite(study, share_later, place=place)
    with pytest.raises(EncoderError, match=r"embedding(Shared|Collapsed)"):
        plait.open(study).get_historical_features(rows, ["notes"])


def test_new_vectors_are_compared_with_those_of_the_version_before(study: Path) -> None:
    scanned = scan(folder(study), DIM)
    early = scanned.rows.filter(pl.col("part") < 2)
    kept = profile(scanned, sound(scanned)).with_columns(parts=pl.lit([file.name for file in parts(study)[:2]]), vector_count=early.height)
    keep(study, "notes", 0, kept)
    names = ("embeddingDrift.embeddings.notes", "embeddingNormDrift.embeddings.notes")
    try:
        assert [found(study)[name] for name in names] == [(0, 1, "PASS"), (0, 1, "PASS")]
        keep(study, "notes", 0, kept.with_columns(mean=pl.col("mean").list.reverse() * -1))
        assert [found(study)[name] for name in names] == [(1, 1, "FAIL"), (0, 1, "PASS")]
        rows = plait.open(study).offending(names[0])["rows"]
        assert rows[0]["row"]["source"] == "letters"
        assert rows[0]["row"]["vector_count"] == 276
        keep(study, "notes", 0, kept.with_columns(deciles=pl.col("deciles") * 0.5))
        assert [found(study)[name][2] for name in names] == ["PASS", "FAIL"]
        keep(study, "notes", 0, kept.with_columns(encoder_id=pl.lit("hashing-000000000000")))
        assert {found(study)[name][2] for name in names} == {"NA"}
    finally:
        (study / "warehouse" / "checks" / "embeddings" / "notes" / "000000.parquet").unlink()


def test_what_vectors_are_like_is_kept(encoded: Path) -> None:
    assert found(encoded)  # whoever is checked last of those that share a warehouse is kept
    kept = pl.read_parquet(encoded / "warehouse" / "checks" / "embeddings" / "notes" / "000001.parquet")
    assert kept.select("source", "vector_count").rows() == [("letters", 476)]
    assert len(kept["mean"][0]) == DIM


def test_before_anything_is_encoded_nothing_applies(demo_copy: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    study = linked(demo_copy, tmp_path / "study", NOTES)
    report = plait.open(study).validate("embeddings")
    assert {(result.status, result.reason) for result in report.results} == {("NA", "nothing was encoded yet: plait embed notes")}
    rows = command("validate", "--rows", "embeddingNorm.embeddings.notes.vector", "-s", study)
    assert rows.code == 2
    assert "plait embed notes" in rows.err


def test_from_the_command_line(study: Path, command: Callable[..., Result], tmp_path: Path) -> None:
    FAULTS["a norm that the encoder cannot give"](study)
    done = command("validate", "embeddingNorm*", "-s", study, "--junit", tmp_path / "junit.xml")
    assert done.code == 1
    assert "embeddingNorm.embeddings.notes.vector" in done.out
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text(encoding="utf-8")
    rows = json.loads(command("validate", "--rows", "embeddingNorm.embeddings.notes.vector", "-s", study, "--json").out)
    assert [(row["row"]["norm"], len(row["records"])) for row in rows["rows"]] == [(pytest.approx(2), 1)]
    assert command("validate", "--list", "embeddings.notes", "-s", study).out.count("embeddings.notes") >= 25
    assert command("validate", "embeddings.letters", "-s", study).code == 2


@pytest.mark.parametrize(("violated", "of", "share", "is_beyond"), [(1, 3, 0.01, False), (2, 3, 0.01, True), (9, 40, 0.01, True), (14, 476, 0.01, True)])
def test_chance_is_told_from_a_fault(violated: int, of: int, share: float, is_beyond: bool) -> None:  # noqa: FBT001 - a parameter of a test
    assert is_beyond_chance(violated, of, share) is is_beyond
    total = sum(_binomial(number, of, share) for number in range(violated, of + 1))
    assert (total < 0.001) is is_beyond


def _binomial(number: int, of: int, share: float) -> float:
    from math import comb

    return comb(of, number) * share**number * (1 - share) ** (of - number)
