"""Training of spotting nets and clip classifiers with Lightning.

from onball.training import train

train(load_config("configs/spotting/regnety_bilstm.yaml"), run_dir="runs/mine")
"""

from onball.errors import optional_dependency

# Every module of this package needs it, directly or through another one.
with optional_dependency("lightning", "train", "Training"):
    import lightning  # noqa: F401

from onball.training.run import TrainingInterrupted, train

__all__ = ["TrainingInterrupted", "train"]
