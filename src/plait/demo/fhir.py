"""The demo's patients as FHIR R4 bulk data: the same records that stand in Synthea's CSV files, a resource each.

What FHIR has no place for is left out: of claims there are the totals, and supplies and the cause of a death are nobody's resource here.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from plait.demo.vocabulary import is_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plait.demo.tables import Records

PERSON_SYSTEM = "https://github.com/synthetichealth/synthea"
"""The system of the patients' identifiers, as Synthea's own FHIR has it."""

_SNOMED = "http://snomed.info/sct"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
_RACES = {"white": "2106-3", "black": "2054-5", "asian": "2028-9", "native": "1002-5", "hawaiian": "2076-8"}
_ETHNICITIES = {"hispanic": "2135-2", "nonhispanic": "2186-5"}
_CLASSES = {"inpatient": "IMP", "emergency": "EMER"}
_PRESSURES = {"8480-6", "8462-4"}
"""What stands together in one Observation: the two numbers of a blood pressure."""

Row = dict[str, str]
Resource = dict[str, Any]


def write_fhir(records: Records, folder: Path) -> dict[str, int]:
    """Write all records as `TYPE.ndjson.gz`, and give the number of resources of each type.

    The same records give the same bytes.

    Args:
        records: The study's records, without faults: FHIR has other ones.
        folder: Where the files go.
    """
    found: dict[str, list[Resource]] = defaultdict(list)
    for file, made in _WRITERS.items():
        for number, row in enumerate(_rows(records, file), 1):
            for resource in made(row, f"{file.replace('_', '-')}-{number}"):
                found[resource["resourceType"]].append(resource)
    plans = {row["Id"]: row["NAME"] for row in _rows(records, "payers")}
    found["Coverage"] = [_coverage(row, f"coverage-{number}", plans[row["PAYER"]]) for number, row in enumerate(_rows(records, "payer_transitions"), 1)]
    found["Observation"] += _observations(records)
    found["ImagingStudy"] += _imaging_studies(records)
    found["DocumentReference"] += (_document(row, records.texts) for row in _rows(records, "notes"))
    folder.mkdir(parents=True, exist_ok=True)
    for kind, resources in found.items():
        with (folder / f"{kind}.ndjson.gz").open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as stream:
            stream.write("".join(json.dumps(_without_gaps(one), ensure_ascii=False) + "\n" for one in resources).encode())
    return {kind: len(resources) for kind, resources in sorted(found.items())}


def _rows(records: Records, file: str) -> Iterator[Row]:
    header = records.headers[file]
    return (dict(zip(header, row, strict=True)) for row in records.rows[file])


def _without_gaps(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """Leave out what is empty: FHIR has no nulls and no empty lists."""
    if isinstance(value, dict):
        kept = {name: _without_gaps(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in ("", None, [], {})}
    return [_without_gaps(one) for one in value] if isinstance(value, list) else value


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _of(row: Row) -> Resource:
    """Give whose it is, and in which encounter."""
    return {"subject": {"reference": f"Patient/{row['PATIENT']}"}, "encounter": {"reference": f"Encounter/{row['ENCOUNTER']}"}}


def _extension(name: str, parts: dict[str, Any]) -> Resource:
    return {"url": f"{_US_CORE}/{name}", "extension": [{"url": url, **value} for url, value in parts.items()]}


def _address(row: Row, county: str = "") -> list[Resource]:
    place = [{"url": "latitude", "valueDecimal": float(row["LAT"])}, {"url": "longitude", "valueDecimal": float(row["LON"])}]
    geolocation = {"url": "http://hl7.org/fhir/StructureDefinition/geolocation", "extension": place}
    parts = {"city": row["CITY"], "district": county, "state": row["STATE"], "postalCode": row["ZIP"]}
    return [{"line": [row["ADDRESS"]], "extension": [geolocation], **parts}]


def _patient(row: Row, _: str) -> Iterator[Resource]:
    race = {"valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": _RACES.get(row["RACE"], "UNK")}}
    ethnicity = {"valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": _ETHNICITIES[row["ETHNICITY"]]}}
    yield {
        "resourceType": "Patient",
        "id": row["Id"],
        "extension": [
            _extension("us-core-race", {"ombCategory": race, "text": {"valueString": row["RACE"]}}),
            _extension("us-core-ethnicity", {"ombCategory": ethnicity, "text": {"valueString": row["ETHNICITY"]}}),
            {"url": f"{_US_CORE}/us-core-birthsex", "valueCode": row["GENDER"]},
        ],
        "identifier": [{"system": PERSON_SYSTEM, "value": row["Id"]}],
        "name": [{"use": "official", "family": row["LAST"], "given": [row["FIRST"]], "prefix": [row["PREFIX"]]}],
        "gender": {"F": "female", "M": "male"}[row["GENDER"]],
        "birthDate": row["BIRTHDATE"],
        "deceasedDateTime": row["DEATHDATE"],
        "address": _address(row, row["COUNTY"]),
    }


def _encounter(row: Row, key: str) -> Iterator[Resource]:
    yield from _bill(row, key)
    yield {
        "resourceType": "Encounter",
        "id": row["Id"],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": _CLASSES.get(row["ENCOUNTERCLASS"], "AMB")},
        "type": [_coded(_SNOMED, row["CODE"], row["DESCRIPTION"])],
        "subject": {"reference": f"Patient/{row['PATIENT']}"},
        "participant": [{"individual": {"reference": f"Practitioner/{row['PROVIDER']}"}}],
        "period": {"start": row["START"], "end": row["STOP"]},
        "serviceProvider": {"reference": f"Organization/{row['ORGANIZATION']}"},
    }


def _bill(row: Row, key: str) -> Iterator[Resource]:
    """Give the settled claim of an encounter, with its totals."""
    kinds = {"submitted": row["TOTAL_CLAIM_COST"], "benefit": row["PAYER_COVERAGE"]}
    totals = [
        {
            "category": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": kind}]},
            "amount": {"value": float(amount), "currency": "USD"},
        }
        for kind, amount in kinds.items()
    ]
    yield {
        "resourceType": "ExplanationOfBenefit",
        "id": f"bill-{key}",
        "status": "active",
        "use": "claim",
        "patient": {"reference": f"Patient/{row['PATIENT']}"},
        "billablePeriod": {"start": row["START"], "end": row["STOP"]},
        "created": row["STOP"],
        "insurer": {"display": row["PAYER"]},
        "outcome": "complete",
        "item": [{"sequence": 1, "encounter": [{"reference": f"Encounter/{row['Id']}"}]}],
        "total": totals,
    }


def _condition(row: Row, key: str) -> Iterator[Resource]:
    system = "http://hl7.org/fhir/sid/icd-10-cm" if row["SYSTEM"] == "ICD10" else _SNOMED
    status = "resolved" if row["STOP"] else "active"
    yield {
        "resourceType": "Condition",
        "id": key,
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": status}]},
        "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]},
        "code": _coded(system, row["CODE"], row["DESCRIPTION"]),
        "onsetDateTime": row["START"],
        "abatementDateTime": row["STOP"],
        "recordedDate": row["START"],
        **_of(row),
    }


def _medication(row: Row, key: str) -> Iterator[Resource]:
    yield {
        "resourceType": "MedicationRequest",
        "id": key,
        "status": "completed" if row["STOP"] else "active",
        "intent": "order",
        "medicationCodeableConcept": _coded(_RXNORM, row["CODE"], row["DESCRIPTION"]),
        "authoredOn": row["START"],
        "dispenseRequest": {"validityPeriod": {"start": row["START"], "end": row["STOP"]}, "numberOfRepeatsAllowed": int(row["DISPENSES"]) - 1},
        **_of(row),
    }


def _procedure(row: Row, key: str) -> Iterator[Resource]:
    system = _SNOMED if is_named("SNOMED", row["CODE"]) else _HCPCS
    yield {
        "resourceType": "Procedure",
        "id": key,
        "status": "completed",
        "code": _coded(system, row["CODE"], row["DESCRIPTION"]),
        "performedPeriod": {"start": row["START"], "end": row["STOP"]},
        **_of(row),
    }


def _immunization(row: Row, key: str) -> Iterator[Resource]:
    yield {
        "resourceType": "Immunization",
        "id": key,
        "status": "completed",
        "vaccineCode": _coded("http://hl7.org/fhir/sid/cvx", row["CODE"], row["DESCRIPTION"]),
        "patient": {"reference": f"Patient/{row['PATIENT']}"},
        "encounter": {"reference": f"Encounter/{row['ENCOUNTER']}"},
        "occurrenceDateTime": row["DATE"],
    }


def _allergy(row: Row, key: str) -> Iterator[Resource]:
    is_drug = row["SYSTEM"] == "RxNorm" or row["CATEGORY"] == "medication"
    reactions = [(row[f"REACTION{n}"], row[f"DESCRIPTION{n}"], row[f"SEVERITY{n}"]) for n in (1, 2) if row[f"REACTION{n}"]]
    yield {
        "resourceType": "AllergyIntolerance",
        "id": key,
        "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "confirmed"}]},
        "category": [row["CATEGORY"]],
        "code": _coded(_RXNORM if is_drug else _SNOMED, row["CODE"], row["DESCRIPTION"]),
        "patient": {"reference": f"Patient/{row['PATIENT']}"},
        "encounter": {"reference": f"Encounter/{row['ENCOUNTER']}"},
        "onsetDateTime": row["START"],
        "reaction": [{"manifestation": [_coded(_SNOMED, code, words)], "severity": severity.lower()} for code, words, severity in reactions],
    }


def _care_plan(row: Row, key: str) -> Iterator[Resource]:
    yield {
        "resourceType": "CarePlan",
        "id": key,
        "status": "completed" if row["STOP"] else "active",
        "intent": "order",
        "category": [_coded(_SNOMED, row["CODE"], row["DESCRIPTION"])],
        "period": {"start": row["START"], "end": row["STOP"]},
        **_of(row),
    }


def _device(row: Row, key: str) -> Iterator[Resource]:
    yield {
        "resourceType": "Device",
        "id": key,
        "udiCarrier": [{"carrierHRF": row["UDI"]}],
        "type": _coded(_SNOMED, row["CODE"], row["DESCRIPTION"]),
        "patient": {"reference": f"Patient/{row['PATIENT']}"},
    }
    yield {
        "resourceType": "DeviceUseStatement",
        "id": f"use-{key}",
        "status": "completed" if row["STOP"] else "active",
        "subject": {"reference": f"Patient/{row['PATIENT']}"},
        "timingPeriod": {"start": row["START"], "end": row["STOP"]},
        "device": {"reference": f"Device/{key}"},
    }


def _coverage(row: Row, key: str, plan: str) -> Resource:
    return {
        "resourceType": "Coverage",
        "id": key,
        "status": "active",
        "subscriberId": row["MEMBERID"],
        "beneficiary": {"reference": f"Patient/{row['PATIENT']}"},
        "period": {"start": row["START_DATE"], "end": row["END_DATE"]},
        "payor": [{"display": row["PAYER"]}],
        "class": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "plan"}]}, "value": plan, "name": plan}],
    }


def _organization(row: Row, _: str) -> Iterator[Resource]:
    yield {"resourceType": "Organization", "id": row["Id"], "name": row["NAME"], "address": _address(row)}


def _provider(row: Row, _: str) -> Iterator[Resource]:
    yield {"resourceType": "Practitioner", "id": row["Id"], "name": [{"text": row["NAME"]}], "gender": {"F": "female", "M": "male"}[row["GENDER"]]}
    yield {
        "resourceType": "PractitionerRole",
        "id": f"role-{row['Id']}",
        "practitioner": {"reference": f"Practitioner/{row['Id']}"},
        "organization": {"reference": f"Organization/{row['ORGANIZATION']}"},
        "specialty": [{"text": row["SPECIALITY"]}],
    }


_WRITERS: dict[str, Callable[[Row, str], Iterator[Resource]]] = {
    "organizations": _organization,
    "providers": _provider,
    "patients": _patient,
    "encounters": _encounter,
    "conditions": _condition,
    "medications": _medication,
    "procedures": _procedure,
    "immunizations": _immunization,
    "allergies": _allergy,
    "careplans": _care_plan,
    "devices": _device,
}


def _observations(records: Records) -> Iterator[Resource]:
    """Give a resource for each observation; the two numbers of a blood pressure are components of one."""
    pressures: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for number, row in enumerate(_rows(records, "observations"), 1):
        if row["CODE"] in _PRESSURES:
            pressures[row["PATIENT"], row["ENCOUNTER"], row["DATE"]].append(row)
        else:
            yield _observation(row, f"observation-{number}") | {"code": _coded(_LOINC, row["CODE"], row["DESCRIPTION"]), **_value(row)}
    for number, pair in enumerate(pressures.values(), 1):
        components = [{"code": _coded(_LOINC, row["CODE"], row["DESCRIPTION"]), **_value(row)} for row in pair]
        panel = _coded(_LOINC, "85354-9", "Blood pressure panel with all children optional")
        yield _observation(pair[0], f"pressure-{number}") | {"code": panel, "component": components}


def _observation(row: Row, key: str) -> Resource:
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": row["CATEGORY"]}
    about = {"resourceType": "Observation", "id": key, "status": "final", "category": [{"coding": [category]}]}
    return about | _of(row) | {"effectiveDateTime": row["DATE"], "issued": row["DATE"]}


def _value(row: Row) -> Resource:
    if row["TYPE"] != "numeric":
        return {"valueString": row["VALUE"]}
    unit = {} if row["UNITS"] == "null" else {"unit": row["UNITS"], "system": _UCUM, "code": row["UNITS"]}
    return {"valueQuantity": {"value": json.loads(row["VALUE"]), **unit}}


def _imaging_studies(records: Records) -> Iterator[Resource]:
    """Give a resource for each study, which has a row for each of its instances."""
    studies: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _rows(records, "imaging_studies"):
        studies[row["PATIENT"], row["Id"]].append(row)
    for (_, key), rows in studies.items():
        series: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            series[row["SERIES_UID"]].append(row)
        yield {
            "resourceType": "ImagingStudy",
            "id": key,
            "status": "available",
            "started": rows[0]["DATE"],
            "procedureCode": [_coded(_SNOMED, rows[0]["PROCEDURE_CODE"], rows[0]["MODALITY_DESCRIPTION"])],
            "series": [_series(uid, of_series) for uid, of_series in series.items()],
            **_of(rows[0]),
        }


def _series(uid: str, rows: list[Row]) -> Resource:
    instances = [{"uid": row["INSTANCE_UID"], "sopClass": {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{row['SOP_CODE']}"}} for row in rows]
    return {
        "uid": uid,
        "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": rows[0]["MODALITY_CODE"]},
        "bodySite": {"system": _SNOMED, "code": rows[0]["BODYSITE_CODE"], "display": rows[0]["BODYSITE_DESCRIPTION"]},
        "instance": instances,
    }


def _document(row: Row, texts: dict[str, str]) -> Resource:
    text = base64.b64encode(texts[row["file"].removeprefix("texts/")].encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": row["note_id"],
        "status": "current",
        "type": _coded(_LOINC, row["type"], row["title"]),
        "subject": {"reference": f"Patient/{row['person']}"},
        "date": row["datetime"],
        "author": [{"reference": f"Practitioner/{row['provider']}"}],
        "description": row["title"],
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "language": row["language"], "data": text}}],
        "context": {"encounter": [{"reference": f"Encounter/{row['visit']}"}], "period": {"start": row["datetime"]}},
    }
