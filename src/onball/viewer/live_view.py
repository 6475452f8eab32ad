"""A live stream in the viewer: its timeline grows, and what has been recorded can be played.

The video is that of the stream: the source, if it is a file, or the recording. An MP4 that is being
recorded is served up to its last complete fragment; other containers play when they are finished. When
the stream has ended, the recording can be spotted from the page, with results that can be corrected.

Events are written while they come, into a folder of their own, and are the results that are corrected when
the stream has ended.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event as Stop
from types import TracebackType
from typing import Any, Self

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import OnballError
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats.soccernet import RESULTS_FILE
from onball.spotting.results import write_events
from onball.video.live_address import LiveAddress
from onball.video.recording import RecordedPart
from onball.viewer.finding import ViewedMatch
from onball.viewer.growing import GrowingEvents
from onball.viewer.server import DEFAULT_PORT, LOCAL_HOST, ViewServer
from onball.viewer.session import ViewSession

#: The only match of the session.
_MATCH = 0
#: Events are written at most this often while the stream runs, in seconds.
_SAVED_EVERY_S = 5.0


class LiveView:
    """The viewer on one live stream; a context manager, as `onball.LiveServer`.

        with onball.LiveView("rtsp://camera/main", record="match.mp4") as view:
            print(view.url)
            for message in onball.live("rtsp://camera/main", record="match.mp4"):
                view.publish(message.to_dict())

    Args:
        source: the source, as `onball.live` takes it.
        record: file into which the stream is recorded.
        classes: actions that may be found.
        model: name of the model.
        realtime: the stream goes on in real time between two messages.
        host: see `ViewServer`.
        port: see `ViewServer`.
        results: folder of results: the events are written into `NAME-live` in it, or `NAME-live-2` …
            if that is there, and those of the recording if it is spotted from the page. None writes
            none.

    Raises:
        VideoError: there is no such source.
        InputError: the address cannot be used.
        MissingDependencyError: a package of the extra `view` is not installed.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        record: str | Path | None = None,
        classes: ActionSet = BALL_ACTIONS,
        model: str = "",
        realtime: bool = True,
        host: str = LOCAL_HOST,
        port: int = DEFAULT_PORT,
        results: str | Path | None = "onball-results",
    ) -> None:
        address = LiveAddress.parse(source)
        video = None if record is None else Path(record)
        if address.kind == "file":
            video = Path(address.url.removeprefix("file://"))
        self._classes = classes
        self._realtime = realtime
        self._growing = GrowingEvents("live", address.shown, classes=classes, model=model)
        if video is not None and address.kind != "file":
            self._growing.recorded = RecordedPart(video).size
        name = Path(source).name if address.kind == "file" else address.shown
        roots = () if video is None else (video.resolve(),)
        videos = () if video is None else (video,)
        session = ViewSession((ViewedMatch(name, videos),), roots)
        session.growing[_MATCH] = self._growing
        self._session = session
        self._results = None if results is None else Path(results)
        self._title = name
        self._stem = "stream" if video is None else video.stem
        self._video = "" if video is None else video.name
        self._events: list[Event] = []
        self._folder: Path | None = None
        self._saved_at = float("-inf")
        self._server = ViewServer(session, host=host, port=port, results=results)

    @property
    def url(self) -> str:
        """Address that opens the viewer, with the token of this launch."""
        return self._server.url

    @property
    def folder(self) -> Path | None:
        """Folder into which the events are written; None before the first one, or without results."""
        return self._folder

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._growing.running:
            self._save()
            self._growing.end("failed", str(error or "The stream was interrupted."))
        self._server.__exit__(kind, error, traceback)

    def wait(self, stop: Stop | None = None) -> None:
        """Serve until an event is set, or the process is interrupted."""
        self._server.wait(stop)

    def publish(self, message: Mapping[str, Any]) -> None:
        """Show a message, as its `to_dict()` gives it."""
        growing = self._growing
        match message["type"]:
            case "event":
                position_ms = message["position_ms"]
                growing.report(position_ms + (message["latency_ms"] or 0))
                label = self._classes.parse(message["label"])
                team = Team(message["team"])
                self._events.append(Event(position_ms, label, message["confidence"], team))
                growing.add(self._events[-1])
                if time.monotonic() >= self._saved_at + _SAVED_EVERY_S:
                    self._save()
            case "connected":
                growing.report(message["time_ms"])
                growing.run_on(self._realtime)
            case "lost":
                growing.run_on(False)
                growing.note(message["time_ms"], f"connection lost: {message['reason']}")
            case "gap":
                growing.report(message["end_ms"])
                length_s = (message["end_ms"] - message["start_ms"]) / 1000
                growing.note(message["end_ms"], f"gap of {length_s:.1f} s: {message['reason']}")
            case "skipped":
                frames = message["frames"]
                growing.note(message["time_ms"], f"{frames} frames left out to keep up")
            case "recording_stopped":
                growing.note(message["time_ms"], f"recording stopped: {message['reason']}")
            case "summary":
                growing.finish(message["duration_ms"])
                growing.recorded = None
                saved = self._save(message["duration_ms"])
                growing.end("done")
                if saved is not None:  # the page shows them from now on, to be corrected
                    self._session.show_results(_MATCH, saved)
                    self._session.growing.pop(_MATCH, None)

    def _save(self, duration_ms: int | None = None) -> Path | None:
        """Write the events so far, and return their file; a failure is noted on the page."""
        if self._results is None or not self._events:
            return None
        if self._folder is None:
            names = (
                f"{self._stem}-live{end}" for end in ("", *map("-{}".format, range(2, 10_000)))
            )
            free = (self._results / name for name in names)
            self._folder = next(folder for folder in free if not folder.exists())
        growing = self._growing
        info = SpottingInfo(
            growing.model, video=self._video, duration_ms=duration_ms, classes=self._classes
        )
        events = EventList.of(self._events, match=self._title, info=info)
        self._saved_at = time.monotonic()  # a failure too is noted only so often
        try:
            write_events(events, self._folder, {"stream": self._title, "model": growing.model})
        except OnballError as error:
            growing.note(self._events[-1].position_ms, f"events are not saved: {error}")
            return None
        return self._folder / RESULTS_FILE
