"""Approved lines of a review file into the study's mappings: checked as a whole, entered at once, and told what they touch."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import sql
from plait.errors import InputFileError
from plait.etl.commit import writing
from plait.etl.vocabulary.approvals import Approval, approved_file, read_approvals, write_approvals
from plait.etl.vocabulary.spreadsheet import guarded, unguarded
from plait.mapping.review import EQUIVALENCES, KEY, MAPS_TO, STATUSES, Review, Reviewed, key_of, read_review
from plait.mapping.unmapped import open_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version

_MOST_LINES = 10
"""Lines that an error names."""

_DIGITS = 15
"""Digits of a number that a spreadsheet keeps; the others become 0."""

_UNKNOWN = dt.datetime.fromtimestamp(0, dt.UTC).replace(tzinfo=None)
"""What Usagi says of a time that it does not know."""

_NO_CONCEPT = "None"
"""The vocabulary of concept 0, as OMOP calls it."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a review file.

    Attributes:
        file: The study's file of approved mappings.
        approved: Codes that are approved in the review file.
        waiting: Its lines that are not approved, by their status.
        added: Codes that had no approved mapping before.
        changed: Codes whose approved mapping is another now.
        unchanged: Codes whose approved mapping was there already.
        codes: Codes (of a source each) that the next run gives another meaning.
        rows: Staged rows that name them.
        persons: Persons whom these rows are of: they are computed anew, and nobody else.
        notices: What is odd about the file and was put right, in sentences.
        dry_run: Whether nothing was written.
    """

    file: Path
    approved: int
    waiting: dict[str, int]
    added: int
    changed: int
    unchanged: int
    codes: int
    rows: int
    persons: int
    notices: tuple[str, ...]
    dry_run: bool = False


def apply_review(study: Path, version: Version, file: Path, *, by: str | None = None, dry_run: bool = False, now: dt.datetime | None = None) -> Applied:
    """Enter the approved lines of a review file into the study's mappings; the next run of the ETL recomputes whom they touch.

    Args:
        study: The study's folder.
        version: The version whose codes and vocabulary count.
        file: The review file, as a spreadsheet or Usagi saved it.
        by: Who approved the lines that do not say so themselves.
        dry_run: Say what would come of it, and write nothing.
        now: The time of approvals that have none, in UTC; the clock's if None.

    Raises:
        InputFileError: The file cannot be read, or a line of it cannot be applied: nothing of it is.
        StudyError: A run holds the study.
    """
    moment = (now or dt.datetime.now(dt.UTC).replace(tzinfo=None)).replace(microsecond=0)
    review = read_review(file)
    with open_map(study, version) as con, writing(study):
        approvals = _Checker(con, file, review, by, moment).approvals()
        before = read_approvals(study)
        merged, added, changed = _merged(before, approvals)
        codes, rows, persons = _touched(con, approvals)
        if not dry_run and merged != before:
            write_approvals(study, merged)
    keys = {approval.key for approval in approvals}
    return Applied(
        file=approved_file(study),
        approved=len(keys),
        waiting=dict(sorted(Counter(line.status for line in review.lines if line.status != "APPROVED").items())),
        added=added,
        changed=changed,
        unchanged=len(keys) - added - changed,
        codes=codes,
        rows=rows,
        persons=persons,
        notices=tuple(f"{file.name}: {notice}." for notice in review.notices),
        dry_run=dry_run,
    )


def _merged(before: Sequence[Approval], approvals: Sequence[Approval]) -> tuple[tuple[Approval, ...], int, int]:
    """Give all approved mappings, and how many codes came and changed; a decision that was made before stays as it was entered."""
    old: dict[tuple[str, str], list[Approval]] = {}
    for approval in before:
        old.setdefault(approval.key, []).append(approval)
    new: dict[tuple[str, str], list[Approval]] = {}
    for approval in approvals:
        new.setdefault(approval.key, []).append(approval)
    same = {key for key, rows in new.items() if sorted(map(str, (r.decision for r in rows))) == sorted(map(str, (r.decision for r in old.get(key, ()))))}
    kept = [approval for key, rows in old.items() for approval in rows if key not in new or key in same]
    entered = [approval for key, rows in new.items() if key not in same for approval in rows]
    merged = tuple(sorted([*kept, *entered], key=lambda a: (*a.key, a.target_concept_id)))
    return merged, len(new.keys() - old.keys()), len((new.keys() & old.keys()) - same)


def _touched(con: duckdb.DuckDBPyConnection, approvals: Sequence[Approval]) -> tuple[int, int, int]:
    """Give the codes that get another meaning, and the rows and persons that name them."""
    con.execute("CREATE OR REPLACE TEMP TABLE decision (code_system VARCHAR, code VARCHAR, target_concept_id BIGINT)")
    if approvals:
        con.executemany("INSERT INTO decision VALUES (?, ?, ?)", [(*approval.key, approval.target_concept_id) for approval in approvals])
    con.execute(sql("plait.mapping", "decided"))
    codes = con.execute("SELECT count(*) FROM code_change").fetchone()
    counted = con.execute(sql("plait.mapping", "touched")).fetchone()
    assert codes is not None and counted is not None  # noqa: S101, PT018 - aggregates give a row
    return codes[0], counted[0], counted[1]


class _Checker:
    """Turns approved lines into approvals, or says why a line cannot be one."""

    def __init__(self, con: duckdb.DuckDBPyConnection, file: Path, review: Review, by: str | None, now: dt.datetime) -> None:
        self.con, self.file, self.review, self.by, self.now = con, file, review, by, now
        codes = con.execute("SELECT DISTINCT code_system, code FROM study_map ORDER BY ALL").fetchall()
        self.codes: dict[str, tuple[str, str]] = {_as_cell(key_of(*code)): code for code in codes}

    def approvals(self) -> list[Approval]:
        """Give the approvals of all approved lines.

        Raises:
            InputFileError: A line cannot be applied.
        """
        lines = self.review.lines
        self._refuse(lines, lambda r: r.status not in STATUSES, "mappingStatus", f"one of {', '.join(STATUSES)}", "another word", "Mend the column.")
        approved = [line for line in lines if line.status == "APPROVED"]
        known = self._known(approved)
        self._refuse(
            approved, lambda r: not (r.set_by or self.by), "statusSetBy", "who approved it", "nobody", "Fill the column, or name yourself by --by NAME."
        )
        self._refuse(
            approved, lambda r: r.equivalence not in {"", *EQUIVALENCES}, "equivalence", f"one of {', '.join(EQUIVALENCES)}", "another word", "Mend the column."
        )
        self._refuse(
            approved,
            lambda r: r.mapping_type not in MAPS_TO,
            "mappingType",
            "MAPS_TO, the only kind that SOURCE_TO_CONCEPT_MAP has a place for",
            "another kind",
            "Take its approval back, or map the code as a whole.",
        )
        self._refuse(approved, lambda r: _time(r.set_on) is None, "statusSetOn", "milliseconds since 1970, a date, or nothing", "something else", "Empty it.")
        self._refuse(
            approved,
            lambda r: not re.fullmatch(r"[0-9]+(\.0+)?", r.concept_id),
            "conceptId",
            "a concept id",
            "no whole number",
            "Look it up at athena.ohdsi.org.",
        )
        self._check_concepts(approved)
        self._check_conflicts(approved, known)
        return self._made(approved, known)

    def _refuse(self, lines: Iterable[Reviewed], is_wrong: Callable[[Reviewed], bool], column: str, expected: str, got: str, todo: str) -> None:
        """Fail where lines are wrong, naming them."""
        wrong = [line.line for line in lines if is_wrong(line)]
        if wrong:
            more = f" (as in {len(wrong) - 1} more lines: {', '.join(map(str, wrong[1:_MOST_LINES]))}{', …' if len(wrong) > _MOST_LINES else ''})"
            where = f"{self.file}:{wrong[0]}, column {column}"
            raise InputFileError(where, expected=expected, got=f"{got}{more if len(wrong) > 1 else ''}", todo=f"{todo} Nothing was applied.")

    def _known(self, lines: Sequence[Reviewed]) -> dict[int, tuple[str, str]]:
        """Give the code of the study that each line is about, by the number of the line."""
        known: dict[int, tuple[str, str]] = {}
        altered: list[Reviewed] = []
        apart: list[int] = []
        for line in lines:
            key = line.key or (key_of(line.system, line.code) if line.system else None)
            code = self.codes.get(_as_cell(key)) if key else self._by_code_alone(line.code)
            if code is None:
                continue
            known[line.line] = code
            if _as_cell(code[1]) == line.code:
                continue
            if is_altered(code[1], line.code):
                altered.append(line)
            else:
                apart.append(line.line)
        self._refuse(
            lines,
            lambda r: r.line in apart,
            "sourceCode",
            "the code that its key names",
            "another one",
            "Columns were sorted or filled apart from each other: undo that, or start from a new file.",
        )
        self._refuse(
            lines,
            lambda r: r.line not in known and self._mangled(r),
            "sourceCode",
            "a code of the study",
            "one that a spreadsheet has altered (leading zeros dropped, or turned into a number or a date)",
            "Import the column as text, or start from a new file.",
        )
        self._refuse(lines, lambda r: r.line not in known, "sourceCode", "a code that the study has", "none that it has", "See `plait map unmapped`.")
        if altered:
            places = ", ".join(str(line.line) for line in altered[:_MOST_LINES]) + (", …" if len(altered) > _MOST_LINES else "")
            self.review.notices.append(f"a spreadsheet has altered sourceCode in line{'s' if len(altered) > 1 else ''} {places}: the code in {KEY} counts")
        return known

    def _by_code_alone(self, code: str) -> tuple[str, str] | None:
        """Give the code of the study where its system is not named: the one that only one system has."""
        same = [known for known in self.codes.values() if _as_cell(known[1]) == code]
        return same[0] if len(same) == 1 else None

    def _mangled(self, line: Reviewed) -> bool:
        """Tell whether a line's code looks like one of the study that a spreadsheet has altered."""
        systems = {line.system} if line.system else {system for system, _ in self.codes.values()}
        return any(is_altered(code, line.code) for system, code in self.codes.values() if system in systems)

    def _check_concepts(self, lines: Sequence[Reviewed]) -> None:
        """Fail where a concept is not in the vocabulary, not valid or not standard; note where a name is not its own."""
        ids = sorted({_concept_id(line) for line in lines} - {0})
        rows = self.con.execute(sql("plait.mapping", "concepts"), {"ids": ids}).fetchall() if ids else []
        self.names = {row[0]: row[1] for row in rows}
        self.vocabularies = {row[0]: row[2] for row in rows}
        good = {row[0] for row in rows if row[3] and row[4]} | {0}
        instead = {row[0]: row[5] for row in rows if row[5] is not None}
        self._refuse(lines, lambda r: _concept_id(r) not in {*self.names, 0}, "conceptId", "a concept of the vocabulary", "none that it has", "Look it up.")
        bad = next((line for line in lines if _concept_id(line) not in good), None)
        todo = f"It maps to {instead[_concept_id(bad)]}." if bad and _concept_id(bad) in instead else "Choose a standard one."
        self._refuse(lines, lambda r: _concept_id(r) not in good, "conceptId", "a valid standard concept", "one that is not", todo)
        renamed = [
            line.line
            for line in lines
            if line.concept_name
            and _concept_id(line)
            and guarded(self.names[_concept_id(line)]).strip() != line.concept_name
            and self.names[_concept_id(line)].strip() != line.concept_name
        ]
        if renamed:
            places = ", ".join(map(str, renamed[:_MOST_LINES])) + (", …" if len(renamed) > _MOST_LINES else "")
            self.review.notices.append(f"conceptName is not the name of conceptId in line{'s' if len(renamed) > 1 else ''} {places}: the id counts")

    def _check_conflicts(self, approved: Sequence[Reviewed], known: dict[int, tuple[str, str]]) -> None:
        """Fail where a code is decided in two ways: by two people, approved and not, or with a concept and with none."""
        of_code: dict[tuple[str, str], list[Reviewed]] = {}
        for line in approved:
            of_code.setdefault(known[line.line], []).append(line)
        two_people, both, undecided = set[int](), set[int](), set[int]()
        for lines in of_code.values():
            concepts = {_concept_id(line) for line in lines}
            if len(concepts) > 1 and len({(line.set_by or self.by, line.equivalence) for line in lines}) > 1:
                two_people.add(lines[1].line)
            if 0 in concepts and len(concepts) > 1:
                both.add(lines[1].line)
        approved_keys = {key_of(*known[line.line]): _concept_id(line) for line in approved}
        for line in self.review.lines:
            key = line.key or (key_of(line.system, line.code) if line.system else None)
            if line.status != "APPROVED" and key in approved_keys:
                undecided.add(line.line)
        anyone = self.review.lines
        self._refuse(anyone, lambda r: r.line in both, "conceptId", "a concept, or none", "both for one code", "Decide for one of the lines.")
        todo = "Decide for one of the lines; a code that means several concepts at once is approved in all its lines by one person."
        self._refuse(anyone, lambda r: r.line in two_people, "conceptId", "one decision for a code", "two, by two people or of two kinds", todo)
        self._refuse(anyone, lambda r: r.line in undecided, "mappingStatus", "one status for a code", "another line of it that is approved", todo)

    def _made(self, approved: Sequence[Reviewed], known: dict[int, tuple[str, str]]) -> list[Approval]:
        """Give the approvals of lines that were found right."""
        made: dict[tuple[str, str, int], Approval] = {}
        for line in approved:
            system, code = known[line.line]
            concept, moment = _concept_id(line), _time(line.set_on)
            approval = Approval(
                source_code=code,
                source_vocabulary_id=system,
                source_code_description=line.name or None,
                target_concept_id=concept,
                target_vocabulary_id=self.vocabularies.get(concept, _NO_CONCEPT),
                equivalence=line.equivalence or None,
                approved_by=line.set_by or str(self.by),
                approved_at=self.now if moment is None or moment == _UNKNOWN else moment,
                comment=line.comment or None,
                review_file=self.file.name,
                review_sha256=self.review.sha256,
                applied_at=self.now,
            )
            made.setdefault((system, code, concept), approval)
        return list(made.values())


def is_altered(code: str, cell: str) -> bool:
    """Tell whether a cell may be what a spreadsheet made of a code: leading zeros or blanks dropped, a number, or a date in its place."""
    if not cell or cell == code:
        return False
    if cell.strip().lstrip("0") == code.strip().lstrip("0") or cell.strip().upper() == code.strip().upper():
        return True
    number, shown = _number(code), _number(cell)
    if number is not None and shown is not None:
        mantissa, exponent, _ = cell.upper().partition("E")
        if exponent:
            return math.isclose(number, shown, rel_tol=0.5 * 10 ** (1 - max(len(re.sub(r"[^0-9]", "", mantissa)), 1)))
        return number == shown or (len(code) == len(cell) > _DIGITS and cell == code[:_DIGITS] + "0" * (len(code) - _DIGITS))
    looks_dated = re.fullmatch(r"[0-9]{1,2}[-/][A-Za-z]{3}|[A-Za-z]{3}[-/][0-9]{1,4}|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}", cell.strip())
    return looks_dated is not None and re.fullmatch(r"[0-9A-Za-z]{1,4}([-/. ]?[0-9]{1,4}){1,2}", code.strip()) is not None


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def _as_cell(text: str) -> str:
    """Give a text as it comes back from a cell, where line breaks are blanks."""
    return unguarded(guarded(text))


def _concept_id(line: Reviewed) -> int:
    return int(line.concept_id.partition(".")[0])


def _time(text: str) -> dt.datetime | None:
    """Give the time that a line was approved at, 1970 where it does not say; None where it says what no time is."""
    if not text:
        return _UNKNOWN
    try:
        moment = _UNKNOWN + dt.timedelta(seconds=int(float(text.replace(",", ".")) // 1000))
    except (ValueError, OverflowError):
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment
