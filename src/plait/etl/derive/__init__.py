"""Tables that follow from others: observation periods and eras, from SQL of one scan each."""
