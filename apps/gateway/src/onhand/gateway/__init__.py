"""The HTTP entry point: turns requests into messages and replies into answers, and owns no data."""
