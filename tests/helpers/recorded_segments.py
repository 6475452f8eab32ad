"""Segments that are scored under the eyes of a test, which kills some of their workers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from cluster_tasks import log

from onball.cluster import archive
from onball.cluster.engine import Engine
from onball.cluster.work import SegmentOrder, score_segment
from onball.progress import ProgressCallback, no_progress
from onball.spotting.spotter import Spotter

CONTROL = "ONBALL_TEST_CONTROL"
"""Environment variable with the folder of the files by which a test and its workers agree."""


def recorded_segment(order: SegmentOrder) -> int:
    """Score a segment, and log when it is done; one that claims a file `hang…` hangs in the middle."""
    Spotter.scores = _recorded
    return score_segment(order)


_scores = Spotter.scores


def _recorded(self, video, *, start_ms, end_ms):
    control = Path(os.environ[CONTROL])
    for number, part in enumerate(_scores(self, video, start_ms=start_ms, end_ms=end_ms)):
        yield part
        if number == 0:
            _hang_if_claimed(control)
    log(str(control / "computed"), f"{Path(video).stem} {start_ms}")


def _hang_if_claimed(control: Path) -> None:
    node = _ray_node()
    for file in control.glob("hang-*"):
        wanted = file.read_text()
        if wanted in ("", node):
            try:
                file.unlink()
            except FileNotFoundError:  # another worker has claimed it
                continue
            (control / f"hung-{file.name}").write_text(str(os.getpid()))
            while True:
                time.sleep(60)


def _ray_node() -> str:
    """Identifier of the Ray node that this process belongs to; empty without Ray."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().get_node_id() if ray and ray.is_initialized() else ""


def spot_recorded(
    engine: Engine, videos: Path, out: Path, model: Path, progress: ProgressCallback = no_progress
) -> Iterator[archive.ArchiveResult]:
    """Spot an archive in segments of 4 s, by `recorded_segment`."""
    with patch.object(archive, "score_segment", recorded_segment):
        yield from archive.spot_archive(
            videos, out, cluster=engine, model=model, segment_minutes=1 / 15, progress=progress
        )
