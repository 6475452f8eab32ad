"""The classes of a per-frame classifier: background first, then the actions.

There are 13: background and the 12 actions. A net that tells the teams apart has 25: background, the
12 actions of the left team, the 12 of the right one.
"""

from __future__ import annotations

from onball.actions import NUM_ACTIONS, Action
from onball.events import Team

#: "Nothing happens on this frame." Class 1 + i is `ACTIONS[i]`.
BACKGROUND = 0
NUM_CLASSES = 1 + NUM_ACTIONS
#: Background and, for each team, the 12 actions.
NUM_TEAM_CLASSES = 1 + 2 * NUM_ACTIONS
#: Frames with this target count in no loss (they pad a clip beyond the end of its video).
IGNORE = -100

#: The sides in the order of the classes of a net that tells the teams apart.
SIDES = (Team.LEFT, Team.RIGHT)
#: The side of an event whose team is not known.
UNKNOWN_SIDE = -1


def class_of(action: Action) -> int:
    """The class of an action, 1 to 12."""
    return 1 + action.order


def side_of(team: Team) -> int:
    """0 for the left team, 1 for the right one, `UNKNOWN_SIDE` for neither."""
    return SIDES.index(team) if team in SIDES else UNKNOWN_SIDE
