"""Work of a worker: spot a match, score a segment of one, or join the scores of its segments.

    one task per match      video → `spot_match` → results
    one task per segment    video → `score_segment` (each) → scores on disk → `join_segments` → results

Decoding, network and the decoding of scores stay in one process; only the scores of segments go
through a file, of about 4 MB for a match, beside its results: in their folder, or on their store.
Whether an event suppresses another may depend on a third one before it, and so on: it is decided where
all scores are together, and the results are those of a single machine, byte for byte.

Every task may be repeated, or run twice at the same time: what is done is not done again, and of two
processes one has the lock.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from onball.errors import ModelError
from onball.events import EventList
from onball.outputs import check_unlocked, output_lock
from onball.spotting.journal import JOURNAL_FILE, ScoreJournal
from onball.spotting.results import Outcome
from onball.spotting.runtimes import Runtime
from onball.spotting.spotter import Spotter
from onball.spotting.stored import CACHE_GB, StoreCache, StoredResults, opened_video
from onball.spotting.video_scores import frames_between
from onball.spotting.videos import spot_videos
from onball.stores import is_stored
from onball.timing import first_grid_index, nearest_grid_index

SEGMENTS_FOLDER = ".onball-segments"
"""Folder in that of a match for the scores of its segments, until there are results."""
_SCORES_FILE = "scores"


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """Model that all tasks of an archive load.

    Attributes:
        model: see `Spotter.from_pretrained`.
        fingerprint: that of the driver's model; another one on a node is an error.
        runtime, device, threads: see `Spotter.from_pretrained`.
        imports: modules that register custom components.
    """

    model: str | None
    fingerprint: str
    runtime: Runtime
    device: str
    threads: int
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpotSettings:
    """Settings of `spot_videos`, and the folder or address of its results."""

    out: str
    threshold: float | None = None
    actions: tuple[str, ...] | None = None
    detector: str | None = None
    proxies: str | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class MatchOrder:
    """A match to spot.

    Attributes:
        name: name of its result.
        videos: its files.
        model: the model.
        settings: the settings.
        segments: begin and end of its segments in milliseconds, which were scored before; or none.
    """

    name: str
    videos: tuple[str, ...]
    model: ModelOrder
    settings: SpotSettings
    segments: tuple[tuple[int, int | None], ...] = ()

    @property
    def store(self) -> StoredResults | None:
        """Folder of all results, if it is on a store."""
        out = self.settings.out
        return StoredResults(out, StoreCache.of(None, CACHE_GB)) if is_stored(out) else None

    @property
    def folder(self) -> Path:
        """Folder of its results, or that of their copies on this machine."""
        store = self.store
        return (Path(self.settings.out) if store is None else store.folder) / self.name

    def opened(self, purpose: str) -> AbstractContextManager[Path]:
        """Open its only video, see `opened_video`; one that is not on a store is a path."""
        (video,) = self.videos
        if not is_stored(video):
            return nullcontext(Path(video))
        return opened_video(video, f"{self.settings.out} {purpose}")

    def segment_folder(self, number: int) -> Path:
        """Folder of the scores of a segment, numbered from 0."""
        return self.folder / SEGMENTS_FOLDER / f"{number:03d}"


@dataclass(frozen=True, slots=True)
class SegmentOrder:
    """A segment of a match to score: its number in `match.segments`."""

    match: MatchOrder
    number: int


@dataclass(frozen=True, slots=True)
class MatchSummary:
    """Report on a match to the driver.

    Attributes:
        outcome: what was done.
        shown, candidates: number of events in `events.csv` and in `results_spotting.json`; None if
            they are unknown.
        error: reason of a failure, in one line; empty without one.
        traceback: where an unexpected exception was raised; else empty.
    """

    outcome: Outcome
    shown: int | None = None
    candidates: int | None = None
    error: str = ""
    traceback: str = ""

    @classmethod
    def of(cls, outcome: Outcome, events: EventList | None) -> MatchSummary:
        """Count the events of a result."""
        if events is None:
            return cls(outcome)
        return cls(outcome, len(events.shown), len(events))


def spot_match(order: MatchOrder) -> MatchSummary:
    """Spot a match, unless it has its results.

    Raises:
        OnballError: it failed. `OutputLockedError`, if another process is doing it.
    """
    settings = order.settings
    (result,) = spot_videos(
        order.videos,
        settings.out,
        join=True,  # one result, under the name that it has in the archive
        name=order.name,
        model=_load(order.model),
        threshold=settings.threshold,
        actions=settings.actions,
        detector=settings.detector,
        proxies=settings.proxies,
        overwrite=settings.overwrite,
    )
    if result.error:
        check_unlocked(result.folder)
        return MatchSummary(Outcome.FAILED, None, None, result.error, result.traceback)
    segments, store = order.folder / SEGMENTS_FOLDER, order.store
    if store is None:
        shutil.rmtree(segments, ignore_errors=True)
    else:
        store.remove(segments)
    return MatchSummary.of(result.outcome, result.events)


def score_segment(order: SegmentOrder) -> int:
    """Compute and keep the scores of a segment, unless they are there; returns the number of frames.

    Raises:
        OnballError: the video cannot be read, or the scores not be written. `OutputLockedError`, if
            another process is doing it.
    """
    match = order.match
    spotter = _load(match.model)
    start_ms, end_ms = match.segments[order.number]
    folder, store = match.segment_folder(order.number), match.store
    scores = folder / _SCORES_FILE
    with match.opened(f"segment {order.number}") as video, output_lock(folder):
        request = spotter.score_request(video, None, start_ms, end_ms)
        if store is not None:
            store.fetch(scores)
        kept = ScoreJournal(scores, request)
        if not kept.frames:
            new = folder / f"{_SCORES_FILE}.part"
            new.unlink(missing_ok=True)  # of a process that was killed
            with ScoreJournal(new, request) as kept:
                for part in spotter.scores(video, start_ms=start_ms, end_ms=end_ms):
                    kept.append(part)
            if kept.frames:  # else the video ends before
                new.replace(scores)
                if store is not None:
                    store.share(scores)
    if store is not None:
        shutil.rmtree(folder, ignore_errors=True)  # those on the store are joined
    return kept.frames


def join_segments(order: MatchOrder) -> MatchSummary:
    """Write the results of a match from the scores of its segments, and delete these.

    The scores become the journal of an interrupted run, which is continued: scores that are missing
    are computed here.

    Raises:
        OnballError: it failed. `OutputLockedError`, if another process is doing it.
    """
    spotter, store = _load(order.model), order.store
    fps = spotter.config.fps
    with (
        order.opened("joined") as video,
        output_lock(order.folder),
        ScoreJournal(order.folder / JOURNAL_FILE, spotter.score_request(video)) as whole,
    ):
        for number, (start_ms, end_ms) in enumerate(order.segments):
            scores = order.segment_folder(number) / _SCORES_FILE
            if store is not None:
                store.fetch(scores)
            request = spotter.score_request(video, None, start_ms, end_ms)
            segment = ScoreJournal(scores, request)
            done_ms = -1 if whole.last_ms is None else whole.last_ms
            for part in frames_between(iter(segment.read()), done_ms + 1, None):
                if nearest_grid_index(int(part.pts_ms[0]), fps) != whole.frames:
                    break
                whole.append(part)
            if end_ms is not None and whole.frames < first_grid_index(end_ms, fps):
                break  # the video ends before, or scores are missing
    return spot_match(order)


def segments_of(duration_ms: int, segment_ms: int) -> Iterator[tuple[int, int | None]]:
    """Yield begin and end of the segments of a video; the last one has no end.

    Args:
        duration_ms: length of the video; 0 if unknown.
        segment_ms: length of a segment. The last one is between a half and one and a half of it.
    """
    count = max(1, round(duration_ms / segment_ms))
    for number in range(count):
        last = number == count - 1
        yield number * segment_ms, None if last else (number + 1) * segment_ms


def _load(order: ModelOrder) -> Spotter:
    """The model, which is loaded once in each process."""
    spotter = _loaded(order)
    if order.fingerprint and spotter.fingerprint != order.fingerprint:
        raise ModelError(
            f"{order.model}: is another model here ({spotter.fingerprint}) than where the archive is "
            f"driven from ({order.fingerprint}): all machines need the same files"
        )
    return spotter


@lru_cache(maxsize=1)
def _loaded(order: ModelOrder) -> Spotter:
    if order.imports and "" not in sys.path:
        sys.path.insert(0, "")
    for name in order.imports:
        import_module(name)
    return Spotter.from_pretrained(
        order.model, runtime=order.runtime, device=order.device, threads=order.threads
    )
