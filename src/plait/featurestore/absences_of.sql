-- One row: an absence of one of some concepts, or of any of some domains where no concepts are given, in a total order.
SELECT
    a.row_id,
    a.person_id,
    a.event_time,
    a.known_time,
    a.reason
FROM absence AS a
WHERE
    CASE
        WHEN $concepts::BIGINT[] IS NULL THEN a.domain_id IN (SELECT unnest($domains::VARCHAR[]))
        ELSE a.concept_id IN (SELECT unnest($concepts::BIGINT[]))
    END
ORDER BY a.person_id, a.event_time, a.known_time, a.row_id
