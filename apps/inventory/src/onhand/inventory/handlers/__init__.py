"""What each message does to stock. Any message may come again, late, or in another order."""
