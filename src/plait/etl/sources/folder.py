"""A source is a folder: `source.yaml` says what it reads, and one `FILE.SHAPE.sql` says what each file gives.

A hospital adds its own by writing such a folder: no Python, no fork. Built-in kinds are folders of this
package, registered in the entry-point group `plait.sources`, as a third party's would be.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from plait.errors import ConfigError, did_you_mean
from plait.etl.anchors import anchor_date
from plait.etl.commit import warehouse_of
from plait.etl.own_code import code_digest
from plait.etl.source_checks.rules import FileCheck, SourceCheck, expanded
from plait.etl.staging import SHAPES
from plait.settings import PanelSettings, Settings, SourceSettings, is_database, parse_yaml

if TYPE_CHECKING:
    from plait.etl.sources.reader import Reader

ENTRY_POINTS = "plait.sources"
"""Entry-point group in which packages register folders of sources."""

_READER_FILE = "reader.py"
_MACROS_FILE = "macros.sql"

IDENTITY = "identity"
"""Kind and name of the source that a study's links are."""

HEADERS_FOLDER = "headers"
"""Folder of the warehouse for what readers keep of what they have read."""

MAP_FILE = "source_to_concept_map.csv"
"""A source's own mappings, in the columns of OMOP's SOURCE_TO_CONCEPT_MAP and a note."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identifying(_Frozen):
    """Which columns of a file tell who somebody is, by what they hold: an export looks for it, and leaves it out of texts.

    A column of JSON is followed by the names of elements within it, with dots between (`name.family`); lists are gone through.
    `person` is the column with the identifier of the person whom a record is about; None where it is about no patient.
    """

    person: str | None = None
    name: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    phone: tuple[str, ...] = ()
    email: tuple[str, ...] = ()

    @property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """What columns hold → the columns."""
        return {kind: columns for kind, columns in self if kind != "person" and columns}


class FileRule(_Frozen):
    """What a source expects of one of its files.

    `needs` are columns that it cannot do without, each a name or a choice of names; a `lookup` completes
    the records of other files, with these columns alone where it names some; `unread` is the rule by which a file without a SELECT is
    left out; `text` says that a file is one text, `name` and `content` of one record;
    `comment` begins lines above the header that are no records; `reader` says that the source's reader makes
    the records, and `folder` that it makes them of all that stands in the source's path, which is known by names, sizes
    and times and not read to be hashed; `option` is the option by which plait.yaml names the file, wherever that stands;
    `encoding`, `delimiter` and `quote` are those of this file, where not the source's; `checks` are what is asked of its records,
    and `identifying` what it says of who somebody is.
    """

    required: bool = False
    pattern: str | None = None
    needs: tuple[str | tuple[str, ...], ...] = ()
    optional: tuple[str, ...] = ()
    ignored: dict[str, str] = Field(default_factory=dict)
    lookup: bool | tuple[str, ...] = False
    unread: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    text: bool = False
    comment: str | None = Field(default=None, min_length=1)
    reader: bool = False
    folder: bool = False
    option: str | None = None
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str | None = Field(default=None, max_length=1)
    checks: tuple[FileCheck, ...] = ()
    identifying: Identifying | None = None

    @model_validator(mode="after")
    def _has_records_to_check(self) -> Self:
        if self.checks and self.text:
            raise ValueError("'checks' of a file that is one text: there are no columns to ask about")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a SELECT may name."""
        needs = [name for need in self.needs for name in ((need,) if isinstance(need, str) else need)]
        return (*needs, *self.optional)


class Coverage(_Frozen):
    """What a source captures of a domain, and when: it lets silence mean something."""

    domain: str
    start: dt.date | None = None
    end: dt.date | None = None


class SourceRules(_Frozen):
    """What `source.yaml` says.

    `{name}` in `person_system` is the name that the study gives the source; `finder` says that the kind's reader knows which file is
    which, `databases` that its files may be the tables of a database, whose URL is the source's path; where it `detects`, each text
    file's header tells what separates its fields; `maps` are CSV files of the kind's folder that SELECTs may read by their names.
    """

    kind: str
    description: str
    person_system: str | None = None
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    anchor: str | None = Field(default=None, pattern=r"^[a-z][a-z_]*$")
    null_values: tuple[str, ...] = ()
    time_formats: tuple[str, ...] = ()
    files: dict[str, FileRule]
    code_systems: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    coverage: tuple[Coverage, ...] = ()
    provider_from_visit: bool = False
    visit_rollup: Literal["none", "ohdsi"] = "none"
    options: dict[str, str | bool | int | float | dict[str, str] | None] = Field(default_factory=dict)
    detects: bool = False
    maps: tuple[str, ...] = ()
    finder: bool = False
    databases: bool = False

    @model_validator(mode="after")
    def _has_files(self) -> Self:
        if not self.files:
            raise ValueError("no files: name at least one")
        return self

    @model_validator(mode="after")
    def _has_maps_of_their_own(self) -> Self:
        strange = [name for name in self.maps if not re.fullmatch(r"[a-z][a-z0-9_]*", name)]
        if strange:
            raise ValueError(f"map '{strange[0]}', which is no name of small letters, digits and '_'")
        twice = sorted({*self.files, "options"} & {*self.maps})
        if twice:
            raise ValueError(f"map '{twice[0]}' has the name of a file: give it another")
        return self

    @model_validator(mode="after")
    def _has_options_of_files(self) -> Self:
        unknown = [rule.option for rule in self.files.values() if rule.option is not None and rule.option not in self.options]
        if unknown:
            raise ValueError(f"a file of the option '{unknown[0]}', which stands not under 'options'")
        return self

    @model_validator(mode="after")
    def _has_checks_that_differ(self) -> Self:
        ids = [check.id("source") for name, rule in self.files.items() for check in expanded(name, rule.checks)]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"two checks '{twice.replace('source.', '', 1)}': give one of them a 'name'")
        targets = [str(check.references) for rule in self.files.values() for check in rule.checks if check.references is not None]
        unknown = next((target for target in targets if target.partition(".")[0] not in self.files), None)
        if unknown is not None:
            raise ValueError(f"a check that references '{unknown}', which is no FILE.COLUMN of a file declared here")
        return self


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT of a source: which file it reads, which shape it gives."""

    file: str
    shape: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A source of a study: its settings joined with its folder.

    `named` are the paths of files that options name, `cache` is where its reader may keep what it has read, `macros` are SQL
    macros that its SELECTs share and `maps` the texts of small tables that they read; `url` is where its files
    are, if not at a path; `said` are the encoding and the delimiter that plait.yaml names, which hold for all its files.
    """

    name: str
    kind: str
    path: Path
    system: str
    encoding: str
    delimiter: str
    rules: SourceRules
    selects: tuple[Select, ...]
    mappings: str | None
    options: dict[str, Any]
    text: str
    anchor: str | None = None
    panels: tuple[PanelSettings, ...] = ()
    reader_module: str | None = None
    named: dict[str, Path] = field(default_factory=dict)
    cache: Path | None = None
    macros: str = ""
    url: str | None = None
    said: tuple[str | None, str | None] = (None, None)
    maps: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path | str:
        """Where its files are: a path, or a URL."""
        return self.url or self.path

    @property
    def reader(self) -> Reader | None:
        """The source's reader, None where all its files are tables."""
        if self.reader_module is None:
            return None
        return cast("Reader", import_module(self.reader_module))

    def layout_of(self, file: str | None) -> tuple[str, str, str]:
        """Give the encoding, the delimiter and the quote of a text file: what plait.yaml says, else `source.yaml` of the file, else of all files."""
        rule = self.rules.files.get(file) if file is not None else None
        if rule is None:
            return self.encoding, self.delimiter, self.rules.quote
        encoding, delimiter = self.said
        quote = self.rules.quote if rule.quote is None else rule.quote
        return encoding or rule.encoding or self.encoding, delimiter or rule.delimiter or self.delimiter, quote

    @property
    def renamed(self) -> dict[str, str]:
        """Names that this source's files use (lower case) → names that its SELECTs use."""
        columns = self.options.get("columns") or {}
        return {str(theirs).lower(): ours for ours, theirs in columns.items()}

    @property
    def of_shards(self) -> tuple[str, str, bool, str | None, str | None]:
        """What a shard needs to know of a source: its name, its rules, its anchor and the anchor's date."""
        date = anchor_date(self.anchor).isoformat() if self.anchor else None
        return self.name, self.rules.visit_rollup, self.rules.provider_from_visit, self.anchor, date

    def checks_of(self, file: str) -> tuple[SourceCheck, ...]:
        """Give the checks of `file`, each of one kind."""
        rule = self.rules.files.get(file)
        return expanded(file, rule.checks) if rule is not None else ()

    @property
    def checks_text(self) -> str:
        """All checks as text: what decides which are made, and nothing else."""
        return "\n".join(f"{name} {check.model_dump_json()}" for name, rule in self.rules.files.items() for check in rule.checks)

    def selects_of(self, file: str) -> tuple[Select, ...]:
        """Give the SELECTs that read `file`."""
        return tuple(select for select in self.selects if select.file == file)


def open_source(settings: SourceSettings, study: Path) -> Source:
    """Give the source that `settings` names: a built-in kind, a registered one, or a folder of the study.

    Raises:
        ConfigError: No such kind, a `source.yaml` that does not fit, a SELECT without its file or shape,
            an option that the kind does not know, or no person system.
    """
    package, folder = _folder(settings.kind, study)
    file = folder / "source.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        raise ConfigError(file, expected="the rules of a source", got="no readable file", todo="Write one (docs: sources), or name a built-in kind.") from None
    rules = parse_yaml(SourceRules, text, file)
    selects = tuple(_selects(folder, rules))
    reader = _reader(package, folder, rules)
    maps, macros = folder / MAP_FILE, folder / _MACROS_FILE
    shared = macros.read_text(encoding="utf-8") if macros.is_file() and package is not None else ""
    system = settings.person_system or (rules.person_system or "").replace("{name}", settings.name) or None
    if system is None:
        raise ConfigError(
            f"plait.yaml: source '{settings.name}'",
            expected="the key 'person_system', since files of this kind do not say whose identifiers they use",
            got="none",
            todo="Give the person system of the source that brings the persons, for example 'person_system: synthea'.",
        )
    if settings.url is not None and rules.databases != is_database(settings.url):
        raise ConfigError(
            f"plait.yaml: source '{settings.name}', path",
            expected="a path, or the URL of a database" if rules.databases else "a path, or the URL of a store of files",
            got="the URL of something else" if rules.databases else "the URL of a database",
            todo="Write it as SQLAlchemy does: DIALECT+DRIVER://USER:${PASSWORD}@HOST/DATABASE."
            if rules.databases
            else "Sources of kind 'omop' read a CDM in a database.",
        )
    if settings.url is not None and not rules.databases and not any(rule.folder for rule in rules.files.values()):
        raise ConfigError(
            f"plait.yaml: source '{settings.name}', path",
            expected=f"a path, as for all sources of kind '{rules.kind}'",
            got="a URL",
            todo="Copy the files.",
        )
    small = {name: _map_text(folder / f"{name}.csv") for name in rules.maps}
    options = _options(settings, rules)
    code = _reader_digest(package, folder) if reader else ""
    return Source(
        name=settings.name,
        kind=rules.kind,
        path=settings.path,
        system=system,
        encoding=settings.encoding or rules.encoding,
        delimiter=settings.delimiter or rules.delimiter,
        rules=rules,
        selects=selects,
        mappings=maps.read_text(encoding="utf-8") if maps.is_file() else None,
        options=options,
        text="\n".join([_without_checks(rules), *(f"{s.file}.{s.shape}\n{s.text}" for s in selects), shared, *small.values(), code]),
        anchor=settings.anchor or rules.anchor,
        panels=settings.panels,
        reader_module=reader,
        named={name: study.resolve() / str(options[rule.option]) for name, rule in rules.files.items() if rule.option and options[rule.option]},
        macros=shared,
        cache=_cache(rules, warehouse_of(study) / HEADERS_FOLDER / settings.name),
        url=settings.url,
        said=(settings.encoding, settings.delimiter),
        maps=small,
    )


def _without_checks(rules: SourceRules) -> str:
    """Give what `source.yaml` says, less its checks and what identifies: neither changes a row."""
    files = {name: rule.model_copy(update={"checks": ()}) for name, rule in rules.files.items()}
    return rules.model_copy(update={"files": files}).model_dump_json(exclude={"files": {"__all__": {"identifying"}}})


def _cache(rules: SourceRules, place: Path) -> Path | None:
    """Give the file in which a kind's reader notes what it has read: what it made of that stands in a folder beside it."""
    if rules.databases:
        return place.with_suffix(".json")
    return place.with_suffix(".parquet") if any(rule.folder for rule in rules.files.values()) else None


def open_sources(settings: Settings, study: Path) -> tuple[Source, ...]:
    """Give all sources of a study, in the order of `plait.yaml`, then its links."""
    links = (SourceSettings(name=IDENTITY, kind=IDENTITY, path=settings.identity),) if settings.identity else ()
    if links and any(source.name == IDENTITY for source in settings.sources):
        raise ConfigError("plait.yaml, sources", expected="names of sources", got=f"'{IDENTITY}', the name of the study's links", todo="Rename the source.")
    return tuple(open_source(source, study) for source in (*settings.sources, *links))


def _folder(kind: str, study: Path) -> tuple[str | None, Path]:
    """Give the package (None of a folder of the study) and the folder of a kind: a path if it looks like one, else a registered name."""
    if kind.startswith((".", "/", "~")):
        return None, (study / Path(kind).expanduser()).resolve()
    found = [point for point in entry_points(group=ENTRY_POINTS) if point.name == kind]
    if len({point.value for point in found}) > 1:
        raise ConfigError(
            f"kind '{kind}'",
            expected="one registered source of this name",
            got=f"several: {', '.join(sorted(p.value for p in found))}",
            todo="Uninstall all but one.",
        )
    if not found:
        known = sorted({point.name for point in entry_points(group=ENTRY_POINTS)})
        todo = did_you_mean(kind, known, f"Known kinds: {', '.join(known)}; a folder of your own starts with './'.")
        raise ConfigError("plait.yaml", expected="a kind of source that plait knows", got=f"'{kind}'", todo=todo)
    return found[0].value, Path(str(package_files(found[0].value)))


def _reader(package: str | None, folder: Path, rules: SourceRules) -> str | None:
    """Give the module that reads a kind's files that are no tables; a folder of a study is data, and none of it is executed."""
    if not rules.finder and not any(rule.reader for rule in rules.files.values()):
        return None
    if package is None or not (folder / _READER_FILE).is_file():
        raise ConfigError(
            folder / "source.yaml",
            expected="files that SELECTs can read",
            got="'reader: true' or 'finder: true', and no reader that plait may run",
            todo="A reader is a module of an installed package that registers its folder in the entry-point group plait.sources (docs: sources).",
        )
    return f"{package}.{Path(_READER_FILE).stem}"


def _map_text(path: Path) -> str:
    """Read a table that stands beside `source.yaml`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            path, expected="a CSV file in UTF-8, since source.yaml names it under 'maps'", got="none", todo="Write it, or take the name out."
        ) from None


def _reader_digest(package: str | None, folder: Path) -> str:
    """Give a digest of the code that makes a kind's records."""
    packages = [(str(package), None), *((f"{package}.{path.name}", None) for path in sorted(folder.iterdir()) if (path / "__init__.py").is_file())]
    return code_digest(*packages)


def _selects(folder: Path, rules: SourceRules) -> list[Select]:
    """Read every `FILE.SHAPE.sql` in `folder`."""
    selects = []
    for path in sorted(folder.glob("*.sql")):
        if path.name == _MACROS_FILE:
            continue
        file, _, shape = path.stem.partition(".")
        if shape not in SHAPES:
            near = difflib.get_close_matches(shape, SHAPES, 1)
            raise ConfigError(
                path,
                expected=f"FILE.SHAPE.sql with one of the shapes {', '.join(SHAPES)}",
                got=f"'{shape}'",
                todo=f"Rename it{f' to {file}.{near[0]}.sql' if near else ''}.",
            )
        if file not in rules.files:
            raise ConfigError(path, expected="a file that source.yaml declares", got=f"'{file}'", todo="Declare it under 'files', or rename the SELECT.")
        selects.append(Select(file, shape, path.read_text(encoding="utf-8").strip().rstrip(";")))
    return selects


def _options(settings: SourceSettings, rules: SourceRules) -> dict[str, Any]:
    """Give the options of a source with their defaults, refusing unknown ones."""
    unknown = sorted(set(settings.options) - set(rules.options))
    if unknown:
        known = [*SourceSettings.model_fields, *rules.options]
        raise ConfigError(
            f"plait.yaml: source '{settings.name}'",
            expected=f"a key that sources of kind '{rules.kind}' know",
            got=f"'{unknown[0]}'",
            todo=did_you_mean(unknown[0], known, f"Known keys: {', '.join(known)}."),
        )
    options = {**rules.options, **settings.options}
    columns = sorted({name for rule in rules.files.values() for name in rule.columns})
    for ours in options.get("columns") or {}:
        if ours not in columns:
            raise ConfigError(
                f"plait.yaml: source '{settings.name}', columns",
                expected=f"columns that sources of kind '{rules.kind}' read, each with its name in your files",
                got=f"'{ours}'",
                todo=did_you_mean(ours, columns, f"They are: {', '.join(columns)}."),
            )
    return options
