"""Players and ball: detectors, the tracker, and what models take from tracks."""
