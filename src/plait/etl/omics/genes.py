"""Which gene a name means: through a gene table, and never by guessing.

A name is an Ensembl id (with or without a version) or a symbol. It is looked up among the ids, the present
symbols, the previous ones and the aliases, in this order; the first of these that knows it decides, and if
that knows several genes, the name is ambiguous. Genes of alternative haplotypes count only where no
chromosome has the name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, one_file, parquet, quoted, sql, write_parquet
from plait.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.stage import StagedFile

_COLUMNS = {
    "ensembl_id": ("ensembl_id", "ensembl_gene_id", "gene_id", "Gene stable ID"),
    "symbol": ("Approved symbol", "gene_name", "gene_symbol", "symbol", "Gene name"),
    "gene_name": ("gene_name", "Gene name", "symbol", "gene_symbol"),
    "entrez": ("Entrez", "entrez_id", "NCBI gene (formerly Entrezgene) ID"),
    "previous": ("Previous symbols", "prev_symbol", "previous"),
    "alias": ("Alias symbols", "alias_symbol", "alias"),
    "chromosome": ("Chromosome", "chromosome", "Chromosome/scaffold name"),
}
"""What is needed of a gene table → the names by which tables of Ensembl, HGNC and BioMart call it."""

_NEEDED = ("ensembl_id", "symbol")


def genes_digest(file: Path | None) -> str | None:
    """Give a digest of a gene table.

    Raises:
        InputFileError: No such file.
    """
    if file is None:
        return None
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        raise InputFileError(
            file, expected="a gene table", got="no file that can be read", todo="Mend 'genes' in plait.yaml; it is relative to that file."
        ) from None


def map_genes(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile], panels: Mapping[str, tuple[str, ...]], genes: Path | None, target: Path) -> None:
    """Write what every gene name of the study means: `name`, `ensembl_gene_id`, `gene_symbol`, `gene_match`, `tier`.

    Args:
        con: A connection; it keeps the result as the table `gene_map`, and the panels as `panel_gene`.
        staged: All staged files.
        panels: The genes of each panel.
        genes: The gene table; without one, only Ensembl ids have a meaning.
        target: The Parquet file to write.

    Raises:
        InputFileError: The gene table lacks a column, or cannot be read.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE gene_name (name VARCHAR)")
    paths = [file.path for file in staged if file.shape in {"feature", "variant"} and file.rows]
    for path in paths:
        con.execute(f"INSERT INTO gene_name SELECT DISTINCT gene FROM {parquet(path)} WHERE gene IS NOT NULL")
    con.execute("CREATE OR REPLACE TEMP TABLE panel_gene (panel VARCHAR, gene VARCHAR)")
    for panel, names in panels.items():
        con.execute("INSERT INTO panel_gene SELECT $panel, unnest($names)", {"panel": panel, "names": list(names)})
    con.execute("INSERT INTO gene_name SELECT gene FROM panel_gene")
    make_view(con, "gene_table", _gene_table(con, genes) if genes is not None else _NO_TABLE)
    write_parquet(con, sql("plait.etl.omics", "gene_map"), target)
    con.execute(f"CREATE OR REPLACE TEMP TABLE gene_map AS FROM {parquet(target)}")


_NO_TABLE = (
    "SELECT NULL::VARCHAR AS ensembl_id, NULL::VARCHAR AS symbol, NULL::VARCHAR AS gene_name, NULL::VARCHAR AS entrez, NULL::VARCHAR AS previous, "
    "NULL::VARCHAR AS alias, NULL::VARCHAR AS chromosome WHERE false"
)


def _gene_table(con: duckdb.DuckDBPyConnection, file: Path) -> str:
    """Give the SELECT over a gene table, its columns by our names."""
    import duckdb

    plain = file.name.removesuffix(".gz")
    delimiter = "," if plain.endswith(".csv") else "\t"
    scan = f"read_csv({literal(one_file(file))}, hive_partitioning = false, delim = {literal(delimiter)}, header = true, all_varchar = true, quote = '\"')"
    try:
        have = [str(row[0]) for row in con.execute(f"DESCRIBE FROM {scan}").fetchall()]
    except duckdb.Error:
        raise InputFileError(
            file, expected="a gene table: text with a header, separated by tabs (.tsv) or commas (.csv)", got="something else", todo="Deliver it as such."
        ) from None
    lower = {name.lower(): name for name in have}
    found = {ours: next((lower[name.lower()] for name in names if name.lower() in lower), None) for ours, names in _COLUMNS.items()}
    missing = [ours for ours in _NEEDED if found[ours] is None]
    if missing:
        raise InputFileError(
            file,
            expected=f"a column {' or '.join(_COLUMNS[missing[0]])}",
            got=f"a gene table with {len(have)} columns, none of this name",
            todo="Name a gene table with Ensembl ids and symbols under 'genes' in plait.yaml (docs: omics).",
        )
    columns = ", ".join(f"{quoted(name) if name else 'NULL::VARCHAR'} AS {ours}" for ours, name in found.items())
    return f"SELECT {columns} FROM {scan}"
