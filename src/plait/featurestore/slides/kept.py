"""Where the tiles of encoded slides are kept, for heat maps: a Parquet file for each content of a slide, beside the embedding table.

`features/VIEW/ENCODER_ID/tiles/CONTENT.parquet`, a row for each tile in the order of rows and columns of the grid; CONTENT is that of
the embedding table.

| column | meaning |
|---|---|
| `x` | left edge, in pixels of the slide's first level |
| `y` | upper edge, likewise |
| `side` | width and height, likewise |
| `tissue` | share of the tile that is tissue |
| `haematoxylin` | mean optical density of haematoxylin, by which `pool_tiles: top` chooses |
| `vector` | what the encoder made of the tile, only with `keep_tiles: vectors` |
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from plait.schema.embeddings import table_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from plait.featurestore.slides.pyramid import Tiles
    from plait.schema.embeddings import Declaration

    Floats = npt.NDArray[np.float32]

TILES_FOLDER = "tiles"


def tile_file(study: Path, view: str, encoder_id: str, content: str) -> Path:
    """Give where the tiles of a slide are kept."""
    return table_folder(study, view, encoder_id) / TILES_FOLDER / f"{content}.parquet"


def tile_schema(dim: int, *, vectors: bool) -> pa.Schema:
    """Give the columns of such a file; none may be null."""
    import pyarrow as pa

    columns = {"x": pa.int32(), "y": pa.int32(), "side": pa.int32(), "tissue": pa.float32(), "haematoxylin": pa.float32()}
    columns |= {"vector": pa.list_(pa.float32(), dim)} if vectors else {}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


class TileFile:
    """A file of tiles that is being written: it is there when all of them are, or not at all."""

    def __init__(self, path: Path, declaration: Declaration, tiles: Tiles, *, vectors: bool) -> None:
        import pyarrow.parquet as pq

        self._path, self._tiles, self._has_vectors, self._dim, self._written = path, tiles, vectors, declaration.dim, 0
        self._schema = tile_schema(declaration.dim, vectors=vectors)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._writer = pq.ParquetWriter(self._temporary, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def write(self, vectors: Floats, stained: Floats) -> None:
        """Write the next tiles: what the encoder made of them `(n, dim)`, and their haematoxylin `(n,)`."""
        import numpy as np
        import pyarrow as pa

        tiles, place = self._tiles, slice(self._written, self._written + len(vectors))
        columns = [tiles.x[place], tiles.y[place], np.full(len(vectors), tiles.side, np.int32), tiles.tissue[place], stained]
        arrays = [pa.array(column) for column in columns]
        if self._has_vectors:
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors).reshape(-1)), self._dim))
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._written += len(vectors)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()
        if kind is None:
            self._temporary.replace(self._path)
        else:
            with suppress(OSError):
                self._temporary.unlink()
