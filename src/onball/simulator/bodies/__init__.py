"""Bodies: key poses, gestures and skeletons."""
