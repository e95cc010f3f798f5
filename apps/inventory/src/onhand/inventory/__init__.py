"""Keeps stock, reserves it for orders and never sells a unit twice."""
