"""DataQualityDashboard's own check files as rows of plait's: what `src/plait/validators/checks/omop_*.csv` is made from.

The files stand in `spec/dqd/csv` beside the reference data. `python tests/plugins/dqd_spec.py SPEC` writes plait's anew;
a test compares what stands in the repository with what is derived here.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("check", "table", "field", "concept_id", "argument", "threshold", "note")
_CHECKS = Path(__file__).parents[2] / "src" / "plait" / "validators" / "checks"
_GENDERS = {"Male": "8507", "Female": "8532"}
_BOUNDS = {"DATEADD(dd,1,GETDATE())": "tomorrow", "YEAR(GETDATE())+1": "next_year"}
_NO_SOURCE_VALUE = {("dose_era", "unit_concept_id")}
"""Its unit has no source value, though the name of the field is one that has (DataQualityDashboard, field_concept_record_completeness)."""
_BOTH = ("unit", "cause", "specialty", "payer", "plan", "sponsor", "stop_reason")
_STANDARD_ONLY = ("admitted_from", "discharged_to", "discharge_to", "condition_status", "route", "modifier", "qualifier", "anatomic_site")
_STANDARD_ONLY += ("disease_status", "country", "place_of_service")
_SOURCE_VALUES = {
    "admitting_source_concept_id": "admitting_source_value",
    **{f"{stem}_concept_id": f"{stem}_source_value" for stem in (*_BOTH, *_STANDARD_ONLY)},
    **{f"{stem}_source_concept_id": f"{stem}_source_value" for stem in _BOTH},
}


def derived(spec: Path, version: str) -> list[dict[str, str]]:
    """Give the checks of a CDM version in the order of DataQualityDashboard's descriptions, less those of `offset`, which it drops itself."""
    read = {level: _read(spec / f"OMOP_CDMv{version}_{level}_Level.csv") for level in ("Table", "Field", "Concept")}
    read["Field"] = [row for row in read["Field"] if row["cdmFieldName"] != "offset"]
    return [
        row
        for described in _read(spec / f"OMOP_CDMv{version}_Check_Descriptions.csv")
        for row in _instances(described["checkName"], read[described["checkLevel"].title()])
    ]


def _read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _instances(check: str, rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    for row in rows:
        if not _applies(check, row):
            continue
        table, field = row["cdmTableName"].lower(), row.get("cdmFieldName", "").lower()
        yield {
            "check": check,
            "table": table,
            "field": field,
            "concept_id": " ".join(row.get("conceptId", "").replace(",", " ").split()),
            "argument": _argument(check, table, field, row),
            "threshold": row.get(f"{check}Threshold", ""),
            "note": row.get("conceptName", ""),
        }


def _applies(check: str, row: dict[str, str]) -> bool:
    match check:
        case "cdmTable" | "cdmField":
            return True
        case "cdmDatatype":
            return row["cdmDatatype"] == "integer"
        case "fkDomain" | "fkClass":
            return row["isForeignKey"] == "Yes" and bool(row[check])
        case "plausibleValueLow" | "plausibleValueHigh" | "plausibleGender" | "plausibleGenderUseDescendants":
            return bool(row[check])
        case "plausibleUnitConceptIds":
            return bool(row["plausibleUnitConceptIdsThreshold"])
        case _:
            return row[check] == "Yes"


def _argument(check: str, table: str, field: str, row: dict[str, str]) -> str:  # noqa: PLR0911 - one for each kind
    match check:
        case "isForeignKey":
            return f"{row['fkTableName']}.{row['fkFieldName']}".lower()
        case "fkDomain" | "fkClass":
            return row[check]
        case "standardConceptRecordCompleteness" | "sourceConceptRecordCompleteness":
            gender = table == "provider" and field in {"gender_concept_id", "gender_source_concept_id"}
            return "gender_source_value" if gender else "" if (table, field) in _NO_SOURCE_VALUE else _SOURCE_VALUES.get(field, "")
        case "sourceValueCompleteness":
            return row["standardConceptFieldName"].lower()
        case "plausibleValueLow" | "plausibleValueHigh":
            bound = row[check].strip("'")
            is_date = row["cdmDatatype"] in {"date", "datetime"} and bound.isdecimal()
            return f"{bound[:4]}-{bound[4:6]}-{bound[6:]}" if is_date else _BOUNDS.get(bound, bound)
        case "plausibleTemporalAfter":
            other = row["plausibleTemporalAfterTableName"].lower()
            return f"{other}.{row['plausibleTemporalAfterFieldName']}".lower() if other != table else row["plausibleTemporalAfterFieldName"].lower()
        case "plausibleStartBeforeEnd":
            return row["plausibleStartBeforeEndFieldName"].lower()
        case "plausibleGender" | "plausibleGenderUseDescendants":
            return _GENDERS[row[check]]
        case "plausibleUnitConceptIds":
            return " ".join(row[check].replace(",", " ").split())
        case _:
            return ""


def main() -> None:
    """Write plait's files from the specification's."""
    for version in ("5.3", "5.4"):
        with (_CHECKS / f"omop_{version.replace('.', '_')}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(derived(Path(sys.argv[1]), version))


if __name__ == "__main__":
    main()
