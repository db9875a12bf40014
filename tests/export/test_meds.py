"""`plait export meds`: what MEDS asks for, what readers of it open, and every row of the CDM once, under the key of the other exports."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

import base64
import datetime as dt
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import meds
import meds_reader
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import plait
from plait.errors import ConfigError, ExportError
from plait.export.deidentify.key import ExportKey
from plait.export.meds import form
from plait.export.meds.timeline import EVENT_TABLES
from plait.export.scan import scan
from plait.schema import cdm_tables
from random_cdm import random_cdm
from tiny_omop import Legacy

if TYPE_CHECKING:
    from collections.abc import Callable

    from plait.export.meds.dataset import MedsExported
    from plait.featurestore.splits import Split
    from shell import Result

NAMED = "name"
SPLIT = "test=0.2,valid=0.1,seed=7"


@pytest.fixture(scope="module")
def study(demo_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the demo study, whose private/ may be written to, and whose checks are made elsewhere."""
    folder = tmp_path_factory.mktemp("meds") / "study"
    shutil.copytree(demo_study, folder, ignore=shutil.ignore_patterns("snapshots"))
    with (folder / "plait.yaml").open("a", encoding="utf-8") as file:
        file.write("validation: {skip: [is*, measure*, plausible*]}\n")
    return folder


@pytest.fixture(scope="module")
def exported(study: Path, tmp_path_factory: pytest.TempPathFactory) -> MedsExported:
    """Give the study as a dataset with all that can go along, under a key that is kept."""
    folder = tmp_path_factory.mktemp("datasets") / "meds"
    return plait.open(study).export_meds(folder, row_level=True, cohorts=["cancer"], views=["ct", "wsi"], split=SPLIT, key=NAMED)


@pytest.fixture(scope="module")
def split(study: Path) -> Split:
    """Give a split of the study's persons with cancer."""
    opened = plait.open(study)
    part = opened.get_historical_features(opened.cohort("cancer"), ["clinical"]).split("patient", test=0.2, valid=0.1, seed=7)[0].part
    assert part is not None
    return part.split


@pytest.fixture(scope="module")
def other(study: Path, split: Split, tmp_path_factory: pytest.TempPathFactory) -> MedsExported:
    """Give the study as another dataset, under a key that is thrown away, with the sources' codes and with labels and a split that somebody gave."""
    folder = tmp_path_factory.mktemp("others")
    split.save(folder / "split.json")
    persons = plait.open(study).connect().sql("SELECT person_id AS subject_id FROM cdm.person ORDER BY 1 LIMIT 40").pl()
    rows = persons.with_columns(
        (pl.lit(dt.datetime(2020, 1, 1)) + pl.duration(days=pl.int_range(40))).alias("prediction_time"),  # noqa: DTZ001 - local time, as everywhere
        pl.int_range(40).alias("integer_value"),
        pl.Series("categorical_value", ["often"] * 30 + ["rare"] * 10),
    )
    rows.write_parquet(folder / "stages.parquet")
    cohorts = [str(folder / "stages.parquet"), rows.select("subject_id", "prediction_time")]
    return plait.open(study).export_meds(folder / "meds", row_level=True, cohorts=cohorts, split=str(folder / "split.json"), codes="source")


@pytest.fixture(scope="module")
def both(study: Path, exported: MedsExported) -> duckdb.DuckDBPyConnection:
    """Give the study as schema `cdm`, the dataset's events as `event`, and who is who in `pseudonym`."""
    con = plait.open(study).connect()
    con.execute(f"CREATE TEMP VIEW event AS FROM '{exported.path}/data/*.parquet'")
    ExportKey.kept(study, NAMED).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    return con


def one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = con.execute(query).fetchone()
    assert found is not None
    return found


def test_each_file_is_what_meds_says_it_is(exported: MedsExported) -> None:
    folder = exported.path
    data = sorted((folder / meds.data_subdirectory).glob("*.parquet"))
    assert len(data) == exported.shards == 1
    for file in data:
        meds.DataSchema.validate(pq.read_table(file))
    meds.CodeMetadataSchema.validate(pq.read_table(folder / meds.code_metadata_filepath))
    meds.SubjectSplitSchema.validate(pq.read_table(folder / meds.subject_splits_filepath))
    labels = sorted((folder / "labels").rglob("*.parquet"))
    assert [file.relative_to(folder / "labels").as_posix() for file in labels] == ["cancer/dead_5y/0.parquet", "cancer/survival/0.parquet"]
    for file in labels:
        meds.LabelSchema.validate(pq.read_table(file))
    said = json.loads((folder / meds.dataset_metadata_filepath).read_text(encoding="utf-8"))
    meds.DatasetMetadataSchema.validate(said)
    own = {name for key in said if key.endswith("_columns") for name in said[key]}
    assert own | {"subject_id", "time", "code", "numeric_value", "text_value"} == set(pq.read_schema(data[0]).names)
    bare = [(name, kind) for name, kind, *_ in duckdb.sql(f"DESCRIBE FROM '{data[0]}'").fetchall()]
    kinds = {"BIGINT": "int64", "TIMESTAMP": "timestamp[us]", "FLOAT": "float", "VARCHAR": "string"}
    assert [(name, str(kind).removeprefix("large_")) for name, kind in zip(pq.read_schema(data[0]).names, pq.read_schema(data[0]).types, strict=True)] == [
        (name, kinds[kind]) for name, kind in bare
    ]
    assert (said["etl_name"], said["dataset_version"]) == ("plait", "1")


def test_events_are_in_order_and_every_code_is_described(exported: MedsExported, both: duckdb.DuckDBPyConnection) -> None:
    frame = pl.read_parquet(exported.path / "data" / "0.parquet")
    assert frame.select("subject_id", "time").equals(frame.select("subject_id", "time").sort("subject_id", "time", nulls_last=False))
    assert set(frame["code"]) <= set(pl.read_parquet(exported.path / "metadata" / "codes.parquet")["code"])
    assert one(both, f"SELECT count(*) FROM '{exported.path}/metadata/codes.parquet' WHERE description IS NULL") == (0,)
    first = frame.group_by("subject_id", maintain_order=True).first()
    assert set(first["code"]) <= {"Gender/F", "Gender/M"}
    born = frame.filter(pl.col("code") == meds.birth_code)
    assert born.height == exported.persons
    static = one(both, "SELECT count(*), count(DISTINCT code), count_if(code LIKE '%/%') FROM event WHERE time IS NULL")
    assert static[0] == static[2] > 2 * exported.persons
    parents = one(both, f"SELECT count(*) FROM '{exported.path}/metadata/codes.parquet' WHERE len(parent_codes) > 0 AND code LIKE 'SNOMED/%'")
    assert parents > (10,)


def test_a_reader_of_meds_opens_it(exported: MedsExported, tmp_path: Path) -> None:
    convert = Path(sys.executable).with_name("meds_reader_convert")
    subprocess.run([convert, exported.path, tmp_path / "read", "--num_threads", "1"], check=True, capture_output=True)
    frame = pl.read_parquet(exported.path / "data" / "0.parquet")
    with meds_reader.SubjectDatabase(str(tmp_path / "read")) as read:
        assert sorted(read) == list(range(1, exported.persons + 1))
        for subject in (1, 17, exported.persons):
            events = [(event.time, event.code, event.numeric_value, event.known_time) for event in read[subject].events]
            assert events == frame.filter(pl.col("subject_id") == subject).select("time", "code", "numeric_value", "known_time").rows()


def test_every_row_that_leaves_is_an_event(exported: MedsExported, both: duckdb.DuckDBPyConnection) -> None:
    """The counts of each table are those of the study; the rows that are their persons' own (row_id, date, number) are told anew, by hand."""
    for table in EVENT_TABLES:
        (rows,) = one(both, f"SELECT count(*) FROM cdm.{table}")
        assert exported.rows.get(table, 0) == rows, table
        column = "subject_id" if table in {"person", "death"} else "row_id"
        where = f"\"table\" = '{table}' AND embedding_row IS NULL"
        assert one(both, f"SELECT count(DISTINCT {column}), count(*) FROM event WHERE {where}") == (rows, exported.events.get(table, 0)), table
    assert sum(exported.events.values()) == one(both, "SELECT count(*) FROM event")[0]
    ours = """
    SELECT p.new_id, m.measurement_datetime + to_days(p.shift_days), coalesce(c.vocabulary_id || '/' || c.concept_code, 'none'),
        CAST(m.value_as_number AS FLOAT), (p.new_id << 22) + (m.visit_occurrence_id & 4194303)
    FROM cdm.measurement AS m JOIN pseudonym AS p USING (person_id)
    LEFT JOIN cdm.concept AS c ON c.concept_id = m.measurement_concept_id AND c.concept_id != 0
    WHERE m.measurement_datetime != m.measurement_date
    """
    theirs = """
    SELECT subject_id, time, CASE WHEN code LIKE 'UNMAPPED//%' THEN 'none' ELSE code END, numeric_value, visit_id
    FROM event WHERE "table" = 'measurement' AND CAST(time AS TIME) != '23:59:59.999999'
    """
    assert one(both, f"SELECT count(*) FROM ({ours})") == one(both, f"SELECT count(*) FROM ({theirs})") > (70_000,)
    for first, second in ((ours, theirs), (theirs, ours)):
        assert one(both, f"SELECT count(*) FROM ({first} EXCEPT ALL {second})") == (0,)


def test_a_time_is_known_when_it_was_and_a_day_counts_at_its_end(both: duckdb.DuckDBPyConnection) -> None:
    assert one(both, "SELECT count_if(known_time < time), count_if(known_time > time) > 100, count_if(known_time IS NULL) FROM event WHERE row_id IS NOT NULL")[
        :2
    ] == (0, True)
    late = """
    SELECT count(*), count_if(e.known_time = greatest(m.known_time + to_days(p.shift_days), e.time)) FROM event AS e
    JOIN pseudonym AS p ON p.new_id = e.subject_id
    JOIN plait.row_meta AS m ON m.table_name = e."table" AND m.row_id = (p.person_id << 22) + (e.row_id & 4194303)
    WHERE e.code NOT LIKE 'END//%' AND e.embedding_row IS NULL
    """
    count, same = one(both, late)
    assert count == same > 90_000
    days = one(both, "SELECT count(*), count_if(CAST(time AS TIME) = '23:59:59.999999') FROM event WHERE \"table\" IN ('omics_variant', 'death')")
    assert days[0] == days[1] > 100
    ends = one(both, "SELECT count(*), count_if(known_time >= time AND \"end\" IS NULL) FROM event WHERE code LIKE 'END//Visit/%'")
    assert ends[0] == ends[1] > 10_000


def test_it_joins_with_a_cdm_of_the_same_key_and_with_none_of_another(
    study: Path, both: duckdb.DuckDBPyConnection, other: MedsExported, tmp_path: Path
) -> None:
    plait.open(study).export_omop(tmp_path / "same", row_level=True, key=NAMED)
    matched = f"""
    SELECT count(*), count_if(o.person_id = e.subject_id AND o.condition_start_date = CAST(e.time AS DATE))
    FROM event AS e JOIN '{tmp_path}/same/condition_occurrence.parquet' AS o ON e.row_id = o.condition_occurrence_id WHERE e."table" = 'condition_occurrence'
    """
    assert one(both, matched) == (2668, 2668)
    assert other.key is None
    births = f"""
    SELECT count(*) FROM event AS a JOIN '{other.path}/data/*.parquet' AS b USING (subject_id, code, time) WHERE a.code = 'MEDS_BIRTH'
    """
    assert one(both, births)[0] < 10


def test_nothing_identifies(exported: MedsExported, both: duckdb.DuckDBPyConnection, study: Path) -> None:
    known = {row[0] for row in both.execute(f"SELECT identifier FROM '{study}/private/crosswalk-*.parquet'").fetchall()}
    for column in ("address_1", "city", "county", "zip"):
        known |= {row[0] for row in both.sql(f"SELECT DISTINCT {column} FROM cdm.location WHERE {column} IS NOT NULL").fetchall()}
    known |= {row[0] for row in both.sql("SELECT note_text FROM cdm.note UNION SELECT image_series_uid FROM cdm.image_occurrence").fetchall()}
    assert len(known) > 500
    for file in exported.path.rglob("*.parquet"):
        for name, kind in pl.read_parquet_schema(file).items():
            if kind == pl.String:
                values = pl.read_parquet(file, columns=[name])[name].drop_nulls().unique().to_list()
                assert not [value for value in values for token in (value, *re.split(r"[\s/]+", value)) if token in known], (file, name)
    rare = "SELECT code FROM event WHERE code LIKE 'UNMAPPED//%//%' GROUP BY code HAVING count(DISTINCT subject_id) < 11"
    assert both.sql(rare).fetchall() == []
    assert one(both, "SELECT count(*) FROM event WHERE code LIKE 'UNMAPPED//%//%'") > (1000,)
    assert one(both, "SELECT count(text_value) FROM event WHERE \"table\" = 'note'") == (0,)


def test_labels_are_those_of_the_cohort(study: Path, exported: MedsExported, both: duckdb.DuckDBPyConnection) -> None:
    cohort = plait.open(study).cohort("cancer")
    who = both.sql("SELECT person_id, new_id, shift_days FROM pseudonym").pl()
    rows = cohort.frame.join(who, on="person_id").with_columns(at=pl.col("prediction_time") + pl.duration(days="shift_days"))
    wanted = rows.filter(pl.col("dead_5y").is_not_null()).select(subject_id="new_id", prediction_time="at", boolean_value="dead_5y").sort("subject_id")
    assert pl.read_parquet(exported.path / "labels/cancer/dead_5y/0.parquet").equals(wanted)
    survival = pl.read_parquet(exported.path / "labels/cancer/survival/0.parquet")
    assert survival.height == exported.labels["cancer/survival"] == cohort.rows.height
    assert survival["boolean_value"].sum() == rows["survival_event"].sum()
    assert survival["float_value"].sum() == pytest.approx(rows["survival_days"].sum(), rel=1e-6)


def test_splits_are_those_that_were_asked_for(
    study: Path, exported: MedsExported, other: MedsExported, both: duckdb.DuckDBPyConnection, split: Split, tmp_path: Path
) -> None:
    who = dict(both.sql("SELECT new_id, person_id FROM pseudonym").fetchall())
    given = dict(pl.read_parquet(exported.path / "metadata/subject_splits.parquet").iter_rows())
    names = {"train": "train", "valid": "tuning", "test": "held_out"}
    for part, persons in split.parts.items():
        assert {given[new] for new, person in who.items() if person in persons} == {names[part]}
    assert exported.splits == {name: list(given.values()).count(name) for name in sorted(names.values())} == other.splits
    for wrong in ("nowhere", "test=much", "share=0.2", "test=0.2,seed=0.5"):
        with pytest.raises(ConfigError, match="--split"):
            plait.open(study).export_meds(tmp_path / "wrong", row_level=True, split=wrong)


def test_an_embedding_is_the_vector_of_its_item(study: Path, exported: MedsExported, both: duckdb.DuckDBPyConnection) -> None:
    vectors = pl.read_parquet(exported.path / "embeddings/ct.parquet")
    events = both.sql("SELECT * FROM event WHERE code = 'EMBEDDING//ct' ORDER BY embedding_row").pl()
    assert events["embedding_row"].to_list() == list(range(vectors.height))
    assert events.select("subject_id", "time", "known_time").rows() == vectors.select("subject_id", "known_time", pl.col("known_time").alias("k")).rows()
    opened = plait.open(study)
    who = dict(both.sql("SELECT new_id, person_id FROM pseudonym").fetchall())
    shift = dict(both.sql("SELECT new_id, shift_days FROM pseudonym").fetchall())
    last = vectors.with_row_index().group_by("subject_id", maintain_order=True).last()
    asked = pl.DataFrame(
        {
            "person_id": [who[new] for new in last["subject_id"]],
            "prediction_time": [at - dt.timedelta(days=shift[new]) for new, at in last.select("subject_id", "known_time").iter_rows()],
        }
    )
    answer = opened.get_historical_features(asked, ["ct"])["ct"]
    assert np.array_equal(answer.values, np.stack([row.to_numpy() for row in last["vector"]]))


def test_a_kept_key_gives_the_same_bytes_and_several_files_the_same_events(study: Path, exported: MedsExported, tmp_path: Path) -> None:
    opened = plait.open(study)
    again = opened.export_meds(tmp_path / "again", row_level=True, cohorts=["cancer"], views=["ct", "wsi"], split=SPLIT, key=NAMED, threads=1, memory="512MiB")
    assert again.files == exported.files
    many = opened.export_meds(tmp_path / "many", row_level=True, key=NAMED, views=["ct", "wsi"], events_per_file=20_000)
    assert many.shards > 4
    files = [pl.read_parquet(tmp_path / "many" / "data" / f"{place}.parquet") for place in range(many.shards)]
    assert pl.concat(files).equals(pl.read_parquet(exported.path / "data" / "0.parquet"))
    assert sum(frame["subject_id"].n_unique() for frame in files) == exported.persons
    assert not [path for path in many.path.iterdir() if path.name.startswith(".")]


def test_codes_are_the_sources_where_these_are_asked_for(exported: MedsExported, other: MedsExported) -> None:
    conditions = [pl.read_parquet(one.path / "data/0.parquet").filter(pl.col("table") == "condition_occurrence") for one in (exported, other)]
    turned = [frame.filter(pl.col("other_code").is_not_null()) for frame in conditions]
    ours, theirs = (sorted(frame.select(*columns).rows()) for frame, columns in zip(turned, (("code", "other_code"), ("other_code", "code")), strict=True))
    assert ours == theirs
    assert len(ours) == 219


def test_what_the_policy_withholds_stays(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as file:
        file.write("policy: {withhold: [measurement, image_occurrence]}\n")
    opened = plait.open(folder)
    done = opened.export_meds(tmp_path / "out", row_level=True)
    assert not {"measurement", "image_occurrence"} & done.rows.keys()
    assert done.rows["observation"] == 6119
    with pytest.raises(ExportError, match="image_occurrence"):
        opened.export_meds(tmp_path / "view", row_level=True, views=["ct"])
    with pytest.raises(ExportError, match="note"):
        plait.open(study).export_meds(tmp_path / "view", row_level=True, views=["notes"])
    with pytest.raises(ConfigError, match="encoded"):
        opened.export_meds(tmp_path / "view", row_level=True, views=["clinical"])
    (folder / "plait.yaml").write_text((folder / "plait.yaml").read_text(encoding="utf-8").replace("[measurement,", "[measurment,"), encoding="utf-8")
    with pytest.raises(ConfigError, match="Did you mean 'measurement'"):
        plait.open(folder).export_meds(tmp_path / "view", row_level=True)
    assert not (tmp_path / "view").exists()


def test_where_no_table_may_leave_there_are_no_events(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as file:
        file.write(f"policy: {{withhold: [{', '.join(EVENT_TABLES)}]}}\n")
    done = plait.open(folder).export_meds(tmp_path / "out", row_level=True)
    assert (done.rows, done.events, done.codes, done.shards) == ({}, {}, 0, 0)


def test_a_memory_that_is_no_size_is_told(study: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--memory"):
        plait.open(study).export_meds(tmp_path / "out", row_level=True, memory="lots")
    assert not (tmp_path / "out").exists()


def test_given_labels_keep_their_kind_and_rare_words_are_none(study: Path, other: MedsExported, tmp_path: Path) -> None:
    assert other.labels == {"stages/integer_value": 40, "stages/categorical_value": 30, "rows": 40}
    assert pl.read_parquet_schema(other.path / "labels/stages/integer_value/0.parquet")["integer_value"] == pl.Int64
    for file in (other.path / "labels").rglob("*.parquet"):
        meds.LabelSchema.validate(pq.read_table(file))
    pl.DataFrame({"subject_id": [1], "prediction_time": [dt.date(2020, 1, 1)]}).write_parquet(tmp_path / "über.parquet")
    with pytest.raises(ConfigError, match="--cohort"):
        plait.open(study).export_meds(tmp_path / "no", row_level=True, cohorts=[str(tmp_path / "über.parquet")])


def test_nothing_leaves_without_being_told(command: Callable[..., Result], study: Path, tmp_path: Path) -> None:
    refused = command("export", "meds", tmp_path / "out", "-s", study)
    assert refused.code == 2
    assert "--row-level" in refused.err
    assert command("export", "meds", tmp_path / "out", "-s", study, "--row-level", "--cohort", "cancers").code == 2
    assert not (tmp_path / "out").exists()
    done = command("export", "meds", tmp_path / "out", "-s", study, "--row-level", "--cohort", "cancer", "--view", "wsi", "--split", SPLIT, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["rows"]["measurement"], told["labels"]["cancer/survival"], told["events"]["view wsi"], told["key"]) == (73489, 115, 52, None)


def test_what_plait_writes_of_the_form_is_what_meds_has() -> None:
    """`base64.b64encode(pa.schema([*meds.DataSchema.schema(), …]).serialize())` is `data_schema.txt`."""
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(form.data_schema())))
    given = meds.DataSchema.schema()
    assert list(schema)[: len(given)] == list(given)
    assert meds.__version__ == form.VERSION
    assert (meds.dataset_metadata_filepath, meds.code_metadata_filepath) == (form.DATASET_FILE, form.CODES_FILE)
    assert (meds.subject_splits_filepath, meds.train_split, meds.tuning_split, meds.held_out_split) == (
        form.SPLITS_FILE,
        form.TRAIN,
        form.TUNING,
        form.HELD_OUT,
    )
    for columns, said in ((form.LABELS, meds.LabelSchema), (form.SPLITS, meds.SubjectSplitSchema)):
        assert form.arrow_schema(columns, list(columns)) == said.schema()


def test_new_ids_are_no_identifiers_even_if_one_is_the_same_number(tmp_path: Path) -> None:
    for column, found in (("subject_id", []), ("patient_number", ["0.parquet, column patient_number"])):
        pl.DataFrame({column: [123456]}).write_parquet(tmp_path / "0.parquet")
        assert [hit.place for hit in scan(tmp_path, ["123456"])] == found


@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])  # shrinking would run for minutes
@given(st.integers(0, 2**32))
def test_any_cdm_leaves_whole_and_nobody_is_in_it(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    made, folder = random_cdm(random.Random(seed), 12), tmp_path_factory.mktemp("random")
    study = Legacy(folder / "study", tables=made.tables).write(
        validation={"skip": ["is*", "measure*", "plausible*"], "rules": [{"checks": "*", "severity": "warning"}]}
    )
    opened = plait.open(study.run().path)
    done = opened.export_meds(folder / "out", row_level=True)
    con = opened.connect()
    assert done.rows == {table: rows for table in EVENT_TABLES if (rows := one(con, f"SELECT count(*) FROM cdm.{table}")[0])}
    assert len(done.rows) > len(EVENT_TABLES) - 4
    numbers = {str(number) for number in made.ids}
    for file in folder.glob("out/**/*.parquet"):
        for name, values in pl.read_parquet(file).to_dict().items():
            texts = {str(value) for value in values.drop_nulls().unique().to_list()} if values.dtype in {pl.String, pl.Int64} else set()
            assert not [text for text in texts if text in numbers or any(secret in text for secret in made.secrets)], name
    assert set(cdm_tables()) >= set(done.rows)
