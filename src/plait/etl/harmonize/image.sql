-- image, one row: an image: all its files, which one staged row stands for; one without a day is of its specimen's.
CREATE OR REPLACE TEMP TABLE image AS
WITH file AS (
    SELECT
        key_space,
        key,
        count(*) AS files,
        CAST(sum(coalesce(instances, 1)) AS BIGINT) AS instances,
        CAST(sum(size_bytes) AS BIGINT) AS size_bytes,
        min(start) AS start,
        max(known_time) AS known_time,
        min(uri) AS uri,
        min(accession) AS accession,
        min(derived_from) AS derived_from,
        count(*) - count(DISTINCT coalesce(instance, uri)) AS repeated
    FROM staged_image
    ANTI JOIN contested_image USING (file_id, record, part)
    GROUP BY key_space, key
)

SELECT
    i.* EXCLUDE (start, start_is_date, known_time, instances, size_bytes, uri, accession, derived_from),
    f.files,
    f.instances,
    f.size_bytes,
    f.uri,
    f.accession,
    f.derived_from,
    f.repeated,
    s.specimen_id,
    coalesce(f.start, s.start) AS start,
    CASE WHEN f.start IS NOT NULL THEN i.start_is_date ELSE s.start_is_date END AS start_is_date,
    coalesce(f.known_time, s.known_time) AS known_time
FROM live_image AS i
INNER JOIN file AS f ON i.key_space = f.key_space AND i.key = f.key
LEFT JOIN specimen_row AS s ON i.person_id = s.person_id AND i.specimen = s.specimen AND i.system = s.system
WHERE coalesce(f.start, s.start) IS NOT NULL;

-- image_study, one row: a study of images, and what is known of the procedure by which it was made: an event that has its
-- accession number, or its UID or that of one of its series in that place, or none: then the study itself tells of one (MI-CDM:
-- image_occurrence.procedure_occurrence_id).
CREATE OR REPLACE TEMP TABLE image_study AS
SELECT
    i.*,
    e.accession IS NOT NULL AS has_event,
    e.accession AS event_accession
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY person_id, system, study ORDER BY procedure IS NULL, derived_from IS NOT NULL, start, image, digest) AS place
    FROM image
) AS i
LEFT JOIN (
    SELECT
        k.person_id,
        k.system,
        k.study,
        min(v.accession) AS accession
    FROM (
        SELECT
            person_id,
            system,
            study,
            unnest([accession, study, image]) AS said
        FROM image
    ) AS k
    INNER JOIN live_event AS v ON k.person_id = v.person_id AND k.said = v.accession
    GROUP BY k.person_id, k.system, k.study
) AS e ON i.person_id = e.person_id AND i.system = e.system AND i.study = e.study
WHERE i.place = 1;
