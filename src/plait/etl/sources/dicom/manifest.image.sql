-- One row: a series that stands elsewhere, in the columns of the Imaging Data Commons' index.
SELECT
    m._pointer,
    m.PatientID AS person,
    m.SeriesInstanceUID AS image,
    coalesce(plait_dicom_time(m.SeriesDate, NULL), m.SeriesDate, plait_dicom_time(m.StudyDate, NULL), m.StudyDate) AS start,
    m.StudyInstanceUID AS study,
    m.AccessionNumber AS accession,
    m.Modality AS modality,
    'DICOM_MODALITY' AS modality_system,
    m.BodyPartExamined AS site,
    'DICOM_BODY_PART' AS site_system,
    coalesce(m.series_aws_url, concat('urn:oid:', m.SeriesInstanceUID)) AS uri,
    m.instanceCount AS instances,
    TRY_CAST(m.series_size_MB AS DOUBLE) * 1000000 AS size_bytes,
    'image' AS type,
    m.SeriesInstanceUID AS _merge_key
FROM manifest AS m
