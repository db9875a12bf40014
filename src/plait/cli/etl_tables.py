"""What `plait etl` shows."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.cli.options import in_study
from plait.console import hint, say, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plait.etl.dryrun.check_source import SourceTried
    from plait.etl.pipeline import RunReport
    from plait.etl.profiling.new_source import NewSource


_FEW_CHANGES = 10
"""Changes of concepts that a terminal shows."""


def show_report(report: RunReport) -> None:
    """Show what a run did, or a dry run would do."""
    if not report.changed:
        say(f"Nothing has changed since run {report.run_id} (version {report.version}); nothing was written.")
        return
    if report.dry_run:
        _show_differences(report)
        return
    totals = {"read": 0, "loaded": 0, "merged": 0, "rejected": 0, "ignored": 0}
    rows = []
    for entry in report.entries:
        row = {
            "read": entry.read,
            "loaded": entry.loaded,
            "merged": entry.merged,
            "rejected": sum(entry.rejected.values()),
            "ignored": sum(entry.ignored.values()),
        }
        totals = {key: totals[key] + value for key, value in row.items()}
        rows.append({"source": entry.source, "file": entry.file, "shape": entry.shape, **row, "written": entry.written})
    table("Ledger: what became of every record, in each shape that reads it", rows)
    say()
    table("CDM", [{"table": name, "rows": count} for name, count in sorted(report.rows.items()) if count])
    say()
    _show_concept_changes(report)
    _show_persons(report)
    if report.checks:
        errors = sum(row["severity"] == "error" for row in report.checks)
        say(f"Checks of sources that failed: {len(report.checks):,}, {errors:,} of them of severity error; `plait etl status` lists them.")
    say(
        f"Version {report.version}: {report.persons:,} persons. {totals['read']:,} read = {totals['loaded']:,} loaded + {totals['merged']:,} merged "
        f"+ {totals['rejected']:,} rejected + {totals['ignored']:,} ignored."
    )


def _show_concept_changes(report: RunReport) -> None:
    """Show which concepts of a CDM changed when they were mapped anew, those of most rows first."""
    from plait.etl.concept_report import REPORT

    changes = report.concept_changes
    if not changes:
        return
    rows = [
        {
            "field": f"{change.table_name}.{change.field}",
            "old": f"{change.old_concept_id} {change.old_concept_name or ''}".strip(),
            "new": f"{change.new_concept_id} {change.new_concept_name or ''}".strip(),
            "domain": change.new_domain_id,
            "rows": change.rows,
            "persons": change.persons,
        }
        for change in changes[:_FEW_CHANGES]
    ]
    table("Concepts that changed, those of most rows first", rows)
    others = f"; the {len(changes):,} changes stand in {REPORT}" if not report.dry_run else ""
    say(f"{len({(change.source, change.old_concept_id, change.new_concept_id) for change in changes}):,} concepts changed{others}.")
    say()


def _show_persons(report: RunReport) -> None:
    """Show how many came, changed and left, by source."""
    for source in report.sources:
        say(f"Persons of {source.source}: {source.added:,} added, {source.changed:,} changed, {source.removed:,} removed.")
    if report.remapped:
        say(f"Persons with a code that means something else now: {report.remapped:,}.")


def _show_differences(report: RunReport) -> None:
    """Show what committing would change."""
    _show_persons(report)
    say()
    _show_concept_changes(report)
    if report.differences:
        table("Rows that would change", [asdict(difference) for difference in report.differences])
    else:
        say("No row of the CDM would change.")
    say()
    say(f"Nothing was committed{f'; version {report.version} stands' if report.version else ''}. The run that follows takes over the work.")


def show_status(status: dict[str, Any]) -> None:
    """Show the books of the newest run."""
    run = status["run"]
    say(
        f"Run {run['run_id']}, version {run['version']}, plait {run['plait_version']}, "
        f"vocabulary {run['vocabulary_release'] or 'unknown'}, {run['persons']:,} persons"
    )
    status = {**status, "checks": [row for row in status["checks"] if row["status"] == "FAIL"]}
    for part, title in (
        ("ledger", "Ledger: read = loaded + merged + rejected + ignored"),
        ("reasons", "Why records went no further"),
        ("unmapped", "Codes without a standard concept; their rows are kept, with concept 0"),
        ("columns", "Columns that nobody accounts for"),
        ("checks", "Checks of sources that failed"),
        ("nlp", "Read in notes"),
        ("promoted", "Findings in notes that became events"),
        ("notices", "Notices"),
    ):
        if status[part]:
            say()
            table(title, status[part])
    say()
    table("CDM", [{"table": name, "rows": count} for name, count in status["tables"].items() if count])


def show_rejects(rows: list[dict[str, Any]], reason: str | None, limit: int) -> None:
    """Show rejected records: two lines each."""
    for row in rows:
        column = f", column {row['detail']}" if row["detail"] else ""
        say(f"{row['source']}: {row['path']}, record {row['record']}, as {row['shape']}: {row['reason']}{column}")
        say(f"  {row['raw']}")
    if not rows:
        say(f"No record was rejected{f' for the reason {reason}' if reason else ''}.")
    if len(rows) == limit:
        hint(f"These are the first {limit}; --limit shows more.")


def show_new_source(found: NewSource, study: Path) -> None:
    """Show what was seen of raw files, which shapes were guessed, and what to do next."""
    rows = [
        {"file": file["file"], "records": file["records"], "columns": len(file["columns"]), "key": file["key"]}
        | {"guessed": ", ".join(file["shapes"]) or ("look-up" if file["is_lookup"] else "nothing")}
        for file in found.files
    ]
    table("Files, and what their records may be", rows)
    short = [file["file"] for file in found.files if not file["is_whole"]]
    if short:
        hint(f"Of {', '.join(short)} only the first records were looked at; --records looks at more.")
    for note in found.notes:
        hint(f"note: {note}")
    for file in found.unread:
        hint(f"not read: {file['file']}: {file['why']}")
    if not found.has_vocabulary:
        hint("Codes were told by their shape alone: the study has no vocabulary loaded.")
    for kind in found.kinds[:1]:
        hint(f"These look like files of the built-in kind '{kind}': kind: {kind} loads them with no folder of your own.")
    say()
    say(f"Wrote {len(found.written)} files to {found.folder}.")
    say(f"Next: plait etl check-source {shlex.quote(str(found.folder))} {shlex.quote(str(found.path))}{in_study(study)}")


def show_source_tried(found: SourceTried) -> None:
    """Show what a source's SELECTs made of its files, and what they left."""
    rows = [
        {"file": shape.file, "shape": shape.shape, "records": shape.records, "rows": shape.rows}
        | {"rejected": sum(shape.rejected.values()), "ignored": sum(shape.ignored.values()), "no number": shape.unparsed}
        for shape in found.shapes
    ]
    table(f"{found.source}: what each SELECT makes of its file", rows)
    for shape in found.shapes:
        if shape.fault:
            say(f"{shape.file}.{shape.shape}.sql: {shape.fault}")
    nulls = [
        {"file": shape.file, "shape": shape.shape, "column": name, "null": rows, "of": shape.rows, "percent": f"{rows / shape.rows * 100:.1f}"}
        for shape in found.shapes
        for name, rows in shape.nulls.items()
        if rows and shape.rows
    ]
    reasons = [
        {"file": shape.file, "shape": shape.shape, "fate": fate, "reason": reason, "records": records}
        for shape in found.shapes
        for fate, counted in (("rejected", shape.rejected), ("ignored", shape.ignored))
        for reason, records in counted.items()
    ]
    checks = [
        {"check": row["check_id"], "severity": row["severity"], "status": row["status"], "violated": row["violated"], "of": row["denominator"]}
        | {"allowed": None if row["threshold"] is None else f"{row['threshold']:g}%", "reason": row["reason"]}
        for row in found.checks
        if row["status"] != "PASS"
    ]
    passed = len(found.checks) - len(checks)
    for title, lines in (
        (f"Checks that source.yaml asks for and that do not pass; {passed:,} do", checks),
        ("Columns that are not always there, in the rows that go on", nulls),
        ("Why records go no further", reasons),
        ("Codes with a standard concept", list(found.codes or ())),
        ("Columns that nobody accounts for", _by_file(found.columns)),
        ("Files that no SELECT reads", list(found.files)),
    ):
        if lines:
            say()
            table(title, lines)
    _show_first(found)
    if found.codes is None:
        hint("Codes were not looked up: the study has no vocabulary loaded.")
    for note in found.notes:
        hint(f"note: {note}")


def _by_file(columns: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Give columns in one line a file."""
    files: dict[str, list[str]] = {}
    for row in columns:
        files.setdefault(row["file"], []).append(row["column"])
    return [{"file": file, "columns": ", ".join(names)} for file, names in files.items()]


def _show_first(found: SourceTried) -> None:
    """Show the first rejected records of each reason."""
    rows = [(shape, row) for shape in found.shapes for row in shape.first]
    if rows:
        say()
        say("The first records that are rejected")
    for shape, row in rows:
        say(f"{row['path']}, record {row['record']}, as {shape.shape}: {row['reason']}{', column ' + row['column'] if row['column'] else ''}")
        if row.get("raw"):
            say(f"  {row['raw']}")
    failed = [row for row in found.checks if row["first"]]
    if failed:
        say()
        say("The first records that offend a check")
    for row in failed:
        places = ", ".join(f"{one['path']}, record {one['record']}" for one in row["first"])
        say(f"{row['check_id']}: {places}")


def show_trace(found: dict[str, Any]) -> None:
    """Show all that led to one CDM row."""
    table(
        f"{found['table']}",
        [{"column": name, "value": value if isinstance(value, str) else _plain(value)} for name, value in found["row"].items() if value is not None],
    )
    if found["known"]:
        say(f"known {found['known']['known_time']}" + (f", its end {found['known']['end_known_time']}" if found["known"]["end_known_time"] else ""))
    if found["members"]:
        say()
        table("Derived; made of", found["members"])
    for finding in found["findings"]:
        say()
        say(f"Read in note {finding['note_id']}, characters {finding['offset']} to {finding['end']}, by {finding['nlp_system']}:")
        say(f"  {finding['snippet']!r}")
    for record in found["records"]:
        say()
        line = f", line {record['line']}" if record.get("line") else ""
        say(f"{record['role']} from {record['path']}, record {record['record']}{line} ({record['source']}: {record['file']} as {record['shape']})")
        if record["raw"] is None:
            say(f"  {record['note']}")
        else:
            table(
                "",
                [
                    {"column": name, "value": value if isinstance(value, str) else _plain(value)}
                    for name, value in record["raw"].items()
                    if value not in (None, "")
                ],
            )
    if found["mapping"]:
        say()
        table(
            "Mapping",
            found["mapping"],
            columns=("attribute", "code_system", "code", "vocabulary_id", "source_concept_id", "target_concept_id", "target_domain_id", "mapped_by"),
        )
        for code in found["mapping"]:
            if code["approved_by"] is not None:
                say(f"{code['code_system']} {code['code']} was approved by {code['approved_by']} on {code['approved_at']:%Y-%m-%d}.")
    if found["run"]:
        say()
        say(
            f"Run {found['run']['run_id']} of {found['run']['started_at']:%Y-%m-%d %H:%M}, plait {found['run']['plait_version']}, "
            f"vocabulary {found['run']['vocabulary_release']}"
        )


def _plain(value: Any) -> str:  # noqa: ANN401
    """Give a value as text without thousands marks: ids stay ids."""
    return "" if value is None else str(value)
