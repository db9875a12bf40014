"""Whom a forgetting is about: every number and every identifier that a study has of them, kept in `private/` until nothing is left to do."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from plait.errors import ConfigError, StudyError
from plait.etl.commit import newest_version, warehouse_of
from plait.etl.crosswalk import linked_crosswalk
from plait.etl.tombstones import PENDING_FILE, SYSTEM, Tombstones, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb


@dataclass(frozen=True, slots=True)
class Whom:
    """Persons to forget.

    Attributes:
        token: Eight hexadecimal digits, in the names of the files that take the place of others.
        at: When it began, UTC, ISO 8601.
        persons: How many persons.
        numbers: Their `person_id`, those included that an identifier had before links joined it with others.
        identifiers: (system, identifier, number) of all that they are known by.
        aliases: What sources call them beside, in PERSON.
        records: How many records of each source file tell of them, once that was counted.
        again: Whether all of them were forgotten before, and what is to be done is only to look whether something is left.
    """

    token: str
    at: str
    persons: int
    numbers: tuple[int, ...]
    identifiers: tuple[tuple[str, str, int], ...]
    aliases: tuple[str, ...] = ()
    records: dict[str, int] = field(default_factory=dict)
    again: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All that they are called, in whatever system."""
        return tuple(sorted({*(identifier for _, identifier, _ in self.identifiers), *self.aliases}))

    def tables(self, con: duckdb.DuckDBPyConnection, tombstones: Tombstones) -> None:
        """Make the tables `erased_person` (person_id) and `erased_identifier` (system, identifier, person_id, hash)."""
        import pyarrow as pa

        con.register("numbers_given", pa.table({"person_id": pa.array(self.numbers, pa.int64())}))
        con.execute("CREATE OR REPLACE TEMP TABLE erased_person AS FROM numbers_given")
        columns = {
            "system": pa.array([one[0] for one in self.identifiers], pa.string()),
            "identifier": pa.array([one[1] for one in self.identifiers], pa.string()),
            "person_id": pa.array([one[2] for one in self.identifiers], pa.int64()),
            "hash": pa.array([tombstones.of(one[0], one[1]) for one in self.identifiers], pa.string()),
        }
        con.register("identifiers_given", pa.table(columns))
        con.execute("CREATE OR REPLACE TEMP TABLE erased_identifier AS FROM identifiers_given")
        con.unregister("numbers_given")
        con.unregister("identifiers_given")


def pending(study: Path) -> Whom | None:
    """Give whom a forgetting is about that was stopped, None where none was."""
    try:
        content = json.loads((study / "private" / PENDING_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    content["numbers"], content["aliases"] = tuple(content["numbers"]), tuple(content["aliases"])
    content["identifiers"] = tuple((str(system), str(identifier), int(number)) for system, identifier, number in content["identifiers"])
    return Whom(**content)


def begin(study: Path, whom: Whom) -> None:
    """Write down whom it is about, so that it can be ended whatever happens."""
    write_private(study, PENDING_FILE, json.dumps(asdict(whom)))


def end(study: Path) -> None:
    """Forget whom it was about."""
    (study / "private" / PENDING_FILE).unlink(missing_ok=True)


def read_names(file: Path) -> list[str]:
    """Give the persons that a file lists, one a line, as they are named on the command line; blank lines and those that begin with # are none.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(file, expected="a file of text with a person a line", got="none that can be read", todo="Mend the path.") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def find_persons(study: Path, names: Iterable[str], tombstones: Tombstones) -> Whom:
    """Give all that a study knows some persons by.

    Args:
        study: The study's folder.
        names: `person_id`, or `SYSTEM=IDENTIFIER`, of each.
        tombstones: Who was forgotten before.

    Raises:
        StudyError: The study has not been run, or knows no such person; says which of the names, and nothing of it.
        ConfigError: A name is neither.
    """
    version = newest_version(study)
    if version is None:
        raise StudyError(study, expected="a study that has been run", got="none", todo="Run it first: `plait etl run`.")
    given = _given(study / version.crosswalk)
    linked = {(system, identifier): int(person) for system, identifier, person in linked_crosswalk(study, version).iter_rows()}
    systems = {system for system, _ in linked}
    forgotten = dict(tombstones.persons)
    chosen: set[int] = set()
    known: set[tuple[str, str, int]] = set()
    former: set[int] = set()
    for place, name in enumerate(names, 1):
        keys = _keys(name, place, systems)
        person = _person(keys, name, linked, given)
        before = [(system, identifier, forgotten[hashed]) for system, identifier in keys if (hashed := tombstones.of(system, identifier)) in forgotten]
        if person is not None:
            chosen.add(person)
        elif before:
            known |= set(before)
            former |= {number for *_, number in before}
        elif name.isdecimal() and int(name) in forgotten.values():
            former.add(int(name))
        else:
            raise StudyError(
                study,
                expected="a person whom the study knows",
                got=f"another one, as number {place} of those that are named",
                todo="Name a person_id, or SYSTEM=IDENTIFIER as the source has it; see the table PERSON.",
            )
    known |= {(*key, given.get(key, person)) for key, person in linked.items() if person in chosen}
    numbers = tuple(sorted(chosen | former | {number for *_, number in known}))
    at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    aliases = _aliases([warehouse_of(study) / file for file in version.tables["cdm"].get("person", [])], numbers)
    return Whom(secrets.token_hex(4), at, len(chosen) or len(former), numbers, tuple(sorted(known)), aliases, again=not chosen)


def _aliases(files: list[Path], numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Give what sources call persons in PERSON."""
    import polars as pl

    if not files:
        return ()
    rows = pl.scan_parquet(files).filter(pl.col("person_id").is_in(list(numbers))).select("person_source_value").collect()
    return tuple(sorted({str(name) for name in rows["person_source_value"].drop_nulls().to_list()}))


def _given(crosswalk: Path) -> dict[tuple[str, str], int]:
    """Give the number that each identifier has of its own."""
    import polars as pl

    rows = pl.read_parquet(crosswalk).filter(pl.col("system") != SYSTEM).select("system", "identifier", "person_id").iter_rows()
    return {(str(system), str(identifier)): int(person) for system, identifier, person in rows}


def _keys(name: str, place: int, systems: set[str]) -> list[tuple[str, str]]:
    """Give what (system, identifier) a name may mean: a system's name, or an identifier, may have an equals sign in it."""
    cuts = [at for at, letter in enumerate(name) if letter == "="]
    keys = [(name[:at], name[at + 1 :]) for at in cuts]
    if not keys and not name.isdecimal():
        raise ConfigError(
            f"person {place} of those that are named",
            expected="a person_id, or SYSTEM=IDENTIFIER",
            got="neither",
            todo=f"For example {min(systems, default='hospital')}=…; the systems are: {', '.join(sorted(systems)) or 'none'}.",
        )
    return [key for key in keys if key[0] in systems] or keys


def _person(keys: list[tuple[str, str]], name: str, linked: dict[tuple[str, str], int], given: dict[tuple[str, str], int]) -> int | None:
    """Give who is meant by a name, None where nobody is."""
    for key in keys:
        if key in linked:
            return linked[key]
    if name.isdecimal():
        number = int(name)
        if number in linked.values():
            return number
        return next((linked[key] for key, own in given.items() if own == number and key in linked), None)
    return None
