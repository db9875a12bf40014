-- One row: how many rows of a person in a file point to an encounter, a provider or an episode that no file brought,
-- or use a unit that the vocabulary does not know.
SELECT
    e.person_id,
    e.source,
    e.file,
    'unknown_visit' AS kind,
    CAST(NULL AS VARCHAR) AS detail,
    count(*) AS records
FROM mapped_event AS e
WHERE e.visit IS NOT NULL AND e.visit_occurrence_id IS NULL
GROUP BY e.person_id, e.source, e.file
UNION ALL
SELECT
    n.person_id,
    n.source,
    n.file,
    'unknown_visit',
    NULL,
    count(*)
FROM note_row AS n
WHERE n.visit IS NOT NULL AND n.visit_occurrence_id IS NULL
GROUP BY n.person_id, n.source, n.file
UNION ALL
SELECT
    a.person_id,
    a.source,
    a.file,
    'unknown_visit',
    NULL,
    count(*)
FROM absence_row AS a
WHERE a.visit IS NOT NULL AND a.visit_occurrence_id IS NULL
GROUP BY a.person_id, a.source, a.file
UNION ALL
SELECT
    v.person_id,
    v.source,
    v.file,
    'unknown_provider',
    NULL,
    count(*)
FROM visit_row AS v
INNER JOIN visit_link AS l ON v.n = l.n
WHERE v.provider IS NOT NULL AND l.provider_id IS NULL
GROUP BY v.person_id, v.source, v.file
UNION ALL
SELECT
    e.person_id,
    e.source,
    e.file,
    'unknown_unit',
    e.unit,
    count(*)
FROM mapped_event AS e
WHERE e.unit_concept_id = 0
GROUP BY e.person_id, e.source, e.file, e.unit
UNION ALL
SELECT
    r.person_id,
    r.source,
    r.file,
    'unknown_episode',
    NULL,
    count(*)
FROM (
    SELECT source, file, person_id, system, episode FROM mapped_event WHERE episode IS NOT NULL
    UNION ALL
    SELECT source, file, person_id, system, episode FROM visit_row WHERE episode IS NOT NULL
    UNION ALL
    SELECT source, file, person_id, system, parent FROM episode_row WHERE parent IS NOT NULL
) AS r
ANTI JOIN episode_row AS e ON r.person_id = e.person_id AND r.system = e.system AND r.episode = e.episode
GROUP BY r.person_id, r.source, r.file
UNION ALL
SELECT
    r.person_id,
    r.source,
    r.file,
    'unknown_specimen',
    NULL,
    count(*)
FROM (
    SELECT source, file, person_id, specimen, specimen_id FROM assay_row
    UNION ALL
    SELECT source, file, person_id, specimen, specimen_id FROM variant_row
) AS r
WHERE r.specimen IS NOT NULL AND r.specimen_id IS NULL
GROUP BY r.person_id, r.source, r.file
UNION ALL
SELECT
    a.person_id,
    a.source,
    a.file,
    'infinite_value',
    a.assay,
    CAST(sum(a.infinite) AS BIGINT)
FROM assay_row AS a
WHERE a.infinite > 0
GROUP BY a.person_id, a.source, a.file, a.assay
UNION ALL
SELECT
    a.person_id,
    a.source,
    a.file,
    'unknown_panel',
    a.panel,
    count(*)
FROM assay_row AS a
ANTI JOIN panel_name AS p ON a.panel = p.panel
WHERE a.panel IS NOT NULL
GROUP BY a.person_id, a.source, a.file, a.panel
UNION ALL
SELECT
    v.person_id,
    v.source,
    v.file,
    concat(v.gene_match, '_gene'),
    v.gene,
    count(*)
FROM variant_row AS v
WHERE v.gene_match IN ('unknown', 'ambiguous')
GROUP BY v.person_id, v.source, v.file, v.gene_match, v.gene
UNION ALL
SELECT
    i.person_id,
    i.source,
    i.file,
    'duplicate_instance',
    NULL,
    CAST(sum(i.repeated) AS BIGINT)
FROM image AS i
WHERE i.repeated > 0
GROUP BY i.person_id, i.source, i.file
UNION ALL
SELECT
    i.person_id,
    i.source,
    i.file,
    i.flag,
    NULL,
    count(*)
FROM (
    SELECT
        person_id,
        source,
        file,
        unnest(string_split(flag, ',')) AS flag
    FROM staged_image
    WHERE flag IS NOT NULL
) AS i
GROUP BY i.person_id, i.source, i.file, i.flag
UNION ALL
SELECT
    p.person_id,
    min(p.source),
    min(p.file),
    'persons_differ',
    NULL,
    count(*)
FROM live_person AS p
GROUP BY p.person_id
HAVING count(DISTINCT CAST(p.birth AS DATE)) > 1 OR count(DISTINCT p.gender) > 1
UNION ALL
SELECT
    v.person_id,
    v.source,
    v.file,
    'open_visit',
    NULL,
    count(*)
FROM visit_row AS v
WHERE v."end" IS NULL
GROUP BY v.person_id, v.source, v.file
UNION ALL
SELECT
    v.person_id,
    v.source,
    v.file,
    'end_before_start',
    NULL,
    count(*)
FROM visit_row AS v
WHERE CAST(v."end" AS DATE) < v.start_date
GROUP BY v.person_id, v.source, v.file
ORDER BY ALL
