"""Clinical notes: a manifest and text files, or a table with a text column."""
