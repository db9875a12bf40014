"""Reads the files of a cBioPortal study that are no tables of records: matrices, case lists, meta files.

The meta files say what each data file is (cBioPortal, "File Formats"); a data file that none of them names
is not read. Where one leaves out `data_filename`, it is `data_X.txt` beside `meta_X.txt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from plait.errors import InputFileError
from plait.etl.sources.matrix import AssayFacts, TextMatrix, need_omics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

_TABLES = {
    ("CLINICAL", "PATIENT_ATTRIBUTES"): "patient",
    ("CLINICAL", "SAMPLE_ATTRIBUTES"): "sample",
    ("CLINICAL", "TIMELINE"): "timeline",
    ("MUTATION_EXTENDED", "MAF"): "mutation",
    ("FUSION", "FUSION"): "fusion",
    ("STRUCTURAL_VARIANT", "SV"): "structural_variant",
    ("GENE_PANEL_MATRIX", "GENE_PANEL_MATRIX"): "panel_matrix",
}
"""(genetic_alteration_type, datatype) of a meta file → the table that it describes."""

_LAYERS = {
    ("COPY_NUMBER_ALTERATION", "DISCRETE"): "gistic",
    ("COPY_NUMBER_ALTERATION", "CONTINUOUS"): "copy_number",
    ("COPY_NUMBER_ALTERATION", "LOG2-VALUE"): "log2_ratio",
    ("MRNA_EXPRESSION", "CONTINUOUS"): "expression",
    ("MRNA_EXPRESSION", "Z-SCORE"): "z_score",
    ("METHYLATION", "CONTINUOUS"): "beta",
    ("PROTEIN_LEVEL", "LOG2-VALUE"): "log2_ratio",
    ("PROTEIN_LEVEL", "CONTINUOUS"): "abundance",
    ("PROTEIN_LEVEL", "Z-SCORE"): "z_score",
}
"""(genetic_alteration_type, datatype) of a meta file → the layer of the matrix that it describes."""

_UNITS = {"read_count": "counts", "readcount": "counts", "tpm": "tpm", "fpkm": "fpkm", "rpkm": "rpkm", "cpm": "cpm"}
"""What the name of an expression profile says of its values (cBioPortal, File Formats: `mrna_seq_tpm`) → the layer."""

_IDENTIFIERS = frozenset({"hugo_symbol", "entrez_gene_id", "cytoband", "composite.element.ref"})
_BUILDS = {"hg19": "GRCh37", "hg38": "GRCh38"}
_HEADERS = {
    "items": ("assay", "layer", "sample", "features", "missing", "infinite", "negative", "value_sha256"),
    "features": ("assay", "gene", "entrez"),
    "case_list": ("list", "category", "sample"),
    "meta": ("meta", "key", "value"),
}


def find_files(source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
    """Give what each file is, by the study's meta files.

    Raises:
        InputFileError: There are no meta files, or none for the clinical data of samples.
    """
    del source
    described = _described(paths)
    found: list[tuple[str | None, Path]] = []
    for path in paths:
        kind = described.get(path)
        if kind in _LAYERS:
            found += [("items", path), ("features", path)]
        elif kind in _TABLES:
            found.append((_TABLES[kind], path))
        elif path.name.startswith("meta_"):
            found.append(("meta", path))
        else:
            found.append(("case_list" if path.parent.name == "case_lists" else None, path))
    if not any(name == "sample" for name, _ in found):
        folder = paths[0].parent if paths else "the study's folder"
        raise InputFileError(
            folder,
            expected="meta_*.txt files, one of which names the samples' clinical data (CLINICAL, SAMPLE_ATTRIBUTES)",
            got=f"{sum(path.name.startswith('meta_') for path in paths)} meta files, none of which names one that is there",
            todo="Deliver the study with its meta files: they say what each data file is (cBioPortal, File Formats).",
        )
    return found


def header(source: Source, logical: str, path: Path) -> tuple[str, ...]:
    """Give the columns of the records that this module makes of a file.

    Raises:
        InputFileError: A matrix without samples, or with one twice.
    """
    if logical in {"items", "features"}:
        need_omics(f"{path.name}, a matrix")
        _matrix(source, path)
    return _HEADERS[logical]


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield a file's records: a matrix's samples or genes, the samples of a case list, the lines of a meta file."""
    if file.file == "items":
        yield _item_records(_matrix(source, file.path))
    elif file.file == "features":
        yield from _feature_records(_matrix(source, file.path))
    elif file.file == "case_list":
        listed = read_meta(file.path)
        samples = listed.get("case_list_ids", "").split()
        yield _batch("case_list", [[listed.get("stable_id")] * len(samples), [listed.get("case_list_category")] * len(samples), samples])
    else:
        meta = read_meta(file.path)
        yield _batch("meta", [[file.path.name] * len(meta), list(meta), list(meta.values())])


def matrix(source: Source, file: InputFile) -> TextMatrix | None:
    """Give the matrix whose samples are a file's records."""
    return _matrix(source, file.path) if file.file == "items" else None


def read_meta(path: Path) -> dict[str, str]:
    """Give the keys and values of a meta file or a case list."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _described(paths: Sequence[Path]) -> dict[Path, tuple[str, str]]:
    """Give what the meta files say of each data file that is there: (genetic_alteration_type, datatype)."""
    there = set(paths)
    found = {}
    for path in paths:
        if path.name.startswith("meta_"):
            meta = read_meta(path)
            data = path.with_name(meta.get("data_filename") or path.name.replace("meta_", "data_", 1))
            if data in there:
                found[data] = (meta.get("genetic_alteration_type", ""), meta.get("datatype", ""))
    return found


def _facts(path: Path, name: str, genome_build: str | None) -> AssayFacts:
    """Give what the meta file of a matrix, and that of the study, say of it."""
    metas = {meta: read_meta(meta) for meta in sorted(path.parent.glob("meta_*.txt"))}
    own = next(
        values for meta, values in metas.items() if path.name in {values.get("data_filename"), meta.name.replace("meta_", "data_", 1)} and _layer(values)
    )
    study = metas.get(path.with_name("meta_study.txt"), {})
    build = own.get("reference_genome_id") or study.get("reference_genome")
    return AssayFacts(
        assay=f"{name}.{own.get('stable_id') or path.stem.removeprefix('data_')}",
        layer=_layer(own) or "values",
        genome_build=_BUILDS.get(build, build) if build else genome_build,
        platform=own.get("profile_name"),
        pipeline=own.get("profile_description"),
    )


def _layer(meta: dict[str, str]) -> str | None:
    """Give the layer that a meta file describes, None where it describes no matrix."""
    layer = _LAYERS.get((meta.get("genetic_alteration_type", ""), meta.get("datatype", "")))
    if layer == "expression":
        return next((unit for word, unit in _UNITS.items() if word in meta.get("stable_id", "").lower()), layer)
    return layer


def _matrix(source: Source, path: Path) -> TextMatrix:
    return TextMatrix(path, _IDENTIFIERS, _facts(path, source.name, source.options.get("genome_build")))


def _item_records(read: TextMatrix) -> pa.RecordBatch:
    """Give a record for each sample of a matrix."""
    hashes, counts, features = read.summaries()
    number = len(read.items)
    counted = [[*map(str, kind)] for kind in counts]
    return _batch("items", [[read.facts.assay] * number, [read.facts.layer] * number, read.items, [str(features)] * number, *counted, hashes])


def _feature_records(read: TextMatrix) -> Iterator[pa.RecordBatch]:
    """Yield a record for each gene of a matrix; a line that is no row of numbers is at fault."""
    columns = [name.lower() for name in read.identifiers]
    for block in read.blocks():
        named = [dict(zip(columns, name, strict=True)) for name in block.names]
        entrez = [name.get("entrez_gene_id") or None for name in named]
        genes = [name.get("hugo_symbol") or name.get("entrez_gene_id") or name.get("composite.element.ref") or None for name in named]
        fields = pa.schema([(name, pa.string()) for name in (*_HEADERS["features"], "_fault")])
        yield pa.record_batch([pa.array(column, pa.string()) for column in ([read.facts.assay] * len(named), genes, entrez, block.faults)], schema=fields)


def _batch(kind: str, columns: Sequence[Sequence[str | None]]) -> pa.RecordBatch:
    fields = pa.schema([(name, pa.string()) for name in _HEADERS[kind]])
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=fields)
