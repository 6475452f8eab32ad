"""The 12 ball actions of SoccerNet Ball Action Spotting: names, order, colours and classes.

A per-frame classifier has 13 classes: the background and the 12 actions. A net that distinguishes the
teams has 25: the background, the 12 actions of the left team and the 12 of the right one.
"""

from __future__ import annotations

import difflib
import re
from enum import StrEnum

from onball.errors import LabelError


class Action(StrEnum):
    """One of the 12 actions, with SoccerNet's spelling as value and in SoccerNet's order."""

    PASS = "PASS"
    DRIVE = "DRIVE"
    HEADER = "HEADER"
    HIGH_PASS = "HIGH PASS"
    OUT = "OUT"
    CROSS = "CROSS"
    THROW_IN = "THROW IN"
    SHOT = "SHOT"
    BALL_PLAYER_BLOCK = "BALL PLAYER BLOCK"
    PLAYER_SUCCESSFUL_TACKLE = "PLAYER SUCCESSFUL TACKLE"
    FREE_KICK = "FREE KICK"
    GOAL = "GOAL"

    @property
    def order(self) -> int:
        """Position in `ACTIONS`, 0 to 11."""
        return ACTION_INDEX[self]

    @property
    def colour(self) -> str:
        """Colour of the action in overlays and plots, as `#rrggbb`."""
        return ACTION_COLOURS[self]


ACTIONS: tuple[Action, ...] = tuple(Action)
ACTION_INDEX: dict[Action, int] = {action: i for i, action in enumerate(ACTIONS)}
NUM_ACTIONS = len(ACTIONS)

#: Actions of mAP10: all but FREE KICK and GOAL, which are too rare in the test split.
ACTIONS_MAP10: tuple[Action, ...] = ACTIONS[:10]

#: Class of a frame without an action. Class 1 + i is `ACTIONS[i]`.
BACKGROUND = 0
#: Number of classes of a net that does not distinguish the teams.
NUM_CLASSES = 1 + NUM_ACTIONS
#: Number of classes of a net that distinguishes the teams.
NUM_TEAM_CLASSES = 1 + 2 * NUM_ACTIONS
#: Class of frames that no loss takes into account, such as the padding after the end of a video.
IGNORE = -100

#: Colours of the actions. Neighbours in the list differ in hue and in lightness.
ACTION_COLOURS: dict[Action, str] = {
    Action.PASS: "#2f7ed8",
    Action.DRIVE: "#3aa655",
    Action.HEADER: "#e0a100",
    Action.HIGH_PASS: "#17a9b8",
    Action.OUT: "#7f8794",
    Action.CROSS: "#8b5cf6",
    Action.THROW_IN: "#b07d4f",
    Action.SHOT: "#e4572e",
    Action.BALL_PLAYER_BLOCK: "#a3425b",
    Action.PLAYER_SUCCESSFUL_TACKLE: "#d6529c",
    Action.FREE_KICK: "#5b6b1f",
    Action.GOAL: "#c1121f",
}


def parse_action(name: str) -> Action:
    """Parse the name of an action in SoccerNet's spelling; case and outer blanks are ignored.

    Raises:
        LabelError: no action has this name. The message suggests the most similar one.
    """
    try:
        return Action(name.strip().upper())
    except (ValueError, AttributeError):
        close = difflib.get_close_matches(str(name).upper(), [a.value for a in ACTIONS], n=1)
        hint = f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(ACTIONS)
        raise LabelError(f"unknown action '{name}': {hint}") from None


def find_action(name: str) -> Action:
    """Parse the name of an action as people write it.

    Case does not matter, nor whether words are joined, by `-`, `_` or nothing. One or more words,
    or their beginnings of at least three letters, are enough if they are of one action only:
    `throw-in`, `highpass`, `tackle`, `head`.

    Raises:
        LabelError: no action, or more than one, has this name. The message makes suggestions.
    """
    words = re.split(r"[\s_-]+", name.strip().upper())
    for action in ACTIONS:
        if action.value.replace(" ", "") == "".join(words):
            return action
    fitting = [action for action in ACTIONS if all(_has_word(action, word) for word in words)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise LabelError(f"action '{name}' may be {' or '.join(fitting)}")
    return parse_action(name)


def _has_word(action: Action, beginning: str) -> bool:
    return len(beginning) >= 3 and any(w.startswith(beginning) for w in action.value.split())


def find_actions(names: str) -> tuple[Action, ...]:
    """Parse a list of actions, separated by commas, each as `find_action` does.

    Raises:
        LabelError: a name is of no action, or there is none.
    """
    actions = [find_action(name) for name in names.split(",") if name.strip()]
    if not actions:
        raise LabelError(f"no action in '{names}': write for example SHOT,GOAL")
    return tuple(dict.fromkeys(actions))
