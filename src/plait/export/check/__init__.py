"""`plait export check`: what the FAIR principles ask of a package, with what was tested for each, offline."""
