"""A source that a hospital writes: a first version of it from its raw files, and how it does, before it is a study's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import ConfigError
from plait.etl.commit import Version, newest_version, warehouse_of
from plait.settings import SETTINGS_FILE, Settings, SourceSettings, read_settings

if TYPE_CHECKING:
    from plait.etl.dryrun.check_source import SourceTried
    from plait.etl.profiling.new_source import NewSource, ProfileOptions
    from plait.progress import Progress


def new_source(
    path: str | Path, out: Path | None = None, *, study: str | Path = ".", options: ProfileOptions | None = None, progress: Progress | None = None
) -> NewSource:
    """Profile raw files and write a first version of a source folder; see `plait.etl.profiling.new_source.new_source`.

    Args:
        path: A folder with raw files, or one file.
        out: The folder to write; `sources/NAME` of the study if None.
        study: A study, whose vocabulary is used; the folder need not be one yet.
        options: How to go about it.
        progress: Hears of files that were looked at.

    Raises:
        ConfigError: A name that is none, nothing to read, or a folder that is not empty.
    """
    from dataclasses import replace

    from plait.etl.profiling.new_source import ProfileOptions
    from plait.etl.profiling.new_source import new_source as profile_and_write
    from plait.progress import silent

    folder, raw = Path(study), Path(path)
    asked = options or ProfileOptions()
    named = asked.name or _source_name(raw.resolve().name.partition(".")[0])
    target = out if out is not None else folder / "sources" / named
    return profile_and_write(raw, target, replace(asked, name=named), vocabulary=_vocabulary_of(folder), progress=progress or silent)


def _source_name(text: str) -> str:
    """Give a name for a source that is like a text."""
    plain = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"source_{plain}".strip("_")


def check_source(
    source: str | Path,
    data: Path | None = None,
    *,
    study: str | Path = ".",
    first: int = 3,
    show_values: bool = False,
    threads: int | None = None,
    memory: str | None = None,
    progress: Progress | None = None,
) -> SourceTried:
    """Run a source dry, and tell what became of its records; nothing is written. See `plait.etl.dryrun.check_source.check_source`.

    Args:
        source: A source of the study by its name, or the folder of one, or a kind.
        data: The files that a folder, or a kind, reads.
        study: The study, whose vocabulary, mappings and persons are used; the folder need not be one.
        first: Rejected records to show for each reason.
        show_values: Whether to show what they say.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
        progress: Hears of files that were staged.

    Raises:
        ConfigError: No such source, or one that does not work.
        InputFileError: A file cannot be read as it was declared.
    """
    import os

    from plait.etl.dryrun.check_source import Trial
    from plait.etl.dryrun.check_source import check_source as check
    from plait.etl.resources import size_mib
    from plait.etl.sources.folder import open_source, open_sources
    from plait.etl.tombstones import NOBODY, read_tombstones
    from plait.etl.vocabulary.approvals import read_approvals
    from plait.progress import silent

    folder = Path(study)
    is_study = (folder / SETTINGS_FILE).is_file()
    settings = read_settings(folder) if is_study else Settings(study="none")
    version = newest_version(folder) if is_study else None
    named = next((one for one in settings.sources if data is None and one.name == str(source)), None)
    opened = open_source(named or _unnamed(source, data, settings), folder)
    others = open_sources(settings, folder) if is_study else ()
    trial = Trial(
        time_zone=settings.time_zone,
        mappings=settings.mappings,
        approvals=read_approvals(folder) if is_study else (),
        vocabulary=_vocabulary_of(folder),
        crosswalk=folder / version.crosswalk if version is not None else None,
        before=_records_before(folder, version) if version is not None and named is not None else {},
        persons=tuple(one for one in others if one.system == opened.system and one.name != opened.name and any(s.shape == "person" for s in one.selects)),
        threads=threads or os.cpu_count() or 1,
        memory_mib=size_mib(memory),
        first=first,
        show_values=show_values,
        progress=progress or silent,
        tombstones=read_tombstones(folder) if is_study else NOBODY,
    )
    return check(opened, trial)


def _records_before(folder: Path, version: Version) -> dict[tuple[str, str], int]:
    """Give the records of each file in a version, which the next delivery is compared with."""
    from plait.duck import connect
    from plait.etl.source_checks.judging import records_before

    with connect() as con:
        return records_before(con, version, warehouse_of(folder))


def _unnamed(source: str | Path, data: Path | None, settings: Settings) -> SourceSettings:
    """Give the settings of a source that stands in no plait.yaml: its folder, or its kind, and its files."""
    if data is None:
        known = ", ".join(one.name for one in settings.sources)
        raise ConfigError(
            str(source),
            expected=f"a source of the study ({known})" if known else "a source folder and the files that it reads",
            got="none of this name",
            todo="Name a source of plait.yaml, or a folder and its files: `plait etl check-source DIR PATH`.",
        )
    folder = Path(source).expanduser()
    kind = str(folder.resolve()) if folder.is_dir() else str(source)
    return SourceSettings(name=_source_name(folder.name), kind=kind, path=data.resolve())


def _vocabulary_of(folder: Path) -> Path | None:
    """Give the folder of the vocabulary that a study has loaded; None where there is no study, or nothing loaded."""
    from plait.etl.vocabulary import chosen_release

    if not (folder / SETTINGS_FILE).is_file():
        return None
    version = newest_version(folder)
    if version is not None and version.vocabulary is not None:
        return warehouse_of(folder) / version.vocabulary
    return chosen_release(warehouse_of(folder) / "vocabulary")
