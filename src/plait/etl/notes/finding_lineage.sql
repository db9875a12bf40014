-- One row more in derivation: a finding and the note that it stands in, or an event and a finding that it was promoted from; in row_meta: a finding,
-- known when its note was. An event is known when its note was, too.
INSERT INTO derivation
SELECT 'note_nlp', note_nlp_id, 'note', note_id
FROM finding_row
ORDER BY note_nlp_id;

INSERT INTO derivation
SELECT e.target_table, e.row_id, 'note_nlp', unnest(e.findings) AS note_nlp_id
FROM event_row AS e
WHERE e.shape = 'finding'
ORDER BY e.target_table, e.row_id, note_nlp_id;

INSERT INTO row_meta
SELECT 'note_nlp', note_nlp_id, person_id, known_time, NULL
FROM finding_row;
