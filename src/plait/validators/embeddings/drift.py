"""Whether new vectors lie where those of the version before do: means by their cosine, norms by the population stability index.

What vectors are like is kept for each version that is examined, so that the next one has something to be compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plait.etl.catalog import validations_folder
from plait.validators.counted import Counted, Figure
from plait.validators.plan import UNSTABLE

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.validators.embeddings.scan import Scanned

    Doubles = npt.NDArray[np.float64]

FEWEST = 100
"""Vectors of a source that both sides must have, as with values of measurements."""

_LEAST_COSINE = 0.9
_NOTHING = 1e-4
"""What a share of nothing counts as in the index, as in `values.sql`."""

_SHARES = np.arange(1, 10) / 10


def profile_file(study: Path, view: str, version: int) -> Path:
    """Give the file with what the vectors of a view are like in a version."""
    return validations_folder(study) / "embeddings" / view / f"{version:06}.parquet"


def profile_before(study: Path, view: str, version: int) -> pl.DataFrame | None:
    """Give what the vectors were like in the last version that was examined before this one; None where there is none."""
    import polars as pl

    before = [file for file in sorted(profile_file(study, view, 0).parent.glob("*.parquet")) if int(file.stem) < version]
    return pl.read_parquet(before[-1]) if before else None


def profile(scanned: Scanned, good: pl.DataFrame) -> pl.DataFrame:
    """Give what vectors are like, a row for each source.

    Returns:
        `encoder_id`, `parts` (names of the parts that they are in), `source`, `vector_count`, `mean` `(dim,)`, `deciles` of the norms (nine), and
        `up_to`, how many norms lie up to each of them and in all (ten).
    """
    import polars as pl

    names = [part.name for part in scanned.parts]
    rows = []
    for source in sorted(good["source"].unique().to_list()):
        norms = np.sort(good.filter(pl.col("source") == source)["norm"].to_numpy())
        deciles = norms[np.ceil(_SHARES * len(norms)).astype(int) - 1]
        rows.append(
            {
                "encoder_id": scanned.folder.name,
                "parts": names,
                "source": source,
                "vector_count": len(norms),
                "mean": _mean(scanned, source, range(len(names))).tolist(),
                "deciles": deciles.tolist(),
                "up_to": _up_to(norms, deciles).tolist(),
            }
        )
    schema = pl.Schema({"encoder_id": pl.String(), "parts": pl.List(pl.String), "source": pl.String(), "vector_count": pl.Int64()})
    lists = pl.Schema({"mean": pl.List(pl.Float64), "deciles": pl.List(pl.Float64), "up_to": pl.List(pl.Int64)})
    return pl.DataFrame(rows, schema=pl.Schema({**schema, **lists}))


def keep(study: Path, view: str, version: int, kept: pl.DataFrame) -> None:
    """Write what the vectors of a version are like."""
    file = profile_file(study, view, version)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.tmp")
    kept.write_parquet(temporary)
    temporary.replace(file)


def compared(scanned: Scanned, good: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame | str:
    """Compare vectors that are in no part of the version before with those of that version; or say why there is nothing to compare.

    Returns:
        `source`, `before_count`, `vector_count`, `cosine` of the two means, and `stability_index` of the norms, a row for each source.
    """
    import polars as pl

    if before is None or not before.height:
        return "no version was examined before this one"
    if before["encoder_id"][0] != scanned.folder.name:
        return "another encoder than in the version before: vectors of two encoders are not to be compared"
    known = set(before["parts"][0].to_list())
    new = [place for place, part in enumerate(scanned.parts) if part.name not in known]
    rows: list[dict[str, Any]] = []
    for was in before.iter_rows(named=True):  # a row a source
        norms = good.filter((pl.col("source") == was["source"]) & pl.col("part").is_in(new))["norm"].to_numpy()
        if min(len(norms), was["vector_count"]) < FEWEST:
            continue
        cosine = _cosine(_mean(scanned, was["source"], new), np.asarray(was["mean"]))
        index = _stability(np.asarray(was["up_to"]), _up_to(np.sort(norms), np.asarray(was["deciles"])))
        counts = {"before_count": was["vector_count"], "vector_count": len(norms)}
        rows.append({"source": was["source"], **counts, "cosine": round(cosine, 4), "stability_index": round(index, 4)})
    if not rows:
        return f"fewer than {FEWEST} vectors of a source that are new, or were there before"
    return pl.DataFrame(rows)


def drifted(found: pl.DataFrame, check: str) -> pl.DataFrame:
    """Give the sources whose vectors drifted, by the rule of a check."""
    import polars as pl

    return found.filter(pl.col("cosine") < _LEAST_COSINE if check == "embeddingDrift" else pl.col("stability_index") > UNSTABLE)


def drift_figure(found: pl.DataFrame | str, check: str) -> Figure:
    """Count the sources whose vectors drifted, of those that could be compared."""
    return found if isinstance(found, str) else Counted(drifted(found, check).height, found.height)


def _mean(scanned: Scanned, source: str, parts: Any) -> Doubles:  # noqa: ANN401 - places, any iterable of them
    """Give the mean of the vectors of a source in some parts, summed in the order of the parts."""
    held = [scanned.means[place, source] for place in parts if (place, source) in scanned.means]
    total = np.sum([one.total for one in held], axis=0) if held else np.zeros(scanned.dim)
    mean: Doubles = total / max(sum(one.count for one in held), 1)
    return mean


def _cosine(one: Doubles, other: Doubles) -> float:
    """Give the cosine of two vectors, 0 where one of them has no direction; 1 where both have none."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    if lengths == 0:
        return float(not one.any() and not other.any())
    return float(one @ other) / lengths


def _up_to(norms: Doubles, deciles: Doubles) -> npt.NDArray[np.int64]:
    """Count the norms, ascending, up to each decile, and all."""
    return np.append(np.searchsorted(norms, deciles, side="right"), len(norms)).astype(np.int64)


def _stability(before: npt.NDArray[np.int64], now: npt.NDArray[np.int64]) -> float:
    """Give the population stability index of two counts up to each decile (as `values.sql` does)."""
    old, new = (np.maximum(np.diff(counts, prepend=0) / counts[-1], _NOTHING) for counts in (before, now))
    return float(np.sum((new - old) * np.log(new / old)))
