"""A project of Great Expectations in a folder: its suites, the one Checkpoint that runs them all, and Data Docs."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from plait.errors import ConfigError
from plait.validators.expectations.shim import VERSION, great_expectations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

CHECKPOINT = "plait"
"""The Checkpoint's name."""

KEPT_RUNS = 5
"""Validations whose results and pages are kept."""

_DOCS = "data_docs"
_SETTINGS = "great_expectations.yml"
_RESULTS = "results"
_SUITES, _CHECKPOINTS = "suites", "checkpoints"
_VALIDATIONS = "validation_definition_store"  # it takes no other name
_WHOLE = "all"
_MOST_VALUES = 20
"""Values of an expectation that are shown, where they are."""
_PAGES = "plait.validators.expectations.pages"


@dataclass(frozen=True)
class Batch:
    """A suite and the table that it is run on.

    Attributes:
        suite: The suite's name.
        source: The name of the database.
        schema: The table's schema.
        table: The table.
        expectations: The suite's expectations, as Great Expectations writes them.
    """

    suite: str
    source: str
    schema: str
    table: str
    expectations: Sequence[dict[str, Any]] = field(repr=False)


@dataclass(frozen=True)
class Ran:
    """What a run gave.

    Attributes:
        results: The results of each suite, by its name: plain data, in no order.
        lacking: Suites of which there is no page.
    """

    results: dict[str, list[dict[str, Any]]]
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        folder: Its folder.
        name: What its pages are of.
        form: How much results tell, as Great Expectations' `result_format`; they hold values of patients if it lists any.
    """

    folder: Path
    name: str
    form: Mapping[str, Any] = field(default_factory=lambda: form_of(shows_values=False))

    @property
    def docs(self) -> Path:
        """The first page of Data Docs."""
        return self.folder / _DOCS / "index.html"

    def run(self, batches: Sequence[Batch], sources: Mapping[str, str], run_name: str, *, with_docs: bool) -> Ran:
        """Run all suites in one Checkpoint.

        Args:
            batches: The suites; those of an earlier run are replaced.
            sources: The URL of each database, by its name; they are not written to the project, as they may hold a password.
            run_name: What the run is called.
            with_docs: Whether pages are written.

        """
        gx = great_expectations()
        self._write(batches, sources)
        variables = {_variable(name): url for name, url in sources.items()}
        with warnings.catch_warnings(), _silent():
            warnings.simplefilter("ignore")  # advice on other kinds of sources, and of libraries that it uses
            context = gx.get_context(mode="file", context_root_dir=str(self.folder), runtime_environment=variables)
            try:
                found = _run_checkpoint(context, run_name)
            finally:
                for source in context.data_sources.all().values():
                    source.get_execution_engine().close()
            if with_docs:
                self._forget_old_runs()
                context.build_data_docs(resource_identifiers=list(found.run_results))
                shutil.rmtree(self.folder / _DOCS / "static", ignore_errors=True)  # of pages that ours are not
        results = {suite.suite_name: [one.to_json_dict() for one in suite.results] for suite in found.run_results.values()}
        return Ran(results, self._lacking(found.run_results) if with_docs else ())

    def _write(self, batches: Sequence[Batch], sources: Mapping[str, str]) -> None:
        """Write the project, in place of an earlier one: the files that Great Expectations would write one by one, and anew for each of them."""
        self._check_ours()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (_SUITES, _VALIDATIONS, _CHECKPOINTS):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        settings = self._settings() | {"fluent_datasources": {name: _source(name, url, batches) for name, url in sources.items()}}
        (self.folder / _SETTINGS).write_text(yaml.safe_dump(settings, sort_keys=False, width=200), encoding="utf-8")
        for batch in batches:
            listed = [one | {"id": _id(batch.suite, number)} for number, one in enumerate(batch.expectations)]
            suite = {
                "name": batch.suite,
                "id": _id("suite", batch.suite),
                "expectations": listed,
                "meta": {"great_expectations_version": VERSION},
                "notes": None,
            }
            self._dump(f"{_SUITES}/{batch.suite.replace('.', '/')}.json", suite)
            self._dump(f"{_VALIDATIONS}/{batch.suite}.json", _validation(batch))
        checkpoint = {
            "name": CHECKPOINT,
            "id": _id("checkpoint"),
            "validation_definitions": [{"name": batch.suite, "id": _id("validation", batch.suite)} for batch in batches],
            "actions": [],
            "result_format": dict(self.form),
        }
        self._dump(f"{_CHECKPOINTS}/{CHECKPOINT}.json", checkpoint)

    def _lacking(self, keys: Iterable[Any]) -> tuple[str, ...]:
        """Give the suites that have no page: Great Expectations says in its log alone that it could not write one."""
        pages = self.folder / _DOCS / "validations"
        made = [(key.expectation_suite_identifier.name, pages.joinpath(*key.to_tuple())) for key in keys]
        return tuple(name for name, page in made if not page.with_name(f"{page.name}.html").is_file())

    def _check_ours(self) -> None:
        """Fail where the folder holds something else: parts of it are removed."""
        settings = self.folder / _SETTINGS
        is_ours = settings.is_file() and _PAGES in settings.read_text(encoding="utf-8")
        if not is_ours and self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise ConfigError(self.folder, expected="no folder, or one with Data Docs of plait's", got="something else", todo="Name another one.")

    def _dump(self, name: str, data: dict[str, Any]) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")

    def _settings(self) -> dict[str, Any]:
        """Give what great_expectations.yml says, less the sources."""
        stores: dict[str, Any] = {
            _SUITES: {"class_name": "ExpectationsStore"},
            _VALIDATIONS: {"class_name": "ValidationDefinitionStore"},
            _CHECKPOINTS: {"class_name": "CheckpointStore"},
            _RESULTS: {"module_name": _PAGES, "class_name": "QuietResultsStore", "shows_values": self.form != form_of(shows_values=False)},
        }
        for name, store in stores.items():
            store["store_backend"] = {"class_name": "TupleFilesystemStoreBackend", "base_directory": f"{name}/"}
        site = {
            "class_name": "SiteBuilder",
            "site_name": self.name,
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": f"{_DOCS}/"},
            "site_index_builder": {"module_name": _PAGES, "class_name": "Index"},
            "site_section_builders": {
                "expectations": "None",  # what they expect stands beside what was found
                "profiling": "None",
                "validations": {
                    "class_name": "DefaultSiteSectionBuilder",
                    "source_store_name": _RESULTS,
                    "renderer": {"module_name": _PAGES, "class_name": "ResultsPage"},
                    "view": {"module_name": _PAGES, "class_name": "Page"},
                },
            },
        }
        return {
            "config_version": 4.0,
            "data_context_id": _id("context", self.name),
            "analytics_enabled": False,
            "progress_bars": {"globally": False},
            "stores": stores,
            "expectations_store_name": _SUITES,
            "checkpoint_store_name": _CHECKPOINTS,
            "validation_results_store_name": _RESULTS,
            "data_docs_sites": {"pages": site},
        }

    def _forget_old_runs(self) -> None:
        """Remove the results and pages of all but the newest runs."""
        results, pages = self.folder / _RESULTS, self.folder / _DOCS / "validations"
        runs = {file.parent.name for file in results.rglob("*.json")}
        gone = sorted(runs)[:-KEPT_RUNS]
        for folder in (results, pages):
            for run in gone:
                for place in list(folder.rglob(run)):
                    shutil.rmtree(place)


def form_of(*, shows_values: bool) -> dict[str, Any]:
    """Give how much results tell: counts, and some of the values that offend where they may."""
    return {"result_format": "BASIC", "partial_unexpected_count": _MOST_VALUES if shows_values else 0}


def _variable(source: str) -> str:
    return f"PLAIT_{source.upper()}"


def _id(*names: object) -> str:
    """Give the id that Great Expectations wants of everything: the same one for the same names."""
    return str(uuid5(NAMESPACE_URL, "plait:" + ":".join(map(str, names))))


def _source(name: str, url: str, batches: Sequence[Batch]) -> dict[str, Any]:
    """Give a database with its tables; what is written down is the name of a variable that holds its URL."""
    assets = {
        batch.suite: {
            "type": "table",
            "id": _id("asset", batch.suite),
            "table_name": batch.table,
            "schema_name": batch.schema,
            "batch_metadata": {},
            "batch_definitions": {_WHOLE: {"id": _id("batch", batch.suite), "partitioner": None}},
        }
        for batch in batches
        if batch.source == name
    }
    source = {"id": _id("source", name), "connection_string": f"${{{_variable(name)}}}", "assets": assets}
    if url.startswith("postgresql"):
        return source | {"type": "postgres", "kwargs": {"execution_options": {"postgresql_readonly": True}}}
    return source | {"type": "sql"}


def _validation(batch: Batch) -> dict[str, Any]:
    """Give what says that a suite is run on its table."""
    data = {
        "datasource": {"name": batch.source, "id": _id("source", batch.source)},
        "asset": {"name": batch.suite, "id": _id("asset", batch.suite)},
        "batch_definition": {"name": _WHOLE, "id": _id("batch", batch.suite)},
    }
    return {"name": batch.suite, "id": _id("validation", batch.suite), "data": data, "suite": {"name": batch.suite, "id": _id("suite", batch.suite)}}


def _run_checkpoint(context: Any, run_name: str) -> Any:  # noqa: ANN401
    """Run the Checkpoint."""
    from great_expectations.core.run_identifier import RunIdentifier

    return context.checkpoints.get(CHECKPOINT).run(run_id=RunIdentifier(run_name=run_name, run_time=dt.datetime.now(dt.UTC)))


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Great Expectations' log quiet: what it says of an error may show values."""
    logger = logging.getLogger("great_expectations")
    before = logger.disabled, logger.propagate, list(logger.handlers)
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        logger.disabled, logger.propagate, logger.handlers = before
