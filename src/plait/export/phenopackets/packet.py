"""One person's packet, in the JSON form of the Phenopacket Schema 2.0, of the rows that are told of the person."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from plait.export.phenopackets.terms import NOT_AVAILABLE, Terms, element, stamp
from plait.export.phenopackets.variants import interpretations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]
"""A row of one of the queries beside this module."""

SCHEMA_VERSION = "2.0"
_HUMAN = ("NCBITaxon:9606", "Homo sapiens")
_AUTOMATIC = ("ECO:0000501", "evidence used in automatic assertion")
_TNM, _STAGE, _SIDE = "diseases.clinicalTnmFinding", "diseases.diseaseStage", "diseases.laterality"
_PATHOLOGICAL, _GRADE = "biosamples.pathologicalTnmFinding", "biosamples.tumorGrade"


def packet_of(subject: Row, rows: Mapping[str, Sequence[Row]], created: str, creator: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """Give a person's packet.

    Args:
        subject: The person's row of `subject.sql`.
        rows: The person's rows that are told, by the query that they are of.
        created: When the packet is made.
        creator: What makes it.
        versions: Versions of vocabularies.
    """
    terms = Terms()
    person = str(subject["person_id"])
    told: dict[str, list[Row]] = defaultdict(list)
    for row in (*rows["measurement"], *rows["observation"]):
        told[row["place"]].append(row)
    packet: dict[str, Any] = {
        "id": person,
        "subject": _subject(subject, terms),
        "phenotypicFeatures": [_feature(row, terms) for row in rows["feature"]],
        "measurements": [_measurement(row, terms) for row in told["measurements"]],
        "biosamples": [_biosample(row, subject, told, terms) for row in rows["specimen"]],
        "interpretations": interpretations(subject, rows["variant"], {row["row_id"] for row in rows["specimen"]}, terms),
        "diseases": [_disease(row, told, terms) for row in rows["disease"]],
        "medicalActions": [*_treatments(rows["treatment"], terms), *(_procedure(row, terms) for row in rows["procedure"])]
        + [_regimen(row, terms) for row in rows["regimen"]],
    }
    packet["metaData"] = {"created": created, "createdBy": creator, "resources": terms.resources(versions), "phenopacketSchemaVersion": SCHEMA_VERSION}
    return {name: value for name, value in packet.items() if value}


def sample_name(specimen: int) -> str:
    """Give the name of a biosample: that of its row of SPECIMEN as `plait export` writes it."""
    return f"specimen-{specimen}"


def _subject(row: Row, terms: Terms) -> dict[str, Any]:
    subject: dict[str, Any] = {"id": str(row["person_id"]), "sex": row["sex"], "taxonomy": terms(*_HUMAN)}
    if row["born"] is not None:
        subject["dateOfBirth"] = stamp(row["born"])
    subject |= element("timeAtLastEncounter", row["last_seen"])
    status: dict[str, Any] = {"status": "DECEASED" if row["is_dead"] else "UNKNOWN_STATUS"}
    status |= element("timeOfDeath", row["died"]) | terms.maybe("causeOfDeath", row["cause_id"], row["cause_label"])
    if row["survival_days"] is not None and row["survival_days"] >= 0:
        status["survivalTimeInDays"] = row["survival_days"]
    return subject | {"vitalStatus": status}


def _feature(row: Row, terms: Terms) -> dict[str, Any]:
    feature = {"type": terms(row["id"], row["label"])}
    if row["is_excluded"]:
        return feature | {"excluded": True, "evidence": [{"evidenceCode": terms(*_AUTOMATIC)}]}
    return feature | element("onset", row["began"]) | element("resolution", row["ended"])


def _disease(row: Row, told: Mapping[str, Sequence[Row]], terms: Terms) -> dict[str, Any]:
    def of(place: str) -> list[dict[str, str]]:
        found = {one["value_id"]: one["value_label"] for one in told[place] if one["disease_id"] == row["id"]}
        return [terms(identifier, label) for identifier, label in found.items()]

    disease: dict[str, Any] = {"term": terms(row["id"], row["label"])}
    disease |= element("onset", row["began"]) | element("resolution", row["ended"]) | terms.maybe("primarySite", row["site_id"], row["site_label"])
    parts: list[tuple[str, Any]] = [("diseaseStage", of(_STAGE)), ("clinicalTnmFinding", of(_TNM)), ("laterality", next(iter(of(_SIDE)), None))]
    return disease | {name: value for name, value in parts if value}


def _measurement(row: Row, terms: Terms) -> dict[str, Any]:
    measurement: dict[str, Any] = {"assay": terms(row["assay_id"], row["assay_label"])} | element("timeObserved", row["observed"])
    about = [row["operator"]] if row.get("operator") else []
    if row["value_number"] is None:
        return measurement | {"value": {"ontologyClass": terms(row["value_id"], row["value_label"])}} | _about(about)
    unit = terms(row["unit_id"], row["unit_label"]) if row["unit_id"] else terms(*NOT_AVAILABLE)
    quantity: dict[str, Any] = {"unit": unit, "value": row["value_number"]}
    low, high = row.get("low"), row.get("high")
    if low is not None and high is not None:
        quantity["referenceRange"] = {"unit": unit, "low": low, "high": high}
    elif low is not None or high is not None:
        about.append(f"reference range: {'from' if high is None else 'up to'} {low if high is None else high}")
    if row["value_id"]:
        about.append(row["value_label"])
    return measurement | {"value": {"quantity": quantity}} | _about(about)


def _about(words: Sequence[str]) -> dict[str, str]:
    return {"description": "; ".join(words)} if words else {}


def _biosample(row: Row, subject: Row, told: Mapping[str, Sequence[Row]], terms: Terms) -> dict[str, Any]:
    def of(place: str, *, stage: bool = False) -> list[dict[str, str]]:
        mine = [one for one in told[place] if one["specimen_id"] == row["row_id"] and (one["role"] == "stage") == stage]
        return [terms(identifier, label) for identifier, label in {one["value_id"]: one["value_label"] for one in mine}.items()]

    sample: dict[str, Any] = {"id": sample_name(row["row_id"]), "individualId": str(row["person_id"]), "taxonomy": terms(*_HUMAN)}
    sample |= _about([row["about"]] if row["about"] else []) | element("timeOfCollection", row["taken"])
    for name, kind in (("sampleType", "type"), ("sampledTissue", "site"), ("tumorProgression", "progression")):
        sample |= terms.maybe(name, row[f"{kind}_id"], row[f"{kind}_label"])
    sample |= terms.maybe("histologicalDiagnosis", subject["histology_id"], subject["histology_label"])
    parts: list[tuple[str, Any]] = [("pathologicalTnmFinding", of(_PATHOLOGICAL)), ("tumorGrade", next(iter(of(_GRADE)), None))]
    return sample | {name: value for name, value in parts if value}


def _treatments(rows: Sequence[Row], terms: Terms) -> list[dict[str, Any]]:
    """Give a treatment for each drug by one route and of one kind of record, with an interval for each exposure.

    The schema asks an interval for a dose and a frequency; a CDM has neither, and where it has no quantity it is 0 of what is not available.
    """
    made = []
    for (identifier, label, route, route_label, kind), group in groupby(
        rows, key=lambda row: (row["id"], row["label"], row["route_id"], row["route_label"], row["drug_type"])
    ):
        treatment: dict[str, Any] = {"agent": terms(identifier, label)} | terms.maybe("routeOfAdministration", route, route_label)
        treatment["doseIntervals"] = [
            {
                "quantity": {"unit": terms(*NOT_AVAILABLE), "value": row["quantity"] or 0.0},
                "scheduleFrequency": terms(*NOT_AVAILABLE),
                "interval": {"start": stamp(row["began"]), "end": stamp(row["ended"] or row["began"])},
            }
            for row in group
        ]
        made.append({"treatment": treatment | ({"drugType": kind} if kind else {})})
    return made


def _procedure(row: Row, terms: Terms) -> dict[str, Any]:
    return {"procedure": {"code": terms(row["id"], row["label"])} | element("performed", row["performed"])}


def _regimen(row: Row, terms: Terms) -> dict[str, Any]:
    named = terms(row["object_id"], row["object_label"]) if row["object_id"] else terms(row["id"], row["label"])
    status = "STARTED" if row["ended"] is None else "COMPLETED"
    regimen = {"ontologyClass": named, "regimenStatus": status} | element("startTime", row["began"]) | element("endTime", row["ended"])
    return {"therapeuticRegimen": regimen}
