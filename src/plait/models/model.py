"""Models in the layout of `transformers`: found in a folder or on the hub, with safe weights only, hashed, and loaded whole or not at all.

Nothing of a model is run but its weights: no code of its folder, no pickle. A hub is asked only where `plait.yaml` names a model that is no
folder; with `HF_HUB_OFFLINE=1` only what was downloaded before is used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from plait.errors import EncoderError, MissingExtraError
from plait.models.weights import weights_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json")
_PROCESSOR = ("preprocessor_config.json", "processor_config.json")
_MOST_POSITIONS = 1 << 20
"""A tokenizer that names a greater length than this has none."""


class Asker(Protocol):
    """Who wants a model.

    Attributes:
        study: The study's folder: paths are relative to it, and it keeps what is known of weights.
        where: Where the model is named, for errors.
    """

    @property
    def study(self) -> Path:
        """The study's folder."""

    @property
    def where(self) -> str:
        """Where the model is named."""


class ModelSettings(BaseModel):
    """What one may be told who works with a model.

    Attributes:
        name: What it is called; the last part of the model's name if left out.
        model: A folder (relative to the study), or a model's id on the hub.
        revision: The hub's revision of it; the newest if left out.
        dtype: Type of the numbers that the model computes with; vectors are always float32.
        device: Where it computes: the GPU if there is one, if `auto`. It does not make another encoder.
        batch_size: How many pieces go through the model at once. It does not make another encoder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    name: str | None = None
    model: str
    revision: str | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    batch_size: int = Field(default=32, ge=1)


def need(packages: tuple[str, ...], asked: Asker, extra: str = "text") -> None:
    """Fail where a package is not installed; importing is left to whoever uses it.

    Raises:
        MissingExtraError: One is not; names the extra.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        torch = " torch==2.13.0 (a looser torch may be gigabytes)" if "torch" in packages else ""
        raise MissingExtraError(asked.where, expected=", ".join(packages), got=f"no {missing[0]}", todo=f"pip install 'plait[{extra}]'{torch}.")


@dataclass(frozen=True)
class Model:
    """A model's files.

    Attributes:
        asked: Who wants it.
        options: What is declared.
        folder: Where its files are.
    """

    asked: Asker
    options: ModelSettings
    folder: Path

    @classmethod
    def find(cls, asked: Asker, options: ModelSettings, *, more: tuple[str, ...] = ()) -> Model:
        """Find a model's files, on the hub where it is no folder.

        Args:
            asked: Who wants it.
            options: What is declared.
            more: Patterns of files that are needed beside weights, settings, tokenizer and image processor.

        Raises:
            EncoderError: There is no such model, or it cannot be downloaded.
            MissingExtraError: The hub's client is not installed.
        """
        folder = asked.study / options.model
        if folder.is_dir():
            return cls(asked, options, folder)
        if not _HUB_ID.fullmatch(options.model):
            raise EncoderError(
                asked.where, expected="a model's folder", got="no such folder", todo="Name one relative to the study, or a model's id on the hub."
            )
        need(("huggingface_hub",), asked)
        from huggingface_hub import snapshot_download

        patterns = ["config.json", *_WEIGHTS, *_TOKENIZER, *_PROCESSOR, *more]
        try:
            found = snapshot_download(options.model, revision=options.revision, allow_patterns=patterns)
        except (OSError, ValueError) as error:  # what the client raises has one of the two as its base: no such model, no network, offline
            raise EncoderError(
                asked.where,
                expected=f"a folder, or a model of the hub that can be reached: '{options.model}'",
                got=f"neither ({type(error).__name__})",
                todo="Download it to a folder and name that, or check the id, the network and HF_HUB_OFFLINE.",
            ) from None
        return cls(asked, options, asked.study / found)

    @property
    def name(self) -> str:
        """What it is called: as declared, else the last part of the model's name."""
        return self.options.name or self.options.model.rstrip("/").rpartition("/")[2]

    @cached_property
    def config(self) -> dict[str, Any]:
        """What `config.json` says.

        Raises:
            EncoderError: There is none, or it is no JSON.
        """
        return self.read_json("config.json", is_needed=True)

    def read_json(self, name: str, *, is_needed: bool = False) -> dict[str, Any]:
        """Give a file of the model; nothing where it is not there and not needed."""
        try:
            found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            if not is_needed:
                return {}
            raise self.error(f"a model with {name}", "none", "Name a folder as `save_pretrained` of transformers writes it.") from None
        except ValueError:
            raise self.error(f"a readable {name}", "no JSON", "Download the model anew.") from None
        return found

    @cached_property
    def weight_files(self) -> list[Path]:
        """The files with its weights, `safetensors` all.

        Raises:
            EncoderError: There are none.
        """
        index = self.read_json("model.safetensors.index.json")
        names = sorted(set(index.get("weight_map", {}).values()))
        files = [self.folder / name for name in names] or sorted(self.folder.glob("model.safetensors")) or sorted(self.folder.glob("*.safetensors"))
        if not files or not all(file.is_file() for file in files):
            pickled = any(self.folder.glob("*.bin")) or any(self.folder.glob("*.pt"))
            raise self.error(
                "weights as safetensors",
                "pickled ones, which could run anything" if pickled else "none" if not files else "some of them",
                "Convert them: load the model where you trust it, and `save_pretrained` it.",
            )
        return files

    @cached_property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights."""
        return weights_hash(self.asked.study, self.weight_files)

    def files_sha256(self, kind: Literal["config", "tokenizer", "processor"]) -> str:
        """Give a digest of the small files that decide what a model makes of an input, beside its weights."""
        patterns = {"config": ("config.json",), "tokenizer": _TOKENIZER, "processor": _PROCESSOR}[kind]
        files = sorted({file for pattern in patterns for file in self.folder.glob(pattern)})
        return hashlib.sha256("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files).encode()).hexdigest()

    def size(self, *keys: str, within: str = "text_config") -> int:
        """Give the first of some whole numbers in `config.json`, or in the part of it that a model of several kinds of input has for one.

        Raises:
            EncoderError: It says none of them, and neither do the defaults of its kind of model.
        """
        config = self.config
        for part in (config, config.get(within, {})):
            for key in keys:
                if isinstance(part.get(key), int):
                    return int(part[key])
        need(("transformers",), self.asked)
        from transformers import AutoConfig

        with self.loading():
            known = AutoConfig.from_pretrained(self.folder, trust_remote_code=False, local_files_only=True)
        for key in keys:
            for part in (known, getattr(known, within, None)):
                if isinstance(getattr(part, key, None), int):
                    return int(getattr(part, key))
        raise self.error(f"a model whose config.json says {keys[0]}", "none", "It may be no encoder; name another model.")

    def positions(self) -> int:
        """Give the greatest number of tokens that the model takes at once."""
        limits = [self.read_json("tokenizer_config.json").get("model_max_length"), self.config.get("max_position_embeddings")]
        known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _MOST_POSITIONS]
        return min(known, default=512)

    def load(self, *, with_pooler: bool = False, head: str = "AutoModel") -> Any:  # noqa: ANN401 - a torch module
        """Load the weights into a `transformers` model, ready to compute.

        Args:
            with_pooler: Whether the model's own pooler is used: of many models the weights have none.
            head: The class of `transformers` that loads it, which says what the model ends with.

        Raises:
            EncoderError: They do not fit what config.json says, or only in part: what is missing would be drawn at random.
            MissingExtraError: torch or transformers is not installed.
        """
        need(("torch", "transformers"), self.asked)
        import torch
        import transformers

        self.weights_sha256  # noqa: B018 - fails where there are no safe ones
        with self.loading():
            model, info = getattr(transformers, head).from_pretrained(
                self.folder,
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                dtype=getattr(torch, self.options.dtype),
                output_loading_info=True,
            )
        missing = [key for key in info["missing_keys"] if with_pooler or "pooler" not in key.split(".")]
        if missing or info["mismatched_keys"]:
            raise self.error("weights that fill the model", f"none for {len(missing) or 'some'} of its parts", "Name the model that these weights are of.")
        return model.eval().to(self.device)

    @cached_property
    def device(self) -> str:
        """Where the model computes, as torch calls it.

        Raises:
            EncoderError: It is to be a GPU, and there is none.
        """
        import torch

        if self.options.device == "cuda" and not torch.cuda.is_available():
            raise self.error("a GPU, as 'device: cuda' asks", "none that torch can use", "Leave 'device' out, or install torch for CUDA.")
        return "cuda" if self.options.device != "cpu" and torch.cuda.is_available() else "cpu"

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Have `transformers` say nothing while it loads, and its errors be one of plait's."""
        from transformers.utils import logging

        verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            first = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
            raise self.error(
                "a model that transformers can load", f"{type(error).__name__}: {first}", "Models that need code of their own are not run."
            ) from None
        finally:
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()

    def error(self, expected: str, got: str, todo: str) -> EncoderError:
        """Give an error about the model."""
        return EncoderError(f"{self.asked.where}: model '{self.options.model}'", expected=expected, got=got, todo=todo)
