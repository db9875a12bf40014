"""Expectations as Great Expectations understands them: whether each is of a type that there is, and those that a user's Python gives."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError
from plait.validators.expectations.shim import great_expectations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from plait.validators.expectations.suites import Suite

FUNCTION = "expectations"
"""What a file of Python defines."""

_ELSE = ("id", "rendered_content")
_CONTRACT = f"a function {FUNCTION}(gxe) that gives lists of expectations by table"


@dataclass(frozen=True, slots=True)
class Understood:
    """An expectation as Great Expectations understands it.

    Attributes:
        written: As it writes it.
        takes_mostly: Whether it can be told how many may offend.
    """

    written: dict[str, Any]
    takes_mostly: bool


def as_understood(suites: Iterable[Suite]) -> dict[str, Understood]:
    """Give every expectation as Great Expectations understands it, by the id of its check.

    Raises:
        ConfigError: One is of no type that there is, or takes other arguments; names its file and its number.
    """
    great_expectations()
    from great_expectations.exceptions import ExpectationNotFoundError, GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    understood = {}
    for suite in suites:
        for number, (check, one) in enumerate(zip(suite.checks, suite.expectations, strict=True), 1):
            where = f"{suite.file}, expectation {number}"
            try:
                expectation = ExpectationConfiguration(**one).to_domain_obj()
                understood[check.id] = Understood(_plain(expectation), "mostly" in type(expectation).__fields__)
            except ExpectationNotFoundError:
                raise ConfigError(where, expected="a type of expectation", got=f"'{one['type']}'", todo="See greatexpectations.io/expectations.") from None
            except (ValueError, TypeError, GreatExpectationsError) as error:
                raise ConfigError(where, expected=f"what {one['type']} takes", got=" ".join(str(error).split()), todo="Mend it.") from None
    return understood


def run_python(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Run a user's file and give the expectations of each table, as Great Expectations writes them.

    Raises:
        ConfigError: The file fails, or gives something else.
    """
    great_expectations()
    import great_expectations.expectations as gxe

    spec = importlib.util.spec_from_file_location(f"plait_{FUNCTION}_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ConfigError(file, expected="a file of Python", got="none", todo="Mend it.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        given = getattr(module, FUNCTION)(gxe)
        return {str(table): [_plain(one) for one in listed] for table, listed in given.items()}
    except Exception as error:  # noqa: BLE001 - whatever a user's file raises
        got = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(file, expected=_CONTRACT, got=got, todo="Mend the file; it is run as plain Python.") from None


def _plain(expectation: Any) -> dict[str, Any]:  # noqa: ANN401
    """Give an expectation as plain data."""
    written = expectation.configuration.to_json_dict()
    return {name: value for name, value in written.items() if name not in _ELSE and value is not None}
