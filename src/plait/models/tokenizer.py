"""A model's tokenizer, and the tokens that the model itself needs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from plait.models.model import need

if TYPE_CHECKING:
    from plait.models.model import Model


class Tokenizer:
    """A tokenizer of transformers, loaded when it is first asked.

    Args:
        model: The model's files.
        tells_places: Whether it must tell where in a text each token stands.
    """

    def __init__(self, model: Model, *, tells_places: bool = False) -> None:
        self._model, self._tells_places = model, tells_places

    @cached_property
    def raw(self) -> Any:  # noqa: ANN401 - a tokenizer of transformers
        """The tokenizer itself.

        Raises:
            EncoderError: It cannot be loaded, or does not tell places.
            MissingExtraError: transformers is not installed.
        """
        need(("transformers",), self._model.asked)
        from transformers import AutoTokenizer

        with self._model.loading():
            tokenizer = AutoTokenizer.from_pretrained(self._model.folder, trust_remote_code=False, local_files_only=True, use_fast=True)
        if self._tells_places and not tokenizer.is_fast:
            raise self._model.error("a tokenizer that tells where its tokens stand", "a slow one", "Save it as a fast one (tokenizer.json).")
        return tokenizer

    @cached_property
    def special(self) -> tuple[list[int], list[int]]:
        """The tokens that the model expects before and after a text."""
        whole, bare = self.raw("a")["input_ids"], self.raw("a", add_special_tokens=False)["input_ids"]
        start = next(place for place in range(len(whole) - len(bare) + 1) if whole[place : place + len(bare)] == bare)
        return whole[:start], whole[start + len(bare) :]

    @property
    def pad(self) -> int:
        """The token that fills up a batch; masked out, whatever it is."""
        pad = self.raw.pad_token_id
        return 0 if pad is None else int(pad)
