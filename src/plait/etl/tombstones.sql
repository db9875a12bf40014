-- plait_tombstone: the keyed hash of an identifier in its system, as `plait.etl.tombstones` makes it.
CREATE OR REPLACE MACRO plait_tombstone(system, identifier) AS
sha256('outer_key' || sha256('inner_key' || system || chr(31) || identifier));
