-- One row: an identifier of a person.
SELECT
    _pointer,
    person,
    system AS link_system,
    identifier
FROM links
