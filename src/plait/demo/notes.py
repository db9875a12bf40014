"""The notes: what the oncologist, the pathologist and the ward would have dictated, in plain sections.

The words lean on the latent severity without printing it; negations, family history and doubtful
findings stand in them because a reader of notes must tell those from what the patient has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.demo.illness import LAST_STAGE, tumor_class
from plait.demo.tables import stamp

if TYPE_CHECKING:
    import random

    from plait.demo.chart import Chart, Visit
    from plait.demo.illness import Course

TYPES = {"consult": "11488-4", "pathology": "11526-1", "progress": "11506-3", "summary": "34133-9"}
_TITLES = {"consult": "Oncology consultation", "pathology": "Pathology report", "progress": "Progress note", "summary": "Summary of episode"}
_SITES = {"lung": "right upper lobe of the lung", "breast": "left breast", "colon": "sigmoid colon", "prostate": "prostate"}
_HISTOLOGY = {"lung": "adenocarcinoma", "breast": "invasive carcinoma of no special type", "colon": "adenocarcinoma", "prostate": "acinar adenocarcinoma"}
_SPREAD_SITES = {"lung": "bone or liver", "breast": "bone or lung", "colon": "liver", "prostate": "bone"}
_LOOKS = (
    ("looks well, walks briskly", "in good spirits, has gone back to work", "appetite good, weight steady"),
    ("a little tired but manages at home", "eats fairly well, sleeps poorly", "short of breath on the stairs only"),
    ("tires easily and rests in the afternoon", "has lost weight, clothes hang loose", "needs help with shopping and stairs"),
    ("frail, in bed for most of the day", "marked weight loss, eats only a few spoonfuls", "breathless at rest, speaks in short phrases"),
)
_PLANS = (
    ("continue with surveillance", "see again in three months"),
    ("continue with the treatment as planned", "repeat bloods before the next cycle"),
    ("reduce the dose by 20 % and support nutrition", "image again in six weeks"),
    ("talk about goals of care with the family", "involve palliative care"),
)
_FAMILY = (
    "Mother had breast cancer at 61; father died of a stroke.",
    "No family history of cancer.",
    "A sister was treated for colon cancer; brother with type 2 diabetes.",
    "Grandfather died of lung cancer; an aunt has Ménière's disease.",
)
_NEGATIONS = (
    "No evidence of {site} metastasis.",
    "There is no sign of spread to {site}.",
    "Metastasis to {site} was ruled out.",
    "CT negative for lesions in {site}.",
)
_POSITIVES = ("Metastatic deposits in {site}.", "Imaging shows spread to {site}.", "Known metastasis to {site}, now larger.", "New lesions in {site}, ≥ 2.")


def add_notes(chart: Chart, course: Course) -> None:
    """Write two to four notes of a patient, or none where the notes were never scanned."""
    if not chart.patient.has_notes:
        return
    chosen = [entry for entry in course.noted if entry[0] in {"consult", "pathology"} and (entry[0] == "consult" or chart.happens(0.8))]
    progress = [entry for entry in course.noted if entry[0] == "progress"]
    chosen += chart.chance.sample(progress, min(len(progress), chart.chance.choice((0, 1, 1)))) + [
        entry for entry in course.noted if entry[0] == "summary" and chart.happens(0.5)
    ]
    for number, (kind, visit, score, marker) in enumerate(sorted(chosen, key=lambda entry: entry[1].start), 1):
        name = f"{chart.patient.number + 1:04d}-{number}-{kind}.txt"
        body = _pathology(chart, course) if kind == "pathology" else _clinical(chart, course, kind, visit, score, marker)
        chart.records.texts[name] = f"{_TITLES[kind].upper()}\n{visit.start.date()}\n\n{body}"
        values = {"note_id": f"N{name.removesuffix('.txt')}", "person": chart.patient.id, "visit": visit.id, "datetime": stamp(visit.stop), "type": TYPES[kind]}
        values |= {"class": kind, "title": _TITLES[kind], "language": "en", "provider": visit.clinic.provider, "file": f"texts/{name}"}
        chart.records.add("notes", values)


def _level(chart: Chart, visit: Visit) -> int:
    """Give which of four sets of words fits the burden on that day, now and then the one beside it."""
    burden = chart.patient.burden(visit.start.date()) + chart.chance.gauss(0, 0.35)
    return sum(burden > cut for cut in (-0.1, 0.8, 1.7))


def _clinical(chart: Chart, course: Course, kind: str, visit: Visit, score: int, marker: float) -> str:
    """Give the text of a consultation, a progress note or a summary."""
    patient, chance, level = chart.patient, chart.chance, _level(chart, visit)
    age = (visit.start.date() - patient.born).days // 365
    who = f"{age}-year-old {'woman' if patient.gender == 'F' else 'man'}"
    spread = bool(course.spread_from and visit.start.date() >= course.spread_from)
    ecog = chance.choice((f"ECOG {score}.", f"ECOG performance status: {score}", f"Performance status (ECOG) is {score}."))
    smoking = "Current smoker." if patient.smokes else "Denies smoking."
    sections = [f"HISTORY\n{who} with cancer of the {_SITES[patient.cancer.name]}; {chance.choice(_LOOKS[level])}. {smoking}"]
    if kind == "consult":
        sections.append(f"STAGING\n{_staging(chart, course)}")
        sections.append(f"FAMILY HISTORY\n{chance.choice(_FAMILY)}")
    fever = chance.choice(("No fever, no night sweats.", "Denies fever or chills.", "Afebrile (36.8 °C)."))
    sections.append(f"EXAMINATION\n{ecog} {fever} {chance.choice(_LOOKS[level]).capitalize()}.")
    sections.append(f"IMAGING\n{_imaging(chance, patient.cancer.name, spread=spread)}")
    sections.append(f"LABORATORY\n{_laboratory(chart, visit, marker)}")
    if kind == "summary":
        sections.append(f"COURSE\nThe disease has {'progressed despite treatment' if level > 1 else 'been slow'}; {chance.choice(_LOOKS[level])}.")
    sections.append("PLAN\n" + "\n".join(f"- {plan}" for plan in chance.sample(_PLANS[level], 2)))
    return "\n\n".join(sections) + "\n"


def _staging(chart: Chart, course: Course) -> str:
    """Give the TNM and the stage in one of the ways in which they are dictated."""
    stage = chart.patient.stage
    tnm = f"T{tumor_class(course)} N{min(course.nodes, 3)} M{int(stage == LAST_STAGE)}"
    roman = ("I", "II", "III", "IV")[stage - 1]
    return chart.chance.choice((f"c{tnm}, stage {roman}.", f"Clinical stage {roman} ({tnm}).", f"TNM: {tnm}. UICC stage {roman}."))


def _imaging(chance: random.Random, cancer: str, *, spread: bool) -> str:
    """Say whether the cancer has spread, and that something else was not found."""
    sentence = chance.choice(_POSITIVES if spread else _NEGATIONS).format(site=_SPREAD_SITES[cancer])
    return (
        f"{sentence} {chance.choice(('No pulmonary embolism.', 'No ascites.', 'No evidence of pneumonia.', 'Possible old fracture of a rib, to be checked.'))}"
    )


def _laboratory(chart: Chart, visit: Visit, marker: float) -> str:
    """Give a few values as they would be dictated: close to what was measured, not equal to it."""
    burden = chart.patient.burden(visit.start.date())
    albumin, leukocytes = 4.2 - 0.28 * burden + chart.chance.gauss(0, 0.2), chart.chance.gauss(7.2, 1.0)
    name = {"prostate": "PSA", "breast": "CA 15-3"}.get(chart.cancer.name, "CEA")
    return f"Albumin {albumin:.1f} g/dL, leukocytes {leukocytes:.1f} · 10³/µL, {name} {marker:.1f} ng/mL (±5 %)."


def _pathology(chart: Chart, course: Course) -> str:
    """Give the text of a pathology report."""
    patient, chance = chart.patient, chart.chance
    grade = min(3, max(1, round(2 + 0.6 * patient.severity + chance.gauss(0, 0.4))))
    histology = _HISTOLOGY[patient.cancer.name].capitalize()
    margins = chance.choice(("Margins clear.", "Resection margins are free of tumour (≥ 2 mm).", "Margins cannot be judged in this biopsy."))
    invasion = "Lymphovascular invasion present." if patient.severity + chance.gauss(-0.5, 0.8) > 0 else "No lymphovascular invasion."
    lines = [f"SPECIMEN\nBiopsy, {_SITES[patient.cancer.name]}.", f"MICROSCOPY\n{invasion} {margins} {chance.choice(('No necrosis.', 'Focal necrosis.'))}"]
    if patient.cancer.name == "breast":
        states = ["positive" if positive else "negative" for positive in course.receptors]
        lines.append(f"RECEPTORS\nER {states[0]}, PR {states[1]}, HER2 {states[2]}.")
    if patient.cancer.name == "prostate":
        lines.append(f"GLEASON\n{grade + 2} + {grade + 1} = {2 * grade + 3}")
    lines.append(f"DIAGNOSIS\n{histology}, grade {grade}, greatest dimension {course.tumor_mm} mm. {course.nodes or 'No'} nodes involved.")
    lines.append("COMMENT\nSlides seen with Dr. Müller-Lüdenscheidt.")
    return "\n\n".join(lines) + "\n"
