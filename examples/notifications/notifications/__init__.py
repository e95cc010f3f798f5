"""Notes to customers about their orders."""
