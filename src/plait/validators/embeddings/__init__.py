"""Embedding tables examined: the rules that a row must pass before it is served, and those of a table as a whole."""
