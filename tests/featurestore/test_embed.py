"""Encoding: each item once, every part whole, what fails kept with its reason."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import plait
from linked_study import declare, linked
from plait.errors import ConfigError, EncoderError, StudyError
from plait.etl.commit import writing
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.encoders.hashing import HashingEncoder, HashingOptions
from plait.featurestore.modalities import text
from plait.schema.embeddings import Declaration, embedding_schema
from plait.schema.reasons import Reason
from plait.settings import FeatureSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shell import Result

NOTES = "  - {view: notes, modality: text, encoder: {kind: hashing, dim: 64}}\n"
DIM = 64
LONG_AGO = dt.datetime.fromisoformat("1900-01-01")


class Faulty:
    """An encoder that fails as told: by the place of a text among all that it was given, or by its words."""

    def __init__(self, spoil: Callable[[list[str], np.ndarray], Any] = lambda _texts, vectors: vectors, **declared: object) -> None:
        self.spoil, self.seen = spoil, 0
        self.declaration = Declaration(**{"name": "faulty", "version": "1", "weights_sha256": "ab" * 32, "preprocessing": {}, "dim": DIM, **declared})

    def encode(self, inputs: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        self.seen += len(inputs)
        vectors, parts = HashingEncoder(HashingOptions(kind="hashing", dim=DIM)).encode(inputs)
        return self.spoil(list(inputs), vectors), parts


@pytest.fixture
def study(demo_study: Path, tmp_path: Path) -> Path:
    """Give a study with a view of notes that were not encoded."""
    return linked(demo_study, tmp_path / "study", NOTES)


def use(monkeypatch: pytest.MonkeyPatch, encoder: Faulty) -> Faulty:
    """Have views of notes open this encoder, whatever is declared."""
    monkeypatch.setattr(text, "open_encoder", lambda _asked: encoder)
    return encoder


def table(study: Path, view: str = "notes") -> pl.DataFrame:
    """Give all rows of a view's embedding tables, in the order in which they were written."""
    parts = sorted((study / "features" / view).glob("*/*.parquet"))
    return pl.concat([pl.from_arrow(pq.read_table(part)) for part in parts])


def notes(study: Path) -> pl.DataFrame:
    """Give the notes of a study: one row each, as text and times."""
    return plait.open(study).connect().execute("SELECT person_id, note_datetime AS event_time, note_text FROM cdm.note ORDER BY note_id").pl()


def test_what_was_known_at_a_moment_is_served(study: Path) -> None:
    opened = plait.open(study)
    found = notes(study)
    (done,) = opened.embed()
    assert (done.view, done.items, done.encoded, done.reused, done.failed) == ("notes", len(found), len(found), 0, {})
    rows = found.group_by("person_id").agg(pl.col("event_time").max().alias("prediction_time")).sort("person_id")
    answer = opened.get_historical_features(rows, ["notes"])["notes"]
    last = rows.join(found, left_on=["person_id", "prediction_time"], right_on=["person_id", "event_time"], how="left", maintain_order="left")
    expected = HashingEncoder(HashingOptions(kind="hashing", dim=DIM)).encode(last["note_text"].to_list())[0]
    assert np.array_equal(answer.values, expected)
    assert answer.observed.all()
    assert (answer.age_days == 0).all()
    before = opened.get_historical_features(rows.with_columns(prediction_time=LONG_AGO), ["notes"])["notes"]
    assert not before.present.any()
    assert set(before.row_reason.tolist()) == {Reason.UNKNOWN}


def test_until_it_is_encoded_an_item_says_so(study: Path) -> None:
    found = notes(study)
    rows = found.group_by("person_id").agg(pl.col("event_time").max().alias("prediction_time")).sort("person_id")
    answer = plait.open(study).get_historical_features(rows)["notes"]
    assert set(answer.row_reason.tolist()) == {Reason.NOT_ENCODED}


def test_a_second_time_nothing_is_written(study: Path, tmp_path: Path, demo_study: Path) -> None:
    plait.open(study).embed()
    before = {file: file.stat().st_mtime_ns for file in (study / "features").rglob("*.*")}
    (again,) = plait.open(study).embed(["notes"])
    assert (again.encoded, again.reused, again.written) == (0, again.items, 0)
    assert {file: file.stat().st_mtime_ns for file in (study / "features").rglob("*.*")} == before
    other = linked(demo_study, tmp_path / "other", NOTES)
    plait.open(other).embed()
    parts = [{file.name: file.read_bytes() for file in folder.rglob("features/notes/*/0*.parquet")} for folder in (study, other)]
    assert parts[0] == parts[1]
    assert len(parts[0]) == 1


def test_rows_are_as_the_schema_says(study: Path) -> None:
    (done,) = plait.open(study).embed()
    (part,) = (study / "features/notes").glob("*/*.parquet")
    assert pq.read_schema(part).equals(embedding_schema(DIM))
    rows = table(study)
    assert rows["encoder_id"].unique().to_list() == [done.encoder_id]
    known = json.loads((study / "features/notes" / done.encoder_id / "encoder.json").read_text(encoding="utf-8"))
    assert known["declared"] == {"kind": "hashing", "dim": DIM}
    assert known["encoder_id"] == done.encoder_id
    assert not rows.select("source", "item", "content").is_duplicated().any()


_KILLED = """
import os, signal, sys
import pyarrow.parquet as pq
import plait
from plait.featurestore.modalities.text import TextView

TextView.at_once = 100
write, written = pq.write_table, []

def write_some(table, where, **options):
    if str(where).endswith(".parquet.tmp") and len(written) == 2:
        write(table, where, **options)
        with open(where, "r+b") as file:
            file.truncate(1000)
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(where)
    write(table, where, **options)

pq.write_table = write_some
plait.open(sys.argv[1]).embed()
"""


def test_killed_while_writing_it_leaves_whole_parts_and_goes_on(study: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, study], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(table(study)) == 200
    assert list((study / "features/notes").glob("*/.*.tmp"))
    (done,) = plait.open(study).embed()
    assert (done.reused, done.encoded) == (200, done.items - 200)
    assert not list((study / "features/notes").glob("*/.*.tmp"))
    assert table(study).select("source", "item", "content").n_unique() == done.items == len(table(study))


def test_only_one_writes_at_a_time(study: Path) -> None:
    with writing(study), pytest.raises(StudyError, match="another one"):
        plait.open(study).embed()


def test_what_the_gate_stops_is_quarantined(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = notes(study).sort("event_time").unique("person_id", keep="first", maintain_order=True)[:4]

    def spoil(texts: list[str], vectors: np.ndarray) -> np.ndarray:
        one, two, three, four = (texts.index(text) for text in firsts["note_text"].to_list())
        vectors[one, 3] = np.nan
        vectors[two] = np.inf
        vectors[three] *= 1.5
        vectors[four] = 0
        return vectors

    use(monkeypatch, Faulty(spoil, norm=(0.999, 1.001)))
    opened = plait.open(study)
    (done,) = opened.embed()
    rows = table(study)
    assert done.failed == {"FAILED_QC": 4}
    assert rows.filter(pl.col("status") != 0).select("status", "vector").unique().rows() == [(Reason.FAILED_QC, None)]
    details = firsts.join(rows, on=["person_id", "event_time"], how="left", maintain_order="left")["detail"].to_list()
    assert details == [*["not all numbers are finite"] * 2, *["a norm that this encoder cannot give"] * 2]
    assert rows.filter(pl.col("status") == 0)["detail"].null_count() == done.encoded == done.items - 4
    answer = opened.get_historical_features(firsts.select("person_id", prediction_time="event_time"), ["notes"])["notes"]
    assert answer.row_reason.tolist() == [Reason.FAILED_QC] * 4
    assert np.isnan(answer.values).all()


@pytest.mark.parametrize(
    "spoil",
    [lambda _texts, vectors: vectors[:, :-1], lambda _texts, vectors: vectors.astype(np.float64), lambda _texts, vectors: vectors[:-1]],
    ids=["dimension", "type", "number"],
)
def test_vectors_that_are_not_as_declared_are_an_error(
    study: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[list[str], np.ndarray], np.ndarray]
) -> None:
    use(monkeypatch, Faulty(spoil))
    with pytest.raises(EncoderError, match="expected"):
        plait.open(study).embed()
    assert not list((study / "features/notes").glob("*/*.parquet"))


def test_an_item_that_fails_is_a_row_and_is_tried_again_when_asked(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sorted({*notes(study)["note_text"].to_list()})
    broken = {texts[0], texts[7]}

    def spoil(inputs: list[str], vectors: np.ndarray) -> np.ndarray:
        if broken & set(inputs):
            raise ItemError(Reason.UNPARSED, "cannot be read")
        return vectors

    use(monkeypatch, Faulty(spoil))
    (done,) = plait.open(study).embed()
    assert done.failed == {"UNPARSED": 2}
    bad = table(study).filter(pl.col("status") != 0)
    assert bad["detail"].to_list() == ["cannot be read"] * 2
    still = use(monkeypatch, Faulty())
    (again,) = plait.open(study).embed()
    assert (still.seen, again.failed) == (0, {"UNPARSED": 2})
    (mended,) = plait.open(study).embed(retry=True)
    assert (still.seen, mended.encoded, mended.failed) == (2, 2, {})
    rows = notes(study).filter(pl.col("note_text").is_in(broken)).select("person_id", prediction_time="event_time")
    assert plait.open(study).get_historical_features(rows)["notes"].present.all()


def test_items_outside_their_persons_life_are_stopped_before_they_are_encoded(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = dt.timedelta(days=1)
    inventory = text.TextView.inventory
    con = plait.open(study).connect()
    died, death = con.execute("SELECT person_id, CAST(death_date AS TIMESTAMP) FROM cdm.death ORDER BY ALL LIMIT 1").fetchone()
    one, birth = con.execute("SELECT person_id, birth_datetime FROM cdm.person ORDER BY ALL LIMIT 1").fetchone()
    wrong = [
        (10**9, birth, birth, "not a person of the CDM"),
        (one, birth - 1.1 * day, birth, "more than a day before its person's birth"),
        (one, birth - 0.9 * day, birth, None),
        (died, death + 2.1 * day, death + 3 * day, "more than a day after its person's death"),
        (died, death + 1.9 * day, death + 3 * day, None),
        (one, birth + 9 * day, birth + 7.9 * day, "known before it happened"),
    ]

    def spoilt(view: text.TextView) -> pl.DataFrame:
        rows = inventory(view)
        odd = pl.DataFrame(
            wrong, schema={"person_id": pl.Int64, "event_time": pl.Datetime("us"), "known_time": pl.Datetime("us"), "why": pl.String}, orient="row"
        )
        return pl.concat([rows[: len(wrong)].drop("person_id", "event_time", "known_time").hstack(odd.drop("why")).select(rows.columns), rows[len(wrong) :]])

    seen = use(monkeypatch, Faulty())
    monkeypatch.setattr(text.TextView, "inventory", spoilt)
    (done,) = plait.open(study).embed()
    stopped = [why for *_, why in wrong if why]
    rows = table(study)
    assert rows.filter(pl.col("status") != 0)["detail"].to_list() == stopped
    assert (done.failed, seen.seen) == ({"FAILED_QC": len(stopped)}, done.items - len(stopped))
    monkeypatch.setattr(text.TextView, "inventory", inventory)
    (mended,) = plait.open(study).embed()
    assert (mended.encoded, mended.failed) == (len(stopped), {})


def test_other_weights_under_the_same_name_need_a_new_version(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Faulty())
    plait.open(study).embed()
    use(monkeypatch, Faulty(weights_sha256="cd" * 32))
    with pytest.raises(EncoderError, match="name a new version"):
        plait.open(study).embed()
    use(monkeypatch, Faulty(weights_sha256="cd" * 32, version="2"))
    (done,) = plait.open(study).embed()
    assert done.encoded == done.items
    assert len(list((study / "features/notes").glob("*/encoder.json"))) == 2


def test_a_new_version_never_replaces_an_old_one(study: Path) -> None:
    rows = notes(study).select("person_id", prediction_time="event_time")[:20]
    (first,) = plait.open(study).embed()
    before = plait.open(study).get_historical_features(rows)["notes"].values
    declare(study, NOTES.replace("dim: 64", "dim: 64, version: '2', words: 1"))
    assert set(plait.open(study).get_historical_features(rows)["notes"].row_reason.tolist()) == {Reason.NOT_ENCODED}
    (second,) = plait.open(study).embed()
    assert first.encoder_id != second.encoder_id
    assert not np.array_equal(plait.open(study).get_historical_features(rows)["notes"].values, before)
    declare(study, NOTES)
    assert np.array_equal(plait.open(study).get_historical_features(rows)["notes"].values, before)


def test_two_items_of_one_content_are_encoded_once(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = text.TextView.inventory
    seen = use(monkeypatch, Faulty())
    (first,) = plait.open(study).embed()
    monkeypatch.setattr(text.TextView, "inventory", lambda view: inventory(view).with_columns(pl.col("item") + "'"))
    (second,) = plait.open(study).embed()
    assert (second.reused, second.encoded, second.written) == (first.items, 0, first.items)
    assert seen.seen == first.items


def test_notes_of_some_kinds_only(study: Path) -> None:
    codes = plait.open(study).connect().execute("SELECT note_source_value, count(*) FROM cdm.note GROUP BY ALL ORDER BY ALL").fetchall()
    declare(study, NOTES.replace("modality: text", f"modality: text, note_codes: ['{codes[0][0]}']"))
    (done,) = plait.open(study).embed()
    assert len(codes) > 1
    assert done.items == codes[0][1]


def test_a_note_without_text_has_no_material_and_a_day_is_of_its_end(demo_study: Path) -> None:
    con = duckdb.connect()
    con.execute("""
        CREATE SCHEMA cdm;
        CREATE SCHEMA plait;
        CREATE TABLE cdm.note AS SELECT * REPLACE (CAST(note_date AS DATE) AS note_date) FROM (VALUES
            (1, 7, '2020-01-02', TIMESTAMP '2020-01-02 03:04:05', 'Seen.', 11, 21, 'a'),
            (2, 7, '2020-01-02', NULL, E' \t\n', 11, 22, 'b'),
            (3, 7, '2020-01-02', NULL, NULL, 12, 21, 'c'),
            (4, 8, '2020-01-02', NULL, 'Seen.', 12, 22, 'd')
        ) AS n (note_id, person_id, note_date, note_datetime, note_text, note_type_concept_id, note_class_concept_id, note_source_value);
        CREATE TABLE plait.row_meta AS SELECT 'note' AS table_name, * FROM (VALUES
            (1, TIMESTAMP '2020-01-03'), (2, TIMESTAMP '2020-01-02 12:00:00'), (3, TIMESTAMP '2020-02-01'), (4, TIMESTAMP '2020-01-01')
        ) AS m (row_id, known_time);
        CREATE TABLE plait.lineage_key AS SELECT 'note' AS table_name, 'letters' AS source, 'notes' AS file, 'note' AS shape, * FROM (VALUES
            (1, 'loaded', 'd1'), (1, 'merged', 'c1'), (2, 'loaded', 'd2'), (3, 'loaded', 'd3')
        ) AS l (row_id, role, digest);
    """)
    opened = plait.open(demo_study)
    reading = dataclasses.replace(opened.store.reading, con=con)

    def listed(**options: object) -> list[tuple[Any, ...]]:
        view = text.open_view(reading, FeatureSettings(view="notes", modality="text", **options))
        return view.inventory().sort("row_id").select("row_id", "source", "item", "status", "event_time", "known_time").rows()

    day = dt.datetime.fromisoformat
    assert listed() == [
        (1, "letters", "notes/note/d1", 0, day("2020-01-02T03:04:05"), day("2020-01-03")),
        (2, "letters", "notes/note/d2", Reason.NO_MATERIAL, day("2020-01-02T12:00:00"), day("2020-01-02T12:00:00")),
        (3, "letters", "notes/note/d3", Reason.NO_MATERIAL, day("2020-01-02T23:59:59.999999"), day("2020-02-01")),
        (4, "", "note/4", 0, day("2020-01-02"), day("2020-01-01")),
    ]
    assert [row[0] for row in listed(note_types=[12])] == [3, 4]
    assert [row[0] for row in listed(note_classes=[21])] == [1, 3]
    assert [row[0] for row in listed(note_classes=[21], note_types=[12], note_codes=["c", "d"])] == [3]


def test_the_command_tells_as_table_and_as_json(study: Path, command: Callable[..., Result]) -> None:
    done = json.loads(command("embed", "-s", study, "--json").out)
    assert done == [
        {
            "view": "notes",
            "encoder_id": done[0]["encoder_id"],
            "items": done[0]["items"],
            "encoded": done[0]["items"],
            "reused": 0,
            "failed": {},
            "written": done[0]["items"],
        }
    ]
    shown = command("embed", "notes", "-s", study)
    assert shown.out.splitlines()[1].split() == ["view", "encoder", "items", "encoded", "reused"]
    assert shown.out.splitlines()[2].split() == ["notes", done[0]["encoder_id"], str(done[0]["items"]), "·", str(done[0]["items"])]
    words = {word for note in notes(study)["note_text"].to_list() for word in note.split() if len(word) > 12}
    assert not words & set((shown.out + shown.err).split())


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ("  - {view: notes, modality: text}\n", "the key 'kind'"),
        ("  - {view: notes, modality: text, encoder: {kind: hashin}}\n", "Did you mean 'hashing'?"),
        ("  - {view: notes, modality: text, encoder: {kind: hashing, dims: 3}}\n", "Did you mean 'dim'?"),
        ("  - {view: notes, modality: text, encoder: {kind: hashing, dim: 3}}\n", "a fitting value for 'dim'"),
        ("  - {view: notes, modality: text, note_type: [1], encoder: {kind: hashing}}\n", "Did you mean 'note_types'?"),
    ],
)
def test_a_wrong_declaration_is_named(study: Path, features: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plait.open(declare(study, features)).embed()
    assert said in str(caught.value)
    assert "view 'notes'" in str(caught.value)


def test_a_view_without_items_has_nothing_to_encode(study: Path, command: Callable[..., Result]) -> None:
    declare(study, NOTES + "  - {view: labs, modality: table, path: labs.parquet, event_time: t}\n")
    assert [view.view for view in plait.open(study).embed()] == ["notes"]
    asked = command("embed", "labs", "-s", study)
    assert (asked.code, "a view whose items are encoded" in asked.err) == (2, True)
    assert command("embed", "nots", "-s", study).code == 2
