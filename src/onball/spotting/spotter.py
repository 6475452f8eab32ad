"""`Spotter`: find the ball actions of a video with a saved model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from onball import __version__
from onball.config import SavedModelConfig
from onball.cores import choose_threads, decoding_threads
from onball.data.features import FeatureFrames
from onball.errors import InputError, ModelError, OnballNotice, VideoError
from onball.events import Event, EventList, SpottingInfo
from onball.files import identify
from onball.formats.frame_confidences import FrameConfidences
from onball.frames import FrameBatch, FrameSource, check_batches, frame_batches
from onball.models import SpottingNet, load_model, model_fingerprint, save_model
from onball.models.compute import Precision
from onball.models.finding import default_model, model_name, resolve_model
from onball.models.saved import net_fingerprint
from onball.progress import ProgressCallback, no_progress
from onball.spotting.clips import ClipEngine
from onball.spotting.compute import Compute, MirroredCompute
from onball.spotting.decoding import (
    confident_events,
    decode_events,
    frame_confidences,
    report_thresholds,
)
from onball.spotting.engine import ScoredFrames, StreamingEngine
from onball.spotting.journal import ScoreJournal
from onball.spotting.runtimes import (
    OpenedRuntime,
    Runtime,
    integer_suffix,
    open_runtime,
    open_torch,
)
from onball.spotting.track_making import TrackMaker
from onball.spotting.video_scores import (
    VideoScores,
    closing_generator,
    frames_between,
    reporting,
)
from onball.spotting.workers import Workers
from onball.timing import format_time
from onball.tracking.features import mirrored_signs
from onball.tracking.grid import PerFrame
from onball.tracks import Tracks, tracks_digest
from onball.video import Channels, probe, sample_frames

if TYPE_CHECKING:
    from onball.tracking.detectors.base import Detector


#: Frames that the backbone computes at once. On a CPU the maps of a few frames stay in its caches; where
#: a frame's features depend on others, more frames are computed for the same number of neighbours.
_CHUNK_FRAMES, _CHUNK_FRAMES_ON_CPU = 32, 8


class Spotter:
    """Find ball actions in videos.

        spotter = Spotter.from_pretrained("runs/mine/model")
        for event in spotter.spot("match.mp4").shown:
            print(event.game_time, event.label, event.confidence)

    Threads: any number of threads may use one spotter at the same time, each for its own video or
    stream, and get the events that they would get one after the other. A single iterator of
    `stream` or `scores` belongs to one thread, as every generator does. A detector object given to
    `spot` is used by all threads that give it.

    Cancelling: an exception that `progress` raises ends the work and reaches the caller. `stream`
    and `scores` also end if their iterator is closed or no longer used. In each case the video is
    closed, and the spotter can be used again.

    Args:
        net: a spotting net; it is moved to the device and set to evaluation mode.
        config: the net's input and the decoding of its scores.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        precision: dtype of the backbone's arithmetic; `auto` is bfloat16 where the device supports
            it natively.
        opened: runtime that computes the net, see `onball.spotting.runtimes`; device and precision
            are then its own. None is PyTorch.
        threads: CPU threads for decoding and computing together; None is one per available core, see
            `onball.cores.choose_threads`. Their number does not change the scores.
        chunk_frames: smallest number of frames that the backbone computes at once; None chooses it for
            the device.
        name: name of the model, for `repr` and for the results.
        fingerprint: short digest of the model's files, for the results.

    Raises:
        InputError: the device cannot be used, or not with this precision.
    """

    def __init__(
        self,
        net: SpottingNet,
        config: SavedModelConfig,
        *,
        device: str = "auto",
        precision: Precision | torch.dtype = "auto",
        opened: OpenedRuntime | None = None,
        threads: int | None = None,
        chunk_frames: int | None = None,
        name: str = "",
        fingerprint: str = "",
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.config = config
        if opened is None:
            opened = open_torch(net.eval(), device, precision)
        self.runtime, compute = opened.name, opened.compute
        self._runtime_build = opened.build
        if config.inference.mirror:
            tracking = config.model.tracking
            signs = None if tracking is None else mirrored_signs(tracking.features)
            compute = MirroredCompute(compute, signs)
        self.device, self.precision = opened.device, opened.precision
        self.net = net.eval().to(self.device)
        self.compute: Compute = compute
        self.threads = choose_threads(threads)
        reading_threads = decoding_threads(self.threads)
        # The one that reads is one of the workers: together they are as many as were asked for.
        workers = Workers(self.threads - reading_threads + 1)
        self._chunk_frames = chunk_frames or _chunk_frames(self.device, compute.context)
        self._engine: StreamingEngine | ClipEngine
        if config.inference.clips is not None:
            self._engine = ClipEngine(
                compute, config.inference.clips, config.model, workers=workers
            )
        else:
            self._engine = StreamingEngine(
                compute,
                window_frames=config.inference.window_frames,
                overlap=config.inference.overlap,
                chunk_frames=self._chunk_frames,
                workers=workers,
            )
        self._video_scores = VideoScores(self._engine, config, net.head.radius, reading_threads)
        self._tracking = TrackMaker(config, device, self.threads)

    def __repr__(self) -> str:
        config = self.config
        name = f" {self.name!r}" if self.name else ""
        tracks = ", takes tracks" if config.needs_tracks else ""
        runtime = "" if self.runtime == "torch" else f", {self.runtime}"
        precision = str(self.precision).removeprefix("torch.")
        return (
            f"<Spotter{name}: {config.width} × {config.height} pixels at {config.fps:g} frames/s"
            f"{tracks}, {len(config.actions)} actions{runtime}, on {self.device} in {precision}>"
        )

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        *,
        runtime: Runtime = "auto",
        device: str = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
    ) -> Spotter:
        """Load a saved model.

        Args:
            model: folder of the saved model or of the training run that has it, name of a bundled
                (`demo`, `ball-tracks`) or published model (`onball.list_models`), which is downloaded if it
                is not there, or `owner/name` of a saved model on the hub. None loads the one that the
                environment variable `ONBALL_MODEL` names, or else `ball-tracks`, or `demo` where packages
                of the extra `track` are missing.
            runtime: `torch`, or `onnx` or `openvino` with an export of the model (`onball.export_model`);
                `auto` is the fastest that is installed and that there is an export for, see
                `onball.spotting.runtimes`.
            device: see `Spotter`.
            precision: see `Spotter`.
            threads: see `Spotter`.

        Raises:
            ModelError: the folder holds no usable model, there is no model of that name, or none of
                its exports is for the runtime.
            MissingDependencyError: the runtime is not installed.
            OnballError: the hub cannot be reached or refuses access.
        """
        if model is None:
            model = default_model()
        folder = resolve_model(model)
        net, config = load_model(folder, "spotting")
        opened = open_runtime(
            folder, net, config, runtime, device=device, precision=precision, threads=threads
        )
        return cls(
            net,
            config,
            device=device,
            opened=opened,
            threads=threads,
            name=model_name(model, folder),
            fingerprint=model_fingerprint(folder) + integer_suffix(opened.name),
        )

    def save_pretrained(self, folder: str | Path, *, card: str | None = None) -> None:
        """Save the model into a folder that `from_pretrained` reads."""
        save_model(self.net, self.config, folder, card=card)

    def spot(
        self,
        video: str | Path,
        *,
        threshold: float | None = None,
        progress: ProgressCallback = no_progress,
        tracks: Tracks | str | Path | None = None,
        detector: Detector | str | None = None,
        keep_tracks: str | Path | None = None,
        start_ms: int = 0,
        end_ms: int | None = None,
        name: str = "",
        on_event: Callable[[Event], object] | None = None,
        on_confidences: Callable[[FrameConfidences], object] | None = None,
        journal: str | Path | None = None,
    ) -> EventList:
        """Return all events of a video, in order of time.

        Args:
            video: a file that FFmpeg can read.
            threshold: lowest confidence; None returns every event that an evaluation can use, of
                which `shown` are those to show to people.
            progress: called with the milliseconds done and in total while the video is tracked and
                spotted. An exception that it raises cancels the work.
            tracks: tracks of players and ball in this video, or a tracks file; for a model that
                takes tracks.
            detector: detector that makes the tracks if none are given, or its name (see
                `onball.tracking.detectors.opening.open_detector`).
            keep_tracks: tracks file to write then, and to read in later calls.
            start_ms: begin of the part to spot. Only this part is decoded, and as much around it as
                the model sees. Its events are those of the whole video, at the same times.
            end_ms: end of the part to spot; None is that of the video.
            name: name of the match in progress reports and results; that of the file by default.
            on_event: called with each event as soon as it is final, in order of time.
            on_confidences: called at the end with the confidences of all frames, whose maxima the events
                are.
            journal: file in which scores are kept as they are computed, for a call that is
                interrupted: the same call then continues with them, says so in an `OnballNotice`,
                and returns what it would have returned. Scores of another video, model or part are
                replaced. The file is not deleted, and belongs to one call at a time.

        Raises:
            VideoError: the file is no video.
            InputError: the model takes tracks, and neither tracks nor a detector are given; or the
                part to spot is empty.
            DataError: the tracks are damaged or of another video.
            OnballError: the journal cannot be written.
        """
        duration_ms = probe(video).duration_ms
        if self.config.needs_tracks and tracks is None:
            tracks = self._tracking.make(
                Path(video), detector, keep=keep_tracks, progress=progress, name=name
            )
        events: list[Event] = []
        scored: list[ScoredFrames] = []
        for event in self._stream(
            video,
            keep=None if on_confidences is None else scored.append,
            threshold=threshold,
            progress=progress,
            tracks=tracks,
            start_ms=start_ms,
            end_ms=end_ms,
            name=name,
            journal=journal,
        ):
            events.append(event)
            if on_event is not None:
                on_event(event)
        if on_confidences is not None:
            config, radius = self.config, self.net.head.radius
            dense = frame_confidences(scored, config.inference, radius, config.actions)
            on_confidences(dense.between(start_ms, math.inf if end_ms is None else end_ms))
        info = replace(
            self.describe_results(Path(video).name, duration_ms, threshold),
            start_ms=start_ms or None,
            end_ms=end_ms,
        )
        return EventList.of(events, match=name or Path(video).stem, info=info)

    def stream(
        self,
        source: str | Path | Iterable[FrameBatch],
        *,
        threshold: float | None = None,
        progress: ProgressCallback = no_progress,
        tracks: Tracks | str | Path | None = None,
        start_ms: int = 0,
        end_ms: int | None = None,
        name: str = "",
        journal: str | Path | None = None,
    ) -> Iterator[Event]:
        """Yield events in order of time, each as soon as it is final.

        A model that takes tracks tracks the whole video before its first event, if no tracks are given.

        Args:
            source: a video, or batches of frames in the model's size and at its rate:
                `read_frames(path, config.fps, config.size)` reads them from a file, and
                `sample_frames` makes them of frames from elsewhere, such as a capture card.
            threshold: see `spot`.
            progress: called with the milliseconds up to which all scores are computed, and in total
                for a video.
            tracks: see `spot`; only for a video, as all that follow.
            start_ms: see `spot`.
            end_ms: see `spot`.
            name: see `spot`.
            journal: see `spot`.

        Raises:
            InputError: the frames have another type, shape, size or rate, or their times do not
                increase; and the same as `spot`. All errors are raised when the first event, or the
                first one after the wrong frames, is asked for.
        """
        if isinstance(source, str | Path) and self.config.needs_tracks and tracks is None:
            tracks = self._tracking.make(Path(source), progress=progress, name=name)
        yield from self._stream(
            source,
            threshold=threshold,
            progress=progress,
            tracks=tracks,
            start_ms=start_ms,
            end_ms=end_ms,
            name=name,
            journal=journal,
        )

    def _stream(
        self,
        source: str | Path | Iterable[FrameBatch],
        *,
        threshold: float | None,
        progress: ProgressCallback,
        tracks: Tracks | str | Path | None,
        start_ms: int,
        end_ms: int | None,
        name: str,
        journal: str | Path | None,
        keep: Callable[[ScoredFrames], object] | None = None,
    ) -> Iterator[Event]:
        """Yield events as `stream`, and pass the scores of frames to `keep`."""
        if threshold is not None and not 0 <= threshold <= 1:
            raise InputError(f"threshold {threshold} is outside 0 to 1")
        end = math.inf if end_ms is None else end_ms
        if not 0 <= start_ms < end:
            raise InputError(f"the part from {start_ms} to {end_ms} ms of a video is empty")
        resumed_ms = None
        if isinstance(source, str | Path):
            kept = None
            if journal is not None:
                request = self.score_request(source, tracks, start_ms, end_ms)
                kept = ScoreJournal(journal, request)
                resumed_ms = kept.last_ms
            computed = self._video_scores.of(Path(source), tracks, start_ms, end_ms, kept)
        else:
            computed = self.scores(source)
        if resumed_ms is not None:
            message = f"{name or source}: continues at {format_time(resumed_ms)}"
            warnings.warn(message, OnballNotice, stacklevel=3)
        with closing_generator(computed) as scored:
            if progress is not no_progress:
                part = start_ms, end_ms, resumed_ms
                scored = reporting(scored, source, *part, name, progress)
            if keep is not None:
                scored = _kept(scored, keep)
            radius = self.net.head.radius
            inference, actions = self.config.inference, self.config.actions
            for event in decode_events(scored, inference, radius, threshold, actions=actions):
                if start_ms <= event.position_ms < end:
                    yield event

    def scores(
        self,
        source: str | Path | Iterable[FrameBatch],
        tracks: Tracks | str | Path | None = None,
        *,
        start_ms: int = 0,
        end_ms: int | None = None,
    ) -> Iterator[ScoredFrames]:
        """Dense scores of every sampled frame, in order, each frame once.

        Args:
            source: see `stream`.
            tracks: see `spot`.
            start_ms: begin of a part of a video. Its scores are those of the whole video, bit for bit.
            end_ms: end of the part; None is that of the video.

        Raises:
            InputError: as `stream`.
        """
        if isinstance(source, str | Path):
            computed = self._video_scores.of(Path(source), tracks, start_ms, end_ms)
            if start_ms == 0 and end_ms is None:
                return computed
            return frames_between(computed, start_ms, end_ms)
        self._require_frames_alone()
        return self._engine.run(self._check(source))

    def score_frames(
        self, frames: FrameSource, track_features: NDArray[np.float32] | None = None
    ) -> Iterator[ScoredFrames]:
        """Dense scores of frames that are already sampled, scaled and cropped for the model.

        Args:
            frames: T frames of one video; or `FeatureFrames`, features that the backbone computed
                before.
            track_features: `[T, 2F]`, for a net that takes them.

        Raises:
            InputError: as `stream`.
        """
        tracking = None
        if track_features is not None:
            tracking = PerFrame(frames.times_ms, track_features)
        batches = frame_batches(frames)
        if not isinstance(frames, FeatureFrames):
            batches = self._check(batches)
        return self._engine.run(batches, tracking)

    def features(
        self, batches: Iterable[FrameBatch], *, read_ahead: bool = False
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Features of the backbone for the frames of one video, before the temporal head.

            frames = read_frames("match.mp4", spotter.config.fps, spotter.config.size)
            for features, pts_ms in spotter.features(frames): ...

        Args:
            batches: the frames, in the model's size and at its rate.
            read_ahead: read the next batch in a worker while one is computed.

        Yields: float32 `[t, C]`, and the time of each frame, int64 `[t]`.

        Raises:
            InputError: as `stream`, or the model takes tracks.
            ModelError: it computes features of whole clips, not of frames.
        """
        if self.config.model.tracking is not None:
            self._require_frames_alone()
        if isinstance(self._engine, ClipEngine):
            raise ModelError("this model computes whole clips: --set inference.clips=null")
        return self._engine.features(self._check(batches), read_ahead=read_ahead)

    def sample_frames(
        self,
        frames: Iterable[NDArray[np.uint8]] | Iterable[tuple[float, NDArray[np.uint8]]],
        *,
        fps: float | Fraction | None = None,
        channels: Channels = "rgb",
        batch_frames: int = 32,
    ) -> Iterator[FrameBatch]:
        """Sample and scale frames of any size and rate as the model takes them, for `stream`.

            for event in spotter.stream(spotter.sample_frames(camera, fps=50, channels="bgr")):
                print(event)

        The same frames are chosen as from a video file with these frames, by
        `onball.video.sample_frames`. Only the frames of one batch are in memory.

        Args:
            frames: upright frames uint8 `[H, W, 3]`, of any sizes; or pairs of time and frame. Times
                are in milliseconds from any origin; the first becomes 0.
            fps: frames per second of `frames`, if they come without times.
            channels: order of the colours in `frames`; OpenCV's is `bgr`.
            batch_frames: frames per batch. Smaller batches come sooner, but events come no sooner
                than the model's windows end.

        Raises:
            InputError: the model takes tracks; raised at the call. Or a frame is of another form,
                its time is missing, or earlier than the last one; raised when it is its turn.
        """
        self._require_frames_alone()
        return sample_frames(
            frames,
            self.config.fps,
            self.config.size,
            source_fps=fps,
            channels=channels,
            batch_frames=batch_frames,
            scaling=self.config.scaling,
        )

    def _require_frames_alone(self) -> None:
        if self.config.needs_tracks:
            raise InputError(
                "this model takes the tracks of players and ball, which need the whole video: give "
                "its path, not frames, or load a model without tracks: Spotter.from_pretrained('demo')"
            )

    def _check(self, batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
        """Check that batches have the size and rate of the model."""
        config = self.config
        scaling = "" if config.scaling == "area" else f", scaling='{config.scaling}'"
        advice = (
            f"read_frames(path, {config.fps:g}, {config.size}{scaling}) reads such frames from a file, "
            "and Spotter.sample_frames(frames) makes them of others"
        )
        size = config.size if config.model.takes_frames else None
        return check_batches(batches, config.fps, size, advice)

    def score_request(
        self,
        video: str | Path,
        tracks: Tracks | str | Path | None = None,
        start_ms: int = 0,
        end_ms: int | None = None,
    ) -> dict[str, Any]:
        """Return everything that the scores of a video depend on, for a `ScoreJournal`.

        Args:
            video: the video.
            tracks: its tracks, for a model that takes some.
            start_ms: begin of the part that was computed.
            end_ms: its end.

        Returns:
            Short texts and numbers, which a message can name.
        """
        first, stop = self._video_scores.frames_for(start_ms, end_ms)
        fingerprint = self.fingerprint or net_fingerprint(self.net, self.config)
        return {
            "video": identify(video, VideoError),
            "model": f"{self.name} ({fingerprint})".strip(),
            "tracks": None if tracks is None else tracks_digest(tracks)[:16],
            "frames": f"{first} to {'the end' if stop is None else stop}",
            "precision": f"{self.precision} on {self.device.type}".removeprefix("torch."),
            "runtime": self.runtime,
            "chunk_frames": self._chunk_frames,
            "version": f"onball {__version__} with {self._runtime_build}",
        }

    def open_detector(self, name: str) -> Detector:
        """Open a detector for the device that the spotter was made with; each name once.

        Args:
            name: see `onball.tracking.detectors.opening.open_detector`, which raises the errors.
        """
        return self._tracking.open_detector(name)

    def confident(self, events: EventList) -> EventList:
        """Select the events to show to people, by the model's report thresholds.

        `events.shown` does the same, with the thresholds that the events were spotted with.
        """
        return confident_events(events, self.config.inference)

    def describe_results(
        self, video: str = "", duration_ms: int = 0, threshold: float | None = None
    ) -> SpottingInfo:
        """Describe events of this model, for `EventList.info`.

        Args:
            video: name of the video's file; empty if there is none.
            duration_ms: its length in milliseconds; 0 if unknown.
            threshold: lowest confidence, of all actions, with which the events were spotted; all of
                them are then shown. By default the model's report thresholds decide.
        """
        thresholds = report_thresholds(self.config.inference, self.config.actions)
        if threshold is not None:
            thresholds = dict.fromkeys(thresholds, threshold)
        return SpottingInfo(
            self.name,
            self.fingerprint,
            video,
            duration_ms or None,
            thresholds,
            classes=self.config.actions,
        )


def _kept(
    scored: Iterable[ScoredFrames], keep: Callable[[ScoredFrames], object]
) -> Iterator[ScoredFrames]:
    """Pass scores on, and those of the actions also to a function."""
    for part in scored:
        keep(part._replace(left=None))
        yield part


def _chunk_frames(device: torch.device, context: int | None) -> int:
    return _CHUNK_FRAMES_ON_CPU if device.type == "cpu" and context == 0 else _CHUNK_FRAMES
