"""Views of series and slides, from files to features: what is there, why something is not, and nothing of a segmentation before it was drawn."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from PIL import Image
from transformers import ConvNextConfig, ConvNextModel, ViTConfig, ViTModel

import plait
from plait.errors import CohortError, ConfigError, StudyError
from plait.featurestore.aligned import Aligned
from plait.featurestore.encoders.registry import Asked, open_encoder
from plait.featurestore.encoders.slices import SlicesOptions, pictures_of
from plait.featurestore.imaging.chain import SeriesInput, Window
from plait.featurestore.imaging.firstorder import STATISTICS, first_order
from plait.featurestore.imaging.volume import Volume
from plait.featurestore.slides.tiled import SlideInput
from plait.schema.embeddings import table_folder
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Encoded

NAMES = tuple(one.name for one in STATISTICS)


def asked(study: plait.Study, view: str, *days: tuple[str, dt.date]) -> Aligned:
    """Ask for persons by their number at a source, at the ends of days."""
    persons = dict(study.connect().execute("SELECT person_source_value, person_id FROM cdm.person").fetchall())
    rows = {"person_id": [persons[name] for name, _ in days], "prediction_time": [day for _, day in days]}
    answer = study.get_historical_features(rows, [view])[view]
    assert isinstance(answer, Aligned)
    return answer


def plain(mask: np.ndarray, values: np.ndarray) -> dict[str, float]:
    chosen = values[mask].astype(float)
    return {"volume_mm3": chosen.size * 6.0, "mean": chosen.mean(), "minimum": chosen.min(), "p90": np.percentile(chosen, 90)}


@pytest.fixture(scope="module")
def values() -> tuple[np.ndarray, np.ndarray]:
    made = np.random.default_rng(5).integers(-1000, 2000, (4, 5, 6)).astype(np.int16)
    mask = np.zeros(made.shape, np.bool_)
    mask[1:3, 1:4, 2:5] = True
    return made, mask


def test_a_series_is_known_from_its_day_on_and_one_with_a_gap_is_unparsed(encoded: Encoded, values: tuple[np.ndarray, np.ndarray]) -> None:
    found = asked(encoded.study, "ct", ("p1", dt.date(2020, 1, 1)), ("p1", dt.date(2020, 1, 2)), ("p2", dt.date(2020, 6, 1)))
    assert found.names == NAMES
    assert found.row_reason.tolist() == [Reason.UNKNOWN, Reason.OBSERVED, Reason.UNPARSED]
    expected = plain(np.ones(values[0].shape, np.bool_), values[0])
    assert {name: float(found.values[1, NAMES.index(name)]) for name in expected} == pytest.approx(expected, rel=1e-5)
    assert found.age_days[1, 0] == pytest.approx(0.57, abs=0.01)  # from 10:15 to the end of the day


def test_a_segmentation_counts_from_when_it_was_drawn(encoded: Encoded, values: tuple[np.ndarray, np.ndarray]) -> None:
    days = [("p1", dt.date(2020, 1, 10)), ("p1", dt.date(2020, 2, 1))]
    tumour, either = asked(encoded.study, "tumour", *days), asked(encoded.study, "either", *days)
    assert tumour.row_reason.tolist() == [Reason.NO_MATERIAL, Reason.OBSERVED]
    inside = plain(values[1], values[0])
    assert {name: float(tumour.values[1, NAMES.index(name)]) for name in inside} == pytest.approx(inside, rel=1e-5)
    means = either.values[:, NAMES.index("mean")]
    assert means[0] == pytest.approx(values[0].mean(), rel=1e-5)  # the whole series, until there is a segmentation: then all its segments
    assert float(either.values[1, NAMES.index("volume_mm3")]) == values[0].size * 6.0
    assert either.row_reason.tolist() == [0, 0]


def test_a_slide_and_its_tiles(encoded: Encoded) -> None:
    found = asked(encoded.study, "wsi", ("p2", dt.date(2020, 3, 1)), ("p2", dt.date(2020, 2, 29)), ("p1", dt.date(2021, 1, 1)))
    assert found.row_reason.tolist() == [Reason.OBSERVED, Reason.UNKNOWN, Reason.UNKNOWN]
    view: Any = encoded.study.store.view("wsi")
    image = view.inventory()["row_id"][0]
    tiles = view.tiles(image)
    assert tiles.columns == ["x", "y", "side", "tissue", "haematoxylin", "vector"]
    assert np.allclose(np.mean(tiles["vector"].to_list(), axis=0), found.values[0], atol=1e-5)
    with pytest.raises(CohortError):
        view.tiles(-1)
    shown = encoded.study.get_historical_features({"person_id": [view.inventory()["person_id"][0]], "prediction_time": [dt.date(2020, 3, 1)]}, ["wsi"])
    told = shown.explain("wsi.haematoxylin_p90")
    assert told["statistic"]["meaning"].startswith("haematoxylin: 90th percentile")
    assert told["encoder"]["preprocessing"]["mpp"] == 1.0
    assert told["sources"]["row_id"].to_list() == [image]


def test_explanations_say_statistic_and_region(encoded: Encoded) -> None:
    told = encoded.study.store.view("tumour").explain("entropy")
    assert told["statistic"]["unit"] == "bits"
    assert told["encoder"]["preprocessing"]["segment"] == "tumour"
    assert told["encoder"]["preprocessing"]["bin_width"] == 50
    assert told["region"] == "segmentation"
    assert "features" not in told["encoder"]["preprocessing"]


def test_nothing_is_encoded_twice_and_the_same_bytes_come_again(encoded: Encoded, tmp_path: Path) -> None:
    shutil.copytree(encoded.folder, tmp_path / "copy", copy_function=shutil.copy2)
    study = plait.open(tmp_path / "copy")
    assert {view.view: view.written for view in study.embed()} == {"ct": 0, "tumour": 0, "either": 0, "wsi": 0}
    before = _vectors(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "features")
    again = {view.view: (view.encoded, view.failed) for view in plait.open(tmp_path / "copy").embed()}
    assert again == {"ct": (1, {"UNPARSED": 1}), "tumour": (1, {"NO_MATERIAL": 2}), "either": (2, {"UNPARSED": 1}), "wsi": (1, {})}
    assert _vectors(tmp_path / "copy") == before


def _vectors(folder: Path) -> dict[str, bytes]:
    """Every vector and every tile of a study, by its file's name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in (folder / "features").rglob("*.parquet") if "cache" not in path.parts}


def test_a_file_that_is_gone_is_unreachable(encoded: Encoded, tmp_path: Path) -> None:
    shutil.copytree(encoded.folder, tmp_path / "copy", copy_function=shutil.copy2)
    study = plait.open(tmp_path / "copy")
    next((tmp_path / "copy" / "pacs" / "one").glob("*-0.dcm")).unlink()
    (tmp_path / "copy" / "slides" / "p2.tif").unlink()
    shutil.rmtree(tmp_path / "copy" / "features")
    failed = {view.view: view.failed for view in study.embed(["ct", "wsi"])}
    assert failed == {"ct": {"UNPARSED": 1, "UNREACHABLE": 1}, "wsi": {"UNREACHABLE": 1}}
    assert not list((tmp_path / "copy" / "features").rglob("tiles/*.parquet"))
    study.verify()
    found = asked(plait.open(tmp_path / "copy"), "either", ("p1", dt.date(2020, 3, 1)))
    assert found.row_reason.tolist() == [Reason.UNREACHABLE]


def test_tiles_that_were_not_kept(encoded: Encoded, tmp_path: Path) -> None:
    shutil.copytree(encoded.folder, tmp_path / "copy", copy_function=shutil.copy2)
    study = plait.open(tmp_path / "copy")
    view: Any = study.store.view("wsi")
    shutil.rmtree(table_folder(tmp_path / "copy", "wsi", view.encoder_id) / "tiles")
    with pytest.raises(StudyError, match="kept tiles"):
        view.tiles(view.inventory()["row_id"][0])


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({"modality": "image", "regoin": "whole", "encoder": {"kind": "first-order"}}, "Did you mean 'region'"),
        ({"modality": "image", "encoder": {"kind": "first-order", "spacing": 1}}, "Did you mean 'spacing_mm'"),
        ({"modality": "image", "encoder": {"kind": "first-order", "spacing_mm": -1}}, "voxels are larger than 0 mm"),
        ({"modality": "image", "encoder": {"kind": "first-order", "range": [5, -5]}}, "the lower one first"),
        ({"modality": "slide", "encoder": {"kind": "stain", "mpp": 0}}, "greater than 0"),
        ({"modality": "slide", "encoder": {"kind": "stian"}}, "Did you mean 'stain'"),
    ],
)
def test_options_that_do_not_fit(encoded: Encoded, tmp_path: Path, view: dict[str, Any], said: str) -> None:
    shutil.copytree(encoded.folder / "warehouse", tmp_path / "warehouse")
    settings = yaml.safe_load((encoded.folder / "plait.yaml").read_text(encoding="utf-8"))
    settings["features"] = [{"view": "one", **view}]
    (tmp_path / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        plait.open(tmp_path).store.view("one").encoder()


# With models


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny models with weights that were drawn: one of patches, one that is convolutional."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    tiny = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 20, "image_size": 32, "patch_size": 8}
    ViTModel(ViTConfig(**tiny), add_pooling_layer=False).save_pretrained(folder / "patches")
    ConvNextModel(ConvNextConfig(hidden_sizes=[4, 8, 8, 12], depths=[1, 1, 1, 1])).save_pretrained(folder / "maps")
    for name in ("patches", "maps"):
        (folder / name / "preprocessor_config.json").write_text(
            '{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 32, "width": 32}, "resample": 2, "do_rescale": true, '
            '"rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}',
            encoding="utf-8",
        )
    return folder


def test_tiles_through_a_model_are_what_the_model_says(models: Path, encoded: Encoded, tmp_path: Path) -> None:
    slide = encoded.folder / "slides" / "p2.tif"
    declared = {"kind": "tiles", "model": str(models / "patches"), "mpp": 1.0, "tile_pixels": 128, "batch_size": 3}
    encoder = open_encoder(Asked(tmp_path, "wsi", "slide", declared))
    vectors, parts = encoder.encode([SlideInput(slide, tmp_path / "tiles.parquet", keep_vectors=True)])
    tiles = pl.read_parquet(tmp_path / "tiles.parquet")
    assert vectors.shape == (1, 16)
    assert tiles.height == parts[0]
    first = tiles.row(0, named=True)
    with Image.open(slide) as whole:
        pixels = np.asarray(whole.convert("RGB"))[first["y"] : first["y"] + 256, first["x"] : first["x"] + 256]
    pixels = pixels.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    model = ViTModel.from_pretrained(models / "patches", add_pooling_layer=False).eval()
    given = torch.from_numpy(np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR)).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        expected = model(pixel_values=given).last_hidden_state[0, 0].numpy()
    assert np.corrcoef(first["vector"], expected)[0, 1] > 0.99
    one_by_one = open_encoder(Asked(tmp_path, "wsi", "slide", declared | {"batch_size": 1}))
    assert one_by_one.declaration.encoder_id == encoder.declaration.encoder_id
    assert np.allclose(one_by_one.encode([SlideInput(slide)])[0], vectors, atol=1e-5)


def test_slices_through_a_model(models: Path, encoded: Encoded, tmp_path: Path) -> None:
    series = SeriesInput(encoded.folder / "pacs", tuple(f"one/1.2.3.1.1-{number}.dcm" for number in range(4)))
    declared = {"kind": "transformers", "model": str(models / "maps"), "pooling": "mean", "slices": 3, "window": {"level": 40, "width": 400}}
    encoder = open_encoder(Asked(tmp_path, "ct", "image", declared))
    vectors, parts = encoder.encode([series])
    assert (vectors.shape, parts.tolist()) == ((1, 12), [3])
    again = open_encoder(Asked(tmp_path, "ct", "image", declared | {"window": {"level": 40, "width": 80}}))
    assert again.declaration.encoder_id != encoder.declaration.encoder_id
    assert not np.array_equal(again.encode([series])[0], vectors)


def test_slides_through_the_packaged_model(encoded: Encoded, tmp_path: Path) -> None:
    declared = {"kind": "efficientnet", "mpp": 1.0, "tile_pixels": 128}
    encoder = open_encoder(Asked(tmp_path, "wsi", "slide", declared))
    vectors, parts = encoder.encode([SlideInput(encoded.folder / "slides" / "p2.tif")])
    assert vectors.shape == (1, 1280)
    assert np.isfinite(vectors).all()
    view: Any = encoded.study.store.view("wsi")
    assert parts.tolist() == [view.tiles(view.inventory()["row_id"][0]).height]
    assert len(encoder.declaration.weights_sha256) == 64


def test_slices_as_pictures() -> None:
    """Of eight slices two are taken, in the middle of each half, each with its neighbours; the window's edges are black and white."""
    ramp = np.arange(8, dtype=np.float32)[:, None, None] * np.ones((1, 4, 6), np.float32)
    volume = Volume(ramp, np.zeros(3), np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]]))
    options = SlicesOptions(kind="transformers", model="m", slices=2, window=Window(level=3.5, width=7))
    pictures = pictures_of(volume, options)
    assert pictures.shape == (2, 4, 6, 3)
    assert (pictures[:, 0, 0] * (7 / 255)).round().tolist() == [[1, 2, 3], [5, 6, 7]]
    region = np.zeros(ramp.shape, np.bool_)
    region[5, 1:3, 2:4] = True
    small = pictures_of(Volume(ramp, volume.origin, volume.steps, region=region), options.model_copy(update={"crop_mm": 1.0, "colours": "same"}))
    assert small.shape == (1, 4, 4, 3)
    assert (small[0, 0, 0] * (7 / 255)).round().tolist() == [5, 5, 5]


def test_the_demo_has_views_of_its_pictures(demo_study: Path) -> None:
    study = plait.open(demo_study)
    persons = study.table("person")["person_id"].to_list()
    table = study.get_historical_features({"person_id": persons, "prediction_time": [dt.date(2025, 1, 1)] * len(persons)}, ["ct", "wsi"])
    assert table.present.sum(axis=0).tolist() == [30, 52]
    assert set(np.unique(table.reason).tolist()) == {Reason.OBSERVED, Reason.UNKNOWN}
    view: Any = study.store.view("ct")
    entry = view.inventory().row(0, named=True)
    given = view.inputs(view.inventory().head(1))[0]
    volume = given.load(view.encoder()._options)  # noqa: SLF001 - the very options of the view
    row = persons.index(entry["person_id"])
    assert np.array_equal(table["ct"].values[row], first_order(volume, 25.0).astype(np.float32))
