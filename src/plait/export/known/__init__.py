"""What a study knows of who somebody is: looked for in all that leaves it, and taken out of texts."""
