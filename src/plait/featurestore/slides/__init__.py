"""Whole slides: from their pyramid to tiles of a declared resolution, and to numbers."""
