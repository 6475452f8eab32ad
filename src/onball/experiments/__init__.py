"""Experiments: many configs trained and tested alike, a row of results each."""
