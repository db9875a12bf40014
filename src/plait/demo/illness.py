"""The course of the cancer: how it is found, staged, treated and followed, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from plait.demo.labs import blood_count, chemistry, performance, tumor_marker, vitals

if TYPE_CHECKING:
    from datetime import date

    from plait.demo.chart import Chart, Visit

LAST_STAGE = 4
_PANDEMIC = 2020
_APART_DAYS = (91, 91, 182, 182, 365)
_STAGED = {"lung": ("424132000", "425048006", "422968005", "423121009")}
_SYMPTOMS = {"lung": ("49727002", "267036007", "29857009"), "breast": ("84229001",), "colon": ("21522001", "14760008", "62315008"), "prostate": ("161891005",)}
_BIOPSIES = {"lung": ("10847001", "274319000"), "breast": ("122548005",), "colon": ("73761001", "76164006"), "prostate": ("65575008",)}
_OPERATIONS = {"lung": ("119746007",), "breast": ("392021009", "443497002"), "colon": ("43075005",), "prostate": ("90470006",)}
_REGIMENS = {"lung": ("597195", "583214"), "breast": ("1790099", "1734919"), "colon": ("1736776", "1803932", "1791701"), "prostate": ("1860480",)}
_INTENSE = {"lung": ("1736854", "1734340"), "breast": ("1860480",), "colon": ("1736776", "1791701"), "prostate": ("1860480",)}
_HORMONES = {"breast": ("198240", "200064", "727762"), "prostate": ("752899",)}
_SPREAD = {"lung": ("94222008", "94381002"), "breast": ("94222008", "94391008"), "colon": ("94381002", "94260004"), "prostate": ("314994000",)}
_ACUTE = (("386661006", 5), ("233604007", 21), ("91302008", 14), ("271737000", 60), ("267036007", 10), ("65710008", 9))


@dataclass(slots=True)
class Course:
    """What the notes tell of: the visits that were dictated after, each with its kind, performance and marker."""

    tumor_mm: int = 0
    nodes: int = 0
    receptors: tuple[bool, bool, bool] = (False, False, False)
    spread_from: date | None = None
    noted: list[tuple[str, Visit, int, float]] = field(default_factory=list)


def add_illness(chart: Chart) -> Course:
    """Write everything that the cancer leaves behind, in its order, and give what the notes need."""
    course = _drawn(chart)
    _find(chart, course)
    _stage(chart, course)
    _operate(chart)
    _treat(chart)
    _follow(chart, course)
    _emergencies(chart)
    if chart.patient.died:
        _end(chart, course)
    chart.visits.sort(key=lambda visit: (visit.start, visit.id))
    return course


def _drawn(chart: Chart) -> Course:
    """Draw the tumor's size, nodes, receptors, and when it spreads."""
    patient, chance = chart.patient, chart.chance
    tumor = max(6, round(9 + 13 * patient.stage + 4 * patient.severity + chance.gauss(0, 5)))
    nodes = 0 if patient.stage == 1 else max(0, round(chance.gauss(patient.stage - 1, 1)))
    spread_from = patient.diagnosed if patient.stage == LAST_STAGE else None
    if spread_from is None and patient.died and chart.happens(0.7):
        spread_from = patient.diagnosed + timedelta(days=round(0.6 * (patient.died - patient.diagnosed).days))
    receptors = (chart.happens(0.75), chart.happens(0.65), chart.happens(0.18))
    return Course(tumor_mm=tumor, nodes=nodes, receptors=receptors, spread_from=spread_from)


def _find(chart: Chart, course: Course) -> None:
    """Write the symptoms, the images and the biopsy that lead to the diagnosis."""
    diagnosed, name = chart.patient.diagnosed, chart.cancer.name
    first = chart.visit(chart.moment(diagnosed - timedelta(days=28)), "ambulatory", "185345009")
    for code in _SYMPTOMS[name]:
        if chart.happens(0.6):
            chart.condition(first, code, days=60)
    blood_count(chart, first)
    chemistry(chart, first)
    imaged = chart.visit(chart.moment(diagnosed - timedelta(days=19)), "outpatient", "185349003", hours=1)
    chart.condition(imaged, chart.cancer.mass, days=19)
    if name in {"lung", "prostate"}:
        chart.condition(imaged, "162573006" if name == "lung" else "315268008", days=19)
    _scan(chart, imaged)
    biopsied = chart.visit(chart.moment(diagnosed - timedelta(days=9)), "outpatient", "371883000", hours=2, reason=chart.cancer.mass)
    for code in _BIOPSIES[name]:
        chart.procedure(biopsied, code, cost=1240.0, reason=chart.cancer.mass)
    if name == "breast":
        for code, positive in zip(("85337-4", "85339-0", "85319-2"), course.receptors, strict=True):
            chart.observe(biopsied, code, "Positive (qualifier value)" if positive else "Negative (qualifier value)", kind="text")
    course.noted.append(("pathology", biopsied, 0, 0.0))


def _scan(chart: Chart, visit: Visit) -> None:
    """Write what images of the patient's cancer are taken."""
    code = {"breast": "71651007", "lung": "399208008"}.get(chart.cancer.name, "77477000")
    chart.procedure(visit, code, minutes=20, cost=310.0)
    if code == "399208008":
        chart.image(visit, code, instances=1)
    if chart.happens(0.7):
        if code != "77477000":
            chart.procedure(visit, "77477000", minutes=25, cost=980.0)
        chart.image(visit, "77477000", instances=3)


def _stage(chart: Chart, course: Course) -> None:
    """Write the diagnosis and the stage on the day of the oncologist's first consultation."""
    patient = chart.patient
    visit = chart.visit(chart.moment(patient.diagnosed), "ambulatory", "185347001", hours=1, reason=chart.cancer.code)
    chart.condition(visit, chart.cancer.code)
    if chart.cancer.name in _STAGED:
        chart.condition(visit, _STAGED[chart.cancer.name][patient.stage - 1])
    for code, value in (
        ("21908-9", f"Stage {('I', 'II', 'III', 'IV')[patient.stage - 1]}"),
        ("21905-5", f"T{tumor_class(course)}"),
        ("21906-3", f"N{min(course.nodes, 3)}"),
        ("21907-1", "M1" if patient.stage == LAST_STAGE else "M0"),
    ):
        chart.observe(visit, code, value, kind="text")
    chart.observe(visit, "33728-7", str(course.tumor_mm), unit="mm")
    if patient.stage == LAST_STAGE:
        chart.condition(visit, chart.chance.choice(_SPREAD[chart.cancer.name]))
    vitals(chart, visit)
    blood_count(chart, visit)
    chemistry(chart, visit)
    chart.plan(visit, "736252007", reason=chart.cancer.code)
    course.noted.append(("consult", visit, performance(chart, visit), tumor_marker(chart, visit)))


def tumor_class(course: Course) -> int:
    """Give the T of TNM by size alone."""
    return 1 + sum(course.tumor_mm > cut for cut in (20, 40, 60))


def _operate(chart: Chart) -> None:
    """Write the operation, and for some a stay in intensive care right after the one on the ward."""
    patient = chart.patient
    day = patient.diagnosed + timedelta(days=17)
    if patient.stage == LAST_STAGE or not chart.happens(0.85):
        return
    days = chart.chance.randrange(2, 7)
    ward = chart.visit(chart.moment(day), "inpatient", "32485007", hours=24 * days, reason=chart.cancer.code)
    for code in _OPERATIONS[chart.cancer.name]:
        chart.procedure(ward, code, minutes=150, cost=8900.0, reason=chart.cancer.code)
    if chart.cancer.name == "breast" and chart.happens(0.3):
        chart.procedure(ward, "69031006", minutes=90, cost=6100.0, reason=chart.cancer.code)
    chart.drug(ward, "1728805", days=days)
    blood_count(chart, ward)
    if chart.happens(0.2 + 0.1 * max(0.0, patient.severity)):
        care = chart.visit(ward.stop, "inpatient", "305351004", hours=30, reason=chart.cancer.code)
        blood_count(chart, care)
        chart.procedure(care, "53950000", cost=350.0)
    if chart.happens(0.1):
        chart.device(ward, chart.chance.choice(("363753007", "228869008")))


def _treat(chart: Chart) -> None:
    """Write chemotherapy, radiotherapy and hormones; the more severe the illness, the more of them."""
    patient = chart.patient
    pressure = 0.6 * (patient.stage - 2) + 0.5 * patient.severity + chart.chance.gauss(0, 0.5)
    start = patient.diagnosed + timedelta(days=38)
    drugs = (_INTENSE if pressure > 1 else _REGIMENS)[chart.cancer.name]
    cycles = min(9, max(0, round(3 + 2.2 * pressure)))
    days = [start + timedelta(days=21 * number) for number in range(cycles)]
    for number, day in enumerate(filter(chart.is_open, days)):
        _chemotherapy(chart, day, drugs, is_last=number == cycles - 1)
    if chart.happens(0.35) and chart.is_open(start + timedelta(days=8)):
        for number in range(5):
            day = start + timedelta(days=7 + number)
            if chart.is_open(day):
                chart.procedure(
                    chart.visit(chart.moment(day), "outpatient", "371883000", reason=chart.cancer.code),
                    "33195004",
                    minutes=15,
                    cost=640.0,
                    reason=chart.cancer.code,
                )
    hormones = _HORMONES.get(chart.cancer.name)
    day = start + timedelta(days=21 * cycles + 5)
    if hormones and chart.is_open(day):
        visit = chart.visit(chart.moment(day), "ambulatory", "390906007", reason=chart.cancer.code)
        chart.drug(visit, chart.chance.choice(hormones), days=720, dispenses=24, reason=chart.cancer.code)


def _chemotherapy(chart: Chart, day: date, drugs: tuple[str, ...], *, is_last: bool) -> None:
    """Write one cycle: the infusion, its drugs, the blood count before it, and what helps to bear it."""
    visit = chart.visit(chart.moment(day), "ambulatory", "185347001", hours=4, reason=chart.cancer.code)
    chart.procedure(visit, "367336001", minutes=180, cost=2300.0, reason=chart.cancer.code)
    for code in drugs:
        chart.drug(visit, code, days=1, reason=chart.cancer.code)
    chart.drug(visit, "1740467", days=3)
    chart.supply(visit, "713779008", 4)
    blood_count(chart, visit, after_chemotherapy=True)
    if chart.happens(0.35):
        chart.condition(visit, "422587007", days=4)
    if is_last:
        chart.condition(visit, "Z92.21")


def _follow(chart: Chart, course: Course) -> None:
    """Write the quarterly and later half-yearly visits, and the one at which the spread is found."""
    patient = chart.patient
    day = patient.diagnosed + timedelta(days=100)
    told_spread = patient.stage == LAST_STAGE
    while chart.is_open(day):
        visit = chart.visit(chart.moment(day), "ambulatory", "390906007", reason=chart.cancer.code)
        vitals(chart, visit)
        blood_count(chart, visit)
        chemistry(chart, visit)
        score, marker = performance(chart, visit), tumor_marker(chart, visit)
        if course.spread_from and day >= course.spread_from and not told_spread:
            told_spread = True
            chart.condition(visit, chart.chance.choice(_SPREAD[chart.cancer.name]))
            _scan(chart, visit)
        if score > 1:
            chart.condition(visit, "84229001", days=90)
        if visit.start.year > _PANDEMIC and chart.happens(0.15):
            chart.vaccine(visit, "208")
        course.noted.append(("progress", visit, score, marker))
        years = (day - patient.diagnosed).days // 365
        day += timedelta(days=_APART_DAYS[min(years, len(_APART_DAYS) - 1)])


def _emergencies(chart: Chart) -> None:
    """Write emergencies, more often in the severely ill; most become a stay that begins where they end."""
    day = chart.patient.diagnosed + timedelta(days=45)
    while True:
        day += timedelta(days=1 + round(chart.chance.expovariate(1) * 420 / 2.2 ** chart.patient.burden(min(day, chart.patient.until))))
        if not chart.is_open(day + timedelta(days=1)):
            return
        came = chart.visit(datetime.combine(day, time(19, chart.chance.randrange(60))), "emergency", "50849002", hours=3)
        code, days = chart.chance.choice(_ACUTE)
        chart.condition(came, code, days=days)
        blood_count(chart, came)
        chart.observe(came, "2708-6", f"{chart.chance.gauss(95, 2):.1f}", unit="%", category="vital-signs")
        if chart.happens(0.6):
            stay = chart.visit(came.stop, "inpatient", "183452005", hours=24 * chart.chance.randrange(2, 6))
            chemistry(chart, stay)
            chart.drug(stay, "1719286" if chart.happens(0.2) else "313782", days=5)
            chart.supply(stay, "409534002", 2)
        day += timedelta(days=8)


def _end(chart: Chart, course: Course) -> None:
    """Write the last weeks and the certificate on the day of the death."""
    died = chart.patient.died
    if died is None:
        return
    day = died - timedelta(days=min(21, (died - chart.patient.diagnosed).days // 2))
    visit = chart.visit(chart.moment(day), "ambulatory", "185347001", reason=chart.cancer.code)
    chart.drug(visit, "1049683", days=30)
    vitals(chart, visit)
    chemistry(chart, visit)
    if chart.cancer.name == "lung" and chart.happens(0.5):
        chart.device(visit, "336621006")
    course.noted.append(("summary", visit, performance(chart, visit), tumor_marker(chart, visit)))
    chart.visit(datetime.combine(died, time(12)), "wellness", "308646001", hours=0, reason=chart.cancer.code)
