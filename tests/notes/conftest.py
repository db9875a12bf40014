"""The extractor `rules` with the demo's vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plait.demo.vocabulary import write_vocabulary
from plait.duck import connect
from plait.etl.notes.extractor import Asked
from plait.etl.notes.rules import RulesExtractor, RulesOptions
from plait.etl.vocabulary import load_vocabulary
from plait.nlp_settings import ExtractorSettings

if TYPE_CHECKING:
    from pathlib import Path

    from plait.etl.notes.lookups import Lookups


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the demo's vocabulary, loaded."""
    folder = tmp_path_factory.mktemp("vocabulary")
    write_vocabulary(folder / "athena")
    with connect() as con:
        return load_vocabulary(con, folder / "athena", folder / "loaded").folder


@pytest.fixture(scope="session")
def rules(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> RulesExtractor:
    """Give the extractor."""
    folder = tmp_path_factory.mktemp("rules")
    return RulesExtractor(Asked(folder, vocabulary, folder / "dictionaries", ExtractorSettings(kind="rules")), RulesOptions())


@pytest.fixture(scope="session")
def lookups(rules: RulesExtractor) -> Lookups:
    """Give what it looks up in."""
    return rules.lookups
