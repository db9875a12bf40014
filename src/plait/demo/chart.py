"""The chart of one patient: it puts what happens into Synthea's files and bills for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from plait.demo.cohort import Cancer, happens
from plait.demo.providers import ONCOLOGY, PRIMARY_CARE
from plait.demo.tables import Records, money, new_id, stamp
from plait.demo.vocabulary import name_of

if TYPE_CHECKING:
    import random
    from datetime import date

    from plait.demo.cohort import Patient
    from plait.demo.providers import Clinic

_ICD_FIRST = frozenset("KRZ")
_COSTS = {"wellness": 136.8, "ambulatory": 85.55, "outpatient": 142.1, "emergency": 146.18, "inpatient": 1250.0}


@dataclass(slots=True)
class Visit:
    """An encounter, and the lines of its bill: (code, name, cost)."""

    id: str
    start: datetime
    stop: datetime
    kind: str
    clinic: Clinic
    lines: list[tuple[str, str, float]] = field(default_factory=list)


@dataclass(slots=True)
class Chart:
    """What is written about one patient. `payers` gives the payer of each year; `visits` are all encounters so far."""

    records: Records
    patient: Patient
    chance: random.Random
    payers: dict[int, str]
    visits: list[Visit] = field(default_factory=list)

    def is_open(self, day: date) -> bool:
        """Say whether the patient still comes on that day."""
        return day < self.patient.until

    def moment(self, day: date) -> datetime:
        """Draw a time of a working day."""
        return datetime.combine(day, time(8)) + timedelta(seconds=self.chance.randrange(8 * 3600))

    def visit(self, start: datetime, kind: str, code: str, *, hours: float = 0.5, reason: str = "") -> Visit:
        """Write an encounter; a stay of a patient who dies ends on the day before."""
        end_of_life = datetime.combine(self.patient.until, time.min) - timedelta(minutes=1)
        stop = min(start + timedelta(hours=hours), end_of_life)
        clinic = PRIMARY_CARE if kind == "wellness" else ONCOLOGY
        made = Visit(new_id(self.chance), start, max(start, stop), kind, clinic)
        cost = _COSTS[kind] * (1 if kind != "inpatient" else max(1.0, hours / 24))
        made.lines.append((code, name_of("SNOMED", code), cost))
        self.visits.append(made)
        values = {
            "Id": made.id,
            "START": stamp(made.start),
            "STOP": stamp(made.stop),
            "PATIENT": self.patient.id,
            "ORGANIZATION": clinic.organization,
            "PROVIDER": clinic.provider,
        }
        values |= {"PAYER": self.payer(start.date()), "ENCOUNTERCLASS": kind, "CODE": code, "DESCRIPTION": _described("SNOMED", code)}
        values |= {"BASE_ENCOUNTER_COST": money(_COSTS[kind]), "TOTAL_CLAIM_COST": money(cost), "PAYER_COVERAGE": money(cost * 0.8)}
        self.records.add("encounters", values | self._reason(reason))
        return made

    def payer(self, day: date) -> str:
        """Give the payer on a day."""
        return self.payers[day.year]

    def condition(self, visit: Visit, code: str, *, days: int | None = None) -> None:
        """Write a condition; without `days` it does not end."""
        is_icd = code[0] in _ICD_FIRST
        start = visit.start.date()
        stop = "" if days is None or not self.is_open(start + timedelta(days=days)) else (start + timedelta(days=days)).isoformat()
        values = self._of(visit) | {"START": start.isoformat(), "STOP": stop, "SYSTEM": "ICD10" if is_icd else "SNOMED-CT"}
        self.records.add("conditions", values | _coded("ICD10CM" if is_icd else "SNOMED", code))

    def procedure(self, visit: Visit, code: str, *, minutes: int = 45, cost: float = 420.0, vocabulary: str = "SNOMED", reason: str = "") -> None:
        """Write a procedure that begins with its visit and put it on the bill."""
        stop = min(visit.start + timedelta(minutes=minutes), visit.stop)
        values = self._of(visit) | _coded(vocabulary, code) | {"START": stamp(visit.start), "STOP": stamp(stop), "BASE_COST": money(cost)}
        self.records.add("procedures", values | self._reason(reason))
        visit.lines.append((code, name_of(vocabulary, code), cost))

    def observe(self, visit: Visit, code: str, value: str, *, unit: str = "", category: str = "laboratory", kind: str = "numeric") -> None:
        """Write an observation at the start of a visit."""
        values = self._of(visit) | _coded("LOINC", code)
        values |= {"DATE": stamp(visit.start), "CATEGORY": category, "VALUE": value, "UNITS": unit, "TYPE": kind}
        self.records.add("observations", values)

    def drug(self, visit: Visit, code: str, *, days: int, dispenses: int = 1, reason: str = "") -> None:
        """Write a prescription; it ends when the patient's life does."""
        stop = min(visit.start + timedelta(days=days), datetime.combine(self.patient.until, time.min) - timedelta(minutes=1))
        cost = 12.5 + 9.75 * (int(code) % 37)
        values = (
            self._of(visit)
            | _coded("RxNorm", code)
            | {"START": stamp(visit.start), "STOP": stamp(max(stop, visit.start)), "PAYER": self.payer(visit.start.date())}
        )
        values |= {"BASE_COST": money(cost), "PAYER_COVERAGE": money(0.7 * cost * dispenses), "DISPENSES": str(dispenses), "TOTALCOST": money(cost * dispenses)}
        self.records.add("medications", values | self._reason(reason))

    def vaccine(self, visit: Visit, code: str) -> None:
        """Write an immunization and put it on the bill."""
        self.records.add("immunizations", self._of(visit) | _coded("CVX", code) | {"DATE": stamp(visit.start), "BASE_COST": "136.00"})
        visit.lines.append((code, name_of("CVX", code), 136.0))

    def plan(self, visit: Visit, code: str, *, reason: str = "") -> None:
        """Write a care plan that goes on."""
        values = self._of(visit) | _coded("SNOMED", code) | {"Id": new_id(self.chance), "START": visit.start.date().isoformat()}
        self.records.add("careplans", values | self._reason(reason))

    def device(self, visit: Visit, code: str) -> None:
        """Write a device, and what comes with it."""
        udi = f"(01){self.chance.randrange(10**13, 10**14)}(11){visit.start:%y%m%d}(21){self.chance.randrange(10**6)}"
        self.records.add("devices", self._of(visit) | _coded("SNOMED", code) | {"START": stamp(visit.start), "UDI": udi})

    def supply(self, visit: Visit, code: str, quantity: int) -> None:
        """Write a supply."""
        self.records.add("supplies", self._of(visit) | _coded("SNOMED", code) | {"DATE": visit.start.date().isoformat(), "QUANTITY": str(quantity)})

    def allergy(self, visit: Visit, code: str, *, reacts: bool) -> None:
        """Write an allergy to something in the environment."""
        values = (
            self._of(visit)
            | _coded("SNOMED", code)
            | {"START": visit.start.date().isoformat(), "SYSTEM": "Unknown", "TYPE": "allergy", "CATEGORY": "environment"}
        )
        if reacts:
            values |= {"REACTION1": "247472004", "DESCRIPTION1": name_of("SNOMED", "247472004"), "SEVERITY1": "MILD"}
        self.records.add("allergies", values)

    def image(self, visit: Visit, procedure: str, *, instances: int = 2) -> None:
        """Write an imaging study of one series, an instance a record."""
        is_ct = procedure == "77477000"
        site = "51185008" if self.patient.cancer.name in {"lung", "breast"} else "113345001"
        study, tail = new_id(self.chance), f"{self.chance.randrange(10**9)}.{visit.start:%Y%m%d%H%M%S}"
        values = self._of(visit) | {
            "Id": study,
            "DATE": stamp(visit.start),
            "PROCEDURE_CODE": procedure,
            "BODYSITE_CODE": site,
            "BODYSITE_DESCRIPTION": name_of("SNOMED", site),
        }
        values |= {"MODALITY_CODE": "CT" if is_ct else "DX", "MODALITY_DESCRIPTION": "Computed Tomography" if is_ct else "Digital Radiography"}
        values |= {
            "SOP_CODE": "1.2.840.10008.5.1.4.1.1.2" if is_ct else "1.2.840.10008.5.1.4.1.1.1.1",
            "SOP_DESCRIPTION": f"{'CT' if is_ct else 'Digital X-Ray'} Image Storage",
        }
        for number in range(1, instances + 1):
            self.records.add("imaging_studies", values | {"SERIES_UID": f"1.2.840.99999999.1.{tail}", "INSTANCE_UID": f"1.2.840.99999999.1.{number}.{tail}"})

    def happens(self, probability: float) -> bool:
        """Say whether something of that probability happens to this patient."""
        return happens(self.chance, probability)

    @property
    def cancer(self) -> Cancer:
        """Give the patient's cancer."""
        return self.patient.cancer

    def _of(self, visit: Visit) -> dict[str, str]:
        return {"PATIENT": self.patient.id, "ENCOUNTER": visit.id}

    @staticmethod
    def _reason(code: str) -> dict[str, str]:
        return {"REASONCODE": code, "REASONDESCRIPTION": _described("SNOMED", code)} if code else {}


def _described(vocabulary: str, code: str) -> str:
    """Give the words for a code as Synthea writes them: without commas."""
    return name_of(vocabulary, code).replace(",", " ")


def _coded(vocabulary: str, code: str) -> dict[str, str]:
    return {"CODE": code, "DESCRIPTION": _described(vocabulary, code)}
