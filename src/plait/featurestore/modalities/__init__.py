"""Kinds of views, one module each, registered in the entry-point group `plait.modalities`."""
