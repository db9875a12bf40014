-- assay_row, one row: an assay of a specimen: all its items in the matrix, which one staged row stands for.
CREATE OR REPLACE TEMP TABLE assay_row AS
WITH item AS (
    SELECT
        key_space,
        key,
        count(*) AS items,
        max(features) AS features,
        sum(missing) AS missing,
        sum(infinite) AS infinite,
        CASE WHEN count(*) = 1 THEN any_value(value_sha256) ELSE sha256(string_agg(value_sha256, ',' ORDER BY item)) END AS value_sha256
    FROM staged_assay
    GROUP BY key_space, key
),

panel AS (
    SELECT
        a.source,
        coalesce(a.specimen, a.item) AS sample,
        arg_min(p.panel, p.rank) AS panel
    FROM live_assay AS a
    INNER JOIN panel_rule AS p ON a.source = p.source AND coalesce(a.specimen, a.item) GLOB p.samples
    GROUP BY a.source, coalesce(a.specimen, a.item)
)

SELECT
    a.person_id * 4194304 + row_number() OVER (PARTITION BY a.person_id ORDER BY a.assay, a.specimen, a.item, a.source, a.digest) - 1 AS omics_occurrence_id,
    a.* EXCLUDE (start, known_time, panel, features, missing, infinite, value_sha256),
    coalesce(a.start, s.start) AS start,
    coalesce(a.known_time, s.known_time) AS known_time,
    i.items,
    i.features,
    i.missing,
    i.infinite,
    i.value_sha256,
    coalesce(a.panel, p.panel) AS panel,
    s.specimen_id,
    coalesce(t.concept_id, 0) AS type_concept_id
FROM live_assay AS a
INNER JOIN item AS i ON a.key_space = i.key_space AND a.key = i.key
LEFT JOIN panel AS p ON a.source = p.source AND coalesce(a.specimen, a.item) = p.sample
LEFT JOIN specimen_row AS s ON a.person_id = s.person_id AND a.system = s.system AND a.specimen = s.specimen
LEFT JOIN type_concept AS t ON a.type = t.name
ORDER BY omics_occurrence_id;

-- variant_row, one row: a variant with its row id, its specimen and its gene.
CREATE OR REPLACE TEMP TABLE variant_row AS
SELECT
    v.person_id * 4194304
    + row_number() OVER (PARTITION BY v.person_id ORDER BY v.assay, v.specimen, v.chromosome, v.position, v.gene, v.source, v.file, v.digest, v.part)
    - 1 AS omics_variant_id,
    v.* EXCLUDE (start, known_time),
    coalesce(v.start, s.start) AS start,
    coalesce(v.known_time, s.known_time) AS known_time,
    s.specimen_id,
    g.ensembl_gene_id,
    g.gene_symbol,
    coalesce(g.gene_match, 'unknown') AS gene_match,
    coalesce(t.concept_id, 0) AS type_concept_id
FROM live_variant AS v
LEFT JOIN specimen_row AS s ON v.person_id = s.person_id AND v.system = s.system AND v.specimen = s.specimen
LEFT JOIN gene_map AS g ON v.gene = g.name
LEFT JOIN type_concept AS t ON v.type = t.name
ORDER BY omics_variant_id;
