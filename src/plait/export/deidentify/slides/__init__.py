"""Whole slides without what identifies: a TIFF is written anew from its levels alone."""
