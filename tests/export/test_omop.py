"""`plait export omop`: nobody's ids, dates or words leave, and everything else does."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

import plait
from plait.errors import ConfigError
from plait.export.deidentify.key import ExportKey
from plait.export.deidentify.tables import treatments
from plait.progress import silent
from plait.schema import VOCABULARY_TABLES, cdm_tables
from plait.validators.validate import validate_cdm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shell import Result

NAMED = "name"


@pytest.fixture(scope="module")
def study(demo_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the demo study, whose private/ may be written to."""
    folder = tmp_path_factory.mktemp("export") / "study"
    shutil.copytree(demo_study, folder, ignore=shutil.ignore_patterns("snapshots", "features"))
    return folder


@pytest.fixture(scope="module")
def exported(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the study's CDM, exported with a key that is kept."""
    folder = tmp_path_factory.mktemp("packages") / "cdm"
    plait.open(study).export_omop(folder, row_level=True, key=NAMED)
    return folder


@pytest.fixture(scope="module")
def both(study: Path, exported: Path) -> duckdb.DuckDBPyConnection:
    """Give the study as schema `cdm`, the export as `out`, and who is who in `pseudonym`."""
    con = plait.open(study).connect()
    con.execute("CREATE SCHEMA out")
    for table in cdm_tables():
        con.execute(f"CREATE VIEW out.{table} AS FROM '{exported / f'{table}.parquet'}'")
    ExportKey.kept(study, NAMED).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    return con


def test_every_field_is_treated() -> None:
    named = {(table, field.field) for table, fields in treatments().items() for field in fields}
    assert named <= {(table, field) for table, spec in cdm_tables().items() for field in spec.columns}
    withheld = {"metadata", *VOCABULARY_TABLES}
    assert {(table, field) for table, spec in cdm_tables().items() if table not in withheld for field in spec.columns} == named


def test_each_table_has_the_rows_and_columns_of_the_study(both: duckdb.DuckDBPyConnection) -> None:
    for table, spec in cdm_tables().items():
        described = both.sql(f"FROM out.{table}")
        assert tuple(described.columns) == spec.columns
        assert described.types == both.sql(f"FROM cdm.{table}").types, table
        if table not in {"metadata", *VOCABULARY_TABLES}:
            assert both.sql(f"SELECT count(*) FROM out.{table}").fetchone() == both.sql(f"SELECT count(*) FROM cdm.{table}").fetchone(), table


def test_dates_of_a_person_are_shifted_by_the_same_days(both: duckdb.DuckDBPyConnection) -> None:
    shifts = both.sql("SELECT min(shift_days), max(shift_days), count(DISTINCT shift_days) FROM pseudonym").fetchone()
    assert shifts is not None
    assert -365 <= shifts[0] < shifts[1] <= -1
    assert shifts[2] > 100
    looked_at = 0
    for table, fields in treatments().items():
        key = cdm_tables()[table].id_column
        if key is None or "person_id" not in cdm_tables()[table].columns or table == "person":
            continue
        for field in (field.field for field in fields if field.action == "shift"):
            off = both.execute(
                f'SELECT count(*) FILTER (o."{field}" IS DISTINCT FROM t."{field}" + to_days(p.shift_days)), count(t."{field}") '
                f"FROM cdm.{table} AS t JOIN pseudonym AS p USING (person_id) JOIN out.{table} AS o ON o.{key} = (p.new_id << 22) + (t.{key} & 4194303)"
            ).fetchone()
            assert off is not None
            assert off[0] == 0, (table, field)
            looked_at += off[1]
    assert looked_at > 100_000


def test_rows_still_point_at_the_rows_of_their_person(both: duckdb.DuckDBPyConnection) -> None:
    for table, field in (("condition_occurrence", "visit_occurrence_id"), ("measurement", "visit_detail_id"), ("note", "visit_occurrence_id")):
        target = field.removesuffix("_id")
        query = (
            f"SELECT count(*), count(v.person_id), count_if(v.person_id <> t.person_id) FROM {{0}}.{table} AS t LEFT JOIN {{0}}.{target} AS v USING ({field})"
        )
        ours, theirs = (both.sql(query.format(schema)).fetchone() for schema in ("out", "cdm"))
        assert ours == theirs
        assert ours is not None
        assert ours[2] == 0
    costs = """
    SELECT v.visit_concept_id, CAST(round(sum(c.total_charge)) AS BIGINT)
    FROM {0}.cost AS c JOIN {0}.visit_occurrence AS v ON c.cost_event_id = v.visit_occurrence_id GROUP BY 1 ORDER BY 1
    """
    assert both.sql(costs.format("out")).fetchall() == both.sql(costs.format("cdm")).fetchall() != []


def test_nothing_identifies(both: duckdb.DuckDBPyConnection, study: Path) -> None:
    """No identifier, address, name of a place or note stands in any text of the export."""
    known = {row[0] for row in both.execute(f"SELECT identifier FROM '{study}/private/crosswalk-*.parquet'").fetchall()}
    for column in ("address_1", "city", "county", "zip"):
        known |= {row[0] for row in both.sql(f"SELECT DISTINCT {column} FROM cdm.location WHERE {column} IS NOT NULL").fetchall()}
    known |= {row[0] for row in both.sql("SELECT care_site_name FROM cdm.care_site UNION SELECT provider_name FROM cdm.provider").fetchall()}
    known |= {row[0] for row in both.sql("SELECT note_text FROM cdm.note").fetchall()}
    assert len(known) > 500
    texts = 0
    for table, spec in cdm_tables().items():
        for field in spec.fields:
            if field.base_type == "varchar" and table not in VOCABULARY_TABLES:
                values = [row[0] for row in both.sql(f'SELECT DISTINCT "{field.name}" FROM out.{table} WHERE "{field.name}" IS NOT NULL').fetchall()]
                texts += len(values)
                assert not known & set(values), (table, field.name)
                assert not [value for value in values for token in value.split() if token in known], (table, field.name)
    assert texts > 100


def test_rare_words_and_places_are_left_out(both: duckdb.DuckDBPyConnection) -> None:
    rare = """
    SELECT count(*) FROM (SELECT {0}_source_value, count(DISTINCT person_id) AS n FROM {1}.{0}_occurrence GROUP BY 1 HAVING n < 11)
    WHERE {0}_source_value IS NOT NULL
    """
    assert both.sql(rare.format("condition", "out")).fetchone() == (0,)
    assert both.sql(rare.format("condition", "cdm")).fetchone() != (0,)
    kept = both.sql("SELECT count(condition_source_value), count(DISTINCT condition_concept_id) FROM out.condition_occurrence").fetchone()
    every = both.sql("SELECT count(condition_source_value), count(DISTINCT condition_concept_id) FROM cdm.condition_occurrence").fetchone()
    assert kept is not None
    assert every is not None
    assert 0.8 * every[0] < kept[0] < every[0]
    assert kept[1] == every[1]
    assert both.sql("SELECT DISTINCT len(zip) FROM out.location WHERE zip IS NOT NULL").fetchall() == [(3,)]


def test_birth_of_who_got_very_old_is_generalised(both: duckdb.DuckDBPyConnection) -> None:
    query = """
    SELECT t.person_id, o.year_of_birth, o.month_of_birth, year(CAST(v.seen + to_days(p.shift_days) AS DATE)) AS last_year,
        date_sub('year', make_date(t.year_of_birth, t.month_of_birth, t.day_of_birth), v.seen) AS age
    FROM cdm.person AS t JOIN pseudonym AS p USING (person_id) JOIN out.person AS o ON o.person_id = p.new_id
    JOIN (SELECT person_id, max(observation_period_end_date) AS seen FROM cdm.observation_period GROUP BY 1) AS v USING (person_id)
    """
    found = both.sql(query).fetchall()
    old = [row for row in found if row[4] > 89]
    assert old
    assert all((row[1], row[2]) == (row[3] - 90, None) for row in old)
    assert all(row[2] is not None for row in found if row[4] <= 88)


def test_a_kept_key_gives_the_same_bytes_and_another_one_other_ids(study: Path, exported: Path, tmp_path: Path) -> None:
    opened = plait.open(study)
    opened.export_omop(tmp_path / "again", row_level=True, key=NAMED)
    assert (tmp_path / "again" / "SHA256SUMS").read_bytes() == (exported / "SHA256SUMS").read_bytes()
    done = opened.export_omop(tmp_path / "other", row_level=True)
    assert done.key is None
    joined = (
        f"SELECT count(*) FROM '{exported}/person.parquet' AS a JOIN '{tmp_path}/other/person.parquet' AS b USING (person_id, year_of_birth, gender_concept_id)"
    )
    assert duckdb.sql(joined).fetchone()[0] < 20  # type: ignore[index] # by chance
    assert oct((study / "private" / "exports" / f"{NAMED}.key").stat().st_mode)[-3:] == "600"


def test_the_export_is_a_sound_cdm(exported: Path) -> None:
    report = validate_cdm(exported, progress=silent)
    assert report.is_sound, [result.check.id for result in report.failed() if result.check.severity == "error"]


def test_weekdays_stay_where_the_policy_says_so(study: Path, tmp_path: Path) -> None:
    con = plait.open(study).connect()
    ExportKey.new(keeps_weekdays=True).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    assert con.sql("SELECT count(*) FROM pseudonym WHERE shift_days % 7 <> 0 OR shift_days = 0").fetchone() == (0,)
    del tmp_path


def test_nothing_leaves_without_being_told(command: Callable[..., Result], study: Path, tmp_path: Path) -> None:
    refused = command("export", "omop", tmp_path / "out", "-s", study)
    assert refused.code == 2
    assert "--row-level" in refused.err
    assert not (tmp_path / "out").exists()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    assert command("export", "omop", tmp_path / "there", "-s", study, "--row-level").code == 2
    done = command("export", "omop", tmp_path / "csv", "-s", study, "--row-level", "--format", "csv", "--json")
    assert done.code == 0, done.err
    assert (tmp_path / "csv" / "person.csv").read_text(encoding="utf-8").startswith("person_id,gender_concept_id,")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csv", "there"]


def test_a_key_that_is_none_is_refused(study: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another name"):
        ExportKey.kept(study, "../key")
    folder = tmp_path / "private" / "exports"
    folder.mkdir(parents=True)
    (folder / "bad.key").write_text("not hexadecimal", encoding="utf-8")
    with pytest.raises(ConfigError, match="hexadecimal"):
        ExportKey.kept(tmp_path, "bad")


def test_who_withholds_something_is_left_out(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    names = [row[0] for row in plait.open(folder).connect().sql("SELECT person_source_value FROM cdm.person ORDER BY person_id LIMIT 3").fetchall()]
    lines = [f"{names[0]},synthea,omics,deny,,", f"{names[1]},synthea,*,permit,2015-01-01,2016-01-01", f"{names[2]},synthea,*,permit,,"]
    (folder / "consent.csv").write_text("\n".join(["person,system,modality,decision,from,to", *lines]) + "\n", encoding="utf-8")
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write("consent: consent.csv\n")
    done = plait.open(folder).export_omop(tmp_path / "out", row_level=True)
    assert (done.left_out, done.persons) == (2, 198)
    assert duckdb.sql(f"SELECT count(DISTINCT person_id) FROM '{tmp_path}/out/condition_occurrence.parquet'").fetchone() == (198,)


def test_tables_are_chosen_and_the_policy_has_the_last_word(study: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    done = plait.open(study).export_omop(tmp_path / "two", row_level=True, chosen=["person", "death"])
    assert {name for name, rows in done.tables.items() if rows and name not in VOCABULARY_TABLES} == {"person", "death"}
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write("policy: {withhold: [note]}\n")
    refused = command("export", "omop", tmp_path / "out", "-s", folder, "--row-level", "--table", "note", "--table", "person")
    assert (refused.code, "note" in refused.err, "withholds" in refused.err) == (1, True, True)
    unknown = command("export", "omop", tmp_path / "out", "-s", folder, "--row-level", "--table", "notes")
    assert "Did you mean 'note'" in unknown.err
    assert not (tmp_path / "out").exists()
