"""Matches that were recorded as tracking data."""
