"""The kind of view `omics`: values of an assay's matrix, or numbers of variants, by gene or by set of genes, of a person's specimens.

A specimen's values are known when they were reported. What a panel does not see is NOT_CAPTURED, and so is a gene that the matrix does not
have, of whomever; a person without a specimen is UNKNOWN: nobody says why there is none.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from plait.duck import sql
from plait.errors import CohortError, ConfigError
from plait.etl.omics.assay import open_assay
from plait.etl.omics.panels import panel_genes
from plait.featurestore.aligned import CODES, RANK, Aligned
from plait.featurestore.asof import DAY_US, History
from plait.featurestore.missing import why_not
from plait.featurestore.modalities.omics_values import States, found_variants, matrix_states, numbers_of, variant_states
from plait.featurestore.view import View, ViewOptions, options_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.asof import Flags, Ints
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question, Reading
    from plait.settings import FeatureSettings

_NUMBERS_AT_ONCE = 1 << 26


class OmicsOptions(ViewOptions):
    """What a view of molecular data may be told.

    Attributes:
        assay: The assay, `SOURCE.NAME`: one with a matrix (`rna.counts`, a copy number profile), or one of variants.
        layer: What the matrix must hold; any if None.
        genes: Genes by symbol or Ensembl id, or a file with one a line. All of the matrix, or of the panels, if nothing is named.
        gene_sets: A GMT file: a line for each set, with its name, a description and its genes, separated by tabs. A set's value is the mean
            of its genes.
        sets: Which sets of the file; all if empty.
        set_fraction: The least part of a set's genes that must be observed.
        classes: Classes of variants that count (`Missense_Mutation`, …); all if empty.
        unlisted: What no variant means where nobody lists the panel's genes: `unknown`, or the `wild_type`.
        transform: `log1p`, or the `rank` of a value among all of its specimen, from 0 to 1.
        reduce: What becomes of several specimens of a row: the `last` or `first` that was taken, as a whole; the `mean` or `max` of each gene; their `count`.
    """

    assay: str
    layer: str | None = None
    genes: tuple[str, ...] | str = ()
    gene_sets: str | None = None
    sets: tuple[str, ...] = ()
    set_fraction: float = Field(default=0.5, ge=0, le=1)
    classes: tuple[str, ...] = ()
    unlisted: Literal["unknown", "wild_type"] = "unknown"
    transform: Literal["log1p", "rank"] | None = None
    reduce: Literal["last", "first", "mean", "max", "count"] = "last"


class OmicsView(View):
    """Molecular data by gene or set of genes."""

    def __init__(self, reading: Reading, name: str, options: OmicsOptions) -> None:
        self.reading, self.name, self.modality, self.options = reading, name, "omics", options
        self._where = f"plait.yaml: view '{name}'"
        self._matrix = next((entry for entry in reading.version.omics if entry["assay"] == options.assay), None)
        self._check()

    @property
    def reach_days(self) -> float | None:
        """How far back its specimens count."""
        return self.options.lookback_days

    def align(self, index: Index, question: Question) -> Aligned:
        """Give the values of the specimens that each row's person had by its moment and whose report was there."""
        states, how = self._states, self.options.reduce
        names = ("count",) if how == "count" else self._names
        shape = (len(index), len(names))
        values, age = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
        reason, n_obs = np.empty(shape, np.uint8), np.zeros(shape, np.int32)
        is_there = np.zeros(len(index), np.bool_)
        event = numbers_of(states.rows, "event_time")
        for rows, chosen in self._pairs(index, question):
            begins = np.flatnonzero(np.diff(rows, prepend=-1))
            if not len(begins):
                continue
            of, ends = rows[begins], np.append(begins[1:], len(rows)) - 1
            is_there[of] = True
            if how == "count":
                values[of, 0], reason[of], n_obs[of, 0] = ends - begins + 1, Reason.OBSERVED, ends - begins + 1
            else:
                values[of], reason[of], n_obs[of] = _reduced(states, chosen, begins, ends, how)
            newest = chosen[begins if how == "first" else ends]
            days = ((index.at[of] - event[newest]) / DAY_US).astype(np.float32)
            age[of] = np.where(reason[of] == Reason.OBSERVED, days[:, None], np.float32(np.nan))
        if not is_there.all():
            reason[~is_there] = self._why_not(index, question, len(names))[~is_there]
        return Aligned(self.name, names, values, reason, age, n_obs, presence=self.options.present)

    def explain(self, feature: str) -> dict[str, Any]:
        """Give the gene or the genes behind a feature, how much of them the assay sees, and what is done to their values."""
        place = self._place(feature)
        told = {"view": self.name, "feature": feature, "assay": self.options.assay, "reduce": self.options.reduce, "transform": self.options.transform}
        if self._matrix is not None:
            told |= {part: self._matrix[part] for part in ("layer", "unit", "genome_build", "platform", "pipeline")}
        if self.options.reduce == "count":
            return told
        if self.options.gene_sets is not None:
            held = [self._genes[gene] for gene in self._sets[feature]]
            return {**told, "genes": [self._symbol(gene) for gene in held], "captured": [self._symbol(gene) for gene in held if self._has(gene)]}
        gene = self._genes[place]
        return {**told, "ensembl_gene_id": gene, "gene_symbol": self._symbols.get(gene), "captured": self._has(gene), "panels": self._panels_of(gene)}

    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the assays of specimens behind the values of a feature, and, of variants, the variants."""
        import polars as pl

        place, columns = self._place(feature), ("table_name", "row_id", "event_time", "known_time")
        states = self._states
        lines = [pl.DataFrame(schema={"row": pl.Int64}).hstack(states.rows.select(columns).clear())]
        for rows, chosen in self._pairs(index, question):
            begins = np.flatnonzero(np.diff(rows, prepend=-1))
            ends = np.append(begins[1:], len(rows))[: len(begins)] - 1
            picked = {"first": begins, "last": ends}.get(self.options.reduce, np.arange(len(rows)))
            if self.options.reduce != "count":
                picked = picked[states.reason[chosen[picked], place] == Reason.OBSERVED]
            lines.append(pl.DataFrame({"row": rows[picked]}).hstack(states.rows.select(columns)[chosen[picked]]))
            if self._matrix is None and self.options.reduce != "count":
                of_rows = pl.DataFrame({"row": rows[picked], "at": index.at[rows[picked]]}).hstack(states.rows.select("person_id", "sample")[chosen[picked]])
                lines.append(self._variants_behind(of_rows, place).select("row", *columns))
        return pl.concat(lines).sort("row", maintain_order=True)

    def describe(self) -> dict[str, Any]:
        """Give the view's options, its genes by their Ensembl ids, and the digest of the matrix."""
        digest = None if self._matrix is None else self._matrix["sha256"]
        return {**super().describe(), "options": self.options.model_dump(mode="json"), "genes": list(self._genes), "sets": self._sets, "matrix_sha256": digest}

    def _variants_behind(self, of_rows: pl.DataFrame, place: int) -> pl.DataFrame:
        """Give the variants that a feature counts of rows' specimens, as far as they were known."""
        import polars as pl

        genes = [self._genes[gene] for gene in (list(self._sets.values())[place] if self._sets else [place])]
        found = found_variants(self.reading, self.options.assay, self.options.classes).filter(pl.col("counts") & pl.col("gene").is_in(genes))
        joined = of_rows.join(found, left_on=["person_id", "sample"], right_on=["person_id", "specimen"], maintain_order="left")
        known = joined.filter(pl.col("known_time").cast(pl.Int64) <= pl.col("at"))
        return known.with_columns(table_name=pl.lit("omics_variant")).unique(["row", "row_id"], keep="first", maintain_order=True)

    def _check(self) -> None:
        """Fail where the options do not fit the assay."""
        assay, layer = self.options.assay, self.options.layer
        if self._matrix is None:
            known = {row[0] for row in self.reading.con.execute(sql("plait.etl.omics", "variant_assays")).fetchall()}
            if assay not in known:
                there = sorted({entry["assay"] for entry in self.reading.version.omics} | known)
                raise ConfigError(self._where, expected="an assay of the study", got=f"'{assay}'", todo=f"There are: {', '.join(there) or 'none'}.")
            if layer is not None or self.options.transform == "rank":
                raise ConfigError(self._where, expected="an assay with a matrix", got=f"'{assay}', which has variants", todo="Leave layer and rank out.")
        elif layer not in {None, self._matrix["layer"]}:
            raise ConfigError(self._where, expected=f"the layer that {assay} holds, '{self._matrix['layer']}'", got=f"'{layer}'", todo="Mend 'layer'.")
        elif self.options.classes:
            raise ConfigError(
                self._where, expected="no classes of variants for a matrix", got="some", todo="Leave 'classes' out, or name an assay of variants."
            )
        if self.options.gene_sets is not None and self.options.genes:
            raise ConfigError(self._where, expected="genes or gene_sets", got="both", todo="Make two views.")

    @cached_property
    def _named(self) -> dict[str, str]:
        """What each name of a gene means in this study: its Ensembl id, or itself."""
        self.reading.con.execute(sql("plait.etl.omics", "gene_names"))
        return dict(self.reading.con.execute("SELECT name, gene FROM gene_names").fetchall())

    @cached_property
    def _symbols(self) -> dict[str, str]:
        """The present symbol of each gene."""
        return dict(self.reading.con.execute(sql("plait.featurestore.modalities", "omics_symbols")).fetchall())

    @cached_property
    def _gmt(self) -> dict[str, tuple[str, ...]]:
        """The genes of each set that is asked for, by their ids."""
        file = self._path(self.options.gene_sets or "")
        found = {name: tuple(dict.fromkeys(self._named.get(gene, gene) for gene in genes)) for name, genes in read_gmt(file).items()}
        missing = [name for name in self.options.sets if name not in found]
        if missing:
            raise ConfigError(file, expected=f"a set '{missing[0]}'", got="none of this name", todo=f"It has {len(found)} sets; mend 'sets'.")
        return {name: found[name] for name in self.options.sets or found}

    @cached_property
    def _genes(self) -> tuple[str, ...]:
        """The genes whose values are read, by their ids."""
        if self.options.gene_sets is not None:
            return tuple(sorted({gene for genes in self._gmt.values() for gene in genes}))
        named = panel_genes(self._path(self.options.genes)) if isinstance(self.options.genes, str) else self.options.genes
        genes = tuple(self._named.get(gene, gene) for gene in named) or tuple(self._all_genes())
        twice = sorted({gene for gene in genes if genes.count(gene) > 1}) if len(set(genes)) < len(genes) else []
        if twice:
            raise ConfigError(self._where, expected="each gene once", got=f"{self._symbol(twice[0])} by two names, or twice", todo="Name it once.")
        return genes

    def _all_genes(self) -> Sequence[str]:
        """Give the genes of the matrix, or of all panels."""
        if self._matrix is not None:
            with open_assay(self.reading.study, self.reading.version, self.options.assay) as opened:
                return opened.features
        panels = self.reading.con.execute(sql("plait.etl.omics", "panel_seen")).fetchall()
        if not panels:
            raise ConfigError(self._where, expected="genes", got="none, and no panel that lists any", todo="Name them: genes or gene_sets.")
        return sorted({gene for _, gene in panels}, key=lambda gene: (self._symbol(gene), gene))

    @cached_property
    def _sets(self) -> dict[str, list[int]]:
        """The places of the genes of each set."""
        place = {gene: number for number, gene in enumerate(self._genes)}
        return {} if self.options.gene_sets is None else {name: [place[gene] for gene in genes] for name, genes in self._gmt.items()}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Names of the features: sets, or genes by symbol, and by id where two have one symbol."""
        if self.options.gene_sets is not None:
            return tuple(self._sets)
        symbols = [self._symbol(gene) for gene in self._genes]
        often = {symbol for symbol in symbols if symbols.count(symbol) > 1} if len(set(symbols)) < len(symbols) else set()
        return tuple(gene if symbol in often else symbol for gene, symbol in zip(self._genes, symbols, strict=True))

    @cached_property
    def _states(self) -> States:
        """Specimens and their values."""
        options = self.options
        if self._matrix is not None:
            states = matrix_states(self.reading, options.assay, self._genes, ranked=options.transform == "rank")
        else:
            _ = self._named  # makes the table of names that the query needs
            states = variant_states(self.reading, options.assay, self._genes, options.classes, options.unlisted)
        if options.transform == "log1p":
            states = states.log1p()
        return states.of_sets(list(self._sets.values()), options.set_fraction) if options.gene_sets is not None else states

    @cached_property
    def _captured(self) -> set[str]:
        """Genes of which the assay can say something: of a matrix, those that it has; of variants, any."""
        if self._matrix is None:
            return set(self._genes)
        with open_assay(self.reading.study, self.reading.version, self.options.assay) as opened:
            return set(opened.features)

    def _history(self, question: Question) -> History:
        rows = self._states.rows
        known = numbers_of(rows, "known_time") if question.clock == "known" else None
        return History.of(rows["person_id"].to_numpy(), numbers_of(rows, "event_time"), known)

    def _pairs(self, index: Index, question: Question) -> Iterator[tuple[Ints, Ints]]:
        """Give rows and the newest known state of each of their specimens, as these were taken."""
        specimen, known, event = (numbers_of(self._states.rows, name) for name in ("specimen", "known_time", "event_time"))
        since = self.options.since(index.at)
        at_once = max(_NUMBERS_AT_ONCE // max(len(self._names), 1), 1)
        for rows, states in self._history(question).pairs(index.person_id, index.at, at_once=at_once):
            order = np.lexsort((states, known[states], specimen[states], rows))
            is_newest = np.ones(len(order), np.bool_)
            is_newest[:-1] = (np.diff(rows[order]) != 0) | (np.diff(specimen[states[order]]) != 0)
            kept = np.sort(order[is_newest])
            if since is not None:  # after the newest was chosen, whose time may be another than that of the state before
                kept = kept[event[states[kept]] > since[rows[kept]]]
            yield rows[kept], states[kept]

    def _why_not(self, index: Index, question: Question, number: int) -> npt.NDArray[np.uint8]:
        """Give the reasons of rows without a specimen `(n_rows, n_features)`."""
        codes = why_not(index, question, (self._history(question),), self.options.since(index.at))
        features = np.full(number, Reason.UNKNOWN, np.uint8)
        if self.options.reduce != "count":
            features[~self._is_seen] = Reason.NOT_CAPTURED
        return CODES[np.minimum(RANK[codes][:, None], RANK[features][None, :])]

    @cached_property
    def _is_seen(self) -> Flags:
        """Whether the assay can say something of each feature; of a set, of enough of its genes."""
        has = np.asarray([self._has(gene) for gene in self._genes], np.bool_)
        if self.options.gene_sets is None:
            return has
        return np.asarray([has[places].any() and has[places].mean() >= self.options.set_fraction for places in self._sets.values()], np.bool_)

    def _has(self, gene: str) -> bool:
        return gene in self._captured

    def _symbol(self, gene: str) -> str:
        return self._symbols.get(gene, gene)

    def _panels_of(self, gene: str) -> list[str]:
        """Give the panels that see a gene."""
        seen = self.reading.con.execute(sql("plait.etl.omics", "panel_seen")).fetchall()
        return [panel for panel, listed in seen if listed == gene]

    def _path(self, name: str) -> Path:
        return self.reading.study / Path(name)

    def _place(self, feature: str) -> int:
        """Give the place of a feature."""
        names = ("count",) if self.options.reduce == "count" else self._names
        if feature not in names:
            raise CohortError(f"view '{self.name}'", expected=f"one of its {len(names)} features", got=f"'{feature}'", todo="See the answer's names.")
        return names.index(feature)


def _reduced(states: States, chosen: Ints, begins: Ints, ends: Ints, how: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Give values, reasons and numbers of observations of rows, from their specimens."""
    is_there = states.reason[chosen] == Reason.OBSERVED
    counts = np.add.reduceat(is_there, begins, axis=0, dtype=np.int32)
    if how in {"last", "first"}:
        picked = chosen[begins if how == "first" else ends]
        return states.values[picked], states.reason[picked], counts
    held = states.values[chosen]
    if how == "mean":
        values = np.add.reduceat(np.where(is_there, held, 0), begins, axis=0, dtype=np.float64) / np.maximum(counts, 1)
    else:
        values = np.maximum.reduceat(np.where(is_there, held, -np.inf), begins, axis=0)
    first = CODES[np.minimum.reduceat(RANK[states.reason[chosen]], begins, axis=0)]
    return np.where(counts > 0, values, np.nan).astype(np.float32), np.where(counts > 0, np.uint8(Reason.OBSERVED), first), counts


def read_gmt(file: Path) -> dict[str, tuple[str, ...]]:
    """Give the genes of each set of a GMT file (Broad Institute, "GMT: Gene Matrix Transposed").

    Raises:
        ConfigError: No such file, a line without genes, or a name twice.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(file, expected="gene sets as GMT", got="no file that can be read", todo="Mend 'gene_sets'; it is relative to plait.yaml.") from None
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, 1):
        name, *rest = line.rstrip().split("\t")
        genes = tuple(gene for gene in rest[1:] if gene)
        if line.strip() and not genes:
            raise ConfigError(f"{file}:{number}", expected="a name, a description and genes, separated by tabs", got="no gene", todo="Mend the line.")
        if name in found:
            raise ConfigError(f"{file}:{number}", expected="each set once", got=f"'{name}' again", todo="Remove one of them.")
        if genes:
            found[name] = genes
    return found


def open_view(reading: Reading, settings: FeatureSettings) -> OmicsView:
    """Open a view of molecular data.

    Raises:
        ConfigError: Options that it does not know, an assay that is not there, genes or sets that cannot be read.
    """
    return OmicsView(reading, settings.view, options_of(OmicsOptions, settings))
