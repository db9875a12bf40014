"""MEDS: a study as the events of each person, in the Medical Event Data Standard (version 0.4)."""
