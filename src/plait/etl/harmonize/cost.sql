-- cost_entry, one row: a staged cost entry with the line of the bill it belongs to: what was charged. A
-- header belongs to the first line.
CREATE OR REPLACE TEMP TABLE cost_entry AS
SELECT
    c.person_id,
    c.source,
    c.file,
    c.digest,
    c.part,
    c.entry,
    c.of_record,
    c.visit,
    c.system,
    c.start,
    c.known_time,
    c.amount,
    c.charge,
    c.paid_by,
    c.paid_by_payer,
    c.type,
    c.currency,
    CASE WHEN c.entry != 'total' THEN c.bill END AS bill,
    CASE WHEN c.entry = 'header' THEN coalesce(b.first_item, '') WHEN c.entry != 'total' THEN coalesce(c.item, '') END AS bill_line
FROM live_cost AS c
LEFT JOIN (
    SELECT
        person_id,
        source,
        bill,
        min(coalesce(item, '')) AS first_item
    FROM live_cost
    WHERE entry NOT IN ('header', 'total')
    GROUP BY person_id, source, bill
) AS b ON c.person_id = b.person_id AND c.source = b.source AND c.bill = b.bill;

-- cost_line, one row: a cost row to be: a total, or a line of a bill with its payments, in fixed-point sums.
CREATE OR REPLACE TEMP TABLE cost_line AS
WITH line AS (
    SELECT
        person_id,
        source,
        'bill' AS kind,
        bill,
        bill_line,
        CAST(NULL AS VARCHAR) AS file,
        CAST(NULL AS UUID) AS digest,
        CAST(NULL AS VARCHAR) AS of_record,
        any_value(system) AS system,
        min(visit) AS visit,
        min(start) AS start,
        max(known_time) AS known_time,
        min(type) AS type,
        min(currency) AS currency,
        CAST(sum(CAST(amount AS DECIMAL(18, 4))) FILTER (entry = 'charge') AS DOUBLE) AS charge,
        CAST(sum(CAST(amount AS DECIMAL(18, 4))) FILTER (entry = 'payment' AND paid_by = 'payer') AS DOUBLE) AS paid_by_payer,
        CAST(sum(CAST(amount AS DECIMAL(18, 4))) FILTER (entry = 'payment' AND paid_by != 'payer') AS DOUBLE) AS paid_by_patient,
        CAST(sum(CAST(amount AS DECIMAL(18, 4))) FILTER (entry = 'payment' AND paid_by = 'copay') AS DOUBLE) AS paid_patient_copay,
        CAST(sum(CAST(amount AS DECIMAL(18, 4))) FILTER (entry = 'payment') AS DOUBLE) AS total_paid
    FROM cost_entry
    WHERE bill IS NOT NULL
    GROUP BY person_id, source, bill, bill_line
),

total AS (
    SELECT
        person_id,
        source,
        'total' AS kind,
        NULL AS bill,
        CAST(NULL AS VARCHAR) AS bill_line,
        file,
        digest,
        of_record,
        system,
        visit,
        start,
        known_time,
        type,
        currency,
        charge,
        paid_by_payer,
        CAST(CAST(charge AS DECIMAL(18, 4)) - CAST(paid_by_payer AS DECIMAL(18, 4)) AS DOUBLE) AS paid_by_patient,
        CAST(NULL AS DOUBLE) AS paid_patient_copay,
        CASE WHEN paid_by_payer IS NOT NULL THEN charge END AS total_paid
    FROM cost_entry
    WHERE bill IS NULL
)

SELECT * FROM line
UNION ALL
SELECT * FROM total
ORDER BY person_id, start, source, kind, bill, bill_line, digest, of_record, file;

CREATE OR REPLACE TEMP TABLE first_cost AS
SELECT
    person_id,
    min(rowid) AS first_rowid
FROM cost_line
GROUP BY person_id;

CREATE OR REPLACE TEMP VIEW cost_row AS
SELECT
    c.person_id * 4194304 + c.rowid - f.first_rowid AS cost_id,
    CASE WHEN c.of_record = 'event' THEN c.digest END AS event_digest,
    c.*
FROM cost_line AS c
INNER JOIN first_cost AS f ON c.person_id = f.person_id;
