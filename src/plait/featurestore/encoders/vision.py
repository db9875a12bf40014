"""Vision models of `transformers`, on torch: `AutoImageProcessor` and `AutoModel` of a folder or of the hub, for pictures of any kind."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.featurestore.encoders.model import ModelOptions

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.featurestore.encoders.model import Model


class VisionOptions(ModelOptions):
    """What an encoder with a vision model may be told.

    Attributes:
        patches: What becomes of the model's last layer: the `mean` of its patches, or of its positions where it has no patches; `cls`, its first token.
    """

    patches: Literal["mean", "cls"] = "mean"


class VisionModel:
    """Turns pictures into vectors.

    Attributes:
        model: The model's files.
    """

    def __init__(self, model: Model, options: VisionOptions) -> None:
        self.model, self._options = model, options

    @cached_property
    def dim(self) -> int:
        """Length of its vectors."""
        config = self.model.config
        widths = config.get("hidden_sizes") or config.get("vision_config", {}).get("hidden_sizes")
        return int(widths[-1]) if widths else self.model.size("hidden_size", "hidden_dim")

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What decides its vectors beside the weights, for the encoder's declaration."""
        return {
            "config": self.model.files_sha256("config"),
            "image_processor": self.model.files_sha256("processor"),
            "backend": "pil",
            "patches": self._options.patches,
            "dtype": self._options.dtype,
        }

    def vectors(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Give the vector of each picture `(n, dim) float32`, from RGB `(n, height, width, 3)`."""
        step = self._options.batch_size
        found = [self._some(pictures[start : start + step]) for start in range(0, len(pictures), step)]
        return np.concatenate(found) if found else np.empty((0, self.dim), np.float32)

    def _some(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Give the vectors of a batch."""
        import torch

        given = self._processor(images=list(pictures), return_tensors="pt")["pixel_values"]
        network = self._network
        with torch.inference_mode():
            hidden = network(pixel_values=given.to(self.model.device, network.dtype)).last_hidden_state.float()
            if hidden.ndim == 4:  # noqa: PLR2004 - a convolutional model: vectors, rows, columns
                hidden = hidden.flatten(2).transpose(1, 2)
            else:
                hidden = hidden[:, :1] if self._options.patches == "cls" else hidden[:, self._leading(given, hidden) :]
            vectors: npt.NDArray[np.float32] = hidden.mean(dim=1).cpu().numpy()
        return vectors

    def _leading(self, given: Any, hidden: Any) -> int:  # noqa: ANN401 - tensors
        """Give how many tokens stand before those of the patches."""
        patch = self.model.config.get("patch_size")
        if not isinstance(patch, int):
            return 0
        patches = (given.shape[-2] // patch) * (given.shape[-1] // patch)
        return hidden.shape[1] - patches if 0 < patches <= hidden.shape[1] else 0

    @cached_property
    def _processor(self) -> Any:  # noqa: ANN401 - an image processor
        from transformers import AutoImageProcessor

        with self.model.loading():  # always the same backend: another one resizes otherwise, whether it is installed or not
            return AutoImageProcessor.from_pretrained(self.model.folder, local_files_only=True, trust_remote_code=False, backend="pil")

    @cached_property
    def _network(self) -> Any:  # noqa: ANN401 - a torch module
        network = self.model.load()
        return getattr(network, "vision_model", network)
