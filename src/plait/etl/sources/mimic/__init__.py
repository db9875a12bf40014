"""MIMIC-IV's own CSV files, 2.0 to 3.1 (hosp, icu, note): a folder of rules and SELECTs, no code."""
