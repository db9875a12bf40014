"""Reductions in torch over what is there: a mask says True where a number is valid, and nothing that is masked reaches a value or a gradient.

Over nothing at all they give 0, not NaN, with gradient 0: a batch in which a modality is absent has a finite loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def masked_sum(values: Tensor, mask: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Give the sum over `dim` (over all if None) of values where `mask` is True; 0 over nothing. `mask` is spread to the shape of `values`."""
    kept: Tensor = values.masked_fill(~mask, 0)
    return kept.sum() if dim is None else kept.sum(dim)


def masked_mean(values: Tensor, mask: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Give the mean over `dim` (over all if None) of values where `mask` is True; 0 over nothing."""
    count = mask.expand_as(values).to(values.dtype)
    total = count.sum() if dim is None else count.sum(dim)
    return masked_sum(values, mask, dim) / total.clamp(min=1)


def masked_max(values: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    """Give the greatest over `dim` of values where `mask` is True; 0 over nothing."""
    import torch

    spread = mask.expand_as(values)
    greatest: Tensor = values.masked_fill(~spread, torch.finfo(values.dtype).min).amax(dim)
    return greatest.masked_fill(~spread.any(dim), 0)


def masked_softmax(scores: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    """Give weights over `dim` that sum to 1 where `mask` is True and are 0 elsewhere; all 0 where there is nothing."""
    import torch

    spread = mask.expand_as(scores)
    weights: Tensor = scores.masked_fill(~spread, torch.finfo(scores.dtype).min).softmax(dim)  # not -inf: a row of them has no softmax
    return weights.masked_fill(~spread, 0)


def masked_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Give attention over what is there; 0 where there is nothing.

    Args:
        query: `(…, n_queries, d)`.
        key: `(…, n_keys, d)`.
        value: `(…, n_keys, e)`.
        mask: Which keys are valid, `(…, n_keys)`.

    Returns:
        `(…, n_queries, e)`.
    """
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    attended: Tensor = masked_softmax(scores, mask.unsqueeze(-2)) @ value.masked_fill(~mask.unsqueeze(-1), 0)
    return attended
