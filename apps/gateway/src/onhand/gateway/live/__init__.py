"""What happens to orders, told while it happens: the feed of Orders, given out to whoever listens."""
