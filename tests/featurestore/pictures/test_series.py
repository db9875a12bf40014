"""A series is read as one volume, or not at all: what would make its numbers wrong in silence is a fault."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from plait.etl.images.files import ImageFiles
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.imaging.chain import SeriesInput, SeriesOptions
from plait.featurestore.imaging.segmentation import read_region
from plait.featurestore.imaging.series import read_series
from plait.schema.reasons import Reason
from tiny_seg import write_seg, write_series

if TYPE_CHECKING:
    from plait.featurestore.imaging.volume import Volume

VALUES = np.random.default_rng(5).integers(-1000, 2000, (4, 5, 6)).astype(np.int16)


def read(folder: Path | str, *names: str) -> Volume:
    with ImageFiles(folder) as files:
        return read_series(files, names or [path.name for path in Path(folder).iterdir()])[0]


def region(folder: Path, segmentation: str = "seg.dcm", segment: str | int | None = None) -> np.ndarray:
    with ImageFiles(folder) as files:
        _, series = read_series(files, [path.name for path in folder.iterdir() if path.name != segmentation])
        return read_region(files, [segmentation], series, segment)


def refused(folder: Path, *names: str) -> tuple[Reason, str]:
    with pytest.raises(ItemError) as error:
        read(folder, *names)
    return error.value.reason, error.value.detail


def test_slices_stand_as_they_lie_whatever_their_names(tmp_path: Path) -> None:
    files = write_series(tmp_path, VALUES)
    for place, other in zip(files, reversed(files[:2]), strict=False):
        place.rename(place.with_suffix(".tmp"))
        other.with_suffix(".was").write_bytes(place.with_suffix(".tmp").read_bytes())
    for left in tmp_path.glob("*.tmp"):
        left.unlink()
    volume = read(tmp_path)
    assert np.array_equal(volume.values, VALUES.astype(np.float32))
    assert volume.origin.tolist() == [-10, -20, 5]
    assert volume.steps.tolist() == [[0, 0, 1], [0, 2, 0], [3, 0, 0]]
    assert volume.parts == 4


def test_real_slices_against_pydicom(shared: Path) -> None:
    folder = shared / "data/dicom/dcmqi/data/segmentations/ct-3slice"
    volume = read(folder)
    slices = sorted((pydicom.dcmread(path) for path in folder.iterdir()), key=lambda one: float(one.ImagePositionPatient[2]))
    plain = np.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices])
    padding = np.stack([one.pixel_array for one in slices]) == slices[0].PixelPaddingValue
    assert np.array_equal(volume.values[~padding], plain[~padding])
    assert np.array_equal(volume.valid, ~padding)
    assert 0 < padding.mean() < 0.5
    assert volume.spacing_mm == pytest.approx([1.0, 0.810547, 0.810547])


def test_frames_of_one_file_are_its_slices(shared: Path) -> None:
    folder = shared / "data/dicom/dcmqi/data/segmentations/24x38x3"
    single, several = read(folder / "image"), read(folder / "multiframe")
    assert np.array_equal(single.values, several.values)
    assert np.allclose(single.steps, several.steps)
    assert np.allclose(single.origin, several.origin)


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_padded.dcm"])
def test_one_picture_in_many_encodings(name: str) -> None:
    folder = Path(str(get_testdata_file("MR_small.dcm"))).parent
    assert np.array_equal(read(folder, name).values, read(folder, "MR_small.dcm").values)


SHIFTED = {"ImagePositionPatient": [-10, -20, 30.0]}
FAULTS: dict[str, tuple[dict[int, dict[str, Any]], str]] = {
    "a gap": ({3: {"ImagePositionPatient": [-10, -20, 17]}}, "slices are missing"),
    "unequal steps": ({1: {"ImagePositionPatient": [-10, -20, 9]}}, "slices at unequal steps"),
    "two at one place": ({1: {"ImagePositionPatient": [-10, -20, 5]}}, "several slices at one place"),
    "a localizer among them": ({2: {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}}, "slices of different orientations"),
    "another resolution": ({2: {"PixelSpacing": [1, 1]}}, "slices of different resolutions"),
    "another size": ({2: {"Rows": 3, "PixelData": b"\0" * 36}}, "slices of different sizes"),
    "another space": ({2: {"FrameOfReferenceUID": "1.2.3.10"}}, "slices of several frames of reference"),
    "no place": ({0: {"ImagePositionPatient": None}}, "slices that do not say where they lie"),
    "no HU": ({0: {"RescaleIntercept": None}}, "a CT that does not say how its values become HU"),
    "colours": ({0: {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}}, "colours where one value for a pixel was expected"),
    "a skewed plane": ({0: {"ImageOrientationPatient": [1, 0, 0, 0.5, 0.8, 0]}}, "rows and columns that are not at right angles"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_would_be_wrong_in_silence_is_refused(tmp_path: Path, fault: str) -> None:
    broken, detail = FAULTS[fault]
    write_series(tmp_path / "good", VALUES)
    for number, said in broken.items():
        one = write_series(tmp_path / "bad", VALUES, **said)[number]
        one.replace(tmp_path / "good" / one.name)
    assert refused(tmp_path / "good") == (Reason.UNPARSED, detail)


def test_a_middle_slice_that_is_missing_is_missed(tmp_path: Path) -> None:
    files = write_series(tmp_path, VALUES)
    files[2].unlink()
    assert refused(tmp_path) == (Reason.UNPARSED, "slices are missing")


def test_places_may_be_rounded_and_files_be_there_twice(tmp_path: Path) -> None:
    files = write_series(tmp_path, VALUES, step_mm=0.6251)
    for number, file in enumerate(files):
        instance = pydicom.dcmread(file)
        instance.ImagePositionPatient = [-10, -20, round(5 + number * 0.6251, 2)]
        instance.save_as(file)
    (tmp_path / "again.dcm").write_bytes(files[1].read_bytes())
    assert np.array_equal(read(tmp_path).values, VALUES.astype(np.float32))


def test_a_tilted_gantry_shears_and_keeps_its_volume(tmp_path: Path) -> None:
    for number, file in enumerate(write_series(tmp_path, VALUES)):
        instance = pydicom.dcmread(file)
        instance.ImagePositionPatient = [-10, -20 + number, 5 + number * 3]
        instance.save_as(file)
    volume = read(tmp_path).oriented()
    assert volume.is_sheared
    assert volume.voxel_mm3 == pytest.approx(6.0)


def test_one_slice_is_as_thick_as_it_says(tmp_path: Path) -> None:
    write_series(tmp_path / "a", VALUES[:1])
    write_series(tmp_path / "b", VALUES[:1], SliceThickness=None)
    assert read(tmp_path / "a").spacing_mm.tolist() == [3, 2, 1]
    assert refused(tmp_path / "b") == (Reason.UNPARSED, "one slice that does not say how thick it is")


def test_files_that_are_gone_cut_or_none(tmp_path: Path) -> None:
    write_series(tmp_path, VALUES[:2])
    names = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    cut = tmp_path / names[1]
    cut.write_bytes(cut.read_bytes()[:-20])
    assert refused(tmp_path, "gone.dcm") == (Reason.UNREACHABLE, "a file is gone")
    assert refused(tmp_path, "../" + names[0])[0] == Reason.UNREACHABLE
    assert refused(tmp_path, names[0], "notes.txt") == (Reason.UNPARSED, "files without pixels")
    assert refused(tmp_path, *names) == (Reason.UNPARSED, "a file cannot be parsed")
    assert refused(tmp_path, "s3://bucket/series/*") == (Reason.UNREACHABLE, "a reference that cannot be opened here")


def test_slices_in_an_archive_and_elsewhere(tmp_path: Path) -> None:
    files = write_series(tmp_path / "files", VALUES)
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for file in files:
            archive.write(file, file.name)
    memory = fsspec.filesystem("memory")
    for file in files:
        memory.pipe(f"/bucket/{file.name}", file.read_bytes())
    for root, prefix in ((tmp_path, "study.zip!"), (tmp_path, "memory://bucket/"), ("memory://bucket", "")):
        assert np.array_equal(read(root, *(prefix + file.name for file in files)).values, VALUES.astype(np.float32))


def test_a_file_with_fewer_frames_than_it_says(shared: Path, tmp_path: Path) -> None:
    instance = pydicom.dcmread(shared / "data/dicom/dcmqi/data/segmentations/24x38x3/multiframe/mf.dcm")
    frames = [bytes(frame) for frame in np.split(np.frombuffer(instance.PixelData, np.uint8), 3)]
    instance.PixelData = encapsulate([pydicom.pixels.encoders.RLELosslessEncoder.encode(frame, **_coded(instance)) for frame in frames[:2]])
    instance.file_meta.TransferSyntaxUID = RLELossless
    instance["PixelData"].is_undefined_length = True
    instance.save_as(tmp_path / "mf.dcm")
    assert refused(tmp_path) == (Reason.UNPARSED, "fewer frames than a file says")


def _coded(instance: pydicom.Dataset) -> dict[str, Any]:
    """What an encoder must know of frames."""
    return {
        "rows": instance.Rows,
        "columns": instance.Columns,
        "samples_per_pixel": 1,
        "bits_allocated": instance.BitsAllocated,
        "bits_stored": instance.BitsStored,
        "pixel_representation": instance.PixelRepresentation,
        "photometric_interpretation": "MONOCHROME2",
        "number_of_frames": 1,
    }


def test_what_would_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_series(tmp_path, VALUES)
    with pytest.raises(ItemError, match="voxels once it is resampled"):
        SeriesInput(tmp_path, tuple(file.name for file in files)).load(SeriesOptions(kind="first-order", spacing_mm=0.01))
    monkeypatch.setattr("plait.featurestore.imaging.series.MOST_VOXELS", 100)
    assert refused(tmp_path) == (Reason.UNPARSED, "larger than 100 voxels")


# Regions


MASK = np.zeros((4, 5, 6), np.bool_)
MASK[1:3, 1:4, 2:5] = True
OTHER = np.zeros_like(MASK)
OTHER[2, 3:, 4:] = True


def test_a_segmentation_on_the_grid_of_its_series(tmp_path: Path) -> None:
    write_series(tmp_path, VALUES)
    write_seg(tmp_path / "seg.dcm", {1: MASK, 2: OTHER})
    assert np.array_equal(region(tmp_path), MASK | OTHER)
    for name in (1, "tumour", "108369006"):
        assert np.array_equal(region(tmp_path, segment=name), MASK)
    assert np.array_equal(region(tmp_path, segment="LIVER"), OTHER)


def test_a_segmentation_of_a_part_lies_where_it_says(tmp_path: Path) -> None:
    write_series(tmp_path, VALUES)
    write_seg(tmp_path / "seg.dcm", {1: MASK})
    whole = pydicom.dcmread(tmp_path / "seg.dcm")
    bits = np.packbits(MASK[1:3, 1:4, 2:5].ravel(), bitorder="little").tobytes()
    whole.Rows, whole.Columns, whole.PixelData = 3, 3, bits + b"\0" * (len(bits) % 2)
    for group in whole.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [float(x) + 2 * 1, float(y) + 1 * 2, z]
    whole.save_as(tmp_path / "seg.dcm")
    assert np.array_equal(region(tmp_path), MASK)


def test_a_probability_counts_from_one_half_on(tmp_path: Path) -> None:
    write_series(tmp_path, VALUES)
    write_seg(tmp_path / "seg.dcm", {1: MASK})
    soft = pydicom.dcmread(tmp_path / "seg.dcm")
    shades = np.where(MASK[1:3], 200, 99).astype(np.uint8)
    shades[0, 0, 0] = 100
    soft.SegmentationType, soft.MaximumFractionalValue = "FRACTIONAL", 200
    soft.BitsAllocated = soft.BitsStored = 8
    soft.HighBit, soft.PixelData = 7, shades.tobytes()
    soft.save_as(tmp_path / "seg.dcm")
    expected = MASK.copy()
    expected[1, 0, 0] = True
    assert np.array_equal(region(tmp_path), expected)


def test_a_segmentation_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, VALUES)
    outcomes = {}
    for said, segment in itertools.product(({}, {"FrameOfReferenceUID": "1.2.3.99"}), (1, "spleen")):
        write_seg(tmp_path / "seg.dcm", {1: MASK}, **said)
        with_region = None
        try:
            with_region = region(tmp_path, segment=segment)
        except ItemError as error:
            outcomes[len(said), segment] = (error.reason, error.detail)
        assert (with_region is not None) == (not said and segment == 1)
    assert outcomes == {
        (0, "spleen"): (Reason.NO_MATERIAL, "the segmentation has no such segment"),
        (1, 1): (Reason.UNPARSED, "a segmentation in another frame of reference than its series"),
        (1, "spleen"): (Reason.UNPARSED, "a segmentation in another frame of reference than its series"),
    }
    write_seg(tmp_path / "seg.dcm", {1: MASK}, step_mm=50.0)
    with pytest.raises(ItemError, match="nothing of the series is in the segment"):
        region(tmp_path)


def test_real_segmentations_against_pydicom(shared: Path) -> None:
    root = shared / "data/dicom/dcmqi/data/segmentations"
    with ImageFiles(root) as files:
        _, ct = read_series(files, [f"ct-3slice/0{number}.dcm" for number in (1, 2, 3)])
        _, small = read_series(files, [f"24x38x3/image/IMG000{number}.dcm" for number in (1, 2, 3)])
        for name in ("liver.dcm", "partial_overlaps.dcm"):
            plain = pydicom.dcmread(root / name)
            drawn = {int(one.SegmentNumber): np.zeros((3, 512, 512), np.bool_) for one in plain.SegmentSequence}
            heights = [frame.position[2] for frame in ct.frames]
            for group, pixels in zip(plain.PerFrameFunctionalGroupsSequence, plain.pixel_array, strict=True):
                height = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
                drawn[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)][np.argmin(np.abs(np.array(heights) - height))] |= pixels > 0
            for number, mask in drawn.items():
                assert np.array_equal(read_region(files, [name], ct, number), mask)
        for name in ("sparse-labelmap-ppv5.dcm", "sparse-labelmap-noppv.dcm"):
            assert read_region(files, [name], small, "liver").sum(axis=(1, 2)).tolist() == [315, 0, 315]
