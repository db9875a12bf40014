"""The file in which people review suggestions: CSV that opens in a spreadsheet and in OHDSI's Usagi, and comes back from either.

Its columns are those of Usagi 1.4's saved mappings (`WriteCodeMappingsToFile`, `ReadCodeMappingsFromFile`), which reads them by their
names, one line a code (or several lines together, where a code means several concepts at once), and carries `ADD_INFO:` columns along.
Usagi wants no mark of the encoding before the first name and a spreadsheet wants one: so the first column is one that Usagi has no use for.
"""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.errors import InputFileError
from plait.etl.vocabulary.spreadsheet import guarded, unguarded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plait.mapping.suggest import Candidate
    from plait.mapping.unmapped import Unmapped

KEY = "ADD_INFO:key"
"""The column of code system and code in one, as FHIR writes a token: no spreadsheet takes it for a number or a date."""

SYSTEM = "ADD_INFO:codeSystem"
NEEDED = ("sourceCode", "mappingStatus", "conceptId")
STATUSES = ("APPROVED", "UNCHECKED", "AUTO_MAPPED", "AUTO_MAPPED_TO_1", "INVALID_TARGET", "FLAGGED", "IGNORED")
EQUIVALENCES = ("EQUAL", "EQUIVALENT", "WIDER", "NARROWER", "INEXACT", "UNMATCHED", "UNREVIEWED")
MAPS_TO = frozenset({"", "MAPS_TO", "EVENT"})
"""Kinds of a mapping that SOURCE_TO_CONCEPT_MAP has a place for; `EVENT` is an older name of `MAPS_TO`."""

_CREATED_BY = "plait"
_DELIMITERS = (",", ";", "\t")
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A line of a review file as it came back; `line` is its number in the file, `key` and `system` are None where their columns are gone."""

    line: int
    key: str | None
    system: str | None
    code: str
    name: str
    status: str
    equivalence: str
    set_by: str
    set_on: str
    concept_id: str
    concept_name: str
    mapping_type: str
    comment: str


@dataclass(frozen=True, slots=True)
class Review:
    """A review file: its lines, its SHA-256, and what is odd about it and was put right (sentences)."""

    lines: list[Reviewed]
    sha256: str
    notices: list[str] = field(default_factory=list)


def key_of(code_system: str, code: str) -> str:
    """Give code system and code in one."""
    return f"{code_system}|{code}"


def write_review(target: Path, suggestions: Sequence[tuple[Sequence[Unmapped], Sequence[Candidate]]]) -> None:
    """Write a review file, whole or not at all.

    Args:
        target: The file.
        suggestions: For each code: who names it (a source each), and its candidates, best first.
    """
    others = max((len(candidates) for _, candidates in suggestions), default=1)
    names = [(codes[0].display or codes[0].code, codes[0].code) for codes, _ in suggestions]
    lines = [_line(number, codes, candidates, names) for number, (codes, candidates) in enumerate(suggestions, 1)]
    columns = [*(lines[0] if lines else _line(0, (), (), []))]
    columns[columns.index(KEY) : columns.index(KEY)] = [_other(rank) for rank in range(2, others + 1)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _other(rank: int) -> str:
    return f"ADD_INFO:candidate {rank}"


def _line(number: int, codes: Sequence[Unmapped], candidates: Sequence[Candidate], names: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Give the cells of a code's line."""
    first, best = codes[0] if codes else None, candidates[0] if candidates else None
    name = (first.display or first.code) if first else ""
    if first and names.count((name, first.code)) > 1:  # Usagi takes two lines of one code and name for one code
        name = f"{name} ({first.code_system})"
    cells = {
        "line": str(number),
        "sourceCode": first.code if first else "",
        "sourceName": name,
        "sourceFrequency": str(sum(code.rows for code in codes)),
        "mappingStatus": "UNCHECKED",
        "equivalence": "UNREVIEWED",
        "statusSetBy": "",
        "conceptId": str(best.concept_id if best else 0),
        "conceptName": best.concept_name if best else "Unmapped",
        "domainId": best.domain_id if best else "",
        "matchScore": f"{best.score:.4f}" if best else "0",
        "ADD_INFO:vocabulary": f"{best.vocabulary_id} {best.concept_code}" if best else "",
        "ADD_INFO:why": best.reason if best else "",
        **{_other(rank): _told(candidate) for rank, candidate in enumerate(candidates[1:], 2)},
        "comment": "",
        KEY: key_of(first.code_system, first.code) if first else "",
        SYSTEM: first.code_system if first else "",
        "ADD_INFO:sources": ", ".join(sorted({code.source for code in codes})),
        "ADD_INFO:hint": (first.domain_id or "") if first else "",
        "ADD_INFO:unmapped": first.reason if first else "",
        "sourceAutoAssignedConceptIds": ";".join(str(candidate.concept_id) for candidate in candidates),
        "statusSetOn": "0",
        "mappingType": "MAPS_TO",
        "createdBy": _CREATED_BY,
        "createdOn": "0",
        "assignedReviewer": "",
    }
    return {column: guarded(cell.replace("\\", "\\\\")) for column, cell in cells.items()}


def _told(candidate: Candidate) -> str:
    """Give a further candidate in one cell, its concept id first."""
    return (
        f"{candidate.concept_id} {candidate.concept_name} [{candidate.domain_id}, {candidate.vocabulary_id} {candidate.concept_code}] "
        f"{candidate.score:.2f}: {candidate.reason}"
    )


def read_review(file: Path) -> Review:
    """Read a review file as a spreadsheet or Usagi saved it: whatever its encoding and delimiter became, nothing of its content is guessed.

    Raises:
        InputFileError: It cannot be read, lacks a column, or has lines with more or fewer cells than its header.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputFileError(file, expected="a review file", got=(error.strerror or "an error").lower(), todo="Name the file that was reviewed.") from None
    notices: list[str] = []
    text = _decoded(file, content, notices)
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    if delimiter != ",":
        notices.append(f"its cells are parted by {'semicolons' if delimiter == ';' else 'tabs'}, as some spreadsheets save them: read as such")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Reviewed] = []
    try:
        columns = [name.strip() for name in next(rows, [])]
        _check_columns(file, columns)
        lines = [_reviewed(file, rows.line_num, columns, cells) for cells in rows if any(cell.strip() for cell in cells)]
    except csv.Error:
        where = f"{file}:{rows.line_num}"
        raise InputFileError(
            where, expected="cells with closed quotes", got="a quote that does not close", todo="Mend the line, or save it as CSV again."
        ) from None
    return Review(lines, hashlib.sha256(content).hexdigest(), notices)


def _decoded(file: Path, content: bytes, notices: list[str]) -> str:
    """Give the text of a file, in whatever encoding a spreadsheet saved it."""
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    if encoding == "utf-16":
        notices.append("it is in UTF-16, as some spreadsheets save “Unicode text”: read as such")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        if encoding == "utf-8":
            notices.append("it is not in UTF-8: read as Windows-1252, which some spreadsheets save; what has other letters should be looked at")
            return content.decode("cp1252", errors="replace")
        raise InputFileError(file, expected=f"text in {encoding}", got="other bytes", todo="Save it as CSV in UTF-8.") from None


def _check_columns(file: Path, columns: list[str]) -> None:
    """Fail where a column that counts is missing or there twice."""
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        got = f"none named '{missing[0]}'"
        raise InputFileError(f"{file}:1", expected="the columns of a review file", got=got, todo="Keep its header line; make a new one by `plait map suggest`.")
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputFileError(f"{file}:1", expected="each column once", got=f"'{twice[0]}' twice", todo="Remove the one that was added.")


def _reviewed(file: Path, line: int, columns: list[str], cells: list[str]) -> Reviewed:
    """Give a line's cells by what they are."""
    is_cut = len(cells) <= max(columns.index(name) for name in NEEDED)
    if is_cut or any(cell.strip() for cell in cells[len(columns) :]):
        raise InputFileError(
            f"{file}:{line}",
            expected=f"{len(columns)} cells, as the header has",
            got=f"{len(cells)}",
            todo="Look for a comma or a quote that was typed into a cell.",
        )
    row = dict(zip(columns, (unguarded(cell).replace("\\\\", "\\") for cell in cells), strict=False))
    text = {name: row.get(name, "").strip() for name in columns}
    return Reviewed(
        line=line,
        key=row.get(KEY) or None,
        system=text.get(SYSTEM) or None,
        code=row.get("sourceCode", ""),
        name=text.get("sourceName", ""),
        status=text["mappingStatus"].upper(),
        equivalence=text.get("equivalence", "").upper(),
        set_by=text.get("statusSetBy", ""),
        set_on=text.get("statusSetOn", ""),
        concept_id=text.get("conceptId", ""),
        concept_name=text.get("conceptName", ""),
        mapping_type=text.get("mappingType", "").upper(),
        comment=text.get("comment", ""),
    )
