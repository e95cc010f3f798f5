"""What each message and timer does to orders. Any message may come again, late, or in another order."""
