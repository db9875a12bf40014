"""Reading a stored assay: a row of one item, or values of chosen genes with the reason for everything that is missing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from plait.duck import sql
from plait.errors import ConfigError, StudyError
from plait.etl.catalog import open_catalog
from plait.etl.omics.panels import captured, genes_seen
from plait.etl.sources.matrix import need_omics, open_h5
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from anndata import AnnData

    from plait.etl.commit import Version


class Assay:
    """An assay of a version of a study. Values are read from disk as they are asked for; `read` takes all of them.

    Attributes:
        path: Its AnnData file.
        items: Identifiers of its items (samples or cells), in order.
        persons: The person of each item.
        specimens: The source's identifier of each item's specimen, empty where it named none.
        panels: The gene panel of each item, empty where there is none.
        occurrences: The `omics_occurrence_id` of each item; cells of one specimen have one.
        features: Ensembl id of each feature, or its delivered name where that means no gene.
    """

    def __init__(self, path: Path, seen: dict[str, set[str]], names: dict[str, str]) -> None:
        need_omics(path.name)
        from anndata.io import read_elem

        self.path, self._seen, self._names = path, seen, names
        try:
            self._file = open_h5(path, "r")
        except OSError:
            raise StudyError(
                path, expected="the assay's file", got="none that can be read", todo="Restore it from a copy, or run `plait etl run --full`."
            ) from None
        obs, var = read_elem(self._file["obs"]), read_elem(self._file["var"])
        self.items: list[str] = obs.index.tolist()
        self.persons: list[int] = obs["person_id"].tolist()
        self.specimens: list[str] = obs["specimen"].astype(str).tolist()
        self.panels: list[str] = obs["panel"].astype(str).tolist()
        self.occurrences: list[int] = obs["omics_occurrence_id"].tolist()
        self.features: list[str] = var.index.tolist()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> AnnData:
        """Give the whole assay as AnnData, in memory."""
        import anndata

        return anndata.read_h5ad(self.path)

    def row(self, item: int) -> npt.NDArray[Any]:
        """Give the values of one item `(n_features,)`."""
        import numpy as np

        if self._csr is None:
            dense: npt.NDArray[Any] = self._file["X"][item]
            return dense
        data, indices, indptr = self._csr
        first, last = indptr[item : item + 2]
        row = np.zeros(len(self.features), dtype=data.dtype)
        row[indices[first:last]] = data[first:last]
        return row

    def values(self, genes: Sequence[str], items: Sequence[int] | None = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        """Give values of genes, and why each is there or not.

        A gene that the assay has no feature for, or that the item's panel does not have, is NOT_CAPTURED, whatever the
        file holds; a value that is NaN in the file is UNKNOWN.

        Args:
            genes: Ensembl ids, or symbols as the study's gene table knows them.
            items: Places of the items; all if None.

        Returns:
            Values `(n_items, n_genes) float64`, NaN where not observed; codes of `Reason`, `(n_items, n_genes) uint8`.
        """
        import numpy as np

        chosen = range(len(self.items)) if items is None else items
        ids = [self._names.get(gene, gene) for gene in genes]
        place = {name: number for number, name in enumerate(self.features)}
        columns = np.asarray([place.get(name, -1) for name in ids], dtype=np.intp)
        values = np.full((len(chosen), len(genes)), np.nan)
        reasons = np.full((len(chosen), len(genes)), Reason.NOT_CAPTURED, dtype=np.uint8)
        sees = {panel: captured(self._seen, ids, panel) & (columns >= 0) for panel in {self.panels[item] for item in chosen}}
        for line, item in enumerate(chosen):
            seen = sees[self.panels[item]]
            values[line, seen] = self.row(item)[columns[seen]]
            reasons[line, seen] = np.where(np.isnan(values[line, seen]), Reason.UNKNOWN, Reason.OBSERVED)
        return values, reasons

    @cached_property
    def _csr(self) -> tuple[Any, Any, npt.NDArray[np.int64]] | None:
        """The parts of a sparse matrix, None where the matrix is dense."""
        import h5py

        held = self._file["X"]
        return None if isinstance(held, h5py.Dataset) else (held["data"], held["indices"], held["indptr"][:])


def open_assay(study: Path, version: Version, name: str) -> Assay:
    """Open an assay of a version of a study.

    Raises:
        ConfigError: The version has no assay of this name.
        StudyError: Its file is gone.
        MissingExtraError: The packages for molecular data are not installed.
    """
    entry = next((entry for entry in version.omics if entry["assay"] == name), None)
    if entry is None:
        known = ", ".join(sorted(entry["assay"] for entry in version.omics)) or "none"
        raise ConfigError(
            f"assay '{name}'",
            expected="an assay with a matrix",
            got="no such assay",
            todo=f"There are: {known}; what has variants only is read with `study.variants`.",
        )
    with open_catalog(study, version) as con:
        seen = genes_seen(con)
        names = dict(con.execute(sql("plait.etl.omics", "feature_names"), {"assay": name}).fetchall())
    return Assay(study / entry["path"], seen, names)
