"""The feature store: what was known of a patient at a moment, aligned to the rows that ask, with a reason for every hole."""
