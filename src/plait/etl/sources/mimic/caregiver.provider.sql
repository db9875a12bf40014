-- One row: somebody who charts in intensive care.
SELECT
    c._pointer,
    'caregiver:' || c.caregiver_id AS provider
FROM caregiver AS c
