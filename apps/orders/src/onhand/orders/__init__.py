"""Takes orders, keeps their event log and settles them on the answer of Inventory."""
