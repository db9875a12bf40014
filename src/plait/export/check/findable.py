"""Whether a package can be found and got: F1 to F4, A1 to A2."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from plait.export.check.jsonld import as_text, objects, record_fields, texts
from plait.export.check.opened import CRATE, CROISSANT, DATAPACKAGE
from plait.export.check.outcome import Outcome, Test, absent, verdict
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from plait.export.check.opened import Opened

_LASTING = re.compile(
    r"^(https?://(dx\.)?doi\.org/|doi:|https?://(w3id\.org|purl\.\w+|hdl\.handle\.net|identifiers\.org|n2t\.net)/|urn:uuid:|ark:|hdl:)", re.IGNORECASE
)
_NAMED = re.compile(r"^([a-z][a-z0-9+.-]*:)\S+$", re.IGNORECASE)
_ASKED = ("name", "description", "license", "creators", "date", "keywords")


def identifiers(package: Opened) -> dict[str, str]:
    """Give what each metadata file says the package is known by."""
    root, croissant, datapackage = package.root(), package.croissant or {}, package.datapackage or {}
    found = {
        CROISSANT: croissant.get("identifier") or croissant.get("sameAs") or croissant.get("url"),
        CRATE: root.get("identifier") or root.get("url"),
        DATAPACKAGE: datapackage.get("id") or datapackage.get("homepage"),
    }
    return {name: as_text(said) for name, said in found.items() if said}


def files_of(package: Opened) -> dict[str, dict[str, str | None]]:
    """Give the files that each metadata file names, with the hash that it gives."""
    found: dict[str, dict[str, str | None]] = {}
    if package.croissant is not None:
        named = [one for one in objects(package.croissant.get("distribution")) if one.get("contentUrl") and not one.get("includes")]
        found[CROISSANT] = {str(one["contentUrl"]): one.get("sha256") for one in named}
    if package.crate is not None:
        kinds = {name: texts(one.get("@type")) for name, one in package.crate.items()}
        local = {name: package.crate[name].get("sha256") for name, types in kinds.items() if "File" in types and "://" not in name}
        found[CRATE] = {name.removeprefix("./"): digest for name, digest in local.items() if not name.startswith("#")}
    if package.datapackage is not None:
        resources = objects(package.datapackage.get("resources"))
        found[DATAPACKAGE] = {str(one.get("path", "")): str(one.get("hash", "")).removeprefix("sha256:") or None for one in resources if one.get("path")}
    return found


def _has_identifier(package: Opened) -> Outcome:
    found = identifiers(package)
    if not found:
        return Outcome("fail", "no metadata file says what the package is known by")
    faults = [f"{name} says '{said}', which is no URI" for name, said in found.items() if not _NAMED.match(said)]
    differ = [f"they differ: {', '.join(f'{name} says {said}' for name, said in found.items())}"] if len({*found.values()}) > 1 else []
    return verdict([*faults, *differ], f"{next(iter(found.values()))} in {', '.join(found)}")


def _lasts(package: Opened) -> Outcome:
    found = {*identifiers(package).values()}
    if not found:
        return Outcome("fail", "there is no identifier")
    if any(_LASTING.match(said) for said in found):
        return Outcome("pass", "it is of a kind that is kept up: a DOI, a handle, an ARK, a PURL")
    return Outcome("not tested here", "whether it stays cannot be seen offline, and it is of no kind that promises it")


def _ids_are_unique(package: Opened) -> Outcome:
    if not package.metadata:
        return absent("metadata file")
    faults = [f"{CRATE} has {name} twice" for name, count in Counter(package.crate_ids).items() if count > 1]
    content = package.croissant or {}
    ids = [str(one["@id"]) for one in (*objects(content.get("distribution")), *record_fields(content)) if "@id" in one]
    faults += [f"{CROISSANT} has {name} twice" for name, count in Counter(ids).items() if count > 1]
    names = [str(one.get("name")) for one in objects((package.datapackage or {}).get("resources"))]
    faults += [f"{DATAPACKAGE} has {name} twice" for name, count in Counter(names).items() if count > 1]
    return verdict(faults, f"{len(package.crate_ids) + len(ids) + len(names):,} ids, none twice")


def _is_described(package: Opened) -> Outcome:
    root, croissant, datapackage = package.root(), package.croissant or {}, package.datapackage or {}
    said = {
        CROISSANT: [croissant.get(name) for name in ("name", "description", "license", "creator", "datePublished", "keywords")],
        CRATE: [root.get(name) for name in ("name", "description", "license", "author", "datePublished", "keywords")],
        DATAPACKAGE: [datapackage.get(name) for name in ("title", "description", "licenses", "contributors", "created", "keywords")],
    }
    if not package.metadata:
        return Outcome("fail", "there is no metadata file that can be read")
    best = max(package.metadata, key=lambda name: sum(map(bool, said[name])))
    lacking = [f"{best} says no {asked}" for asked, value in zip(_ASKED, said[best], strict=True) if not value]
    return verdict([one for one in lacking if not one.endswith("license")], f"{best} says {', '.join(_ASKED)}")


def _columns_are_described(package: Opened) -> Outcome:
    if package.dictionary:
        faults = [f"{row.get('table')}.{row.get('column')} is not described" for row in package.dictionary if not row.get("description")]
        return verdict(faults, f"{len(package.dictionary):,} columns, each with a description")
    fields = [one for one in record_fields(package.croissant or {}) if one.get("@type") == "cr:Field"]
    if not fields:
        return absent("dictionary, and no field in croissant.json")
    return verdict([f"{one.get('@id')} is not described" for one in fields if not one.get("description")], f"{len(fields):,} fields, each with a description")


def _names_its_files(package: Opened) -> Outcome:
    named = files_of(package)
    if not named:
        return Outcome("fail", "there is no metadata file that can be read")
    faults = [
        f"{source} names {name}, which is not there" for source, names in named.items() for name in names if "://" not in name and name not in package.files
    ]
    every = {name for names in named.values() for name in names}
    faults += [f"{name} is in no metadata file" for name in package.tables if name not in every and not _is_included(package, name)]
    for source, names in named.items():
        if source != CRATE and len(named) > 1:
            faults += [f"{source} lacks {name}" for name in package.tables if name in every and name not in names and not _is_included(package, name)]
    return verdict(faults, f"{', '.join(named)} name the same {len(package.tables):,} tables, all there")


def _hashes_agree(package: Opened) -> Outcome:
    given = [(source, name, digest) for source, names in files_of(package).items() for name, digest in names.items() if digest]
    if not given:
        return absent("hash in the metadata")
    actual = {name: package.hashes.get(name) or sha256_of(package.files[name]) for _, name, _ in given if name in package.files}
    faults = [f"{source} has another hash of {name}" for source, name, digest in given if name in actual and actual[name] != digest]
    return verdict(faults, f"{len(given):,} hashes, all those of the files")


def _can_be_searched(package: Opened) -> Outcome:
    if package.croissant is None and package.crate is None:
        return Outcome("fail", "there is no JSON-LD with words of schema.org, which search engines for data read")
    return Outcome("not tested here", "whether a search engine knows it can only be seen online; the JSON-LD that they read is there")


def _by_protocol(package: Opened) -> Outcome:
    kinds = {said.partition(":")[0].lower() for said in identifiers(package).values()}
    hint = "its identifier is one of the web" if kinds & {"http", "https", "doi"} else "its identifier is none that a browser opens"
    return Outcome("not tested here", f"whether it can be got can only be seen online; {hint}")


def _metadata_stand_alone(package: Opened) -> Outcome:
    if not package.metadata:
        return Outcome("fail", "there is no metadata file that can be read")
    return Outcome("pass", f"{', '.join(package.metadata)} can be read without the data; whether they are kept is not tested here")


def _is_included(package: Opened, name: str) -> bool:
    """Tell whether a FileSet of Croissant covers a file."""
    patterns = [pattern for one in objects((package.croissant or {}).get("distribution")) for pattern in texts(one.get("includes"))]
    return any(package.files[name].relative_to(package.folder).match(pattern) for pattern in patterns)


def _open_protocol(_: Opened) -> Outcome:
    return Outcome("not tested here", "a package says nothing of the protocol by which it is given out")


TESTS = (
    Test("F1", "it has an identifier, the same in all metadata files", "required", _has_identifier),
    Test("F1", "the identifier is of a kind that stays", "recommended", _lasts),
    Test("F1", "no id stands for two things", "required", _ids_are_unique),
    Test("F2", "who made what, when, in words", "required", _is_described),
    Test("F2", "each column is described", "recommended", _columns_are_described),
    Test("F3", "metadata files name the same tables, and these are there", "required", _names_its_files),
    Test("F3", "hashes in the metadata are those of the files", "required", _hashes_agree),
    Test("F4", "search engines for data can find it", "recommended", _can_be_searched),
    Test("A1", "it can be got by its identifier", "recommended", _by_protocol),
    Test("A1.1", "the protocol is open", "recommended", _open_protocol),
    Test("A1.2", "who may have it can log in", "recommended", _open_protocol),
    Test("A2", "metadata can be read without the data", "required", _metadata_stand_alone),
)
"""Tests of what can be found and got."""
