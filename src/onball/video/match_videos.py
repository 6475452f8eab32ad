"""The video files of a match, and the file that shows an event.

A match that was spotted with `--join` has the beginning and length of each of its files in its results.
Files of other events follow each other without a gap. Times of events are those of all files together;
what a camera did not record between two files is in none of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.errors import InputError, OnballWarning
from onball.events import Event, EventList, SpottingInfo
from onball.timing import format_time
from onball.video.reading import VideoInfo, probe

#: Lengths of a video and of that which was spotted may differ by this much.
_OTHER_LENGTH_MS = 2_000


@dataclass(frozen=True, slots=True)
class MatchVideo:
    """A video file of a match.

    Attributes:
        video: the file.
        start_ms: position of its first frame in the match.
    """

    video: VideoInfo
    start_ms: int

    @property
    def end_ms(self) -> int:
        """Its end in the match."""
        return self.start_ms + self.video.duration_ms

    def shows(self, event: Event) -> bool:
        """Return True if an event is in this file."""
        return self.start_ms <= event.position_ms < self.end_ms


def match_videos(
    events: EventList, videos: str | Path | Sequence[str | Path]
) -> tuple[MatchVideo, ...]:
    """Open the video files of a match.

    Args:
        events: its events; their `info` has the files that were spotted as one match.
        videos: one file, or several in order of play.

    Raises:
        InputError: there is no file, not as many as were spotted, or they are in another order.
        VideoError: a file is missing or no video.

    Files of another length than those that were spotted are named in a warning.
    """
    paths = [videos] if isinstance(videos, str | Path) else list(videos)
    if not paths:
        raise InputError("no video is named")
    opened = [probe(path) for path in paths]
    info = events.info or SpottingInfo()
    _require_parts(info, opened)
    starts, lengths = [0], [info.duration_ms]
    if len(info.parts) == len(opened):
        starts = [part.start_ms for part in info.parts]
        lengths = [part.duration_ms for part in info.parts]
    elif len(opened) > 1:
        starts = [sum(video.duration_ms for video in opened[:k]) for k in range(len(opened))]
        last_ms = None if info.duration_ms is None else max(0, info.duration_ms - starts[-1])
        lengths = [*(video.duration_ms for video in opened[:-1]), last_ms]
    for video, length_ms in zip(opened, lengths, strict=True):
        if length_ms is not None and abs(length_ms - video.duration_ms) > _OTHER_LENGTH_MS:
            _warn_of_length(video, length_ms)
    return tuple(MatchVideo(video, start) for video, start in zip(opened, starts, strict=True))


def require_shown(events: EventList, videos: Sequence[MatchVideo]) -> None:
    """Raise `InputError` if events lie outside of the videos."""
    outside = [event for event in events if not any(video.shows(event) for video in videos)]
    if outside:
        last = videos[-1]
        raise InputError(
            f"{last.video.path}: ends at {format_time(last.end_ms)}, and {len(outside)} of {len(events)} "
            f"events lie outside, first {outside[0].label} at {format_time(outside[0].position_ms)}: is it "
            "another video?"
        )


def _require_parts(info: SpottingInfo, videos: Sequence[VideoInfo]) -> None:
    """Raise `InputError` for other files than those that were spotted as one match."""
    names = [part.video for part in info.parts]
    given = [video.path.name for video in videos]
    if len(names) < 2 or given == names:
        return
    if len(given) != len(names):
        problem = f"the events are those of {len(names)} videos that were joined"
    elif sorted(given) == sorted(names):
        problem = "the videos were joined in another order"
    else:
        return  # renamed, or copies
    raise InputError(f"{problem}: name these, in this order: {', '.join(names)}")


def _warn_of_length(video: VideoInfo, length_ms: int) -> None:
    message = (
        f"{video.path}: is {format_time(video.duration_ms)} long, and the events are those of a video of "
        f"{format_time(length_ms)}: is it the right one?"
    )
    warnings.warn(message, OnballWarning, stacklevel=4)
