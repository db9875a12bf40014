"""`plait export phenopackets`: a packet for each person, in the GA4GH Phenopacket Schema 2.0."""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from plait import __version__
from plait.duck import quoted, sql
from plait.export.outgoing import Left, leaving, leaving_tables, need_row_level
from plait.export.phenopackets.extra import need_phenopackets, parsed
from plait.export.phenopackets.packet import packet_of
from plait.export.phenopackets.tables import accounts, tell
from plait.export.phenopackets.terms import PACKAGE
from plait.progress import silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.export.outgoing import Outgoing
    from plait.progress import Progress
    from plait.settings import Settings

FOLDER = "phenopackets"
ACCOUNTS_FILE = "rows.csv"
ACCOUNTS_COLUMNS = ("table", "place", "reason", "rows")

_PERSONS_AT_ONCE = 200
"""Persons whose rows are in memory at one time."""

_READ = {
    "feature": ("told_feature", "TRUE", "person_id, began, id"),
    "measurement": ("told_measurement", "place IS NOT NULL", "person_id, observed, row_id"),
    "observation": ("told_observation", "place IN ('measurements', 'diseases.laterality')", "person_id, observed, row_id"),
    "specimen": ("told_specimen", "TRUE", "person_id, row_id"),
    "variant": ("told_variant", "TRUE", "person_id, assay, row_id"),
    "disease": ("told_disease", "TRUE", "person_id, began, id"),
    "treatment": ("told_treatment", "TRUE", "person_id, id, route_id, drug_type, began, ended"),
    "procedure": ("told_procedure", "place IS NOT NULL", "person_id, performed, row_id"),
    "regimen": ("told_episode", "role = 'regimen'", "person_id, began, row_id"),
}
"""What a packet is made of: table, which of its rows, their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets(Left):
    """What was written.

    Attributes:
        rows: (table, place in the packets, reason why it has none, rows): every row of who is in it, once.
    """

    rows: tuple[tuple[str, str | None, str | None, int], ...]


def export_phenopackets(  # noqa: PLR0913 - each is a choice of the user's
    study: Path,
    version: Version,
    settings: Settings,
    target: Path,
    *,
    row_level: bool,
    key: str | None = None,
    today: dt.date | None = None,
    memory: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Packets:
    """Write a packet for each person, de-identified, into a new folder, with what became of every row, and the hashes.

    Args:
        study: The study's folder.
        version: The version.
        settings: Its policy says how small a cell may be, whether weekdays stay, and what is withheld.
        target: The folder.
        row_level: That rows of patients may leave; without it nothing could.
        key: Name of the key in `private/`; without one, that of the policy, or a new key that is thrown away.
        today: The day that the packets are of; the day it is if None.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
        threads: Threads to use, all cores if None.
        progress: Hears of packets that were written.

    Raises:
        ConfigError: Row level was not asked for, or something is in the target's place.
        ExportError: A check of severity `error` fails, or something identifies. Nothing is written.
        MissingExtraError: The extra `phenopackets` is not installed.
    """
    need_row_level("plait export phenopackets", row_level=row_level)
    need_phenopackets("plait export phenopackets")
    leave = leaving_tables(settings.policy)
    day = today or dt.datetime.now(dt.UTC).date()
    with leaving(study, version, settings, target, key=key, has_notes=False, memory=memory, threads=threads, progress=progress) as out:
        tell(out, leave)
        _write_packets(out, day)
        counted = tuple(accounts(out.con, leave))
        with (out.folder / ACCOUNTS_FILE).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([ACCOUNTS_COLUMNS, *counted])
        hashes = out.seal()
    return Packets(rows=counted, **out.left(target, hashes))


def _write_packets(out: Outgoing, day: dt.date) -> int:
    """Write `phenopackets/ID.json` for each person, by whole messages of the schema, and give their number."""
    (out.folder / FOLDER).mkdir()
    created, creator = f"{day.isoformat()}T00:00:00Z", f"plait {__version__}"
    versions = dict(out.con.execute(sql(PACKAGE, "versions")).fetchall())
    written = 0
    for first in range(1, out.persons + 1, _PERSONS_AT_ONCE):
        last = first + _PERSONS_AT_ONCE - 1
        subjects = _rows(out.con, "told_subject", "TRUE", "person_id", (first, last))
        rows = {name: _by_person(_rows(out.con, *read, (first, last))) for name, read in _READ.items()}
        for subject in subjects:
            person = subject["person_id"]
            packet = packet_of(subject, {name: by_person.get(person, []) for name, by_person in rows.items()}, created, creator, versions)
            parsed(packet)
            (out.folder / FOLDER / f"{person}.json").write_text(json.dumps(packet, ensure_ascii=False) + "\n", encoding="utf-8")
        written += len(subjects)
        out.progress("export", len(subjects))
    return written


def _rows(con: duckdb.DuckDBPyConnection, table: str, chosen: str, order: str, persons: tuple[int, int]) -> list[dict[str, Any]]:
    """Give the rows of a range of persons."""
    query = f"SELECT * FROM {quoted(table)} WHERE person_id BETWEEN $first AND $last AND {chosen} ORDER BY {order}"
    found: list[dict[str, Any]] = con.execute(query, {"first": persons[0], "last": persons[1]}).to_arrow_table().to_pylist()
    return found


def _by_person(rows: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    return {person: list(group) for person, group in groupby(rows, key=lambda row: row["person_id"])}
