"""What others computed: embeddings through the gate, and plain tables of numbers against counting by hand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plait
from linked_study import declare, linked
from plait.errors import ConfigError, EncoderError, InputFileError
from plait.featurestore.given.rows import times
from plait.featurestore.items import ItemView
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.aligned import Aligned

DIM = 4
AT = dt.datetime.fromisoformat("2020-06-01T12:00:00")
DAY = dt.timedelta(days=1)
ENCODER = f"encoder: {{name: theirs, version: '7', dim: {DIM}}}"
UNI = f"  - {{view: uni, modality: table, path: given/uni.parquet, event_time: at, {ENCODER}}}\n"


@pytest.fixture(scope="module")
def living(demo_study: Path) -> list[int]:
    """Give persons who lived all through 2020."""
    found = (
        plait.open(demo_study)
        .connect()
        .execute("""
        SELECT person_id FROM cdm.person LEFT JOIN cdm.death USING (person_id)
        WHERE year_of_birth < 2000 AND (death_date IS NULL OR death_date > DATE '2021-02-01') ORDER BY person_id
    """)
    )
    return [row[0] for row in found.fetchall()]


@pytest.fixture
def study(demo_study: Path, tmp_path: Path) -> Path:
    """Give a study that others hand files to."""
    folder = linked(demo_study, tmp_path / "study", UNI)
    (folder / "given").mkdir()
    return folder


def test_times_written_as_text_are_local_whatever_their_offset() -> None:
    texts = ["2024-03-31", "2024-03-31 14:05", "2024-03-31T14:05Z", "2024-01-31T14:05:00.5-05:00", None]
    said = ["2024-03-31T23:59:59.999999", "2024-03-31T14:05:00", "2024-03-31T16:05:00", "2024-01-31T20:05:00.500000", None]
    read = times(pl.Series("at", texts), "uni", "Europe/Berlin")
    assert read.to_list() == [moment and dt.datetime.fromisoformat(moment) for moment in said]
    for wrong in ("01/02/2024", "20240331", "2024-02-30", ""):
        with pytest.raises(InputFileError, match=r"view 'uni', column 'at': expected times of ISO 8601 .* got 1 texts"):
            times(pl.Series("at", ["2024-03-31", wrong]), "uni", "UTC")


def asked(study: Path, persons: list[int], at: dt.datetime = AT + 30 * DAY, view: str = "uni", **how: Any) -> Aligned:  # noqa: ANN401 - as a query takes it
    """Ask a view about persons at one moment."""
    answer = plait.open(study).get_historical_features(pl.DataFrame({"person_id": persons}).with_columns(prediction_time=at), [view], **how)
    return answer[view]


def test_embeddings_of_parquet_go_through_the_gate(study: Path, living: list[int]) -> None:
    one, two, three, four, five, six, seven = living[:7]
    rows = [
        (one, AT, [1.0, 2, 3, 4]),
        (one, AT - DAY, [9.0, 9, 9, 9]),
        (two, AT, [1.0, 2, 3]),
        (three, AT, [1.0, np.nan, 3, 4]),
        (four, AT, None),
        (five, AT, [1.0, 2, 3, 4]),
        (five, AT, [1.0, 2, 3, 5]),
        (six, AT, [0.0, 0, 0, 0]),
        (six, AT, [0.0, 0, 0, 0]),
        (10**9, AT, [1.0, 2, 3, 4]),
        (seven, AT.replace(year=1850), [1.0, 2, 3, 4]),
        (seven, None, [1.0, 2, 3, 4]),
    ]
    pl.DataFrame(rows, schema={"person_id": pl.Int64, "at": pl.Datetime("us"), "vector": pl.List(pl.Float64)}, orient="row").write_parquet(
        study / "given/uni.parquet"
    )
    (done,) = plait.open(study).embed()
    assert (done.items, done.encoded, done.failed) == (11, 3, {"FAILED_QC": 8})
    answer = asked(study, [one, two, three, four, five, six, seven])
    assert answer.row_reason.tolist() == [0, *[Reason.FAILED_QC] * 4, 0, Reason.FAILED_QC]
    assert answer.values[0].tolist() == [1, 2, 3, 4]
    assert answer.values[5].tolist() == [0, 0, 0, 0]
    assert asked(study, [one], AT - DAY).values[0].tolist() == [9, 9, 9, 9]
    assert asked(study, [one], AT - 2 * DAY).row_reason.tolist() == [Reason.UNKNOWN]
    details = pl.concat([pl.read_parquet(part) for part in (study / "features/uni").glob("*/*.parquet")])["detail"].drop_nulls().to_list()
    assert sorted(details) == [
        "3 numbers where 4 are declared",
        "more than a day before its person's birth",
        "no time of its event",
        "no vector in the file",
        "not a person of the CDM",
        "not all numbers are finite",
    ]


def test_only_what_changed_in_the_file_is_taken_in(study: Path, living: list[int]) -> None:
    frame = pl.DataFrame({"person_id": living[:50], "vector": np.arange(200, dtype=np.float32).reshape(50, DIM)}).with_columns(at=AT)
    frame.write_parquet(study / "given/uni.parquet", row_group_size=7)
    (first,) = plait.open(study).embed()
    changed = frame.with_columns(vector=pl.when(pl.col("person_id") == living[3]).then(pl.lit([7.0] * DIM, pl.Array(pl.Float32, DIM))).otherwise("vector"))
    changed.reverse().write_parquet(study / "given/uni.parquet")
    assert asked(study, living[:4]).row_reason.tolist() == [0, 0, 0, Reason.NOT_ENCODED]
    (second,) = plait.open(study).embed()
    assert (first.encoded, second.encoded, second.reused) == (50, 1, 49)
    assert np.array_equal(asked(study, living[:50]).values, np.stack(changed["vector"].to_numpy()))


def test_rows_of_a_matrix_are_whose_a_csv_says(study: Path, living: list[int]) -> None:
    vectors = np.random.default_rng(1).normal(size=(5, DIM)).astype(np.float16)
    np.save(study / "given/v.npy", vectors)
    known = (
        plait.open(study)
        .connect()
        .execute("SELECT person_source_value FROM cdm.person WHERE person_id IN (SELECT unnest($ids)) ORDER BY person_id", {"ids": living[:5]})
    )
    lines = [f"{name},2020-06-0{place},2020-06-0{place}T0{place}:30:00" for place, (name,) in enumerate(known.fetchall(), 1)]
    (study / "given/ids.csv").write_text("\n".join(["who,day,known", *lines]), encoding="utf-8")
    declare(
        study,
        "  - {view: uni, modality: table, path: given/v.npy, ids: given/ids.csv, person: who, system: synthea, event_time: day, "
        f"known_time: known, {ENCODER}}}\n",
    )
    (done,) = plait.open(study).embed()
    assert (done.encoded, done.failed) == (5, {})
    assert np.array_equal(asked(study, living[:5]).values, vectors.astype(np.float32))
    assert asked(study, living[:1], dt.datetime.fromisoformat("2020-06-01T23:00:00")).row_reason.tolist() == [Reason.UNKNOWN]
    assert asked(study, living[:1], dt.datetime.fromisoformat("2020-06-01T23:59:59.999999")).row_reason.tolist() == [0]


def test_identifiers_are_followed_through_links(study: Path) -> None:
    con = plait.open(study).connect()
    links = pl.read_csv(study / "data/links.csv", infer_schema=False)
    person, label = links.filter(pl.col("system") == "synthea").select("identifier", "person").row(0)
    case = links.filter((pl.col("system") == "lab-case") & (pl.col("person") == label))["identifier"][0]
    (person_id,) = con.execute("SELECT person_id FROM cdm.person WHERE person_source_value = $name", {"name": person}).fetchone()
    (born,) = con.execute("SELECT birth_datetime FROM cdm.person WHERE person_id = $id", {"id": person_id}).fetchone()
    pl.DataFrame({"case": [case, "nobody"], "at": [born + DAY] * 2, "score": [0.0, 1.0]}).write_parquet(study / "given/scores.parquet")
    declare(study, "  - {view: scores, modality: table, path: given/scores.parquet, person: case, system: lab-case, event_time: at}\n")
    assert asked(study, [person_id], born + 2 * DAY, "scores").values.tolist() == [[0.0]]
    declare(study, "  - {view: scores, modality: table, path: given/scores.parquet, person: case, system: lab-cases, event_time: at}\n")
    with pytest.raises(ConfigError, match=r"Known: .*lab-case"):
        asked(study, [person_id], born + 2 * DAY, "scores")


def test_features_of_tiles_are_pooled_and_found_by_their_slide(study: Path) -> None:
    con = plait.open(study).connect()
    slides = con.execute("""
        SELECT o.image_series_uid, o.person_id, m.known_time FROM cdm.image_occurrence AS o JOIN plait.image_item USING (image_occurrence_id)
        JOIN plait.row_meta AS m ON m.table_name = 'image_occurrence' AND m.row_id = o.image_occurrence_id WHERE source = 'slides' ORDER BY ALL
    """).pl()
    once = slides.filter(pl.col("person_id").is_unique())
    names, persons = once["image_series_uid"].to_list(), once["person_id"].to_list()
    tiles = np.random.default_rng(2).normal(size=(9, DIM)).astype(np.float32)
    shapes: list[Any] = [tiles, tiles[None], tiles[0], tiles[:0], tiles[:, :3], np.stack([tiles, tiles])]
    for name, features in zip([*names[: len(shapes)], "elsewhere"], [*shapes, tiles], strict=True):
        with h5py.File(study / f"given/{name}.h5", "w") as file:
            file["features"], file["coords"] = features, np.zeros((len(tiles), 2), int)
    (study / f"given/{names[6]}.h5").write_bytes(b"no HDF5")
    with h5py.File(study / f"given/{names[7]}.h5", "w") as file:
        file["feats"] = tiles
    declare(study, f"  - {{view: uni, modality: table, path: given, source: slides, item: slide, {ENCODER}}}\n")
    (done,) = plait.open(study).embed()
    assert done.failed == {"NO_MATERIAL": 1, "FAILED_QC": 3, "UNPARSED": 2, "NOT_ENCODED": len(slides) - 8}
    answer = asked(study, persons, dt.datetime.fromisoformat("2100-01-01"))
    reasons = [0, 0, 0, Reason.NO_MATERIAL, Reason.FAILED_QC, Reason.FAILED_QC, Reason.UNPARSED, Reason.UNPARSED, Reason.NOT_ENCODED]
    assert answer.row_reason.tolist()[: len(reasons)] == reasons
    mean = tiles.astype(np.float64).mean(axis=0).astype(np.float32)
    assert answer.values[:3].tolist() == [mean.tolist(), mean.tolist(), tiles[0].tolist()]
    before = once["known_time"][0] - dt.timedelta(seconds=1)
    assert asked(study, persons[:1], before).row_reason.tolist() == [Reason.UNKNOWN]
    sources = (
        plait.open(study)
        .get_historical_features(pl.DataFrame({"person_id": persons[:1], "prediction_time": [once["known_time"][0]]}))
        .explain("uni.0")["sources"]
    )
    (uid,) = con.execute("SELECT image_series_uid FROM cdm.image_occurrence WHERE image_occurrence_id = $id", {"id": sources["row_id"][0]}).fetchone()
    assert uid == names[0]
    declare(study, f"  - {{view: uni, modality: table, path: given, pooling: max, item: slide, {ENCODER}}}\n")
    plait.open(study).embed()
    assert asked(study, persons[:1], dt.datetime.fromisoformat("2100-01-01")).values[0].tolist() == tiles.max(axis=0).tolist()


def test_a_file_that_goes_or_changes_meanwhile_is_no_other_ones_vector(study: Path) -> None:
    con = plait.open(study).connect()
    names = [name for (name,) in con.execute("SELECT image_series_uid FROM cdm.image_occurrence WHERE local_path LIKE '%.tif' ORDER BY ALL LIMIT 3").fetchall()]
    for name in names:
        with h5py.File(study / f"given/{name}.h5", "w") as file:
            file["features"] = np.ones((2, DIM), np.float32)
            file["coords"] = np.array([ord(name[-4]), ord(name[-5])])
    declare(study, f"  - {{view: uni, modality: table, path: given, item: slide, {ENCODER}}}\n")
    view = plait.open(study).store.view("uni")
    assert isinstance(view, ItemView)
    items = view.inventory()
    (study / f"given/{names[0]}.h5").unlink()
    (study / f"given/{names[1]}.h5").write_bytes(b"another")
    given = view.inputs(items)
    assert [getattr(one, "reason", 0) for one in given] == [Reason.UNREACHABLE, Reason.FAILED_QC, 0]
    np.save(study / "given/v.npy", np.zeros((1, DIM)))
    (study / "given/ids.csv").write_text("person_id,at\n1,2020-01-01\n", encoding="utf-8")
    declare(study, f"  - {{view: uni, modality: table, path: given/v.npy, ids: given/ids.csv, event_time: at, {ENCODER}}}\n")
    view = plait.open(study).store.view("uni")
    assert isinstance(view, ItemView)
    items = view.inventory()
    np.save(study / "given/v.npy", np.ones((2, DIM)))
    with pytest.raises(InputFileError, match="changed meanwhile"):
        view.inputs(items)


def embed_and_ask(study: Path, living: list[int]) -> None:
    plait.open(study).embed()
    asked(study, living[:1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (f"path: given/uni.parquet, event_time: when, {ENCODER}", "a column 'when'"),
        (f"path: given/uni.parquet, event_time: at, vector: embedding, {ENCODER}", "a column 'embedding' with vectors"),
        (f"path: given/uni.parquet, event_time: at, vector: person_id, {ENCODER}", "lists of numbers"),
        (f"path: given/uni.parquet, event_time: vector, {ENCODER}", "a column 'vector'"),
        (f"path: given/uni.parquet, {ENCODER}", "the key 'event_time'"),
        (f"path: given/uni.parquet, event_time: at, person: at, {ENCODER}", "the CDM's person_id"),
        (f"path: given/none.parquet, event_time: at, {ENCODER}", "a file or folder"),
        (f"path: given/v.npy, event_time: at, {ENCODER}", "the key 'ids'"),
        (f"path: given/v.npy, ids: given/ids.csv, event_time: at, {ENCODER}", "a matrix of 4 columns"),
        ("path: given/v.npy, ids: given/ids.csv, event_time: at, encoder: {name: x, dim: 3}", "2 lines"),
        ("path: given/uni.parquet, event_time: at, encoder: {name: x}", "a fitting value for 'dim'"),
        ("path: given/uni.parquet, event_time: at, encoder: {name: x, dim: 4, weights: abc}", "'weights_sha256'"),
        (f"path: given/uni.parquet, item: at, person: person_id, {ENCODER}", "exclude each other"),
        ("path: given/uni.parquet, event_time: at, features: [vector]", "numbers"),
        ("path: given/ids.csv, event_time: at", "Parquet"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_an_error(study: Path, living: list[int], options: str, said: str) -> None:
    pl.DataFrame({"person_id": living[:2], "vector": [[1.0] * DIM] * 2}).with_columns(at=AT).write_parquet(study / "given/uni.parquet")
    np.save(study / "given/v.npy", np.zeros((2, 3)))
    (study / "given/ids.csv").write_text("person_id,at\n1,2020-01-01\n", encoding="utf-8")
    declare(study, f"  - {{view: uni, modality: table, {options}}}\n")
    with pytest.raises((ConfigError, InputFileError)) as caught:
        embed_and_ask(study, living)
    assert said in str(caught.value)
    assert "view 'uni'" in str(caught.value)


def test_other_weights_under_the_same_name_need_a_new_version(study: Path, living: list[int]) -> None:
    pl.DataFrame({"person_id": living[:2], "vector": [[1.0] * DIM] * 2}).with_columns(at=AT).write_parquet(study / "given/uni.parquet")
    plait.open(study).embed()
    declare(study, UNI.replace("dim: 4", f"dim: 4, weights_sha256: {'ab' * 32}"))
    with pytest.raises(EncoderError, match="name a new version"):
        plait.open(study).embed()


VALUES = st.one_of(st.none(), st.sampled_from([0.0, -1.5, float("nan"), float("inf"), 1e300]))
HISTORIES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(-3, 5), VALUES, VALUES), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(history=HISTORIES, ats=st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 12)), min_size=1, max_size=5), data=st.data())
def test_a_table_of_numbers_as_looked_up_by_hand(study: Path, living: list[int], history: list[Any], ats: list[Any], data: st.DataObject) -> None:
    how = data.draw(st.sampled_from(["last", "first", "mean", "max", "count"]))
    lookback = data.draw(st.sampled_from([None, 3]))
    clock = data.draw(st.sampled_from(["known", "ohdsi"]))
    schema = {"person_id": pl.Int64, "at": pl.Datetime("us"), "known": pl.Datetime("us"), "a": pl.Float64, "b": pl.Float64}
    rows = [(living[who], AT + day * DAY, AT + (day + max(delay, 0)) * DAY, a, b) for who, day, delay, a, b in history]
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(study / "given/t.parquet")
    window = f", lookback_days: {lookback}" if lookback else ""
    declare(study, f"  - {{view: uni, modality: table, path: given/t.parquet, event_time: at, known_time: known, reduce: {how}{window}}}\n")
    index = pl.DataFrame({"person_id": [living[who] for who, _ in ats], "prediction_time": [AT + day * DAY for _, day in ats]})
    answer = plait.open(study).get_historical_features(index, clock=clock)["uni"]
    assert answer.names == (("count",) if how == "count" else ("a", "b"))
    for place, (who, day) in enumerate(ats):
        seen = [row for row in enumerate(history) if row[1][0] == who and row[1][1] <= day and (clock == "ohdsi" or row[1][1] + max(row[1][2], 0) <= day)]
        inside = sorted(
            (row for row in seen if not lookback or row[1][1] > day - lookback),
            key=lambda row: (row[1][1], 0 if clock == "ohdsi" else max(row[1][2], 0), row[0]),
        )
        assert answer.n_obs[place].tolist() == [len(inside)] * len(answer.names)
        for column, name in enumerate(answer.names):
            expected, reason = by_hand([row[1][3 + (name == "b")] for row in inside], how)
            if not inside and seen:
                reason = Reason.OUT_OF_WINDOW
            assert answer.reason[place, column] == reason
            assert np.array_equal(answer.values[place, column], np.float32(expected), equal_nan=True)
            assert np.isnan(answer.age_days[place, column]) == (reason != 0)


def by_hand(values: list[float | None], how: str) -> tuple[float, Reason]:
    """Reduce the values of one window."""
    if not values:
        return np.nan, Reason.UNKNOWN
    if how == "count":
        return len(values), Reason.OBSERVED
    seen = [value for value in values if value is not None and abs(value) < 1e30]
    if how in {"mean", "max"} and seen:
        return float(np.mean(seen)) if how == "mean" else max(seen), Reason.OBSERVED
    one = values[0 if how == "first" else -1]
    if one is None:
        return np.nan, Reason.UNKNOWN
    return (one, Reason.OBSERVED) if one in seen else (np.nan, Reason.FAILED_QC)


def test_a_row_from_before_birth_is_no_value_and_hides_none(study: Path) -> None:
    con = plait.open(study).connect()
    person, birth = con.execute("SELECT person_id, birth_datetime FROM cdm.person ORDER BY ALL LIMIT 1").fetchone()
    rows = {"person_id": [person, person, 10**9], "at": [birth - 9 * DAY, birth + 9 * DAY, birth], "x": [False, True, True]}
    pl.DataFrame(rows).write_parquet(study / "given/t.parquet")
    declare(study, "  - {view: uni, modality: table, path: given/t.parquet, event_time: at, lookback_days: 20}\n")
    assert asked(study, [person], birth + 10 * DAY).values.tolist() == [[1.0]]
    assert asked(study, [person], birth + 5 * DAY).row_reason.tolist() == [Reason.FAILED_QC]
    assert asked(study, [person], birth + 90 * DAY).row_reason.tolist() == [Reason.OUT_OF_WINDOW]
    assert asked(study, [person], birth - 10 * DAY, audit=True).row_reason.tolist() == [Reason.NOT_YET_KNOWN]


def test_a_death_that_becomes_known_later_takes_no_value_away(study: Path) -> None:
    con = plait.open(study).connect()
    person, death = con.execute("SELECT person_id, CAST(death_date AS TIMESTAMP) FROM cdm.death ORDER BY ALL LIMIT 1").fetchone()
    pl.DataFrame({"person_id": [person], "at": [death + 9 * DAY], "x": [True]}).write_parquet(study / "given/t.parquet")
    declare(study, "  - {view: uni, modality: table, path: given/t.parquet, event_time: at}\n")
    assert asked(study, [person], death + 10 * DAY).values.tolist() == [[1.0]]


def test_a_value_leads_back_to_its_row(study: Path, living: list[int]) -> None:
    pl.DataFrame({"person_id": living[:3] * 2, "at": [AT] * 3 + [AT + DAY] * 3, "x": range(6), "note": "no number"}).write_parquet(study / "given/t.parquet")
    declare(study, "  - {view: uni, modality: table, path: given/t.parquet, event_time: at}\n")
    opened = plait.open(study)
    answer = opened.get_historical_features(pl.DataFrame({"person_id": living[1:3], "prediction_time": [AT + 9 * DAY, AT]}))
    explained = answer.explain("uni.x")
    assert (explained["column"], explained["path"]) == ("x", "given/t.parquet")
    assert explained["sources"].select("row", "table_name", "row_id").rows() == [(0, "given/t.parquet", 4), (1, "given/t.parquet", 2)]
    assert answer["uni"].values.tolist() == [[4.0], [2.0]]
    before = opened.store.view("uni").describe()
    pl.DataFrame({"person_id": [1], "at": [AT], "x": [1]}).write_parquet(study / "given/t.parquet")
    assert plait.open(study).store.view("uni").describe() != before
