"""`onhand dlq`: dead letters, for those who mend what made them."""
