"""Snapshots on their way out: the rows of who leaves, under new ids and shifted times, without what tells a calendar or an age over 89."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.errors import ExportError
from plait.export.deidentify.calendar import is_calendar, need_own, own_ends
from plait.export.deidentify.tables import DATED, record_days
from plait.featurestore.aligned import Ragged
from plait.featurestore.covariates.analyses import ALL, read_analyses
from plait.featurestore.events import TABLES
from plait.featurestore.index import as_index
from plait.featurestore.outputs import answer_of
from plait.featurestore.snapshot import open_snapshot
from plait.schema.reasons import Reason
from plait.schema.snapshots import MANIFEST_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import polars as pl

    from plait.export.outgoing import Outgoing
    from plait.featurestore.aligned import Aligned
    from plait.featurestore.table import Answer, FusionTable

PERSON, TIME = "person_id", "prediction_time"
_CALENDAR = frozenset({"index_year", "index_month", "index_year_month"})
_PLACE = frozenset({"care_site"})
_AGE = frozenset({"age", "age_group"})


@dataclass(frozen=True, slots=True)
class Departing:
    """A snapshot as it leaves the study.

    Attributes:
        name: Its name.
        table: Its rows, in the order of new ids and times.
        left_out: Rows of persons who do not leave.
        dropped: Columns of the index and features that are not in it: other ids, places, and what tells the calendar.
        suppressed: Texts of the index that fewer persons have than the smallest cell.
    """

    name: str
    table: FusionTable
    left_out: int
    dropped: tuple[str, ...]
    suppressed: int


def snapshot_folder(study: Path, name: str) -> Path:
    """Give the folder of a snapshot of a study.

    Raises:
        ExportError: There is none of this name.
    """
    place = study / "snapshots" / name
    if not (place / MANIFEST_FILE).is_file():
        raise ExportError(place, expected="a snapshot", got="none", todo="`plait features get COHORT -o snapshots/NAME` makes one.")
    return place


def departing(out: Outgoing, name: str) -> Departing:
    """Give a snapshot of the study as it leaves it.

    Args:
        out: The export.
        name: A folder below the study's `snapshots/`.

    Raises:
        ExportError: There is none of this name, its moments are the calendar's, or the policy withholds what a view is made of.
        SnapshotError: It is not what it was when it was saved.
    """
    table = open_snapshot(snapshot_folder(out.study, name))
    need_leaving(name, table, out.policy.withheld)
    who = out.con.execute("SELECT s.person_id, s.new_id, s.shift_days, b.is_old FROM pseudonym AS s INNER JOIN birth AS b USING (person_id)").pl()
    rows = _order(table, who)
    chosen = table.take(rows)
    joined = chosen.index.frame.join(who, on=PERSON, how="left", maintain_order="left")
    need_own(f"snapshot {name}", joined[PERSON], joined[TIME])
    joined = own_ends(joined, out.con.execute(record_days()).pl(), person=PERSON, time=TIME)
    frame, dropped, suppressed = _index(joined, chosen.index.frame.columns, out.policy.min_cell)
    is_old = joined["is_old"].to_numpy()
    answers: dict[str, Answer] = {}
    for view, answer in chosen.answers.items():
        answers[view] = answer
        if not isinstance(answer, Ragged) and chosen.described(view).get("modality") == "covariates":
            answers[view], lost = without_calendar(answer, is_old, joined[PERSON], joined[TIME])
            dropped += [f"{view}.{feature}" for feature in lost]
    return Departing(name, replace(chosen, index=as_index(frame), answers=answers), len(table) - len(rows), tuple(dropped), suppressed)


def need_leaving(name: str, table: FusionTable, withheld: Collection[str]) -> None:
    """Fail where a view of a snapshot is made of rows that may not leave.

    Raises:
        ExportError: One is; names it and the tables.
    """
    for view in table.answers:
        forbidden = sorted(_made_of(table.described(view)) & {*withheld})
        if forbidden:
            raise ExportError(
                f"snapshot {name}",
                expected="views of what may leave",
                got=f"{view}, which is made of {', '.join(forbidden)}",
                todo="The policy in plait.yaml withholds that: save a snapshot without the view (table.only), or change the policy.",
            )


def _made_of(described: Mapping[str, Any]) -> set[str]:
    """Give the tables of the CDM that the values of a view are made of; none for a table of the user's own."""
    options = described.get("options", {})
    match described.get("modality"):
        case "covariates":
            return {analysis.table_name for analysis in read_analyses(options.get("analyses", [ALL]))}
        case "events":
            return {*(options.get("tables") or TABLES)}
        case "omics":
            return {"omics_occurrence"} if described.get("matrix_sha256") else {"omics_occurrence", "omics_variant"}
        case "text":
            return {"note"}
        case "image" | "slide":
            return {"image_occurrence"}
    return set()


def _order(table: FusionTable, who: pl.DataFrame) -> Any:  # noqa: ANN401 - an array of places
    """Give the places of the rows that leave, by new ids and times."""
    new_ids = dict(zip(who["person_id"].to_list(), who["new_id"].to_list(), strict=True))
    theirs = np.array([new_ids.get(person, 0) for person in table.index.person_id.tolist()], dtype=np.int64)
    order = np.lexsort((table.index.at, theirs))
    return order[theirs[order] > 0]


def _index(joined: pl.DataFrame, columns: list[str], min_cell: int) -> tuple[pl.DataFrame, list[str], int]:
    """Give the index as it leaves, the columns that do not, and how many texts do not.

    Times are shifted, those that are the calendar's are left out; texts stay where as many persons have them as the smallest cell and they are no
    dates; other ids are of the study and stay there.
    """
    import polars as pl

    made, dropped, suppressed = [pl.col("new_id").alias(PERSON)], [], 0
    for name in columns:
        kind = joined.schema[name]
        if name == PERSON:
            continue
        if kind.is_temporal():
            if (kind != pl.Date and not isinstance(kind, pl.Datetime)) or is_calendar(joined[PERSON], joined[name]):
                dropped.append(name)
                continue
            made.append((pl.col(name) + pl.duration(days=pl.col("shift_days"))).alias(name))
        elif kind.is_numeric() or kind == pl.Boolean:
            if name.endswith("_id"):
                dropped.append(name)
                continue
            made.append(pl.col(name))
        else:
            text = pl.col(name).cast(pl.String)
            persons = joined.group_by(text.alias(name)).agg(pl.col(PERSON).n_unique().alias("persons")).filter(pl.col("persons") >= min_cell)
            persons = persons.filter(~pl.col(name).str.contains(DATED))
            common = persons[name].drop_nulls()
            suppressed += joined.select((text.is_not_null() & ~text.is_in(common.implode())).sum()).item()
            made.append(pl.when(text.is_in(common.implode())).then(text).alias(name))
    return joined.select(made), dropped, suppressed


def without_calendar(answer: Any, is_old: Any, persons: pl.Series, times: pl.Series) -> tuple[Any, list[str]]:  # noqa: ANN401 - an answer; an array
    """Give an answer of covariates without those of the calendar and of places, the names of these, and the ages of the old withheld."""
    import polars as pl

    kinds = {analysis.analysis_id: analysis.kind for analysis in read_analyses([ALL])}
    of = [kinds.get(int(name) % 1000) if name.isdigit() else None for name in answer.names]
    gone = {place for place, kind in enumerate(of) if kind in _CALENDAR | _PLACE}
    for place in [place for place, kind in enumerate(of) if kind == "prior_observation"]:
        days = pl.Series("days", answer.values[:, place], dtype=pl.Float64).fill_nan(None).round().cast(pl.Int64)
        began = times.to_frame("at").with_columns(days).select(pl.col("at") - pl.duration(days="days")).to_series()
        gone |= {place} if is_calendar(persons, began) else set()
    kept = [place for place in range(len(of)) if place not in gone]
    lost = [answer.names[place] for place in sorted(gone)]
    left = answer.columns(kept) if lost else answer
    ages = [place for place, old in enumerate(kept) if of[old] in _AGE]
    return (_withheld(answer_of(left), is_old, ages) if ages and is_old.any() else left), lost


def _withheld(answer: Aligned, rows: Any, features: list[int]) -> Aligned:  # noqa: ANN401 - an array
    """Give an answer with some values of some rows withheld."""
    here = np.zeros(answer.values.shape, np.bool_)
    here[np.ix_(np.flatnonzero(rows), np.asarray(features, np.intp))] = True
    shape = answer.values.shape
    return replace(
        answer,
        values=np.where(here, np.float32(np.nan), answer.values),
        reason=np.where(here, np.uint8(Reason.WITHHELD), answer.spread_reason),
        age_days=np.where(here, np.float32(np.nan), np.broadcast_to(answer.age_days, shape)),
        n_obs=np.where(here, np.int32(0), np.broadcast_to(answer.n_obs, shape)),
        filled=np.broadcast_to(answer.filled, shape) & ~here,
    )
