"""The years before the illness: who insures the patient, yearly checks, vaccines, what else ails them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from plait.demo.cohort import STUDY_END, happens
from plait.demo.labs import chemistry, vitals
from plait.demo.providers import stable_id
from plait.demo.tables import money, new_id, stamp

if TYPE_CHECKING:
    import random

    from plait.demo.chart import Chart, Visit
    from plait.demo.cohort import Patient
    from plait.demo.tables import Records

YEARS_BEFORE = 5
_MEDICARE_AGE = 65
_PREFIXES = {"M": "Mr.", "F": "Mrs."}


@dataclass(frozen=True, slots=True)
class Ailment:
    """A lasting condition: its code, how likely it is, and the drug that it is treated with."""

    code: str
    probability: float
    drug: str = ""


_AILMENTS = (
    Ailment("59621000", 0.4, "314076"),
    Ailment("55822004", 0.3, "314231"),
    Ailment("44054006", 0.18, "860975"),
    Ailment("15777000", 0.2),
    Ailment("13645005", 0.12),
    Ailment("239873007", 0.2, "310965"),
    Ailment("40930008", 0.08),
    Ailment("431855005", 0.1),
    Ailment("53741008", 0.12, "243670"),
    Ailment("399211009", 0.06),
    Ailment("162864005", 0.25),
    Ailment("160903007", 0.4),
    Ailment("K05.10", 0.12),
    Ailment("195967001", 0.07),
)
_PASSING = (
    ("195662009", 10, ""),
    ("10509002", 14, "313782"),
    ("36971009", 21, "308192"),
    ("68566005", 7, "308192"),
    ("K02.9", 30, ""),
    ("R69", 3, ""),
    ("73595000", 200, ""),
)
_ALLERGENS = ("419199007", "264287008", "256277009", "260147004", "84489001")


def yearly_payers(patient: Patient, chance: random.Random) -> dict[int, str]:
    """Draw the payer of each year from before the first visit to the study's end."""
    payers: dict[int, str] = {}
    now = chance.choice(("Fixture Mutual", "Sample Shield", "Medicaid", "Fixture Mutual", "NO_INSURANCE"))
    for year in range(patient.diagnosed.year - YEARS_BEFORE - 1, STUDY_END.year + 1):
        if year - patient.born.year >= _MEDICARE_AGE:
            now = "Medicare"
        elif happens(chance, 0.1):
            now = chance.choice(("Fixture Mutual", "Sample Shield", "Medicaid"))
        payers[year] = stable_id(now)
    return payers


def add_person(records: Records, patient: Patient, chance: random.Random, payers: dict[int, str]) -> None:
    """Write the patient and the yearly payer transitions."""
    city, county, zip_code = patient.place
    values = {"Id": patient.id, "BIRTHDATE": patient.born.isoformat(), "DEATHDATE": patient.died.isoformat() if patient.died else ""}
    values |= {
        "SSN": f"999-{chance.randrange(10, 100)}-{chance.randrange(1000, 10000)}",
        "DRIVERS": f"S999{chance.randrange(10000, 100000)}",
        "PREFIX": _PREFIXES[patient.gender],
    }
    values |= {
        "FIRST": patient.first,
        "LAST": patient.last,
        "MARITAL": chance.choice("MSDW"),
        "RACE": patient.race,
        "ETHNICITY": patient.ethnicity,
        "GENDER": patient.gender,
    }
    values |= {
        "BIRTHPLACE": f"{city}  Massachusetts  US",
        "ADDRESS": f"{chance.randrange(1, 999)} Fixture {chance.choice(('Lane', 'Way', 'Street'))}",
        "CITY": city,
    }
    values |= {
        "STATE": "Massachusetts",
        "COUNTY": county,
        "FIPS": "25999",
        "ZIP": zip_code,
        "LAT": f"{chance.uniform(42, 42.6):.6f}",
        "LON": f"{-chance.uniform(70.9, 72):.6f}",
    }
    values |= {
        "HEALTHCARE_EXPENSES": money(chance.uniform(5e3, 2e5)),
        "HEALTHCARE_COVERAGE": money(chance.uniform(1e3, 1e5)),
        "INCOME": str(chance.randrange(12_000, 160_000)),
    }
    records.add("patients", values)
    member = new_id(chance)
    for year, payer in payers.items():
        start, stop = date(year, 1, 1), min(date(year + 1, 1, 1), patient.until)
        if start < stop:
            spans = {"START_DATE": _midnight(start), "END_DATE": _midnight(stop)}
            records.add(
                "payer_transitions",
                spans | {"PATIENT": patient.id, "MEMBERID": member, "PAYER": payer, "PLAN_OWNERSHIP": "Self", "OWNER_NAME": f"{patient.first} {patient.last}"},
            )


def add_life_before(chart: Chart) -> None:
    """Write the yearly checks up to the study's end of the patient, and what passes or lasts meanwhile."""
    chance, patient = chart.chance, chart.patient
    first = patient.diagnosed - timedelta(days=365 * YEARS_BEFORE + chance.randrange(200))
    begins = {ailment.code: chance.randrange(YEARS_BEFORE) for ailment in _AILMENTS if chart.happens(ailment.probability)}
    for year in range(YEARS_BEFORE):
        visit = chart.visit(chart.moment(first + timedelta(days=365 * year)), "wellness", "162673000")
        if not year:
            _first_check(chart, visit)
        vitals(chart, visit)
        chemistry(chart, visit)
        _prevention(chart, visit)
        for ailment in _AILMENTS:
            if begins.get(ailment.code) == year:
                chart.condition(visit, ailment.code)
            if ailment.drug and begins.get(ailment.code, YEARS_BEFORE) <= year:
                chart.drug(visit, ailment.drug, days=360, dispenses=12, reason=ailment.code)
        if begins.get("44054006") == year:
            _diabetes(chart, visit)
        if chart.happens(0.45):
            _passing(chart, visit.start.date() + timedelta(days=chance.randrange(20, 300)))


def _first_check(chart: Chart, visit: Visit) -> None:
    """Write what is asked once: allergies and smoking."""
    if chart.happens(0.2):
        chart.allergy(visit, chart.chance.choice(_ALLERGENS), reacts=chart.happens(0.3))
    if chart.patient.smokes:
        chart.condition(visit, "449868002")
    if chart.happens(0.3):
        chart.plan(visit, "443402002")


def _prevention(chart: Chart, visit: Visit) -> None:
    """Write vaccines, screening, and the review of the drugs that the patient takes."""
    chart.procedure(visit, "430193006", minutes=15, cost=120.0)
    if chart.happens(0.6):
        chart.vaccine(visit, "140")
    if chart.happens(0.15):
        chart.vaccine(visit, chart.chance.choice(("33", "133", "113", "121")))
    if chart.patient.gender == "F" and chart.happens(0.3):
        chart.procedure(visit, "G0101", minutes=20, cost=95.0, vocabulary="HCPCS")
    if chart.patient.gender == "M" and chart.happens(0.2):
        chart.procedure(visit, "410007005", minutes=10, cost=60.0)


def _diabetes(chart: Chart, visit: Visit) -> None:
    """Write what comes with diabetes: a meter, its strips, a plan."""
    chart.device(visit, "337414009")
    chart.supply(visit, "337388004", 50)
    chart.plan(visit, "698360004", reason="44054006")


def _passing(chart: Chart, day: date) -> None:
    """Write something that passes by itself or with a few tablets."""
    code, days, drug = chart.chance.choice(_PASSING)
    visit = chart.visit(chart.moment(day), "ambulatory", "185345009")
    chart.condition(visit, code, days=days)
    if drug:
        chart.drug(visit, drug, days=days)
    if chart.happens(0.3):
        chart.observe(visit, "8310-5", f"{chart.chance.gauss(37.8, 0.5):.1f}", unit="Cel", category="vital-signs")


def _midnight(day: date) -> str:
    return stamp(datetime.combine(day, time.min))
