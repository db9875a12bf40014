"""Text encoders of `transformers`, on torch: `AutoTokenizer` and `AutoModel` of a folder or of the hub."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from plait.featurestore.encoders.tokens import TokenEncoder, TokenOptions
from plait.models.model import Model
from plait.models.precision import inference

if TYPE_CHECKING:
    from plait.featurestore.encoders.registry import Asked
    from plait.featurestore.encoders.tokens import Floats, Ints


class TransformersEncoder(TokenEncoder):
    """Chunks through a torch model, on the CPU or a GPU."""

    def run(self, tokens: Ints, lengths: Ints) -> Floats:
        """Give the pooled vector of each chunk of a batch."""
        import torch

        with inference():
            ids, counts = torch.from_numpy(tokens).to(self.model.device), torch.from_numpy(lengths).to(self.model.device)
            mask = torch.arange(ids.shape[1], device=ids.device)[None, :] < counts[:, None]
            hidden = self._network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
            if self.options.pooling == "mean":
                pooled = (hidden.float() * mask[:, :, None]).sum(dim=1) / counts[:, None]
            elif self.options.pooling == "cls":
                pooled = hidden[:, 0].float()
            else:
                pooled = hidden[torch.arange(len(counts), device=ids.device), counts - 1].float()
            vectors: Floats = pooled.cpu().numpy()
        return vectors

    @cached_property
    def _network(self) -> Any:  # noqa: ANN401 - a torch module
        network = self.model.load()
        return network.get_encoder() if self.model.config.get("is_encoder_decoder") else network


def open_encoder(asked: Asked) -> TransformersEncoder:
    """Open the encoder that a view declares."""
    options = asked.options(TokenOptions)
    return TransformersEncoder(Model.find(asked, options), options)
