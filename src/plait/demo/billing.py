"""Claims: what each encounter is billed for, and who pays which part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.demo.tables import money, new_id, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plait.demo.chart import Chart, Visit

_PATIENT_PAYS_BY = ("CASH", "CC", "CHECK", "COPAY")


def add_claims(chart: Chart) -> None:
    """Write a claim for each encounter; the numbers of the entries run on over a patient's claims."""
    entry = 0
    for visit in chart.visits:
        claim = new_id(chart.chance)
        chart.records.add("claims", _claim(chart, visit, claim))
        shared = _shared(chart, visit, claim)
        for line in visit.lines:
            for values in _entries(chart, line, first=entry + 1):
                entry += 1
                values |= {"ID": new_id(chart.chance), "CHARGEID": str(entry)}
                chart.records.add("claims_transactions", shared | values)


def _claim(chart: Chart, visit: Visit, claim: str) -> dict[str, str]:
    start, stop = stamp(visit.start), stamp(visit.stop)
    who = {"Id": claim, "PATIENTID": chart.patient.id, "PROVIDERID": visit.clinic.provider, "SUPERVISINGPROVIDERID": visit.clinic.provider}
    who |= {"PRIMARYPATIENTINSURANCEID": chart.payer(visit.start.date()), "SECONDARYPATIENTINSURANCEID": "0", "DEPARTMENTID": "1", "PATIENTDEPARTMENTID": "1"}
    state = {"STATUS1": "CLOSED", "STATUSP": "CLOSED", "OUTSTANDING1": "0", "OUTSTANDINGP": "0", "LASTBILLEDDATE1": stop, "LASTBILLEDDATEP": stop}
    about = {"DIAGNOSIS1": visit.lines[0][0], "APPOINTMENTID": visit.id, "CURRENTILLNESSDATE": start, "SERVICEDATE": start}
    return who | state | about | {"HEALTHCARECLAIMTYPEID1": "2" if visit.kind == "inpatient" else "1", "HEALTHCARECLAIMTYPEID2": "0"}


def _shared(chart: Chart, visit: Visit, claim: str) -> dict[str, str]:
    """Give what all entries of a claim have in common."""
    who = {"CLAIMID": claim, "PATIENTID": chart.patient.id, "PATIENTINSURANCEID": chart.patient.id, "PLACEOFSERVICE": visit.clinic.organization}
    who |= {"PROVIDERID": visit.clinic.provider, "SUPERVISINGPROVIDERID": visit.clinic.provider, "APPOINTMENTID": visit.id}
    return who | {"FROMDATE": stamp(visit.start), "TODATE": stamp(visit.stop), "DIAGNOSISREF1": "1", "UNITS": "1", "DEPARTMENTID": "1", "FEESCHEDULEID": "1"}


def _entries(chart: Chart, line: tuple[str, str, float], *, first: int) -> Iterator[dict[str, str]]:
    """Give the entries of one line: the charge, the insurer's part, and the rest that passes to the patient."""
    code, name, cost = line
    what = {"PROCEDURECODE": code, "NOTES": name.replace(",", " ")}
    yield what | {"TYPE": "CHARGE", "AMOUNT": money(cost), "UNITAMOUNT": money(cost), "TRANSFERTYPE": "1"}
    rest = cost
    if chart.happens(0.8):
        covered = round(cost * 0.8, 2)
        rest = round(cost - covered, 2)
        yield what | {"TYPE": "PAYMENT", "METHOD": "ECHECK", "PAYMENTS": money(covered), "OUTSTANDING": money(rest)}
    moved = {"TRANSFERS": money(rest), "OUTSTANDING": money(rest)}
    yield what | moved | {"TYPE": "TRANSFEROUT"}
    out = str(first + (2 if rest < cost else 1))
    yield what | moved | {"TYPE": "TRANSFERIN", "AMOUNT": money(rest), "TRANSFEROUTID": out, "TRANSFERTYPE": "p"}
    yield what | {"TYPE": "PAYMENT", "METHOD": chart.chance.choice(_PATIENT_PAYS_BY), "PAYMENTS": money(rest), "OUTSTANDING": "0.00"}
