"""Dense scores of a video, as `Spotter` computes them: read, tracked, continued and reported.

part of a video → sampled frames on which its events depend → frames and tracks → engine → scores

`StreamingEngine` and `ClipEngine` take frames from anywhere. Here they get those of a file, and its
tracks if the model takes some; scores that a journal has are not computed again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from onball.config import SavedModelConfig
from onball.data.frames import choose_frames, tracking_inputs
from onball.errors import InputError
from onball.frames import FrameBatch
from onball.progress import Progress, ProgressCallback
from onball.spotting.clips import ClipEngine
from onball.spotting.decoding import suppression_window_ms
from onball.spotting.engine import PartialResults, ScoredFrames, StreamingEngine
from onball.spotting.journal import ScoreJournal, continue_scores
from onball.timing import first_grid_index, grid_time, grid_times
from onball.tracking.grid import PerFrame
from onball.tracks import Tracks
from onball.video import probe

#: Windows of the suppression around a part of a video in which candidates are searched too.
_SUPPRESSION_WINDOWS = 3

_T = TypeVar("_T")


class VideoScores:
    """Compute dense scores of videos, or of parts of them, with the engine of one model.

    Args:
        engine: engine that computes the scores of frames.
        config: the net's input and the decoding of its scores.
        radius: frames on each side of an event that its scores can be moved by.
        threads: threads that decode a video.
    """

    def __init__(
        self,
        engine: StreamingEngine | ClipEngine,
        config: SavedModelConfig,
        radius: int,
        threads: int,
    ) -> None:
        self._engine = engine
        self._config = config
        self._radius = radius
        self._reading_threads = threads

    def of(
        self,
        video: Path,
        tracks: Tracks | str | Path | None,
        start_ms: int = 0,
        end_ms: int | None = None,
        journal: ScoreJournal | None = None,
    ) -> Iterator[ScoredFrames]:
        """Dense scores of the sampled frames of a video, or of a part and what its events depend on.

        Args:
            video: a file that FFmpeg can read.
            tracks: its tracks or tracks file, for a model that takes tracks.
            start_ms: begin of the part.
            end_ms: end of the part; None is that of the video.
            journal: scores that an earlier call computed, to continue with; it gets all others.

        Raises:
            InputError: the model takes tracks, and none are given.
            DataError: the tracks are damaged or of another video.
            VideoError: the file is no video.
        """
        config = self._config
        first, stop = self.frames_for(start_ms, end_ms)
        to_ms = None if stop is None else grid_time(stop, config.fps)
        tracking = None
        if not config.needs_tracks:
            frames = choose_frames(video, config, config.model)
        else:
            given = _read_tracks(video, tracks)
            times = grid_times(given.video.duration_ms, config.fps)
            if config.model.tracking is not None:
                tracking = PerFrame(times, tracking_inputs(given, times, config.model.tracking))
            frames = choose_frames(video, config, config.model, given, times_ms=times)

        def begin_after(done_ms: int) -> int:
            wanted = first_grid_index(done_ms + 1, config.fps)
            return max(first, self._engine.frames_for(wanted, wanted)[0])

        def compute(
            done_ms: int | None, keep: PartialResults | None = None
        ) -> Generator[ScoredFrames]:
            begin = first if done_ms is None else begin_after(done_ms)
            from_ms = grid_time(begin, config.fps)
            batches = frames.batches(start_ms=from_ms, end_ms=to_ms, threads=self._reading_threads)
            return self._run(batches, tracking, begin, keep)

        return compute(None) if journal is None else continue_scores(journal, compute, begin_after)

    def frames_for(self, start_ms: int, end_ms: int | None) -> tuple[int, int | None]:
        """Return the range of sampled frames on which the events of a part of a video depend.

        Args:
            start_ms: begin of the part.
            end_ms: end of the part; None is that of the video.

        Returns:
            First frame, and the end of the range, which is not included; None is that of the video.
        """
        fps, inference = self._config.fps, self._config.inference
        # An event can be suppressed by one within the window, and that by another before it.
        margin_ms = _SUPPRESSION_WINDOWS * suppression_window_ms(inference, fps)
        first = max(0, first_grid_index(max(0, start_ms - margin_ms), fps) - self._radius)
        if end_ms is None:
            return self._engine.frames_for(first, first)[0], None
        return self._engine.frames_for(
            first, first_grid_index(end_ms + margin_ms, fps) + self._radius
        )

    def _run(
        self,
        batches: Iterator[FrameBatch],
        tracking: PerFrame | None = None,
        first: int = 0,
        keep: PartialResults | None = None,
    ) -> Generator[ScoredFrames]:
        """Scores of frames that are read here; the video is closed also after an error."""
        with closing_generator(batches) as frames:
            yield from self._engine.run(frames, tracking, first, read_ahead=True, keep=keep)


def _read_tracks(video: Path, tracks: Tracks | str | Path | None) -> Tracks:
    """The tracks of a video; a file is read and checked against the video."""
    if isinstance(tracks, Tracks):
        return tracks
    if tracks is None:
        raise InputError(
            f"{video}: this model takes the tracks of players and ball: make them with "
            f"`onball track {video}` and give the tracks file"
        )
    # An optional package: only models that take tracks need it.
    from onball.formats.tracks_parquet import read_tracks

    return read_tracks(Path(tracks), video)


def frames_between(
    scored: Iterator[ScoredFrames], start_ms: int, end_ms: int | None
) -> Iterator[ScoredFrames]:
    """Yield the scores of the frames from one time to before another, and end with the last one."""
    with closing_generator(scored) as parts:
        for part in parts:
            begin = int(np.searchsorted(part.pts_ms, start_ms))
            stop = len(part.pts_ms) if end_ms is None else int(np.searchsorted(part.pts_ms, end_ms))
            if begin < stop:
                yield part.select(slice(begin, stop))
            if stop < len(part.pts_ms):
                return


def reporting(
    scored: Iterable[ScoredFrames],
    source: str | Path | Iterable[FrameBatch],
    start_ms: int,
    end_ms: int | None,
    resumed_ms: int | None,
    name: str,
    progress: ProgressCallback,
) -> Iterator[ScoredFrames]:
    """Pass scores on, and report the milliseconds done of the part from `start_ms` to `end_ms`.

    Args:
        scored: the scores.
        source: the video; its length is unknown if it is batches of frames.
        start_ms: begin of the part.
        end_ms: end of the part; None is that of the video.
        resumed_ms: time up to which an earlier call computed the scores; None if there was none.
        name: name of the match in reports; that of the file by default.
        progress: called with the milliseconds.
    """
    total = None
    if isinstance(source, str | Path):
        name = name or Path(source).name
        duration_ms = probe(source).duration_ms or end_ms
        if duration_ms is not None:
            total = max(0, min(duration_ms, end_ms or duration_ms) - start_ms)
    resumed = 0 if resumed_ms is None else max(0, resumed_ms - start_ms)
    if total is not None:
        resumed = min(resumed, total)
    done = resumed
    progress(Progress(name, done, total, "ms", resumed))
    for part in scored:
        yield part
        done = max(done, int(part.pts_ms[-1]) - start_ms)
        if done > resumed:
            now = done if total is None else min(done, total)
            progress(Progress(name, now, total, "ms", resumed))
    progress(Progress(name, total or done, total, "ms", resumed))


@contextmanager
def closing_generator(iterator: Iterator[_T]) -> Iterator[Iterator[_T]]:
    """Close a generator at the end of the block.

    Without it, the traceback of an exception would keep the generator, and the file that it reads,
    open as long as the exception is handled.
    """
    try:
        yield iterator
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
