"""`plait.yaml` as frozen, typed settings: what a study reads, and by which rules.

A misspelt key is an error that names its line and the nearest right one; YAML is loaded safely and
nothing in it is executed. Paths are relative to the file.
"""

from __future__ import annotations

import codecs
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr, ValidationError, field_validator, model_validator

from plait.cohort_settings import CohortSettings
from plait.errors import ConfigError, did_you_mean, in_words
from plait.nlp_settings import NlpSettings
from plait.policy_settings import PolicySettings

if TYPE_CHECKING:
    from collections.abc import Iterable

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[a-z0-9+.-]+::")
_SECRET = re.compile(r"//[^/]*@|[?]")
"""What is a name and a password, or what a signed URL ends with."""

_DATABASE = re.compile(
    r"(postgresql|postgres|redshift|mysql|mariadb|mssql|oracle|sqlite|duckdb|snowflake|bigquery|databricks|spark|hive|trino|presto|impala|clickhouse|cockroachdb|db2)"
    r"(\+\w+)?://"
)
_PASSWORD = re.compile(r"//[^/@?]*:(?!\$\{\w+\}@)[^/]*@|[?&;](password|passwd|pwd|token|access_token|sslpassword)=(?!\$\{\w+\}(&|$))", re.IGNORECASE)
"""A password that stands in a URL, and not in a variable of the environment that it names."""

ModelT = TypeVar("ModelT", bound=BaseModel)

SETTINGS_FILE = "plait.yaml"
"""Name of the settings file in a study folder."""

DEFAULT_SHARD_PERSONS = 2_048
"""Persons per shard of a new study; fixed for the study's life: one changed person rewrites a shard, and a shard is what memory must hold."""


def is_database(url: str) -> bool:
    """Tell whether a URL is that of a database, in one of SQLAlchemy's dialects."""
    return _DATABASE.match(url) is not None


class PanelSettings(BaseModel):
    """Which genes an assay of some samples sees.

    Attributes:
        name: The panel's name.
        genes: A file with the panel's genes: one a line, or a cBioPortal gene panel (`gene_list:`).
        samples: The samples that were sequenced with it: an identifier, with `*` and `?` for what varies; None where
            a column of the source names each sample's panel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    genes: Path
    samples: str | None = Field(default=None, min_length=1)


class SourceSettings(BaseModel):
    """One source of a study; keys beyond these belong to its kind and are checked against its `source.yaml`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: str
    path: Path
    person_system: str | None = None
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    anchor: str | None = Field(default=None, pattern=r"^[a-z][a-z_]*$")
    panels: tuple[PanelSettings, ...] = ()
    _url: str | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _path_may_be_a_url(cls, said: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - whatever the file holds
        path = said.get("path") if isinstance(said, dict) else None
        is_url = isinstance(path, str) and _URL.match(path) is not None
        if is_url and is_database(str(path)):
            if _PASSWORD.search(str(path)):
                raise ValueError("a password in the URL of a database, which would be kept: name an environment variable, ${PASSWORD}, in its place")
        elif is_url and _SECRET.search(str(path)):
            raise ValueError("a URL with a user or a query in its path, which would be kept: give credentials to fsspec, by its settings or the environment")
        made = handler(said)
        if is_url:
            made._url = str(path) if is_database(str(path)) else str(path).rstrip("/")  # noqa: SLF001 - our own
        return made

    @property
    def url(self) -> str | None:
        """What `path` says, where that is a URL; then `path` is that of no file."""
        return self._url

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise ValueError("no encoding of this name") from None
        return encoding

    @property
    def options(self) -> dict[str, Any]:
        """Keys that only this kind of source knows."""
        return dict(self.model_extra or {})


class ObservationPeriodSettings(BaseModel):
    """How observation periods are made.

    Attributes:
        rule: `visits`: from a person's first visit to the end of the last (facts, of a person without visits);
            `activity`: spans of visits and facts; `enrolment`: spans of cover by payers; `source`: as the
            sources declare them.
        gap_days: Days from an end to the next start that a period bridges; the rule's own where None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["visits", "activity", "enrolment", "source"] = "visits"
    gap_days: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _gap_has_a_use(self) -> Self:
        if self.rule == "visits" and self.gap_days is not None:
            raise ValueError("gap_days belongs to the rules activity, enrolment and source; visits makes one period of a person")
        return self

    @property
    def days(self) -> int | None:
        """Days that a period bridges, None where it bridges all."""
        return _GAP_DAYS[self.rule] if self.gap_days is None else self.gap_days


_GAP_DAYS = {
    "visits": None,
    "activity": 547,  # 548 days or more end a period (OMOP CDM, "Observation Period Considerations for EHR Data")
    "enrolment": 32,  # as OHDSI's own ETL of claims does (ETL-LambdaBuilder, OBSERVATION_PERIOD)
    "source": 1,  # periods do not overlap and are not back to back (OMOP CDM v5.4, OBSERVATION_PERIOD)
}


class FeatureSettings(BaseModel):
    """One view of a study's features; keys beyond these belong to its kind, which checks them."""

    model_config = ConfigDict(frozen=True, extra="allow")

    view: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    modality: str

    @property
    def options(self) -> dict[str, Any]:
        """Keys that only this kind of view knows."""
        return dict(self.model_extra or {})


class CheckRule(BaseModel):
    """What a study changes of some checks.

    Attributes:
        checks: Which: an id, a type of check or a table, with `*` for what varies.
        threshold: The percentage of violations above which they fail; 0 lets any violation fail.
        severity: What a failure means; `error` fails a validation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checks: str = Field(min_length=1)
    threshold: float | None = Field(default=None, ge=0, le=100)
    severity: Literal["error", "warning", "info"] | None = None


class ValidationSettings(BaseModel):
    """What `plait validate` checks.

    Attributes:
        skip: Checks that are left out, named as in a rule.
        rules: Thresholds and severities of the study's own; of two rules on a check, the later one holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    skip: tuple[str, ...] = ()
    rules: tuple[CheckRule, ...] = ()


class Settings(BaseModel):
    """What `plait.yaml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    vocabulary: Path | None = None
    mappings: tuple[Path, ...] = ()
    genes: Path | None = None
    identity: Path | None = None
    sources: tuple[SourceSettings, ...] = ()
    time_zone: str = "UTC"
    shard_persons: int | None = Field(default=None, ge=1)
    observation_period: ObservationPeriodSettings = ObservationPeriodSettings()
    nlp: NlpSettings = NlpSettings()
    features: tuple[FeatureSettings, ...] = ()
    cohorts: tuple[CohortSettings, ...] = ()
    consent: Path | None = None
    validation: ValidationSettings = ValidationSettings()
    policy: PolicySettings = PolicySettings()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            near = difflib.get_close_matches(zone, available_timezones(), 1)
            raise ValueError(f"no IANA time zone of this name{f'; nearest is {near[0]}' if near else ''}")
        return zone

    @model_validator(mode="after")
    def _one_name_once(self) -> Self:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources of one name: {', '.join(twice)}")
        views = [view.view for view in self.features]
        twice = sorted({name for name in views if views.count(name) > 1})
        if twice:
            raise ValueError(f"two views of one name: {', '.join(twice)}")
        cohorts = [cohort.name for cohort in self.cohorts]
        twice = sorted({name for name in cohorts if cohorts.count(name) > 1})
        if twice:
            raise ValueError(f"two cohorts of one name: {', '.join(twice)}")
        return self


def read_settings(study: Path) -> Settings:
    """Give the settings of the study in folder `study`, all paths absolute.

    Raises:
        ConfigError: No `plait.yaml`, not YAML, or a key or value that does not fit; names the line.
    """
    file = study / SETTINGS_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            file, expected="a study's settings", got="no such file", todo=f"Make a study with `plait init {study}`, or name another with -s DIR."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, expected="a readable UTF-8 file", got=in_words(error), todo="Check its permissions and encoding.") from None
    settings = parse_yaml(Settings, text, file)
    root = study.resolve()
    return settings.model_copy(
        update={
            "vocabulary": root / settings.vocabulary if settings.vocabulary else None,
            "mappings": tuple(root / path for path in settings.mappings),
            "identity": root / settings.identity if settings.identity else None,
            "genes": root / settings.genes if settings.genes else None,
            "consent": root / settings.consent if settings.consent else None,
            "sources": tuple(_absolute(source, root) for source in settings.sources),
            "cohorts": tuple(cohort.below(root) for cohort in settings.cohorts),
        }
    )


def _absolute(source: SourceSettings, root: Path) -> SourceSettings:
    """Give a source with absolute paths."""
    panels = tuple(panel.model_copy(update={"genes": root / panel.genes}) for panel in source.panels)
    path = source.path if source.url else root / source.path
    return source.model_copy(update={"path": path, "panels": panels})


def parse_yaml(model: type[ModelT], text: str, file: Path) -> ModelT:
    """Give YAML `text` as a `model`; errors name `file`, the line, and the nearest right key."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)  # the one in C, where there is one, takes a tenth of the time
    try:
        node = loader.get_single_node()
        _check_keys(node, file)
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{file}{line}",
            expected="YAML",
            got=str(getattr(error, "problem", "something else")),
            todo="Mend the line; indentation and colons are the usual causes.",
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(
            file,
            expected="a mapping of keys to values",
            got="nothing" if data is None else type(data).__name__,
            todo="See `plait init --help` for a first one.",
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _explained(error, node, file, model) from None


def misfit(error: ValidationError, where: str, kinds: str, known: Iterable[str]) -> ConfigError:
    """Give the first thing that does not fit of options that only their kind knows, as words.

    Args:
        error: What pydantic says.
        where: Where they stand.
        kinds: Who knows the keys, as words: `views of kind 'text'`.
        known: The keys that there are.
    """
    first: Any = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        keys = list(known)
        todo = did_you_mean(key, keys, f"Known keys: {', '.join(keys)}.")
        return ConfigError(where, expected=f"a key that {kinds} know", got=f"'{key}'", todo=todo)
    got = "none" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
    fitting = f"a fitting value for '{key}'" if key else "keys that fit together"
    return ConfigError(where, expected=fitting, got=got[:1].lower() + got[1:], todo="Mend the value.")


def _check_keys(node: yaml.Node | None, file: Path) -> None:
    """Fail where a mapping has one key twice: YAML takes the last and says nothing."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        for place, (key, value) in enumerate(node.value):
            if key.value in keys[:place] and key.tag != "tag:yaml.org,2002:merge":
                raise ConfigError(f"{file}:{key.start_mark.line + 1}", expected="each key once", got=f"'{key.value}' again", todo="Remove one of them.")
            _check_keys(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, file)


def _explained(error: ValidationError, node: yaml.Node | None, file: Path, model: type[BaseModel]) -> ConfigError:
    """Give the first validation error as words with a line."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = [part for part in first["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    where = f"{file}:{_line(node, path)}"
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        known = sorted(_keys_at(model, path[:-1]))
        todo = did_you_mean(str(path[-1]), known, f"Known keys: {', '.join(known)}.")
        return ConfigError(where, expected="a key that plait knows", got=f"'{key}'", todo=todo)
    if first["type"] == "missing":
        near = difflib.get_close_matches(str(path[-1]), _keys_given(node, path[:-1]) - _keys_at(model, path[:-1]), 1)
        if near:
            where = f"{file}:{_line(node, [*path[:-1], near[0]])}"
            return ConfigError(where, expected=f"the key '{key}'", got=f"'{near[0]}'", todo=f"Did you mean '{path[-1]}'?")
        return ConfigError(where, expected=f"the key '{key}'", got="none", todo="Add it.")
    message = re.sub(r"^Value error, ", "", first["msg"])
    return ConfigError(
        where, expected=f"a fitting value for '{key}'" if key else "settings that fit together", got=message[:1].lower() + message[1:], todo="Mend the value."
    )


def _keys_at(model: type[BaseModel], path: list[int | str]) -> set[str]:
    """Give the keys known at `path` below `model`, as far as nested models tell."""
    current: Any = model
    for part in path:
        if isinstance(part, int) or not (isinstance(current, type) and issubclass(current, BaseModel)):
            continue
        field = current.model_fields.get(part)
        current = _inner_model(field.annotation) if field else current
    return set(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else set()


def _keys_given(node: yaml.Node | None, path: list[int | str]) -> set[str]:
    """Give the keys that stand at `path`."""
    for part in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
    return {str(key.value) for key, _ in node.value} if isinstance(node, yaml.MappingNode) else set()


def _inner_model(annotation: Any) -> Any:  # noqa: ANN401 - annotations are of any type
    """Give the model within an annotation such as `dict[str, Model]` or `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _line(node: yaml.Node | None, path: list[int | str]) -> int:
    """Give the line (from 1) of the key at `path`, or of the nearest enclosing one."""
    line = (node.start_mark.line + 1) if node else 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            match = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if match is None:
                return line
            line, node = match[0].start_mark.line + 1, match[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
