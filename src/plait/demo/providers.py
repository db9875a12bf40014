"""Who cares and who pays: the clinics, their physicians and the insurers of the demo."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plait.demo.tables import Records

_SPACE = uuid.UUID("6f1d5a3e-3c1b-5c0a-9d55-7d0c8a2f4b10")


@dataclass(frozen=True, slots=True)
class Clinic:
    """An organization and the physician of the demo's patients there."""

    name: str
    city: str
    zip: str
    physician: str
    gender: str
    speciality: str

    @property
    def organization(self) -> str:
        """Identifier of the organization."""
        return stable_id(self.name)

    @property
    def provider(self) -> str:
        """Identifier of the physician."""
        return stable_id(self.physician)


@cache
def stable_id(name: str) -> str:
    """Give the UUID of a thing of the demo that has a name."""
    return str(uuid.uuid5(_SPACE, name))


PRIMARY_CARE = Clinic("EXAMPLETON FAMILY MEDICINE", "Exampleton", "02991", "Noor314 Placewell271", "F", "GENERAL PRACTICE")
ONCOLOGY = Clinic("PORT FIXTURE CANCER CENTER", "Port Fixture", "02993", "Silvan161 Trialson803", "M", "ONCOLOGY")

PAYERS = (("Medicare", "GOVERNMENT"), ("Medicaid", "GOVERNMENT"), ("Fixture Mutual", "PRIVATE"), ("Sample Shield", "PRIVATE"), ("NO_INSURANCE", "NO_INSURANCE"))


def add_providers(records: Records) -> None:
    """Write the organizations, providers and payers."""
    for clinic in (PRIMARY_CARE, ONCOLOGY):
        place = {"ADDRESS": "1 FIXTURE WAY", "CITY": clinic.city, "STATE": "MA", "ZIP": clinic.zip, "LAT": "42.1", "LON": "-71.2"}
        records.add("organizations", place | {"Id": clinic.organization, "NAME": clinic.name, "PHONE": "5550100", "REVENUE": "0.0", "UTILIZATION": "1000"})
        person = {
            "Id": clinic.provider,
            "ORGANIZATION": clinic.organization,
            "NAME": clinic.physician,
            "GENDER": clinic.gender,
            "SPECIALITY": clinic.speciality,
        }
        records.add("providers", place | person | {"ENCOUNTERS": "1000", "PROCEDURES": "0"})
    zeros = {
        column: "0" for column in records.headers["payers"] if "COVERED" in column or column in {"REVENUE", "UNIQUE_CUSTOMERS", "QOLS_AVG", "MEMBER_MONTHS"}
    }
    for name, ownership in PAYERS:
        records.add("payers", zeros | {"Id": stable_id(name), "NAME": name, "OWNERSHIP": ownership})
