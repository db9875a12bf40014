"""What a validation found, in the shapes that people and other programs read: JSON, DataQualityDashboard's own JSON, JUnit XML."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from plait.validators.suite import SEVERITIES, dqd_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plait.validators.judge import Result

DQD_VERSION = "2.8.4"
"""The release of DataQualityDashboard whose checks these are, which its viewer shows."""

_STATUSES = ("FAIL", "ERROR", "PASS", "NA")


@dataclass(frozen=True, slots=True)
class Validated:
    """What a validation found.

    Attributes:
        name: What was checked: the study, or where the CDM stands.
        cdm_version: The version of the CDM whose checks were made.
        version: The study's version; None of a CDM that is no study's.
        today: The date that checks compared with.
        started_at: When it began, UTC.
        seconds: How long it took.
        results: What every check found, in the checks' order.
        notes: What a reader should know beyond it.
        source: The row of CDM_SOURCE that tells of the data, as far as there is one.
        queries: The SELECT of the offending rows, by the id of the check.
        data_docs: The first page of Great Expectations' Data Docs, where they were written.
    """

    name: str
    cdm_version: str
    version: int | None
    today: dt.date
    started_at: dt.datetime
    seconds: float
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)
    data_docs: Path | None = None

    @property
    def is_sound(self) -> bool:
        """Whether no check of severity `error` failed."""
        return not any(result.status == "FAIL" and result.check.severity == "error" for result in self.results)

    def counted(self) -> list[dict[str, Any]]:
        """Give how many checks of each severity failed, could not be answered, passed and do not apply."""
        return [
            {"severity": severity} | {status: sum(r.status == status for r in self.results if r.check.severity == severity) for status in _STATUSES}
            for severity in SEVERITIES
        ]

    def failed(self) -> list[Result]:
        """Give what failed, the worst first: by severity, then by the share that offends."""
        found = [result for result in self.results if result.status == "FAIL"]
        return sorted(found, key=lambda result: (SEVERITIES.index(result.check.severity), -(result.percent or 100.0), result.check.id))

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain data, for JSON."""
        return {
            "name": self.name,
            "cdm_version": self.cdm_version,
            "version": self.version,
            "today": self.today,
            "started_at": self.started_at,
            "seconds": round(self.seconds, 3),
            "is_sound": self.is_sound,
            "counts": self.counted(),
            "notes": list(self.notes),
            "data_docs": self.data_docs,
            "results": [_as_dict(result, self.queries.get(result.check.id)) for result in self.results],
        }


def _as_dict(result: Result, query: str | None) -> dict[str, Any]:
    return as_row(result) | {"about": result.check.about, "query": query}


def as_row(result: Result) -> dict[str, Any]:
    """Give a result as a row of `plait.checks`, less what all rows of a validation share."""
    check = result.check
    return {
        "suite": check.suite,
        "check_id": check.id,
        "check_name": check.type.name,
        "table_name": check.table,
        "field_name": check.field or None,
        "concept_id": check.concept_id or None,
        "violated": result.violated,
        "denominator": result.denominator,
        "percent": result.percent,
        "threshold": check.threshold,
        "severity": check.severity,
        "status": result.status,
        "reason": result.reason,
    }


def dqd_json(found: Validated) -> str:
    """Give the results of DataQualityDashboard's checks as its own JSON (its R code, `writeResultsTo`), which its viewer opens.

    Scalars of the envelope stand in lists of one, and what is missing is left out of its record, as jsonlite writes them.
    """
    results = [result for result in found.results if result.check.suite == "dqd"]
    finished = found.started_at + dt.timedelta(seconds=found.seconds)
    envelope = {
        "startTimestamp": [f"{found.started_at:%Y-%m-%d %H:%M:%S}"],
        "endTimestamp": [f"{finished:%Y-%m-%d %H:%M:%S}"],
        "executionTime": [f"{found.seconds:.0f} secs"],
        "executionTimeSeconds": [round(found.seconds, 3)],
        "CheckResults": [_dqd_result(result, found.queries.get(result.check.id)) for result in results],
        "Metadata": [_metadata(found)],
        "Overview": {name: [value] for name, value in _overview(results).items()},
    }
    return json.dumps(envelope, ensure_ascii=False)


def _dqd_result(result: Result, query: str | None) -> dict[str, Any]:
    check = result.check
    context, category, subcategory = check.type.kahn
    share = None if result.percent is None else result.percent / 100
    row = {
        "numViolatedRows": result.violated,
        "pctViolatedRows": share,
        "numDenominatorRows": result.denominator,
        "executionTime": "0 secs",
        "queryText": query or "",
        "checkName": check.type.name,
        "checkLevel": check.type.level,
        "checkDescription": check.about,
        "cdmTableName": check.table.upper(),
        "cdmFieldName": check.field.upper() or None,
        "conceptId": check.concept_id.replace(" ", ",") or None,
        "category": category,
        "subcategory": subcategory,
        "context": context,
        "error": result.reason if result.status == "ERROR" else None,
        "checkId": dqd_id(check),
        "failed": int(result.status == "FAIL"),
        "passed": int(result.status == "PASS"),
        "isError": int(result.status == "ERROR"),
        "notApplicable": int(result.status == "NA"),
        "notApplicableReason": result.reason if result.status == "NA" else None,
        "thresholdValue": None if check.threshold is None else _whole(check.threshold),
    }
    return {name: value for name, value in row.items() if value is not None}


def _metadata(found: Validated) -> dict[str, Any]:
    """Give CDM_SOURCE with its columns in the case that the viewer reads."""
    row = {"cdm_source_name": found.name, "cdm_version": found.cdm_version} | {name: value for name, value in found.source.items() if value is not None}
    dates = {name: str(value) if isinstance(value, dt.date) else value for name, value in row.items()}
    return {_camel(name): value for name, value in dates.items()} | {"dqdVersion": DQD_VERSION}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _overview(results: Sequence[Result]) -> dict[str, float]:
    """Give the sums that the envelope carries, by its rule: what did not fail has passed."""
    failed = [result for result in results if result.status == "FAIL"]
    total = len(results)
    overview: dict[str, float] = {
        "countTotal": total,
        "countPassed": total - len(failed),
        "countErrorFailed": sum(result.status == "ERROR" for result in results),
        "countThresholdFailed": sum(result.violated is not None for result in failed),
        "countOverallFailed": len(failed),
        "percentPassed": round((total - len(failed)) / total * 100, 2) if total else 0,
        "percentFailed": round(len(failed) / total * 100, 2) if total else 0,
    }
    for category in ("Plausibility", "Conformance", "Completeness"):
        of_category = [result for result in results if result.check.type.kahn[1] == category]
        overview[f"countTotal{category}"] = len(of_category)
        overview[f"countFailed{category}"] = sum(result.status == "FAIL" for result in of_category)
        overview[f"countPassed{category}"] = sum(result.status == "PASS" for result in of_category)
    return overview


def junit(found: Validated) -> str:
    """Give the results as JUnit XML: a test suite a table, a test case a check; what is no error is never a failure but is told."""
    root = ET.Element("testsuites", name=f"plait validate {found.name}", time=f"{found.seconds:.3f}")
    by_table: dict[str, list[Result]] = {}
    for result in found.results:
        by_table.setdefault(result.check.table, []).append(result)
    for table, results in by_table.items():
        fails = sum(result.status == "FAIL" and result.check.severity == "error" for result in results)
        errors = sum(result.status == "ERROR" for result in results)
        skipped = sum(result.status == "NA" for result in results)
        suite = ET.SubElement(root, "testsuite", name=table, tests=str(len(results)), failures=str(fails), errors=str(errors), skipped=str(skipped))
        for result in results:
            _case(suite, result)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(suite, "testcase", name=result.check.id, classname=result.check.table)
    told = f"{in_words(result)}: {result.check.about}"
    if result.status == "NA":
        ET.SubElement(case, "skipped", message=result.reason or "")
    elif result.status == "ERROR":
        ET.SubElement(case, "error", message=result.reason or "", type=result.check.severity)
    elif result.status == "FAIL" and result.check.severity == "error":
        ET.SubElement(case, "failure", message=told, type=result.check.severity)
    elif result.status == "FAIL":
        ET.SubElement(case, "system-out").text = f"{result.check.severity}: {told}"


def in_words(result: Result) -> str:
    """Give how many offend, in words."""
    if result.violated is None or result.denominator is None:
        return result.reason or ""
    return f"{result.violated:,} of {result.denominator:,}"


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number
