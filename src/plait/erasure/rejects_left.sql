-- One row: a rejected record of nobody who is forgotten; its raw text goes where an identifier of somebody who is stands in it.
SELECT
    r.* REPLACE (
        CASE
            WHEN
                len(list_intersect(
                    list_concat(
                        regexp_extract_all(r.raw, '"((?:[^"\\]|\\.)*)"', 1),
                        regexp_split_to_array(r.raw, '[\s,;:|/\\()\[\]{}"''<>=]+')
                    ),
                    (SELECT list(i.identifier) FROM erased_identifier AS i)
                )) > 0
                THEN NULL
            ELSE r.raw
        END AS raw
    )
FROM page AS r
ANTI JOIN erased_record USING (file_id, record)
