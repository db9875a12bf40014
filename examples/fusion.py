"""Early, intermediate and late fusion from one table, against each modality alone: who lives how long?

    plait demo demo-study
    python examples/fusion.py demo-study

It takes a cohort with a time-to-event outcome and every view with a fixed number of features, of any study that declares them. All models see
the same frozen split, and only what was known at each patient's moment. Needs plait[fusion] and what the views need.

- Each modality alone, and early fusion: Cox's regression with an elastic net (Simon and others 2011), its strength by cross-validation.
- Late fusion: a Cox regression of the modalities' log hazards, learnt from what each model says of training rows that it was not fitted on.
- Intermediate fusion: an encoder for each modality and the mean of what is there, with modality dropout, trained end to end on the partial
  likelihood (after Cheerla and Gevaert 2019).

A row without a modality has the average risk in that modality's model. How well risks rank patients is Harrell's concordance index, on the test
part alone, with a 95 % interval from 1,000 bootstrap samples of its patients.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import plait
from plait.featurestore.aligned import Ragged
from plait.featurestore.masked import masked_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.featurestore.cohorts.cohort import Label
    from plait.featurestore.loader import Batch
    from plait.featurestore.table import FusionTable

FOLDS, PATH, STEPS, MIX = 5, 15, 200, 0.5
"""Folds of the cross-validation, strengths that are tried, most steps for each, and the share of the lasso in the elastic net."""

WIDTH, EPOCHS, PATIENCE = 16, 150, 30


class Survival(NamedTuple):
    """How long each row was followed `(n,)`, and whether the event came `(n,)`."""

    days: Tensor
    event: Tensor

    def take(self, rows: Tensor) -> Survival:
        """Give some of the rows."""
        return Survival(self.days[rows], self.event[rows])


def survival_of(table: FusionTable, label: Label) -> Survival:
    """Give the label of a table's rows."""
    days, event = (table.index.frame[column].to_numpy() for column in label.columns)
    return Survival(torch.from_numpy(days.astype(np.float64)), torch.from_numpy(event.astype(bool)))


# Cox's regression


def partial_loss(risk: Tensor, seen: Survival) -> Tensor:
    """Give the mean negative log partial likelihood of log hazards `(n,)`, with Breslow's rule for events of one day; 0 without an event."""
    order = torch.argsort(seen.days, descending=True, stable=True)
    risk, days, event = risk[order], seen.days[order], seen.event[order]
    last = torch.searchsorted(-days, -days, right=True) - 1  # who is at risk on a day includes everybody of that day
    at_risk = torch.logcumsumexp(risk, 0)[last]
    return -masked_mean(risk - at_risk, event)


def elastic_net(x: Tensor, seen: Survival, strengths: Sequence[float]) -> Tensor:
    """Give the coefficients for each strength `(n_strengths, n_features)`, by accelerated proximal gradients, from the strongest on."""
    held, path = torch.zeros(x.shape[1], dtype=x.dtype), []
    for strength in strengths:

        def smooth(at: Tensor, ridge: float = strength * (1 - MIX) / 2) -> Tensor:
            return partial_loss(x @ at, seen) + ridge * (at**2).sum()

        ahead, step, speed = held.clone(), 1.0, 1.0
        for _ in range(STEPS):
            at = ahead.clone().requires_grad_()
            loss = smooth(at)
            (slope,) = torch.autograd.grad(loss, at)
            while True:
                moved = ahead - step * slope
                moved = moved.sign() * (moved.abs() - step * strength * MIX).clamp(min=0)
                change = moved - ahead
                with torch.no_grad():
                    if smooth(moved) <= loss + (slope * change).sum() + (change**2).sum() / (2 * step) + 1e-12:
                        break
                step /= 2
            faster = (1 + math.sqrt(1 + 4 * speed**2)) / 2
            ahead, settled = moved + (speed - 1) / faster * (moved - held), bool((moved - held).abs().max() < 1e-6)  # noqa: PLR2004 - of a log hazard
            held, speed = moved, faster
            if settled:
                break
        path.append(held)
    return torch.stack(path)


def cox(x: np.ndarray, seen: Survival, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give coefficients of standardised features `(n_features,)`, and log hazards of each row from the other folds `(n,)`.

    The strength is the one with the best cross-validated partial likelihood.
    """
    given = torch.from_numpy(x.astype(np.float64))
    slope = torch.autograd.functional.jacobian(lambda at: partial_loss(given @ at, seen), torch.zeros(given.shape[1], dtype=given.dtype))
    strongest = float(slope.abs().max()) / MIX
    strengths = [strongest * 10 ** (-2 * place / (PATH - 1)) for place in range(PATH)]
    fold = torch.from_numpy(np.random.default_rng(seed).permutation(len(given)) % FOLDS)
    score, left_out = torch.zeros(PATH, dtype=given.dtype), torch.zeros(PATH, len(given), dtype=given.dtype)
    for one in range(FOLDS):
        rest = torch.nonzero(fold != one)[:, 0]
        for place, held in enumerate(elastic_net(given[rest], seen.take(rest), strengths)):
            risk = given @ held  # what the left-out rows add to the likelihood (Verweij and van Houwelingen 1993)
            left_out[place, fold == one] = risk[fold == one]
            score[place] += partial_loss(risk, seen) * seen.event.sum() - partial_loss(risk[rest], seen.take(rest)) * seen.event[rest].sum()
    best = int(score.argmin())
    return elastic_net(given, seen, strengths[: best + 1])[-1].numpy(), left_out[best].numpy()


class Scale(NamedTuple):
    """Mean and deviation of training features `(n_features,)`."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Scale:
        """Learn from training rows; constant features become 0."""
        deviation = x.std(axis=0)
        return cls(x.mean(axis=0), np.where(deviation > 0, deviation, np.inf))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Give features in deviations from the mean."""
        return (x - self.mean) / self.deviation


def risks_of(x: np.ndarray, train: np.ndarray, seen: Survival, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit on training features `(n, d)` and give the log hazards of others, and of the training rows from the other folds."""
    scale = Scale.of(train)
    held, left_out = cox(scale(train), seen, seed)
    return scale(x) @ held, left_out


# The encoders of the modalities, and the mean of what is there


class MaskedMean(nn.Module):
    """An encoder for each modality, the mean over those that a row has, and a log hazard."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({view: nn.Sequential(nn.Linear(2 * size, WIDTH), nn.ReLU(), nn.Dropout(0.3)) for view, size in sizes.items()})
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, batch: Batch) -> Tensor:
        """Give log hazards `(n,)`."""
        views = [batch.views[view] for view in self.encoders]
        parts = [encode(torch.cat([view.values, view.mask.float()], dim=1)) for encode, view in zip(self.encoders.values(), views, strict=True)]
        risk: Tensor = self.head(masked_mean(torch.stack(parts, dim=1), batch.present[..., None], 1))[:, 0]
        return risk


def whole(table: FusionTable) -> Batch:
    """Give all rows of a table as one batch."""
    samples = table.torch(labels=[])
    return plait.collate(samples.__getitems__(range(len(samples))))


def intermediate(train: FusionTable, valid: FusionTable, test: FusionTable, label: Label, seed: int) -> np.ndarray:
    """Train with modality dropout until the validation part no longer gains, and give log hazards of the test part."""
    torch.manual_seed(seed)
    samples = train.torch(labels=list(label.columns), drop=dict.fromkeys(train.views, 0.3), seed=seed)
    loader = DataLoader(samples, 64, shuffle=True, collate_fn=plait.collate, generator=torch.Generator().manual_seed(seed))
    model = MaskedMean({view: len(train[view].names) for view in train.views})
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    held_out, seen = whole(valid), survival_of(valid, label)
    best, kept, since = math.inf, model.state_dict(), 0
    for epoch in range(EPOCHS):
        samples.set_epoch(epoch)
        model.train()
        for batch in loader:
            loss = partial_loss(model(batch), Survival(*(batch.labels[column] for column in label.columns)))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        model.eval()
        with torch.no_grad():
            now = float(partial_loss(model(held_out), seen))
        if now < best:
            best, kept, since = now, {name: part.clone() for name, part in model.state_dict().items()}, 0
        since += 1
        if since > PATIENCE:
            break
    model.load_state_dict(kept)
    model.eval()
    with torch.no_grad():
        return model(whole(test)).numpy()


# How well risks rank patients


def concordance(risk: np.ndarray, seen: Survival, weight: np.ndarray | None = None) -> float:
    """Give Harrell's concordance index: of all pairs of whom it is known who had the event first, the share where that one has the higher risk."""
    days, event = seen.days.numpy(), seen.event.numpy()
    first = event[:, None] & ((days[:, None] < days[None, :]) | ((days[:, None] == days[None, :]) & ~event[None, :]))
    pairs = first if weight is None else first * weight[:, None] * weight[None, :]
    right = (risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])
    return float((pairs * right).sum() / pairs.sum())


def interval(risk: np.ndarray, seen: Survival, person: np.ndarray, seed: int, samples: int = 1_000) -> tuple[float, float]:
    """Give the 95 % interval of the concordance index, from bootstrap samples of persons with all their rows."""
    random = np.random.default_rng(seed)
    persons, place = np.unique(person, return_inverse=True)
    found = [concordance(risk, seen, random.multinomial(len(persons), np.full(len(persons), 1 / len(persons)))[place]) for _ in range(samples)]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def asked() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Early, intermediate and late fusion from one table, against each modality alone.")
    parser.add_argument("study", help="the study's folder")
    parser.add_argument("--cohort", help="a cohort of plait.yaml with a time-to-event outcome; the first one if left out")
    parser.add_argument("--views", help="views, separated by commas; all with a fixed number of features if left out")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def table_of(options: argparse.Namespace) -> tuple[FusionTable, Label]:
    """Ask the study: everybody in the cohort of whom the outcome is known, and the views."""
    study = plait.open(options.study)
    declared = [cohort for cohort in study.settings.cohorts if options.cohort in {None, cohort.name}]
    named = next((cohort.name for cohort in declared if any(outcome.kind == "time_to_event" for outcome in cohort.outcomes)), options.cohort)
    if named is None:
        raise SystemExit(f"{options.study}: plait.yaml declares no cohort with an outcome of kind time_to_event")
    study.embed()
    cohort = study.cohort(named)
    label = next(label for label in cohort.labels.labels if label.kind == "time_to_event")
    known = np.flatnonzero(cohort.frame[label.columns[0]].is_not_null().to_numpy())
    table = study.get_historical_features(cohort, options.views.split(",") if options.views else None).take(known)
    return table.only([view for view in table.views if not isinstance(table[view], Ragged)]), label


def main() -> None:
    """Fit every model and print how it ranks the test part."""
    options = asked()
    torch.set_num_threads(2)
    table, label = table_of(options)
    train, valid, test = table.split("patient", test=0.3, valid=0.15, seed=options.seed, stratify=label.columns[1])
    recipes = {view: table.described(view).get("recipe") or "zscore" for view in table.views}
    fitted = train.fit("mean", recipes=recipes)
    train, valid, test = (part.apply(fitted) for part in (train, valid, test))
    seen, truth = survival_of(train, label), survival_of(test, label)
    print(f"{len(table)} rows: {len(train)} to learn from, {len(valid)} to stop by, {len(test)} to judge by, {int(truth.event.sum())} of them with the event")
    print(f"split {train.part.split.digest[:12]}, fitted {fitted.digest[:12]}\n")

    found: dict[str, tuple[int, np.ndarray]] = {}
    left_out = []
    for view, part in test.late().items():
        learnt = train.late()[view]
        risk, folded = risks_of(part.matrix, learnt.matrix, seen.take(torch.from_numpy(learnt.rows)), options.seed)
        found[view] = len(part.rows), part.scatter(risk, missing=0)
        left_out.append(learnt.scatter(folded, missing=0))
    weights = elastic_net(torch.from_numpy(np.stack(left_out, axis=1)), seen, [1e-3])[0].clamp(min=0).numpy()
    late = np.stack([risk for _, risk in found.values()], axis=1) @ weights
    found["early"] = len(test), risks_of(test.early(indicators=True).matrix, train.early(indicators=True).matrix, seen, options.seed)[0]
    found["intermediate"] = len(test), intermediate(train, valid, test, label, options.seed)
    found["late"] = len(test), late

    print(f"{'model':<16}{'rows with it':>14}{'c-index':>10}{'95 % interval':>18}")
    for name, (rows, risk) in found.items():
        low, high = interval(risk, truth, test.index.person_id, options.seed)
        print(f"{name:<16}{rows:>14}{concordance(risk, truth):>10.3f}{low:>10.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
