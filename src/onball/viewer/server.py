"""The viewer's server: the page, and its data as JSON.

Files are never named by a request: matches are numbered, and `ViewSession.require_served` checks the
files that they consist of. Requests of strangers are refused by `onball.viewer.security`.

    GET   /api/session                          the matches
    GET   /api/matches/3                        events, labels, classes, video, corrections
    GET   /api/matches/3/comparison?tolerance=1 events paired with labels; mAP
    GET   /api/matches/3/confidences            confidences of all frames, as bytes
    GET   /api/matches/3/corrections            and PATCH: changes of one version → the next version

Videos, exports and jobs have routes of their own: `video_routes`, `exporting`, `spot_routes`.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from onball import __version__
from onball.actions import ActionSet
from onball.errors import InputError, LabelError, optional_dependency
from onball.events import EventList, SpottingInfo, Team
from onball.formats.frame_confidences import FrameConfidences
from onball.viewer.answers import answer, answer_body, json_answer, read_json
from onball.viewer.corrections import (
    Agreement,
    Correction,
    Corrections,
    CorrectionsFile,
    VersionConflictError,
    identify_events,
)
from onball.viewer.exporting import ClipJobs, ExportRoutes
from onball.viewer.finding import ViewedMatch
from onball.viewer.growing import GrowingEvents
from onball.viewer.media import Proxies
from onball.viewer.scoring import compare_events
from onball.viewer.security import Guard
from onball.viewer.session import MatchData, ViewSession
from onball.viewer.spot_queue import SpotQueue
from onball.viewer.spot_routes import SpotRoutes
from onball.viewer.video_routes import VideoRoutes

with optional_dependency("starlette", "view", "The viewer"):
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import FileResponse, Response
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles
    from starlette.types import ASGIApp
with optional_dependency("uvicorn", "view", "The viewer"):
    import uvicorn

DEFAULT_PORT = 8766
LOCAL_HOST = "127.0.0.1"
#: Largest body of a request: the changes of a whole match at once.
_LARGEST_BODY = 8 << 20
_STATIC = Path(str(files("onball.viewer").joinpath("static")))

_Handler = Callable[[Request], Response]


class Changes(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a PATCH: changed entries, based on a version of the corrections."""

    version: int
    changes: dict[str, Correction | None]


class _Api:
    """Answers to the requests of the page."""

    def __init__(
        self,
        session: ViewSession,
        proxies: Proxies,
        queue: SpotQueue | None = None,
        clips: ClipJobs | None = None,
    ) -> None:
        self._session = session
        self._queue = queue
        self._clips = clips or ClipJobs()
        self._videos = VideoRoutes(session, self._load, proxies)
        self._loaded: dict[ViewedMatch, tuple[list[tuple[int, int]], MatchData]] = {}

    def routes(self) -> list[Route | Mount]:
        """Return all routes of the application."""
        match = "/api/matches/{match:int}"
        return [
            Route("/", answer(self.page)),
            Route("/api/session", answer(self.session)),
            Route(match, answer(self.match)),
            Route(f"{match}/comparison", answer(self.comparison)),
            Route(f"{match}/confidences", answer(self.confidences)),
            Route(f"{match}/corrections", answer(self.corrections)),
            Route(
                f"{match}/corrections", answer_body(self.change, _LARGEST_BODY), methods=["PATCH"]
            ),
            *self._videos.routes(),
            *SpotRoutes(self._session, self._queue).routes(),
            *ExportRoutes(self._session, self._load, self._clips).routes(),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]

    def page(self, request: Request) -> Response:
        """The page."""
        return FileResponse(_STATIC / "index.html", media_type="text/html")

    def session(self, request: Request) -> Response:
        """The matches, with what is known without reading their events."""
        return json_answer(
            {
                "version": __version__,
                "spotting": self._queue is not None,
                "matches": [
                    {
                        "name": match.name,
                        "video": bool(match.videos),
                        "truth": match.truth is not None,
                        "predictions": match.predictions is not None,
                        "decided": self._decided(match),
                    }
                    for match in self._session.matches
                ],
            }
        )

    @staticmethod
    def _decided(match: ViewedMatch) -> int:
        """Number of events of a match that somebody decided on."""
        file = match.corrections
        try:
            return len(file.read().entries) if file is not None else 0
        except LabelError:  # reported when the match is opened
            return 0

    def match(self, request: Request) -> Response:
        """Everything about a match."""
        match = self._match(request)
        growing = self._session.growing.get(request.path_params["match"])
        data = self._load(match) if growing is None else self._load_growing(match, growing)
        names = [label.value for label in data.classes]
        file = match.corrections if growing is None else None
        return json_answer(
            {
                "name": match.name,
                "classes": data.classes.as_json(),
                "events": _columns(data.events, data.classes),
                "truth": None if data.truth is None else _columns(data.truth, data.classes),
                "ids": identify_events(data.events),
                "corrects": "predictions" if match.predictions or growing else "labels",
                "thresholds": _thresholds(data, names),
                "curves": match.confidences is not None and growing is None,
                "kickoffs_ms": [] if data.events.info is None else data.events.info.kickoffs_ms,
                "model": "" if data.events.info is None else data.events.info.model,
                "video": self._videos.describe(match, data.events, growing),
                "corrections": _corrections_json(file.read() if file else Corrections()),
                "corrections_file": None if file is None else file.path.name,
                "key": "" if file is None else _key(file.path),
                "growing": None if growing is None else growing.as_json(),
            }
        )

    def comparison(self, request: Request) -> Response:
        """Events paired with labels at a tolerance."""
        try:
            tolerance_s = float(request.query_params.get("tolerance", "1"))
        except ValueError:
            raise InputError("the tolerance is not a number") from None
        data = self._load(self._match(request))
        if data.truth is None:
            raise HTTPException(404, "this match has no labels to compare with")
        compared = compare_events(data.events, data.truth, data.classes, tolerance_s)
        return json_answer(compared.as_json())

    def confidences(self, request: Request) -> Response:
        """Confidences of all frames, of the classes of the match in its order, as bytes.

        Number of frames T and of classes K, uint32; times, uint32 `[T]`; values, uint8 `[K, T]`, all
        little-endian.
        """
        match = self._match(request)
        if match.confidences is None:
            raise HTTPException(404, "this match has no confidences of frames")
        found = FrameConfidences.load(self._session.require_served(match.confidences))
        classes = [label.value for label in self._load(match).classes]
        values = np.zeros((len(classes), len(found.times_ms)), np.uint8)
        for column, label in enumerate(found.labels):
            if label in classes:
                values[classes.index(label)] = found.confidences[:, column]
        head = np.array(values.shape[::-1], "<u4")
        content = head.tobytes() + found.times_ms.astype("<u4").tobytes() + values.tobytes()
        return Response(content, media_type="application/octet-stream")

    def corrections(self, request: Request) -> Response:
        """Corrections of a match as they are in their file now."""
        return json_answer(_corrections_json(self._corrections_file(request).read()))

    def change(self, request: Request, body: bytes) -> Response:
        """Write changed corrections; 409 with the present ones if they are based on others."""
        wanted = read_json(body, Changes, "a list of changes")
        match = self._match(request)
        classes = self._load(match).classes
        for entry in wanted.changes.values():
            if entry is not None:
                entry.event(classes)  # refuses a label that is no class
        try:
            written = self._corrections_file(request).update(wanted.version, wanted.changes)
        except VersionConflictError as error:
            return json_answer(_corrections_json(error.current), status=409)
        return json_answer(_corrections_json(written))

    def _match(self, request: Request) -> ViewedMatch:
        return self._session.match(request.path_params["match"])

    def _load(self, match: ViewedMatch) -> MatchData:
        """Events of a match, which are read again when one of the files has changed."""
        given = [path for path in (match.truth, match.predictions) if path is not None]
        stats = [self._session.require_served(path).stat() for path in given]
        stamp = [(stat.st_mtime_ns, stat.st_size) for stat in stats]
        if match not in self._loaded or self._loaded[match][0] != stamp:
            self._loaded[match] = stamp, self._session.load(match)
        return self._loaded[match][1]

    def _load_growing(self, match: ViewedMatch, growing: GrowingEvents) -> MatchData:
        """Labels and classes of a match whose events still come; the page asks for these itself."""
        info = SpottingInfo(growing.model, classes=growing.classes)
        truth = self._load(replace(match, predictions=None)).events if match.truth else None
        return MatchData(EventList.of([], info=info), truth, growing.classes)

    def _corrections_file(self, request: Request) -> CorrectionsFile:
        file = self._match(request).corrections
        if file is None:
            raise HTTPException(404, "this match has no events to correct")
        return file


def _columns(events: EventList, classes: ActionSet) -> dict[str, list[Any]]:
    """Events as one list per attribute, which is small and fast to read."""
    index = {label: number for number, label in enumerate(classes)}
    sides = list(Team)
    return {
        "position_ms": [event.position_ms for event in events],
        "label": [index[event.label] for event in events],
        "confidence": [round(event.confidence, 4) for event in events],
        "team": [sides.index(event.team) for event in events],
        "half": [event.half for event in events],
    }


def _thresholds(data: MatchData, names: Sequence[str]) -> list[float]:
    """Lowest confidence of an event that is shown to people, for each class."""
    info = data.events.info
    given: Mapping[Any, float] = {} if info is None else info.thresholds or {}
    return [given.get(label, 0.0) for label in data.classes]


def _corrections_json(corrections: Corrections) -> dict[str, Any]:
    return {
        "version": corrections.version,
        "entries": corrections.entries,
        "agreement": Agreement.of(corrections).as_json(),
    }


def _key(path: Path) -> str:
    """A name of a file that does not reveal its path."""
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]


def create_app(
    session: ViewSession,
    *,
    token: str,
    host: str = LOCAL_HOST,
    port: int,
    proxies: Proxies,
    queue: SpotQueue | None = None,
    clips: ClipJobs | None = None,
) -> ASGIApp:
    """Return the viewer as an ASGI application.

    Args:
        session: the matches.
        token: secret of this launch.
        host: address that it is bound to.
        port: its port.
        proxies: copies of videos.
        queue: jobs of the page; None if nothing can be spotted from it.
        clips: clips that are cut from the page.
    """
    app = Starlette(routes=_Api(session, proxies, queue, clips).routes())
    return Guard(app, token=token, host=host, port=port)


class ViewServer:
    """Server of the viewer; a context manager, which runs it in a thread.

        with onball.ViewServer(["onball-results", "match.mp4"]) as server:
            webbrowser.open(server.url)
            server.wait()

    Args:
        paths: folders of matches, videos, results of `onball spot`, files of events or labels, runs;
            or a session.
        host: address to bind to. With another one than the default, everybody who can reach this
            machine and has the token sees the files and can correct events.
        port: the port; 0, or one that is taken, becomes any that is free.
        proxies: folder for copies of videos that browsers cannot play; by default in the user's
            cache.
        results: folder of the results of videos that are spotted from the page; None if none can be.
        models: models to offer there beside the bundled and published ones: folders of saved models
            or runs.

    Raises:
        InputError: a path is missing, there is nothing to view, or the address cannot be used.
        MissingDependencyError: a package of the extra `view` is not installed.
    """

    def __init__(
        self,
        paths: Sequence[str | Path] | ViewSession,
        *,
        host: str = LOCAL_HOST,
        port: int = DEFAULT_PORT,
        proxies: str | Path | None = None,
        results: str | Path | None = "onball-results",
        models: Sequence[str | Path] = (),
    ) -> None:
        self.session = paths if isinstance(paths, ViewSession) else ViewSession.open(paths)
        self._host = host
        self._socket = _bind(host, port)
        self._token = secrets.token_urlsafe(24)
        self._proxies = Proxies(None if proxies is None else Path(proxies))
        self._clips = ClipJobs()
        self._queue = None if results is None else SpotQueue(self.session, results, models)
        app = create_app(
            self.session,
            token=self._token,
            host=host,
            port=self.port,
            proxies=self._proxies,
            queue=self._queue,
            clips=self._clips,
        )
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="onball view", daemon=True)

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Address that opens the viewer, with the token of this launch."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        if self._host in ("0.0.0.0", "::"):
            host = _own_address()
        return f"http://{host}:{self.port}/?token={self._token}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._proxies.close()
        if self._queue is not None:
            self._queue.close()
        self._clips.close()
        self._socket.close()

    def wait(self, stop: threading.Event | None = None) -> None:
        """Return when the server ends, which it does at the end of the block, or an event is set."""
        # Not for ever at once: that could not be interrupted.
        while self._thread.is_alive() and not (stop is not None and stop.is_set()):
            self._thread.join(1 if stop is None else 0.2)

    def _run(self) -> None:
        with suppress(SystemExit):  # uvicorn's way to report that it could not start
            self._server.run(sockets=[self._socket])


def _own_address() -> str:
    """Address by which others reach this machine, as far as its name has one."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return LOCAL_HOST


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket; of a port that is taken, any that is free. Raises `InputError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (port, 0):
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, wanted))
            bound.listen()
            return bound
        except OSError as error:
            bound.close()
            reason = error.strerror or error
            problem = InputError(f"--host {host}, port {wanted}: cannot be used ({reason})")
        except OverflowError:
            bound.close()
            raise InputError(f"port {port} is above 65535") from None
    raise problem
