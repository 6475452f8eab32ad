"""Training: the loss, the schedule, the Lightning module, and a run from config to model."""
