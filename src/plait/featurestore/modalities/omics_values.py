"""Specimens and the values that an assay has of them, in the states in which they became known one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from plait.duck import filled, sql
from plait.etl.omics.assay import open_assay
from plait.etl.omics.panels import captured, genes_seen
from plait.featurestore.aligned import CODES, RANK
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl

    from plait.etl.omics.assay import Assay
    from plait.featurestore.asof import Ints
    from plait.featurestore.view import Reading

    Codes = npt.NDArray[np.uint8]
    Numbers = npt.NDArray[np.float32]

_PACKAGE = "plait.featurestore.modalities"
_ITEMS_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Specimens as they were known. A specimen has several states where more of it became known later: variants that were reported one by one.

    Attributes:
        rows: `person_id`, `sample` and its number `specimen`, `event_time`, `known_time`, `table_name`, `row_id`; in order of person, event and known time.
        values: `(n_states, n_features) float32`, NaN where not observed.
        reason: Codes of `Reason`, `(n_states, n_features) uint8`.
    """

    rows: pl.DataFrame
    values: Numbers
    reason: Codes

    def log1p(self) -> States:
        """Give the logarithm of one more than each value; of what has none, FAILED_QC."""
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.log1p(self.values)
        return replace(self, values=values).checked()

    def checked(self) -> States:
        """Give the values that are numbers: what is infinite, or was to be a number and is none, FAILED_QC."""
        is_bad = (self.reason == Reason.OBSERVED) & ~np.isfinite(self.values)
        if not is_bad.any():
            return self
        return replace(self, values=np.where(is_bad, np.float32(np.nan), self.values), reason=np.where(is_bad, np.uint8(Reason.FAILED_QC), self.reason))

    def of_sets(self, sets: Sequence[Sequence[int]], fraction: float) -> States:
        """Give the mean of the genes of each set, where at least a fraction of them was observed; else the first of the others' reasons.

        Args:
            sets: Places of the genes of each set.
            fraction: The least part of a set that must be observed, 0 to 1.
        """
        shape = (len(self.values), len(sets))
        values, reason = np.full(shape, np.nan, np.float32), np.zeros(shape, np.uint8)
        for place, genes in enumerate(sets):
            is_there = self.reason[:, genes] == Reason.OBSERVED
            number = is_there.sum(axis=1)
            is_enough = (number > 0) & (number >= fraction * len(genes))
            total = np.where(is_there, self.values[:, genes], 0).sum(axis=1, dtype=np.float64)
            values[is_enough, place] = total[is_enough] / number[is_enough]
            reason[:, place] = np.where(is_enough, Reason.OBSERVED, CODES[RANK[self.reason[:, genes]].min(axis=1)])
        return replace(self, values=values, reason=reason)


def matrix_states(reading: Reading, assay: str, genes: Sequence[str], *, ranked: bool) -> States:
    """Give the specimens of a matrix with the values of genes; cells of one specimen are averaged.

    Args:
        reading: The version that is read.
        assay: The assay.
        genes: Ensembl ids, or names that mean no gene.
        ranked: Whether a value is its rank among all values of its item, from 0 to 1; of equal values the mean of their ranks.
    """
    import polars as pl

    items = _items(reading, assay, variants=False)
    with open_assay(reading.study, reading.version, assay) as opened:
        found, reason = _read(opened, genes, ranked=ranked)
        occurrence = np.asarray(opened.occurrences, np.int64)
    ids, inverse = np.unique(occurrence, return_inverse=True)
    if len(ids) < len(occurrence):
        found, reason = _averaged(found, reason, inverse, len(ids))
    else:
        order = np.argsort(occurrence)
        found, reason = found[order], reason[order]
    place = np.searchsorted(ids, items["row_id"].to_numpy())
    numbers = pl.int_range(pl.len(), dtype=pl.Int64).alias("specimen")
    rows = items.select("person_id", numbers, "event_time", "known_time", pl.lit("omics_occurrence").alias("table_name"), "row_id", sample="specimen")
    return States(rows, found[place], reason[place]).checked()


def _read(opened: Assay, genes: Sequence[str], *, ranked: bool) -> tuple[Numbers, Codes]:
    """Read the values of all items, some items at a time."""
    values = np.empty((len(opened.items), len(genes)), np.float32)
    reason = np.empty(values.shape, np.uint8)
    wanted = {gene: place for place, gene in enumerate(opened.features)}
    columns = np.asarray([wanted.get(gene, -1) for gene in genes], np.intp)
    for first in range(0, len(values), _ITEMS_AT_ONCE):
        part = range(first, min(first + _ITEMS_AT_ONCE, len(values)))
        block = slice(part.start, part.stop)
        if not ranked:
            values[block], reason[block] = opened.values(genes, part)
            continue
        everything, why = opened.values(opened.features, part)
        values[block] = np.where(columns >= 0, _ranks(everything)[:, columns], np.nan)
        reason[block] = np.where(columns >= 0, why[:, columns], Reason.NOT_CAPTURED)
    return values, reason


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the rank of each value within its row as a part of all that are there."""
    from scipy.stats import rankdata

    with np.errstate(invalid="ignore"):
        ranks: npt.NDArray[np.float64] = rankdata(values, axis=1, nan_policy="omit")
    parts: npt.NDArray[np.float64] = ranks / np.maximum((~np.isnan(values)).sum(axis=1, keepdims=True), 1)
    return parts


def _averaged(values: Numbers, reason: Codes, group: npt.NDArray[np.intp], number: int) -> tuple[Numbers, Codes]:
    """Give the mean of each group's observed values; where none is, the first of their reasons."""
    order = np.argsort(group, kind="stable")
    begins = np.searchsorted(group[order], np.arange(number))
    is_there = reason[order] == Reason.OBSERVED
    counts = np.add.reduceat(is_there, begins, axis=0, dtype=np.int64)
    sums = np.add.reduceat(np.where(is_there, values[order], 0), begins, axis=0, dtype=np.float64)
    first = CODES[np.minimum.reduceat(RANK[reason[order]], begins, axis=0)]
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
    return means, np.where(counts > 0, np.uint8(Reason.OBSERVED), first)


def variant_states(reading: Reading, assay: str, genes: Sequence[str], classes: Sequence[str], unlisted: Literal["unknown", "wild_type"]) -> States:
    """Give the specimens that were looked at for variants, with the number of variants of genes that was known at each time.

    0 is the wild type: the specimen was looked at, and its panel has the gene. A gene off the panel is NOT_CAPTURED, whatever was found
    in it. Of an assay whose panel nobody lists, what was not found is UNKNOWN, unless it is declared to see every gene: what others turn out to
    have tells nothing of a patient.

    The connection must have the table `gene_names`.
    """
    import polars as pl

    con, key = reading.con, ["person_id", "specimen"]
    looked = _items(reading, assay, variants=True).unique(key, keep="first", maintain_order=True)
    found = found_variants(reading, assay, classes)
    times = pl.concat([looked.select(*key, "known_time"), found.select(*key, "known_time")]).unique().sort(*key, "known_time")
    known_then = pl.col("known_by") <= pl.col("known_time")
    of_looked = looked.rename({"known_time": "known_by", "row_id": "occurrence"})
    of_found = found.rename({"known_time": "known_by"}).group_by(*key, "known_by").agg(pl.col("event_time").min().alias("found_at"), pl.col("row_id").min())
    by_then = times.join(of_found, on=key, how="left").group_by(*key, "known_time").agg(pl.col("found_at", "row_id").filter(known_then).min())
    states = (
        times.join(by_then, on=[*key, "known_time"], how="left", maintain_order="left")
        .join(of_looked, on=key, how="left", maintain_order="left")
        .with_columns(is_looked_at=known_then.fill_null(value=False))
        .with_columns(
            event_time=pl.when("is_looked_at").then("event_time").otherwise("found_at"),
            panel=pl.when("is_looked_at").then("panel").otherwise(pl.lit("")),
            table_name=pl.when("is_looked_at").then(pl.lit("omics_occurrence")).otherwise(pl.lit("omics_variant")),
            row_id=pl.when("is_looked_at").then("occurrence").otherwise("row_id"),
        )
        .sort("person_id", "event_time", "known_time", "specimen", maintain_order=True)
        .with_row_index("state")
    )
    counts = _counted(states, found, genes)
    seen = genes_seen(con)
    panels = states["panel"].to_list()
    on_panel = {panel: captured(seen, genes, panel) for panel in set(panels)}
    is_on = np.stack([on_panel[panel] for panel in panels]) if panels else np.zeros(counts.shape, np.bool_)
    sees_all = np.asarray([panel in seen or unlisted == "wild_type" for panel in panels], np.bool_)
    is_known = (counts > 0) | (states["is_looked_at"].to_numpy() & sees_all)[:, None]
    reason = np.where(is_on, np.where(is_known, Reason.OBSERVED, Reason.UNKNOWN), Reason.NOT_CAPTURED).astype(np.uint8)
    numbers = pl.struct(key).rank("dense").cast(pl.Int64).alias("number")
    rows = states.select("person_id", numbers, "event_time", "known_time", "table_name", "row_id", sample="specimen").rename({"number": "specimen"})
    return States(rows, np.where(reason == Reason.OBSERVED, counts, np.nan).astype(np.float32), reason)


def found_variants(reading: Reading, assay: str, classes: Sequence[str]) -> pl.DataFrame:
    """Give the variants of an assay by gene: `person_id`, `specimen`, `gene`, `event_time`, `known_time`, `row_id`, and whether its class `counts`."""
    frame: pl.DataFrame = reading.con.execute(filled(sql(_PACKAGE, "omics_found"), {"assay": assay, "classes": list(classes) or None})).pl()
    return frame


def _counted(states: pl.DataFrame, found: pl.DataFrame, genes: Sequence[str]) -> npt.NDArray[np.float64]:
    """Count the variants of each gene that were known in each state `(n_states, n_genes)`."""
    import polars as pl

    place = {gene: number for number, gene in enumerate(genes)}
    held = found.filter(pl.col("counts") & pl.col("gene").is_in(list(place)))
    pairs = states.select("state", "person_id", "specimen", "known_time").join(
        held.select("person_id", "specimen", "gene", known_by="known_time"), on=["person_id", "specimen"]
    )
    pairs = pairs.filter(pl.col("known_by") <= pl.col("known_time"))
    counts = np.zeros((states.height, len(genes)))
    np.add.at(counts, (pairs["state"].to_numpy(), np.asarray([place[gene] for gene in pairs["gene"].to_list()], np.intp)), 1)
    return counts


def _items(reading: Reading, assay: str, *, variants: bool) -> pl.DataFrame:
    """Give the specimens of an assay."""
    frame: pl.DataFrame = reading.con.execute(filled(sql(_PACKAGE, "omics_items"), {"assay": assay, "variants": variants})).pl()
    return frame


def numbers_of(rows: pl.DataFrame, column: str) -> Ints:
    """Give a column of states as integers, times as microseconds since 1970."""
    import polars as pl

    return rows[column].cast(pl.Int64).to_numpy()
