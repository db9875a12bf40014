"""`README.md` and `CITATION.cff`: what a person reads first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from plait.export.fair import duo

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.fair.model import Dataset, TableFile


def write_readme(dataset: Dataset, folder: Path, *, row_level: bool) -> None:
    """Write `README.md`."""
    parts = [f"# {dataset.title}", dataset.about, _tables(dataset), _opened(dataset.tables[0])]
    if row_level:
        parts.append(
            "## What was done to protect persons\n\n"
            f"{dataset.sensitive} The same person has the same new id and the same shift in every table; intervals between dates of a person are as they were. "
            "How many persons are alike in what they may be recognised by (k) is in `checks.json`, under `disclosure`."
        )
    else:
        parts.append(
            f"## Persons\n\n{dataset.sensitive} The tables in `twin/` have the columns of the real ones and rows of persons whom nobody is, with "
            "concepts of `aggregates/concepts.csv` and all else by chance: programs can be tried on them, and nothing can be concluded."
        )
    parts.append(f"## What to keep in mind\n\n{dataset.limits}")
    parts.append("## Whether it is whole\n\n```sh\nsha256sum -c SHA256SUMS\n```")
    parts.append(_use(dataset))
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_citation(dataset: Dataset, folder: Path) -> None:
    """Write `CITATION.cff` (Citation File Format 1.2.0)."""
    entry: dict[str, object] = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them as below.",
        "type": "dataset",
        "title": dataset.title,
        "version": dataset.version,
        "date-released": dataset.created,
        "authors": [{"name": party.name} for party in dataset.creators],
        "keywords": list(dataset.keywords),
    }
    if dataset.license and "://" not in dataset.license:
        entry["license"] = dataset.license
    if dataset.url and "://" in dataset.url:
        entry["url"] = dataset.url
    (folder / "CITATION.cff").write_text(yaml.safe_dump(entry, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _tables(dataset: Dataset) -> str:
    lines = [f"| `{table.path}` | {'' if table.rows is None else f'{table.rows:,}'} | {table.about} |" for table in dataset.tables]
    others = (
        "Columns are described in `dictionary.csv`, and for programs in `croissant.json`, `ro-crate-metadata.json` and `datapackage.json`. "
        "What checks of the data found is in `checks.json`."
    )
    return "\n".join(["## What is in it", "", "| file | rows | a row is |", "|---|---|---|", *lines, "", others])


def _opened(table: TableFile) -> str:
    path, is_parquet = table.path, table.path.endswith(".parquet")
    read = "parquet" if is_parquet else "csv"
    arrow = f'arrow::read_{read}{"" if is_parquet else "_arrow"}("{path}")'
    return f"""## How to open it

```python
import polars; polars.read_{read}("{path}")
import duckdb; duckdb.sql("FROM '{path}'")
import pandas; pandas.read_{read}("{path}")
import mlcroissant; next(iter(mlcroissant.Dataset("croissant.json").records("{table.name}")))
```

```r
{arrow}
```"""


def _use(dataset: Dataset) -> str:
    lines = ["## Use", "", f"Licence: {dataset.license or 'none was given: ask before you use it'}."]
    if dataset.duo:
        lines.append("Data use (GA4GH DUO): " + "; ".join(f"{term} ({duo.meaning(term)})" for term in dataset.duo) + ".")
    lines.append(f"Made by {', '.join(party.name for party in dataset.creators)}, {dataset.created:%d %B %Y}, version {dataset.version}.")
    if dataset.contact:
        lines.append(f"Questions: {dataset.contact}.")
    return "\n".join(lines)
