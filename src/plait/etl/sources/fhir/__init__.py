"""FHIR R4: bulk NDJSON, Bundles and single resources, split once into one table a resource type."""
