"""Loads the system with orders and tells how fast, at what cost, and whether every order reached its end."""
