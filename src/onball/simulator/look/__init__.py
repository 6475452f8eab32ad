"""Appearance of a simulated match: kits, venue, camera optics and on-screen graphics."""
