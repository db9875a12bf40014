"""Notes with identifiers planted in them: what stands around each, and what must not be left."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

FIRST = ("Annelise", "Bartholomew", "Chiara", "Dmitri", "Esperanza", "Fionnuala", "Günther", "Håkon", "Ingeborg", "Jean-Luc", "Zoë", "Ximena")
LAST = ("Abernathy", "Brzęczyszczykiewicz", "Czarnecki", "Delacroix-Moreau", "Ekström", "Fitzwilliam", "Grünwald", "O'Halloran", "Nakamura", "Villanueva")
STREETS = ("Willowbrook Avenue", "Old Mill Rd", "Kestrel Lane", "N Harbor Blvd", "5th Street")
CITIES = ("Springvale", "Eastbrook", "New Carrow")
MAILS = ("example.org", "mail.example.net")

TEMPLATES = {
    "name": (
        "Seen by Dr. {value} in clinic.",
        "Patient: {value}\n",
        "Electronically signed by: {value}, M.D.",
        "Mrs. {value} tolerated the procedure well.",
        "Referring physician: {value}.",
        "Her daughter {value} was at the bedside.",
        "cc: {value}",
        "Frau {value} stellt sich vor.",
    ),
    "phone": ("Call {value} with questions.", "Tel.: {value}", "fax {value}.", "Reach the family at {value}."),
    "email": ("Write to {value}.", "E-mail: {value}"),
    "url": ("Results at {value} for the patient.",),
    "ip": ("Logged in from {value}.",),
    "ssn": ("SSN: {value}.", "Social Security number {value} on file."),
    "id": ("MRN: {value}", "Medical record number {value}.", "Accession #: {value}.", "Account No. {value}", "Serial number {value} (pacemaker)."),
    "address": ("Lives at {value}.", "Address: {value}\n", "She moved to {value} last year."),
    "age": ("A {value}-year-old man.", "She is {value} years old."),
}
"""Kind → sentences with one of it."""

DATES = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%B %d, %Y",
    "%d %B %Y",
    "%b %d %Y",
    "%d-%b-%Y",
    "%A, %B %d, %Y",
    "%Y/%m/%d",
    "%Y-%m-%dT09:30:00",
    "%Y%m%d",
)
"""Forms that tell the day beyond doubt, month first among numbers with strokes."""

PLAIN = (
    "Lungs are clear, heart sounds regular.",
    "Blood pressure 120/80, pulse 72, strength 5/5.",
    "Hemoglobin 13.2 g/dL, platelets 250000.",
    "Continue metoprolol 25 mg twice a day.",
    "No evidence of metastasis; TNM T2 N0 M0.",
    "CA 15-3 11.6 ng/mL, ER 90 %, Ki-67 15 %.",
    "Follow-up in 3 months; diabetes since 2011.",
    "A 72-year-old with type 2 diabetes.",
)
"""Sentences in which nothing identifies."""


@dataclass(frozen=True)
class Planted:
    """A note with what was planted.

    Attributes:
        text: The note.
        values: (kind, what was planted).
        dates: What was planted, and in which form.
        own: What the study knows of the person.
    """

    text: str
    values: tuple[tuple[str, str], ...]
    dates: tuple[tuple[dt.date, str], ...]
    own: tuple[tuple[str, str], ...]


def planted(seed: int, sentences: int = 14) -> Planted:
    """Give a note, other ones for other seeds."""
    chance = random.Random(seed)
    own_name = (chance.choice(FIRST), chance.choice(LAST))
    own = (("name", own_name[0]), ("name", own_name[1]), ("number", f"P{chance.randrange(10**6, 10**7)}"))
    parts, values, dates = [], [], []
    for _ in range(sentences):
        kind = chance.choice([*TEMPLATES, "date", "date", "plain", "plain", "own"])
        if kind == "plain":
            parts.append(chance.choice(PLAIN))
        elif kind == "date":
            day, form = dt.date(2000, 1, 1) + dt.timedelta(days=chance.randrange(8000)), chance.choice(DATES)
            dates.append((day, form))
            parts.append(f"Admitted on {day:{form}} for observation.")
        elif kind == "own":
            of_kind, text = chance.choice(own)
            written = _varied(text, chance)
            values.append((of_kind, written))
            parts.append(f"Then {written} went home.")
        else:
            value = made(kind, chance)
            values.append((kind, value))
            parts.append(chance.choice(TEMPLATES[kind]).format(value=value))
    return Planted("\n".join(parts), tuple(values), tuple(dates), own)


def made(kind: str, chance: random.Random) -> str:  # noqa: PLR0911 - one for each kind
    """Give something of a kind."""
    digits = "".join(chance.choice("0123456789") for _ in range(12))
    if kind == "name":
        first, last = chance.choice(FIRST), chance.choice(LAST)
        return chance.choice((f"{first} {last}", f"{last}, {first}", f"{first[0]}. {last}", last, f"{first} Q. {last}"))
    if kind == "phone":
        a, b, c = f"2{digits[:2]}", f"5{digits[2:4]}", digits[4:8]
        return chance.choice((f"{a}-{b}-{c}", f"({a}) {b}-{c}", f"{a}.{b}.{c}", f"+1 {a} {b} {c}", f"+49 30 {digits[:7]}"))
    if kind == "ssn":
        return f"9{digits[:2]}-{digits[2:4]}-{digits[4:8]}"
    if kind == "id":
        return chance.choice((digits[:7], f"S{digits[:2]}-{digits[2:7]}", f"MR{digits[:8]}", f"{digits[:3]}-{digits[3:6]}-{digits[6:8]}"))
    if kind == "email":
        return f"{chance.choice(FIRST).lower().replace('ü', 'u')}.{digits[:3]}@{chance.choice(MAILS)}"
    if kind == "url":
        return f"https://portal.example.org/p/{digits[:6]}?id={digits[6:]}"
    if kind == "ip":
        return f"10.{int(digits[:3]) % 256}.{int(digits[3:6]) % 256}.{int(digits[6:9]) % 256}"
    if kind == "age":
        return str(90 + int(digits[0]))
    return f"{1 + int(digits[:3])} {chance.choice(STREETS)}, {chance.choice(CITIES)}, MA 0{digits[3:7]}"


def _varied(text: str, chance: random.Random) -> str:
    """Give a text in small letters, in capitals, cut at a line's end, without accents."""
    return chance.choice((text, text.upper(), text.lower(), f"{text[:4]}-\n{text[4:]}" if len(text) > 6 else text, text.replace("-", " ")))
