-- One row: a gene name of the study, the gene that it means, and by what (`gene_match`): ensembl_id, symbol, previous,
-- alias; or that it means none: unknown, ambiguous, no_gene_table. `tier` orders these, best first.
WITH gene AS (
    SELECT
        split_part(ensembl_id, '.', 1) AS ensembl_gene_id,
        coalesce(nullif(symbol, ''), nullif(gene_name, '')) AS gene_symbol,
        nullif(gene_name, '') AS gene_name,
        nullif(entrez, '') AS entrez,
        previous,
        alias,
        coalesce(regexp_full_match(chromosome, '(chr)?([0-9]{1,2}|X|Y|M|MT)'), TRUE) AS is_primary
    FROM gene_table
    WHERE ensembl_id IS NOT NULL
),

named AS (
    SELECT ensembl_gene_id AS name, ensembl_gene_id, is_primary, 1 AS tier FROM gene
    UNION ALL
    SELECT gene_symbol, ensembl_gene_id, is_primary, 2 FROM gene WHERE gene_symbol IS NOT NULL
    UNION ALL
    SELECT gene_name, ensembl_gene_id, is_primary, 2 FROM gene WHERE gene_name IS NOT NULL
    UNION ALL
    SELECT entrez, ensembl_gene_id, is_primary, 2 FROM gene WHERE entrez IS NOT NULL
    UNION ALL
    SELECT trim(unnest(regexp_split_to_array(previous, '[,|]'))), ensembl_gene_id, is_primary, 3 FROM gene
    UNION ALL
    SELECT trim(unnest(regexp_split_to_array(alias, '[,|]'))), ensembl_gene_id, is_primary, 4 FROM gene
),

best AS (
    SELECT
        w.name,
        n.tier,
        n.ensembl_gene_id,
        n.is_primary
    FROM (SELECT DISTINCT name, CASE WHEN starts_with(name, 'ENS') THEN split_part(name, '.', 1) ELSE name END AS looked_up FROM gene_name) AS w
    INNER JOIN named AS n ON w.looked_up = n.name
    QUALIFY n.tier = min(n.tier) OVER (PARTITION BY w.name)
),

counted AS (
    SELECT
        name,
        any_value(tier) AS tier,
        count(DISTINCT ensembl_gene_id) AS genes,
        count(DISTINCT ensembl_gene_id) FILTER (is_primary) AS primary_genes,
        min(ensembl_gene_id) FILTER (is_primary) AS primary_gene,
        min(ensembl_gene_id) AS any_gene
    FROM best
    GROUP BY name
),

symbol AS (
    SELECT
        ensembl_gene_id,
        min(gene_symbol) AS gene_symbol
    FROM gene
    GROUP BY ensembl_gene_id
),

chosen AS (
    SELECT
        w.name,
        CASE
            WHEN c.primary_genes = 1 THEN c.primary_gene
            WHEN c.genes = 1 THEN c.any_gene
            WHEN c.name IS NULL AND NOT EXISTS (FROM gene) AND regexp_full_match(w.name, 'ENS[A-Z]*G[0-9]{11}([.][0-9]+)?') THEN split_part(w.name, '.', 1)
        END AS ensembl_gene_id,
        c.tier,
        c.name IS NOT NULL AS is_known
    FROM (SELECT DISTINCT name FROM gene_name) AS w
    LEFT JOIN counted AS c ON w.name = c.name
)

SELECT
    h.name,
    h.ensembl_gene_id,
    s.gene_symbol,
    CASE
        WHEN h.ensembl_gene_id IS NOT NULL THEN CASE coalesce(h.tier, 1) WHEN 1 THEN 'ensembl_id' WHEN 2 THEN 'symbol' WHEN 3 THEN 'previous' ELSE 'alias' END
        WHEN h.is_known THEN 'ambiguous'
        WHEN NOT EXISTS (FROM gene) THEN 'no_gene_table'
        ELSE 'unknown'
    END AS gene_match,
    coalesce(h.tier, 1) AS tier
FROM chosen AS h
LEFT JOIN symbol AS s ON h.ensembl_gene_id = s.ensembl_gene_id
ORDER BY h.name
