"""Reading variants by gene: which specimens have any, which have none, and which genes nobody looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import sql
from plait.errors import ConfigError
from plait.etl.catalog import open_catalog
from plait.etl.omics.panels import captured, genes_seen
from plait.etl.sources.matrix import need_omics
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from plait.etl.commit import Version

_PACKAGE = "plait.etl.omics"


class Variants:
    """The variants of an assay of a version of a study, counted by specimen and gene.

    Attributes:
        items: Its specimens, in order of persons.
        persons: The person of each specimen.
        panels: The gene panel of each specimen, empty where there is none.
        genes: Ensembl id of every gene in which something was found, or its delivered name where that means no gene.
    """

    def __init__(self, study: Path, version: Version, name: str, classes: Sequence[str] | None) -> None:
        need_omics("variants as numbers")
        import numpy as np

        with open_catalog(study, version) as con:
            con.execute(sql(_PACKAGE, "gene_names"))
            items = con.execute(sql(_PACKAGE, "variant_items"), {"assay": name}).fetchnumpy()
            if not len(items["item"]):
                known = ", ".join(row[0] for row in con.execute(sql(_PACKAGE, "variant_assays")).fetchall()) or "none"
                raise ConfigError(f"assay '{name}'", expected="an assay with variants", got="no such assay", todo=f"There are: {known}.")
            found = con.execute(sql(_PACKAGE, "variant_counts"), {"assay": name, "classes": list(classes) if classes is not None else None}).fetchnumpy()
            self._names = dict(con.execute("SELECT name, gene FROM gene_names").fetchall())
            self._seen = genes_seen(con)
        self.items: list[str] = items["item"].tolist()
        self.persons: list[int] = items["person_id"].tolist()
        self.panels: list[str] = items["panel"].tolist()
        self._looked_at: npt.NDArray[np.bool_] = np.asarray(items["is_looked_at"], dtype=np.bool_)
        place = {pair: number for number, pair in enumerate(zip(self.persons, items["specimen"].tolist(), strict=True))}
        rows = [place[pair] for pair in zip(found["person_id"].tolist(), found["specimen"].tolist(), strict=True)]
        genes, columns = np.unique(np.asarray(found["gene"], dtype=np.str_), return_inverse=True)
        self.genes: list[str] = genes.tolist()
        self._found = rows, columns, found["variants"]

    def values(self, genes: Sequence[str], items: Sequence[int] | None = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        """Count variants of genes, and say why there is a number or none.

        0 is the wild type: the specimen was looked at, and its panel has the gene. A gene off the panel is NOT_CAPTURED, whatever
        was found in it. Where no panel is named, or nobody lists its genes, the assay is taken to see the genes in which it
        found something in anybody; of any other one nobody knows, and it is UNKNOWN, as is whatever was not found in a
        specimen that nobody says was looked at.

        Args:
            genes: Ensembl ids, or symbols as the study's gene table knows them.
            items: Places of the specimens; all if None.

        Returns:
            Numbers of variants `(n_items, n_genes) float64`, NaN where not observed; codes of `Reason`, `(n_items, n_genes) uint8`.
        """
        import numpy as np

        ids = [self._names.get(gene, gene) for gene in genes]
        place = {gene: number for number, gene in enumerate(self.genes)}
        counts = np.zeros((len(self.items), len(self.genes) + 1))
        counts[self._found[0], self._found[1]] = self._found[2]
        counts = counts[:, [place.get(gene, len(self.genes)) for gene in ids]]
        listed = {panel: captured(self._seen, ids, panel) for panel in set(self.panels)}
        on_panel = np.stack([listed[panel] for panel in self.panels])
        has_list = np.asarray([panel in self._seen for panel in self.panels])[:, None]
        known = self._looked_at[:, None] & (has_list | np.asarray([gene in place for gene in ids])[None, :]) | (counts > 0)
        reasons = np.where(on_panel, np.where(known, Reason.OBSERVED, Reason.UNKNOWN), Reason.NOT_CAPTURED).astype(np.uint8)
        values = np.where(reasons == Reason.OBSERVED, counts, np.nan)
        chosen = slice(None) if items is None else list(items)
        return values[chosen], reasons[chosen]
