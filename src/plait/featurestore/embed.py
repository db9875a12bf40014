"""Encoding: what a view's inventory has and its embedding table has not, in batches, through the gate, into parts that are never changed.

Every part is there whole or not at all: what is stopped, however hard, is taken up where it was.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.errors import ConfigError
from plait.etl.commit import writing
from plait.etl.tombstones import check_finished
from plait.featurestore.embeddings import Embeddings
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.items import ItemView
from plait.schema.embeddings import ENCODER_FILE, KEY, embedding_schema, part_digest, part_name, registered, table_folder
from plait.schema.reasons import Reason
from plait.validators.embeddings.gate import OF_THE_ITEM, PASSED, check_encoder, check_items, check_vectors
from plait.validators.embeddings.scan import SOUND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.encoders.encoder import Encoder
    from plait.featurestore.store import Store
    from plait.progress import Progress
    from plait.schema.embeddings import Declaration

Wrong = tuple[Reason, str] | None
"""Why an item has no vector, in a code and in words; None where it has one."""

_NO_TIME = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local time, as all of the CDM; stands where a time is not known, in quarantine


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of a view's items.

    Attributes:
        view: The view.
        encoder_id: Its encoder.
        items: Items of the version.
        encoded: Those that were encoded now.
        reused: Those whose vector was there, for this or another item of the same content.
        failed: Those without a vector, by the reason's name.
        written: Rows that were written now, those of items that failed among them.
    """

    view: str
    encoder_id: str
    items: int
    encoded: int
    reused: int
    failed: dict[str, int] = field(default_factory=dict)
    written: int = 0


def embed(store: Store, names: Sequence[str] | None, *, retry: bool, progress: Progress) -> list[Embedded]:
    """Encode the items of views that have no row in their embedding table yet; see `plait.study.Study.embed`."""
    views = [store.view(name) for name in (names or [view.view for view in store.reading.settings.features])]
    for view in views:
        if names and not isinstance(view, ItemView):
            raise ConfigError(
                f"view '{view.name}'",
                expected="a view whose items are encoded",
                got=f"one of kind '{view.modality}'",
                todo="It needs no encoding: leave it out.",
            )
    chosen = [view for view in views if isinstance(view, ItemView)]
    if not chosen:
        return []
    with writing(store.reading.study):
        check_finished(store.reading.study)
        return [_embed(view, retry=retry, progress=progress) for view in chosen]


def _embed(view: ItemView, *, retry: bool, progress: Progress) -> Embedded:
    """Encode what a view's table lacks."""
    import polars as pl

    progress(f"encoding {view.name}", 0)
    items = view.inventory().unique(KEY, keep="first", maintain_order=True)
    encoder = view.encoder()
    declaration = encoder.declaration
    check_encoder(view.reading.study, view.name, declaration)
    table = Table(register(view, declaration), declaration)
    there = Embeddings.open(table.folder, declaration.dim)
    wanted = items.filter(pl.col("status") == Reason.OBSERVED).join(_kept(there, view, items, retry=retry), on=KEY, how="anti", maintain_order="left")
    wanted = wanted.with_columns(pl.Series("wrong", check_items(view.reading.con, wanted)))
    for rows in wanted.filter(pl.col("wrong") != PASSED).iter_slices(view.at_once):
        table.write(rows, *_nothing(rows, declaration.dim), [(Reason.FAILED_QC, OF_THE_ITEM[wrong]) for wrong in rows["wrong"].to_list()])
        progress(f"encoding {view.name}", len(rows))
    good = wanted.filter(pl.col("wrong") == PASSED)
    good = good.join(_of_content(there), on="content", how="left", maintain_order="left")
    copied = good.filter(pl.col("place").is_not_null())
    for rows in copied.iter_slices(view.at_once):
        table.write(rows, there.vectors[rows["place"].to_numpy()], rows["parts"].to_numpy(), [None] * len(rows))
        progress(f"encoding {view.name}", len(rows))
    fresh = good.filter(pl.col("place").is_null()).drop("place", "parts")
    for contents in fresh.unique("content", keep="first", maintain_order=True).iter_slices(view.at_once):
        rows = fresh.join(contents.select("content").with_row_index("of"), on="content", how="inner", maintain_order="left")
        vectors, parts, wrong = _encoded(view, encoder, contents)
        of = rows["of"].to_numpy()
        table.write(rows, vectors[of], parts[of], [wrong[place] for place in of])
        progress(f"encoding {view.name}", len(rows))
    return _summed(view, table, items, fresh)


def _kept(there: Embeddings, view: ItemView, items: pl.DataFrame, *, retry: bool) -> pl.DataFrame:
    """Give the items whose row stands: those with a vector, and those that failed and are not to be tried again.

    A row that was damaged since it was written, or is another person's, does not stand.
    """
    import polars as pl

    good = there.of_items(items, view.former).filter(pl.col("made") == Reason.OBSERVED).select(KEY)
    if retry:
        return good
    bad = there.rows.filter((pl.col("status") != Reason.OBSERVED) & (pl.col("wrong") == SOUND))
    blamed = bad.filter(pl.col("detail").is_in(OF_THE_ITEM)).select(KEY).unique()
    bad = bad.select(KEY)
    doubted = items.join(blamed, on=KEY, how="semi")
    mended = doubted.filter(pl.Series(check_items(view.reading.con, doubted) == PASSED)).select(KEY)
    return pl.concat([good, bad.join(mended, on=KEY, how="anti")])


def _of_content(there: Embeddings) -> pl.DataFrame:
    """Give a vector's place for each content that has one, whatever its item."""
    import polars as pl

    return there.rows.filter(pl.col("status") == Reason.OBSERVED).unique("content", keep="first", maintain_order=True).select("content", "place", "parts")


def _encoded(view: ItemView, encoder: Encoder, items: pl.DataFrame) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], list[Wrong]]:
    """Give the vector of each item, how many pieces it was pooled from, and what is wrong with it."""
    declaration = encoder.declaration
    vectors, parts = _nothing(items, declaration.dim)
    given = view.inputs(items)
    wrong: list[Wrong] = [(one.reason, one.detail) if isinstance(one, ItemError) else None for one in given]
    lots = [[place for place, one in enumerate(wrong) if one is None]]
    while lots:
        places = lots.pop()
        if not places:
            continue
        try:
            made, pooled = encoder.encode([given[place] for place in places])
        except ItemError as error:
            if len(places) == 1:
                wrong[places[0]] = (error.reason, error.detail)
            else:
                lots += [places[len(places) // 2 :], places[: len(places) // 2]]
            continue
        details = check_vectors(made, len(places), declaration, f"view '{view.name}', encoder '{declaration.name}'")
        vectors[places], parts[places] = made, pooled
        for place, detail in zip(places, details.tolist(), strict=True):
            if detail is not None:
                wrong[place] = (Reason.FAILED_QC, detail)
    return vectors, parts, wrong


def _nothing(items: pl.DataFrame, dim: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Give no vector of each item."""
    return np.full((len(items), dim), np.nan, np.float32), np.zeros(len(items), np.int32)


def register(view: ItemView, declaration: Declaration) -> Path:
    """Write down which encoder the table is of, unless that is what was written last, and give the table's folder."""
    study = view.reading.study
    folder = table_folder(study, view.name, declaration.encoder_id)
    found = registered(study, view.name, view.declared)
    if found is None or found["encoder_id"] != declaration.encoder_id:
        entry = {
            "encoder_id": declaration.encoder_id,
            **asdict(declaration),
            "declared": view.declared,
            "registered_at": dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        }
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = folder / f".{ENCODER_FILE}"
        temporary.write_text(json.dumps(entry, indent=1, sort_keys=True, ensure_ascii=False), encoding="utf-8")
        temporary.replace(folder / ENCODER_FILE)
    return folder


class Table:
    """The embedding table of one view and encoder, open for writing; whoever holds it holds the study's lock."""

    def __init__(self, folder: Path, declaration: Declaration) -> None:
        self.folder, self._declaration = folder, declaration
        for left in folder.glob(".*.tmp"):
            left.unlink()
        self.dim, self.written = declaration.dim, 0
        self._number = max((int(part.name[:6]) for part in self.parts()), default=0)

    def parts(self) -> list[Path]:
        """Give the files of the table, oldest first."""
        return sorted(self.folder.glob("*.parquet"))

    def write(self, items: pl.DataFrame, vectors: npt.NDArray[np.float32], parts: npt.NDArray[np.int32], wrong: Sequence[Wrong]) -> None:
        """Write one part: the rows of items, with a vector where nothing is wrong. Its name tells its place in the table and its content.

        Args:
            items: Rows of an inventory.
            vectors: `(n, dim) float32`; what stands where something is wrong is not written.
            parts: How many pieces were pooled for each, `(n,)`.
            wrong: Reason and detail of each that has no vector, None of the others.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        status = np.array([Reason.OBSERVED if one is None else one[0] for one in wrong], np.uint8)
        numbers = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1), pa.float32())
        column = pa.FixedSizeListArray.from_arrays(numbers, self._declaration.dim, mask=pa.array(status != Reason.OBSERVED))
        filled: dict[str, Any] = {name: items[name].to_arrow().cast(pa.string()) for name in KEY}
        filled["person_id"] = items["person_id"].fill_null(0).to_arrow()
        filled["event_time"] = items["event_time"].fill_null(_NO_TIME).dt.cast_time_unit("us").to_arrow()
        filled["known_time"] = items["known_time"].fill_null(_NO_TIME).dt.cast_time_unit("us").to_arrow()
        filled["encoder_id"] = pa.array([self._declaration.encoder_id] * len(items), pa.string())
        filled["status"], filled["detail"] = status, [None if one is None else one[1] for one in wrong]
        filled["parts"], filled["vector"] = parts, column
        schema = embedding_schema(self._declaration.dim)
        table = pa.table(filled, schema=schema)
        self._number += 1
        self.written += len(items)
        target = self.folder / part_name(self._number, part_digest(table, [vectors[status == Reason.OBSERVED]]))
        temporary = target.with_name(f".{target.name}.tmp")
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(target)


def _summed(view: ItemView, table: Table, items: pl.DataFrame, fresh: pl.DataFrame) -> Embedded:
    """Count what became of the items; the table's cache is made on the way, so that the first query finds it."""
    import polars as pl

    ended = (
        Embeddings.open(table.folder, table.dim)
        .of_items(items, view.former)
        .with_columns(status=pl.when(pl.col("status") == Reason.OBSERVED).then("made").otherwise("status"))
    )
    good = ended.filter(pl.col("status") == Reason.OBSERVED)
    encoded = good.join(fresh, on=KEY, how="semi").height
    failed = ended.filter(pl.col("status") != Reason.OBSERVED)["status"].value_counts().sort("status")
    reasons = {Reason(code).name: count for code, count in failed.iter_rows()}
    return Embedded(view.name, table.folder.name, items.height, encoded, good.height - encoded, reasons, table.written)
