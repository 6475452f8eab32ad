"""Spot a live stream: events a bounded time after they happen, and notices of what else happens.

    LiveSource → [backbone, each frame once] → features
               → [temporal head, over a window that ends at the live edge] → scores with a lookahead
               → [peaks, decided after a fixed wait] → `LiveEvent`

`Spotter.stream` waits for whole windows, and for everything that can change an event. Here both waits
are bounded, and so the events differ a little from those of the finished video: docs/live.md has the
differences by lookahead.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event as Stop
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import EventLabel
from onball.assets import demo_model
from onball.cores import decoding_threads, torch_threads
from onball.errors import InputError, ModelError, OnballError, VideoError
from onball.events import Event
from onball.spotting.compute import Compute, Floats
from onball.spotting.decoding import (
    GatheredScores,
    PeakFinder,
    apply_calibration,
    report_thresholds,
    score_bound,
    suppression_window_ms,
)
from onball.spotting.engine import ScoredFrames
from onball.spotting.runtimes import Runtime
from onball.spotting.spotter import Spotter
from onball.timing import format_time, grid_time, nearest_grid_index
from onball.video.live import LiveFrame, LiveSource
from onball.video.live_address import LiveAddress
from onball.video.notices import StreamGap, StreamLost, StreamNotice
from onball.video.recording import Recorder, check_recording

#: Decides events early enough for 3 s of latency on two cores.
DEFAULT_LOOKAHEAD_MS = 1500
#: Frames that are computed together, at least and at most.
LEAST_FRAMES, MOST_FRAMES = 4, 16
#: Most neighbours on one side with which a frame's features are computed. Networks with temporal
#: shifts depend on more of them, but hardly.
_MOST_NEIGHBOURS = 4
#: Longest hole between frames that is filled with the feature before it, in seconds.
_LONGEST_HOLE_S = 2.0


# From frames to scores


class LiveScores:
    """Scores of the frames of a stream, each with a fixed number of frames of lookahead.

    Each frame goes through the backbone once. The temporal head then runs over the newest features,
    and of its outputs those are final that have seen `lookahead` later frames. For the head, frames
    that were left out repeat the one before.

    Args:
        compute: arithmetic of the net.
        window_frames: frames in a window of the temporal head.
        lookahead_frames: frames after a frame that the temporal head sees; half a window at most.
        fps: sampled frames per second.
    """

    def __init__(
        self, compute: Compute, *, window_frames: int, lookahead_frames: int, fps: float
    ) -> None:
        if compute.context is None:
            raise ModelError(
                "this model computes whole clips, which takes too long for a live stream: give a model "
                "that computes each frame once, or use `onball spot`"
            )
        self._compute = compute
        self._window = window_frames
        self._lookahead = min(lookahead_frames, window_frames // 2)
        self._fps = fps
        self.neighbours = min(compute.context, _MOST_NEIGHBOURS)
        self._reset()

    def _reset(self) -> None:
        self._indices: list[int] = []  # of the kept frames
        self._frames: list[NDArray[np.uint8]] = []
        self._computed = 0  # leading frames that are kept as neighbours only
        self._features: Floats = np.zeros((0, 0), np.float32)
        self._end = 0  # index after the newest feature
        self._final = 0  # index after the last frame whose scores are final
        self._newest = 0  # index of the newest frame

    def push(self, frames: Iterable[LiveFrame]) -> Iterator[ScoredFrames]:
        """Add frames, in order, and yield the scores that are final.

        Args:
            frames: sampled frames. A long hole between two of them ends a part: its scores are
                yielded, and the next part begins without a past.
        """
        for frame in frames:
            if frame.number - self._newest > _LONGEST_HOLE_S * self._fps:
                yield from self.finish()
            self._newest = frame.number
            self._indices.append(frame.number)
            self._frames.append(frame.pixels)
        self._compute_features(len(self._frames) - self.neighbours)
        yield from self._score(self._end - self._lookahead)

    def finish(self) -> Iterator[ScoredFrames]:
        """Yield the scores of the remaining frames, and begin again."""
        self._compute_features(len(self._frames))
        yield from self._score(self._end)
        self._reset()

    def _compute_features(self, stop: int) -> None:
        """Compute the features of the kept frames up to number `stop`."""
        start = self._computed
        if stop <= start:
            return
        new = self._compute.features(np.stack(self._frames))[start:stop]
        indices = self._indices[start:stop]
        first = not len(self._features)
        if first:
            self._end = self._final = indices[0]
        # Holes repeat the feature before them; row 0 is the newest of those before.
        known = np.concatenate([new[:1] if first else self._features[-1:], new])
        rows = np.searchsorted(indices, np.arange(self._end, indices[-1] + 1), side="right")
        filled = known[rows]
        self._features = filled if first else np.concatenate([self._features, filled])
        self._end = indices[-1] + 1
        drop = max(0, stop - self.neighbours)
        self._frames, self._indices = self._frames[drop:], self._indices[drop:]
        self._computed = stop - drop

    def _score(self, stop: int) -> Iterator[ScoredFrames]:
        """Yield the scores from the first that is not final to before index `stop`."""
        while self._final < stop:
            until = min(stop, self._final + self._window - self._lookahead)
            end = min(self._end, until + self._lookahead)
            begin = self._end - len(self._features)
            window_begin = max(begin, end - self._window)
            window = self._features[window_begin - begin : end - begin]
            outputs = self._compute.outputs(window[None])[0]
            yield self._named(outputs[self._final - window_begin : until - window_begin])
            self._final = until
        self._features = self._features[-self._window :]

    def _named(self, outputs: Floats) -> ScoredFrames:
        """Name the outputs of the first frames that are not final yet."""
        parts = self._compute.layout.split(outputs)
        times = [grid_time(self._final + i, self._fps) for i in range(len(outputs))]
        return ScoredFrames(
            parts.actions, np.array(times, np.int64), parts.left, parts.displacement
        )


# From scores to events


class LiveDecoder:
    """Events of scores as they come, each decided a fixed time after it.

    Args:
        spotter: its model's settings of the decoding.
        wait_ms: time after an event at which it is decided; the window of the suppression at most.
        threshold: lowest confidence of an event; None is that of the model for each action.
        actions: actions to look for, by name; None is all that the model predicts.

    Raises:
        LabelError: an action is none of the model's.
    """

    def __init__(
        self,
        spotter: Spotter,
        *,
        wait_ms: int,
        threshold: float | None = None,
        actions: Iterable[str] | None = None,
    ) -> None:
        config = self._config = spotter.config.inference
        self._actions = spotter.config.actions
        self._thresholds = report_thresholds(config, self._actions)
        if threshold is not None:
            self._thresholds = dict.fromkeys(self._actions, threshold)
        if actions is not None:
            wanted = {self._actions.find(action) for action in actions}
            self._thresholds = {action: self._thresholds[action] for action in wanted}
        self._window_ms = suppression_window_ms(config, spotter.config.fps)
        self._wait_ms = min(wait_ms, self._window_ms)
        self._radius = spotter.net.head.radius
        least = min(self._thresholds.values(), default=1.0)
        self._least = max(config.threshold, score_bound(least, config))
        self._begin()

    def _begin(self) -> None:
        self._gathered = GatheredScores(self._radius)
        self._peaks = PeakFinder(
            nms_window_ms=self._window_ms,
            threshold=self._least,
            actions=self._actions,
            wait_ms=self._wait_ms,
        )

    def push(self, scored: Iterable[ScoredFrames]) -> list[Event]:
        """Add scores and return the events that are decided, in order of time."""
        found: list[Event] = []
        for part in scored:
            moved: Iterable[ScoredFrames] = [part]
            if part.displacement is not None:
                moved = self._gathered.push(part, part.displacement)
            for one in moved:
                found += self._find(one)
        return self._shown(found)

    def finish(self) -> list[Event]:
        """Return the remaining events, and begin again."""
        found: list[Event] = []
        for part in self._gathered.finish():
            found += self._find(part)
        found += self._peaks.finish()
        self._begin()
        return self._shown(found)

    def _find(self, part: ScoredFrames) -> list[Event]:
        """Peaks of scores, frame by frame: events do not depend on how frames come together."""
        found: list[Event] = []
        for row in range(len(part.pts_ms)):
            rows = slice(row, row + 1)
            left = None if part.left is None else part.left[rows]
            found += self._peaks.push(part.probabilities[rows], part.pts_ms[rows], left)
        return found

    def _shown(self, events: Iterable[Event]) -> list[Event]:
        return [
            event
            for event in apply_calibration(events, self._config)
            if event.confidence >= self._thresholds.get(event.label, math.inf)
        ]


# The stream


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event of a live stream.

    Attributes:
        event: the event; its time counts from the first frame of the stream.
        latency_ms: time from the arrival of its frame to its decision. None for a file or pipe that
            is not read in real time.
    """

    event: Event
    latency_ms: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes that a live event has, as types that JSON has."""
        return {
            "type": "event",
            "time": format_time(self.event.position_ms),
            "position_ms": self.event.position_ms,
            "label": self.event.label.value,
            "confidence": round(self.event.confidence, 4),
            "team": self.event.team.value,
            "latency_ms": self.latency_ms,
        }


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """The end of a live stream, always the last message.

    Attributes:
        reason: why it ended.
        duration_ms: time of the last frame.
        events: number of events of each action.
        lost: number of times that the connection was lost.
        gaps_ms: length of all gaps.
        frames: sampled frames that the model has seen.
        skipped: sampled frames that were left out, apart from those in gaps.
        latency_ms: `median`, `p95` (95th percentile) and `max` of the events' latencies; empty
            without.
        recordings: files of the recording.
    """

    reason: str
    duration_ms: int
    events: Mapping[EventLabel, int]
    lost: int
    gaps_ms: int
    frames: int
    skipped: int
    latency_ms: Mapping[str, int]
    recordings: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, as types that JSON has."""
        return {
            "type": "summary",
            **asdict(self),
            "events": {label.value: count for label, count in self.events.items()},
            "recordings": [str(path) for path in self.recordings],
        }


LiveMessage = LiveEvent | LiveSummary | StreamNotice
"""Result type of `live`: events, notices and, at the end, a summary."""


def live(
    source: str | Path,
    *,
    model: Spotter | str | Path | None = None,
    lookahead_ms: int = DEFAULT_LOOKAHEAD_MS,
    threshold: float | None = None,
    actions: Iterable[str] | None = None,
    record: str | Path | None = None,
    overwrite: bool = False,
    realtime: bool = True,
    format: str | None = None,
    options: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
    give_up_s: float = 60.0,
    runtime: Runtime = "auto",
    device: str = "auto",
    threads: int | None = None,
    stop: Stop | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[LiveMessage]:
    """Spot a live stream, and yield events and notices as they come.

        for message in onball.live("rtsp://camera/main", model="runs/mine"):
            if isinstance(message, onball.LiveEvent):
                print(message.event)

    A lost connection is opened again; the gap is marked by a `StreamGap`. If this machine is too slow,
    frames are left out (`FramesSkipped`) and the events stay at the live edge. Closing the iterator
    closes the stream.

    Args:
        source: a video file, which is played in real time; `-` for standard input; a named pipe; a
            capture device; or a URL: HLS, RTMP, RTSP, UDP …
        model: a spotter, or what `Spotter.from_pretrained` takes; None is the bundled demo model.
        lookahead_ms: time after an event at which it is decided. More of it finds more of the right
            events, later.
        threshold: lowest confidence of an event; None is that of the model for each action.
        actions: actions to look for, by name; None is all that the model predicts.
        record: video file to copy the stream into: `.mkv`, `.mp4`, `.mov` or `.ts`.
        overwrite: replace such a file if it is there.
        realtime: False reads a file or pipe as fast as the model takes it, and leaves out nothing.
        format: FFmpeg's name of the container or device, where it does not recognise it.
        options: options of FFmpeg, such as `{"rtsp_transport": "udp"}`.
        timeout_s: time without data after which the connection counts as lost.
        give_up_s: time after which a lost source is given up.
        runtime: see `Spotter.from_pretrained`; only if `model` is not a spotter.
        device: see `Spotter`; the same.
        threads: see `Spotter`; the same. Decoding and computing have at least one each.
        stop: ends the stream when it is set, from any thread: the events until then are yielded, and
            the recording is finished.
        clock: a steady clock, in seconds.

    Raises:
        InputError: a setting is out of range, or `record` cannot be written; raised at the call.
        ModelError: the model cannot be loaded, or is none for live streams; raised at the call.
        VideoError: the source cannot be opened; raised with the first message.
        OnballError: the source was lost and is given up; raised after the events until then.
    """
    if lookahead_ms < 0:
        raise InputError(f"lookahead of {lookahead_ms} ms: give 0 or more")
    if threshold is not None and not 0 <= threshold <= 1:
        raise InputError(f"threshold {threshold} is outside 0 to 1")
    address = LiveAddress.parse(source, format, options)
    if record is not None:
        check_recording(Path(record), overwrite=overwrite)
    spotter = model
    if not isinstance(spotter, Spotter):
        spotter = Spotter.from_pretrained(
            spotter or demo_model(), runtime=runtime, device=device, threads=threads
        )
    run = _Run(spotter, lookahead_ms, threshold, actions, clock)
    frames = LiveSource(
        address,
        spotter.config.fps,
        spotter.config.size,
        realtime=realtime,
        recorder=None if record is None else Recorder(Path(record)),
        timeout_s=timeout_s,
        give_up_s=give_up_s,
        threads=decoding_threads(spotter.threads),
        clock=clock,
    )
    return run.messages(frames, stop or Stop())


def split_lookahead(lookahead_ms: int, window_ms: int) -> tuple[int, int]:
    """Divide a lookahead between the net and the choice of peaks.

    Args:
        lookahead_ms: time after an event at which it is decided.
        window_ms: window of the suppression, the longest useful wait for other peaks.

    Returns:
        Milliseconds that the net sees after a frame, and milliseconds to wait for other peaks.
    """
    wait_ms = min(window_ms, lookahead_ms // 4)  # what the net sees is worth more
    return lookahead_ms - wait_ms, wait_ms


class _Run:
    """State of one live stream: scores, events, and what the summary counts."""

    def __init__(
        self,
        spotter: Spotter,
        lookahead_ms: int,
        threshold: float | None,
        actions: Iterable[str] | None,
        clock: Callable[[], float],
    ) -> None:
        self._scores, self._decoder = live_stages(
            spotter, lookahead_ms, threshold=threshold, actions=actions
        )
        self._fps = spotter.config.fps
        self._threads = max(1, spotter.threads - decoding_threads(spotter.threads))
        self._clock = clock
        self._due_s: deque[tuple[int, float]] = deque(maxlen=1000)  # by index of the frame
        self._frame_s = 0.0  # time to compute a frame, as a running mean
        self._events: Counter[EventLabel] = Counter()
        self._latencies: list[int] = []
        self._frames = self._lost = self._gaps_ms = 0

    def messages(self, source: LiveSource, stop: Stop) -> Iterator[LiveMessage]:
        """Yield the messages of a source until it ends or is stopped."""
        error: OnballError | None = None
        with source:
            while not source.finished:
                if stop.is_set():
                    source.stop()
                try:
                    items = source.take(self._most_frames(source.max_behind_s), LEAST_FRAMES)
                except VideoError:
                    raise
                except OnballError as lost:
                    error = lost
                    break
                frames: list[LiveFrame] = []
                for item in items:
                    if isinstance(item, LiveFrame):
                        frames.append(item)
                        continue
                    yield from self._spot(frames, source.realtime)
                    frames = []
                    if isinstance(item, StreamLost | StreamGap):
                        yield from self._finish(source.realtime)
                    self._count(item)
                    yield item
                yield from self._spot(frames, source.realtime)
            yield from self._finish(source.realtime)
            if (stopped := source.finish_recording()) is not None:
                yield stopped
        yield self._summary(source, "stopped" if stop.is_set() else source.end_reason)
        if error is not None:
            raise error

    def _most_frames(self, within_s: float) -> int:
        """Number of frames that can be computed in a given time."""
        if not self._frame_s:
            return MOST_FRAMES
        return max(1, min(MOST_FRAMES, int(within_s / self._frame_s)))

    def _spot(self, frames: list[LiveFrame], realtime: bool) -> Iterator[LiveEvent]:
        if not frames:
            return
        begun_s = self._clock()
        self._due_s += [(frame.number, frame.due_s) for frame in frames]
        with torch_threads(self._threads):
            events = self._decoder.push(self._scores.push(frames))
        each_s = (self._clock() - begun_s) / len(frames)
        self._frame_s = each_s if not self._frames else 0.8 * self._frame_s + 0.2 * each_s
        self._frames += len(frames)
        yield from self._named(events, realtime)

    def _finish(self, realtime: bool) -> Iterator[LiveEvent]:
        with torch_threads(self._threads):
            events = self._decoder.push(self._scores.finish())
        yield from self._named(events + self._decoder.finish(), realtime)

    def _named(self, events: Iterable[Event], realtime: bool) -> Iterator[LiveEvent]:
        for event in events:
            self._events[event.label] += 1
            latency_ms = None
            if realtime:
                index = nearest_grid_index(event.position_ms, self._fps)
                due_s = next(
                    (due for known, due in reversed(self._due_s) if known <= index), self._clock()
                )
                latency_ms = round(1000 * (self._clock() - due_s))
                self._latencies.append(latency_ms)
            yield LiveEvent(event, latency_ms)

    def _count(self, notice: StreamNotice) -> None:
        if isinstance(notice, StreamLost):
            self._lost += 1
        elif isinstance(notice, StreamGap):
            self._gaps_ms += notice.end_ms - notice.start_ms

    def _summary(self, source: LiveSource, reason: str) -> LiveSummary:
        latency_ms = {}
        if self._latencies:
            levels = np.percentile(self._latencies, [50, 95, 100])
            latency_ms = dict(zip(("median", "p95", "max"), map(round, levels), strict=True))
        return LiveSummary(
            reason=reason,
            duration_ms=source.time_ms,
            events=dict(self._events),
            lost=self._lost,
            gaps_ms=self._gaps_ms,
            frames=self._frames,
            skipped=source.skipped,
            latency_ms=latency_ms,
            recordings=source.recordings,
        )


def live_stages(
    spotter: Spotter,
    lookahead_ms: int,
    *,
    threshold: float | None = None,
    actions: Iterable[str] | None = None,
) -> tuple[LiveScores, LiveDecoder]:
    """The two stages from sampled frames to events, with a lookahead in total.

    Args:
        spotter: the model.
        lookahead_ms: time after an event at which it is decided.
        threshold: see `LiveDecoder`.
        actions: see `LiveDecoder`.

    Raises:
        ModelError: the model takes tracks, or computes whole clips.
        LabelError: see `LiveDecoder`.
    """
    config = spotter.config
    if config.needs_tracks:
        raise ModelError(
            "this model takes the tracks of players and ball, which need the whole video: give a model "
            "that takes frames alone, or use `onball spot`"
        )
    window_ms = suppression_window_ms(config.inference, config.fps)
    seen_ms, wait_ms = split_lookahead(lookahead_ms, window_ms)
    clips = config.inference.clips
    scores = LiveScores(
        spotter.compute,
        window_frames=config.inference.window_frames if clips is None else clips.frames,
        lookahead_frames=max(0, round(seen_ms * config.fps / 1000) - spotter.net.head.radius),
        fps=config.fps,
    )
    decoder = LiveDecoder(spotter, wait_ms=wait_ms, threshold=threshold, actions=actions)
    return scores, decoder
