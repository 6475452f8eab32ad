"""Export from the page: events as files of other programs to download, and clips cut from the video.

    POST  /api/matches/3/export    settings → one file, or a zip of several
    GET   /api/matches/3/clips     state of the clips; POST: settings → begin to cut them
    POST  /api/matches/3/clips/cancel   stop cutting; clips that are complete remain

Events are exported with their corrections. Clips are written into the folder `clips` beside the events,
as `onball clips` writes them: called again, only what is missing is cut.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from onball.errors import InputError, OnballError, describe_exception, optional_dependency
from onball.events import EventList
from onball.files import require_writable
from onball.formats.conversion import convert_events
from onball.formats.event_selection import EventSelection
from onball.progress import Progress
from onball.reports.event_clips import cut_clips
from onball.viewer.answers import answer, answer_body, json_answer, read_json
from onball.viewer.corrections import Corrections, confirm_events
from onball.viewer.finding import ViewedMatch
from onball.viewer.session import MatchData, ViewSession

with optional_dependency("starlette", "view", "The viewer"):
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

CLIPS_FOLDER = "clips"
#: Bytes of a request with settings.
_LARGEST_BODY = 1 << 18


class ExportSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings of `convert_events`, as the page sends them."""

    formats: list[str] = []
    threshold: float | None = None
    thresholds: dict[str, float] = {}
    actions: list[str] | None = None
    lead_s: float | None = None
    leads_s: dict[str, float] = {}
    lag_s: float | None = None
    lags_s: dict[str, float] = {}
    offset_s: float = 0.0
    kickoffs_s: dict[int, float] | None = None
    merge: bool = False
    period_markers: bool = True


class ClipSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings of `cut_clips`, as the page sends them."""

    threshold: float | None = None
    thresholds: dict[str, float] = {}
    actions: list[str] | None = None
    lead_s: float | None = None
    leads_s: dict[str, float] = {}
    lag_s: float | None = None
    lags_s: dict[str, float] = {}
    kickoffs_s: dict[int, float] | None = None
    merge: bool = False
    by: Literal["action", "team"] | None = None
    reel: bool = False


@dataclass(frozen=True, slots=True)
class ClipProgress:
    """State of the clips of a match.

    Attributes:
        state: `none` before they are asked for, `running`, `done`, `failed` or `cancelled`.
        done: number of clips that are complete.
        total: number of clips.
        folder: their folder, for people.
        error: reason of a failure, in one line.
    """

    state: Literal["none", "running", "done", "failed", "cancelled"]
    done: int = 0
    total: int = 0
    folder: str = ""
    error: str = ""


class ClipJobs:
    """Clips that are cut in a thread, of one match after another."""

    def __init__(self) -> None:
        self._progress: dict[ViewedMatch, ClipProgress] = {}
        self._threads: list[Thread] = []
        self._stopped = Flag()
        self._cancelled: dict[ViewedMatch, Flag] = {}
        self._changing = Lock()
        self._one_at_a_time = Lock()

    def progress(self, match: ViewedMatch) -> ClipProgress:
        """Return the state of the clips of a match."""
        return self._progress.get(match, ClipProgress("none"))

    def start(
        self,
        match: ViewedMatch,
        events: EventList,
        videos: list[Path],
        settings: ClipSettings,
    ) -> ClipProgress:
        """Begin to cut the clips of a match, unless that is under way.

        Requests arrive in several threads: of those that come at once, one begins.

        Raises:
            OnballError: their folder cannot be written.
        """
        assert match.events_file is not None
        folder = match.events_file.parent / CLIPS_FOLDER
        with self._changing:
            before = self.progress(match)
            if before.state == "running":
                return before
            self._progress[match] = ClipProgress("running", folder=str(folder))
            self._cancelled[match] = Flag()
        try:
            require_writable(folder)
            chosen = EventSelection(settings.threshold, settings.thresholds, settings.actions)
            total = len(chosen.select(events))
            if not total:
                raise InputError("no event is chosen: lower the confidence, or choose more actions")
        except BaseException:
            self._progress[match] = before
            raise
        self._progress[match] = ClipProgress("running", 0, total, str(folder))
        work = (match, events, videos, folder, settings)
        thread = Thread(target=self._cut, args=work, name="onball clips", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self.progress(match)

    def cancel(self, match: ViewedMatch) -> ClipProgress:
        """Stop cutting the clips of a match; those that are complete remain."""
        if self.progress(match).state == "running":
            self._cancelled[match].set()
        return self.progress(match)

    def close(self) -> None:
        """Stop cutting; clips that are complete remain."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(10)

    def _cut(
        self,
        match: ViewedMatch,
        events: EventList,
        videos: list[Path],
        folder: Path,
        settings: ClipSettings,
    ) -> None:
        def require_wanted() -> None:
            if self._stopped.is_set() or self._cancelled[match].is_set():
                raise _StoppedError

        def report(progress: Progress) -> None:
            require_wanted()
            state = self._progress[match]
            total = int(progress.total or state.total)
            self._progress[match] = replace(state, done=int(progress.done), total=total)

        options = msgspec.structs.asdict(settings)
        try:
            with self._one_at_a_time:
                require_wanted()
                cut_clips(events, videos, folder, **options, progress=report)
            state = self._progress[match]
            self._progress[match] = replace(state, state="done", done=state.total)
        except _StoppedError:
            self._progress[match] = replace(self._progress[match], state="cancelled")
        except OnballError as error:
            self._fail(match, str(error))
        except Exception as error:  # the thread must not die without a word
            self._fail(match, describe_exception("clips", error))

    def _fail(self, match: ViewedMatch, reason: str) -> None:
        self._progress[match] = replace(self._progress[match], state="failed", error=reason)


class _StoppedError(Exception):
    """The clips are not wanted any more."""


class ExportRoutes:
    """Answers to the requests about exports.

    Args:
        session: the matches.
        load: returns the events of a match.
        clips: clips that are cut.
    """

    def __init__(
        self,
        session: ViewSession,
        load: Callable[[ViewedMatch], MatchData],
        clips: ClipJobs,
    ) -> None:
        self._session = session
        self._load = load
        self._clips = clips

    def routes(self) -> list[Route]:
        """Return the routes."""
        match = "/api/matches/{match:int}"
        return [
            Route(f"{match}/export", answer_body(self.export, _LARGEST_BODY), methods=["POST"]),
            Route(f"{match}/clips", answer(self.clips)),
            Route(f"{match}/clips", answer_body(self.cut, _LARGEST_BODY), methods=["POST"]),
            Route(f"{match}/clips/cancel", answer(self.cancel), methods=["POST"]),
        ]

    def export(self, request: Request, body: bytes) -> Response:
        """One file, or a zip of several."""
        settings = read_json(body, ExportSettings, "settings of an export")
        match = self._match(request)
        events = self._events(match)
        options: dict[str, Any] = msgspec.structs.asdict(settings)
        options["video"] = self._videos(match) or None
        with tempfile.TemporaryDirectory(prefix="onball-") as folder:
            made = convert_events(events, options.pop("formats"), folder, **options)
            files = {file.path.name: file.path.read_bytes() for file in made}
        if len(files) == 1:
            ((name, content),) = files.items()
        else:
            name, content = f"{_plain(match.name)}.zip", _zipped(files)
        return Response(
            content,
            media_type="application/octet-stream",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"},
        )

    def clips(self, request: Request) -> Response:
        """State of the clips of a match."""
        return json_answer(self._clips.progress(self._match(request)))

    def cut(self, request: Request, body: bytes) -> Response:
        """Begin to cut clips."""
        settings = read_json(body, ClipSettings, "settings of clips")
        match = self._match(request)
        videos = self._videos(match)
        if not videos:
            raise HTTPException(404, "this match has no video")
        return json_answer(self._clips.start(match, self._events(match), videos, settings))

    def cancel(self, request: Request) -> Response:
        """Stop cutting the clips of a match."""
        return json_answer(self._clips.cancel(self._match(request)))

    def _videos(self, match: ViewedMatch) -> list[Path]:
        return [self._session.require_served(video) for video in match.videos]

    def _events(self, match: ViewedMatch) -> EventList:
        """Candidates of a match with its corrections."""
        data, file = self._load(match), match.corrections
        if file is None:
            raise HTTPException(404, "this match has no events")
        corrections = file.read() if file.path.is_file() else Corrections()
        events = confirm_events(data.events, corrections, data.classes)
        return events if events.match else replace(events, match=match.name)

    def _match(self, request: Request) -> ViewedMatch:
        return self._session.match(request.path_params["match"])


def _plain(name: str) -> str:
    """A name of a match as that of a file."""
    return name.replace("\\", "/").rpartition("/")[2] or "events"


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
