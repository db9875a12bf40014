"""The command line from outside: help, JSON, streams, exit codes, and what each command promises."""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anndata
import polars as pl
import pytest
from typer.core import TyperGroup
from typer.main import get_group

import plait
from plait.cli import app
from plait.cli.study import _no_other_study
from plait.demo import FEWEST, is_begun, write_demo
from plait.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shell import Result

HEAVY = ("duckdb", "polars", "pyarrow", "pydantic", "rich.table", "sqlalchemy", "yaml", "plait.study", "plait.etl")
NEEDS_A_SERVER = {("publish",)}
"""Commands that are tried where a server is."""
LEDGER_KEYS = {"source", "file", "shape", "read", "loaded", "merged", "rejected", "ignored", "written"}


def walk(command: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below a group, with the words that call it."""
    for name, child in command.commands.items():
        if isinstance(child, TyperGroup):
            yield from walk(child, (*path, name))
        else:
            yield (*path, name), child


COMMANDS = dict(walk(get_group(app)))
COMMAND_IDS = [" ".join(words) for words in COMMANDS]


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a demo study of few patients that was run once, with every fault; not to be changed."""
    folder = tmp_path_factory.mktemp("small") / "demo-study"
    write_demo(folder, persons=20)
    plait.open(folder).run_etl()
    plait.open(folder).embed()
    return folder


@pytest.fixture
def copy(small_study: Path, tmp_path: Path) -> Path:
    """Give a copy of the small study that a test may change."""
    shutil.copytree(small_study, tmp_path / "demo-study")
    return tmp_path / "demo-study"


def one(study: Path, query: str) -> int:
    """Give the first id that a query finds."""
    row = plait.open(study).connect().execute(query).fetchone()
    assert row is not None
    return int(row[0])


# Help


@pytest.mark.parametrize("words", COMMANDS, ids=COMMAND_IDS)
def test_every_command_has_help_with_an_example(command: Callable[..., Result], words: tuple[str, ...]) -> None:
    result = command(*words, "--help")
    assert result.code == 0
    assert "Example: plait " in result.out, f"`plait {' '.join(words)}` has no example"
    example = result.out.partition("Example: plait ")[2].split()
    assert tuple(example[: len(words)]) == words
    assert not [option.name for option in COMMANDS[words].params if not getattr(option, "help", "")]


@pytest.mark.parametrize("words", COMMANDS, ids=COMMAND_IDS)
def test_every_command_is_described_in_a_line_that_is_not_cut(command: Callable[..., Result], words: tuple[str, ...]) -> None:
    listed = [line for line in command(*words[:-1], "--help").out.splitlines() if line.split()[:1] == [words[-1]]]
    assert len(listed) == 1
    assert listed[0].endswith(".")
    assert not listed[0].endswith("...")


@pytest.mark.parametrize("words", COMMANDS, ids=COMMAND_IDS)
def test_every_command_takes_the_common_options(words: tuple[str, ...]) -> None:
    options = {option for parameter in COMMANDS[words].params for option in parameter.opts}
    assert {"--json", "-q", "--quiet"} <= options
    assert words in {("demo",), ("init",), ("export", "check")} or {"-s", "--study"} <= options


@pytest.mark.parametrize("words", [(), ("etl",), ("map",), ("vocabulary",)], ids=["plait", "etl", "map", "vocabulary"])
def test_a_group_alone_shows_its_commands(command: Callable[..., Result], words: tuple[str, ...]) -> None:
    result = command(*words)
    assert result.code == 2
    assert "Commands:" in result.out + result.err


def test_help_imports_nothing_heavy() -> None:
    called = "import sys\nsys.argv = ['plait', '--help']\ntry:\n    from plait.cli import main\n    main()\n"
    script = f"{called}finally:\n    print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Usage: plait" in done.stdout


def test_module_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "plait", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"plait {plait.__version__}\n"
    assert done.stderr == ""


def test_version(command: Callable[..., Result]) -> None:
    assert command("--version").out == f"plait {plait.__version__}\n"


# JSON, streams, silence


def as_json(result: Result) -> Any:  # noqa: ANN401 - JSON
    """Give the JSON that a command wrote to stdout, having said nothing else."""
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_json_of_demo(demo_result: tuple[Path, Result]) -> None:
    folder, result = demo_result
    found = as_json(result)
    assert found.keys() == {"facts", "report", "embedded"}
    assert {view["view"]: view["encoded"] for view in found["embedded"]}["notes"] > 400
    assert found["facts"].keys() == {"persons", "deaths", "records", "faults", "duplicates", "left_out"}
    assert_report(found["report"])
    assert found["report"]["persons"] == found["facts"]["persons"] == 200
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def assert_report(report: dict[str, Any]) -> None:
    parts = {"entries", "rows", "notices", "sources", "shards", "checks", "differences", "concept_changes"}
    assert report.keys() == {"changed", "version", "run_id", "persons", "dry_run", "remapped", *parts}
    for entry in report["entries"]:
        assert entry.keys() == LEDGER_KEYS
        assert entry["read"] == entry["loaded"] + entry["merged"] + sum(entry["rejected"].values()) + sum(entry["ignored"].values())


def test_json_of_init(command: Callable[..., Result], tmp_path: Path) -> None:
    assert as_json(command("init", tmp_path / "lung", "--json")) == {"study": str(tmp_path / "lung")}


@pytest.mark.parametrize("words", [("run",), ("etl", "run")], ids=" ".join)
def test_json_of_run(command: Callable[..., Result], copy: Path, words: tuple[str, ...]) -> None:
    unchanged, embedded = report_of_run(command(*words, "-s", copy, "--json"), words)
    assert not any(view["written"] for view in embedded)
    assert_report(unchanged)
    assert not unchanged["changed"]
    (copy / "data/synthea/questionnaires.csv").unlink()
    changed, _ = report_of_run(command(*words, "-s", copy, "--json"), words)
    assert_report(changed)
    assert changed["changed"]
    assert len(changed["entries"]) > 20
    assert (changed["version"], changed["run_id"], changed["persons"], changed["rows"]["person"]) == (2, 2, 20, 20)


def report_of_run(result: Result, words: tuple[str, ...]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give what the ETL did, and what became of the items of each view, of which `etl run` says nothing."""
    found = as_json(result)
    return (found, []) if words == ("etl", "run") else (found["report"], found["embedded"])


def test_json_of_status(command: Callable[..., Result], demo_study: Path) -> None:
    found = as_json(command("etl", "status", "-s", demo_study, "--json"))
    assert found.keys() == {"run", "ledger", "reasons", "unmapped", "columns", "nlp", "promoted", "notices", "checks", "tables"}
    assert found["run"].keys() == {"run_id", "version", "started_at", "finished_at", "plait_version", "vocabulary_release", "persons"}
    rows = {part: {frozenset(row) for row in found[part]} for part in ("ledger", "reasons", "unmapped", "columns", "notices")}
    assert rows == {
        "ledger": {frozenset(LEDGER_KEYS)},
        "reasons": {frozenset({"source", "file", "shape", "fate", "reason", "records"})},
        "unmapped": {frozenset({"source", "code_system", "reason", "codes"})},
        "columns": {frozenset({"source", "file", "column"})},
        "notices": {frozenset({"source", "file", "kind", "detail", "records"})},
    }
    assert found["tables"]["person"] == 200


def test_json_of_rejects(command: Callable[..., Result], demo_study: Path) -> None:
    found = as_json(command("etl", "rejects", "-s", demo_study, "--json"))
    assert {frozenset(row) for row in found} == {frozenset({"source", "file", "path", "record", "shape", "reason", "detail", "raw"})}
    assert all(isinstance(json.loads(row["raw"]), dict) for row in found)
    assert as_json(command("etl", "rejects", "-s", demo_study, "--reason", "nonsense", "--json")) == []


def test_json_of_trace(command: Callable[..., Result], demo_study: Path) -> None:
    found = as_json(command("etl", "trace", "person", 1, "-s", demo_study, "--json"))
    assert found.keys() == {"table", "row", "known", "records", "members", "findings", "mapping", "run"}
    assert {"source", "file", "path", "record", "line", "shape", "role", "raw"} <= found["records"][0].keys()


@pytest.mark.parametrize("words", [("vocabulary", "info"), ("vocabulary", "load")], ids=" ".join)
def test_json_of_vocabulary(command: Callable[..., Result], copy: Path, words: tuple[str, ...]) -> None:
    found = as_json(command(*words, "-s", copy, "--json"))
    assert {"folder", "digest", "release", "rows", "vocabularies", "missing", "warnings"} <= found.keys()
    assert found["release"] == "plait demo v1"


def test_json_of_map_and_of_another_release(command: Callable[..., Result], copy: Path) -> None:
    codes = as_json(command("map", "unmapped", "--system", "UCUM", "-s", copy, "--json"))
    assert {"U/L", "{score}"} <= {code["code"] for code in codes}
    review = copy / "review.csv"
    suggested = as_json(command("map", "suggest", "-o", review, "--system", "UCUM", "-s", copy, "--json"))
    assert (suggested["codes"], suggested["file"]) == (len({code["code"] for code in codes}), str(review))
    review.write_text(review.read_text(encoding="utf-8-sig").replace("UNCHECKED,UNREVIEWED,,8645", "APPROVED,EQUAL,Ana,8645"), encoding="utf-8")
    applied = as_json(command("map", "apply", review, "-s", copy, "--json"))
    assert (applied["approved"], applied["added"], applied["persons"]) == (1, 1, 20)
    found = as_json(command("vocabulary", "diff", copy / "data/athena", "-s", copy, "--json"))
    assert (found["changes"], found["persons"], found["before"]) == ([], 0, "plait demo v1")


def test_json_of_digest_and_gc(command: Callable[..., Result], copy: Path) -> None:
    before = as_json(command("digest", "-s", copy, "--json"))
    assert {"study", "person", "measurement", "lineage_key"} <= before.keys()
    assert command("digest", "-s", copy).out.strip() == before["study"]
    assert as_json(command("gc", "-s", copy, "--json")) == {"versions": [], "files": 0, "size_bytes": 0}
    assert as_json(command("etl", "run", "--full", "-s", copy, "--json"))["version"] == 2
    assert as_json(command("digest", "-s", copy, "--json")) == before


def test_json_of_forget(command: Callable[..., Result], copy: Path) -> None:
    (dry,) = as_json(command("forget", "7", "--dry-run", "-s", copy, "--json"))
    assert (dry["dry_run"], dry["persons"], bool(dry["left"]), dry["versions"]) == (True, 1, True, [])
    (done,) = as_json(command("forget", "7", "--yes", "-s", copy, "--json"))
    assert (done["is_proved"], done["left"], [version["version"] for version in done["versions"]]) == (True, [], [1])
    assert {"source", "path", "records"} == done["sources"][0].keys()
    assert one(copy, "SELECT count(*) FROM cdm.person") == 19


def test_json_of_verify(command: Callable[..., Result], copy: Path) -> None:
    files = one(copy, "SELECT count(*) FROM plait.image_file")
    found = as_json(command("verify", "-s", copy, "--json"))
    assert [(row["status"], row["files"]) for row in found["statuses"]] == [("verified", files)]
    assert (found["files"], found["notes"]) == ([], [])


def test_json_of_show(command: Callable[..., Result], copy: Path, tmp_path: Path) -> None:
    image = one(copy, "SELECT min(image_occurrence_id) FROM plait.image_item WHERE modality = 'CT'")
    found = as_json(command("show", image, "-s", copy, "-o", tmp_path / "ct.png", "--json"))
    assert found == {"path": str(tmp_path / "ct.png"), "modality": "CT", "kind": "slices", "panes": 3, "notes": []}
    assert stat.S_IMODE((tmp_path / "ct.png").stat().st_mode) == 0o600


def test_json_of_validate(command: Callable[..., Result], copy: Path) -> None:
    found = as_json(command("validate", "isPrimaryKey.person.*", "--today", "2026-11-23", "-s", copy, "--json"))
    assert (found["is_sound"], found["today"], found["cdm_version"], found["version"]) == (True, "2026-11-23", "5.4", 1)
    (row,) = found["results"]
    assert (row["check_id"], row["violated"], row["denominator"], row["status"], row["severity"]) == ("isPrimaryKey.person.person_id", 0, 20, "PASS", "error")
    assert row["query"].startswith("SELECT t.*")


def test_json_of_features_list_and_get(command: Callable[..., Result], copy: Path, tmp_path: Path) -> None:
    listed = {view["view"]: view for view in as_json(command("features", "list", "-s", copy, "--json"))}
    assert {"events", "variants", "rna"} <= listed.keys()
    assert listed["rna"].keys() == {"view", "modality", "encoder", "features", "persons", "of", "note"}
    assert (listed["events"]["persons"], listed["events"]["of"]) == (20, 20)
    got = as_json(command("features", "get", "cancer", "--views", "rna,events", "-s", copy, "-o", tmp_path / "a", "--json"))
    assert got.keys() == {"cohort", "persons", "rows", "attrition", "labels", "definition", "views", "written", "id"}
    assert {view["view"] for view in got["views"]} == {"rna", "events"}
    assert sum(view["rows"] for view in got["views"] if view["view"] == "rna") == got["rows"]
    table = plait.open_snapshot(tmp_path / "a")
    assert (len(table), table.views) == (got["rows"], ("rna", "events"))
    assert {"survival_days", "survival_event", "dead_5y"} <= set(table.index.frame.columns)
    assert table.lineage["cohort"]["attrition"] == got["attrition"]


def test_features_get_writes_one_flat_table_and_never_over_another(command: Callable[..., Result], copy: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("person_id,prediction_time\n2,2024-01-01\n1,2024-01-01\n2,2024-01-01\n")
    arguments = ("features", "get", rows, "--views", "variants", "-s", copy, "-o", tmp_path / "flat.parquet")
    assert command(*arguments).code == 0
    flat = pl.read_parquet(tmp_path / "flat.parquet")
    assert flat["person_id"].to_list() == [2, 1, 2]
    assert {"variants.TP53", "variants.TP53|reason"} <= set(flat.columns)
    assert stat.S_IMODE((tmp_path / "flat.parquet").stat().st_mode) == 0o600
    again = command(*arguments)
    assert (again.code, "a new file" in again.err) == (2, True)


def test_features_get_says_what_is_not_there(command: Callable[..., Result], copy: Path, tmp_path: Path) -> None:
    for words, message in (
        (("canser",), "Did you mean 'cancer'"),
        ((tmp_path / "none.csv",), "rows as CSV or Parquet"),
        (("cancer", "--views", "rna,varants"), "Did you mean 'variants'"),
        (("cancer", "--views", "rna, rna"), "each view once"),
        (("cancer", "-o", tmp_path / "out.csv"), "a file that ends in .parquet"),
        (("cancer", "--clock", "sun"), "'known' or 'ohdsi'"),
    ):
        result = command("features", "get", "-o", tmp_path / "out", *words, "-s", copy)
        assert (result.code, message in result.err) == (2, True), result.err
    assert not (tmp_path / "out").exists()


def test_json_of_embed(command: Callable[..., Result], copy: Path) -> None:
    found = as_json(command("embed", "-s", copy, "--json"))
    assert {frozenset(row) for row in found} == {frozenset({"view", "encoder_id", "items", "encoded", "reused", "failed", "written"})}
    assert all(row["encoded"] == 0 for row in found)


def test_json_of_every_command_is_tried() -> None:
    tried = {
        ("features", "list"),
        ("features", "get"),
        ("show",),
        ("features", "diff"),
        ("demo",),
        ("init",),
        ("run",),
        ("etl", "run"),
        ("etl", "status"),
        ("etl", "rejects"),
        ("etl", "trace"),
        ("vocabulary", "info"),
        ("vocabulary", "load"),
        ("vocabulary", "diff"),
        ("map", "unmapped"),
        ("map", "suggest"),
        ("map", "apply"),
        ("digest",),
        ("gc",),
        ("verify",),
        ("validate",),
        ("embed",),
        ("etl", "new-source"),
        ("etl", "check-source"),
        ("export", "omop"),
        ("export", "check"),
        ("export", "fair"),
        ("export", "mudata"),
        ("export", "phenopackets"),
        ("export", "meds"),
        ("forget",),
        ("report",),
    }
    assert COMMANDS.keys() - tried == NEEDS_A_SERVER & COMMANDS.keys()


def test_data_on_stdout_and_hints_on_stderr(command: Callable[..., Result], copy: Path, tmp_path: Path) -> None:
    made = command("init", tmp_path / "lung")
    assert made.out == f"Made {tmp_path / 'lung'}.\n"
    assert made.err.startswith("Say in ")
    rejects = command("etl", "rejects", "-s", copy, "--limit", 2)
    assert len(rejects.out.splitlines()) == 4
    assert rejects.err == "These are the first 2; --limit shows more.\n"
    (copy / "data/synthea/questionnaires.csv").unlink()
    run = command("run", "-s", copy)
    assert "25 rejected" in run.out
    assert run.err == f"Which records were rejected, and why: plait etl rejects -s {copy}\n"
    wrong = command("etl", "trace", "persn", 1, "-s", copy)
    assert wrong.out == ""
    assert wrong.err.startswith("plait: ")


def test_quiet_says_nothing(command: Callable[..., Result], copy: Path, tmp_path: Path) -> None:
    (copy / "data/synthea/questionnaires.csv").unlink()
    calls: list[tuple[object, ...]] = [
        ("run", "-s", copy),
        ("etl", "run", "-s", copy),
        ("etl", "status", "-s", copy),
        ("etl", "rejects", "-s", copy, "--limit", 1),
        ("etl", "trace", "person", 1, "-s", copy),
        ("vocabulary", "info", "-s", copy),
        ("vocabulary", "load", "-s", copy),
        ("vocabulary", "diff", copy / "data/athena", "-s", copy),
        ("map", "unmapped", "-s", copy),
        ("map", "suggest", "-o", copy / "review.csv", "-s", copy),
        ("map", "apply", copy / "review.csv", "-s", copy),
        ("verify", "-s", copy),
        ("init", tmp_path / "lung"),
    ]
    for words in calls:
        result = command(*words, "-q")
        assert (result.code, result.out, result.err) == (0, "", ""), words


def test_tables_have_no_spaces_at_line_ends_and_one_row_a_line(command: Callable[..., Result], demo_study: Path) -> None:
    for words in (("etl", "status"), ("etl", "rejects"), ("vocabulary", "info"), ("etl", "trace", "person", 1)):
        lines = command(*words, "-s", demo_study).out.splitlines()
        assert [line for line in lines if line != line.rstrip()] == []
    assert len([line for line in command("etl", "rejects", "-s", demo_study, "--limit", 100).out.splitlines() if line.startswith("  {")]) == 25


# Exit codes


def test_wrong_usage_and_settings_exit_with_2(command: Callable[..., Result], demo_study: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong/plait.yaml").write_text("study: x\nsorces: []\n", encoding="utf-8")
    for words in (
        ("frobnicate",),
        ("etl", "trace", "person", "one", "-s", demo_study),
        ("etl", "trace", "persn", 1, "-s", demo_study),
        ("etl", "status", "-s", tmp_path / "nowhere"),
        ("run", "-s", tmp_path / "wrong"),
        ("init", demo_study),
        ("run", "--threads", 0, "-s", demo_study),
    ):
        result = command(*words)
        assert (result.code, result.out) == (2, ""), words
        assert result.err, words


def test_what_is_not_there_exits_with_1(command: Callable[..., Result], demo_study: Path, tmp_path: Path) -> None:
    command("init", tmp_path / "lung")
    for words in (("etl", "trace", "person", 999, "-s", demo_study), ("etl", "status", "-s", tmp_path / "lung")):
        result = command(*words)
        assert (result.code, result.out) == (1, ""), words
        assert result.err.startswith("plait: "), words


def test_a_broken_file_exits_with_1_and_commits_nothing(command: Callable[..., Result], copy: Path) -> None:
    (copy / "data/synthea/patients.csv").write_bytes(b"")
    result = command("run", "-s", copy)
    assert result.code == 1
    assert "patients.csv" in result.err
    assert [path.name for path in (copy / "warehouse/versions").iterdir()] == ["000001.json"]


# What commands promise


def test_init_makes_a_study_for_its_owner_alone_and_leaves_another_one(command: Callable[..., Result], tmp_path: Path) -> None:
    lung = tmp_path / "deep" / "lung"
    assert command("init", lung).code == 0
    assert stat.S_IMODE(lung.stat().st_mode) == 0o700
    before = (lung / "plait.yaml").read_text(encoding="utf-8")
    assert "study: lung\n" in before
    (lung / "plait.yaml").write_text(before + "# mine\n", encoding="utf-8")
    assert command("init", lung).code == 2
    assert (lung / "plait.yaml").read_text(encoding="utf-8") == before + "# mine\n"


def test_demo_leaves_the_study_of_another_alone(command: Callable[..., Result], tmp_path: Path) -> None:
    command("init", tmp_path / "lung")
    result = command("demo", tmp_path / "lung")
    assert result.code == 2
    assert "another study" in result.err
    assert [path.name for path in (tmp_path / "lung").iterdir()] == ["plait.yaml"]


def test_demo_leaves_the_files_of_another_alone(command: Callable[..., Result], tmp_path: Path) -> None:
    """A folder without a study may be anybody's: their data/ is not written into, and their folder stays as open as it was."""
    mine = tmp_path / "mine"
    (mine / "data").mkdir(parents=True)
    mine.chmod(0o755)
    (mine / "data/links.csv").write_text("mine", encoding="utf-8")
    result = command("demo", mine)
    assert (result.code, stat.S_IMODE(mine.stat().st_mode), (mine / "data/links.csv").read_text(encoding="utf-8")) == (2, 0o755, "mine")
    assert "a folder with other files" in result.err


def test_a_demo_of_csv_files_does_not_become_one_of_fhir(command: Callable[..., Result], tmp_path: Path) -> None:
    """The links of the one name a system that the records of the other do not."""
    (tmp_path / "plait.yaml").write_text("study: demo\nvocabulary: v\nsources: [{name: ehr, kind: synthea, path: data/synthea}]\n", encoding="utf-8")
    result = command("demo", tmp_path, "--ehr", "fhir")
    assert result.code == 2
    assert "--ehr fhir, got a demo whose records come in another way" in result.err


def test_a_demo_that_was_stopped_while_it_was_written_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("plait.demo.write_vocabulary", stopped)
        with pytest.raises(KeyboardInterrupt):
            write_demo(tmp_path, persons=FEWEST)
    assert is_begun(tmp_path)
    _no_other_study(tmp_path, "synthea")
    write_demo(tmp_path, persons=FEWEST)
    assert not is_begun(tmp_path)
    assert read_settings(tmp_path).sources


def test_a_place_where_no_folder_can_be_is_said(command: Callable[..., Result], tmp_path: Path, demo_study: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    for arguments in (["init", file], ["demo", file], ["init", file / "lung"], ["demo", file / "lung"], ["export", "fair", file / "x", "-s", demo_study]):
        result = command(*arguments)
        assert (result.code, result.err) == (2, f"plait: {file}: expected a folder, got a file. Name another place.\n"), arguments


def test_lines_to_go_on_with_can_be_typed_into_a_shell(command: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "Jane's study"
    (line,) = command("init", folder).err.splitlines()
    assert shlex.split(line.partition("then: ")[2]) == ["plait", "run", "-s", str(folder)]


def test_demo_twice_changes_nothing_and_can_still_be_traced(command: Callable[..., Result], demo_study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo-study"
    shutil.copytree(demo_study, folder)
    again = command("demo", folder)
    assert again.out == "Nothing has changed since run 1 (version 1); nothing was written.\n"
    assert again.err.splitlines()[1] == f"A study of 200 made-up patients stands in {folder}. Next, try:"
    assert as_json(command("etl", "trace", "person", 1, "-s", folder, "--json"))["records"][0]["raw"]


def test_run_on_an_unchanged_study_says_so(command: Callable[..., Result], copy: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in (copy / "warehouse").rglob("*.parquet"))
    result = command("run", "-s", copy)
    assert (result.code, result.err) == (0, "")
    assert result.out == "Nothing has changed since run 1 (version 1); nothing was written.\n"
    assert sorted((path, path.stat().st_mtime_ns) for path in (copy / "warehouse").rglob("*.parquet")) == before


def test_a_study_prints_what_it_is(demo_study: Path, tmp_path: Path) -> None:
    assert repr(plait.open(demo_study)) == f"Study({str(demo_study)!r}, version 1)"
    assert repr(plait.init(tmp_path / "lung")) == f"Study({str(tmp_path / 'lung')!r}, not run yet)"


# Trace

TABLES = (
    "person",
    "visit_occurrence",
    "visit_detail",
    "condition_occurrence",
    "drug_exposure",
    "procedure_occurrence",
    "device_exposure",
    "measurement",
    "observation",
    "note",
    "death",
    "payer_plan_period",
    "cost",
    "location",
    "care_site",
    "provider",
    "specimen",
    "omics_variant",
)


@pytest.mark.parametrize("table", TABLES)
def test_trace_shows_the_record_behind_a_row(command: Callable[..., Result], demo_study: Path, table: str) -> None:
    row_id = one(demo_study, f"SELECT max(row_id) FROM plait.lineage WHERE table_name = '{table}'")  # noqa: S608
    found = as_json(command("etl", "trace", table, row_id, "-s", demo_study, "--json"))
    assert [record["role"] for record in found["records"]].count("loaded") == 1
    for record in found["records"]:
        lines = record_lines(record)
        assert all(value in lines for value in record["raw"].values() if value and "\n" not in value), record
    shown = command("etl", "trace", table, row_id, "-s", demo_study)
    assert (shown.code, shown.err) == (0, "")
    assert f", record {found['records'][0]['record']}, line {found['records'][0]['line']} (" in shown.out


def record_lines(record: dict[str, Any]) -> str:
    """Give the file's text from the line that a trace names, a few lines long."""
    with open(record["path"], encoding="utf-8") as file:  # noqa: PTH123 - a path from JSON
        lines = file.read().split("\n")
    return "\n".join(lines[record["line"] - 1 : record["line"] + 2])


def test_every_table_with_lineage_is_traced(demo_study: Path) -> None:
    found = plait.open(demo_study).connect().execute("SELECT DISTINCT table_name FROM plait.lineage").fetchall()
    assert {row[0] for row in found} == {*TABLES, "omics_occurrence", "omics_feature", "image_occurrence", "image_feature"}


def test_trace_shows_the_item_and_the_feature_of_a_matrix(command: Callable[..., Result], demo_study: Path) -> None:
    delivered = anndata.read_h5ad(demo_study / "data/rna.h5ad")
    for table, names, key in (("omics_occurrence", delivered.obs_names, "item"), ("omics_feature", delivered.var_names, "feature")):
        row_id = one(demo_study, f"SELECT max({table}_id) FROM cdm.{table} WHERE assay = 'rna.tumours'")  # noqa: S608 - names of our own
        (record,) = as_json(command("etl", "trace", table, row_id, "-s", demo_study, "--json"))["records"]
        assert record["raw"][key] == names[record["record"] - 1]


def merged_most(study: Path, table: str, file: str) -> int:
    """Give the row of a table that most records of a file went into."""
    return one(
        study,
        "SELECT l.row_id FROM plait.lineage AS l INNER JOIN plait.files AS f ON l.file_id = f.file_id "  # noqa: S608 - names of our own
        f"WHERE l.table_name = '{table}' AND f.file = '{file}' GROUP BY l.row_id ORDER BY count(*) DESC, l.row_id LIMIT 1",
    )


def test_trace_of_a_visit_shows_all_its_encounters(command: Callable[..., Result], demo_study: Path) -> None:
    visit = merged_most(demo_study, "visit_occurrence", "encounters")
    found = as_json(command("etl", "trace", "visit_occurrence", visit, "-s", demo_study, "--json"))
    assert [record["role"] for record in found["records"]] == ["loaded", "merged", "merged"]
    assert len({record["raw"]["Id"] for record in found["records"]}) == 3
    assert {record["raw"]["PATIENT"] for record in found["records"]} == {found["records"][0]["raw"]["PATIENT"]}
    start, end = found["row"]["visit_start_date"], found["row"]["visit_end_date"]
    assert all(start <= record["raw"]["START"][:10] <= end for record in found["records"])
    assert {row["code"] for row in found["mapping"] if row["attribute"] == "code"} == {record["raw"]["ENCOUNTERCLASS"] for record in found["records"]}


def test_trace_of_a_cost_shows_its_charge_and_its_payments(command: Callable[..., Result], demo_study: Path) -> None:
    cost = merged_most(demo_study, "cost", "claims_transactions")
    found = as_json(command("etl", "trace", "cost", cost, "-s", demo_study, "--json"))
    assert {record["file"] for record in found["records"]} == {"claims", "claims_transactions"}
    entries = [record["raw"] for record in found["records"] if record["file"] == "claims_transactions"]
    charged = sum(float(entry["AMOUNT"]) for entry in entries if entry["TYPE"] == "CHARGE")
    paid = sum(float(entry["PAYMENTS"]) for entry in entries if entry["TYPE"] == "PAYMENT")
    assert found["records"][0]["raw"]["TYPE"] == "CHARGE"
    assert found["row"]["total_charge"] == pytest.approx(charged)
    assert found["row"]["total_paid"] == pytest.approx(paid)


def test_trace_of_a_note_leads_to_its_text(command: Callable[..., Result], demo_study: Path) -> None:
    note = one(demo_study, "SELECT min(note_id) FROM cdm.note")
    found = as_json(command("etl", "trace", "note", note, "-s", demo_study, "--json"))
    manifest = found["records"][0]
    text = (demo_study / "data/notes" / manifest["raw"]["file"]).read_text(encoding="utf-8")
    assert found["row"]["note_text"] == text
    assert text.splitlines()[0] in command("etl", "trace", "note", note, "-s", demo_study).out


def test_trace_of_an_imaging_procedure_shows_its_instances(command: Callable[..., Result], demo_study: Path) -> None:
    procedure = merged_most(demo_study, "procedure_occurrence", "imaging_studies")
    found = as_json(command("etl", "trace", "procedure_occurrence", procedure, "-s", demo_study, "--json"))
    assert [record["role"] for record in found["records"]] == ["loaded", "merged", "merged"]
    assert len({record["raw"]["Id"] for record in found["records"]}) == 1
    assert len({record["raw"]["INSTANCE_UID"] for record in found["records"]}) == 3
    assert found["records"][0]["raw"]["PROCEDURE_CODE"] == found["row"]["procedure_source_value"]


@pytest.mark.parametrize(
    ("table", "of"), [("observation_period", "visit_occurrence"), ("condition_era", "condition_occurrence"), ("drug_era", "drug_exposure")]
)
def test_trace_of_a_derived_row_shows_what_it_is_made_of(command: Callable[..., Result], demo_study: Path, table: str, of: str) -> None:
    row_id = one(demo_study, f"SELECT row_id FROM plait.derivation WHERE table_name = '{table}' GROUP BY row_id ORDER BY count(*) DESC, row_id LIMIT 1")  # noqa: S608
    found = as_json(command("etl", "trace", table, row_id, "-s", demo_study, "--json"))
    assert found["records"] == []
    assert {member["table_name"] for member in found["members"]} == {of}
    assert len(found["members"]) > 1
    shown = command("etl", "trace", table, row_id, "-s", demo_study)
    assert (shown.code, shown.err) == (0, "")
    assert all(str(member["row_id"]) in shown.out for member in found["members"])
