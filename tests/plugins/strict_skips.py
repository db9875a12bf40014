"""Pytest plugin: runs in UTC, and with `PLAIT_NO_SKIP=1` a skipped test turns the run red.

A machine that has everything the tests need must run them all: a skip there is a test that nobody runs. Where several
processes share the tests, each tells the first one what it skipped.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

_SKIPPED = pytest.StashKey[list[str]]()


class SkipCollector:
    """Collects the skips of one run, of single tests and of whole modules."""

    def __init__(self, skipped: list[str]) -> None:
        self._skipped = skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._add(report)

    def _add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "no reason given"
        self._skipped.append(f"{report.nodeid}: {why.removeprefix('Skipped: ')}")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    if os.environ.get("PLAIT_NO_SKIP") == "1":
        config.stash[_SKIPPED] = []
        config.pluginmanager.register(SkipCollector(config.stash[_SKIPPED]), "skip-collector")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - of pytest-xdist, which need not be there
    if _SKIPPED in node.config.stash:
        held = node.config.stash[_SKIPPED]
        held += [line for line in node.workeroutput.get("skipped", []) if line not in held]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["skipped"] = session.config.stash.get(_SKIPPED, [])
        return
    if session.config.stash.get(_SKIPPED, []) and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = config.stash.get(_SKIPPED, [])
    if skipped:
        terminalreporter.section("skipped, though PLAIT_NO_SKIP=1 forbids it", red=True, bold=True)
        for line in sorted(skipped):
            terminalreporter.line(line)
