"""OpenCV, or one clear line that says how to get it. Painting modules import `cv2` from here."""

from __future__ import annotations

from onball.errors import MissingDependencyError

try:
    import cv2
except ImportError:
    raise MissingDependencyError(
        "opencv-python-headless", "synth", "Painting simulated football"
    ) from None

__all__ = ["cv2"]
