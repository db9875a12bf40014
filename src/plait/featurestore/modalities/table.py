"""Views of what others computed: embeddings with their encoder declared, or plain tables of numbers."""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from plait.errors import ConfigError, InputFileError
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.encoders.registry import Asked
from plait.featurestore.given.features import FeaturesView, FeatureTableOptions
from plait.featurestore.given.rows import GivenOptions, images_of, named, place_of, placed
from plait.featurestore.given.vectors import H5Vectors, NumpyVectors, ParquetVectors, Vectors
from plait.featurestore.items import ItemOptions, ItemView
from plait.featurestore.view import View, options_of
from plait.models.model import need
from plait.schema.embeddings import FEATURES_FOLDER, Declaration
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.encoders.encoder import Encoder
    from plait.featurestore.view import Reading
    from plait.settings import FeatureSettings


class GivenEncoderOptions(BaseModel):
    """What made the embeddings.

    Attributes:
        name: The encoder's name.
        version: Its version.
        dim: Length of its vectors.
        weights_sha256: SHA-256 of its weights, if known.
        norm: Least and greatest norm of its vectors, if known.
        preprocessing: Whatever else is known of how they were made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    version: str = "1"
    dim: int = Field(ge=1)
    weights_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    norm: tuple[float, float] | None = None
    preprocessing: dict[str, Any] = {}


class EmbeddingOptions(GivenOptions, ItemOptions):
    """What a view of embeddings may be told beside whose they are.

    Attributes:
        vector: The column of a Parquet file that holds the vectors.
        ids: The CSV that tells of the rows of a `.npy` file.
        dataset: The dataset of HDF5 files that holds the vectors of tiles.
        pooling: What becomes of the vectors of a slide's tiles.
    """

    vector: str = "vector"
    ids: str | None = None
    dataset: str = "features"
    pooling: Literal["mean", "max"] = "mean"


class GivenEncoder:
    """Hands on vectors that were made elsewhere."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration

    @property
    def declaration(self) -> Declaration:
        """What `plait.yaml` declares."""
        return self._declaration

    def encode(self, inputs: Sequence[tuple[npt.NDArray[np.float32], int]]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Give the vectors, and how many pieces were pooled for each."""
        return np.stack([vector for vector, _ in inputs]), np.array([parts for _, parts in inputs], np.int32)


class EmbeddingsView(ItemView):
    """Embeddings of files, taken into the study's own table through the gate."""

    table_name = "table"
    options: EmbeddingOptions

    def __init__(self, reading: Reading, name: str, modality: str, options: EmbeddingOptions) -> None:
        super().__init__(reading, name, modality, options)
        self.at_once = 64 if self._kind == "h5" else 8_192  # a slide has thousands of tiles

    @property
    def declared(self) -> dict[str, Any]:
        """What `plait.yaml` says of the encoder, and how tiles are pooled."""
        return {**super().declared, **({"pooling": self.options.pooling} if self._kind == "h5" else {})}

    def inventory(self) -> pl.DataFrame:
        """Give every row of the files; rows of one item that differ are FAILED_QC, and an image of the source without a row is NOT_ENCODED."""
        import polars as pl

        keys = self._keys
        options = self.options if self._kind != "h5" else self.options.model_copy(update={"item": "name"})
        rows = named(placed(self.reading, self.name, options, keys), self.name).with_columns(keys["content"])
        differ = pl.col("content").n_unique().over("source", "item") > 1
        rows = rows.with_columns(status=pl.when(differ & (pl.col("person_id") != 0)).then(int(Reason.FAILED_QC)).otherwise(0).cast(pl.UInt8))
        rows = rows.unique(["source", "item", "content", "person_id"], keep="first", maintain_order=True)
        if options.source is None:
            return rows
        missing = images_of(self.reading, options.source).join(rows, on=["source", "item"], how="anti", maintain_order="left")
        missing = missing.with_columns(row=pl.lit(-1, pl.Int64), content=pl.lit(""), status=pl.lit(int(Reason.NOT_ENCODED), pl.UInt8))
        return pl.concat([rows, missing.select(rows.columns)], how="vertical_relaxed")

    def encoder(self) -> Encoder:
        """Give the encoder that is declared: it hands on what is in the files."""
        declared = Asked(self.reading.study, self.name, self.modality, self.options.encoder).options(GivenEncoderOptions)
        preprocessing = {**declared.preprocessing, **({"pooling": self.options.pooling} if self._kind == "h5" else {})}
        norm = declared.norm or (0.0, float("inf"))
        return GivenEncoder(Declaration(declared.name, declared.version, declared.weights_sha256, preprocessing, declared.dim, norm=norm))

    def inputs(self, items: pl.DataFrame) -> list[Any]:
        """Give the vectors of some rows; one of another length than declared is none."""
        if self._kind != "h5" and self._stamp != self._contents_stamp:
            raise InputFileError(f"view '{self.name}'", expected="files that stay as they are", got="one that changed meanwhile", todo="Run it again.")
        dim = int(self.options.encoder["dim"])
        return [
            ItemError(Reason.FAILED_QC, f"{len(one[0])} numbers where {dim} are declared") if not isinstance(one, ItemError) and len(one[0]) != dim else one
            for one in self._vectors.vectors(items["row"].to_numpy())
        ]

    @property
    def _kind(self) -> Literal["parquet", "npy", "h5"]:
        """What kind of files it reads."""
        place = self.reading.study / self.options.path
        names = [place.name] if not place.is_dir() else [file.name for file in place.iterdir()]
        return "npy" if self.options.path.endswith(".npy") else "h5" if any(name.endswith((".h5", ".hdf5")) for name in names) else "parquet"

    @cached_property
    def _vectors(self) -> Vectors:
        """The files, opened."""
        place = place_of(self.reading, self.name, self.options.path)
        where = f"plait.yaml: view '{self.name}'"
        if self._kind == "npy":
            if self.options.ids is None:
                raise ConfigError(where, expected="the key 'ids'", got="none", todo="Name the CSV that tells whose each row of the matrix is.")
            dim = Asked(self.reading.study, self.name, self.modality, self.options.encoder).options(GivenEncoderOptions).dim
            return NumpyVectors(place, place_of(self.reading, self.name, self.options.ids), dim, self.name)
        pattern = "*.parquet" if self._kind == "parquet" else "*.h*5"
        files = sorted(place.glob(pattern)) if place.is_dir() else [place]
        if not files:
            raise ConfigError(f"{where}, path", expected="Parquet, .npy or .h5 files", got="none of them", todo="Name a folder that holds some.")
        if self._kind == "h5":
            need(("h5py",), Asked(self.reading.study, self.name, self.modality, self.options.encoder), "imaging")
            return H5Vectors(files, self.options.dataset, self.options.pooling, self.reading.study)
        return ParquetVectors(files, self.options.vector, self.name)

    @cached_property
    def _keys(self) -> pl.DataFrame:
        """The columns of all rows but the vectors, with `content`."""
        return self._vectors.keys().with_columns(self._contents)

    @cached_property
    def _contents_stamp(self) -> str:
        """What the files were when they were hashed."""
        return self._stamp

    @property
    def _stamp(self) -> str:
        """A digest of names, sizes and times of the files, and of what is read of them."""
        stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) if file.exists() else (str(file),) for file in self._vectors.files()]
        return hashlib.sha256(json.dumps([stats, self.options.vector, self.options.dataset]).encode()).hexdigest()[:16]

    @property
    def _contents(self) -> pl.Series:
        """What each vector is made of; hashing a large file takes time, so it is kept beside the embeddings for as long as the files stay as they are."""
        import polars as pl

        kept = self.reading.study / FEATURES_FOLDER / self.name / f"contents-{self._contents_stamp}.parquet"
        with suppress(OSError):
            return pl.read_parquet(kept)["content"]
        found = self._vectors.contents().alias("content")
        temporary = kept.with_name(f".{kept.name}.{secrets.token_hex(4)}")
        with suppress(OSError):  # a study that cannot be written to is read without
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for old in kept.parent.glob("contents-*.parquet"):
                old.unlink(missing_ok=True)
            found.to_frame().write_parquet(temporary)
            temporary.replace(kept)
        return found


def open_view(reading: Reading, settings: FeatureSettings) -> View:
    """Open a view of embeddings where an encoder is declared, else one of a table of numbers."""
    if "encoder" in settings.options:
        return EmbeddingsView(reading, settings.view, settings.modality, options_of(EmbeddingOptions, settings))
    return FeaturesView(reading, settings.view, settings.modality, options_of(FeatureTableOptions, settings))
