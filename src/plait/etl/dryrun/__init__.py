"""A source, tried: everything that a run would stage of it, counted and shown, and nothing kept."""
