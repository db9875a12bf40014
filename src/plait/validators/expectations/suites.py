"""The suites that users add: Great Expectations' own JSON, or plain Python, with the table of the CDM that each is of.

Reading them needs no package: what is wrong with a file is said before anything is counted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from plait.errors import ConfigError, did_you_mean, in_words
from plait.validators.suite import SEVERITIES, Check, CheckType, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

FOLDER = "expectations"
"""The folder of a study with its users' suites, and the name of these checks' suite."""

OF_GX: dict[str, Severity] = {"critical": "error", "warning": "warning", "info": "info"}
"""Great Expectations' severities in plait's words."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")
_NAMED = "a name of letters, digits, '.', '_' and '-'"
_ABOUT_TABLES = re.compile(r"expect_(table|column_to_exist)")
"""Types whose arguments need not be columns that there are."""

_TODO = "See docs/checks.md, Great Expectations."


@dataclass(frozen=True, slots=True)
class ExpectationCheck(Check):
    """An expectation of a user's suite, as a check.

    Attributes:
        name: Its id, `expectations.SUITE.TYPE.COLUMN`.
        told: What it asks, in words.
    """

    name: str
    told: str

    @property
    def id(self) -> str:
        """The check's name."""
        return self.name

    @property
    def about(self) -> str:
        """What it asks."""
        return self.told


@dataclass(frozen=True)
class Suite:
    """A user's suite.

    Attributes:
        name: Its name.
        file: Where it stands.
        table: The table that it is of; with its schema where that is not `cdm`.
        checks: Its expectations as checks.
        expectations: The expectations themselves, as Great Expectations writes them, in the same order.
    """

    name: str
    file: Path
    table: str
    checks: tuple[ExpectationCheck, ...]
    expectations: tuple[dict[str, Any], ...] = field(repr=False)


@dataclass(frozen=True)
class Reader:
    """Reads suites.

    Attributes:
        tables: The columns of every table that there is.
        run_python: Gives, for a file of Python, the expectations of each table; None where no Python may run.
    """

    tables: Mapping[str, Collection[str]]
    run_python: Callable[[Path], Mapping[str, list[dict[str, Any]]]] | None = None

    def read(self, folder: Path) -> tuple[Suite, ...]:
        """Give the suites in a folder, in the order of their files.

        Raises:
            ConfigError: A file is no suite, or one of no table, or of a column that there is not; or two have one name.
        """
        found: dict[str, Suite] = {}
        for file in suite_files(folder):
            for suite in self._of_file(file):
                if suite.name in found:
                    files = f"{found[suite.name].file.name} and {file.name}"
                    raise ConfigError(folder, expected="suites of different names", got=f"'{suite.name}' in {files}", todo="Change a 'name'.")
                found[suite.name] = suite
        return tuple(found.values())

    def _of_file(self, file: Path) -> Iterator[Suite]:
        if file.suffix == ".py":
            for table, expectations in (self.run_python(file) if self.run_python else {}).items():
                yield self._made(file, f"{file.stem}.{table}", {"table": table}, expectations)
            return
        data = _parsed(file)
        meta, name = data.get("meta") or {}, data.get("name") or file.stem
        _expect(file, isinstance(meta, dict), "an object as 'meta'", meta)
        _expect(file, isinstance(name, str) and _NAME.fullmatch(name) is not None, _NAMED, name)
        yield self._made(file, name, meta, data["expectations"])

    def _made(self, file: Path, name: str, meta: Mapping[str, Any], expectations: list[Any]) -> Suite:
        table = self._table(file, meta)
        checks: dict[str, ExpectationCheck] = {}
        for number, one in enumerate(expectations, 1):
            where = f"{file}, expectation {number}"
            _expect(where, isinstance(one, dict) and isinstance(one.get("type"), str), "an object with a 'type'", one)
            _expect(where, isinstance(one.setdefault("kwargs", {}), dict), "an object as 'kwargs'", one["kwargs"])
            _expect(where, isinstance(one.get("meta") or {}, dict), "an object as 'meta'", one.get("meta"))
            self._check_columns(where, table, one)
            check = _check(where, name, table, one, meta.get("severity"), checks.keys())
            checks[check.id] = check
        return Suite(name, file, table, tuple(checks.values()), tuple(expectations))

    def _table(self, file: Path, meta: Mapping[str, Any]) -> str:
        """Give the table that a suite is of: what its `meta` says, else what its file's name begins with."""
        said = meta.get("table")
        table = str(said).lower().removeprefix("cdm.") if said else file.name.split(".")[0].lower()
        if table in self.tables:
            return table
        todo = did_you_mean(table, self.tables if said else (), 'Write "meta": {"table": "person"}, or name the file person.mine.json.')
        raise ConfigError(file, expected="the name of a table", got=f"'{said}'" if said else "none, in 'meta' or at the start of the file's name", todo=todo)

    def _check_columns(self, where: str, table: str, one: Mapping[str, Any]) -> None:
        """Fail where an expectation is of a column that its table does not have."""
        if _ABOUT_TABLES.match(one["type"]):
            return
        kwargs = one["kwargs"]
        listed = kwargs.get("column_list")
        named = [kwargs.get(key) for key in ("column", "column_A", "column_B")] + (listed if isinstance(listed, list) else [])
        for column in named:
            if isinstance(column, str) and column not in self.tables[table]:
                raise ConfigError(where, expected=f"a column of {table}", got=f"'{column}'", todo=did_you_mean(column, self.tables[table], _TODO))


def suite_files(folder: Path) -> list[Path]:
    """Give the files with suites in a folder, in order."""
    return sorted(file for file in folder.iterdir() if file.suffix in {".json", ".py"} and file.is_file()) if folder.is_dir() else []


def _parsed(file: Path) -> dict[str, Any]:
    """Give a file of JSON that looks like a suite."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{file}:{error.lineno}", expected="JSON", got=error.msg, todo="Mend the line.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, expected="a readable UTF-8 file", got=in_words(error), todo="Check its permissions and encoding.") from None
    listed = data.get("expectations") if isinstance(data, dict) else None
    _expect(file, isinstance(listed, list), "a suite of Great Expectations: an object with a list of 'expectations'", data)
    return cast("dict[str, Any]", data)


def _check(where: str, suite: str, table: str, one: Mapping[str, Any], severity: Any, taken: Collection[str]) -> ExpectationCheck:  # noqa: ANN401
    """Give an expectation as a check, by a name that no other one has."""
    kwargs, meta = one["kwargs"], one.get("meta") or {}
    column = kwargs.get("column") if isinstance(kwargs.get("column"), str) else None
    theirs = one.get("severity")
    _expect(where, theirs is None or theirs in OF_GX, f"a severity: {', '.join(OF_GX)}", theirs)
    said = meta.get("severity") or (OF_GX[theirs] if theirs else severity) or "error"
    _expect(where, said in SEVERITIES, f"a severity: {', '.join(SEVERITIES)}", said)
    own = meta.get("name")
    _expect(where, own is None or (isinstance(own, str) and _NAME.fullmatch(own) is not None), _NAMED, own)
    base = ".".join(part for part in (FOLDER, suite, own or one["type"], column) if part)
    name, number = base, 2
    while name in taken:
        name, number = f"{base}.{number}", number + 1
    mostly = kwargs.get("mostly")
    threshold = round((1 - mostly) * 100, 10) if isinstance(mostly, int | float) else None
    about = one.get("description") or _in_words(one["type"], kwargs)
    kind = CheckType(one["type"], "FIELD" if column else "TABLE", said, (None, None, None), "")
    return ExpectationCheck(kind, FOLDER, table, column or "", "", "", threshold, "", said, name, str(about))


def _in_words(kind: str, kwargs: Mapping[str, Any]) -> str:
    """Give what an expectation asks."""
    asked = ", ".join(f"{name} = {json.dumps(value, default=str, ensure_ascii=False)}" for name, value in kwargs.items() if value is not None)
    return f"{kind.replace('_', ' ')}: {asked}" if asked else kind.replace("_", " ")


def _expect(where: object, holds: bool, expected: str, got: object) -> None:  # noqa: FBT001 - a statement
    if not holds:
        raise ConfigError(where, expected=expected, got=f"'{got}'" if isinstance(got, str) else type(got).__name__, todo=_TODO)
