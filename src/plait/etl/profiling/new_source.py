"""`plait etl new-source`: from a folder of raw files to a first version of a source folder."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.duck import connect
from plait.errors import ConfigError
from plait.etl.profiling.folder import shown_values, write_folder
from plait.etl.profiling.known import known_kinds
from plait.etl.profiling.profile import MOST_RECORDS, profile_folder
from plait.etl.profiling.proposal import propose
from plait.etl.resources import resources, size_mib
from plait.etl.vocabulary import read_release, register

if TYPE_CHECKING:
    from plait.etl.profiling.profile import RawFile
    from plait.etl.profiling.proposal import Proposal
    from plait.progress import Progress

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class NewSource:
    """What was written, and what it was guessed from.

    Attributes:
        folder: The source's folder.
        name: What the source is called.
        path: The raw files.
        files: For each raw file: its name, records, columns, key, the shapes that were guessed, and what the rows are.
        unread: Files that cannot be read, with why.
        notes: What a reader should know.
        written: The files in the folder.
        kinds: Built-in kinds that these files may be of.
        has_vocabulary: Whether codes were looked up.
    """

    folder: Path
    name: str
    path: Path
    files: tuple[dict[str, Any], ...]
    unread: tuple[dict[str, str], ...]
    notes: tuple[str, ...]
    written: tuple[str, ...]
    kinds: tuple[str, ...]
    has_vocabulary: bool


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """How raw files are profiled.

    Attributes:
        name: What the source is called; as the folder with the files if None.
        records: Records of a file that are looked at; a longer one is not read to its end.
        values: Whether values of columns that look like codes are written as comments, where they stand on eleven records or more.
        force: Whether a folder that is there is written over.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
    """

    name: str | None = None
    records: int = MOST_RECORDS
    values: bool = False
    force: bool = False
    threads: int | None = None
    memory: str | None = None


def new_source(path: Path, folder: Path, options: ProfileOptions, *, vocabulary: Path | None, progress: Progress) -> NewSource:
    """Profile raw files and write a source folder that loads them, as far as that can be guessed.

    No value of a record is written or shown, unless `options.values` asks for common ones.

    Args:
        path: A folder with raw files, or one file.
        folder: The folder to write; new or empty.
        options: How to go about it; the name is given.
        vocabulary: The folder of a loaded release, in which codes are looked up; None without one.
        progress: Hears of files that were looked at.

    Raises:
        ConfigError: A name that is none, nothing to read, or a folder that is not empty.
        StudyError: There is no room left on disk or in memory.
    """
    name = options.name or ""
    if not _NAME.fullmatch(name):
        raise ConfigError("--name", expected="small letters, digits and _, a letter first", got=f"'{name}'", todo="Give the source a name.")
    mib = size_mib(options.memory)
    with (
        tempfile.TemporaryDirectory(prefix="plait-") as spill,
        resources(folder, mib),
        connect(threads=options.threads, memory=f"{mib}MiB", spill=Path(spill)) as con,
    ):
        if vocabulary is not None:
            register(con, read_release(vocabulary))
        profile = profile_folder(con, path, Path(spill), most=options.records, progress=progress, has_vocabulary=vocabulary is not None)
        proposal = propose(profile, name)
        shown = shown_values(con, proposal) if options.values else None
    written = write_folder(folder, proposal, force=options.force, values=shown)
    return NewSource(
        folder=folder,
        name=name,
        path=path,
        files=tuple(_told(proposal, file) for file in profile.files),
        unread=tuple({"file": layout.name, "why": str(layout.problem)} for layout in profile.unread),
        notes=tuple(proposal.notes),
        written=tuple(one.name for one in written),
        kinds=known_kinds(profile.files),
        has_vocabulary=vocabulary is not None,
    )


def _told(proposal: Proposal, file: RawFile) -> dict[str, Any]:
    """Give what was seen of a file, for a table and for JSON."""
    selects = proposal.of(file.name)
    return {
        "file": file.name,
        "files": len(file.layouts),
        "records": file.records,
        "is_whole": file.is_whole,
        "faulty": file.faulty,
        "key": " + ".join(file.keys[0]) if file.keys else None,
        "shapes": [select.shape for select in selects],
        "is_lookup": file.name in proposal.meaning.lookups,
        "columns": [
            {
                "column": column.name,
                "kind": column.kind,
                "filled": column.filled,
                "distinct": column.distinct,
                "formats": [form or "ISO 8601" for form in column.formats],
                "references": [f"{one.file}.{one.key}" for one in file.references if one.column == column.name],
            }
            for column in file.columns.values()
        ],
    }
