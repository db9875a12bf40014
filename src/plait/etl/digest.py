"""`plait digest`: one digest of what a study holds, the same however it was computed.

Two studies of the same input have one digest, whatever the number of shards, threads or runs: rows are
summed without order, ids are replaced by (system, identifier), ordinal and natural keys, and what tells of
the run itself (CDM_SOURCE, METADATA, run books) is left out.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from plait.duck import connect, make_view, parquet, quoted
from plait.etl.commit import Version, warehouse_of
from plait.etl.harmonize.reference import fact_domain
from plait.etl.harmonize.row_ids import ROWS_PER_PERSON, person_of
from plait.schema import VOCABULARY_TABLES, TableSpec, cdm_tables, plait_tables

if TYPE_CHECKING:
    from pathlib import Path

_OF_THE_RUN = {"cdm_source", "metadata"}
_DIMENSIONS = {"provider_id": "provider", "care_site_id": "care_site", "location_id": "location", "omics_feature_id": "feature"}
_BOOKS = ("lineage_key", "derivation", "row_meta", "person_fates", "person_rejects", "person_notices", "absence")
_NOTHING = "chr(0)"


def study_digest(study: Path, version: Version) -> dict[str, str]:
    """Give a digest of every table of a version, and of all of them as `study`: 64 hexadecimal digits each."""
    warehouse = warehouse_of(study)
    digests: dict[str, str] = {"vocabulary": str(version.vocabulary).rpartition("/")[2]}
    with connect() as con:
        make_view(con, "known_person", f"SELECT person_id, system || '/' || identifier AS name FROM {parquet(study / version.crosswalk)}")
        make_view(con, "known_dimension", f"SELECT dimension, id, system || '/' || key AS name FROM {parquet(study / version.dimension_ids)}")
        for schema, specs in (("cdm", cdm_tables()), ("books", plait_tables())):
            for table, files in sorted(version.tables[schema].items()):
                if table in _OF_THE_RUN or (table in VOCABULARY_TABLES and table != "source_to_concept_map") or (schema == "books" and table not in _BOOKS):
                    continue
                row = con.execute(_summed(specs[table], [warehouse / file for file in files])).fetchone()
                digests[table] = hashlib.sha256(json.dumps([str(value) for value in row or ()]).encode()).hexdigest()
    digests["study"] = hashlib.sha256(json.dumps(sorted(digests.items())).encode()).hexdigest()
    return digests


def _summed(spec: TableSpec, files: list[Path]) -> str:
    """Give the query for the number of rows of a table and the sums of two hashes of them, ids replaced."""
    values, joins = [], []
    sharded = spec.name in _BOOKS or "person_id" in spec.columns or spec.name in {"cost", "episode_event", "note_nlp", "cohort", "fact_relationship"}
    if sharded:
        joins.append(f"LEFT JOIN known_person AS p ON {person_of(spec, 't')} = p.person_id")
        values.append("p.name")
    for column in spec.columns:
        name = f"t.{quoted(column)}"
        if column in {"person_id", "subject_id"}:
            continue
        if column in _DIMENSIONS and spec.schema == "cdm":
            alias = f"d{len(joins)}"
            joins.append(f"LEFT JOIN known_dimension AS {alias} ON {alias}.dimension = '{_DIMENSIONS[column]}' AND {name} = {alias}.id")
            values.append(f"{alias}.name")
        elif column in {"row_id", "from_row_id"}:
            own = f"t.person_id IS NULL OR {name} = t.person_id" if "person_id" in spec.columns else "false"
            values.append(f"CASE WHEN {own} THEN 0 ELSE {name} % {ROWS_PER_PERSON} END")
        elif column in {"fact_id_1", "fact_id_2"}:
            is_person = f"t.domain_concept_id_{column[-1]} = {fact_domain('person')}"
            values.append(f"CASE WHEN {is_person} THEN 0 ELSE {name} % {ROWS_PER_PERSON} END")
        elif sharded and is_row_id(spec, column):
            values.append(f"{name} % {ROWS_PER_PERSON}")
        else:
            values.append(name)
    text = ", ".join(f"coalesce(CAST({value} AS VARCHAR), {_NOTHING})" for value in values)
    content = f"concat_ws(chr(31), {text})"
    return (
        f"SELECT count(*), CAST(sum(md5_number_lower({content})) AS VARCHAR), CAST(sum(md5_number_upper({content})) AS VARCHAR) "
        f"FROM {parquet(*files)} AS t {' '.join(joins)}"
    )


def is_row_id(spec: TableSpec, column: str) -> bool:
    """Tell whether a column of a sharded table holds the id of a row of the same person."""
    if column == spec.id_column or column in {
        "cost_event_id",
        "event_id",
        "payer_plan_period_id",
        "note_event_id",
        "note_id",
        "measurement_event_id",
        "observation_event_id",
        "visit_occurrence_id",
        "episode_parent_id",
        "image_feature_event_id",
    }:
        return True
    field = next(field for field in spec.fields if field.name == column)
    target = (field.foreign_key or "").partition(".")[0]
    return bool(target) and target not in {*VOCABULARY_TABLES, *_DIMENSIONS.values(), "person"}
