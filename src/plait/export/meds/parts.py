"""Who is for training and who is not: `metadata/subject_splits.parquet`, from a split that a model was or will be judged by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import ConfigError
from plait.export.meds.form import HELD_OUT, SPLITS, SPLITS_FILE, TRAIN, TUNING, arrow_schema
from plait.featurestore import splits
from plait.featurestore.index import as_index
from plait.featurestore.splits import Split, make_split
from plait.schema.snapshots import SPLIT_FILE

if TYPE_CHECKING:
    import polars as pl

    from plait.export.outgoing import Outgoing

_OPTIONS = ("test", "valid", "seed")
_ASK = "test=0.2,valid=0.1,seed=7; or a snapshot, or a file that Split.save wrote"


@dataclass(frozen=True, slots=True)
class Shares:
    """A split that is to be drawn: the share of each part, about, and the seed."""

    test: float = 0.2
    valid: float = 0.0
    seed: int = 0


def asked_split(study: Path, asked: str) -> Shares | Split:
    """Give what is asked for: shares and a seed (`test=0.2,valid=0.1,seed=7`), a snapshot below the study's `snapshots/`, or a file with a split.

    Raises:
        ConfigError: It is none of these.
        CohortError: The split is not what was saved.
    """
    if "=" in asked:
        return _shares(asked)
    kept = study / "snapshots" / asked / SPLIT_FILE
    file = kept if kept.is_file() else Path(asked)
    if not file.is_file():
        raise ConfigError("--split", expected=_ASK, got=f"'{asked}'", todo="A snapshot of a part of a table has the split that it is of.")
    return Split.read(file)


def write_splits(out: Outgoing, asked: Shares | Split) -> dict[str, int]:
    """Write the part of each person, and give how many are in each.

    Who is not in a split that was made before follows from its rule, where that is chance alone; by time or site they are in no part.

    Raises:
        CohortError: A part has nobody in it.
    """
    import polars as pl
    import pyarrow.parquet as pq

    pseudonyms = out.con.execute("SELECT person_id, new_id FROM pseudonym ORDER BY person_id").pl()
    split = _split(asked, pseudonyms)
    names = {splits.TRAIN: TRAIN, splits.VALID: TUNING, splits.TEST: HELD_OUT}
    parts = pl.concat([pl.DataFrame({"person_id": persons, "split": [names[part]] * len(persons)}) for part, persons in split.parts.items()])
    frame = pseudonyms.join(parts, on="person_id", how="inner").select(pl.col("new_id").alias("subject_id"), "split").sort("subject_id")
    file = out.folder / SPLITS_FILE
    file.parent.mkdir(exist_ok=True)
    pq.write_table(frame.to_arrow().cast(arrow_schema(SPLITS, frame.columns)), file, compression="zstd")
    return dict(sorted(frame.group_by("split").len().iter_rows()))


def _split(asked: Shares | Split, persons: pl.DataFrame) -> Split:
    """Give the split that was asked for, with who leaves."""
    import polars as pl

    index = as_index(persons.select("person_id", prediction_time=pl.lit(0).cast(pl.Datetime("us"))))
    if isinstance(asked, Shares):
        return make_split(index, test=asked.test, valid=asked.valid, seed=asked.seed)
    return asked.extended(index) if asked.rule["kind"] in {"person", "strata"} else asked


def _shares(asked: str) -> Shares:
    """Read shares and a seed."""
    found: dict[str, str] = {}
    for one in asked.split(","):
        name, _, value = one.partition("=")
        if name not in _OPTIONS or not re.fullmatch(r"\d+" if name == "seed" else r"[01]?\.\d+|[01]", value):
            raise ConfigError("--split", expected=_ASK, got=f"'{asked}'", todo="Name shares between 0 and 1, and a whole number as the seed.")
        found[name] = value
    return Shares(float(found.get("test", 0.2)), float(found.get("valid", 0)), int(found.get("seed", 0)))
