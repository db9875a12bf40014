-- One row: a patient who died; that somebody died without saying when gives no date to DEATH.
SELECT
    p._pointer,
    p._person AS person,
    fhir_time(p.deceasedDateTime, o.partial_dates) AS start,
    fhir_last_day(p.deceasedDateTime) AS known_time,
    'ehr' AS type,
    0 AS rank,
    coalesce(
        p._rule,
        CASE
            WHEN p.deceasedDateTime IS NULL AND p.deceasedBoolean = 'true' THEN 'no_date_of_death'
            WHEN p.deceasedDateTime IS NULL THEN 'not_dead'
        END
    ) AS _ignore
FROM Patient AS p
CROSS JOIN options AS o
