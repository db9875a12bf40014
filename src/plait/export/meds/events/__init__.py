"""What each table of the CDM says of its persons, as events: one SELECT for each table."""
