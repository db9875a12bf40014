"""What views a study has, and of how many persons each knows something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.errors import PlaitError
from plait.featurestore.aligned import Ragged
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    import polars as pl

    from plait.featurestore.store import Store


@dataclass(frozen=True, slots=True)
class Overview:
    """A view as a whole.

    Attributes:
        view: Its name.
        modality: Its kind.
        encoder: The encoder behind its vectors, None where it has none.
        features: Its features, or, of sequences, the codes that they may have.
        persons: Persons of whom it is there at the end of their observation.
        of: Persons with an observation period.
        note: Why it cannot be looked at, None where it can.
    """

    view: str
    modality: str
    encoder: str | None
    features: int | None
    persons: int | None
    of: int
    note: str | None = None


def overview(store: Store) -> list[Overview]:
    """Give every view that `plait.yaml` declares, in its order, asked at the end of each person's observation."""
    rows: pl.DataFrame = store.reading.con.execute(
        "SELECT person_id, max(observation_period_end_date) AS prediction_time FROM cdm.observation_period GROUP BY person_id ORDER BY person_id"
    ).pl()
    return [_one(store, declared.view, declared.modality, rows) for declared in store.reading.settings.features]


def _one(store: Store, view: str, modality: str, rows: pl.DataFrame) -> Overview:
    """Give one view; of one that cannot be opened, why."""
    try:
        answer = store.get_historical_features(rows, [view])[view]
    except PlaitError as error:
        return Overview(view, modality, None, None, None, rows.height, str(error))
    features = len(answer.vocabulary if isinstance(answer, Ragged) else answer.names)
    encoder = getattr(store.view(view), "encoder_id", None)
    return Overview(view, modality, encoder, features, int((answer.row_reason == Reason.OBSERVED).sum()), rows.height)
