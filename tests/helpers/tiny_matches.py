"""Matches of a few seconds for tests that train or read clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from onball.actions import ACTIONS, Action
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.video import VideoWriter

SIZE = (64, 36)
COLOURS = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220]], np.uint8)


def write_flashes(folder: Path, seed: int) -> None:
    """Write a match of 8 s of grey frames; each of three actions is three frames of one colour."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    with VideoWriter(folder / "224p.mp4", SIZE, 25) as writer:
        for index in range(200):
            frame = np.full((36, 64, 3), 90, np.uint8)
            if index % 25 == 15:
                events.append(Event(index * 40, ACTIONS[rng.integers(3)]))
            if events and index * 40 - events[-1].position_ms < 120:
                frame[:] = COLOURS[events[-1].label.order]
            writer.write(frame)
    write_labels(EventList.of(events), folder / "Labels-ball.json")


def write_brightening(root: Path) -> None:
    """Write a match of 4 s at 25 fps whose frames become brighter, with an event at 2 s."""
    folder = root / "train" / "league" / "season" / "match"
    with VideoWriter(folder / "224p.mp4", SIZE, 25, crf=0, gop=10) as writer:
        for index in range(100):
            writer.write(np.full((36, 64, 3), 2 * index + 20, np.uint8))
    events = EventList.of([Event(2000, Action.SHOT)], "league/season/match")
    write_labels(events, folder / "Labels-ball.json")
