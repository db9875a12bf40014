"""Checks on the files of a source as they were delivered: declared in `source.yaml`, counted while a file is staged, judged before a commit."""
