"""A small network that finds ball and people in simulated and real football, and its training."""
