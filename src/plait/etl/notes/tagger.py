"""A model for token classification over whole texts: which spans it labels, whoever asks.

A text goes through the model in windows that overlap; of a token that several windows have, the one counts in which it is farthest from the edge. Tokens
of one word speak with one voice, and words of one label are one span.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from plait.etl.notes.lookups import DOMAINS
from plait.models.model import Model, ModelSettings
from plait.models.precision import inference
from plait.models.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    import numpy.typing as npt

    from plait.models.model import Asker

    Floats = npt.NDArray[np.float32]


class EntityOptions(ModelSettings):
    """What the extractor may be told, beside its model.

    Attributes:
        labels: Labels of the model that count, and the domain of concepts that each stands for; all labels and any domain if empty.
        min_score: Probability below which a finding does not count: the mean over its words.
        max_length: Tokens of a window, special ones included; as many as the model takes if left out.
        overlap: Tokens that a window shares with the one before.
        context: Whether plait's rules say if a finding is negated, past, somebody else's or uncertain; the model says nothing of it.
        domains: Domains whose concepts the names are looked for among.
    """

    labels: dict[str, str] = Field(default_factory=dict)
    min_score: float = Field(default=0.5, ge=0, le=1)
    max_length: int | None = Field(default=None, ge=8)
    overlap: int = Field(default=64, ge=0)
    context: bool = True
    domains: tuple[str, ...] = Field(default=DOMAINS, min_length=1)

    @model_validator(mode="after")
    def _windows_go_on(self) -> Self:
        if self.max_length is not None and self.overlap > self.max_length // 2:
            raise ValueError("overlap is more than half of max_length")
        return self


class Entity(NamedTuple):
    """A span that a model labels: where, as what, and how probable."""

    start: int
    end: int
    label: str
    score: float


class Tagger:
    """Labels spans of texts; the model is loaded when the first text comes.

    Args:
        asked: Who wants it.
        options: The model, and which labels count.
    """

    def __init__(self, asked: Asker, options: EntityOptions) -> None:
        self._options = options
        self.model = Model.find(asked, options)
        self._tokenizer = Tokenizer(self.model, tells_places=True)

    def entities(self, text: str) -> list[Entity]:
        """Give the spans of a text that the model labels, in order; those of labels that do not count are left out."""
        tokens = self._tokenizer.raw(text, add_special_tokens=False, truncation=False, padding=False, return_offsets_mapping=True, verbose=False)
        if not tokens["input_ids"]:
            return []
        labels, chosen = self.labels, self._options.labels
        found: list[tuple[int, int, str, list[float]]] = []
        before = "O"
        for start, end, voice in _voices(self._probabilities(tokens["input_ids"]), tokens["offset_mapping"], tokens.word_ids(0)):
            best = int(voice.argmax())
            begins, label = labels[best].startswith("B-"), labels[best].removeprefix("B-").removeprefix("I-")
            if label != "O" and label == before and not begins:
                first, _, _, scores = found[-1]
                found[-1] = (first, end, label, [*scores, float(voice[best])])
            elif label != "O":
                found.append((start, end, label, [float(voice[best])]))
            before = label
        spans = (Entity(*_trimmed(text, start, end), label, sum(scores) / len(scores)) for start, end, label, scores in found)
        return [span for span in spans if span.end > span.start and (not chosen or span.label in chosen)]

    def _probabilities(self, ids: list[int]) -> Floats:
        """Give the probability of each label for each token `(n, labels) float32`, from the window in which it is farthest from an edge."""
        import torch

        before, after = self._tokenizer.special
        windows = _windows(len(ids), max(self._max_length - len(before) - len(after), 1), self._options.overlap)
        found: list[Floats] = []
        for place in range(0, len(windows), self._options.batch_size):
            batch = windows[place : place + self._options.batch_size]
            length = max(end - start for start, end, _, _ in batch) + len(before) + len(after)
            tokens, mask = torch.full((len(batch), length), self._tokenizer.pad), torch.zeros((len(batch), length), dtype=torch.long)
            for row, (start, end, _, _) in enumerate(batch):
                chunk = [*before, *ids[start:end], *after]
                tokens[row, : len(chunk)], mask[row, : len(chunk)] = torch.tensor(chunk), 1
            with inference():
                logits = self._network(input_ids=tokens.to(self.model.device), attention_mask=mask.to(self.model.device)).logits
                chances = torch.softmax(logits.float(), dim=-1).cpu().numpy()
            found += [chances[row, len(before) + low - start : len(before) + high - start] for row, (start, _, low, high) in enumerate(batch)]
        return np.concatenate(found)

    @cached_property
    def _max_length(self) -> int:
        """Tokens of a window, special ones included."""
        return min(self._options.max_length or self.model.positions(), self.model.positions())

    @cached_property
    def labels(self) -> list[str]:
        """The model's labels, by number."""
        named = self._network.config.id2label
        return [str(named[number]) for number in range(len(named))]

    @cached_property
    def _network(self) -> Any:  # noqa: ANN401 - a torch module
        return self.model.load(head="AutoModelForTokenClassification")


def _windows(count: int, room: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """Give windows over `count` tokens: (its first, behind its last, first that it speaks for, behind the last of these).

    >>> _windows(10, 6, 2)
    [(0, 6, 0, 5), (4, 10, 5, 10)]
    """
    step = max(room - min(overlap, room // 2), 1)
    starts = [0]
    while starts[-1] + room < count:
        starts.append(starts[-1] + step)
    ends = [min(start + room, count) for start in starts]
    borders = [0, *((following + end) // 2 for following, end in zip(starts[1:], ends, strict=False)), count]
    return [(start, end, borders[place], borders[place + 1]) for place, (start, end) in enumerate(zip(starts, ends, strict=True))]


def _voices(chances: Floats, offsets: Sequence[tuple[int, int]], word_ids: Sequence[int | None]) -> Iterator[tuple[int, int, Floats]]:
    """Yield each word's place in the text, and the mean of what its tokens say."""
    start = 0
    for place in range(1, len(offsets) + 1):
        if place == len(offsets) or word_ids[place] != word_ids[start] or word_ids[place] is None:
            yield offsets[start][0], offsets[place - 1][1], chances[start:place].mean(axis=0)
            start = place


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Give a span without the blanks at its ends, which tokens of some models have."""
    span = text[start:end]
    return end - len(span.lstrip()), start + len(span.rstrip())
