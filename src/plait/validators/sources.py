"""The files of a study's sources, examined: what the checks of each `source.yaml` found when the files were staged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.duck import connect, listed, sql
from plait.errors import ConfigError
from plait.etl.source_checks.judging import is_too_many, judged_fresh
from plait.etl.source_checks.offending import offending_records
from plait.etl.sources.folder import open_sources
from plait.etl.sources.inventory import InputFile
from plait.validators.examiner import Listed
from plait.validators.judge import Result
from plait.validators.suite import Check, CheckType, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.etl.source_checks.rules import SourceCheck
    from plait.etl.sources.folder import Source
    from plait.progress import Progress
    from plait.validators.examiner import Examined

SUITE = "sources"

_CATEGORIES = {
    "sourceRequired": ("Completeness", None),
    "sourceType": ("Conformance", "Value"),
    "sourceRange": ("Plausibility", "Atemporal"),
    "sourceValues": ("Conformance", "Value"),
    "sourcePattern": ("Conformance", "Value"),
    "sourceUnique": ("Plausibility", "Uniqueness"),
    "sourceReference": ("Conformance", "Relational"),
    "sourceRows": ("Completeness", None),
    "sourceFresh": ("Plausibility", "Temporal"),
}
"""Category and subcategory of each kind in Kahn's framework of data quality (doi:10.13063/2327-9214.1244)."""


@dataclass(frozen=True)
class SourcesExaminer:
    """Examines the files that a version was made of, by what was counted of them in its run.

    Attributes:
        examined: The version of the study.
    """

    examined: Examined

    def checks(self) -> tuple[Check, ...]:
        """Give every check that a source of the study asks for."""
        return tuple(_as_check(source, check) for source, check in self._declared.values())

    def examine(self, checks: Sequence[Check], progress: Progress) -> list[Result]:
        """Give what these checks found; thresholds are those of now, and freshness is as of the date that checks compare with."""
        progress("sources", 0)
        return [self._result(check) for check in checks]

    def query(self, check: Check) -> None:
        """Give nothing: what offends stands in the files, and in no table."""
        del check

    def offending(self, check: Check, limit: int | None) -> Listed:
        """Give the records that offend a check, by their places; their files are read again."""
        source, declared = self._declared[check.id]
        if not declared.is_counted:
            raise ConfigError(check.id, expected="a check of records", got="one of a file as a whole", todo="See `plait validate`.")
        files = [_as_file(entry) for entry in self.examined.version.inventory if entry["source"] == source.name]
        with TemporaryDirectory(prefix="plait-") as spill, connect(spill=Path(spill)) as con:
            rows = offending_records(con, source, files, declared, time_zone=self.examined.settings.time_zone, spill=Path(spill), limit=limit)
        records = tuple(({"source": source.name, "file": declared.file, "record": record, "role": "offends"},) for _, record in rows)
        return Listed(("path", "record"), tuple(rows), records)

    @cached_property
    def _declared(self) -> dict[str, tuple[Source, SourceCheck]]:
        sources = open_sources(self.examined.settings, self.examined.study)
        return {check.id(source.name): (source, check) for source in sources for name in source.rules.files for check in source.checks_of(name)}

    @cached_property
    def _found(self) -> dict[str, dict[str, Any]]:
        rows = listed(self.examined.con, sql("plait.validators", "source_checks_found"), {"run_id": self.examined.version.run_id})
        return {row["check_id"]: row for row in rows}

    def _result(self, check: Check) -> Result:
        """Judge what was counted by the check's threshold of now."""
        found = self._found.get(check.id)
        source, declared = self._declared[check.id]
        if found is None:
            return Result(check, None, None, "NA", "it was not asked for when this version was made")
        if found["status"] == "NA":
            return Result(check, found["violated"], found["denominator"], "NA", found["reason"])
        if declared.kind == "sourceFresh" and found["newest"] is not None:
            fresh = judged_fresh(source.name, declared, found["newest"], self.examined.today)
            return Result(check, fresh.violated, fresh.denominator, fresh.status, fresh.reason)
        violated, denominator = int(found["violated"]), int(found["denominator"])
        return Result(check, violated, denominator, "FAIL" if is_too_many(violated, denominator, check.threshold) else "PASS", found["reason"])


def _as_check(source: Source, check: SourceCheck) -> Check:
    """Give a check of a source as all checks are; its table is the source's file."""
    level: Level = "FIELD" if check.columns else "TABLE"
    about = check.about.replace("{", "{{").replace("}", "}}")
    kind = CheckType(check.kind, level, check.rule.severity, ("Verification", *_CATEGORIES[check.kind]), about)
    return Check(kind, SUITE, f"{source.name}.{check.file}", check.field, "", "", check.rule.threshold, check.rule.why, check.rule.severity)


def _as_file(entry: dict[str, Any]) -> InputFile:
    """Give a file of a version's inventory."""
    fields = {key: value for key, value in entry.items() if key != "file_id"}
    return InputFile(**{**fields, "path": Path(entry["path"]), "header": tuple(entry["header"])})
