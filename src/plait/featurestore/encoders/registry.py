"""Finding encoders: a kind is a module with `open_encoder`, registered as `MODALITY.KIND`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from plait.errors import ConfigError, did_you_mean
from plait.models.model import ModelSettings
from plait.settings import misfit

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.encoders.encoder import Encoder

ENTRY_POINTS = "plait.encoders"
"""Entry-point group of encoders: `text.hashing` names the kind `hashing` of the modality `text`, a module with `open_encoder(asked)`."""

OptionsT = TypeVar("OptionsT", bound=BaseModel)


class EncoderOptions(BaseModel):
    """What any encoder may be told under `encoder` in `plait.yaml`; each kind adds its own.

    Attributes:
        kind: Its kind.
        name: What it is called in embedding tables; its model's or its kind's name if left out.
        version: Its version; whoever changes the weights behind a name gives a new one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    kind: str
    name: str | None = None
    version: str = "1"


class ModelOptions(EncoderOptions, ModelSettings):
    """What an encoder with a model may be told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An encoder as a view asks for it.

    Attributes:
        study: The study's folder: paths are relative to it, and it keeps what is known of weights.
        view: The view's name.
        modality: Its kind.
        declared: What stands under `encoder`.
    """

    study: Path
    view: str
    modality: str
    declared: dict[str, Any]

    @property
    def where(self) -> str:
        """Where the encoder is declared, for errors."""
        return f"plait.yaml: view '{self.view}', encoder"

    def options(self, model: type[OptionsT]) -> OptionsT:
        """Give what is declared as the kind's `model`.

        Raises:
            ConfigError: A key or value that does not fit; names the nearest right key.
        """
        try:
            return model.model_validate(self.declared)
        except ValidationError as error:
            kinds = f"encoders of kind '{self.declared.get('kind', self.modality)}'"
            raise misfit(error, self.where, kinds, model.model_fields) from None


def open_encoder(asked: Asked) -> Encoder:
    """Open the encoder that a view declares; its weights are read when it encodes first.

    Raises:
        ConfigError: No kind is declared, or none of this name is registered, or options that it does not know.
        EncoderError: Its files are not what they should be.
        MissingExtraError: It needs packages that are not installed.
    """
    kinds = {point.name.removeprefix(f"{asked.modality}."): point for point in entry_points(group=ENTRY_POINTS) if point.name.startswith(f"{asked.modality}.")}
    kind = asked.declared.get("kind")
    known = ", ".join(sorted(kinds)) or "none"
    if not isinstance(kind, str):
        raise ConfigError(asked.where, expected="the key 'kind'", got="none", todo=f"Known kinds for views of kind '{asked.modality}': {known}.")
    if kind not in kinds:
        todo = did_you_mean(kind, kinds, f"Known kinds: {known}.")
        raise ConfigError(asked.where, expected=f"a kind of encoder for views of kind '{asked.modality}'", got=f"'{kind}'", todo=todo)
    values = {point.value for point in entry_points(group=ENTRY_POINTS) if point.name == f"{asked.modality}.{kind}"}
    if len(values) > 1:
        raise ConfigError(
            f"encoder '{kind}'", expected="one registered kind of this name", got=f"several: {', '.join(sorted(values))}", todo="Uninstall all but one."
        )
    encoder: Encoder = kinds[kind].load().open_encoder(asked)
    return encoder
