-- One row: a variant that was found in a sample; known when the sample was reported.
SELECT
    v._pointer,
    s."case" AS person,
    v.sample AS specimen,
    concat(o.source, '.variants') AS assay,
    q.reported AS known_time,
    v.gene,
    concat(v.gene, ':', v.hgvs_p) AS code,
    'HGVS' AS code_system,
    'GRCh38' AS genome_build,
    v.chromosome,
    v.position,
    v.position AS end_position,
    v.reference,
    v.alternate,
    v.hgvs_p,
    v.variant_class,
    'SNP' AS variant_type,
    v.alt_depth AS alternate_depth,
    v.ref_depth AS reference_depth,
    'ehr' AS type
FROM variants AS v
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        sample,
        min("case") AS "case"
    FROM samples
    GROUP BY sample
) AS s ON v.sample = s.sample
LEFT JOIN (
    SELECT
        sample,
        min(reported) AS reported
    FROM sequenced
    GROUP BY sample
) AS q ON v.sample = q.sample
