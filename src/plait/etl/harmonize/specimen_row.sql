-- specimen_row, one row: a declared specimen with its row id and its concepts. Specimens that are events come after it.
CREATE OR REPLACE TEMP TABLE specimen_row AS
SELECT
    s.person_id * 4194304 + row_number() OVER (PARTITION BY s.person_id ORDER BY s.start, s.source, s.specimen) - 1 AS specimen_id,
    s.*,
    coalesce(m.concept_id, 0) AS concept_id,
    CASE WHEN s.site IS NOT NULL THEN coalesce(a.concept_id, 0) END AS site_concept_id,
    CASE WHEN s.status IS NOT NULL THEN coalesce(d.concept_id, 0) END AS status_concept_id,
    CASE WHEN s.unit IS NOT NULL THEN coalesce(u.concept_id, 0) END AS unit_concept_id,
    coalesce(t.concept_id, 0) AS type_concept_id
FROM live_specimen AS s
LEFT JOIN code_concept AS m ON s.source = m.source AND s.code_system = m.code_system AND s.code = m.code
LEFT JOIN code_concept AS a ON s.source = a.source AND s.site_system = a.code_system AND s.site = a.code
LEFT JOIN code_concept AS d ON s.source = d.source AND s.status_system = d.code_system AND s.status = d.code
LEFT JOIN code_concept AS u ON s.source = u.source AND u.code_system = 'UCUM' AND s.unit = u.code
LEFT JOIN type_concept AS t ON s.type = t.name
ORDER BY specimen_id;
