"""Whose a given row is and when: by `person_id`, by an identifier that some system gave, or by an image of the CDM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from plait.duck import sql
from plait.errors import ConfigError, InputFileError
from plait.etl.crosswalk import linked_crosswalk
from plait.featurestore.index import iso_times
from plait.featurestore.view import ViewOptions

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import polars as pl

    from plait.featurestore.view import Reading

_NAMES_SHOWN = 20

NOBODY = 0
"""Whose a row is that is of no person of the study: OMOP's 0, which no PERSON has."""


class GivenOptions(ViewOptions):
    """What a view of kind `table` may be told.

    Attributes:
        path: The file or folder, relative to the study.
        person: The column that says whose a row is: a `person_id`, or with `system` an identifier.
        system: The system whose identifiers `person` holds, as sources name it under `person_system`.
        item: Instead of `person`: the column with an image of the CDM, the UID of a series or the name of a slide.
        source: The source of these images, where two sources have one of the same name; with it, an image without a row is NOT_ENCODED.
        event_time: The column with the time that a row tells of; with `item`, the image's if left out.
        known_time: The column with the time from which on it was known; with `item`, the image's if left out, else the event's.
        reduce: Which of several rows counts.
    """

    path: str
    person: str | None = None
    system: str | None = None
    item: str | None = None
    source: str | None = None
    event_time: str | None = None
    known_time: str | None = None
    reduce: Literal["last", "first", "mean", "max", "count"] = "last"

    @model_validator(mode="after")
    def _of_somebody(self) -> Self:
        if self.person is not None and self.item is not None:
            raise ValueError("person and item exclude each other")
        if self.system is not None and self.item is not None:
            raise ValueError("system belongs to person, not to item")
        if self.source is not None and self.item is None:
            raise ValueError("source belongs to item")
        return self

    @property
    def person_column(self) -> str:
        """The column that says whose a row is."""
        return self.item or self.person or "person_id"


def place_of(reading: Reading, view: str, path: str) -> Path:
    """Give the file or folder of a view.

    Raises:
        ConfigError: It is not there.
    """
    place = reading.study / path
    if not place.exists():
        raise ConfigError(f"plait.yaml: view '{view}', path", expected="a file or folder", got="none of this name", todo="Paths are relative to plait.yaml.")
    return place


def need_columns(names: list[str], wanted: list[str | None], view: str) -> None:
    """Fail where a column that `plait.yaml` names is not there.

    Raises:
        InputFileError: It is not.
    """
    missing = [name for name in wanted if name is not None and name not in names]
    if missing:
        raise InputFileError(
            f"view '{view}'",
            expected=f"a column '{missing[0]}'",
            got=", ".join(names) if len(names) <= _NAMES_SHOWN else f"{len(names)} others",
            todo="Name the column in plait.yaml.",
        )


def times(column: pl.Series, view: str, time_zone: str) -> pl.Series:
    """Give times as local ones in microseconds: a date is the last microsecond of its day, and text is read as ISO 8601.

    Raises:
        InputFileError: The column holds something else.
    """
    import polars as pl

    if column.dtype == pl.String:
        read = iso_times(column, time_zone)
        wrong = read.null_count() - column.null_count()
        if wrong:
            where = f"view '{view}', column '{column.name}'"
            raise InputFileError(where, expected="times of ISO 8601 (2024-03-31T14:05:00)", got=f"{wrong} texts that are none", todo="Convert or remove them.")
        return read
    if column.dtype == pl.Date:
        return _day_ends(column.cast(pl.Datetime("us")))
    if isinstance(column.dtype, pl.Datetime):
        local = column.dt.convert_time_zone(time_zone).dt.replace_time_zone(None) if column.dtype.time_zone else column
        return local.dt.cast_time_unit("us")
    raise InputFileError(f"view '{view}', column '{column.name}'", expected="dates or times", got=str(column.dtype), todo="Convert it.")


def _day_ends(days: pl.Series) -> pl.Series:
    """Give the last microsecond of days."""
    return days.dt.offset_by("1d").dt.offset_by("-1us")


def placed(reading: Reading, view: str, options: GivenOptions, keys: pl.DataFrame) -> pl.DataFrame:
    """Say whose each given row is, and when.

    Args:
        reading: The version.
        view: The view's name.
        options: Its options.
        keys: The columns of the given rows that `plait.yaml` names, in the order of the rows.

    Returns:
        `row` (its place), `person_id` (`NOBODY` where it is of no person), `event_time` and `known_time` in the same order; with `item` also
        `source`, `item` and `row_id` of the image.

    Raises:
        ConfigError: No such system of identifiers.
        InputFileError: A column is not there, or of another type.
    """
    import polars as pl

    need_columns(keys.columns, [options.person_column, options.event_time, options.known_time], view)
    zone = reading.settings.time_zone
    given = {name: times(keys[column], view, zone) for name, column in (("event_time", options.event_time), ("known_time", options.known_time)) if column}
    rows = pl.DataFrame({"who": keys[options.person_column], **given}).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    found = _of_persons(reading, view, options, rows) if options.item is None else _of_images(reading, options, rows)
    known = pl.col("known_time").fill_null(pl.col("event_time")) if "known_time" in found.columns else pl.col("event_time").alias("known_time")
    found = found.with_columns(known, pl.col("person_id").fill_null(NOBODY))
    return found.select("row", "person_id", "event_time", "known_time", pl.col("^(source|item|row_id)$"))


def named(rows: pl.DataFrame, view: str) -> pl.DataFrame:
    """Give placed rows with `source`, `item` and `row_id`: those of their image, else the view, person and times, and the place in the file."""
    import polars as pl

    if "item" in rows.columns:
        return rows
    name = pl.concat_str(["person_id", "event_time", "known_time"], separator="/", ignore_nulls=True)
    return rows.with_columns(source=pl.lit(view), item=name, row_id="row")


def _of_persons(reading: Reading, view: str, options: GivenOptions, rows: pl.DataFrame) -> pl.DataFrame:
    """Find persons by their ids, or by the identifiers of a system."""
    import polars as pl

    if options.event_time is None:
        raise ConfigError(
            f"plait.yaml: view '{view}'",
            expected="the key 'event_time'",
            got="none",
            todo="Name the column with the time that a row tells of: without it, the future leaks.",
        )
    if options.system is None:
        if not rows["who"].dtype.is_integer():
            raise InputFileError(
                f"view '{view}', column '{options.person_column}'",
                expected="integers, the CDM's person_id",
                got=str(rows["who"].dtype),
                todo="Say under 'system' whose identifiers they are, or name another column under 'person'.",
            )
        return rows.with_columns(pl.col("who").cast(pl.Int64).alias("person_id"))
    who = linked_crosswalk(reading.study, reading.version)
    known = who["system"].unique().sort().to_list()
    if options.system not in known:
        raise ConfigError(
            f"plait.yaml: view '{view}', system",
            expected="a system whose identifiers the study knows",
            got=f"'{options.system}'",
            todo=f"Known: {', '.join(known)}.",
        )
    named = who.filter(pl.col("system") == options.system).select(pl.col("identifier").alias("who"), "person_id")
    return rows.with_columns(pl.col("who").cast(pl.String)).join(named, on="who", how="left", maintain_order="left")


def _of_images(reading: Reading, options: GivenOptions, rows: pl.DataFrame) -> pl.DataFrame:
    """Find images by their names; one that several images have is none's."""
    import polars as pl

    images = images_of(reading, options.source).unique("item", keep="none")
    found = rows.with_columns(pl.col("who").cast(pl.String).alias("item")).join(images, on="item", how="left", maintain_order="left", suffix="_of_image")
    for name in ("event_time", "known_time"):
        if f"{name}_of_image" in found.columns:
            found = found.with_columns(pl.col(name).fill_null(pl.col(f"{name}_of_image")))
    return found.with_columns(pl.col("source").fill_null(""), pl.col("row_id").fill_null(pl.col("row")))


def images_of(reading: Reading, source: str | None) -> pl.DataFrame:
    """Give the images of the CDM, of one source or of all: `source`, `item`, `person_id`, `event_time`, `known_time`, `row_id`."""
    frame: pl.DataFrame = reading.con.execute(sql("plait.featurestore.given", "images"), {"source": source}).pl()
    return frame
