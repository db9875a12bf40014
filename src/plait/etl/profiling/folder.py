"""Writes a proposal down: `source.yaml`, one SELECT a file and shape, and the mappings that are certain; comments say what was guessed, and why."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from plait.duck import make_view, quoted, sql
from plait.errors import ConfigError, in_words
from plait.etl.profiling.columns import words
from plait.etl.profiling.proposal import Proposal, Proposed, identifier
from plait.etl.sources.folder import MAP_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.etl.profiling.columns import Column
    from plait.etl.profiling.profile import RawFile

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ .%-]*")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

LEAST_RECORDS = 11
"""Records that a value must stand on before it may be shown, where values are asked for."""

_MOST_SHOWN = 40


def write_folder(folder: Path, proposal: Proposal, *, force: bool, values: dict[tuple[str, str], list[tuple[str, int]]] | None = None) -> list[Path]:
    """Write the folder of a source and give its files.

    Raises:
        ConfigError: It is there, and not empty; it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not force:
        raise ConfigError(folder, expected="a folder that is new or empty", got="one with files", todo="Name another with -o, or replace them with --force.")
    files = {"source.yaml": source_yaml(proposal, values or {})}
    files |= {f"{select.file}.{select.shape}.sql": select_text(select) for select in proposal.selects}
    if proposal.words:
        files[MAP_FILE] = _map_text(proposal.words)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.sql") if force else ():
            old.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(folder, expected="a folder that can be written", got=in_words(error), todo="Name another with -o.") from None
    return [folder / name for name in files]


def select_text(select: Proposed) -> str:
    """Give a SELECT with its header and the reasons of its guesses."""
    lines = [f"-- One row: {select.what}.", *_comment(f"Guessed by `plait etl new-source`, to be checked: {select.why}.", "-- ")]
    body = [("r._pointer", "", "")] + ([("r.part.number", "_part", "")] if select.parts else [])
    body += [(line.expression, line.alias, line.why) for line in select.lines]
    if select.parts:
        body.append(("CASE WHEN r.part.code IS NULL THEN 'no_value' END", "_ignore", "what is not filled is left out by this rule"))
    lines.append("SELECT")
    for number, (expression, alias, why) in enumerate(body, 1):
        comma = "," if number < len(body) else ""
        name = f" AS {identifier(alias)}" if alias and alias != expression.removeprefix("r.") else ""
        lines.append(f"    {expression}{name}{comma}{f' -- {_one_line(why)}' if why else ''}")
    lines += _from(select)
    return "\n".join(lines) + "\n"


def _from(select: Proposed) -> list[str]:
    """Give the FROM of a SELECT: its file, in parts where a record gives several rows, and its look-ups, one row a key."""
    if select.parts:
        rows = ",\n".join(
            f"            {{'number': {number}, 'code': {_code_of(part.code, part.value)}, 'value': {part.value or 'NULL'}}}"
            for number, part in enumerate(select.parts)
        )
        lines = ["FROM (", "    SELECT", "        *,", "        unnest([", rows, "        ]) AS part", f"    FROM {identifier(select.file)}", ") AS r"]
    else:
        lines = [f"FROM {identifier(select.file)} AS r"]
    for join in select.joins:
        columns = ", ".join(f"min({identifier(name)}) AS {identifier(name)}" for name in join.columns if name != join.key)
        lines.append(
            f"LEFT JOIN (SELECT {identifier(join.key)}{', ' if columns else ''}{columns} FROM {identifier(join.file)} GROUP BY {identifier(join.key)}) "
            f"AS {join.alias} ON r.{identifier(join.column)} = {join.alias}.{identifier(join.key)}"
        )
    return lines


def _code_of(code: str, value: str | None) -> str:
    return code if value is None else f"CASE WHEN {value} IS NOT NULL THEN {code} END"


def source_yaml(proposal: Proposal, values: dict[tuple[str, str], list[tuple[str, int]]]) -> str:
    """Give the text of `source.yaml`."""
    profile = proposal.meaning.profile
    person = proposal.meaning.person
    lines = _comment(
        f"A first version, written by `plait etl new-source` after a look at {len(profile.files)} files. Every line is a guess: read it, mend it, and see with "
        f"`plait etl check-source` what comes of it.{'' if values else ' No value of a record stands here.'}",
        "# ",
    )
    lines += [f"# {note}" for text in proposal.notes for note in _comment(text, "")]
    whose = f" # whose numbers {person[0]}.{person[1]} holds" if person else " # of a source that brings the persons: no file here has their births"
    lines += [f"kind: {_word(proposal.name)}", f"description: {_word(f'Files of {proposal.name}')}", f"person_system: {_word(proposal.name)}{whose}"]
    lines += _layout(proposal)
    if proposal.systems:
        lines.append("code_systems: # name in the SELECTs → vocabularies to look in, in this order")
        lines += [f"  {_word(system)}: [{', '.join(vocabularies)}]" for system, vocabularies in sorted(proposal.systems.items())]
    domains = sorted({line.expression.strip("'") for select in proposal.selects for line in select.lines if line.alias == "domain"})
    if domains:
        lines += _comment("What the source captures, which lets silence mean something: nobody but you can say it. Take the # away where it is so.", "# ")
        lines += ["# coverage:", *(f"#   - {{domain: {domain}}}" for domain in domains)]
    lines.append("files:")
    for file in profile.files:
        lines += _file(proposal, file, values)
    for layout in profile.unread:
        lines += _comment(f"Not read: {layout.name}: {layout.problem}.", "# ")
    return "\n".join(lines) + "\n"


def _layout(proposal: Proposal) -> list[str]:
    """Give how most text files are written, the words for no value, and the formats of times."""
    texts = [file.layout for file in proposal.meaning.profile.files if file.layout.format == "csv"]
    lines = []
    for key, default in (("encoding", "utf-8"), ("delimiter", ","), ("quote", '"')):
        common = _commonest([getattr(layout, key) for layout in texts]) if texts else default
        if common != default:
            lines.append(f"{key}: {_word(common)}")
    nulls, formats = none_words(proposal), time_formats(proposal)
    if nulls:
        lines.append(f"null_values: [{', '.join(json.dumps(word) for word in nulls)}] # words that stand among numbers or times, or mean nothing else")
    if formats:
        lines.append(f"time_formats: [{', '.join(json.dumps(form) for form in formats)}] # beside ISO 8601")
    return lines


def _file(proposal: Proposal, file: RawFile, values: dict[tuple[str, str], list[tuple[str, int]]]) -> list[str]:
    """Give what `source.yaml` says of a file, with its profile as a comment."""
    selects = proposal.of(file.name)
    lines = [f"  {_word(file.name)}:"]
    read = f"{file.records:,} records" if file.is_whole else f"looked at the first {file.records:,} records"
    facts = [read, f"{len(file.layouts)} files" if len(file.layouts) > 1 else "", f"{file.faulty:,} with too many or too few fields" if file.faulty else ""]
    keys = "; ".join(" + ".join(columns) for columns in file.keys[:3])
    facts += [f"key: {keys}" if keys else "no column is a key"]
    lines += [f"    {line}" for line in _comment(", ".join(fact for fact in facts if fact) + ".", "# ")]
    width = max(len(name) for name in file.columns)
    for column in file.columns.values():
        lines.append(f"    #   {column.name:<{width}}  {_column(file, column)}")
        if shown := values.get((file.name, column.name)):
            told = ", ".join(f"{json.dumps(value, ensure_ascii=False)} ({count:,})" for value, count in shown)
            lines += [f"    {line}" for line in _comment(f"  {'':<{width}}  on at least {LEAST_RECORDS} records: {told}", "#   ")]
    if proposal.meaning.person and file.name == proposal.meaning.person[0]:
        lines.append("    required: true")
    if file.pattern is not None:
        lines.append(f"    pattern: {json.dumps(file.pattern)}")
    lines += _own_layout(proposal, file)
    needed = list(dict.fromkeys(name for select in selects for name in select.needed))
    joined = [name for select in proposal.selects for join in select.joins if join.file == file.name for name in (join.key, *join.columns)]
    read_too = list(dict.fromkeys(name for name in (*(name for select in selects for name in select.read), *joined) if name not in needed))
    if needed:
        lines.append(f"    needs: [{', '.join(map(_word, needed))}]")
    if read_too:
        lines.append(f"    optional: [{', '.join(map(_word, read_too))}]")
    if file.name in proposal.meaning.lookups:
        lines.append("    lookup: true # it completes records of other files")
    if lines[-1].lstrip().startswith("#"):
        lines.append("    needs: []")
    return lines + _checks(proposal, file, needed)


def _checks(proposal: Proposal, file: RawFile, needed: list[str]) -> list[str]:
    """Give checks that hold for all records that were looked at; warnings, until somebody knows better."""
    if not needed or not file.records:
        return []
    whole = {reference.column: reference for reference in file.references if reference.share == 1 and reference.file != file.name}
    lines = [
        f"      - {{unique: {_word(columns[0])}, severity: warning}}" for columns in file.keys if len(columns) == 1 and _is_asked(file, columns[0], needed)
    ][:1]
    for name in needed:
        column = file.columns[name]
        asked = ["required: true"] if column.filled == column.records else []
        asked += [f"references: {_word(f'{whole[name].file}.{whole[name].key}')}"] if name in whole and _is_kept(proposal, whole[name].file) else []
        asked += ["type: time"] if column.kind == "time" and not column.other and column.order in {"", "either", proposal.order} else []
        lines += [f"      - {{column: {_word(name)}, {', '.join(asked)}, severity: warning}}"] if asked else []
    lines.append("      - {rows: {change: 50%}, severity: warning} # against the last delivery")
    held = "held for all records" if file.is_whole else "held for the first records"
    return [f"    checks: # {held}", *lines]


def _is_asked(file: RawFile, name: str, needed: list[str]) -> bool:
    """Tell whether a key can be asked for: a SELECT needs it, and no record repeats another one."""
    return name in needed and file.columns[name].distinct == file.columns[name].records


def _is_kept(proposal: Proposal, name: str) -> bool:
    return bool(proposal.of(name)) or name in proposal.meaning.lookups


def _own_layout(proposal: Proposal, file: RawFile) -> list[str]:
    """Give how a file is written where it is not as most others are."""
    layout = file.layout
    if layout.format != "csv":
        return []
    lines = [f"    comment: {json.dumps(layout.comment)}"] if layout.comment else []
    texts = [one.layout for one in proposal.meaning.profile.files if one.layout.format == "csv"]
    common = {key: _commonest([getattr(one, key) for one in texts]) for key in ("encoding", "delimiter", "quote")}
    return lines + [f"    {key}: {_word(getattr(layout, key))}" for key, value in common.items() if getattr(layout, key) != value]


def _column(file: RawFile, column: Column) -> str:
    """Give what was seen in a column, in words; no value of it."""
    if column.kind == "empty":
        return "nothing"
    names = {"comma": "decimal with a comma", "clock": "time of day"}
    parts = [names.get(column.kind, column.kind)]
    if column.kind == "time":
        parts[0] += f" ({', '.join(form or 'ISO 8601' for form in column.formats[:3])}{', …' if len(column.formats) > 3 else ''})"  # noqa: PLR2004 - three are enough
    if column.other:
        parts.append(f"{column.other:,} distinct values are none")
    empty = column.records - column.filled
    parts.append(f"{empty / column.records:.1%} empty" if empty else "never empty")
    parts.append("unique" if column.is_unique else f"{column.distinct:,} distinct")
    parts += [f"{reference.share:.0%} in {reference.file}.{reference.key}" for reference in file.references if reference.column == column.name]
    return ", ".join(parts)


def none_words(proposal: Proposal) -> list[str]:
    """Give the words that mean no value: those that mean nothing else, and others that stand among numbers and times, and nowhere else."""
    columns = [column for file in proposal.meaning.profile.files for column in file.columns.values()]
    typed = {word for column in columns if column.kind not in {"text", "empty"} for word in column.none_words}
    elsewhere = {word for column in columns if column.kind == "text" for word in column.none_words}
    sure = {word for column in columns for word in column.none_words if word not in {"NA", "-", "--", ".", "?", "None", "nan", "NaN"}}
    sure |= {word for word in elsewhere if word in {"-", "--"}}
    return sorted(sure | (typed - elsewhere))


def time_formats(proposal: Proposal) -> list[str]:
    """Give the formats of all times that are read, but for those whose days and months stand the other way round."""
    columns = [column for file in proposal.meaning.profile.files for column in file.columns.values() if column.kind == "time"]
    formats = list(dict.fromkeys(form for column in columns if column.order in {"", "either", proposal.order} for form in column.formats if form))
    clocks = {column.kind == "clock" for file in proposal.meaning.profile.files for column in file.columns.values()}
    if True in clocks:
        formats += [f"{form} {clock}" for form in [form for form in formats if "%H" not in form and "%I" not in form] for clock in ("%H:%M", "%H:%M:%S")]
    return sorted(dict.fromkeys(formats), key=lambda form: -len(form))


def shown_values(con: duckdb.DuckDBPyConnection, proposal: Proposal) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """Give the values of columns that look like codes, the commonest first: only those on at least `LEAST_RECORDS` records."""
    found = {}
    for file in proposal.meaning.profile.files:
        keys = {name for columns in file.keys for name in columns} | {reference.column for reference in file.references}
        keys |= {proposal.meaning.person_columns.get(file.name, ""), proposal.meaning.visit_columns.get(file.name, "")}
        for column in file.columns.values():
            if column.kind != "text" or column.name in keys or column.distinct > _MOST_DISTINCT or column.longest > _LONGEST_SHOWN:
                continue
            make_view(con, "profiled", f"SELECT {quoted(column.name)} AS value FROM {quoted(file.name)} WHERE _fault IS NULL")
            rows = con.execute(sql("plait.etl.profiling", "common_values"), {"least": LEAST_RECORDS, "most": _MOST_SHOWN}).fetchall()
            if rows:
                found[file.name, column.name] = rows
    return found


_MOST_DISTINCT = 200
_LONGEST_SHOWN = 40


def _map_text(systems: dict[str, str]) -> str:
    """Give source_to_concept_map.csv with words that everybody knows; their targets are named by code."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source_code", "source_vocabulary_id", "source_code_description", "target_concept_id", "target_vocabulary_id", "target_code"])
    for system, kind in sorted(systems.items()):
        for row in words():
            if row["kind"] == kind and row["target_code"]:
                spelt = dict.fromkeys((row["word"], row["word"].upper(), row["word"].title()))
                writer.writerows([word, system, row["word"], "", row["target_vocabulary_id"], row["target_code"]] for word in spelt)
    return text.getvalue()


def _commonest(values: Iterable[str]) -> str:
    listed = list(values)
    return max(dict.fromkeys(listed), key=listed.count)


def _word(text: str) -> str:
    """Give a text as YAML takes it."""
    return text if _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _YAML_WORDS else json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _comment(text: str, mark: str) -> list[str]:
    """Cut a text into lines of comment."""
    import textwrap

    return [f"{mark}{line}".rstrip() for line in textwrap.wrap(text, _WIDTH, subsequent_indent=" " * (len(text) - len(text.lstrip())))]
