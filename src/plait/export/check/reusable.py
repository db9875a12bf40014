"""Whether a package can be used: R1 to R1.3."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from plait.export.check.jsonld import as_text, objects, texts
from plait.export.check.opened import CHECKS, CITATION, CRATE, CROISSANT, DATAPACKAGE, DICTIONARY, README, read_json
from plait.export.check.outcome import Outcome, Test, absent, verdict
from plait.export.package import HASHES_FILE
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from plait.export.check.opened import Opened

_SPDX = "https://spdx.org/licenses/"
_CITED = ("cff-version", "message", "title", "authors")
_STANDARDS = {
    CROISSANT: "http://mlcommons.org/croissant/",
    CRATE: "https://w3id.org/ro/crate/",
}


def licenses(package: Opened) -> dict[str, str]:
    """Give the licence that each metadata file names."""
    resources = objects((package.datapackage or {}).get("licenses"))
    found = {
        CROISSANT: as_text((package.croissant or {}).get("license") or ""),
        CRATE: as_text(package.root().get("license") or ""),
        DATAPACKAGE: str(resources[0].get("name") or resources[0].get("path") or "") if resources else "",
        CITATION: str(_citation(package).get("license") or ""),
    }
    return {name: said.removeprefix(_SPDX).removesuffix(".html") for name, said in found.items() if said and not said.startswith("#")}


@cache
def spdx() -> frozenset[str]:
    """Give the identifiers of the SPDX licence list (version 3.26) that are not deprecated."""
    return frozenset((files("plait.export.check") / "spdx.txt").read_text(encoding="utf-8").split())


def _is_whole(package: Opened) -> Outcome:
    if not package.hashes:
        return Outcome("fail", f"there is no {HASHES_FILE}")
    faults = [f"{name} is gone" for name in package.hashes if name not in package.files]
    faults += [f"{name} has changed" for name, digest in package.hashes.items() if name in package.files and sha256_of(package.files[name]) != digest]
    faults += [f"{name} has been added" for name in package.files if name not in package.hashes and name != HASHES_FILE]
    return verdict(faults, f"{len(package.hashes):,} files are what {HASHES_FILE} says")


def _can_be_understood(package: Opened) -> Outcome:
    faults = [] if README in package.files else [f"there is no {README}"]
    if DICTIONARY in package.files:
        told = {(row.get("table"), row.get("column")) for row in package.dictionary}
        names = {str(one.get("path")): str(one.get("name")) for one in objects((package.datapackage or {}).get("resources"))}
        for name in package.tables:
            columns = package.columns[name]
            mine = {table for table, _ in told if table and table.lower().replace(".", "-") in {names.get(name), PurePosixPath(name).stem.lower()}}
            if not isinstance(columns, str):
                faults += [f"{DICTIONARY} lacks {name}, {column}" for column in columns if not any((table, column) in told for table in mine)]
    return verdict(faults, f"{README}, and a description of each column of each table")


def _columns_agree(package: Opened) -> Outcome:
    """Compare the columns of tables with what metadata say."""
    faults, seen = [], 0
    fields: dict[str, set[str]] = {}
    for record_set in objects((package.croissant or {}).get("recordSet")):
        for one in objects(record_set.get("field")):
            source = one.get("source") or {}
            place, column = as_text(source.get("fileObject") or ""), (source.get("extract") or {}).get("column")
            if place and column:
                fields.setdefault(place, set()).add(column)
    resources = {str(one.get("path")): objects((one.get("schema") or {}).get("fields")) for one in objects((package.datapackage or {}).get("resources"))}
    for name in package.tables:
        columns = package.columns[name]
        if isinstance(columns, str):
            continue
        for source, said in ((CROISSANT, fields.get(name)), (DATAPACKAGE, {str(one.get("name")) for one in resources[name]} if name in resources else None)):
            if said is not None:
                seen += len(said)
                faults += [f"{source} differs in {name}: {one}" for one in sorted(said ^ {*columns})]
    return verdict(faults, f"{seen:,} columns are those of the files") if seen else absent("column in the metadata")


def _has_licence(package: Opened) -> Outcome:
    found = licenses(package)
    if not found:
        return Outcome("fail", "no metadata file names a licence")
    faults = [f"they differ: {', '.join(f'{name} says {said}' for name, said in found.items())}"] if len({*found.values()}) > 1 else []
    faults += [f"{one} names none" for one in package.metadata if one not in found]
    return verdict(faults, f"{next(iter(found.values()))} in {', '.join(found)}")


def _licence_is_known(package: Opened) -> Outcome:
    found = {*licenses(package).values()}
    if not found:
        return Outcome("fail", "there is no licence")
    unknown = sorted(one for one in found if one not in spdx())
    return verdict(
        [f"'{one}' is none of SPDX" + ("; whether it can be read is not tested here" if "://" in one else "") for one in unknown], ", ".join(sorted(found))
    )


def _use_is_told(package: Opened) -> Outcome:
    terms = [one for one in (package.crate or {}).values() if "DUO_" in str(one.get("@id"))]
    return verdict([], ", ".join(str(one.get("name")) for one in terms)) if terms else absent("term of the Data Use Ontology")


def _provenance_is_told(package: Opened) -> Outcome:
    if package.crate is None:
        return absent(CRATE)
    actions = [one for one in package.crate.values() if "CreateAction" in texts(one.get("@type"))]
    if not actions:
        return Outcome("fail", "the crate tells of no step by which the data came about")
    faults = [f"step {one.get('name')} has no {asked}" for one in actions for asked in ("instrument", "result", "endTime") if not one.get(asked)]
    programs = [one for one in package.crate.values() if "SoftwareApplication" in texts(one.get("@type"))]
    faults += [f"{one.get('name')} has no version" for one in programs if not (one.get("version") or one.get("softwareVersion"))]
    if not any(one.get("object") for one in actions):
        faults.append("no step says what it used")
    return verdict(faults, f"{len(actions)} steps with program, version and what came of them")


def _checks_are_told(package: Opened) -> Outcome:
    if CHECKS not in package.files:
        return absent(CHECKS)
    content = read_json(package.files, CHECKS, {})
    results = [row for row in (content or {}).get("results", []) if isinstance(row, dict)]
    failed = [str(row.get("check_id")) for row in results if row.get("status") == "FAIL" and row.get("severity") == "error"]
    if not results:
        return Outcome("fail", f"{CHECKS} tells of no result")
    return verdict([f"{name} fails" for name in failed], f"{len(results):,} checks, none of severity error fails")


def _standards_are_followed(package: Opened) -> Outcome:
    said: dict[str, Any] = {CROISSANT: (package.croissant or {}).get("conformsTo"), CRATE: (package.crate or {}).get(CRATE, {}).get("conformsTo")}
    faults, good = [], []
    for name, prefix in _STANDARDS.items():
        if name in package.metadata:
            values = [as_text(one) for one in (said[name] if isinstance(said[name], list) else [said[name]]) if one]
            matching = [one for one in values if one.startswith(prefix)]
            good += matching
            faults += [] if matching else [f"{name} says no version of its standard"]
    if not package.metadata:
        return Outcome("fail", "there is no metadata file that can be read")
    return verdict(faults, ", ".join(good + (["Frictionless Data"] if package.datapackage is not None else [])))


def _can_be_cited(package: Opened) -> Outcome:
    if CITATION not in package.files:
        return absent(CITATION)
    cited = _citation(package)
    return verdict([f"{CITATION} has no {name}" for name in _CITED if not cited.get(name)], f"{CITATION} {cited.get('cff-version')}")


def _citation(package: Opened) -> dict[str, Any]:
    import yaml

    if CITATION not in package.files:
        return {}
    try:
        content = yaml.safe_load(package.files[CITATION].read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


TESTS = (
    Test("R1", "a person can read what is in it", "required", _can_be_understood),
    Test("R1", "columns in the metadata are those of the files", "required", _columns_agree),
    Test("R1.1", "it has a licence, the same in all metadata files", "required", _has_licence),
    Test("R1.1", "the licence is one of SPDX", "recommended", _licence_is_known),
    Test("R1.1", "terms say what it may be used for", "recommended", _use_is_told),
    Test("R1.2", "the steps by which the data came about are told", "required", _provenance_is_told),
    Test("R1.2", "what checks of the data found is told", "recommended", _checks_are_told),
    Test("R1.2", "the files are those that were given out", "required", _is_whole),
    Test("R1.3", "metadata say which standards they follow", "required", _standards_are_followed),
    Test("R1.3", "it can be cited", "recommended", _can_be_cited),
)
"""Tests of what can be used."""
