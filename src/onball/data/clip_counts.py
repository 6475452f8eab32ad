"""In how many clips does each action occur? Rare actions need many clips to be seen in training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from onball.actions import ACTIONS, Action
from onball.events import EventList


@dataclass(frozen=True, slots=True)
class ClipCounts:
    """Clips side by side, without overlap, from the start of each half to its last event.

    Training draws its clips at random places; these are what it would see in one even pass.

    Attributes:
        clips: how many there are.
        not_empty: how many hold any event.
        holding: how many hold each action.
    """

    clips: int
    not_empty: int
    holding: dict[Action, int]

    @classmethod
    def of(cls, matches: Iterable[EventList], clip_frames: int, fps: float) -> ClipCounts:
        """Counts the clips of these matches.

        Args:
            matches: the annotations of each.
            clip_frames: sampled frames in a clip.
            fps: sampled frames per second. An event lies on the frame nearest to it.
        """
        clips = not_empty = 0
        holding = dict.fromkeys(ACTIONS, 0)
        for match in matches:
            places = {
                (event.half, round(event.position_ms * fps / 1000) // clip_frames, event.label)
                for event in match
            }
            filled = {(half, clip) for half, clip, _ in places}
            not_empty += len(filled)
            for half in {half for half, _ in filled}:
                clips += 1 + max(clip for other, clip in filled if other == half)
            for _, _, action in places:
                holding[action] += 1
        return cls(clips, not_empty, holding)

    def as_json(self) -> dict[str, Any]:
        """The numbers under readable keys."""
        actions = {action.value: count for action, count in self.holding.items()}
        return {"clips": self.clips, "with_events": self.not_empty, "holding": actions}
