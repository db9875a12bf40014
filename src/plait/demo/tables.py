"""Synthea's CSV layout (version 3.3), and that of the demo's other files: their columns, and how they are written."""

from __future__ import annotations

import csv
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from datetime import datetime
    from pathlib import Path

_LAYOUT = """
patients: Id BIRTHDATE DEATHDATE SSN DRIVERS PASSPORT PREFIX FIRST MIDDLE LAST SUFFIX MAIDEN MARITAL RACE ETHNICITY GENDER BIRTHPLACE
    ADDRESS CITY STATE COUNTY FIPS ZIP LAT LON HEALTHCARE_EXPENSES HEALTHCARE_COVERAGE INCOME
encounters: Id START STOP PATIENT ORGANIZATION PROVIDER PAYER ENCOUNTERCLASS CODE DESCRIPTION BASE_ENCOUNTER_COST TOTAL_CLAIM_COST
    PAYER_COVERAGE REASONCODE REASONDESCRIPTION
conditions: START STOP PATIENT ENCOUNTER SYSTEM CODE DESCRIPTION
medications: START STOP PATIENT PAYER ENCOUNTER CODE DESCRIPTION BASE_COST PAYER_COVERAGE DISPENSES TOTALCOST REASONCODE REASONDESCRIPTION
immunizations: DATE PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST
procedures: START STOP PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST REASONCODE REASONDESCRIPTION
observations: DATE PATIENT ENCOUNTER CATEGORY CODE DESCRIPTION VALUE UNITS TYPE
allergies: START STOP PATIENT ENCOUNTER CODE SYSTEM DESCRIPTION TYPE CATEGORY REACTION1 DESCRIPTION1 SEVERITY1 REACTION2 DESCRIPTION2 SEVERITY2
careplans: Id START STOP PATIENT ENCOUNTER CODE DESCRIPTION REASONCODE REASONDESCRIPTION
devices: START STOP PATIENT ENCOUNTER CODE DESCRIPTION UDI
supplies: DATE PATIENT ENCOUNTER CODE DESCRIPTION QUANTITY
imaging_studies: Id DATE PATIENT ENCOUNTER SERIES_UID BODYSITE_CODE BODYSITE_DESCRIPTION MODALITY_CODE MODALITY_DESCRIPTION INSTANCE_UID
    SOP_CODE SOP_DESCRIPTION PROCEDURE_CODE
organizations: Id NAME ADDRESS CITY STATE ZIP LAT LON PHONE REVENUE UTILIZATION
providers: Id ORGANIZATION NAME GENDER SPECIALITY ADDRESS CITY STATE ZIP LAT LON ENCOUNTERS PROCEDURES
payers: Id NAME OWNERSHIP ADDRESS CITY STATE_HEADQUARTERED ZIP PHONE AMOUNT_COVERED AMOUNT_UNCOVERED REVENUE COVERED_ENCOUNTERS
    UNCOVERED_ENCOUNTERS COVERED_MEDICATIONS UNCOVERED_MEDICATIONS COVERED_PROCEDURES UNCOVERED_PROCEDURES COVERED_IMMUNIZATIONS
    UNCOVERED_IMMUNIZATIONS UNIQUE_CUSTOMERS QOLS_AVG MEMBER_MONTHS
payer_transitions: PATIENT MEMBERID START_DATE END_DATE PAYER SECONDARY_PAYER PLAN_OWNERSHIP OWNER_NAME
claims: Id PATIENTID PROVIDERID PRIMARYPATIENTINSURANCEID SECONDARYPATIENTINSURANCEID DEPARTMENTID PATIENTDEPARTMENTID DIAGNOSIS1
    DIAGNOSIS2 DIAGNOSIS3 DIAGNOSIS4 DIAGNOSIS5 DIAGNOSIS6 DIAGNOSIS7 DIAGNOSIS8 REFERRINGPROVIDERID APPOINTMENTID CURRENTILLNESSDATE
    SERVICEDATE SUPERVISINGPROVIDERID STATUS1 STATUS2 STATUSP OUTSTANDING1 OUTSTANDING2 OUTSTANDINGP LASTBILLEDDATE1 LASTBILLEDDATE2
    LASTBILLEDDATEP HEALTHCARECLAIMTYPEID1 HEALTHCARECLAIMTYPEID2
claims_transactions: ID CLAIMID CHARGEID PATIENTID TYPE AMOUNT METHOD FROMDATE TODATE PLACEOFSERVICE PROCEDURECODE MODIFIER1 MODIFIER2
    DIAGNOSISREF1 DIAGNOSISREF2 DIAGNOSISREF3 DIAGNOSISREF4 UNITS DEPARTMENTID NOTES UNITAMOUNT TRANSFEROUTID TRANSFERTYPE PAYMENTS
    ADJUSTMENTS TRANSFERS OUTSTANDING APPOINTMENTID LINENOTE PATIENTINSURANCEID FEESCHEDULEID PROVIDERID SUPERVISINGPROVIDERID
notes: note_id person visit datetime type class title language provider file
samples: sample case taken site
sequenced: sample panel reported
variants: sample gene chromosome position reference alternate hgvs_p variant_class alt_depth ref_depth
slides: file case block
links: person system identifier
"""


def _layout() -> dict[str, tuple[str, ...]]:
    """Read the layout: a file's name before the colon, its columns after it."""
    columns: dict[str, list[str]] = {}
    name = ""
    for word in _LAYOUT.split():
        if word.endswith(":"):
            name = word[:-1]
            columns[name] = []
        else:
            columns[name].append(word)
    return {name: tuple(words) for name, words in columns.items()}


HEADERS = _layout()
"""Columns of each file by its stem: Synthea's 18 files, the table of notes, the laboratory's, and who is who."""
_COLUMNS = {name: frozenset(columns) for name, columns in HEADERS.items()}


@dataclass(slots=True)
class Records:
    """All records of the study, file by file, as they will be written; `texts` are the notes' files by name."""

    headers: dict[str, list[str]] = field(default_factory=lambda: {name: list(columns) for name, columns in HEADERS.items()})
    rows: dict[str, list[list[str]]] = field(default_factory=lambda: {name: [] for name in HEADERS})
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, file: str, values: dict[str, str]) -> None:
        """Append a record; columns that are not named stay empty.

        Raises:
            KeyError: A column that the file does not have.
        """
        header = self.headers[file]
        if not values.keys() <= _COLUMNS[file]:
            raise KeyError(f"{file}: {sorted(values.keys() - _COLUMNS[file])}")
        self.rows[file].append([values.get(column, "") for column in header])

    def at(self, file: str, column: str) -> int:
        """Give the position of a column."""
        return self.headers[file].index(column)

    def write(self, file: str, path: Path) -> int:
        """Write a file as CSV with its header and give the number of its records."""
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(self.headers[file])
            writer.writerows(self.rows[file])
        return len(self.rows[file])


def new_id(chance: random.Random) -> str:
    """Give a UUID that depends on nothing but the generator."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def stamp(time: datetime) -> str:
    """Give a time as Synthea writes it."""
    return f"{time.isoformat()}Z"


def money(amount: float) -> str:
    """Give an amount of dollars as Synthea writes it."""
    return f"{amount:.2f}"
