"""What pixels cost: a CT into first-order features, and a slide into tiles, in CPU seconds beside a bare loop that only reads them.

Both are made here: `--slices` slices of 512 by 512, and a pyramidal slide of `--side` pixels a side. The bare loops are pydicom's and
OpenSlide's own. Where SimpleITK and pyradiomics are installed, the same statistics are timed with them, in the same process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_CT = "1.2.840.10008.5.1.4.1.1.2"
_RANGE, _BIN = (-500, 3000), 25.0


@contextmanager
def _timed(what: str) -> Iterator[None]:
    """Print the CPU seconds of a step, and the most memory that the process had by then."""
    start = time.process_time()
    yield
    print(f"{what:<42}{time.process_time() - start:8.1f} s CPU{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB")


def _write_ct(folder: Path, slices: int) -> list[Path]:
    """Write a CT of noise on a slope."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    noise = np.random.default_rng(0).normal(0, 300, (512, 512))
    files = []
    for number in range(slices):
        one = Dataset()
        one.SOPClassUID, one.SOPInstanceUID, one.SeriesInstanceUID, one.Modality = _CT, f"1.2.{number + 1}", "1.2", "CT"
        one.Rows = one.Columns = 512
        one.ImagePositionPatient, one.ImageOrientationPatient = [-200, -200, float(number)], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness, one.RescaleSlope, one.RescaleIntercept = [0.8, 0.8], 1, 1, -1024
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation, one.SamplesPerPixel = 16, 16, 15, 0, 1
        one.PhotometricInterpretation, one.PixelData = "MONOCHROME2", np.clip(noise + number + 1024, 0, 4095).astype("<u2").tobytes()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID, one.file_meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, _CT
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        files.append(folder / f"{number:04}.dcm")
        one.save_as(files[-1], enforce_file_format=True)
    return files


def _write_slide(path: Path, side: int) -> None:
    """Write a slide of 0.5 microns that is tissue all over: blurred noise in pink and purple."""
    import tifffile

    coarse = np.random.default_rng(1).random((side // 16, side // 16, 1))
    pixels = (np.array([92, 58, 142]) + coarse * np.array([140, 102, 54])).astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    with tifffile.TiffWriter(path) as tiff:
        for level in range(3):
            per_cm = (20_000 / 2**level,) * 2
            kind = {"compression": "jpeg", "compressionargs": {"level": 80}, "subfiletype": int(level > 0), "metadata": None}
            tiff.write(pixels, tile=(256, 256), photometric="rgb", resolution=per_cm, resolutionunit="CENTIMETER", **kind)
            pixels = pixels[::2, ::2]


def _series(folder: Path, slices: int) -> None:
    """Time a CT."""
    import pydicom

    from plait.featurestore.encoders.first_order import FirstOrderEncoder, FirstOrderOptions
    from plait.featurestore.imaging.chain import SeriesInput

    files = _write_ct(folder, slices)
    series = SeriesInput(folder, tuple(file.name for file in files))
    print(f"{slices} slices, resampled to 1 mm")
    with _timed("  pydicom: read, and nothing else"):
        for file in files:
            _ = pydicom.dcmread(file).pixel_array
    encoder = FirstOrderEncoder(FirstOrderOptions(kind="first-order", spacing_mm=1.0, range=_RANGE, bin_width=_BIN))
    with _timed("  plait: read, resample, 22 statistics"):
        encoder.encode([series])
    try:
        import SimpleITK as sitk  # noqa: N813 - as everybody calls it
        from radiomics import firstorder
    except ImportError:
        print("  SimpleITK and pyradiomics are not installed")
        return
    with _timed("  SimpleITK and pyradiomics: the same"):
        image = sitk.Cast(sitk.ReadImage([str(file) for file in files]), sitk.sitkFloat32)
        size = [int(np.ceil(one * step)) for one, step in zip(image.GetSize(), image.GetSpacing(), strict=True)]
        image = sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (1.0, 1.0, 1.0), image.GetDirection())
        values = sitk.GetArrayViewFromImage(image)
        mask = sitk.GetImageFromArray(((values >= _RANGE[0]) & (values <= _RANGE[1])).astype(np.uint8))
        mask.CopyInformation(image)
        statistics = firstorder.RadiomicsFirstOrder(image, mask, binWidth=_BIN)
        statistics.enableAllFeatures()
        statistics.execute()


def _slide(folder: Path, side: int) -> None:
    """Time a slide."""
    import openslide

    from plait.featurestore.encoders.stain import StainEncoder
    from plait.featurestore.slides.tiled import SlideInput, SlideOptions

    path = folder / "slide.tif"
    _write_slide(path, side)
    print(f"{(side // 256) ** 2} tiles of 256 pixels")
    with _timed("  OpenSlide: read, and nothing else"), openslide.OpenSlide(path) as slide:
        for top in range(0, side - 255, 256):
            for left in range(0, side - 255, 256):
                slide.read_region((left, top), 0, (256, 256)).convert("RGB")
    with _timed("  plait: find tissue, read, 29 numbers"):
        StainEncoder(SlideOptions(kind="stain", mpp=0.5, min_tissue=0.1)).encode([SlideInput(path)])


def main() -> None:
    """Run both."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--slices", type=int, default=150)
    options.add_argument("--side", type=int, default=8192)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ct").mkdir()
        _series(Path(folder) / "ct", chosen.slices)
        _slide(Path(folder), chosen.side)


if __name__ == "__main__":
    main()
