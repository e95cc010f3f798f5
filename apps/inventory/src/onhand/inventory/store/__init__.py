"""How stock is written: one statement for a whole batch."""
