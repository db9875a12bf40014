"""Great Expectations as an examiner: it makes the checks of users' suites, after all others, and asserts on what these found in the same Checkpoint."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError
from plait.validators.cdm import columns_of, records_of
from plait.validators.examiner import Listed
from plait.validators.expectations.checked import Understood, as_understood, run_python
from plait.validators.expectations.generated import COUNTED, SCHEMA, SEVERITY_OF, suites_of, write_tables
from plait.validators.expectations.project import Batch, Project, form_of
from plait.validators.expectations.results import OF_ROWS, as_result, rows_of
from plait.validators.expectations.shim import INSTALL, is_installed, opened
from plait.validators.expectations.suites import FOLDER, Reader, Suite, suite_files
from plait.validators.judge import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from plait.progress import Progress
    from plait.validators.expectations.options import Options
    from plait.validators.suite import Check

ASKED = "plait.check"
"""What the `meta` of users' expectations is given: the id of its check."""

_FOUND, _CDM = "found", "cdm"
"""The two databases of a project."""


@dataclass(frozen=True)
class ExpectationsExaminer:
    """Makes the checks of users' suites, and writes Data Docs of everything.

    Attributes:
        con: A connection with the CDM as its schema `cdm`.
        name: What is examined, as Data Docs call it.
        options: What is asked for.
        folder: The folder with users' suites; None where there is none.
        project: The folder of the project that is kept; None where nothing is.
        run: What a run is called in the project.
        url: The URL of the database that suites run on; None where it is `con`.
        schema: The schema of its tables.
        has_lineage: Whether the books that lead to source records are there.
    """

    con: duckdb.DuckDBPyConnection
    name: str
    options: Options
    folder: Path | None
    project: Path | None
    run: str = "cdm"
    url: str | None = None
    schema: str = "cdm"
    has_lineage: bool = False
    _lacking: list[str] = field(default_factory=list, init=False)

    def checks(self) -> tuple[Check, ...]:
        """Give the expectations of users' suites."""
        return tuple(check for suite in self._suites for check in suite.checks)

    def examine(self, checks: Sequence[Check], progress: Progress) -> Sequence[Result]:
        """Make some of these checks."""
        return self.examine_after((), checks, progress)

    def examine_after(self, found: Sequence[Result], checks: Sequence[Check], progress: Progress) -> list[Result]:
        """Make some of these checks, in one Checkpoint with what others have found.

        Args:
            found: What the other checks found.
            checks: The checks.
            progress: Hears of the number of expectations.
        """
        if not self._is_used:
            return [Result(check, None, None, "ERROR", f"it takes {INSTALL}") for check in checks]
        generated = suites_of(found) if self.project is not None else []
        batches = [Batch(suite.name, _FOUND, SCHEMA, suite.table, suite.expectations) for suite in generated]
        users = self._batches(checks) if checks else []
        if not batches and not users:
            return []
        progress("expectations", sum(len(batch.expectations) for batch in (*batches, *users)))
        write_tables(self.con, generated)
        results = self._run((*batches, *users))
        by_id = {one["expectation_config"]["meta"][ASKED]: one for batch in users for one in results[batch.suite]}
        return [as_result(check, by_id[check.id]) for check in checks]

    def notes(self) -> tuple[str, ...]:
        """Give what a reader should know of suites that were not run."""
        files = suite_files(self.folder) if self.folder else []
        if self.options.gx is False:
            return (f"the suites in {self.folder} were not run: --no-gx says so",) if files else ()
        if not is_installed():
            what = f"the suites in {self.folder} were not run" if files else "there are no Data Docs"
            return (f"{what}: install Great Expectations with {INSTALL}",) if files or self.options.gx else ()
        python = [file.name for file in files if file.suffix == ".py"]
        notes = [f"Data Docs have no page of {', '.join(self._lacking)}"] if self._lacking else []
        if python and not self.options.python:
            notes.append(f"{', '.join(python)} in {self.folder} was not run: --python-suites runs Python")
        return tuple(notes)

    @property
    def data_docs(self) -> Path | None:
        """The first page of Data Docs, where they are written."""
        return Project(self.project, self.name).docs if self.project and self._is_used else None

    def query(self, check: Check) -> str | None:  # noqa: ARG002 - as every examiner
        """Give None: the SELECTs are Great Expectations' own."""
        return None

    def offending(self, check: Check, limit: int | None) -> Listed:
        """Give the rows that offend one of these checks.

        Raises:
            ConfigError: It is about no rows, or cannot be answered.
        """
        if not self._is_used:
            raise ConfigError(check.id, expected="Great Expectations", got="none", todo=f"Install it: {INSTALL}")
        columns = tuple(self._tables[check.table])
        most = limit if limit is not None else self._number_of_rows(check.table)
        form = {"result_format": "SUMMARY", "partial_unexpected_count": most, "unexpected_index_column_names": list(columns)}
        (batch,) = self._batches([check])
        if check.type.name == OF_ROWS:
            form = {"result_format": "COMPLETE"}
        (found,) = self._run([batch], form)[batch.suite]
        result, rows = as_result(check, found), rows_of(found)
        if result.status == "ERROR" or rows is None:
            raise ConfigError(check.id, expected="an expectation of rows", got=result.reason or "one of a table", todo="See `plait validate`.")
        columns = tuple(rows[0]) if check.type.name == OF_ROWS and rows else columns
        listed = tuple(tuple(row.get(column) for column in columns) for row in rows[:most])
        return Listed(columns, listed, records_of(self.con, check.table, columns, listed) if self.has_lineage else ())

    @property
    def _is_used(self) -> bool:
        return self.options.gx is not False and is_installed()

    @cached_property
    def _tables(self) -> dict[str, dict[str, str]]:
        return columns_of(self.con)

    @cached_property
    def _suites(self) -> tuple[Suite, ...]:
        if self.folder is None or self.options.gx is False:
            return ()
        return Reader(self._tables, run_python if self.options.python and is_installed() else None).read(self.folder)

    @cached_property
    def _understood(self) -> Mapping[str, Understood]:
        return as_understood(self._suites)

    def _number_of_rows(self, table: str) -> int:
        name = table if "." in table else f"cdm.{table}"
        row = self.con.execute("SELECT count(*) FROM query_table($table)", {"table": name}).fetchone()
        return int(row[0]) if row else 0

    def _batches(self, checks: Sequence[Check]) -> list[Batch]:
        """Give the users' suites with those of their expectations that are wanted."""
        wanted = {check.id: check for check in checks}
        batches = []
        for suite in self._suites:
            schema, _, table = suite.table.rpartition(".")
            asked = [_asked(wanted[check.id], check, self._understood[check.id]) for check in suite.checks if check.id in wanted]
            if asked:
                batches.append(Batch(f"{FOLDER}.{suite.name}", _CDM, schema or self.schema, table, asked))
        return batches

    def _run(self, batches: Sequence[Batch], form: dict[str, Any] | None = None) -> dict[str, list[dict[str, Any]]]:
        """Run suites: in the project that is kept, or in one that is not."""
        with ExitStack() as stack:
            url = stack.enter_context(opened(str(id(self)), self.con))
            kept = self.project if form is None else None
            folder = kept or Path(stack.enter_context(TemporaryDirectory(prefix="plait-")))
            project = Project(folder, self.name, form or form_of(shows_values=self.options.values))
            ran = project.run(batches, {_FOUND: url, _CDM: self.url or url}, self.run, with_docs=kept is not None)
        self._lacking.extend(ran.lacking)
        return ran.results


def _asked(check: Check, declared: Check, expectation: Understood) -> dict[str, Any]:
    """Give an expectation with its check's name, and the threshold and severity that the study's settings may have changed."""
    written = expectation.written
    meta = {name: said for name, said in (written.get("meta") or {}).items() if name != COUNTED}
    asked = written | {"meta": meta | {ASKED: check.id}, "severity": SEVERITY_OF[check.severity]}
    if check.threshold is not None and check.threshold != declared.threshold and expectation.takes_mostly:
        asked["kwargs"] = written["kwargs"] | {"mostly": 1 - check.threshold / 100}
    return asked
