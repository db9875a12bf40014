"""Reads whole-slide files: a record for each file below a folder, by what it says of itself; and the sheet that says more of them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from plait.errors import ConfigError
from plait.etl.executor import LocalProcesses
from plait.etl.own_code import code_digest
from plait.etl.sources.headers import kept_records
from plait.etl.sources.imaging import need_imaging
from plait.etl.sources.listing import folder_of, list_folder
from plait.etl.sources.reader import FAULT
from plait.etl.sources.remote import Unreachable, answered, is_url, remote_folder
from plait.etl.sources.sheet import check_pattern, check_sheet, column_of_sheet, sheet_records
from plait.etl.sources.wsi.slide import Place, RemoteSlide, SlideFault, read_slide, series_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from plait.etl.sources.folder import Source
    from plait.etl.sources.headers import Record
    from plait.etl.sources.inventory import InputFile
    from plait.etl.sources.listing import Entry

_TOLD = ("person", "specimen", "date", "known_time", "site")
"""Options that say where something of a slide stands: in its file's name, or in the sheet."""

_SUFFIXES = frozenset({".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".svslide", ".czi", ".dcm"})
_COLUMNS = (
    "name",
    "stem",
    "is_slide",
    "size_bytes",
    "mtime_ns",
    "vendor",
    "mpp_x",
    "mpp_y",
    "objective",
    "acquired",
    "may_identify",
    "geometry",
    "study",
    "series",
    "instance",
    "role",
    "width",
)
_CHOICES: dict[str, tuple[str | None, ...]] = {"barcode": (None, "tcga"), "cardinality": ("many", "one")}
_BATCH = 16
_MANY = 32
"""Slides from which on it is worth while to start other processes."""


@dataclass(frozen=True, slots=True)
class Work:
    """Some files of one folder to read."""

    folder: str
    entries: tuple[Entry, ...]


def find_files(source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
    """Give nothing: the folder is one input."""
    del source, paths
    return []


def header(source: Source, logical: str, path: Path) -> tuple[str, ...]:
    """Give the columns of the records, having checked the options, or the sheet.

    Raises:
        ConfigError: An option has no such value.
        InputFileError: The sheet is no table, or has a slide twice.
    """
    if logical == "sheet":
        check_sheet(source, path, _TOLD)
        return ("key", *_TOLD)
    for option, known in _CHOICES.items():
        if source.options[option] not in known:
            raise ConfigError(
                f"plait.yaml: source '{source.name}', {option}",
                expected=" or ".join(map(str, known)),
                got=f"'{source.options[option]}'",
                todo="Mend the value.",
            )
    for option in _TOLD:
        said = source.options[option]
        if said is not None and said != "name" and (column_of_sheet(said) is None or not source.named):
            raise ConfigError(
                f"plait.yaml: source '{source.name}', {option}",
                expected="'name', or 'sheet.' and a column of the sheet that the option 'sheet' names",
                got=f"'{said}'",
                todo="Mend the option, or name a sheet.",
            )
    for option in ("person", "specimen"):
        check_pattern(source, option)
    return _COLUMNS


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield a record for each file, in order of name; or the lines of the sheet."""
    if file.file == "sheet":
        yield from sheet_records(source, file.path, _TOLD)
        return
    need_imaging("whole-slide files")
    folder = folder_of(file.root)
    version = code_digest(*(("plait.etl.sources.wsi", name) for name in ("reader.py", "slide.py")))
    with answered(file.root):
        yield from kept_records(list_folder(file.root).entries, (*_COLUMNS, FAULT), lambda some: _read_all(folder, some), source.cache, version)


def _read_all(folder: str, entries: Sequence[Entry]) -> Iterator[list[Record]]:
    """Yield the records of each file, in their order: one."""
    work = [Work(folder, tuple(entries[start : start + _BATCH])) for start in range(0, len(entries), _BATCH)]
    for some in LocalProcesses(os.cpu_count() or 1).run(work, read_some) if len(entries) >= _MANY else map(read_some, work):
        yield from ([record] for record in some)


def read_some(work: Work) -> list[Record]:
    """Give the records of some files."""
    return [_record(work.folder, entry) for entry in work.entries]


def _place(folder: str, entry: Entry) -> Place:
    """Give where a slide is."""
    return RemoteSlide(remote_folder(folder), entry.name, max(0, entry.size_bytes)) if is_url(folder) else Path(folder, entry.name)


def _record(folder: str, entry: Entry) -> Record:
    """Give the record of a file: what a slide says of itself, or why it says nothing."""
    path = PurePosixPath(entry.name)
    known = (entry.name, str(path.with_suffix("")), str(path.suffix.lower() in _SUFFIXES).lower(), str(entry.size_bytes), str(entry.mtime_ns))
    nothing = (None,) * (len(_COLUMNS) - len(known))
    if path.suffix.lower() not in _SUFFIXES:
        return (*known, *nothing, None)
    if entry.is_outside:
        return (*known, *nothing, "outside_folder")
    try:
        place = _place(folder, entry)
        facts = read_slide(place)
        series = series_of(place) if facts.vendor == "dicom" else None
    except SlideFault as fault:
        return (*known, *nothing, fault.reason)
    except Unreachable:
        raise
    except OSError:
        return (*known, *nothing, "unreadable")
    geometry = {
        "width": facts.width,
        "height": facts.height,
        "levels": [[width, height, round(downsample, 6)] for width, height, downsample in facts.levels],
        "mpp": None if facts.mpp_x is None else [facts.mpp_x, facts.mpp_y],
        "objective": facts.objective,
        "tile": None if facts.tile_width is None else [facts.tile_width, facts.tile_height],
        "vendor": facts.vendor,
        "reader": facts.reader,
        "icc": facts.has_icc,
        "associated": list(facts.associated),
    }
    said = (
        facts.vendor,
        facts.mpp_x,
        facts.mpp_y,
        facts.objective,
        facts.acquired,
        ",".join(facts.may_identify) or None,
        json.dumps(geometry),
        *(series or (None,) * 4 + (facts.width,)),
    )
    return (*known, *(None if value is None else str(value) for value in said), None)
