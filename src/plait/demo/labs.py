"""What is measured: vital signs, laboratory values and scores, as the burden of the illness moves them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plait.demo.chart import Chart, Visit

_MARKERS = {"lung": ("2039-6", 2.5, 0.5), "colon": ("2039-6", 3.0, 0.9), "breast": ("6875-9", 22.0, 0.5), "prostate": ("2857-1", 4.0, 0.9)}
_NOT_AVAILABLE = "[Not Available]"


def vitals(chart: Chart, visit: Visit) -> None:
    """Write vital signs; weight falls with the burden."""
    chance, patient = chart.chance, chart.patient
    burden = max(0.0, patient.burden(visit.start.date()))
    height = (163 if patient.gender == "F" else 176) + patient.number % 17 - 8
    weight = height - 92 + patient.number % 23 - 4.5 * burden + chance.gauss(0, 1)
    for code, value, unit in (
        ("8302-2", height, "cm"),
        ("29463-7", weight, "kg"),
        ("39156-5", weight / (height / 100) ** 2, "kg/m2"),
        ("8480-6", chance.gauss(128, 12), "mm[Hg]"),
        ("8462-4", chance.gauss(79, 8), "mm[Hg]"),
        ("8867-4", chance.gauss(74, 8) + 4 * burden, "/min"),
        ("9279-1", chance.gauss(15, 1.2) + 0.6 * burden, "/min"),
    ):
        chart.observe(visit, code, f"{value:.1f}", unit=unit, category="vital-signs")
    pain = min(10, max(0, round(chance.gauss(1.5 + 1.3 * burden, 1))))
    chart.observe(visit, "72514-3", str(pain), unit="{score}", category="vital-signs")
    smoking = "Smokes tobacco daily (finding)" if patient.smokes else "Never smoked tobacco (finding)"
    chart.observe(visit, "72166-2", _NOT_AVAILABLE if chart.happens(0.03) else smoking, category="social-history", kind="text")
    if chart.happens(0.2):
        chart.observe(visit, "QOLS", f"{max(0.1, 0.95 - 0.12 * burden):.1f}", unit="{score}", category="")
        chart.observe(visit, "DALY", f"{2 + 3 * burden:.1f}", unit="a", category="")


def blood_count(chart: Chart, visit: Visit, *, after_chemotherapy: bool = False) -> None:
    """Write a blood count; hemoglobin falls with the burden, white cells with chemotherapy."""
    chance = chart.chance
    burden = chart.patient.burden(visit.start.date())
    hemoglobin = (13.4 if chart.patient.gender == "F" else 14.6) - 0.8 * burden - 0.6 * after_chemotherapy + chance.gauss(0, 0.5)
    leukocytes = max(0.8, 7.2 + 0.5 * burden - 3.2 * after_chemotherapy + chance.gauss(0, 1.2))
    for code, value, unit in (
        ("718-7", max(5.5, hemoglobin), "g/dL"),
        ("6690-2", leukocytes, "10*3/uL"),
        ("751-8", 0.6 * leukocytes, "10*3/uL"),
        ("777-3", max(20.0, 260 - 60 * after_chemotherapy + chance.gauss(0, 45)), "10*3/uL"),
    ):
        chart.observe(visit, code, f"{value:.1f}", unit=unit)


def chemistry(chart: Chart, visit: Visit) -> None:
    """Write a metabolic panel; albumin falls with the burden, lactate dehydrogenase rises."""
    chance = chart.chance
    burden = chart.patient.burden(visit.start.date())
    kidney = 0.9 + 0.1 * (chart.patient.number % 5)
    for code, value, unit in (
        ("1751-7", max(1.6, 4.2 - 0.28 * burden + chance.gauss(0, 0.18)), "g/dL"),
        ("2532-0", 175 * math.exp(0.25 * burden + chance.gauss(0, 0.12)), "[U]/L"),
        ("6768-6", 80 * math.exp(0.2 * burden + chance.gauss(0, 0.2)), "U/L"),
        ("2160-0", max(0.4, kidney + chance.gauss(0, 0.1)), "mg/dL"),
        ("2345-7", chance.gauss(101, 12), "mg/dL"),
        ("17861-6", 9.3 + 0.15 * burden + chance.gauss(0, 0.3), "mg/dL"),
        ("2947-0", chance.gauss(139, 2.2), "mmol/L"),
        ("6298-4", chance.gauss(4.2, 0.3), "mmol/L"),
    ):
        chart.observe(visit, code, f"{value:.1f}", unit=unit)


def tumor_marker(chart: Chart, visit: Visit) -> float:
    """Write the marker of the patient's cancer and give its value."""
    code, base, slope = _MARKERS[chart.cancer.name]
    value = base * math.exp(slope * chart.patient.burden(visit.start.date()) + chart.chance.gauss(0, 0.25))
    chart.observe(visit, code, f"{value:.1f}", unit="ng/mL")
    return value


def performance(chart: Chart, visit: Visit) -> int:
    """Write the performance status by ECOG and give it (0 well to 4 in bed)."""
    burden = chart.patient.burden(visit.start.date())
    score = min(4, max(0, round(0.8 + 0.75 * burden + chart.chance.gauss(0, 0.35))))
    chart.observe(visit, "89247-1", str(score), unit="{score}", category="survey")
    return score
