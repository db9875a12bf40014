"""`ro-crate-metadata.json`: a Process Run Crate, with what was done to the data in the words of W3C PROV, by rocrate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plait.export.fair import duo
from plait.export.fair.extra import need_fair
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.fair.model import Dataset, Party, Step

FILE = "ro-crate-metadata.json"

_VERSION = "1.1"
"""The version of RO-Crate that the profile of processes rests on."""

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_PROV = "http://www.w3.org/ns/prov#"
_SPDX = "https://spdx.org/licenses/"
_OBO = "http://purl.obolibrary.org/obo/"


def write_crate(dataset: Dataset, folder: Path, others: dict[str, str]) -> None:
    """Write `ro-crate-metadata.json`.

    Args:
        dataset: The package.
        folder: Where it stands.
        others: Files besides the tables, by name, and what each is.

    Raises:
        MissingExtraError: The extra `fair` is not installed.
    """
    with need_fair(FILE):
        from rocrate.model.contextentity import ContextEntity
        from rocrate.rocrate import ROCrate
    crate = ROCrate(gen_preview=False, version=_VERSION)
    crate.name, crate.description = dataset.title, dataset.about
    crate.datePublished = dataset.created
    root = crate.root_dataset
    root["version"], root["keywords"] = dataset.version, ", ".join(dataset.keywords)
    profile = crate.add(ContextEntity(crate, _PROFILE, properties={"@type": ["CreativeWork", "Profile"], "name": "Process Run Crate", "version": "0.5"}))
    root["conformsTo"] = profile
    root["license"] = _license(crate, ContextEntity, dataset.license)
    point = None
    if dataset.contact:
        about = {"@type": "ContactPoint", "contactType": "questions", "email": dataset.contact.removeprefix("mailto:")}
        root["contactPoint"] = point = crate.add(ContextEntity(crate, f"mailto:{about['email']}", properties=about))
    authors = [_party(crate, ContextEntity, party, point) for party in dataset.creators]
    _set(root, "author", authors)
    agent = authors[0]
    if dataset.publisher:
        root["publisher"] = agent = _party(crate, ContextEntity, dataset.publisher, point)
    _set(root, "usageInfo", [_term(crate, ContextEntity, term) for term in dataset.duo])
    if dataset.url:
        root["identifier"] = dataset.url
        _set(root, "url", [dataset.url] if "://" in dataset.url else [])
    tables = [_file(crate, table.path, table.about, folder) for table in dataset.tables]
    for file in dataset.files:
        properties = {"name": file.path, "description": file.about, "contentSize": str(file.size_bytes), "encodingFormat": file.media_type}
        tables.append(crate.add_file(folder / file.path, dest_path=file.path, properties=properties | {"sha256": file.sha256}))
    for name, words in sorted(others.items()):
        _file(crate, name, words, folder)
    crate.metadata.extra_terms["prov"] = _PROV
    steps: list[Any] = []
    for number, step in enumerate(dataset.history, 1):
        made = _step(crate, ContextEntity, step, number, tables, agent)
        if steps:
            made["prov:wasInformedBy"] = steps[-1]
        steps.append(made)
    _set(root, "mentions", steps)
    (folder / FILE).write_text(json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def _set(entity: Any, name: str, values: list[Any]) -> None:  # noqa: ANN401 - of a package without types
    """Set a property: one value as itself, several as a list, none not at all."""
    if values:
        entity[name] = values if len(values) > 1 else values[0]


def _file(crate: Any, name: str, about: str, folder: Path) -> Any:  # noqa: ANN401 - of a package without types
    encoding = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv", "json": "application/json", "md": "text/markdown", "cff": "application/yaml"}
    properties = {"name": name, "description": about, "contentSize": str((folder / name).stat().st_size), "sha256": sha256_of(folder / name)}
    kind = encoding.get(name.rsplit(".", 1)[-1])
    return crate.add_file(folder / name, dest_path=name, properties=properties | ({"encodingFormat": kind} if kind else {}))


def _step(crate: Any, entity: Any, step: Step, number: int, results: list[Any], agent: Any) -> Any:  # noqa: ANN401 - of a package without types
    """Add a step: an action with its instrument, what it used, and, of the last, what came of it."""
    program, _, version = step.agent.rpartition(" ")
    software = crate.add(
        entity(
            crate,
            f"https://pypi.org/project/{program}/{version}/",
            properties={"@type": "SoftwareApplication", "name": program, "version": version, "url": f"https://pypi.org/project/{program}/"},
        )
    )
    used = []
    for place, (words, digest) in enumerate(step.used, 1):
        about = {"@type": "CreativeWork", "name": words} | ({"identifier": f"sha256:{digest}"} if digest else {})
        used.append(crate.add(entity(crate, f"#step-{number}-input-{place}", properties=about)))
    properties: dict[str, Any] = {
        "@type": ["CreateAction", "prov:Activity"],
        "name": step.name,
        "description": step.about,
        "instrument": software,
        "agent": agent,
        "object": used,
        "result": results,
        "prov:wasAssociatedWith": software,
        "prov:used": used,
    }
    for name, time in (("startTime", step.started_at), ("endTime", step.finished_at)):
        if time is not None:
            properties[name] = time.isoformat(timespec="seconds") + "+00:00"
    return crate.add(entity(crate, f"#step-{number}", properties=properties))


def _license(crate: Any, entity: Any, license: str | None) -> Any:  # noqa: A002, ANN401 - the word for it; of a package without types
    """Add the licence, or that there is none."""
    if license is None:
        none = {"@type": "CreativeWork", "name": "No licence", "description": "No licence was given: ask before you use the data."}
        return crate.add(entity(crate, "#no-licence", properties=none))
    place = license if "://" in license else _SPDX + license
    return crate.add(entity(crate, place, properties={"@type": "CreativeWork", "name": license, "description": f"The licence of the data: {license}"}))


def _term(crate: Any, entity: Any, term: str) -> Any:  # noqa: ANN401 - of a package without types
    """Add a term of the Data Use Ontology."""
    properties = {"@type": "DefinedTerm", "name": duo.meaning(term), "termCode": term, "inDefinedTermSet": "http://purl.obolibrary.org/obo/duo.owl"}
    return crate.add(entity(crate, _OBO + term.replace(":", "_"), properties=properties))


def _party(crate: Any, entity: Any, party: Party, contact: Any) -> Any:  # noqa: ANN401 - of a package without types
    about = {"@type": "Person" if party.kind == "person" else "Organization", "name": party.name}
    if party.identifier:
        about["url"] = party.identifier
    if contact is not None:
        about["contactPoint"] = contact
    return crate.add(entity(crate, party.identifier or f"#{party.name.replace(' ', '-')}", properties=about))
