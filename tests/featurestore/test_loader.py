"""Batches of tensors: padded, masked, with modality dropout that anybody can repeat. The one module here that imports torch."""

from __future__ import annotations

import importlib.util
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import plait
from plait.errors import CohortError
from plait.featurestore.aligned import Aligned, Ragged
from plait.featurestore.imputers import Imputed
from plait.featurestore.masked import masked_attention, masked_max, masked_mean, masked_softmax, masked_sum
from plait.schema.reasons import Reason
from shell import environment
from tiny_table import make_table

if TYPE_CHECKING:
    from plait.featurestore.loader import Batch, Samples

TABLE = make_table(persons=300)
DROP = {"image": 0.3, "events": 0.5}


def batches(samples: Samples, **options: object) -> list[Batch]:
    return list(DataLoader(samples, 64, collate_fn=plait.collate, **options))  # type: ignore[arg-type]


def test_a_batch_holds_what_the_table_says() -> None:
    samples = TABLE.torch(labels=["died", "days"])
    for batch in batches(samples, shuffle=True, generator=torch.Generator().manual_seed(1)):
        rows = batch.rows.numpy()
        table = TABLE.take(rows)
        assert np.array_equal(batch.present.numpy(), table.present)
        assert np.array_equal(batch.reason.numpy(), table.reason)
        assert batch.labels["died"].tolist() == table.index.frame["died"].to_list()
        for view in ("labs", "image"):
            answer, held = table[view], batch.views[view]
            assert isinstance(answer, Aligned)
            assert np.array_equal(held.mask.numpy(), answer.observed)
            assert np.array_equal(held.values.numpy(), np.nan_to_num(answer.values))
            assert np.array_equal(held.age_days.numpy(), np.nan_to_num(answer.age_days))
            assert not held.filled.any()
    assert sum(map(len, batches(samples))) == len(TABLE)


def test_sequences_are_padded_to_the_longest_and_keep_the_newest() -> None:
    answer = TABLE["events"]
    assert isinstance(answer, Ragged)
    samples, newest = TABLE.torch(), TABLE.torch(most_events=2)
    batch = plait.collate([samples[row] for row in range(64)])
    held = batch.views["events"]
    lengths = np.diff(answer.starts)[:64]
    assert held.codes.shape == (64, lengths.max())
    assert held.mask.sum(1).tolist() == lengths.tolist()
    assert held.codes[held.mask].tolist() == (answer.codes[: answer.starts[64]] + 1).tolist()
    assert not held.codes[~held.mask].any()
    assert held.age_days[held.mask].tolist() == answer.age_days[: answer.starts[64]].tolist()
    assert held.value_mask.sum() == (~np.isnan(answer.values[: answer.starts[64]])).sum()
    assert torch.isfinite(held.values).all()
    short = plait.collate([newest[row] for row in range(64)]).views["events"]
    assert short.codes.shape == (64, 2)
    row = int(np.flatnonzero(lengths == 4)[0])
    assert short.codes[row].tolist() == (answer.codes[answer.starts[row + 1] - 2 : answer.starts[row + 1]] + 1).tolist()


def test_dropout_has_its_rate_its_reason_and_leaves_nothing_behind() -> None:
    joint = plait.collate(TABLE.torch(drop=DROP, seed=3).__getitems__(range(len(TABLE))))
    for place, view in enumerate(TABLE.views):
        dropped = (joint.reason[:, place] == Reason.DROPPED).numpy()
        had = TABLE.present[:, place]
        assert not dropped[~had].any()
        assert dropped[had].mean() == pytest.approx(DROP.get(view, 0), abs=0.06)
        assert not joint.present.numpy()[dropped, place].any()
        assert not joint.views[view].mask.numpy()[dropped].any()
        assert not joint.views[view].values.numpy()[dropped].any()
        assert np.array_equal(joint.reason.numpy()[~dropped, place], TABLE.reason[~dropped, place])


@pytest.mark.parametrize("options", [{"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}], ids=str)
def test_dropout_is_the_same_with_workers_and_another_in_each_epoch(options: dict[str, Any]) -> None:
    alone, samples = TABLE.torch(drop=DROP, seed=3), TABLE.torch(drop=DROP, seed=3)
    loader = DataLoader(samples, 64, collate_fn=plait.collate, **options)  # type: ignore[arg-type, var-annotated]
    seen = []
    for epoch in range(3):
        samples.set_epoch(epoch)
        alone.set_epoch(epoch)
        reasons = torch.cat([batch.reason for batch in loader])
        assert torch.equal(reasons, torch.cat([batch.reason for batch in batches(alone)]))
        seen.append(reasons)
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert not torch.equal(seen[0], torch.cat([batch.reason for batch in batches(TABLE.torch(drop=DROP, seed=4))]))


def test_some_rows_alone_lose_what_they_lose_among_all() -> None:
    rows = np.asarray([5, 200, 17])
    among = plait.collate(TABLE.torch(drop=DROP).__getitems__(rows.tolist()))
    alone = plait.collate(TABLE.take(rows).torch(drop=DROP).__getitems__([0, 1, 2]))
    assert torch.equal(among.reason, alone.reason)


def test_an_epoch_takes_the_next_draw_of_the_imputer() -> None:
    table = TABLE.only(["labs"])
    train, test = table.split("patient")
    made = test.apply(train.fit({"kind": "iterative", "draws": 3, "rounds": 1}))
    answer = made["labs"]
    assert isinstance(answer, Imputed)
    samples = made.torch()
    for epoch in range(4):
        samples.set_epoch(epoch)
        held = plait.collate(samples.__getitems__(range(len(made)))).views["labs"]
        assert np.array_equal(held.values.numpy(), np.nan_to_num(answer.draw(epoch)))
        assert np.array_equal(held.filled.numpy(), answer.filled)


def test_a_dataset_goes_to_another_process() -> None:
    samples = replace(TABLE, opened={"labs": lambda: None}).torch(drop=DROP)  # type: ignore[dict-item]
    assert len(pickle.loads(pickle.dumps(samples))) == len(TABLE)  # noqa: S301 - our own


def test_what_makes_no_sense_is_refused() -> None:
    for drop in ({"pet": 0.1}, {"image": 1.5}):
        with pytest.raises(CohortError, match="drop"):
            TABLE.torch(drop=drop)
    with pytest.raises(CohortError, match="label 'site'"):
        TABLE.torch(labels=["site"])
    with pytest.raises(CohortError, match="one dataset"):
        plait.collate([])
    with pytest.raises(CohortError, match="one dataset"):
        plait.collate([TABLE.torch()[0], TABLE.torch()[0]])
    with pytest.raises(IndexError):
        TABLE.torch()[len(TABLE)]


def test_an_absent_view_gives_a_finite_loss_and_finite_gradients() -> None:
    lost = TABLE.torch(drop={"image": 1.0, "events": 1.0})
    batch = plait.collate(lost.__getitems__(range(32)))
    assert not batch.present[:, 1:].any()
    torch.manual_seed(0)
    image, labs = torch.nn.Linear(5, 8), torch.nn.Linear(4, 8)
    events = torch.nn.Embedding(4, 8, padding_idx=0)
    held = batch.views["events"]
    parts = torch.stack(
        [
            labs(batch.views["labs"].values),
            image(batch.views["image"].values),
            masked_mean(events(held.codes), held.mask[..., None], 1)
            + masked_attention(events(held.codes)[:, :1] if held.codes.shape[1] else torch.zeros(32, 1, 8), events(held.codes), events(held.codes), held.mask)[
                :, 0
            ],
        ],
        dim=1,
    )
    joint = masked_mean(parts, batch.present[..., None], 1) + masked_max(parts, batch.present[..., None], 1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(joint.sum(1), batch.labels["died"].float())
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(parameter.grad).all() for module in (image, labs, events) for parameter in module.parameters() if parameter.grad is not None)
    assert image.weight.grad is not None
    assert not image.weight.grad.any()


@pytest.mark.parametrize("seed", range(3))
def test_masked_reductions_are_those_over_what_is_there(seed: int) -> None:
    torch.manual_seed(seed)
    values, mask = torch.randn(6, 5, dtype=torch.float64), torch.rand(6, 5) < 0.5
    mask[0], mask[1] = False, True
    poisoned = values.masked_fill(~mask, float("nan"))
    for row in range(6):
        there = values[row][mask[row]]
        empty = torch.zeros((), dtype=torch.float64)
        for name, reduce in {"mean": torch.mean, "sum": torch.sum, "max": torch.max}.items():
            got = {"mean": masked_mean, "sum": masked_sum, "max": masked_max}[name](poisoned, mask, 1)[row]
            assert torch.allclose(got, reduce(there) if len(there) else empty)
        weights = masked_softmax(poisoned, mask, 1)[row]
        assert torch.allclose(weights[mask[row]], there.softmax(0) if len(there) else there)
        assert not weights[~mask[row]].any()
    assert torch.allclose(masked_mean(values, mask), values[mask].mean())
    query, key, value = torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.randn(2, 5, 6)
    keys = torch.tensor([[True, True, False, True, False], [False] * 5])
    theirs = torch.nn.functional.scaled_dot_product_attention(query[:1], key[:1], value[:1], attn_mask=keys[:1, None, :])
    ours = masked_attention(query, key, value, keys)
    assert torch.allclose(ours[:1], theirs, atol=1e-6)
    assert not ours[1].any()


# The example


@pytest.fixture(scope="module")
def example() -> Any:  # noqa: ANN401 - a module
    """Give examples/fusion.py as a module."""
    spec = importlib.util.spec_from_file_location("fusion_example", Path(__file__).parents[2] / "examples/fusion.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def drawn(example: Any, n: int = 40) -> tuple[torch.Tensor, Any]:  # noqa: ANN401 - of the example
    """Give features of rows, the first of which shortens their lives, and how long these were, some to the same day."""
    random = np.random.default_rng(3)
    x = random.standard_normal((n, 5))
    days = np.ceil(10 * random.exponential(np.exp(-x[:, 0])))
    return torch.from_numpy(x), example.Survival(torch.from_numpy(days), torch.from_numpy(random.random(n) < 0.7))


def test_the_partial_likelihood_is_that_of_the_definition(example: Any) -> None:  # noqa: ANN401 - a module
    x, seen = drawn(example)
    risk = x[:, 0]
    terms = [risk[i] - torch.logsumexp(risk[seen.days >= seen.days[i]], 0) for i in range(len(risk)) if seen.event[i]]
    assert torch.allclose(example.partial_loss(risk, seen), -torch.stack(terms).mean())
    assert example.partial_loss(risk, example.Survival(seen.days, torch.zeros(len(risk), dtype=torch.bool))) == 0


def test_the_elastic_net_is_where_no_direction_leads_down(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - a module
    x, seen = drawn(example)
    monkeypatch.setattr(example, "STEPS", 3_000)
    for strength, held in zip((0.3, 0.02), example.elastic_net(x, seen, (0.3, 0.02)), strict=True):
        at = held.clone().requires_grad_()
        (slope,) = torch.autograd.grad(example.partial_loss(x @ at, seen) + strength * (1 - example.MIX) / 2 * (at**2).sum(), at)
        pull = strength * example.MIX
        assert torch.allclose(slope[held != 0], -pull * held[held != 0].sign(), atol=1e-4)
        assert (slope[held == 0].abs() <= pull + 1e-4).all()
    assert held[0] > 0.5


def test_concordance_counts_pairs(example: Any) -> None:  # noqa: ANN401 - a module
    x, seen = drawn(example)
    risk = x[:, 0].numpy().round(1)
    right = pairs = 0.0
    for i in range(len(risk)):
        for j in range(len(risk)):
            if seen.event[i] and (seen.days[i] < seen.days[j] or (seen.days[i] == seen.days[j] and not seen.event[j])):
                pairs += 1
                right += 1.0 if risk[i] > risk[j] else 0.5 * (risk[i] == risk[j])
    assert example.concordance(risk, seen) == pytest.approx(right / pairs)
    low, high = example.interval(risk, seen, np.arange(len(risk)), seed=0, samples=200)
    assert low < right / pairs < high


def test_the_example_compares_every_way_on_the_demo_study(
    example: Any,  # noqa: ANN401 - a module
    demo_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(demo_study, tmp_path / "study", ignore=shutil.ignore_patterns("images"))
    monkeypatch.setattr(sys, "argv", ["fusion.py", str(tmp_path / "study")])
    for name, value in {"PATH": 3, "FOLDS": 2, "STEPS": 10, "EPOCHS": 3}.items():
        monkeypatch.setattr(example, name, value)
    monkeypatch.setattr(example.interval, "__defaults__", (20,))
    example.main()
    lines = capsys.readouterr().out.splitlines()
    table = {line.split()[0]: line.split() for line in lines[lines.index("") + 2 :]}
    assert list(table)[-3:] == ["early", "intermediate", "late"]
    assert len(table) >= 5
    for words in table.values():
        low, high = float(words[3]), float(words[5])
        assert 0 < low <= float(words[2]) <= high < 1


def test_importing_plait_does_not_import_torch() -> None:
    code = "import sys, plait; assert 'collate' in plait.__all__; assert not {'torch', 'numpy', 'polars'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())
