"""What else a shop asks of the system, and what the machine could do at most: one table, each line with its checks."""
