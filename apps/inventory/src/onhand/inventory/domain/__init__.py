"""What stock is and how it is promised. Pure: no clock, no I/O."""
