-- One row: what a fact, or a line of a bill, cost. A total of a record points to what the record gave, a
-- line of a bill to its visit; they overlap, and the type concept tells them apart.
SELECT
    c.cost_id,
    coalesce(e.row_id, l.visit_occurrence_id, 0) AS cost_event_id,
    CASE WHEN e.row_id IS NOT NULL THEN e.domain_id ELSE 'Visit' END AS cost_domain_id,
    coalesce(t.concept_id, 0) AS cost_type_concept_id,
    CASE WHEN c.currency IS NOT NULL THEN coalesce(cu.concept_id, 0) END AS currency_concept_id,
    c.charge AS total_charge,
    CAST(NULL AS DOUBLE) AS total_cost,
    c.total_paid,
    c.paid_by_payer,
    c.paid_by_patient,
    c.paid_patient_copay,
    CAST(NULL AS DOUBLE) AS paid_patient_coinsurance,
    CAST(NULL AS DOUBLE) AS paid_patient_deductible,
    CAST(NULL AS DOUBLE) AS paid_by_primary,
    CAST(NULL AS DOUBLE) AS paid_ingredient_cost,
    CAST(NULL AS DOUBLE) AS paid_dispensing_fee,
    CASE WHEN CAST(c.start AS DATE) <= CAST(p."end" AS DATE) THEN p.payer_plan_period_id END AS payer_plan_period_id,
    CAST(NULL AS DOUBLE) AS amount_allowed,
    CAST(NULL AS BIGINT) AS revenue_code_concept_id,
    CAST(NULL AS VARCHAR) AS revenue_code_source_value,
    CAST(NULL AS BIGINT) AS drg_concept_id,
    CAST(NULL AS VARCHAR) AS drg_source_value
FROM cost_row AS c
LEFT JOIN (
    SELECT
        source,
        file,
        digest,
        min(row_id) AS row_id,
        arg_min(target_table, row_id) AS target_table,
        arg_min(d.domain_id, row_id) AS domain_id
    FROM event_row
    INNER JOIN cost_domain AS d ON target_table = d.table_name
    GROUP BY source, file, digest
) AS e ON c.source = e.source AND c.file = e.file AND c.event_digest = e.digest
LEFT JOIN visit_link AS l ON c.person_id = l.person_id AND c.system = l.system AND c.visit = l.visit
LEFT JOIN type_concept AS t ON c.type = t.name
LEFT JOIN named_concept AS cu ON cu.kind = 'currency' AND c.currency = cu.code
ASOF LEFT JOIN payer_row AS p ON c.person_id = p.person_id AND c.start >= p.start
ORDER BY c.cost_id
