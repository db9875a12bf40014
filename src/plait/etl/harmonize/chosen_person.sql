-- chosen_person, one row: the record that tells of a person: of several that links join, the first by system and identifier.
CREATE OR REPLACE TEMP VIEW chosen_person AS
SELECT *
FROM live_person
QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY system, person, source, digest) = 1;

-- adopted_person, one row: such a record that is a row of a CDM.
CREATE OR REPLACE TEMP VIEW adopted_person AS
SELECT *
FROM chosen_person
WHERE year_of_birth IS NOT NULL;
