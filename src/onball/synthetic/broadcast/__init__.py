"""Cameras and the director who cuts between them."""
