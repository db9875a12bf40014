"""Profiles raw files that nobody has described yet, and writes a first version of a source folder from what it sees.

`layout` says how a file is written, `columns` what stands in its columns, `keys` how files hang together, `roles` what a
column or a file may mean, and `folder` writes that down. Nothing here keeps or prints a value of a record.
"""
