-- One row: a person of the CDM, with birth and death in microseconds since 1970; of a day alone, its beginning.
-- A person whose birth or death is not known has nulls there.
SELECT
    p.person_id,
    EPOCH_US(
        COALESCE(
            p.birth_datetime,
            MAKE_TIMESTAMP(p.year_of_birth, COALESCE(p.month_of_birth, 1), COALESCE(p.day_of_birth, 1), 0, 0, 0)
        )
    ) AS born,
    EPOCH_US(MIN(CAST(d.death_date AS TIMESTAMP))) AS died
FROM cdm.person AS p
LEFT JOIN cdm.death AS d ON p.person_id = d.person_id
GROUP BY ALL
ORDER BY p.person_id;
