"""The 13 classes of a per-frame classifier: background first, then the 12 actions."""

from __future__ import annotations

from onball.actions import NUM_ACTIONS, Action

#: "Nothing happens on this frame." Class 1 + i is `ACTIONS[i]`.
BACKGROUND = 0
NUM_CLASSES = 1 + NUM_ACTIONS
#: Frames with this target count in no loss (they pad a clip beyond the end of its video).
IGNORE = -100


def class_of(action: Action) -> int:
    """The class of an action, 1 to 12."""
    return 1 + action.order
