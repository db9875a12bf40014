-- One row: a location with what may be told of it: the first three signs of its ZIP code, and its state, where as many persons as the smallest
-- cell live in one such area; `000` and nothing else. No person lives where care is given.
WITH lived AS (
    SELECT
        l.location_id,
        zip_area(l.zip) AS area,
        l.state,
        p.person_id
    FROM cdm.location AS l
    LEFT JOIN (SELECT c.person_id, c.location_id FROM cdm.person AS c INNER JOIN pseudonym AS s ON c.person_id = s.person_id) AS p
        ON l.location_id = p.location_id
),

counted AS (
    SELECT
        location_id,
        area,
        state,
        count(person_id) OVER (PARTITION BY area) AS of_area,
        count(person_id) OVER (PARTITION BY state) AS of_state
    FROM lived
)

SELECT
    location_id,
    any_value(CASE WHEN area IS NULL THEN NULL WHEN of_area >= $min_cell THEN area ELSE '000' END) AS zip,
    any_value(CASE WHEN of_state >= $min_cell THEN state END) AS state
FROM counted
GROUP BY location_id
