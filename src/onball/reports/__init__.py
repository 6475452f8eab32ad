"""Figures, tables and pages of events and experiments."""
