"""The part of a vocabulary that an export's rows need: the concepts that occur, and what is said of these alone."""
