"""A study of a few persons with series, segmentations and slides, encoded once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import yaml

import plait
from pacs_study import Sandbox
from plait.demo import make_cohort
from plait.demo.pictures import write_slide
from tiny_seg import write_seg, write_series

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.random.default_rng(5).integers(-1000, 2000, (4, 5, 6)).astype(np.int16)
MASK = np.zeros(VALUES.shape, np.bool_)
MASK[1:3, 1:4, 2:5] = True

VIEWS = [
    {"view": "ct", "modality": "image", "encoder": {"kind": "first-order"}},
    {"view": "tumour", "modality": "image", "region": "segmentation", "encoder": {"kind": "first-order", "segment": "tumour", "bin_width": 50}},
    {"view": "either", "modality": "image", "region": "segmentation_or_whole", "encoder": {"kind": "first-order"}},
    {"view": "wsi", "modality": "slide", "keep_tiles": "vectors", "encoder": {"kind": "stain", "mpp": 1.0, "tile_pixels": 128}},
]


class Encoded(NamedTuple):
    """A study whose views were encoded, and its folder."""

    study: plait.Study
    folder: Path


def write_images(sandbox: Sandbox) -> None:
    """p1 has a CT of 2 January and a segmentation of it of 1 February, p2 a CT that lacks a slice and a slide."""
    write_series(sandbox.pacs / "one", VALUES, "1.2.3.1.1", StudyDate="20200102")
    write_seg(sandbox.pacs / "one" / "seg.dcm", {1: MASK, 2: ~MASK}, "1.2.3.1.1", StudyDate="20200102", ContentDate="20200201", ContentTime="120000")
    gap = {"PatientID": "p2", "StudyInstanceUID": "1.2.3.2", "StudyDate": "20200105"}
    write_series(sandbox.pacs / "two", VALUES, "1.2.3.2.1", **gap)[2].unlink()
    write_slide(sandbox.folder / "slides" / "p2.tif", make_cohort(20)[0], random.Random(1))


def declare(sandbox: Sandbox, views: list[dict[str, object]]) -> plait.Study:
    """Declare views, and slides as a source of their own."""
    sandbox.settings()
    settings = yaml.safe_load((sandbox.folder / "plait.yaml").read_text(encoding="utf-8"))
    (sandbox.folder / "sheet.csv").write_text("file,who,day\np2.tif,p2,2020-03-01\n", encoding="utf-8")
    slides = {"name": "slides", "kind": "wsi", "path": "slides", "person_system": "lab", "sheet": "sheet.csv", "sheet_key": "file"}
    settings["sources"].append(slides | {"person": "sheet.who", "date": "sheet.day"})
    (sandbox.folder / "plait.yaml").write_text(yaml.safe_dump(settings | {"features": views}), encoding="utf-8")
    return plait.open(sandbox.folder)


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Give a study that was run and encoded; not to be changed."""
    sandbox = Sandbox(tmp_path_factory.mktemp("encoded"))
    sandbox.people(["p1", "p2"])
    write_images(sandbox)
    study = declare(sandbox, VIEWS)
    study.run_etl(threads=2)
    study.embed()
    return Encoded(plait.open(sandbox.folder), sandbox.folder)
