-- finding_row, one row: a finding of an extractor in a note, with its row id.
-- unread_note, one row: a note that an extractor should have read, and did not.
CREATE OR REPLACE TEMP VIEW note_to_read AS
SELECT
    n.note_id,
    n.person_id,
    n.start,
    n.known_time,
    sha256(n.body) AS text,
    x.rank,
    x.name,
    x.system,
    x.extractor_id
FROM note_row AS n
INNER JOIN extractor AS x ON n.language IS NULL OR list_contains(x.languages, lower(n.language[:2]));

CREATE OR REPLACE TEMP TABLE finding_row AS
WITH found AS (
    SELECT
        n.note_id,
        n.person_id,
        n.start AS note_time,
        n.known_time,
        n.rank,
        n.name AS extractor,
        n.system,
        unnest(t.findings) AS f
    FROM note_to_read AS n
    INNER JOIN text_read AS t ON n.extractor_id = t.extractor_id AND n.text = t.text
)

SELECT
    person_id * 4194304
    + row_number() OVER (
        PARTITION BY person_id
        ORDER BY note_id, rank, f.start, f.stop, f.concept_id, f.source_concept_id, f.modifiers
    )
    - 1 AS note_nlp_id,
    note_id,
    person_id,
    note_time,
    known_time,
    extractor,
    system,
    f.*
FROM found
ORDER BY note_nlp_id;

CREATE OR REPLACE TEMP VIEW unread_note AS
SELECT n.note_id
FROM note_to_read AS n
ANTI JOIN text_read AS t ON n.extractor_id = t.extractor_id AND n.text = t.text;
