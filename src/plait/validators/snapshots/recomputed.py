"""What a snapshot says of a sample of its rows, against the CDM of its version, by SELECTs that know nothing of the feature store.

A value that rests on nothing that had happened and was known by its row's moment tells of the future, or of nobody; one that is not what the CDM gives
by the rule is another value. Of what no SELECT can restate (numbers of files that others made, values of matrices, scores), nothing is said.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plait.duck import sql
from plait.schema.reasons import Reason
from plait.validators.snapshots.asked import FUTURE, OTHER, PACKAGE, Asked, Difference
from plait.validators.snapshots.covariates import covariates
from plait.validators.snapshots.vectors import compared_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb
    import numpy.typing as npt
    import polars as pl

    from plait.validators.snapshots.reading import Snapshot, View

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

SAMPLE = 200
"""Rows of a snapshot that are recomputed: those whose persons and moments have the least hashes."""

_EVENTS = ("condition_occurrence", "device_exposure", "drug_exposure", "measurement", "observation", "procedure_occurrence", "visit_occurrence")


class Sample(NamedTuple):
    """What was compared.

    Attributes:
        differences: What offends.
        compared: How many values, sequences or vectors were compared.
        views: The views of which something could be restated.
    """

    differences: list[Difference]
    compared: int
    views: tuple[str, ...]


def recompute(snapshot: Snapshot, con: duckdb.DuckDBPyConnection, study: Path) -> Sample:
    """Recompute a sample of rows.

    Args:
        snapshot: The snapshot; its index can be read.
        con: Has the CDM of the snapshot's version in the schemas `cdm` and `plait`.
        study: The study's folder, with its embedding tables.
    """
    rows = sampled(snapshot.persons, snapshot.at, con)
    found: list[Difference] = []
    compared, views = 0, []
    with _sample(con, snapshot, rows):
        for view in snapshot.whole_views:
            said = (snapshot.lineage.get("views") or {}).get(view.name) or {}
            asked = Asked(snapshot, view, rows, said.get("options") or {}, con)
            made = _of_view(asked, str(said.get("modality", "")), said.get("encoder"), study)
            if made is not None:
                found += made[0]
                compared += made[1]
                views.append(view.name)
    return Sample(found, compared, tuple(views))


def _of_view(asked: Asked, modality: str, encoder: dict[str, Any] | None, study: Path) -> tuple[list[Difference], int] | None:
    """Recompute a view; None where it cannot be restated."""
    if asked.view.kind == "ragged":
        return _sequences(asked) if modality == "events" else None
    if modality == "covariates":
        return covariates(asked)
    if asked.view.kind == "aligned" and modality == "omics":
        return _specimens(asked)
    items = _items(asked, modality) if asked.view.kind == "aligned" else None
    return None if items is None else compared_vectors(asked, items, encoder, study, by_content=modality == "text")


def _items(asked: Asked, modality: str) -> pl.DataFrame | None:
    """Give the items behind the rows of a view that is encoded, `place`, `key` and `age_us`; None where they cannot be restated."""
    options, clock = asked.options, asked.snapshot.clock
    if modality == "text":
        wanted = {"types": options.get("note_types", []), "classes": options.get("note_classes", []), "codes": options.get("note_codes", [])}
        return asked.select("notes", clock=clock, **wanted)
    if modality == "slide" or (modality == "image" and options.get("region", "whole") == "whole"):
        return asked.select("images", clock=clock, modalities=["SM"] if modality == "slide" else list(options.get("modalities", [])))
    return None


def sampled(persons: Ints, at: Ints, con: duckdb.DuckDBPyConnection) -> Ints:
    """Give the places of the rows to look at, ascending: of persons whom the version knows, those with the least hashes of person and moment."""
    known = con.execute("SELECT person_id FROM cdm.person").fetchnumpy()["person_id"]
    here = np.flatnonzero(np.isin(persons, known))
    with np.errstate(over="ignore"):
        mixed = persons[here].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ at[here].astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
        for shift in (30, 27, 31):  # splitmix64's way of having every bit depend on all
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(0xBF58476D1CE4E5B9)
    chosen: Ints = np.sort(here[np.argsort(mixed, kind="stable")[:SAMPLE]])
    return chosen


@contextmanager
def _sample(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, rows: Ints) -> Iterator[None]:
    """Have the sampled rows as the table `snapshot_sample`, and their persons' events as `snapshot_event`."""
    import polars as pl

    moments = pl.Series("prediction_time", snapshot.at[rows]).cast(pl.Datetime("us"))
    con.register("snapshot_sample", pl.DataFrame({"place": np.arange(len(rows)), "person_id": snapshot.persons[rows]}).with_columns(moments).to_arrow())
    con.execute(sql(PACKAGE, "events"))
    try:
        yield
    finally:
        con.execute("DROP TABLE snapshot_event")
        con.unregister("snapshot_sample")


def _sequences(asked: Asked) -> tuple[list[Difference], int] | None:
    """Compare sequences: every event with its age, code and number, as often as it is there."""
    import polars as pl

    view, options = asked.view, asked.options
    codes = _concepts(view)
    if codes is None:
        return None
    tables = list(options.get("tables") or _EVENTS)
    expected = asked.select("sequences", clock=asked.snapshot.clock, tables=tables, lookback_us=asked.lookback_us)
    is_known = pl.col("concept_id").is_in(pl.Series(codes).implode())
    expected = (
        expected.filter(is_known) if options.get("concepts") else expected.with_columns(pl.when(is_known).then("concept_id").otherwise(0).alias("concept_id"))
    )
    starts = np.asarray(view.arrays["starts"])
    lengths = np.diff(starts)[asked.rows]
    places = np.repeat(np.arange(len(asked.rows)), lengths)
    events = np.repeat(starts[:-1][asked.rows], lengths) + np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    said = pl.DataFrame(
        {
            "place": places,
            "concept_id": codes[np.asarray(view.arrays["codes"])[events]],
            "age_days": np.asarray(view.arrays["age_days"])[events],
            "number": np.asarray(view.arrays["values"])[events],
        }
    )
    compared = np.flatnonzero(np.asarray(view.arrays["reason"])[asked.rows] != Reason.WITHHELD)
    key = ["place", "concept_id", "age_days", "number"]
    expected = expected.with_columns(pl.col("number").fill_null(float("nan")), pl.col("place").cast(pl.Int64)).select(key)
    said = said.with_columns(pl.col("place").cast(pl.Int64)).select(key)
    most = options.get("max_events")
    here = pl.Series(compared).implode()
    theirs = expected.filter(pl.col("place").is_in(here)).group_by(key).len("expected")
    both = said.filter(pl.col("place").is_in(here)).group_by(key).len("said").join(theirs, on=key, how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.col("said", "expected").fill_null(0))
    more = both.filter(pl.col("said") > pl.col("expected"))["place"].to_numpy()
    less = both.filter(pl.col("said") < pl.col("expected"))
    if most is not None:  # of a row that is cut, the newest stay: what is not there must not be newer than what is
        youngest = said.group_by("place").agg(pl.col("age_days").max().alias("oldest"), pl.len().alias("count"))
        less = less.join(youngest, on="place", how="left").filter((pl.col("count").fill_null(0) < most) | (pl.col("age_days") < pl.col("oldest")))
    found = asked.differs(FUTURE, more, "an event that the CDM does not have, or that was not known by then")
    return found + asked.differs(OTHER, less["place"].to_numpy(), "an event of the CDM is not there"), len(compared)


def _concepts(view: View) -> Ints | None:
    """Give the concepts that the codes of sequences stand for; None where they stand for something else."""
    words = view.vocabulary
    if isinstance(words, np.ndarray):
        return np.asarray(words, np.int64)
    return np.asarray([int(word) for word in words], np.int64) if all(word.isdecimal() for word in words) else None


def _specimens(asked: Asked) -> tuple[list[Difference], int]:
    """Look for the specimen behind every age: the values themselves stand in no table."""
    taken = asked.select("specimens", clock=asked.snapshot.clock, assay=asked.options.get("assay"))
    ages = np.asarray(asked.view.arrays["age_days"])[asked.rows]
    oldest = np.where(np.isnan(ages), np.float32(-np.inf), ages).max(axis=1, initial=-np.inf)
    places = np.flatnonzero(np.isfinite(oldest))
    behind = set(zip(taken["place"].to_list(), taken["age_days"].to_list(), strict=True))
    lost = [place for place in places.tolist() if (place, float(oldest[place])) not in behind]
    return asked.differs(FUTURE, np.asarray(lost, np.int64), "no specimen of that age was taken and reported by then"), len(places)
