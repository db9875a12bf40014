-- One row: a table of the CDM, or a view, with its events, and how many of these stand for a row each: not the end of one, nor what else it says.
SELECT
    CASE WHEN embedding_row IS NULL THEN "table" ELSE 'view ' || substr(code, 12) END AS origin,
    count(*) AS events,
    count_if(
        NOT starts_with(code, 'END//') AND ("table" != 'person' OR code = 'MEDS_BIRTH') AND ("table" != 'death' OR code = 'MEDS_DEATH')
    ) AS row_events
FROM written_event
GROUP BY origin
ORDER BY origin
