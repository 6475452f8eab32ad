"""Where the events of several videos go, and in which files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from onball.errors import InputError
from onball.events import EventList
from onball.formats.csv_table import write_csv
from onball.formats.soccernet import RESULTS_FILE, write_results

TABLE_FILE = "events.csv"


def write_events(events: EventList, shown: EventList, folder: Path) -> None:
    """Writes `results_spotting.json` with all events and `events.csv` with those people want to see.

    Raises `OnballError` if the folder cannot be written.
    """
    write_results(events, folder / RESULTS_FILE)
    write_csv(shown, folder / TABLE_FILE)


def name_results(videos: Sequence[Path]) -> dict[str, Path]:
    """A folder name for each video: its stem, or with its folder's name where stems repeat.

    SoccerNet calls every match 224p.mp4. Names that differ in case alone count as the same: on some
    file systems they are. Raises `InputError` for a video that is given twice.
    """
    # Not resolved: a link has the name that its owner gave it.
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
