"""Simulated football matches with exact labels, boxes and cameras."""
