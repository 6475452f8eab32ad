"""Players and ball: detectors, the tracker, and the inputs of models from tracks."""
