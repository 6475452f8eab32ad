"""The gestures with which recorded actions are made, and when each shows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.synthetic.motion.choices import RIGHT_AND_LEFT
from onball.synthetic.recorded.acts import Act
from onball.synthetic.world import BALL_RADIUS, CONTACT_OFFSET, PEOPLE, TICK_MS, Gesture

_LASTS_MS = 1000
_CELEBRATION_LASTS_MS = 9000
_OTHER_THAN_KICKS: dict[Action, Gesture] = {
    Action.HEADER: Gesture.HEADER,
    Action.THROW_IN: Gesture.THROW_IN,
    Action.BALL_PLAYER_BLOCK: Gesture.BLOCK,
    Action.PLAYER_SUCCESSFUL_TACKLE: Gesture.TACKLE,
    Action.GOAL: Gesture.CELEBRATE,
}


def gesture_of(act: Act, ball_on_left: bool) -> Gesture:
    """What the body does; the foot is the named one, else the one on the ball's side."""
    if act.action in RIGHT_AND_LEFT:
        if act.body == "head":
            return Gesture.HEADER
        if act.body == "hand":
            return Gesture.NONE
        return RIGHT_AND_LEFT[act.action][act.body == "left" or (not act.body and ball_on_left)]
    if act.body == "slide":
        return Gesture.SLIDE
    return _OTHER_THAN_KICKS.get(act.action, Gesture.NONE)


def contact_height(act: Act) -> float:
    """How high the ball is as the act is made, metres."""
    if act.action not in _OTHER_THAN_KICKS:
        return BALL_RADIUS
    return CONTACT_OFFSET[gesture_of(act, ball_on_left=False)][2]


def gesture_tracks(
    contacts: Iterable[tuple[int, int, Gesture]], ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Gesture and time since its contact `[ticks, PEOPLE]`, from (tick, row, gesture) of contacts.

    Between two contacts of one body the nearer one counts.
    """
    gesture = np.zeros((ticks, PEOPLE), np.uint8)
    gesture_ms = np.full((ticks, PEOPLE), _LASTS_MS, np.int32)
    for tick, row, what in contacts:
        if row < 0 or what is Gesture.NONE:
            continue
        lasts = _CELEBRATION_LASTS_MS if what is Gesture.CELEBRATE else _LASTS_MS
        window = np.arange(max(0, tick - _LASTS_MS // TICK_MS), min(ticks, tick + lasts // TICK_MS))
        since = (window - tick) * TICK_MS
        nearer = np.abs(since) <= np.abs(gesture_ms[window, row])
        nearer |= gesture[window, row] == 0
        gesture[window[nearer], row] = what
        gesture_ms[window[nearer], row] = since[nearer]
    return gesture, gesture_ms
