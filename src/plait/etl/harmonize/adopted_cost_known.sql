-- One row more in row_meta: a cost is known when what it is the cost of is, or else the cover that paid; nothing else dates it.
INSERT INTO row_meta
SELECT
    'cost',
    c.row_id,
    c.person_id,
    coalesce(any_value(e.known_time), any_value(p.known_time)),
    NULL
FROM numbered_cost AS c
LEFT JOIN named_table AS n ON n.kind = 'cost_domain' AND c.cost_domain_id = n.name
LEFT JOIN adopted_ref AS r
    ON n.table_name = r.table_name AND c.person_id = r.person_id AND c.system = r.system AND c.cost_event_id = r.own_id
LEFT JOIN row_meta AS e ON r.new_table_name = e.table_name AND r.row_id = e.row_id
LEFT JOIN adopted_ref AS q
    ON q.table_name = 'payer_plan_period' AND c.person_id = q.person_id AND c.system = q.system AND c.payer_plan_period_id = q.own_id
LEFT JOIN row_meta AS p ON p.table_name = 'payer_plan_period' AND q.row_id = p.row_id
GROUP BY c.row_id, c.person_id
HAVING coalesce(any_value(e.known_time), any_value(p.known_time)) IS NOT NULL;
