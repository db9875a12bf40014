"""An OMOP CDM as a source: a folder of its tables, or a database."""
