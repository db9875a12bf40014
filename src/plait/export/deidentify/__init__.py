"""De-identification: one key for a whole export gives new ids and one shift of dates for each person, wherever the person's data are."""
