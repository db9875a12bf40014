"""Checks of what a study holds: a check is a row of data and an expression, all checks of a table are one scan, every result has one shape."""
