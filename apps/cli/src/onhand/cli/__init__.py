"""The `onhand` command: starts the system on one machine, supervises it, and speaks to it."""
