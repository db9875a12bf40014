"""Pictures to look at: the right slices, at a sensible window, and never over another file."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pydicom.data
import pytest
import yaml
from PIL import Image

import plait
from plait.demo import make_cohort
from plait.demo.pictures import write_slide
from plait.errors import ConfigError, StudyError
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from pacs_study import Sandbox


def slice_of(path: Path, value: int, z: float, **said: Any) -> Path:  # noqa: ANN401 - values of DICOM
    """Write an even slice of 4 x 4 pixels at a height."""
    pixels = np.full((4, 4), value, dtype="<i2").tobytes()
    plane = {"ImagePositionPatient": [0, 0, z], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    return write_dicom(path, PixelData=pixels, PixelRepresentation=1, RescaleSlope="1", RescaleIntercept="0", **(plane | said))


def greys(path: Path) -> list[int]:
    """Give the grey of the middle of each of the pictures, which are 4 pixels wide and 4 apart."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"))
    return [int(pixels[2, left + 2]) for left in range(0, pixels.shape[1], 8)]


def test_the_middle_slices_in_the_order_of_their_places(sandbox: Sandbox, tmp_path: Path) -> None:
    order = [3, 9, 0, 5, 7, 1, 4, 8, 2, 6]
    for name, place in enumerate(order):
        slice_of(sandbox.pacs / f"{name}.dcm", -160 + 40 * place, z=10.0 * place, BodyPartExamined="ABDOMEN", InstanceNumber=name)
    study = sandbox.run()
    shown = study.show("1.2.3.1.1", tmp_path / "a.png")
    assert (shown.modality, shown.kind, shown.panes, shown.notes) == ("CT", "slices", 3, ())
    assert greys(tmp_path / "a.png") == [round(255 * place / 10) for place in (3, 4, 5)]  # 40 HU of a window of 400 from -160


def test_a_chest_is_shown_at_the_window_of_lungs(sandbox: Sandbox, tmp_path: Path) -> None:
    slice_of(sandbox.pacs / "a.dcm", -600, z=0, BodyPartExamined="CHEST")
    study = sandbox.run()
    study.show(4194304, tmp_path / "a.png")
    assert greys(tmp_path / "a.png") == [128]


def test_what_is_white_on_film_is_black_here(sandbox: Sandbox, tmp_path: Path) -> None:
    values = np.zeros((4, 4), dtype="<i2")
    values[:, 2:] = 1000
    said = {"PixelRepresentation": 1, "Modality": "DX", "PhotometricInterpretation": "MONOCHROME1", "BurnedInAnnotation": "YES"}
    write_dicom(sandbox.pacs / "a.dcm", PixelData=values.tobytes(), **said)
    shown = sandbox.run().show(4194304, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert np.asarray(picture.convert("L")).tolist() == [[255, 255, 0, 0]] * 4
    assert "burned" in shown.notes[0]


def test_a_member_of_an_archive_and_the_frames_of_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    frames = np.stack([np.full((4, 4), -160 + 100 * number, dtype="<i2") for number in range(5)])
    one = write_dicom(tmp_path / "one.dcm", PixelData=frames.tobytes(), PixelRepresentation=1, NumberOfFrames=5, BodyPartExamined="LIVER")
    with zipfile.ZipFile(sandbox.pacs / "m.zip", "w") as archive:
        archive.write(one, "one.dcm")
    sandbox.run().show(4194304, tmp_path / "a.png")
    assert greys(tmp_path / "a.png") == [64, 128, 191]


def test_a_slide_beside_itself_with_its_tissue_outlined(sandbox: Sandbox, tmp_path: Path) -> None:
    write_slide(sandbox.folder / "slides" / "one.tif", make_cohort(20)[0], random.Random(1))
    sandbox.settings()
    settings = yaml.safe_load((sandbox.folder / "plait.yaml").read_text(encoding="utf-8"))
    (sandbox.folder / "sheet.csv").write_text("file,who,day\none.tif,p1,2020-01-01\n", encoding="utf-8")
    settings["sources"][1] = {"name": "slides", "kind": "wsi", "path": "slides", "person_system": "lab", "sheet": "sheet.csv", "sheet_key": "file"}
    settings["sources"][1] |= {"person": "sheet.who", "date": "sheet.day"}
    (sandbox.folder / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    study = plait.open(sandbox.folder)
    study.run_etl(threads=2)
    study.show("one", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[0] == 512
    assert pixels.shape[1] == 2 * 512 + 4
    outlined = (pixels == (0, 200, 0)).all(axis=2)
    assert not outlined[:, :512].any()
    assert outlined[:, 516:].any()


def test_what_cannot_be_shown_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    slice_of(sandbox.pacs / "a.dcm", 0, z=0)
    study = sandbox.run()
    (tmp_path / "there.png").touch()
    with pytest.raises(ConfigError, match="expected a new file"):
        study.show(4194304, tmp_path / "there.png")
    study.show(4194304, tmp_path / "there.png", force=True)
    with pytest.raises(StudyError, match="expected an image of this image_occurrence_id"):
        study.show(7, tmp_path / "a.png")
    (sandbox.pacs / "a.dcm").unlink()
    with pytest.raises(ConfigError, match="a folder for the picture"):
        study.show(4194304, tmp_path / "no" / "a.png")
    with pytest.raises(StudyError, match="got one that is gone"):
        study.show(4194304, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_reference_to_elsewhere_has_no_picture(sandbox: Sandbox, tmp_path: Path) -> None:
    (sandbox.folder / "index.csv").write_text("PatientID,StudyInstanceUID,SeriesInstanceUID,Modality,StudyDate\np1,1.2,1.2.3,CT,20200101\n", encoding="utf-8")
    study = sandbox.run("index.csv", manifest="index.csv")
    with pytest.raises(StudyError, match="references to files elsewhere"):
        study.show("1.2.3", tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "kind"), [("examples_palette.dcm", "slices"), ("SC_rgb_rle_16bit.dcm", "slices"), ("liver_1frame.dcm", None), ("image_dfl.dcm", "slices")]
)
@pytest.mark.filterwarnings("ignore")
def test_files_of_many_kinds(sandbox: Sandbox, tmp_path: Path, name: str, kind: str | None) -> None:
    root = Path(pydicom.data.__file__).parent / "test_files"
    file = pydicom.dcmread(root / name, force=True)
    file.PatientID, file.StudyDate, file.SeriesInstanceUID, file.StudyInstanceUID = "p1", "20200102", "1.2.3.9", "1.2.3.8"
    file.save_as(sandbox.pacs / "a.dcm")
    study = sandbox.run()
    if kind is None:  # a segmentation: its pixels are no picture
        with pytest.raises(StudyError, match="expected an image with a picture, got a SEG"):
            study.show(4194304, tmp_path / "a.png")
    else:
        assert study.show(4194304, tmp_path / "a.png").kind == kind


def test_an_archive_that_was_cut_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    with zipfile.ZipFile(sandbox.pacs / "m.zip", "w") as archive:
        archive.write(write_dicom(tmp_path / "one.dcm"), "one.dcm")
    study = sandbox.run()
    path = sandbox.pacs / "m.zip"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StudyError, match=r"^image 4194304: expected files that can be read"):
        study.show(4194304, tmp_path / "a.png")
