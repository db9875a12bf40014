"""How the last look opens what a package holds: each module yields the texts of files of some kinds, wherever these stand in them."""
