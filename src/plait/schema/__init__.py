"""The CDM and plait's own tables as data: read from CSV, compiled to SQLAlchemy metadata and DDL."""

from __future__ import annotations

from plait.schema.relational import ddl, indices_ddl, keys_ddl, metadata
from plait.schema.specification import DEFAULT_VERSION, VOCABULARY_TABLES, Field, TableSpec, cdm_tables, cdm_versions, empty_select, plait_tables

__all__ = [
    "DEFAULT_VERSION",
    "VOCABULARY_TABLES",
    "Field",
    "TableSpec",
    "cdm_tables",
    "cdm_versions",
    "ddl",
    "empty_select",
    "indices_ddl",
    "keys_ddl",
    "metadata",
    "plait_tables",
]
