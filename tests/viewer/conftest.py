"""A match with labels, predictions and a small video, as the viewer finds it on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from numbered_videos import steady, write_video

from onball.events import Event, EventList, SpottingInfo, VideoPart
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE

LABELS = [Event(1000, "PASS"), Event(2000, "SHOT"), Event(3000, "PASS", team="left")]
FOUND = [
    Event(1080, "PASS", 0.9),
    Event(2000, "DRIVE", 0.7),
    Event(3040, "PASS", 0.4),
    Event(3600, "SHOT", 0.05),
]
INFO = SpottingInfo("demo", video="match.mp4", thresholds={"PASS": 0.3, "DRIVE": 0.3, "SHOT": 0.3})


@pytest.fixture(scope="session")
def small_video(make_once, tmp_path_factory) -> Path:
    """A video of 4 s at 25 frames per second, whose frames encode their numbers."""

    def make() -> str:
        path = tmp_path_factory.mktemp("view") / "match.mp4"
        return str(write_video(path, steady(25, 4), 25, size=(96, 64)))

    return Path(make_once("viewed_video", make))


@pytest.fixture
def match_folder(tmp_path: Path, small_video: Path) -> Path:
    """A folder with a video, its labels and what a model found."""
    folder = tmp_path / "cup final"
    folder.mkdir()
    (folder / "match.mp4").write_bytes(small_video.read_bytes())
    EventList.of(LABELS, "cup final").save(folder / LABELS_FILE)
    EventList.of(FOUND, "cup final", info=INFO).save(folder / RESULTS_FILE)
    return folder


@pytest.fixture
def write_match(tmp_path: Path) -> Callable[..., Path]:
    """Write files of a match into a folder below `tmp_path`; a video is an empty file."""

    def write(name: str, *files: str, video_name: str = "", parts: Sequence[str] = ()) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            if file == LABELS_FILE:
                EventList.of(LABELS).save(folder / file)
            elif file == RESULTS_FILE:
                joined = [VideoPart(part, 4000 * i, 4000) for i, part in enumerate(parts)]
                info = SpottingInfo("demo", video=video_name, parts=tuple(joined))
                EventList.of(FOUND, info=info).save(folder / file)
            else:
                (folder / file).touch()
        return folder

    return write
