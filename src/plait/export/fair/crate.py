"""`ro-crate-metadata.json`: a Process Run Crate, with what was done to the data in the words of W3C PROV, by rocrate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plait.export.fair.extra import need_fair

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.fair.model import Dataset, Party, Step

FILE = "ro-crate-metadata.json"

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
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
    crate = ROCrate(gen_preview=False)
    crate.name, crate.description = dataset.title, dataset.about
    crate.datePublished = dataset.created
    root = crate.root_dataset
    root["version"], root["keywords"] = dataset.version, ", ".join(dataset.keywords)
    profile = crate.add(ContextEntity(crate, _PROFILE, properties={"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}))
    root["conformsTo"] = profile
    if dataset.license:
        root["license"] = _license(crate, ContextEntity, dataset.license)
    root["author"] = [_party(crate, ContextEntity, party) for party in dataset.creators]
    if dataset.publisher:
        root["publisher"] = _party(crate, ContextEntity, dataset.publisher)
    if dataset.contact:
        point = {"@type": "ContactPoint", "contactType": "questions", "email": dataset.contact.removeprefix("mailto:")}
        root["contactPoint"] = crate.add(ContextEntity(crate, "#contact", properties=point))
    root["usageInfo"] = [_term(crate, ContextEntity, term) for term in dataset.duo]
    tables = [_file(crate, table.path, table.about, folder) for table in dataset.tables]
    for file in dataset.files:
        properties = {"name": file.path, "description": file.about, "contentSize": str(file.size_bytes), "encodingFormat": file.media_type}
        tables.append(crate.add_file(folder / file.path, dest_path=file.path, properties=properties))
    for name, about in sorted(others.items()):
        _file(crate, name, about, folder)
    root["mentions"] = [_step(crate, ContextEntity, step, number, tables) for number, step in enumerate(dataset.history, 1)]
    (folder / FILE).write_text(json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def _file(crate: Any, name: str, about: str, folder: Path) -> Any:  # noqa: ANN401 - of a package without types
    encoding = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv", "json": "application/json", "md": "text/markdown"}
    properties = {"name": name, "description": about, "contentSize": str((folder / name).stat().st_size)}
    kind = encoding.get(name.rsplit(".", 1)[-1])
    return crate.add_file(folder / name, dest_path=name, properties=properties | ({"encodingFormat": kind} if kind else {}))


def _step(crate: Any, entity: Any, step: Step, number: int, results: list[Any]) -> Any:  # noqa: ANN401 - of a package without types
    """Add a step: an action with its instrument, what it used, and, of the last, what came of it."""
    program, _, version = step.agent.rpartition(" ")
    software = crate.add(
        entity(
            crate,
            f"#{step.agent.replace(' ', '-')}",
            properties={"@type": "SoftwareApplication", "name": program, "softwareVersion": version, "url": "https://pypi.org/project/plait/"},
        )
    )
    used = []
    for place, (words, digest) in enumerate(step.used, 1):
        about = {"@type": "CreativeWork", "name": words} | ({"identifier": f"sha256:{digest}"} if digest else {})
        used.append(crate.add(entity(crate, f"#step-{number}-input-{place}", properties=about)))
    properties: dict[str, Any] = {
        "@type": "CreateAction",
        "name": step.name,
        "description": step.about,
        "instrument": software,
        "object": used,
        "result": results,
    }
    for name, time in (("startTime", step.started_at), ("endTime", step.finished_at)):
        if time is not None:
            properties[name] = time.isoformat() + "Z"
    return crate.add(entity(crate, f"#step-{number}", properties=properties))


def _license(crate: Any, entity: Any, license: str) -> Any:  # noqa: A002, ANN401 - the word for it; of a package without types
    place = license if "://" in license else _SPDX + license
    return crate.add(entity(crate, place, properties={"@type": "CreativeWork", "name": license, "description": f"The licence of the data: {license}"}))


def _term(crate: Any, entity: Any, term: str) -> Any:  # noqa: ANN401 - of a package without types
    """Add a term of the Data Use Ontology."""
    properties = {"@type": "DefinedTerm", "name": term, "termCode": term, "inDefinedTermSet": "http://purl.obolibrary.org/obo/duo.owl"}
    return crate.add(entity(crate, _OBO + term.replace(":", "_"), properties=properties))


def _party(crate: Any, entity: Any, party: Party) -> Any:  # noqa: ANN401 - of a package without types
    kind = "Person" if party.kind == "person" else "Organization"
    return crate.add(entity(crate, party.identifier or f"#{party.name.replace(' ', '-')}", properties={"@type": kind, "name": party.name}))
