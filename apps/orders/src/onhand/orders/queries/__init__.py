"""How orders are read."""
