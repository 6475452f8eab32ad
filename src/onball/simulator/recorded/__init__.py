"""Matches recorded as tracking and event data."""
