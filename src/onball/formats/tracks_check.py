"""Whether tracks are sound: rows in order and inside the picture, and of the video at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from onball.errors import DataError
from onball.tracks import UNTRACKED, TrackedVideo, Tracks

#: Boxes may stick out so far, in pixels; they are cut at the picture's edge.
_SLACK_PX = 0.5
#: Lengths of the same video, by two programs, may differ so much.
_SLACK_MS, _SLACK_SHARE = 1000, 0.01


def check_rows(path: Path, tracks: Tracks) -> Tracks:
    """The tracks, their boxes cut at the picture's edge.

    Raises `DataError` that names the first row that is wrong, counted from 0.
    """
    time, ids, boxes = tracks.time_ms, tracks.track_ids, tracks.boxes
    width, height = tracks.video.width, tracks.video.height

    def refuse(wrong: Any, text: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"{path}: row {row} (at {int(time[row])} ms): {text}")

    later = np.r_[False, time[1:] < time[:-1]]
    refuse(later, "is earlier than the row before: sort the rows by time_ms")
    refuse(time < 0, "a time before the video begins")
    end = tracks.video.duration_ms + _slack_ms(tracks.video.duration_ms)
    refuse(time > end, f"is after the end of the video of {tracks.video.duration_ms} ms")
    refuse(ids < UNTRACKED, f"track_id is below {UNTRACKED}")
    order = np.lexsort((ids, time))
    same = (np.diff(time[order]) == 0) & (np.diff(ids[order]) == 0) & (ids[order][1:] != UNTRACKED)
    twice = np.zeros(len(time), bool)
    twice[order[1:][same]] = True
    refuse(twice, "its track has a second box in the same frame: keep one of them")
    refuse(~np.isfinite(boxes).all(axis=1), "a side of its box is no number")
    empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
    refuse(empty, "its box is empty: x1 must be above x0 and y1 above y0")
    largest = np.array([width, height, width, height], np.float32)
    outside = (boxes < -_SLACK_PX).any(axis=1) | (boxes > largest + _SLACK_PX).any(axis=1)
    refuse(
        outside,
        f"its box is outside the picture of {width}×{height} pixels: are the boxes of a video of "
        "another size?",
    )
    # NaN is no score either.
    refuse(~((tracks.scores >= 0) & (tracks.scores <= 1)), "its score is not between 0 and 1")
    return replace(tracks, boxes=boxes.clip(0, largest))


def check_video(path: Path, of: TrackedVideo, video: Path) -> None:
    """Raise `DataError` if tracks of the video `of` are not those of the file `video`."""
    from onball.video import probe  # only here: reading tracks needs no video library

    info = probe(video)
    same_size = (of.width, of.height) == (info.width, info.height)
    slack = _slack_ms(info.duration_ms)
    # A file may not say how long it is.
    same_length = info.duration_ms == 0 or abs(of.duration_ms - info.duration_ms) <= slack
    if not (same_size and same_length):
        theirs, ours = (f"{v.width}×{v.height}, {v.duration_ms / 1000:.1f} s" for v in (of, info))
        raise DataError(
            f"{path}: tracks of another video ({theirs}; {video.name} is {ours}): make its own "
            f"with `onball track {video}`"
        )


def _slack_ms(duration_ms: int) -> float:
    return max(_SLACK_MS, _SLACK_SHARE * duration_ms)
