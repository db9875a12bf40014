"""Free text without what identifies: dates shifted in the form that they have, all else replaced by what it was, as `[name]`."""
