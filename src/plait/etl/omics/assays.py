"""The matrices of a study as AnnData: one immutable file per assay, its items tied to persons and specimens.

A file is named by a digest of all that it is made of, so what exists is never written again, and an old
version keeps its own. Values go from the source's file to ours in blocks; nothing of a matrix's size is
ever in memory.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from plait.duck import make_view, parquet, sql
from plait.etl.manifest import digest_of
from plait.etl.omics.means import store_means
from plait.etl.own_code import code_digest
from plait.etl.sources.matrix import need_omics, open_h5
from plait.schema import cdm_tables, empty_select

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from plait.etl.harmonize.shard import ShardResult
    from plait.etl.run import Run
    from plait.etl.sources.inventory import InputFile
    from plait.etl.sources.matrix import Matrix
    from plait.etl.stage import StagedFile

FOLDER = "omics"
"""Folder of the assays' files, below the study."""

_ITEM_COLUMNS = ("person_id", "omics_occurrence_id", "specimen_id", "specimen", "panel")
_BARCODE_COLUMNS = ("tcga_sample_type", "tcga_vial", "tcga_portion", "tcga_analyte", "tcga_plate", "tcga_center")
_FEATURE_COLUMNS = ("feature", "gene_symbol", "gene_match", "retired_id")


@dataclass(frozen=True, slots=True)
class AssayFile:
    """A file of `plait.omics_file`, in the order of its columns; `path` is relative to the study."""

    assay: str
    source: str
    file: str
    path: str
    layer: str
    sha256: str
    items: int
    features: int
    genome_build: str | None
    platform: str | None
    pipeline: str | None
    unit: str | None


def matrices_of(run: Run, staged: Sequence[StagedFile]) -> list[tuple[Matrix, StagedFile]]:
    """Give the study's matrices, each with the staged file of its items, in the order of their names."""
    found = [(matrix, entry) for entry in staged if entry.shape == "assay" and (matrix := _matrix_of(run, entry)) is not None]
    return sorted(found, key=lambda pair: pair[0].facts.assay)


def write_assays(run: Run, matrices: Sequence[tuple[Matrix, StagedFile]], staged: Sequence[StagedFile], results: Sequence[ShardResult]) -> list[AssayFile]:
    """Bring the study's AnnData files up to date with the version that is about to be committed.

    Raises:
        MissingExtraError: There is a matrix, and the packages to write it are not installed.
    """
    if not matrices:
        return []
    need_omics("a matrix of molecular data")
    _views(run, staged, results)
    before = {entry["path"]: AssayFile(**entry) for entry in (run.before.omics if run.before else [])}
    return [_written(run, matrix, entry, before) for matrix, entry in matrices]


def _matrix_of(run: Run, staged: StagedFile) -> Matrix | None:
    """Give the matrix whose items a staged file holds."""
    source, file = run.source(staged.source), _file_of(run, staged)
    matrix = getattr(source.reader, "matrix", None)
    found: Matrix | None = matrix(source, file) if matrix is not None and file.format == "records" else None
    return found


def _file_of(run: Run, staged: StagedFile) -> InputFile:
    return next(file for file_id, file in run.files if file_id == staged.file_id)


def _views(run: Run, staged: Sequence[StagedFile], results: Sequence[ShardResult]) -> None:
    """Make views of what the new version holds: its assays and their features, and the staged rows that they come from."""
    run.con.execute(sql("plait.etl", "macros"))
    for table in ("omics_occurrence", "omics_feature"):
        paths = [run.warehouse / result.files["cdm"][table] for result in results if table in result.files["cdm"]]
        make_view(run.con, f"now_{table}", f"FROM {parquet(*paths)}" if paths else empty_select(cdm_tables()[table]))
    features = [entry.path for entry in staged if entry.shape == "feature"]
    make_view(run.con, "now_feature", f"FROM {parquet(*features)}" if features else _NO_FEATURES)


_NO_FEATURES = 'SELECT 0 AS file_id, 0 AS record, NULL AS assay, NULL AS gene, NULL AS reject, NULL AS "ignore", NULL AS feature, NULL AS digest WHERE false'


def _written(run: Run, matrix: Matrix, staged: StagedFile, before: dict[str, AssayFile]) -> AssayFile:
    """Write one assay's file, unless it is there already."""
    file, facts = _file_of(run, staged), matrix.facts
    make_view(run.con, "now_assay", f"FROM {parquet(staged.path)}")
    items = _table(run.con, "assay_items", {"assay": facts.assay})
    features = _table(run.con, "assay_features", {"assay": facts.assay})
    made_of = digest_of([asdict(facts), file.sha256, items, features, _code()])
    path = f"{FOLDER}/{facts.assay}.{made_of[:20]}.h5ad"
    target = run.study / path
    if path in before and target.is_file():
        return before[path]
    target.parent.mkdir(exist_ok=True, mode=0o700)
    run.spill.mkdir(parents=True, exist_ok=True)
    temporary = run.spill / target.name
    with open_h5(temporary, "w") as group:
        _fill(group, matrix, items, features, run)
    temporary.replace(target)
    with target.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    run.options.progress("assays", len(items["record"]))
    return AssayFile(
        facts.assay,
        file.source,
        file.name,
        path,
        facts.layer,
        sha256,
        len(_members(items)) if facts.is_mean else len(items["record"]),
        len(features["record"]),
        facts.genome_build,
        facts.platform,
        facts.pipeline,
        facts.unit,
    )


def _fill(group: Any, matrix: Matrix, items: dict[str, list[Any]], features: dict[str, list[Any]], run: Run) -> None:  # noqa: ANN401 - h5py has no types
    """Write obs, var, uns and the values of an assay into an open file, as AnnData lays them out on disk."""
    from anndata.io import write_elem

    group.attrs["encoding-type"], group.attrs["encoding-version"] = "anndata", "0.1.0"
    chosen = [[record - 1 for record in part["record"]] for part in (items, features)]
    further = matrix.extra_columns()
    columns = (*_ITEM_COLUMNS, *(_BARCODE_COLUMNS if matrix.facts.barcode else ()))
    obs = _frame(items, "item", columns, further[0], chosen[0])
    write_elem(group, "obs", obs.iloc[[members[0] for members in _members(items)]] if matrix.facts.is_mean else obs)
    write_elem(group, "var", _frame(features, "index", _FEATURE_COLUMNS, further[1], chosen[1]))
    for name in ("obsm", "varm", "obsp", "varp", "layers"):
        write_elem(group, name, {})
    facts = {key: value for key, value in asdict(matrix.facts).items() if value is not None}
    write_elem(group, "uns", {"plait": facts | {"study": run.settings.study}})
    if matrix.facts.is_mean:
        store_means(matrix, group, _members(items), chosen, run.spill)
    else:
        matrix.store(group, chosen[0], chosen[1], run.spill)
        matrix.store_further(group, chosen[0])
    group[f"layers/{matrix.facts.layer}"] = group["X"]


def _members(items: dict[str, list[Any]]) -> list[list[int]]:
    """Give the places of the items of each specimen, in the order of the first of them."""
    places: dict[int, list[int]] = {}
    for place, occurrence in enumerate(items["omics_occurrence_id"]):
        places.setdefault(occurrence, []).append(place)
    return list(places.values())


def _frame(rows: dict[str, list[Any]], index: str, columns: tuple[str, ...], further: dict[str, list[Any]], chosen: list[int]) -> Any:  # noqa: ANN401 - pandas has no types here
    """Give obs or var: the columns that plait sets, then the source's own, where their names are free."""
    import pandas as pd

    frame = pd.DataFrame(index=pd.Index(rows[index], dtype="object", name=None))
    for name, values in further.items():
        if name not in columns:
            frame[name] = values.iloc[chosen].array if hasattr(values, "iloc") else [values[number] for number in chosen]
    for name in columns:
        numbers = name.endswith("_id") and name != "retired_id"
        frame[name] = pd.array(rows[name], dtype="Int64") if numbers else pd.Series(rows[name], index=frame.index, dtype="object").fillna("")
    return frame


def _table(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, str]) -> dict[str, list[Any]]:
    """Give the rows of a query as lists by column."""
    found: dict[str, list[Any]] = con.execute(sql("plait.etl.omics", query), parameters).to_arrow_table().to_pydict()
    return found


def _code() -> str:
    """Give a digest of the code that lays out a file."""
    return code_digest(*(("plait.etl.omics", name) for name in ("assays.py", "means.py")), *(("plait.etl.sources", name) for name in ("matrix.py", "h5ad.py")))
