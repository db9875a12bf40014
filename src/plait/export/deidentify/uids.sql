-- One row: a UID of a study or a series of images.
SELECT image_study_uid AS uid
FROM cdm.image_occurrence
WHERE image_study_uid IS NOT NULL
UNION
SELECT image_series_uid AS uid
FROM cdm.image_occurrence
WHERE image_series_uid IS NOT NULL
