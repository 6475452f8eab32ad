"""Results of videos: their names, their files, and the outcome of the work on each.

folder of all results / name of the video / results_spotting.json, events.csv, confidences.npz
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from onball.errors import InputError
from onball.events import EventList
from onball.formats.event_table import TABLE_FILE, write_event_table
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.soccernet import RESULTS_FILE, write_results
from onball.outputs import write_outputs

RESULT_FILES = (RESULTS_FILE, TABLE_FILE, CONFIDENCES_FILE)
"""Files in the folder of a video's results: all candidates, the events shown to people, and the
confidences of all frames."""


class Outcome(StrEnum):
    """Outcome of a video."""

    SPOTTED = "spotted"
    """Its events were found and written."""
    DONE = "done"
    """Skipped: its results are there already."""
    EDITED = "edited"
    """Skipped: its results are there already, and were edited by hand since."""
    FAILED = "failed"
    """It could not be spotted, or its results not be written."""


@dataclass(frozen=True, slots=True)
class SpottedVideo:
    """Result of `spot_videos` for one video, or for the joined files of one match.

    Attributes:
        name: name of the result: that of the file, without its suffix.
        folder: folder with `results_spotting.json`, `events.csv` and `confidences.npz`.
        outcome: what was done.
        events: all candidates; `events.shown` are those in `events.csv`. None if it failed, or if
            the file was edited so that it cannot be read.
        error: reason of the failure, in one line; empty without one.
        traceback: where an unexpected exception was raised, for a report of the bug; else empty.
        videos: the files.
        address: address of the folder, if it is on a store. `folder` was a copy on this machine then,
            and is deleted.
    """

    name: str
    folder: Path
    outcome: Outcome
    events: EventList | None
    error: str = ""
    traceback: str = ""
    videos: tuple[Path, ...] = ()
    address: str = ""

    @property
    def place(self) -> str:
        """Folder or address of the results."""
        return self.address or str(self.folder)


def name_results(videos: Sequence[Path]) -> dict[str, Path]:
    """Return a folder name for each video: its stem, with parent folders where stems repeat.

    SoccerNet calls every match 224p.mp4. Names that differ only in case count as equal, as they are
    on some file systems.

    Raises:
        InputError: a video is given twice.
    """
    # Not resolved: a link keeps the name that its owner chose.
    paths = [video.absolute() for video in videos]
    names = [path.stem for path in paths]
    depth = 1
    while repeated := _repeated(names):
        depth += 1
        longer = [
            "_".join([*path.parts[1:-1], path.stem][-depth:]) if name.lower() in repeated else name
            for path, name in zip(paths, names, strict=True)
        ]
        if longer == names:
            twice = next(path for path in videos if path.stem.lower() in next(iter(repeated)))
            raise InputError(f"{twice} is given twice")
        names = longer
    return dict(zip(names, videos, strict=True))


def _repeated(names: Sequence[str]) -> set[str]:
    return {name for name, count in Counter(map(str.lower, names)).items() if count > 1}


def write_events(
    events: EventList,
    folder: Path,
    request: Mapping[str, Any],
    confidences: FrameConfidences | None = None,
) -> None:
    """Write the results of a video: all candidates, the events shown, confidences of frames.

    They are `results_spotting.json`, `events.csv` and `confidences.npz`, and `onball.outputs` records them.

    Args:
        events: all candidates; `events.shown` goes into the table.
        folder: folder of the results.
        request: video, model and settings that they depend on.
        confidences: those of all frames; None writes no file of them.

    Raises:
        OnballError: the folder cannot be written.
    """
    write: dict[str, Callable[[Path], None]] = {
        RESULTS_FILE: partial(write_results, events),
        TABLE_FILE: partial(write_event_table, events.shown),
    }
    if confidences is not None:
        write[CONFIDENCES_FILE] = confidences.save
    write_outputs(folder, write, request)


def load_events(folder: Path) -> EventList | None:
    """Return the candidates in a folder of results; None if the file is missing or unreadable."""
    try:
        return EventList.load(folder / RESULTS_FILE)
    except InputError:
        return None
