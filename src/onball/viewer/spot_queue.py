"""Videos that are spotted from the page, one after the other, in a thread.

    list_videos    the videos on disk that may be chosen: those below the paths that were named
    list_models    the models that may be chosen; of those that are not here, the command to get them
    SpotQueue      jobs: a video and a model each; results are written where `onball spot` writes them

Requests name videos and models by keys of these lists, never by paths. Work is that of `spot_videos`: a
job that was cancelled, or whose process ended, is continued by the next one of the same video and model.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from onball.actions import BALL_ACTIONS
from onball.assets import BALL_TRACKS, DEMO
from onball.data.classes import label_classes
from onball.errors import InputError, ModelError, OnballError, VideoError, describe_exception
from onball.events import Event
from onball.files import VIDEO_SUFFIXES
from onball.formats.soccernet import RESULTS_FILE
from onball.models.finding import default_model
from onball.models.published import PublishedModel
from onball.models.published import list_models as published_models
from onball.models.published.importing import is_cached
from onball.outputs import OutputConflictError
from onball.progress import Progress
from onball.runs import find_model, is_run
from onball.spotting.results import SpottedVideo, name_results
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos
from onball.tracks import TRACKS_FILE
from onball.video.inputs import natural_key, videos_below
from onball.viewer.growing import GrowingEvents
from onball.viewer.session import NotServedError, ViewSession

#: Videos that the page lists at most.
_MOST_VIDEOS = 2000
#: Jobs that wait at most.
_MOST_WAITING = 200

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]


# Choices


@dataclass(frozen=True, slots=True)
class ListedVideo:
    """A video that may be spotted.

    Attributes:
        key: name of it in requests.
        path: its path, without links.
        shown: path for people: from the folder on that was named.
        result: name of its results.
        size: bytes.
    """

    key: str
    path: Path
    shown: str
    result: str
    size: int


def list_videos(session: ViewSession) -> list[ListedVideo]:
    """Return the videos in the folders that were named, and those that were named themselves.

    Links that lead out of these folders are left out, and so is the video of a stream that runs.
    """
    found: dict[Path, str] = {}
    for root in session.roots:
        files = [root]
        if root.is_dir():
            try:
                files = list(videos_below(root))
            except VideoError:
                continue
        elif root.suffix.lower() not in VIDEO_SUFFIXES:
            continue
        for file in files[: _MOST_VIDEOS - len(found)]:
            with suppress(NotServedError):
                found.setdefault(session.require_served(file), _shown(file, root))
    for path in [path for path in found if _is_recorded(session, path)]:
        del found[path]
    paths = sorted(found, key=natural_key)
    names = {path: name for name, path in name_results(paths).items()} if paths else {}
    return [
        ListedVideo(
            _digest(path),
            path,
            found[path],
            _result_name(session, path) or names[path],
            _size(path),
        )
        for path in paths
    ]


def _is_recorded(session: ViewSession, video: Path) -> bool:
    """Return True if a video is being written by a live stream."""
    number = session.match_of(video)
    growing = None if number is None else session.growing.get(number)
    return growing is not None and growing.kind == "live" and growing.running


def _shown(file: Path, root: Path) -> str:
    return file.name if file == root else (Path(root.name) / file.relative_to(root)).as_posix()


def _result_name(session: ViewSession, video: Path) -> str:
    """Name of a match of a data set, by which its results are named; empty for other videos."""
    number = session.match_of(video)
    match = None if number is None else session.matches[number]
    return match.name if match is not None and match.truth is not None and match.data else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model that may be chosen.

    Attributes:
        key: name of it in requests.
        title: name for people.
        about: one line about it.
        path: what `Spotter.from_pretrained` takes; None is the bundled model.
        command: command that gets the model, if it is not here; else empty.
    """

    key: str
    title: str
    about: str
    path: str | None
    command: str = ""


def list_models(session: ViewSession, models: Sequence[str | Path] = ()) -> list[ListedModel]:
    """Return the models that may be chosen: given ones, runs that are viewed, bundled, published.

    Args:
        session: the matches, which may be those of a training run.
        models: folders of saved models or runs, or names of models.
    """
    runs = [root for root in session.roots if is_run(root)]
    own = dict.fromkeys([*map(str, models), *map(str, runs)])
    published = {model.name: model for model in published_models()}
    listed = [
        ListedModel(f"own-{number}", _own_title(name), name, name)
        for number, name in enumerate(own)
        if name not in published and (not Path(name).exists() or find_model(name).is_dir())
    ]
    bundled = [
        ListedModel(
            BALL_TRACKS,
            BALL_TRACKS,
            "Bundled; follows the ball; for real football too.",
            BALL_TRACKS,
        ),
        ListedModel(DEMO, DEMO, "Bundled; for simulated football.", DEMO),
    ]
    # The page offers the first one that is here.
    listed += bundled[::-1] if default_model() == DEMO else bundled
    wanted = [published[name] for name in own if name in published]
    rest = [model for model in published.values() if model not in wanted]
    return listed + [_published(model) for model in [*wanted, *rest]]


def _own_title(name: str) -> str:
    return "/".join(Path(name).parts[-2:])


def _published(model: PublishedModel) -> ListedModel:
    about = f"{model.title}, {len(model.actions)} actions"
    if model.origin.data:
        about += f", trained on {model.origin.data}"
    try:
        is_here = is_cached(model.name)
    except ModelError:
        is_here = False
    command = f"onball models fetch {model.name}"
    if not model.origin.hub:
        command = f"onball models import FILE --as {model.name}"
    return ListedModel(model.name, model.name, about, model.name, "" if is_here else command)


# Jobs


@dataclass(slots=True)
class SpotJob:
    """A video to be spotted with a model.

    Attributes:
        number: its number, from 1.
        match: number of the match in the session.
        video: the video.
        model: the model.
        overwrite: replace the results that are there.
        state: what became of it.
        error: reason of a failure, in one line.
        conflict: True if it failed because other results are there.
        growing: events while it is running.
    """

    number: int
    match: int
    video: ListedVideo
    model: ListedModel
    overwrite: bool = False
    state: JobState = "waiting"
    error: str = ""
    conflict: bool = False
    growing: GrowingEvents | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, without the events."""
        growing = None if self.growing is None else self.growing.as_json()
        if growing is not None:
            del growing["events"]
        return {
            "number": self.number,
            "match": self.match,
            "video": self.video.key,
            "video_name": self.video.shown,
            "model": self.model.key,
            "model_name": self.model.title,
            "state": self.state,
            "error": self.error,
            "conflict": self.conflict,
            "growing": growing,
        }


class _CancelledError(Exception):
    """The job was cancelled; raised by callbacks of the work, which it ends."""


class SpotQueue:
    """Jobs of the page, done one after the other by a thread that begins with the first.

    Args:
        session: the matches; those that are spotted are added to it.
        results: folder of the results, with a folder in it for each video.
        models: models to offer beside the bundled and published ones, see `list_models`.
        device: see `Spotter.from_pretrained`.
        threads: see `Spotter.from_pretrained`.
    """

    def __init__(
        self,
        session: ViewSession,
        results: str | Path = "onball-results",
        models: Sequence[str | Path] = (),
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.session = session
        self.results = Path(results)
        self._models = tuple(models)
        self._device = device
        self._threads = threads
        self._jobs: list[SpotJob] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._loaded: tuple[str | None, Spotter] | None = None

    def videos(self) -> list[ListedVideo]:
        """Return the videos that may be spotted."""
        return list_videos(self.session)

    def models(self) -> list[ListedModel]:
        """Return the models that may be chosen."""
        return list_models(self.session, self._models)

    def jobs(self) -> list[SpotJob]:
        """Return all jobs, in the order in which they were added."""
        with self._changed:
            return list(self._jobs)

    def add(self, video: str, model: str, *, overwrite: bool = False) -> SpotJob:
        """Add a job.

        Args:
            video: key of a video.
            model: key of a model.
            overwrite: replace the results that are there.

        Raises:
            InputError: there is no such video or model, the model is not here yet, or the video is
                being spotted already.
        """
        chosen = next((each for each in self.videos() if each.key == video), None)
        if chosen is None:
            raise InputError("no such video any more: choose another one")
        listed = next((each for each in self.models() if each.key == model), None)
        if listed is None:
            raise InputError("no such model any more: choose another one")
        if listed.command:
            raise InputError(f"{listed.title} is not on this machine yet: {listed.command}")
        with self._changed:
            open_jobs = [job for job in self._jobs if job.state in ("waiting", "running")]
            if any(job.video.path == chosen.path for job in open_jobs):
                raise InputError(f"{chosen.shown} is being spotted already")
            if len(open_jobs) >= _MOST_WAITING:
                raise InputError(f"{len(open_jobs)} videos are waiting already: begin with these")
            match = self.session.show_video(chosen.path)
            job = SpotJob(len(self._jobs) + 1, match, chosen, listed, overwrite)
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="onball spot", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return job

    def cancel(self, number: int) -> SpotJob:
        """Cancel a job; one that has ended stays as it is.

        Raises:
            InputError: there is no such job.
        """
        with self._changed:
            job = next((each for each in self._jobs if each.number == number), None)
            if job is None:
                raise InputError("no such job")
            job.cancelled.set()
            if job.state == "waiting":
                job.state = "cancelled"
        return job

    def close(self) -> None:
        """Cancel all jobs, and wait for the one that runs; what it has computed is kept."""
        with self._changed:
            self._closed = True
            for job in self._jobs:
                job.cancelled.set()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.state = self._done(job)
            except _CancelledError:
                job.state = "cancelled"
            except OutputConflictError as error:
                # What follows is advice about options of the command; the page has a button.
                job.error = str(error).partition(": --overwrite")[0]
                job.conflict, job.state = True, "failed"
            except OnballError as error:
                job.error, job.state = str(error), "failed"
            except Exception as error:  # the thread must go on with the other jobs
                job.error = describe_exception(job.video.shown, error)
                job.state = "failed"
            self._end(job)

    def _next(self) -> SpotJob | None:
        """Wait for the next job; None when the queue was closed."""
        with self._changed:
            while not self._closed:
                job = next((each for each in self._jobs if each.state == "waiting"), None)
                if job is not None:
                    job.state = "running"
                    return job
                self._changed.wait()
        return None

    def _done(self, job: SpotJob) -> JobState:
        """Do a job. Raises `_CancelledError`, or an error for which it failed."""
        spotter = self._spotter(job.model)
        _require_not_cancelled(job)
        video = self.session.require_served(job.video.path)
        tracks = video.with_name(TRACKS_FILE)

        def add(_: str, event: Event) -> None:
            _require_not_cancelled(job)
            if job.growing is not None:
                job.growing.add(event)

        def report(progress: Progress) -> None:
            _require_not_cancelled(job)
            if job.growing is not None and progress.unit == "ms":
                job.growing.report(progress.done, progress.total)

        # Joining a single video gives its result a name: that of the file may not be the only one.
        spotted = spot_videos(
            [video],
            self.results,
            model=spotter,
            join=True,
            name=job.video.result,
            tracks=tracks if spotter.config.needs_tracks and tracks.is_file() else None,
            device=self._device,
            overwrite=job.overwrite,
            on_event=add,
            progress=report,
        )
        job.growing = GrowingEvents(
            "spotting",
            f"{job.video.shown} with {job.model.title}",
            classes=self._classes(job, spotter),
            model=spotter.name,
        )
        self.session.growing[job.match] = job.growing
        result: SpottedVideo = next(spotted)
        if result.error:
            raise OnballError(result.error)
        self.session.show_results(job.match, result.folder / RESULTS_FILE)
        return "done"

    def _end(self, job: SpotJob) -> None:
        """Show what there is of a match when its job has ended."""
        if job.growing is None:
            return
        if job.state != "waiting":
            job.growing.end(job.state, job.error)
        if self.session.matches[job.match].predictions is not None:
            self.session.growing.pop(job.match, None)

    def _spotter(self, model: ListedModel) -> Spotter:
        """The model, which is kept for the next job."""
        if self._loaded is None or self._loaded[0] != model.path:
            self._loaded = None  # before the next one takes memory
            spotter = Spotter.from_pretrained(
                model.path, device=self._device, threads=self._threads
            )
            self._loaded = model.path, spotter
        return self._loaded[1]

    def _classes(self, job: SpotJob, spotter: Spotter) -> Any:
        match = self.session.matches[job.match]
        labels = BALL_ACTIONS if match.data is None else label_classes(match.data)
        actions = spotter.config.actions
        return actions if match.truth is None else actions.union(labels)


def _require_not_cancelled(job: SpotJob) -> None:
    if job.cancelled.is_set():
        raise _CancelledError
