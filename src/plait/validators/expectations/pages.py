"""Pages of Data Docs that need nothing but themselves: Great Expectations' own fetch styles, scripts and a picture from half a dozen servers.

Named by the project's great_expectations.yml, and imported by Great Expectations.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from great_expectations.data_context.store import ValidationResultsStore
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.renderer.site_builder import DefaultSiteIndexBuilder
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, PackageLoader

from plait.validators.expectations.generated import COUNTED
from plait.validators.expectations.results import without_values, without_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATES = PackageLoader("plait.validators.expectations", "templates")


class QuietResultsStore(ValidationResultsStore):  # type: ignore[misc] # types are checked where it is not installed
    """Keeps results without values of patients, unless they are asked for."""

    def __init__(self, store_backend: Any = None, runtime_environment: Any = None, store_name: Any = None, *, shows_values: bool = False) -> None:  # noqa: ANN401
        super().__init__(store_backend, runtime_environment, store_name)
        self._shows_values = shows_values

    def raw(self, key: Any) -> dict[str, Any]:  # noqa: ANN401
        """Give a result as it is kept; to make objects of all of them would take seconds."""
        kept: dict[str, Any] = json.loads(self._store_backend.get(key.to_tuple()))
        return kept

    def store_validation_results(self, suite_validation_result: Any, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        """Keep what a suite found."""
        for found in suite_validation_result.results:
            found.success = bool(found.success)  # some give NumPy's, which is no JSON
            if self._shows_values or COUNTED in (found.expectation_config.meta or {}):
                continue  # asked for, or of plait's own counts
            found.result = without_values(found.result, found.expectation_config.type)
            found.exception_info = without_words(found.exception_info)
        return super().store_validation_results(suite_validation_result, *arguments, **more)


class ResultsPage(ValidationResultsPageRenderer):  # type: ignore[misc]
    """Renders what a suite found; checks of plait's stand in one table, not in one for each."""

    def render(self, validation_results: Any, suite_parameters: Any = None) -> Any:  # noqa: ANN401
        """Give the page's content."""
        for found in validation_results.results:
            if COUNTED in (found.expectation_config.meta or {}):
                found.expectation_config.kwargs["column"] = "Checks"  # its own name is in its description
        return super().render(validation_results, suite_parameters)


_TO_SUITES = re.compile(r'<a [^>]*href="[^"]*/expectations/[^"]*"[^>]*>(.*?)</a>', re.DOTALL)
"""Links to pages of suites alone, which are not written."""


class Page(DefaultJinjaPageView):  # type: ignore[misc]
    """Writes a page as HTML."""

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        self.env.loader = ChoiceLoader([_TEMPLATES, self.env.loader])

    def render(self, document: Any, template: str | None = None, **more: Any) -> str:  # noqa: ANN401
        """Give the page."""
        return _TO_SUITES.sub(r"\1", super().render(document, template, **more))


class Index(DefaultSiteIndexBuilder):  # type: ignore[misc]
    """Writes the first page: the suites of every run that is kept, the newest first, and what failed before what did not."""

    def build(self, skip_and_clean_missing: bool = True, build_index: bool = True) -> tuple[Any, Any]:  # noqa: ARG002, FBT001, FBT002
        """Write it, and give its place."""
        if not build_index:
            return None, None
        page = Page().env.get_template("index.html.j2").render(site=self.site_name, runs=list(self._runs()))
        return self.target_store.write_index_page(page), {}

    def _runs(self) -> Iterator[dict[str, Any]]:
        """Yield the runs, each with its suites."""
        results = self.data_context.validation_results_store
        by_run: dict[Any, list[Any]] = {}
        for key in results.list_keys():
            by_run.setdefault(key.run_id, []).append(key)
        for run in sorted(by_run, key=lambda run: run.run_time, reverse=True):
            suites = sorted((self._suite(results, key) for key in by_run[run]), key=lambda suite: (suite["success"], suite["name"]))
            yield {"name": run.run_name, "time": f"{run.run_time:%Y-%m-%d %H:%M}", "suites": suites}

    def _suite(self, results: Any, key: Any) -> dict[str, Any]:  # noqa: ANN401
        """Give what a suite found, and where its page is."""
        found = results.raw(key)
        statistics = found["statistics"]
        name = key.expectation_suite_identifier.name
        page = "/".join(("validations", *key.to_tuple())) + ".html"
        return {
            "name": name,
            "success": found["success"],
            "page": page,
            "met": statistics["successful_expectations"],
            "of": statistics["evaluated_expectations"],
        }
