"""A PostgreSQL server for the tests, and studies to publish into it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from little_study import Little, Rows, write_little
from postgres_server import Server, Target, programs, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Give a running server."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL's initdb is not here")
    with running_server(binaries) as running:
        yield running


@pytest.fixture(scope="session")
def new_target(server: Server) -> Callable[..., Target]:
    """Give a function that makes an empty database."""
    numbers = count(1)

    def make(options: str = "") -> Target:
        target = Target(server, f"omop_{next(numbers)}")
        with server.connect() as con:
            con.execute(f"CREATE DATABASE {target.name} {options}".encode())
        return target

    return make


@pytest.fixture(scope="session")
def _one_target(new_target: Callable[..., Target]) -> Target:
    return new_target()


@pytest.fixture
def target(_one_target: Target) -> Iterator[Target]:
    """Give an empty database, and leave it empty."""
    yield _one_target
    _one_target.clear()


@pytest.fixture
def little(tmp_path: Path) -> Callable[..., Little]:
    """Give a function that writes a study with the rows given, each time as the next version."""
    numbers = count(1)

    def make(rows: Rows | None = None, *, fill: bool = True) -> Little:
        return write_little(tmp_path, next(numbers), Rows() if rows is None else rows, fill=fill)

    return make
