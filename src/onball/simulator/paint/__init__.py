"""From a moment and a camera to a picture that looks like television."""
