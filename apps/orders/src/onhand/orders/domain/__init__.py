"""What an order is and how it goes. Pure: no clock, no I/O."""
