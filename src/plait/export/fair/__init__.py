"""FAIR packages: tables with metadata that others' tools read, all written from one model (`plait.export.fair.model`)."""
