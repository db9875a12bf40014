-- One row: a piece of a tumour that the laboratory received.
SELECT
    _pointer,
    "case" AS person,
    sample AS specimen,
    taken AS start,
    '119376003' AS code,
    'SNOMED' AS code_system,
    site,
    'SNOMED' AS site_system,
    'ehr' AS type
FROM samples
