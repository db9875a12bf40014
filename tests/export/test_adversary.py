"""What somebody could learn from a package who has nothing but it: each test is an attack that once worked."""

# ruff: noqa: DTZ001, S608 - times are local, as in OMOP; tables and columns of the CDM
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import duckdb
import h5py
import numpy as np
import polars as pl
import pytest
from anndata.io import read_elem

import plait
from plait.duck import connect, sql
from plait.errors import ConfigError, ExportError
from plait.export.deidentify.calendar import is_placeholder, moved
from plait.export.deidentify.key import ExportKey
from plait.export.snapshots import without_calendar
from plait.featurestore.aligned import Aligned
from tiny_omop import CDM, Legacy

if TYPE_CHECKING:
    from pathlib import Path

LENIENT = {"rules": [{"checks": "*", "severity": "warning"}]}


@pytest.fixture(scope="module")
def withheld(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the CDM of a study of two persons, one of whom withholds something."""
    folder = tmp_path_factory.mktemp("withheld")
    study = Legacy(folder / "study").write(validation=LENIENT, policy={"min_cell": 1}, consent="consent.csv")
    (study.path / "consent.csv").write_text("person,modality,decision,from,to\n-9223372036854775808,omics,deny,,\n", encoding="utf-8")
    done = plait.open(study.run().path).export_omop(folder / "package", row_level=True)
    assert (done.persons, done.left_out) == (1, 1)
    return folder / "package"


def test_concepts_of_who_withholds_something_are_not_told(withheld: Path) -> None:
    for concept, is_told in ((201826, False), (1503297, False), (254761, True)):
        assert (duckdb.sql(f"FROM '{withheld}/concept.parquet' WHERE concept_id = {concept}").fetchone() is not None) == is_told


def test_the_day_of_a_program_is_nobodys(tmp_path: Path) -> None:
    """A program read all notes on one day: that day, shifted, would be everybody's shift."""
    study = Legacy(tmp_path / "study").write(validation=LENIENT, policy={"min_cell": 1}).run()
    plait.open(study.path).export_omop(tmp_path / "package", row_level=True)
    files = {name: f"'{tmp_path}/package/{name}.parquet'" for name in ("note", "note_nlp")}
    assert duckdb.sql(f"SELECT n.note_date - x.nlp_date FROM {files['note']} AS n JOIN {files['note_nlp']} AS x USING (note_id)").fetchall() == [(0,)]


@pytest.mark.parametrize("table", ["location", "care_site", "provider"])
def test_places_and_providers_of_who_withholds_something_alone_are_not_told(withheld: Path, table: str) -> None:
    assert duckdb.sql(f"FROM '{withheld}/{table}.parquet'").fetchall() == []


def who(key: ExportKey, persons: str) -> dict[int, tuple[int, int]]:
    """Give (new_id, shift_days) of persons, by what the study calls them."""
    con = connect()
    key.make_pseudonyms(con, persons)
    return {person: (new_id, shift) for person, new_id, shift in con.execute("FROM pseudonym").fetchall()}


def test_an_id_of_a_kept_key_is_the_same_persons_whoever_comes_and_goes(tmp_path: Path) -> None:
    first = who(ExportKey.kept(tmp_path, "k", highest=50), "SELECT range AS person_id FROM range(1, 51)")
    assert sorted(new_id for new_id, _ in first.values()) == list(range(1, 51))
    later = who(ExportKey.kept(tmp_path, "k", highest=80), "SELECT range AS person_id FROM range(3, 81)")
    assert {person: later[person] for person in range(3, 51)} == {person: first[person] for person in range(3, 51)}
    assert sorted(later[person][0] for person in range(51, 81)) == list(range(51, 81))
    assert who(ExportKey.kept(tmp_path, "k", highest=60), "SELECT range AS person_id FROM range(1, 61)") == {
        person: later.get(person) or first[person] for person in range(1, 61)
    }
    assert ((tmp_path / "private/exports/k.key").stat().st_mode & 0o777, len(list((tmp_path / "private/exports").iterdir()))) == (0o600, 1)


@pytest.mark.long
def test_an_export_after_a_person_came_goes_on_where_the_first_one_ended(tmp_path: Path) -> None:
    study = Legacy(tmp_path / "study").write(validation=LENIENT, policy={"min_cell": 1}).run()
    plait.open(study.path).export_omop(tmp_path / "one", row_level=True, key="k")
    study.tables = study.tables | {"person": CDM["person"] + "".join(f"{n},8507,{1900 + n},,,,0,0,,,,MRN-{n},M,0,\n" for n in range(20, 40))}
    study.write(validation=LENIENT, policy={"min_cell": 1}).run()
    plait.open(study.path).export_omop(tmp_path / "two", row_level=True, key="k")
    one, two = (f"(SELECT person_id, year_of_birth FROM '{tmp_path}/{name}/person.parquet')" for name in ("one", "two"))
    assert duckdb.sql(f"SELECT count(*) FROM {one} AS a JOIN {two} AS b USING (person_id, year_of_birth)").fetchone() == (2,)
    assert duckdb.sql(f"SELECT max(person_id) FROM {two}").fetchone() == (22,)


def test_two_shifts_of_a_person_do_not_narrow_each_other_down(tmp_path: Path) -> None:
    """A key that shifts by days under one policy and by weeks under another makes other ids, too: the two cannot be joined."""
    persons = "SELECT range AS person_id FROM range(1, 201)"
    days, weeks = (who(ExportKey.kept(tmp_path, "k", keeps_weekdays=kept, highest=200), persons) for kept in (False, True))
    assert all(shift % 7 == 0 for _, shift in weeks.values())
    assert sum(days[person][0] == weeks[person][0] for person in days) < 20


@pytest.mark.long
def test_a_zip_is_its_owners_and_replaces_none(tmp_path: Path) -> None:
    study = plait.open(Legacy(tmp_path / "study").write(validation=LENIENT, policy={"min_cell": 1}).run().path)
    made = study.export_fair(tmp_path / "package.zip", row_level=True, zipped=True).path
    assert (made, made.stat().st_mode & 0o777) == (tmp_path / "package.zip", 0o600)
    before = made.read_bytes()
    with pytest.raises(ConfigError, match="never replaced"):
        study.export_fair(tmp_path / "package", row_level=True, zipped=True)
    assert made.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["package.zip", "study"]


def test_a_date_among_words_does_not_stand_unshifted(tmp_path: Path) -> None:
    header, row = CDM["observation"].splitlines()
    dates = (
        "2020-03-01",
        "01.03.2020",
        "on 3/1/20",
        "20200301120000",
        "1 March 2020",
        "MAR-2020",
        "am 1. März 2020",
        "1 de marzo de 2020",
        "1er août 2020",
        "1. 3. 2020",
    )
    words = (*dates, "44054006", "8302-2", "v1.2.3", "1/2", "2020", "March", "marital 2001", "Maison 2001")
    rows = [row.replace("81,12", f"{n},12").replace("a lot", word) for n, word in enumerate(words, 1)]
    study = Legacy(tmp_path / "study", tables=CDM | {"observation": "\n".join([header, *rows]) + "\n"})
    plait.open(study.write(validation=LENIENT, policy={"min_cell": 1}).run().path).export_omop(tmp_path / "out", row_level=True)
    told = duckdb.sql(f"SELECT value_as_string FROM '{tmp_path}/out/observation.parquet' ORDER BY observation_id").fetchall()
    assert [word for (word,) in told] == [None] * len(dates) + list(words[len(dates) :])


PERSONS = range(100, 140)
UNKNOWN = {101: (None, "9999-12-31"), 102: ("1900-01-01", ""), 103: ("1970-01-01", "2099-12-31"), 104: ("9999-12-31", "")}
"""What programs write for a beginning or an end that they do not know, by who has it."""


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the CDM of forty persons who are born on a 1 January, insured by years, and observed until the data were extracted; each has three visits."""
    header = {name: CDM[name].splitlines()[0] for name in ("person", "observation_period", "visit_occurrence", "condition_occurrence")}
    rows: dict[str, list[str]] = {name: [] for name in (*header, "payer_plan_period")}
    for n in PERSONS:
        day = dt.date(2015, 1, 1) + dt.timedelta(days=37 * (n - 99))
        rows["person"].append(f"{n},8507,{1900 + n - 60},1,1,{1900 + n - 60}-01-01 00:00:00,0,0,,,,MRN-{n},M,0,")
        rows["observation_period"].append(f"{n},{n},{day},2022-06-30,32882")
        rows["payer_plan_period"] += [f"{10 * n + year},{n},{2020 + year}-01-01,{2020 + year}-12-31" for year in range(3)]
        started, ended = UNKNOWN.get(n, (day, day))
        rows["condition_occurrence"].append(f"{n},{n},201826,{started or day},{started or day} 00:00:00,{ended},32827,,,,,,44054006,201826,")
        visits = enumerate(day + dt.timedelta(days=50 * k) for k in range(3))
        rows["visit_occurrence"] += [f"{10 * n + k},{n},9202,{on},,{on},,32827,,,OP,0,,,,," for k, on in visits]
    header["payer_plan_period"] = "payer_plan_period_id,person_id,payer_plan_period_start_date,payer_plan_period_end_date"
    folder = tmp_path_factory.mktemp("calendar")
    study = Legacy(folder / "study", tables={name: "\n".join([header[name], *rows[name]]) + "\n" for name in rows})
    first = {"name": "first", "index": {"concepts": ["Visit:OP"]}, "outcomes": [{"name": "survival", "kind": "time_to_event", "death": True}]}
    study.write(validation=LENIENT, cohorts=[first], features=[{"view": "days", "modality": "covariates", "analyses": ["all"]}]).run()
    plait.open(study.path).export_omop(folder / "package", row_level=True, key="k")
    con = plait.open(study.path).connect()
    ExportKey.kept(study.path, "k").make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    con.execute(f"COPY (SELECT new_id AS person_id, shift_days FROM pseudonym) TO '{folder}/who.parquet'")
    return folder


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("payer_plan_period", "make_date(2020 + (payer_plan_period_id % 3), 1, 1) - payer_plan_period_start_date"),
        ("payer_plan_period", "make_date(year(payer_plan_period_end_date), 12, 31) - payer_plan_period_end_date"),
        ("payer_plan_period", "make_date(year(payer_plan_period_start_date) + 1, 1, 1) - payer_plan_period_start_date"),
        ("observation_period", "DATE '2022-06-30' - observation_period_end_date"),
        ("person", "make_date(year_of_birth + 1, 1, 1) - coalesce(CAST(birth_datetime AS DATE), make_date(year_of_birth, month_of_birth, day_of_birth))"),
    ],
)
def test_what_everybody_knows_of_the_calendar_does_not_tell_a_shift(calendar: Path, table: str, known: str) -> None:
    """Who knows that periods are years, when the data end, or what stands for an unknown birthday, subtracts."""
    rows = f"FROM '{calendar}/package/{table}.parquet' JOIN '{calendar}/who.parquet' USING (person_id)"
    told, right = duckdb.sql(f"SELECT count(*), coalesce(count_if({known} = -shift_days), 0) {rows}").fetchone() or (0, 0)
    assert told >= len(PERSONS)
    assert right <= told / 10


def test_a_period_that_the_calendar_ends_ends_with_the_persons_last_record(calendar: Path) -> None:
    days = duckdb.sql(f"SELECT observation_period_end_date - observation_period_start_date FROM '{calendar}/package/observation_period.parquet'").fetchall()
    assert days == [(100,)] * len(PERSONS)
    assert duckdb.sql(f"SELECT count(*) FROM '{calendar}/package/payer_plan_period.parquet'").fetchone() == (3 * len(PERSONS),)
    assert duckdb.sql(f"SELECT count(year_of_birth), count(month_of_birth) FROM '{calendar}/package/person.parquet'").fetchone() == (len(PERSONS), 0)


def test_a_day_that_stands_for_an_unknown_one_is_not_shifted(calendar: Path) -> None:
    """It is the same for everybody, so that its shift would be the person's, though one person alone has it."""
    days = "condition_start_date, condition_start_datetime, condition_end_date"
    rows = duckdb.sql(f"SELECT {days} FROM '{calendar}/package/condition_occurrence.parquet'").fetchall()
    far = [tuple(str(day)[:10] for day in row if day is not None and not 2010 < day.year < 2030) for row in rows]
    assert sorted(filter(None, far)) == [("1900-01-01",) * 2, ("1970-01-01", "1970-01-01", "2099-01-01"), ("9999-01-01",), ("9999-01-01",) * 2]
    assert duckdb.sql(f"SELECT max(year_of_birth) FROM '{calendar}/package/person.parquet'").fetchone() == (1978,)


@pytest.mark.parametrize("day", [dt.date(1, 1, 8), dt.date(1900, 1, 1), dt.date(1900, 1, 2), dt.date(1960, 1, 1), dt.date(2020, 1, 1), dt.date(2262, 4, 11)])
def test_sql_and_python_agree_on_what_stands_for_an_unknown_day(day: dt.date) -> None:
    with connect() as con:
        for statement in sql("plait.export.deidentify", "macros").split(";\n"):
            con.execute(statement)
        found = con.execute("SELECT is_placeholder($day, FALSE), shifted_date($day, -7, FALSE), shifted_date($day, -7, TRUE)", {"day": day}).fetchone()
        assert found == (is_placeholder(day), moved(day, -7), day - dt.timedelta(7))


def test_labels_of_one_day_do_not_leave(calendar: Path, tmp_path: Path) -> None:
    study = plait.open(calendar / "study")
    rows = study.connect().sql("SELECT person_id AS subject_id, TIMESTAMP '2021-07-01' AS prediction_time, TRUE AS boolean_value FROM cdm.person").pl()
    with pytest.raises(ExportError, match="shift of dates"):
        study.export_meds(tmp_path / "meds", row_level=True, cohorts=[rows])
    assert not list(tmp_path.iterdir())


def test_times_to_an_event_do_not_end_on_the_day_on_which_the_data_do(calendar: Path, tmp_path: Path) -> None:
    """Who knows when the data end adds the days of follow-up to the shifted moment: both end with the person's last record."""
    study = plait.open(calendar / "study")
    assert study.cohort("first").frame["survival_days"].max() > 1000
    study.export_meds(tmp_path / "meds", row_level=True, cohorts=["first"])
    labels = f"'{tmp_path}/meds/labels/first/survival/0.parquet'"
    assert duckdb.sql(f"SELECT DISTINCT float_value FROM {labels}").fetchall() == [(100,)]
    table = study.get_historical_features(study.cohort("first"), ["days"])
    table.save(study.path / "snapshots" / "first")
    study.export_mudata(tmp_path / "mudata", row_level=True, snapshots=["first"])
    with h5py.File(tmp_path / "mudata" / "first.h5mu") as file:
        assert set(read_elem(file["obs"])["survival_days"]) == {100}


@pytest.mark.parametrize("is_told", [True, False])
def test_days_since_the_day_on_which_all_begin_are_not_told(*, is_told: bool) -> None:
    persons, began = pl.Series(range(40)), dt.datetime(2015, 1, 1)
    days = np.arange(1, 41, dtype=np.float32)[:, None]
    times = pl.Series([began + dt.timedelta(days=n * (2 if is_told else 1)) for n in range(1, 41)])
    nothing = np.zeros((40, 1), np.float32)
    answer = Aligned("clinical", ("1008",), days, nothing.astype(np.uint8), nothing, nothing.astype(np.int32))
    assert without_calendar(answer, np.zeros(40, np.bool_), persons, times)[1] == ([] if is_told else ["1008"])


def test_ages_over_89_are_not_told_as_numbers(tmp_path: Path) -> None:
    """Nor does a birth leave of whose last record, though no period holds it, is of an age over 89."""
    tables = {name: CDM[name] for name in ("person", "observation_period", "visit_occurrence")}
    row = "{n},12,0,{day},32827,{number},{unit},,0,{words}"
    said = ((91, 9448, ""), (91, 8582, ""), (89, 9448, ""), (91, "", "pages"), (91, "", "AGE_AT_SEQ"), (89, "", "age"), (91, 8582, "Patient's age"))
    rows = [row.format(n=n, day="2015-05-05", number=number, unit=unit, words=words) for n, (number, unit, words) in enumerate(said)]
    about = "observation_id,person_id,observation_concept_id,observation_date,observation_type_concept_id"
    header = f"{about},value_as_number,unit_concept_id,value_as_string,value_as_concept_id,observation_source_value"
    tables["observation"] = "\n".join([header, *rows]) + "\n"
    tables["person"] = tables["person"].replace("12,8507,1961,,,", "12,8507,1921,3,4,")
    study = Legacy(tmp_path / "study", tables=tables).write(validation=LENIENT, policy={"min_cell": 1}).run()
    plait.open(study.path).export_omop(tmp_path / "out", row_level=True)
    told = duckdb.sql(f"SELECT value_as_number FROM '{tmp_path}/out/observation.parquet' ORDER BY observation_id").fetchall()
    assert told == [(None,), (91,), (89,), (91,), (None,), (89,), (None,)]
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/out/person.parquet' WHERE gender_concept_id = 8507 AND month_of_birth IS NOT NULL").fetchone() == (0,)


def test_the_day_of_a_delivery_is_nobodys() -> None:
    """Fifteen of forty became known something of on one day; of the others, each on a day of the person's own, and of nine on one that they share."""
    delivery, shared = dt.datetime(2021, 3, 1, 6), dt.datetime(2021, 4, 1, 6)
    rows = [(person, delivery if person < 15 else shared if person < 24 else dt.datetime(2019, 1, 1) + dt.timedelta(days=person)) for person in range(40)]
    with connect() as con:
        con.execute("CREATE SCHEMA plait")
        con.execute("CREATE TABLE plait.row_meta (table_name VARCHAR, person_id BIGINT, known_time TIMESTAMP, end_known_time TIMESTAMP)")
        con.executemany("INSERT INTO plait.row_meta VALUES ('note', ?, ?, NULL)", rows)
        con.execute("CREATE TEMP TABLE pseudonym AS SELECT person_id FROM plait.row_meta")
        assert con.execute(sql("plait.export.meds", "batch_days"), {"tables": ["note"]}).fetchall() == [(delivery.date(),)]
