"""Which of the texts that somebody is known by are looked for wherever they stand, and not in notes of that person alone.

A hit stops an export, so what is everywhere must not be looked for everywhere: `Young` is a name and a word, `1042` a patient and a count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.export.phrases import levelled

if TYPE_CHECKING:
    import polars as pl

EVERYWHERE_SHORTEST = 4
"""Letters and digits that a text has at least which is looked for everywhere."""

_SHORTEST_NUMBER = 6
"""Digits of a number of nothing else: shorter ones are counts, years and codes."""

_SHORTEST_NAME = 6
_MANY = 11
"""Persons who share a text that is nobody's own: a city, a ward, a folder."""


def shared_by_many(found: pl.DataFrame) -> pl.DataFrame:
    """Give each `text` that is of many persons."""
    import polars as pl

    return found.group_by("text").agg(pl.col("person_id").n_unique().alias("persons")).filter(pl.col("persons") >= _MANY).select("text")


def telling(found: pl.DataFrame) -> pl.Series:
    """Give the texts that are looked for everywhere: names of two words or more, numbers and whatever has a digit, addresses with a house's.

    What is called a number may be a name or a word (`jdoe`); it is looked for unless it is short.
    """
    import polars as pl

    spoken = found.with_columns(levelled(found["text"]).alias("words"))
    spoken = spoken.with_columns(pl.col("words").list.join("").alias("joined"), pl.col("words").list.len().alias("count"))
    has_digit = pl.col("joined").str.contains(r"\d")
    is_name = (pl.col("kind") == "name") & (pl.col("count") > 1) & (pl.col("joined").str.len_chars() >= _SHORTEST_NAME)
    is_short_number = pl.col("joined").str.contains(r"^\d+$") & (pl.col("joined").str.len_chars() < _SHORTEST_NUMBER)
    is_number = (pl.col("kind") == "number") & ~is_short_number
    is_address = (pl.col("kind") == "address") & has_digit & (pl.col("count") > 1)
    is_other = pl.col("kind").is_in(["phone", "email", "file"]) & (has_digit | (pl.col("kind") == "email")) & ~is_short_number
    long_enough = pl.col("joined").str.len_chars() >= EVERYWHERE_SHORTEST
    return spoken.filter(long_enough & (is_name | is_number | is_address | is_other))["text"].unique()
