"""NOTE_NLP in a study: from plait.yaml to rows, events and traces; what changes when something changes, and what does not."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

import plait
from plait.errors import BooksError, ConfigError, MissingExtraError
from plait.etl.digest import study_digest
from plait.etl.gc import SPARED_SECONDS, collect_garbage
from plait.etl.notes import reading
from tiny_study import SETTINGS, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOTES = """\
note_id,person,datetime,language,text
n1,MRN-4711,2020-05-01T10:00:00,en,"Sehr geehrte Kollegen: patient has asthma. No cough."
n2,MRN-4711,2020-06-01,,"Sehr geehrte Kollegen: patient has asthma. No cough."
n3,MRN-4712,2020-05-02T10:00:00,en,"Mother had asthma. History of anemia. Cough, cough."
n4,MRN-4713,2020-05-03T10:00:00,de,Kein Asthma.
"""
SOURCES = SETTINGS + "  - {name: letters, kind: notes, path: data/notes, person_system: synthea}\n"
RULES = "nlp:\n  extractors:\n    - {kind: rules}\n"
PROMOTED = RULES + "  promote:\n    - {domains: [Condition]}\n"
ASTHMA, COUGH, ANEMIA, NLP = 317009, 254761, 439777, 32858


def noted(study: Tiny, settings: str = PROMOTED, notes: str = NOTES) -> Tiny:
    """Give a study with notes, not run."""
    folder = study.path / "data" / "notes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notes.csv").write_text(notes, encoding="utf-8")
    study.settings(SOURCES + settings)
    return study


@pytest.fixture(scope="module")
def clean_notes(make_tiny: Callable[[], Tiny]) -> Tiny:
    """Give a study whose notes were read; not to be changed."""
    study = noted(make_tiny())
    study.run()
    return study


@pytest.fixture
def study(clean_notes: Tiny, tmp_path: Path) -> Tiny:
    """Give a copy of it, to be changed."""
    shutil.copytree(clean_notes.path, tmp_path / "study")
    return Tiny(tmp_path / "study")


def ask(study: Tiny, query: str) -> list[tuple[Any, ...]]:
    return plait.open(study.path).connect().execute(query).fetchall()


def digest(study: Tiny) -> str:
    version = plait.open(study.path).version
    assert version is not None
    return study_digest(study.path, version)["study"]


def run(study: Tiny, **options: Any) -> int:  # noqa: ANN401 - what a run takes
    """Run a study and give how many characters were read."""
    heard: list[int] = []
    plait.open(study.path).run_etl(progress=lambda step, rows: heard.append(rows) if step == "reading notes" else None, **options)
    return sum(heard)


def test_findings_are_rows_of_note_nlp(clean_notes: Tiny) -> None:
    rows = ask(
        clean_notes,
        'SELECT n.person_id, f.lexical_variant, f."offset", f.note_nlp_concept_id, f.term_exists, f.term_temporal, f.term_modifiers, '
        "CAST(f.nlp_date AS VARCHAR) FROM cdm.note_nlp AS f INNER JOIN cdm.note AS n ON f.note_id = n.note_id ORDER BY f.note_nlp_id",
    )
    assert rows == [
        (1, "asthma", "35", ASTHMA, "Y", "present", None, "2020-05-01"),
        (1, "cough", "46", COUGH, "N", "present", "negation=true", "2020-05-01"),
        (1, "asthma", "35", ASTHMA, "Y", "present", None, "2020-06-01"),
        (1, "cough", "46", COUGH, "N", "present", "negation=true", "2020-06-01"),
        (2, "asthma", "11", ASTHMA, "N", "present", "subject=family", "2020-05-02"),
        (2, "anemia", "30", ANEMIA, "Y", "past", None, "2020-05-02"),
        (2, "Cough", "38", COUGH, "Y", "present", None, "2020-05-02"),
        (2, "cough", "45", COUGH, "Y", "present", None, "2020-05-02"),
    ]


def test_a_finding_stands_at_its_place_in_the_note(clean_notes: Tiny) -> None:
    assert ask(
        clean_notes,
        'SELECT count(*), bool_and(substring(n.note_text, CAST(f."offset" AS INTEGER) + 1, length(f.lexical_variant)) = f.lexical_variant '
        "AND contains(n.note_text, f.snippet) AND contains(f.snippet, f.lexical_variant) AND length(f.snippet) <= 250) "
        "FROM cdm.note_nlp AS f INNER JOIN cdm.note AS n ON f.note_id = n.note_id",
    ) == [(8, True)]


def test_what_the_patient_has_now_becomes_an_event_where_a_rule_says_so(clean_notes: Tiny) -> None:
    rows = ask(
        clean_notes,
        "SELECT c.person_id, c.condition_concept_id, CAST(c.condition_start_date AS VARCHAR), c.condition_source_value, c.condition_type_concept_id, "
        "CAST(m.known_time AS VARCHAR), list(d.from_row_id % 4194304 ORDER BY d.from_row_id) FROM cdm.condition_occurrence AS c "
        "INNER JOIN plait.derivation AS d ON d.table_name = 'condition_occurrence' AND c.condition_occurrence_id = d.row_id "
        "INNER JOIN plait.row_meta AS m ON m.table_name = 'condition_occurrence' AND c.condition_occurrence_id = m.row_id GROUP BY ALL ORDER BY 1, 3",
    )
    assert rows == [
        (1, ASTHMA, "2020-05-01", "asthma", NLP, "2020-05-01 10:00:00", [0]),
        (1, ASTHMA, "2020-06-01", "asthma", NLP, "2020-06-01 23:59:59.999999", [2]),  # a note of a day is known at its end
        (2, COUGH, "2020-05-02", "Cough", NLP, "2020-05-02 10:00:00", [2, 3]),  # what a note says twice is one event
    ]


def test_a_finding_is_known_when_its_note_is(clean_notes: Tiny) -> None:
    assert ask(
        clean_notes,
        "SELECT count(*), bool_and(m.known_time = o.known_time) FROM cdm.note_nlp AS f "
        "INNER JOIN plait.row_meta AS m ON m.table_name = 'note_nlp' AND f.note_nlp_id = m.row_id "
        "INNER JOIN plait.row_meta AS o ON o.table_name = 'note' AND f.note_id = o.row_id",
    ) == [(8, True)]


@pytest.mark.parametrize("settings", ["", RULES])
def test_ids_of_what_was_recorded_do_not_depend_on_what_notes_say(clean_notes: Tiny, settings: str, fresh: Tiny) -> None:
    recorded = f"SELECT * FROM cdm.condition_occurrence WHERE condition_type_concept_id != {NLP} ORDER BY ALL"
    noted(fresh, settings)
    fresh.run()
    assert ask(fresh, recorded) == ask(clean_notes, recorded)
    assert ask(fresh, "SELECT count(*) FROM cdm.condition_occurrence") == [(4,)]


def test_books_balance_and_checks_hold(clean_notes: Tiny) -> None:
    ledger = ask(clean_notes, "SELECT read, loaded, merged + rejected + ignored, written FROM plait.ledger WHERE source = 'letters' AND shape = 'note'")
    assert ledger == [(4, 4, 0, 4)]
    assert ask(clean_notes, "SELECT kind, detail, records FROM plait.notices WHERE source = 'letters'") == [("unread_language", "de", 1)]
    found = plait.open(clean_notes.path).validate("*.note_nlp.*", "*.note_nlp")
    assert {one.status for one in found.results} <= {"PASS", "NA"}
    assert sum(one.status == "PASS" for one in found.results) > 10


def test_trace_shows_the_note_and_the_characters(clean_notes: Tiny) -> None:
    ((event,),) = ask(clean_notes, f"SELECT condition_occurrence_id FROM cdm.condition_occurrence WHERE person_id = 2 AND condition_type_concept_id = {NLP}")
    told = json.loads(clean_notes.plait("etl", "trace", "condition_occurrence", str(event), "--json").out)
    assert [(one["offset"], one["end"], one["lexical_variant"]) for one in told["findings"]] == [("38", "43", "Cough"), ("45", "50", "cough")]
    assert [(one["table_name"], one["source"], one["record"]) for one in told["members"]] == [
        ("note", "letters", 3),
        ("note_nlp", None, None),
        ("note_nlp", None, None),
    ]
    shown = clean_notes.plait("etl", "trace", "condition_occurrence", str(event)).out
    assert "characters 38 to 43" in shown
    told = json.loads(clean_notes.plait("etl", "trace", "note_nlp", str(told["findings"][0]["note_nlp_id"]), "--json").out)
    assert [one["offset"] for one in told["findings"]] == ["38"]


def test_status_counts_what_was_read(clean_notes: Tiny) -> None:
    told = json.loads(clean_notes.plait("etl", "status", "--json").out)
    (row,) = told["nlp"]
    assert row.pop("system").startswith("plait rules 1 ")
    assert row == {"notes": 3, "findings": 8, "with_concept": 8, "not_there": 3, "past": 1}
    assert told["promoted"] == [{"table": "condition_occurrence", "events": 3, "findings": 4}]
    assert "Read in notes" in clean_notes.plait("etl", "status").out


def test_a_rerun_writes_nothing_and_reads_nothing_again(study: Tiny) -> None:
    before = digest(study)
    assert not plait.open(study.path).run_etl().changed
    assert run(study, full=True) == 0
    assert digest(study) == before


def test_one_changed_note_is_read_alone(study: Tiny) -> None:
    others = "SELECT * FROM cdm.note_nlp WHERE note_nlp_id // 4194304 != 2 ORDER BY ALL"
    before = ask(study, others)
    noted(study, notes=NOTES.replace("Mother had asthma", "Father had asthma"))
    assert run(study) == len("Father had asthma. History of anemia. Cough, cough.")
    assert ask(study, others) == before
    assert run(study, full=True) == 0


def test_another_patient_changes_nothing_for_others(study: Tiny) -> None:
    before = ask(study, "SELECT * FROM cdm.note_nlp ORDER BY ALL")
    noted(study, notes=NOTES + "n5,MRN-4714,2020-05-04T10:00:00,en,Asthma and cough.\n")
    assert run(study) == len("Asthma and cough.")
    assert ask(study, "SELECT * FROM cdm.note_nlp WHERE note_nlp_id // 4194304 != 4 ORDER BY ALL") == before
    assert ask(study, "SELECT count(*) FROM cdm.note_nlp") == [(10,)]


@pytest.mark.long
@pytest.mark.parametrize(("persons", "executor"), [(1, "threads"), (2, "processes"), (3, "threads")])
def test_the_digest_knows_neither_shards_nor_processes(clean_notes: Tiny, fresh: Tiny, persons: int, executor: str) -> None:
    noted(fresh, PROMOTED + f"shard_persons: {persons}\n")
    run(fresh, threads=2, memory="2GiB", executor=executor)
    assert digest(fresh) == digest(clean_notes)


def test_what_was_read_before_a_run_was_stopped_is_not_read_again(fresh: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(fresh)
    monkeypatch.setattr(reading, "_BATCH_CHARACTERS", 60)
    whole, done = reading.read_batch, []

    def stopped(batch: reading.Batch) -> int:
        if done:
            raise KeyboardInterrupt
        done.append(whole(batch))
        return done[0]

    monkeypatch.setattr(reading, "read_batch", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(fresh, threads=1)
    assert fresh.versions() == []
    monkeypatch.setattr(reading, "read_batch", whole)
    assert run(fresh) + done[0] == len("Sehr geehrte Kollegen: patient has asthma. No cough.") + len("Mother had asthma. History of anemia. Cough, cough.")


def test_what_is_turned_off_is_gone(study: Tiny, fresh: Tiny) -> None:
    noted(study, "")
    noted(fresh, "")
    for one in (study, fresh):
        one.run()
    assert digest(study) == digest(fresh)
    assert ask(study, "SELECT count(*) FROM cdm.note_nlp") == [(0,)]


def test_other_rules_of_promotion_read_nothing_again(study: Tiny) -> None:
    noted(study, RULES + f"  promote:\n    - {{concepts: [{COUGH}], extractors: [rules]}}\n")
    assert run(study) == 0
    assert ask(study, f"SELECT condition_concept_id FROM cdm.condition_occurrence WHERE condition_type_concept_id = {NLP}") == [(COUGH,)]


def test_gc_leaves_nothing_of_an_extractor_that_no_version_names(study: Tiny) -> None:
    noted(study, notes="".join(NOTES.splitlines(keepends=True)[:3]))
    study.run()
    noted(study, RULES.replace("rules}", "rules, unmapped: true}"), notes="".join(NOTES.splitlines(keepends=True)[:3]))
    study.run()
    folder = study.path / "warehouse" / "findings"
    later = max(file.stat().st_mtime for file in study.path.rglob("*")) + 2 * SPARED_SECONDS
    collect_garbage(study.path, now=later)
    (kept,) = folder.rglob("*.parquet")
    texts = plait.open(study.path).connect().execute("SELECT count(*) FROM read_parquet($file)", {"file": str(kept)}).fetchone()
    assert texts == (1,)
    assert run(study, full=True) == 0


def test_gc_prunes_what_one_version_no_longer_has(study: Tiny) -> None:
    noted(study, notes="".join(NOTES.splitlines(keepends=True)[:3]))
    study.run()
    later = max(file.stat().st_mtime for file in study.path.rglob("*")) + 2 * SPARED_SECONDS
    files = sorted((study.path / "warehouse" / "findings").glob("rules-*/*.parquet"))
    assert collect_garbage(study.path, now=later, dry_run=True).files >= 1
    assert sorted((study.path / "warehouse" / "findings").glob("rules-*/*.parquet")) == files
    collect_garbage(study.path, now=later)
    (kept,) = (study.path / "warehouse" / "findings").glob("rules-*/*.parquet")
    said = plait.open(study.path).connect().execute("SELECT list_transform(findings, lambda f: f.snippet) FROM read_parquet($file)", {"file": str(kept)})
    assert [snippet for (snippets,) in said.fetchall() for snippet in snippets if "Mother" in snippet] == []
    assert run(study, full=True) == 0


def test_findings_that_are_lost_stop_a_run(study: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_batch", lambda _: 0)
    shutil.rmtree(study.path / "warehouse" / "findings")
    with pytest.raises(BooksError, match="findings of every note"):
        run(study, full=True)


def test_a_note_in_utf16(fresh: Tiny) -> None:
    noted(fresh, notes="note_id,person,datetime,file\nn1,MRN-4711,2020-05-01T10:00:00,texts/a.txt\n")
    (fresh.path / "data" / "notes" / "texts").mkdir()
    text = fresh.path / "data" / "notes" / "texts" / "a.txt"
    text.write_text("Ménière 咳. No asthma.", encoding="utf-16")
    result = fresh.plait("run")
    assert result.code == 1
    assert "a.txt" in result.err
    assert "UTF-8" in result.err
    manifest = fresh.path / "data" / "notes" / "notes.csv"
    manifest.write_text(manifest.read_text(encoding="utf-8"), encoding="utf-16")
    fresh.settings((SOURCES + RULES).replace("path: data/notes,", "path: data/notes, encoding: utf-16,"))
    fresh.run()
    assert ask(fresh, 'SELECT "offset", lexical_variant, term_exists FROM cdm.note_nlp') == [("14", "asthma", "N")]


def test_a_note_of_ten_megabytes(fresh: Tiny) -> None:
    noted(fresh, notes="note_id,person,datetime,file\nn1,MRN-4711,2020-05-01T10:00:00,texts/a.txt\n")
    (fresh.path / "data" / "notes" / "texts").mkdir()
    line = "Reviewed at length with nobody in particular, é, and it went on. "
    (fresh.path / "data" / "notes" / "texts" / "a.txt").write_text(line * 150_000 + "No asthma.", encoding="utf-8")
    fresh.run()
    assert ask(fresh, 'SELECT CAST("offset" AS BIGINT), lexical_variant, term_exists FROM cdm.note_nlp') == [(len(line) * 150_000 + 3, "asthma", "N")]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("nlp:\n  extractors:\n    - {kind: rulez}\n", "Did you mean 'rules'"),
        ("nlp:\n  extractors:\n    - {kind: rules, domain: [Drug]}\n", "Did you mean 'domains'"),
        ("nlp:\n  extractors:\n    - {kind: rules}\n    - {kind: rules}\n", "two extractors of one name"),
        ("nlp:\n  extractor:\n    - {kind: rules}\n", "Did you mean 'extractors'"),
        (RULES + "  promote:\n    - {domains: [Drug]}\n", "Drug|Condition"),
        (RULES + "  promote:\n    - {extractors: [ner]}\n", "no extractor of this study"),
        ("nlp:\n  promote:\n    - {domains: [Condition]}\n", "no extractor whose findings"),
    ],
)
def test_settings_that_do_not_fit(fresh: Tiny, settings: str, words: str) -> None:
    noted(fresh, settings)
    with pytest.raises(ConfigError, match=words):
        fresh.run()
    assert fresh.plait("run").code == 2


def test_without_the_library_the_extra_is_named(fresh: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None if name == "ahocorasick" else found(name, package))
    with pytest.raises(MissingExtraError, match=r"plait\[nlp\]"):
        noted(fresh).run()


def register(folder: Path, name: str, kind: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with an extractor."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[plait.extractors]\n{kind} = {module}\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


def test_another_package_brings_an_extractor(fresh: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path / "site", "shouter", "shouts", "shouting_notes", monkeypatch)
    (tmp_path / "site" / "shouting_notes.py").write_text(
        "from plait.etl.notes.extractor import Finding\n"
        "class Shouts:\n"
        "    extractor_id = 'shouts-1'\n"
        "    system = 'shouts 1'\n"
        "    def extract(self, texts):\n"
        "        return [[Finding(place, place + 1) for place, letter in enumerate(text) if letter == '.'] for text in texts]\n"
        "def open_extractor(asked):\n"
        "    return Shouts()\n",
        encoding="utf-8",
    )
    noted(fresh, "nlp:\n  extractors:\n    - {kind: shouts, languages: [de]}\n    - {kind: rules}\n").run()
    assert ask(fresh, "SELECT nlp_system, count(*) FROM cdm.note_nlp WHERE nlp_system LIKE 'shouts%' GROUP BY ALL") == [("shouts 1", 3)]  # of n2 and n4


def test_two_packages_of_one_kind(fresh: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path / "site", "mine", "rules", "my_rules", monkeypatch)
    with pytest.raises(ConfigError, match="one registered kind of this name"):
        noted(fresh).run()
