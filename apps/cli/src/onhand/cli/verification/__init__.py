"""`onhand verify`: holds what is stored and what waits against the invariants of the system, while it runs."""
