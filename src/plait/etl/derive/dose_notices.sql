-- One row: how many drug exposures of a person in a file have no daily dose, by reason; none where the vocabulary has no strengths.
SELECT
    e.person_id,
    e.source,
    e.file,
    'no_dose' AS kind,
    d.reason AS detail,
    count(DISTINCT d.drug_exposure_id) AS records
FROM exposure_dose AS d
INNER JOIN event_row AS e ON e.target_table = 'drug_exposure' AND d.drug_exposure_id = e.row_id
WHERE d.reason IS NOT NULL AND EXISTS (FROM ingredient_strength)
GROUP BY e.person_id, e.source, e.file, d.reason
ORDER BY ALL
