"""Rendering of simulated football with OpenCV, layer by layer."""
