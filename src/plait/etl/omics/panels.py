"""Gene panels: which genes an assay of a sample sees. What is off the panel is not captured, never zero and never wild type."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from plait.duck import sql
from plait.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb
    import numpy as np
    import numpy.typing as npt

    from plait.etl.sources.folder import Source


def panel_genes(file: Path) -> tuple[str, ...]:
    """Give the genes of a panel's file: one a line, or the `gene_list` of a cBioPortal gene panel; `#` begins a comment.

    Raises:
        InputFileError: No such file, or no gene in it.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputFileError(
            file,
            expected="a panel's genes, as UTF-8 text",
            got="no file that can be read",
            todo="Mend 'panels' in plait.yaml; paths are relative to that file.",
        ) from None
    lists = [line.partition(":")[2] for line in lines if line.startswith("gene_list:")]
    words = [word for text in lists for word in text.replace(",", "\t").split()] if lists else [line.split("#")[0].strip() for line in lines]
    genes = tuple(dict.fromkeys(word for word in words if word))
    if not genes:
        raise InputFileError(file, expected="at least one gene", got="none", todo="Write one gene a line, or a line 'gene_list:' with genes separated by tabs.")
    return genes


def panels_of(sources: Iterable[Source]) -> dict[str, tuple[str, ...]]:
    """Give the genes of every panel that a source names.

    Raises:
        InputFileError: Two sources mean different genes by one name.
    """
    found: dict[str, tuple[str, ...]] = {}
    for source in sources:
        for panel in source.panels:
            genes = panel_genes(panel.genes)
            if set(found.setdefault(panel.name, genes)) != set(genes):
                raise InputFileError(
                    panel.genes, expected=f"the genes of panel '{panel.name}' as named before", got="other genes", todo="Give the panels different names."
                )
    return found


def panels_digest(sources: Iterable[Source]) -> list[list[str | None]]:
    """Give what decides which genes a sample's assay sees: every panel's source, name, samples and a digest of its genes."""
    return [
        [source.name, panel.name, panel.samples, hashlib.sha256("\n".join(panel_genes(panel.genes)).encode()).hexdigest()]
        for source in sources
        for panel in source.panels
    ]


def genes_seen(con: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Give the genes of every panel of an open version, as Ensembl ids, or as names that mean no gene."""
    seen: dict[str, set[str]] = {}
    for panel, gene in con.execute(sql("plait.etl.omics", "panel_seen")).fetchall():
        seen.setdefault(panel, set()).add(gene)
    return seen


def captured(seen: dict[str, set[str]], genes: Sequence[str], panel: str) -> npt.NDArray[np.bool_]:
    """Tell which genes a panel has; where there is no panel, or nobody lists its genes, none is left out."""
    import numpy as np

    listed = seen.get(panel)
    return np.asarray([listed is None or gene in listed for gene in genes], dtype=np.bool_)
