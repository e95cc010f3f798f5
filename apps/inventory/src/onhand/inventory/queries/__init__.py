"""How stock is read."""
