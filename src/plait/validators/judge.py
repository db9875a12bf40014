"""From figures to results: whether a check applies, and whether it passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plait.validators.counting import Facts
    from plait.validators.plan import Figure, Planned
    from plait.validators.suite import Check

Status = Literal["PASS", "FAIL", "NA", "ERROR"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found.

    Attributes:
        check: The check.
        violated: How many offend; None where that could not be counted.
        denominator: Of how many.
        status: `PASS`, `FAIL`, `NA` where the check has nothing to say (no such table, no row, no value), or `ERROR` where it could not be answered.
        reason: Why it does not apply or could not be answered.
    """

    check: Check
    violated: int | None
    denominator: int | None
    status: Status
    reason: str | None = None

    @property
    def percent(self) -> float | None:
        """Offending ones of a hundred; 0 of none."""
        if self.violated is None or self.denominator is None:
            return None
        return self.violated / self.denominator * 100 if self.denominator else 0.0


def judge(planned: Planned, found: Mapping[Figure, int | str], own: Mapping[str, int | str], facts: Facts, columns: Mapping[str, Mapping[str, str]]) -> Result:
    """Give the result of a check."""
    check = planned.check
    if check.type.name in {"cdmTable", "cdmField"}:
        return _of_schema(check, columns)
    if planned.inapplicable is not None:
        return Result(check, None, None, "NA", planned.inapplicable)
    violated, denominator, error = _figures(planned, found, own)
    why = not_applicable(check, denominator, facts, columns, is_error=error is not None)
    if why is not None:
        return Result(check, violated, denominator, "NA", why)
    if error is not None or violated is None or denominator is None:
        return Result(check, None, None, "ERROR", error)
    return Result(check, violated, denominator, "FAIL" if has_failed(violated, denominator, check.threshold) else "PASS")


def has_failed(violated: int, denominator: int, threshold: float | None) -> bool:
    """Tell whether violations are too many: any, where there is no threshold or one of 0; else more than the threshold's percentage."""
    if not threshold:
        return violated > 0
    return denominator > 0 and violated / denominator * 100 > threshold


def not_applicable(check: Check, denominator: int | None, facts: Facts, columns: Mapping[str, Mapping[str, str]], *, is_error: bool) -> str | None:
    """Give why a check has nothing to say, None where it has (DataQualityDashboard, "Check Status Definitions")."""
    if check.type.name == "measureConditionEraCompleteness":
        return None if facts.rows.get("condition_occurrence") else "table condition_occurrence is empty"
    if check.table not in columns:
        return f"there is no table {check.table}"
    if check.type.name == "measurePersonCompleteness":
        return None
    if check.field and check.field not in columns[check.table]:
        return f"there is no field {check.table}.{check.field}"
    return None if is_error else _emptiness(check, denominator, facts)


def _emptiness(check: Check, denominator: int | None, facts: Facts) -> str | None:
    """Give what is not there for a check to look at, None where there is something."""
    if not facts.rows[check.table]:
        return f"table {check.table} is empty"
    if check.type.name == "measureValueCompleteness":
        return None
    if check.field and not facts.filled[check.table, check.field]:
        return f"field {check.table}.{check.field} has no value"
    if check.type.level == "CONCEPT" and denominator == 0:
        return f"concept {check.concept_id} is not in {check.table}"
    return None


def _of_schema(check: Check, columns: Mapping[str, Mapping[str, str]]) -> Result:
    """Give the result of a check that asks whether a table or a field is there."""
    has_table = check.table in columns
    if check.field and not has_table:
        return Result(check, None, None, "NA", f"there is no table {check.table}")
    is_there = has_table and (not check.field or check.field in columns[check.table])
    return Result(check, 0, 1, "PASS") if is_there else Result(check, None, None, "FAIL", "it is not there")


def _figures(planned: Planned, found: Mapping[Figure, int | str], own: Mapping[str, int | str]) -> tuple[int | None, int | None, str | None]:
    """Give (violated, denominator, error)."""
    if planned.unanswerable is not None:
        return None, None, planned.unanswerable
    violated = own.get(planned.check.id) if planned.violated is None else found[planned.violated]
    counted = found[planned.counted] if planned.counted is not None else own.get(f"{planned.check.id} counted")
    if isinstance(violated, str) or isinstance(counted, str):
        return None, None, violated if isinstance(violated, str) else str(counted)
    return violated, counted, None
