"""Spot a batch of videos, each into a folder of its own: nothing is lost, and nothing done twice.

videos    files, folders and patterns → all opened (`find_videos`)
jobs      one for each video, or one for all files of a match (`onball.spotting.jobs`)
checks    the request compared with the results that are there, before the first minute of work
work      job after job: scores, kept in a journal as they come; events, written and recorded; a
          video that fails does not stop the others
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from onball.actions import EventLabel
from onball.data.layout import Match
from onball.errors import (
    DataError,
    InputError,
    OnballError,
    OnballNotice,
    OnballWarning,
    VideoError,
    describe_exception,
)
from onball.events import Event, EventList
from onball.files import identify, require_writable, shell_quoted
from onball.formats.frame_confidences import FrameConfidences
from onball.models.saved import net_fingerprint
from onball.outputs import (
    OutputConflictError,
    OutputState,
    check_outputs,
    check_unlocked,
    finish_outputs,
    output_lock,
)
from onball.progress import ProgressCallback, no_progress
from onball.spotting.batch_settings import BatchSettings
from onball.spotting.decoding import score_bound
from onball.spotting.jobs import Job, Part, find_jobs
from onball.spotting.results import (
    RESULT_FILES,
    Outcome,
    SpottedVideo,
    load_events,
    write_events,
)
from onball.spotting.runtimes import Runtime, integer_suffix
from onball.spotting.spotter import Spotter
from onball.spotting.stored import CACHE_GB, StoreCache, VideoOpener
from onball.timing import format_time
from onball.tracks import tracks_file
from onball.video import VideoInfo, find_proxy, make_proxy

if TYPE_CHECKING:
    from onball.tracking.detectors.base import Detector

#: Settings that `onball events` applies to the candidates of results that are there.
_LATER_SETTINGS = {"threshold", "actions"}

_P = ParamSpec("_P")


def spot_videos(
    videos: str | Path | Iterable[str | Path | VideoInfo | Match],
    out: str | Path = "onball-results",
    *,
    model: Spotter | str | Path | None = None,
    threshold: float | None = None,
    actions: Iterable[EventLabel | str] | None = None,
    start_ms: int = 0,
    end_ms: int | None = None,
    kickoffs_ms: Sequence[int] = (),
    half: int = 1,
    join: bool = False,
    name: str = "",
    tracks: str | Path | None = None,
    detector: Detector | str | None = None,
    runtime: Runtime = "auto",
    device: str = "auto",
    threads: int | None = None,
    proxies: str | Path | None = None,
    cache: str | Path | None = None,
    cache_gb: float = CACHE_GB,
    overwrite: bool = False,
    on_event: Callable[[str, Event], object] | None = None,
    progress: ProgressCallback = no_progress,
) -> Iterator[SpottedVideo]:
    """Spot videos one after the other, and write the results of each into a folder.

        for video in onball.spot_videos("clips/*.mp4", "results", actions=["shot", "goal"]):
            print(video.name, video.error or video.events.shown.counts())

    All inputs and all results that are there are checked at the call. Nothing is spotted before the
    results are iterated over: each is computed when it is asked for, and `list(spot_videos(…))`
    computes all. Results of the same video, model and settings are not computed again, and none are
    replaced without `overwrite`, see `onball.outputs`. A video that fails does not stop the others,
    whatever the reason.

    Scores are kept in the folder of the results while they are computed, see
    `onball.spotting.journal`. A call that was interrupted, also by the end of its process, continues
    with them when it is repeated, and its results are those of a call that was not interrupted.

    Args:
        videos: files, folders and patterns, see `find_videos`, addresses of them on a store
            (`s3://bucket/matches/*.mp4`), or matches of a data set.
        out: folder of the results, with a folder in it for each video, or its address on a store.
        model: the model: a `Spotter`, or what `Spotter.from_pretrained` takes.
        threshold: lowest confidence of the events that are shown and written into `events.csv`; by
            default the model's own. `results_spotting.json` has all candidates in any case.
        actions: actions that are shown and written into `events.csv`, by name as `ActionSet.find`
            takes it; None is all of the model's.
        start_ms: begin of the part of each video to spot. Times remain those of the whole video.
        end_ms: end of that part; None is that of the video.
        kickoffs_ms: positions of the kick-offs, of half `half` and the one after it; negative
            before the beginning of the video. The results get the match clock from them.
        half: half of the match with which the video begins, 1 or 2.
        join: the videos are the files of one match, in this order, and have one result: each begins
            in its timeline where the one before it ends. Each file is sampled from its own first
            frame, and the model does not look across the seams.
        name: name of the result of joined videos; by default that of their folder, if `videos` is
            one, or of the first file.
        tracks: tracks file of the only video, for a model that takes tracks.
        detector: detector that makes the tracks where there are none; see `Spotter.spot`.
        runtime: of a model that is not a `Spotter` yet, see `Spotter.from_pretrained`.
        device: device of a model that is not a `Spotter` yet, and of its detector.
        threads: CPU threads of such a model, see `Spotter`.
        proxies: folder of small copies of videos, see `onball.video.make_proxy`. The copies are
            spotted: each is made if it is missing, which takes one to three times as long as reading
            the video. Confidences differ slightly from those of the video.
        cache: folder for files of stores; by default in the user's cache. Videos without an index,
            and all for a model that takes tracks, are downloaded into it when their turn comes, and
            deleted when their results are written.
        cache_gb: most gigabytes of videos in it.
        overwrite: replace the results that are there.
        on_event: called with the name of the video and each event that is shown, when it is found.
        progress: called with the milliseconds of each video.

    Yields:
        The results: first of all videos that are skipped, then of the others as they are done.

    Raises:
        VideoError: an input is missing or no video; all of them are named.
        InputError: a setting is out of range or fits no such videos.
        OutputConflictError: there are results in the way; see `onball.outputs`.
        ModelError: there is no usable model.
        OutputLockedError: another process is writing some of these results.
        OnballError: `out` cannot be written.
    """
    settings = BatchSettings.of(threshold, actions, start_ms, end_ms, kickoffs_ms, half)
    jobs = find_jobs(videos, out, join, name, StoreCache.of(cache, cache_gb))
    for job in jobs:
        settings.check(job)
    _require_one_match(jobs, kickoffs_ms, tracks)
    if jobs[0].target is None:
        _check_folders(Path(out), jobs)
    spotter = model
    if not isinstance(spotter, Spotter):
        spotter = Spotter.from_pretrained(spotter, runtime=runtime, device=device, threads=threads)
    settings = settings.for_model(spotter.config.actions)
    work = _Work.of(spotter, settings, on_event, progress, proxies)
    work.prepare_tracks(jobs, tracks, detector)
    states = [work.state(job, overwrite) for job in jobs]
    for job, state in zip(jobs, states, strict=True):
        if state is OutputState.MISSING:
            check_unlocked(job.folder)
    return _results(work, jobs, states, overwrite)


class ResultChecker:
    """Compare results of `spot_videos` that are there with what it would be called with.

    Args:
        model: see `spot_videos`, as all that follow.
        threshold: see there.
        actions: see there.
        detector: see there.
        proxies: see there.
        overwrite: see there.

    Raises:
        InputError: a setting is out of range.
    """

    def __init__(
        self,
        model: Spotter,
        *,
        threshold: float | None = None,
        actions: Iterable[EventLabel | str] | None = None,
        detector: Detector | str | None = None,
        proxies: str | Path | None = None,
        overwrite: bool = False,
    ) -> None:
        settings = BatchSettings.of(threshold, actions, 0, None, (), 1)
        settings = settings.for_model(model.config.actions)
        self._work = _Work.of(model, settings, None, no_progress, proxies)
        self._detector = detector if model.config.needs_tracks else None
        self._overwrite = overwrite

    def state(self, videos: Iterable[str | Path], out: str | Path, name: str) -> OutputState:
        """Return the state of a result. Any thread may call it.

        Args:
            videos: the video, or the joined files of a match.
            out: folder of all results.
            name: name of this one.

        Raises:
            VideoError: an input is missing or no video.
            OutputConflictError: results of another request are in the way.
        """
        (job,) = find_jobs(videos, Path(out), True, name)
        self._work.prepare_tracks([job], None, self._detector)
        return self._work.state(job, self._overwrite)


def _results(
    work: _Work, jobs: Sequence[Job], states: Sequence[OutputState], overwrite: bool
) -> Iterator[SpottedVideo]:
    for job, state in zip(jobs, states, strict=True):
        if state is not OutputState.MISSING:
            if job.target is not None:
                with suppress(OnballError):
                    job.target.finish(job.name, RESULT_FILES)
            if job.has_leftovers():
                # Of a process that was killed after it had written the results.
                with suppress(OnballError), output_lock(job.folder):
                    finish_outputs(job.folder, RESULT_FILES)
                    job.remove_journals()
            yield _kept(job, state)
            job.release(done=True)
    wanted = [job for job, state in zip(jobs, states, strict=True) if state is OutputState.MISSING]
    sources = [job.source for job in wanted if job.source is not None]
    with VideoOpener(sources, whole=work.needs_files) as opener:
        for job in wanted:
            yield _spotted(work, job, overwrite, opener)


def _kept(job: Job, state: OutputState) -> SpottedVideo:
    """The result of a job that is skipped."""
    outcome = Outcome.DONE if state is OutputState.DONE else Outcome.EDITED
    events = load_events(job.folder)
    return SpottedVideo(
        job.name, job.folder, outcome, events, videos=job.videos, address=job.address
    )


def _spotted(work: _Work, job: Job, overwrite: bool, opener: VideoOpener) -> SpottedVideo:
    """Do a job. Whatever goes wrong with it, the other videos are still of use."""
    done = False
    try:
        with output_lock(job.folder):
            work.open(job, opener)
            state = work.state(job, overwrite)
            if state is not OutputState.MISSING:  # another process did it meanwhile
                finish_outputs(job.folder, RESULT_FILES)
                job.remove_journals()
                done = True
                return _kept(job, state)
            events, confidences = work.spot(job)
            job.check_source()
            write_events(events, job.folder, work.request(job), confidences)
            job.publish()
            job.remove_journals()
        done = True
    except Exception as error:
        if error is work.raised_by_caller:
            raise
        done = isinstance(error, VideoError)
        return _failed(job, error)
    finally:
        job.release(done=done)
    return SpottedVideo(
        job.name, job.folder, Outcome.SPOTTED, events, videos=job.videos, address=job.address
    )


def _failed(job: Job, error: Exception) -> SpottedVideo:
    """The result of a job that ended with an exception."""
    if isinstance(error, OnballError):
        message, where = job.with_addresses(str(error)), ""
    else:
        message = describe_exception(job.name, error)
        where = "".join(traceback.format_exception(error))
    return SpottedVideo(
        job.name, job.folder, Outcome.FAILED, None, message, where, address=job.address
    )


# Checks


def _check_folders(out: Path, jobs: Sequence[Job]) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, not a folder: choose another --out")
    require_writable(out)
    for job in jobs:
        if job.folder.exists():
            require_writable(job.folder)


def _require_one_match(
    jobs: Sequence[Job], kickoffs_ms: Sequence[int], tracks: str | Path | None
) -> None:
    if kickoffs_ms and len(jobs) > 1:
        raise InputError(
            f"a kick-off is given for {len(jobs)} videos: spot them one by one, or join them "
            "(--join) if they are the files of one match"
        )
    if tracks is not None and jobs[0].source is not None:
        raise InputError(f"{tracks}: tracks of a video on a store: download the video first")
    if tracks is not None and (len(jobs) > 1 or len(jobs[0].parts) > 1):
        count = max(len(jobs), len(jobs[0].parts))
        raise InputError(f"{tracks}: tracks are those of one video, and {count} are given")


# Work


class _Work:
    """A model that spots jobs with some settings.

    Attributes:
        raised_by_caller: exception of one of the callbacks, if there was one.
    """

    def __init__(
        self,
        spotter: Spotter,
        settings: BatchSettings,
        on_event: Callable[[str, Event], object] | None,
        progress: ProgressCallback,
        proxies: Path | None,
    ) -> None:
        self._spotter = spotter
        self._settings = settings
        self._proxies = proxies
        self.raised_by_caller: Exception | None = None
        self._on_event = on_event and self._passing_errors(on_event)
        self._progress = progress
        if progress is not no_progress:
            self._progress = self._passing_errors(progress)
        self._detector: Detector | str | None = None
        fingerprint = spotter.fingerprint or net_fingerprint(spotter.net, spotter.config)
        digest = fingerprint[:8] + integer_suffix(spotter.runtime)
        self._model = f"{spotter.name} ({digest})".strip()

    @classmethod
    def of(
        cls,
        spotter: Spotter,
        settings: BatchSettings,
        on_event: Callable[[str, Event], object] | None,
        progress: ProgressCallback,
        proxies: str | Path | None,
    ) -> _Work:
        """Make the work with a model, which must be one for small copies if there are some.

        Raises:
            InputError: the model needs the videos in full size.
            OnballError: the folder of small copies cannot be written.
        """
        if proxies is None:
            return cls(spotter, settings, on_event, progress, None)
        if spotter.config.needs_tracks:
            raise InputError(
                "the model takes tracks, which need the video in full size: leave out the proxies, or take "
                "a model of frames alone, such as demo"
            )
        require_writable(Path(proxies))
        return cls(spotter, settings, on_event, progress, Path(proxies))

    def _passing_errors(self, callback: Callable[_P, object]) -> Callable[_P, None]:
        """The same function; the exceptions that it raises cancel the whole batch."""

        def call(*args: _P.args, **kwargs: _P.kwargs) -> None:
            try:
                callback(*args, **kwargs)
            except Exception as error:
                self.raised_by_caller = error
                raise

        return call

    def prepare_tracks(
        self,
        jobs: Sequence[Job],
        tracks: str | Path | None,
        detector: Detector | str | None,
    ) -> None:
        """Find the tracks of all jobs, and open the detector if some are missing.

        Raises:
            InputError: a file or detector does not exist, or tracks are of another video.
        """
        if tracks is not None and not Path(tracks).is_file():
            raise InputError(f"{tracks}: no such tracks file: check the path")
        if not self._spotter.config.needs_tracks:
            if isinstance(detector, str) and Path(detector).suffix and not Path(detector).is_file():
                raise InputError(f"{detector}: no such detector file: check the path")
            if tracks is not None or detector is not None:
                message = "the model takes no tracks: tracks and detector are not used"
                warnings.warn(message, OnballWarning, stacklevel=3)
            return
        if tracks is not None:
            # An optional package: only models that take tracks need it.
            from onball.formats.tracks_parquet import read_tracks

            (part,) = jobs[0].parts
            read_tracks(tracks, part.video.path)  # raises its errors now
            jobs[0].parts = [replace(part, tracks=Path(tracks))]
        if any(part.tracks is None for job in jobs for part in job.parts):
            # Opened now, so that an unusable one is an error before any work.
            name = self._spotter.config.detector if detector is None else detector
            self._detector = self._spotter.open_detector(name) if isinstance(name, str) else name

    @property
    def needs_files(self) -> bool:
        """True if videos are read several times: for tracks, before they are spotted."""
        return self._spotter.config.needs_tracks

    def open(self, job: Job, opener: VideoOpener) -> None:
        """Open the video of a job that is on a store. Raises `OnballError`."""
        if job.source is not None:
            job.open(opener, self._progress)
            self._settings.check(job)

    def state(self, job: Job, overwrite: bool) -> OutputState:
        """Compare a job with the results that are there. Raises `OutputConflictError`."""
        try:
            return check_outputs(job.folder, RESULT_FILES, self.request(job), overwrite=overwrite)
        except OutputConflictError as conflict:
            message = job.with_addresses(str(conflict))
            if not job.address and conflict.changed and set(conflict.changed) <= _LATER_SETTINGS:
                message += (
                    f"; `onball events {shell_quoted(job.folder)}` applies another threshold or other "
                    "actions without running the model again"
                )
            raise OutputConflictError(message, conflict.changed) from None

    def request(self, job: Job) -> Mapping[str, Any]:
        """Everything that the results of a job depend on, as texts that a message can name."""
        settings, spotter = self._settings, self._spotter
        request: dict[str, Any] = {
            "video": " + ".join(identify(part.video.path, VideoError) for part in job.parts),
            "model": self._model,
            "threshold": "of the model" if settings.threshold is None else settings.threshold,
            "actions": "all" if settings.actions is None else ", ".join(settings.actions),
            "start": _time(settings.start_ms or None),
            "end": _time(settings.end_ms),
            "kickoff": ", ".join(filter(None, map(_time, settings.kickoffs_ms))) or None,
            "half": settings.half if settings.half > 1 else None,
        }
        if self._proxies is not None:
            sizes = [self._proxy_of(part, self._proxies).stem for part in job.parts]
            request["proxy"] = ", ".join(dict.fromkeys(sizes))
        if spotter.config.needs_tracks:
            detector = getattr(self._detector, "name", "")
            sources = [
                identify(part.tracks, DataError) if part.tracks else detector for part in job.parts
            ]
            request["tracks"] = ", ".join(dict.fromkeys(sources))
        return {key: value for key, value in request.items() if value is not None}

    def spot(self, job: Job) -> tuple[EventList, FrameConfidences | None]:
        """Find all candidates of a job, and the confidences of its frames, in its timeline."""
        settings, spotter = self._settings, self._spotter
        shown = spotter.describe_results(threshold=settings.threshold)
        info = settings.describe(shown, job)
        if len(job.parts) == 1:
            info = replace(info, video=job.parts[0].video.path.name)
        found: list[Event] = []
        confidences: list[tuple[int, FrameConfidences]] = []

        def place(offset_ms: int, event: Event) -> None:
            position_ms = event.position_ms + offset_ms
            half = info.half_at(position_ms) if info.kickoffs_ms else settings.half
            found.append(replace(event, position_ms=position_ms, half=half))
            if self._on_event is not None and info.shows(found[-1]):
                self._on_event(job.name, found[-1])

        def keep(offset_ms: int, part: FrameConfidences) -> None:
            confidences.append((offset_ms, part))

        for number, part in enumerate(job.parts):
            offset_ms, end_ms = part.offset_ms, part.end_ms
            if end_ms is not None and end_ms <= settings.start_ms:
                continue
            if settings.end_ms is not None and settings.end_ms <= offset_ms:
                break
            several = len(job.parts) > 1
            name = f"{job.name} ({number + 1}/{len(job.parts)})" if several else job.name
            spotter.spot(
                part.video.path
                if self._proxies is None
                else self._proxy(part, self._proxies, name),
                threshold=self._lowest(),
                start_ms=max(0, settings.start_ms - offset_ms),
                end_ms=None if settings.end_ms is None else settings.end_ms - offset_ms,
                name=name,
                tracks=part.tracks,
                detector=self._detector,
                keep_tracks=job.folder / tracks_file(number, len(job.parts)),
                on_event=partial(place, offset_ms),
                on_confidences=partial(keep, offset_ms),
                progress=self._progress,
                journal=job.journal(number),
            )
        joined = FrameConfidences.join(confidences) if confidences else None
        return EventList.of(found, match=job.name, info=info), joined

    def _proxy_of(self, part: Part, folder: Path) -> Path:
        """The proxy of a video, which may have to be made."""
        return find_proxy(part.video.path, folder, self._spotter.config.size)

    def _proxy(self, part: Part, folder: Path, name: str) -> Path:
        """Make the proxy of a video unless it is there, and report which one is spotted."""
        path = make_proxy(
            part.video.path,
            folder,
            self._spotter.config.size,
            threads=self._spotter.threads,
            progress=self._progress,
            name=f"{name}, small copy",
        )
        warnings.warn(f"{name}: spots the small copy {path}", OnballNotice, stacklevel=3)
        return path

    def _lowest(self) -> float | None:
        """Lowest confidence of a candidate; None is the model's own, unless the user's is lower."""
        threshold, inference = self._settings.threshold, self._spotter.config.inference
        if threshold is None or score_bound(threshold, inference) >= inference.threshold:
            return None
        return threshold


def _time(time_ms: int | None) -> str | None:
    """Text of a time, with its milliseconds if it has some."""
    if time_ms is None:
        return None
    sign, time_ms = ("-", -time_ms) if time_ms < 0 else ("", time_ms)
    fraction = f".{time_ms % 1000:03d}" if time_ms % 1000 else ""
    return f"{sign}{format_time(time_ms)}{fraction}"
