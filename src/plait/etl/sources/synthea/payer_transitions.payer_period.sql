-- One row: a span of cover. Synthea 2.7 gives years, 3.0 calls times years, later versions give dates.
WITH span AS (
    SELECT
        *,
        coalesce(START_DATE, START_YEAR) AS begins,
        coalesce(END_DATE, END_YEAR) AS ends
    FROM payer_transitions
)

SELECT
    span._pointer,
    span.PATIENT AS person,
    CASE WHEN length(span.begins) = 4 THEN span.begins || '-01-01' ELSE span.begins END AS start,
    CASE WHEN length(span.ends) = 4 THEN span.ends || '-12-31' ELSE span.ends END AS "end",
    span.PAYER AS payer,
    payers.NAME AS plan,
    span.MEMBERID AS family
FROM span
LEFT JOIN (SELECT Id, min(NAME) AS NAME FROM payers GROUP BY Id) AS payers ON payers.Id = span.PAYER
