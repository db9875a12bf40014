"""What somebody could learn from a package who has nothing but it: each test is an attack that once worked."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

import plait
from plait.duck import connect
from plait.errors import ConfigError
from plait.export.deidentify.key import ExportKey
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
    words = ("2020-03-01", "01.03.2020", "on 3/1/20", "20200301120000", "1 March 2020", "MAR-2020", "44054006", "8302-2", "v1.2.3", "1/2", "2020", "March", "marital 2001")
    rows = [row.replace("81,12", f"{n},12").replace("a lot", word) for n, word in enumerate(words, 1)]
    study = Legacy(tmp_path / "study", tables=CDM | {"observation": "\n".join([header, *rows]) + "\n"})
    plait.open(study.write(validation=LENIENT, policy={"min_cell": 1}).run().path).export_omop(tmp_path / "out", row_level=True)
    told = duckdb.sql(f"SELECT value_as_string FROM '{tmp_path}/out/observation.parquet' ORDER BY observation_id").fetchall()
    assert [word for (word,) in told] == [None] * 6 + list(words[6:])
