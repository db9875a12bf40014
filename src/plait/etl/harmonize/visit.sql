-- visit_member, one row: a staged encounter, in order, with the number of the encounter that leads its visit.
-- Roll-up is OHDSI's (ETL-Synthea, AllVisitTable): inpatient stays at most a day apart are one; an emergency
-- after the first day of a stay, or an outpatient encounter within it, belongs to the stay; other encounters
-- of one class on one day are one.
CREATE OR REPLACE TEMP TABLE visit_row AS
SELECT
    row_number() OVER (ORDER BY v.person_id, v.start, v.source, v.visit) AS n,
    v.*,
    coalesce(m.concept_id, 0) AS visit_concept_id,
    k.source_concept_id AS kind_concept_id,
    CASE WHEN r.visit_rollup = 'ohdsi' THEN coalesce(c.class, 'other') ELSE 'other' END AS class,
    CAST(v.start AS DATE) AS start_date,
    CAST(greatest(coalesce(v."end", v.start), v.start) AS DATE) AS end_date
FROM live_visit AS v
LEFT JOIN source_rule AS r ON v.source = r.source
LEFT JOIN code_concept AS m ON v.source = m.source AND v.code_system = m.code_system AND v.code = m.code
LEFT JOIN code_concept AS k ON v.source = k.source AND v.kind_system = k.code_system AND v.kind = k.code
LEFT JOIN visit_class AS c ON m.concept_id = c.concept_id
ORDER BY n;

CREATE OR REPLACE TEMP TABLE visit_member AS
WITH inpatient AS (
    SELECT
        n,
        person_id,
        source,
        start_date,
        end_date,
        max(end_date) OVER (PARTITION BY person_id, source ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
    FROM visit_row
    WHERE class = 'inpatient'
),

chained AS (
    SELECT
        *,
        count(*) FILTER (reach IS NULL OR start_date > reach + 1) OVER (PARTITION BY person_id, source ORDER BY n) AS stay
    FROM inpatient
),

stay AS (
    SELECT
        person_id,
        source,
        min(n) AS leader,
        min(start_date) AS start_date,
        max(end_date) AS end_date
    FROM chained
    GROUP BY person_id, source, stay
),

placed AS (
    SELECT
        v.n,
        v.person_id,
        v.source,
        v.class,
        v.code,
        v.start_date,
        CASE
            WHEN v.class != 'other' AND v.start_date <= s.end_date AND (v.class != 'emergency' OR v.start_date > s.start_date) THEN s.leader
        END AS stay_leader
    FROM visit_row AS v
    ASOF LEFT JOIN stay AS s ON v.person_id = s.person_id AND v.source = s.source AND v.start_date >= s.start_date
)

SELECT
    n,
    CASE
        WHEN stay_leader IS NOT NULL THEN stay_leader
        WHEN class = 'other' THEN n
        ELSE min(n) OVER (PARTITION BY person_id, source, class, code, start_date, stay_leader IS NULL)
    END AS leader
FROM placed;

-- visit_group, one row: a visit with its first encounter and its end.
CREATE OR REPLACE TEMP TABLE visit_group AS
SELECT
    m.leader,
    any_value(l.person_id) AS person_id,
    any_value(l.person_id) * 4194304 + row_number() OVER (PARTITION BY any_value(l.person_id) ORDER BY m.leader) - 1 AS visit_occurrence_id,
    max(v."end") FILTER (v.class = l.class) AS "end",
    max(v.end_known_time) FILTER (v.class = l.class) AS end_known_time
FROM visit_member AS m
INNER JOIN visit_row AS v ON m.n = v.n
INNER JOIN visit_row AS l ON m.leader = l.n
GROUP BY m.leader;

-- visit_link, one row: an encounter, the visit it belongs to, and its own detail.
CREATE OR REPLACE TEMP TABLE visit_link AS
SELECT
    v.n,
    v.person_id,
    v.system,
    v.visit,
    g.visit_occurrence_id,
    v.person_id * 4194304 + row_number() OVER (PARTITION BY v.person_id ORDER BY v.n) - 1 AS visit_detail_id,
    p.id AS provider_id,
    s.id AS care_site_id,
    m.leader
FROM visit_row AS v
INNER JOIN visit_member AS m ON v.n = m.n
INNER JOIN visit_group AS g ON m.leader = g.leader
LEFT JOIN dimension_id AS p ON p.dimension = 'provider' AND v.system = p.system AND v.provider = p.key
LEFT JOIN dimension_id AS s ON s.dimension = 'care_site' AND v.system = s.system AND v.care_site = s.key;
