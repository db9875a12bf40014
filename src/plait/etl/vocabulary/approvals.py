"""Mappings that somebody approved: `mappings/approved.csv` in the study, in the columns of SOURCE_TO_CONCEPT_MAP and with who and when.

`plait map apply` writes it; a run reads it. It is text, so that a study's decisions can be kept under version control.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.errors import ConfigError, in_words
from plait.etl.vocabulary.spreadsheet import guarded, unguarded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_COLUMNS = (
    "source_code",
    "source_concept_id",
    "source_vocabulary_id",
    "source_code_description",
    "target_concept_id",
    "target_vocabulary_id",
    "valid_start_date",
    "valid_end_date",
    "invalid_reason",
    "equivalence",
    "approved_by",
    "approved_at",
    "comment",
    "review_file",
    "review_sha256",
    "applied_at",
)
_LAST_DAY = "2099-12-31"


@dataclass(frozen=True, slots=True, order=True)
class Approval:
    """That somebody approved a mapping.

    Attributes:
        source_code: The code.
        source_vocabulary_id: Its code system, as the source names it.
        source_code_description: The source's words for it.
        target_concept_id: The standard concept that it means; 0 where no concept does.
        target_vocabulary_id: The vocabulary of that concept; `None`, as OMOP calls it, of concept 0.
        equivalence: How close it is, in Usagi's words.
        approved_by: Who approved it.
        approved_at: When, in UTC.
        comment: What the reviewer wrote.
        review_file: Name of the file that was applied.
        review_sha256: SHA-256 of that file.
        applied_at: When it was applied, in UTC.
    """

    source_code: str
    source_vocabulary_id: str
    source_code_description: str | None
    target_concept_id: int
    target_vocabulary_id: str
    equivalence: str | None
    approved_by: str
    approved_at: dt.datetime
    comment: str | None
    review_file: str
    review_sha256: str
    applied_at: dt.datetime

    @property
    def key(self) -> tuple[str, str]:
        """The code with its system: one decision, of one or several approvals."""
        return self.source_vocabulary_id, self.source_code

    @property
    def decision(self) -> tuple[str, str, int, str | None, str, str | None]:
        """What was decided by whom, without the time and the file."""
        return (*self.key, self.target_concept_id, self.equivalence, self.approved_by, self.comment)


def approved_file(study: Path) -> Path:
    """Give the file of a study's approved mappings; it is there after the first of them."""
    return study / "mappings" / "approved.csv"


def read_approvals(study: Path) -> tuple[Approval, ...]:
    """Give the approved mappings of a study, none where there is no file.

    Raises:
        ConfigError: The file is not as `plait map apply` wrote it.
    """
    file = approved_file(study)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            file, expected="approved mappings in UTF-8", got=in_words(error), todo="Restore the file, and change it by `plait map apply`."
        ) from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    approvals = []
    try:
        is_ours = tuple(rows.fieldnames or ()) == _COLUMNS
        if is_ours:
            approvals = [_approval({name: unguarded(cell) for name, cell in row.items()}) for row in rows]
    except (ValueError, TypeError, AttributeError, csv.Error):
        is_ours = False
    if not is_ours:
        where = f"{file}:{rows.line_num}"
        raise ConfigError(where, expected="a line as `plait map apply` writes it", got="another", todo="Restore the file, and change it by `plait map apply`.")
    return tuple(sorted(approvals, key=_order))


def write_approvals(study: Path, approvals: Iterable[Approval]) -> None:
    """Write the approved mappings of a study, whole or not at all."""
    file = approved_file(study)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for approval in sorted(approvals, key=_order):
        writer.writerow([guarded(cell) for cell in _cells(approval)])
    file.parent.mkdir(mode=0o700, exist_ok=True)
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(text.getvalue(), encoding="utf-8", newline="")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _order(approval: Approval) -> tuple[str, str, int]:
    return (*approval.key, approval.target_concept_id)


def _approval(row: dict[str, str]) -> Approval:
    """Give the approval that a line tells of."""
    return Approval(
        source_code=row["source_code"],
        source_vocabulary_id=row["source_vocabulary_id"],
        source_code_description=row["source_code_description"] or None,
        target_concept_id=int(row["target_concept_id"]),
        target_vocabulary_id=row["target_vocabulary_id"],
        equivalence=row["equivalence"] or None,
        approved_by=row["approved_by"],
        approved_at=dt.datetime.fromisoformat(row["approved_at"]),
        comment=row["comment"] or None,
        review_file=row["review_file"],
        review_sha256=row["review_sha256"],
        applied_at=dt.datetime.fromisoformat(row["applied_at"]),
    )


def _cells(approval: Approval) -> list[str]:
    """Give an approval as the cells of its line."""
    return [
        approval.source_code,
        "0",
        approval.source_vocabulary_id,
        approval.source_code_description or "",
        str(approval.target_concept_id),
        approval.target_vocabulary_id,
        approval.approved_at.date().isoformat(),
        _LAST_DAY,
        "",
        approval.equivalence or "",
        approval.approved_by,
        approval.approved_at.isoformat(sep=" ", timespec="seconds"),
        approval.comment or "",
        approval.review_file,
        approval.review_sha256,
        approval.applied_at.isoformat(sep=" ", timespec="seconds"),
    ]
