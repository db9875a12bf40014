"""Whose rows may leave: of who withholds data of any kind or of any time, none do."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.settings import Settings

PERSONS = "SELECT person_id FROM cdm.person ANTI JOIN withholding USING (person_id)"
"""The SELECT of the persons who may leave."""


def find_withholding(con: duckdb.DuckDBPyConnection, study: Path, version: Version, settings: Settings) -> int:
    """Make the temporary table `withholding` (person_id) of the persons whom the study's consent file lets not leave as a whole, and give their number.

    A table of the CDM holds data of many kinds: a person who withholds some of them is left out with all.

    Raises:
        ConfigError: The consent file cannot be understood.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE withholding (person_id BIGINT)")
    if settings.consent is None:
        return 0
    import numpy as np

    from plait.featurestore.asof import EVER
    from plait.featurestore.consent import Consent
    from plait.featurestore.view import ENTRY_POINTS, Reading

    consent = Consent.read(Reading(study, version, settings, con))
    persons = con.execute("SELECT person_id FROM cdm.person ORDER BY person_id").fetchnumpy()["person_id"].astype(np.int64)
    since, until = np.full(len(persons), EVER), np.full(len(persons), np.iinfo(np.int64).max)
    withheld = np.zeros(len(persons), np.bool_)
    for modality in sorted(entry_points(group=ENTRY_POINTS).names):
        withheld |= consent.withheld_between(persons, since, until, modality)
    con.execute("INSERT INTO withholding SELECT unnest($persons)", {"persons": persons[withheld].tolist()})
    return int(withheld.sum())
