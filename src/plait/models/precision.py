"""How a model computes: without gradients, in the precision that was declared, and the same way each time, wherever it runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def inference() -> Iterator[None]:
    """Run a model's forward pass.

    An encoder id stands for its numbers, and a device is no part of it. On a GPU, torch would round the inputs of float32 convolutions to TensorFloat-32
    (10 bits of 23), those of matrix products where whoever uses torch beside plait allows it, and pick algorithms that add up in another order each time.
    """
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
