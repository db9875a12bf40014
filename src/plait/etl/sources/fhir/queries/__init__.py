"""What the reader asks of FHIR's JSON."""
