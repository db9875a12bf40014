"""Synthea's CSV export, versions 2.7 to today: a folder of rules and SELECTs, no code."""
