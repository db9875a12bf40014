"""Text encoders on ONNX Runtime, on the CPU: the same tokens and pooling as with `transformers`, and no torch."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.featurestore.encoders.tokens import TokenEncoder, TokenOptions
from plait.models.model import Model, need
from plait.models.weights import weights_hash

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.encoders.registry import Asked
    from plait.featurestore.encoders.tokens import Floats, Ints

_PLACES = ("model.onnx", "onnx/model.onnx")


class OnnxOptions(TokenOptions):
    """What `kind: onnx` may be told: as `kind: transformers`, on the CPU alone.

    Attributes:
        file: The graph within the model's folder; `model.onnx` or `onnx/model.onnx` if left out.
    """

    file: str | None = None
    dtype: Literal["float32"] = "float32"
    device: Literal["auto", "cpu"] = "auto"


class OnnxEncoder(TokenEncoder):
    """Chunks through a graph in ONNX."""

    options: OnnxOptions

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the graph, with what it keeps beside itself."""
        return weights_hash(self.model.asked.study, [self._graph, *sorted(self._graph.parent.glob(f"{self._graph.name}_data"))])

    def run(self, tokens: Ints, lengths: Ints) -> Floats:
        """Give the pooled vector of each chunk of a batch."""
        mask = np.arange(tokens.shape[1]) < lengths[:, None]
        known = {"input_ids": tokens, "attention_mask": mask.astype(np.int64), "token_type_ids": np.zeros_like(tokens)}
        hidden: Floats = self._session.run([self._output], {one.name: known[one.name] for one in self._session.get_inputs()})[0]
        if self.options.pooling == "mean":
            pooled: Floats = (hidden * mask[:, :, None]).sum(axis=1) / lengths[:, None].astype(np.float32)
            return pooled
        return hidden[:, 0] if self.options.pooling == "cls" else hidden[np.arange(len(lengths)), lengths - 1]

    @cached_property
    def _graph(self) -> Path:
        """The file of the graph."""
        places = (self.options.file,) if self.options.file else _PLACES
        found = [self.model.folder / place for place in places if (self.model.folder / place).is_file()]
        if not found:
            raise self.model.error(f"a graph in ONNX ({' or '.join(places)})", "none", "Export the model, for example with optimum.")
        return found[0]

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - a session of ONNX Runtime
        need(("onnxruntime",), self.model.asked)
        import onnxruntime

        try:
            session = onnxruntime.InferenceSession(str(self._graph), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - its errors share no base
            raise self.model.error("a graph that ONNX Runtime can load", type(error).__name__, "Export the model anew.") from None
        unknown = {one.name for one in session.get_inputs()} - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown:
            raise self.model.error("a graph of tokens and their mask", f"one that also wants {', '.join(sorted(unknown))}", "Export it as an encoder.")
        return session

    @property
    def _output(self) -> str:
        """The output with a vector of each token: the one of that name, else the first."""
        names = [one.name for one in self._session.get_outputs()]
        return "last_hidden_state" if "last_hidden_state" in names else str(names[0])


def open_encoder(asked: Asked) -> OnnxEncoder:
    """Open the encoder that a view declares."""
    options = asked.options(OnnxOptions)
    return OnnxEncoder(Model.find(asked, options, more=("*.onnx", "onnx/model.onnx*")), options)
