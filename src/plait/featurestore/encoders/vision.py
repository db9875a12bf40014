"""Vision models of `transformers`, for encoders of series and of slides: pictures in, one vector each out.

What a picture is (a slice, a slab, a tile), and how the vectors of several are pooled, is the encoder's own; the model is here.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.featurestore.encoders.registry import ModelOptions
from plait.models.model import Model, need
from plait.models.precision import inference
from plait.schema.embeddings import Declaration

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked

    Floats = npt.NDArray[np.float32]

_MAP = 4
"""Dimensions of what a convolutional model gives: pictures, channels, rows, columns."""

_BACKEND = "pil"
"""What image processors resize with: torchvision, where it is installed, gives other pixels."""


class VisionOptions(ModelOptions):
    """What a vision model may be told; encoders add how they come to pictures.

    Attributes:
        pooling: The vector of a picture: that of the class token (`cls`), the `mean` of its patches, or what the model's own `pooler` makes.
    """

    pooling: Literal["cls", "mean", "pooler"] = "cls"


class VisionModel:
    """A vision model with its image processor.

    Args:
        model: The model's files.
        options: What is declared.
    """

    def __init__(self, model: Model, options: VisionOptions) -> None:
        self.model, self.options = model, options

    @classmethod
    def open(cls, asked: Asked, options: VisionOptions) -> VisionModel:
        """Find a model's files; weights are read when it encodes first.

        Raises:
            EncoderError: There is no such model.
        """
        return cls(Model.find(asked, options), options)

    def declaration(self, preprocessing: dict[str, Any], norm: tuple[float, float] = (1e-6, 1e6)) -> Declaration:
        """Give the declaration of an encoder that pools this model's vectors.

        Args:
            preprocessing: How the encoder comes to pictures, and what it makes of their vectors.
            norm: Least and greatest norm of what it gives.
        """
        model = self.model
        own = {
            "model_type": model.config.get("model_type"),
            "config_sha256": model.files_sha256("config"),
            "processor_sha256": model.files_sha256("processor"),
            "processor_backend": _BACKEND,
            "pooling_of_a_picture": self.options.pooling,
            "dtype": self.options.dtype,
        }
        return Declaration(model.name, self.options.version, model.weights_sha256, {**own, **preprocessing}, self.dim, norm=norm)

    @cached_property
    def dim(self) -> int:
        """Length of a picture's vector."""
        sizes = self.model.config.get("hidden_sizes")
        return int(sizes[-1]) if isinstance(sizes, list) else self.model.size("hidden_size", "hidden_dim", within="vision_config")

    def encode(self, pictures: Iterable[npt.NDArray[np.uint8]]) -> Floats:
        """Give the vector of each picture `(n, dim) float32`; pictures are drawn a batch at a time.

        Args:
            pictures: Red, green and blue, `(rows, columns, 3) uint8`.

        Raises:
            EncoderError: The model cannot be loaded, or gives no such vectors as `pooling` asks for.
            MissingExtraError: torch or transformers is not installed.
        """
        stream, vectors = iter(pictures), [np.empty((0, self.dim), np.float32)]
        while batch := list(islice(stream, self.options.batch_size)):
            vectors.append(self._run(batch))
        return np.concatenate(vectors)

    def _run(self, pictures: list[npt.NDArray[np.uint8]]) -> Floats:
        """Give the vectors of one batch."""
        import torch

        pixels = self._processor(images=pictures, input_data_format="channels_last", return_tensors="np")["pixel_values"]
        with inference():
            given = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.model.device, getattr(torch, self.options.dtype))
            vectors: Floats = self._pooled(self._network(pixel_values=given)).float().cpu().numpy()
        return vectors

    def _pooled(self, answer: Any) -> Any:  # noqa: ANN401 - tensors
        """Give the vector of each picture from what the model gives of all its patches."""
        hidden = answer.last_hidden_state
        if self.options.pooling == "pooler":
            if answer.get("pooler_output") is None:
                raise self.model.error("a model with a pooler, as 'pooling: pooler' asks", "one without", "Set pooling to mean or cls.")
            return answer.pooler_output.flatten(1)
        if hidden.ndim == _MAP:
            if self.options.pooling == "cls":
                raise self.model.error("a model with a class token, as 'pooling: cls' asks", "a convolutional one", "Set pooling to mean.")
            return hidden.float().mean(dim=(2, 3))
        first = 1 + int(self.model.config.get("num_register_tokens", 0))
        return hidden[:, 0] if self.options.pooling == "cls" else hidden[:, first:].float().mean(dim=1)

    @cached_property
    def _network(self) -> Any:  # noqa: ANN401 - a torch module
        network = self.model.load(with_pooler=self.options.pooling == "pooler")
        return getattr(network, "vision_model", network)

    @cached_property
    def _processor(self) -> Any:  # noqa: ANN401 - an image processor
        need(("torch", "transformers", "PIL"), self.model.asked)
        from transformers import AutoImageProcessor

        with self.model.loading():
            return AutoImageProcessor.from_pretrained(self.model.folder, trust_remote_code=False, local_files_only=True, backend=_BACKEND)
