"""How orders are written: one statement for a whole batch, state and event log together."""
