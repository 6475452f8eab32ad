"""A recorded match as one match of a data set: its files, and how it is rendered."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from onball.data.layout import SPLITS_FILE, read_splits, write_splits
from onball.errors import DataError
from onball.files import require_writable
from onball.synthetic.film import MatchPlan
from onball.synthetic.match_files import Outputs, write_match
from onball.synthetic.world import TICK_MS


@dataclass(frozen=True)
class Recording:
    """The files of a recorded match; what is None is guessed or not needed.

    Attributes:
        tracking, events: the files.
        tracking_provider, events_provider: names of their formats.
        tracking_meta, events_meta: files of metadata.
    """

    tracking: Path
    events: Path | None = None
    tracking_provider: str | None = None
    tracking_meta: Path | None = None
    events_provider: str | None = None
    events_meta: Path | None = None


def write_recording(
    root: Path,
    plan: MatchPlan,
    recording: Recording,
    duration_ms: int | None,
    outputs: Outputs,
) -> tuple[int, str, Generator[int, None, None]]:
    """Reads a recorded match and renders it into `root`, listed in the split `test`.

    Args:
        root: folder of the data set.
        plan: look, cameras and video; length and halves are the recording's.
        recording: its files.
        duration_ms: how much of it; None: all.
        outputs: what is written.

    Returns: the number of frames, the name of the match, and a generator that renders it and yields how
    many frames were written since the last time.

    Raises what `recorded_motion` raises, and `DataError` if the match is there.
    """
    from onball.synthetic.recorded.reading import recorded_motion

    name = f"recorded/matches/{recording.tracking.stem}"
    folder = root / name
    if folder.exists():
        raise DataError(f"{folder} is there already: choose another --out or delete it")
    motion = recorded_motion(
        recording.tracking,
        recording.events,
        provider=recording.tracking_provider,
        meta=recording.tracking_meta,
        events_provider=recording.events_provider,
        events_meta=recording.events_meta,
        duration_ms=duration_ms,
        name=name,
    )
    plan = replace(plan, duration_ms=motion.ticks * TICK_MS, halves=len(motion.halves))
    require_writable(root)

    def render() -> Generator[int, None, None]:
        written = 0
        for frames in write_match(plan, folder, name, outputs, motion):
            yield frames - written
            written = frames
        splits = read_splits(root) if (root / SPLITS_FILE).exists() else {}
        names = {split: list(listed) for split, listed in splits.items()}
        names.setdefault("test", []).append(name)
        write_splits(root, names)

    return plan.frames, name, render()
