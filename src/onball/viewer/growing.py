"""Events of a match that still arrive while it is viewed: of a video being spotted, or a live stream.

The work adds events and reports how far it is; the page asks for what it does not have yet.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any, Literal

from onball.actions import BALL_ACTIONS, ActionSet
from onball.events import Event
from onball.viewer.corrections import identify_events

State = Literal["running", "done", "failed", "cancelled"]
Kind = Literal["spotting", "live"]

#: Period over which the speed is measured, in seconds.
_SPEED_OVER_S = 20.0
#: Notices that are kept; a stream that is lost again and again would have any number.
_MOST_NOTICES = 200


class GrowingEvents:
    """Events of one match in the order in which they are found. Any thread may call its methods.

    Args:
        kind: the work: `spotting` of a video, or a `live` stream.
        title: line that describes the work, such as the names of model and video.
        classes: actions that may be found.
        model: name of the model.
        clock: a steady clock, in seconds.

    Attributes:
        recorded: returns the bytes of the video that can be played so far; None if the video is
            complete, or there is none.
    """

    def __init__(
        self,
        kind: Kind,
        title: str,
        *,
        classes: ActionSet = BALL_ACTIONS,
        model: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kind: Kind = kind
        self.title = title
        self.classes = classes
        self.model = model
        self._clock = clock
        self._lock = Lock()
        self._events: list[Event] = []
        self._notices: deque[dict[str, Any]] = deque(maxlen=_MOST_NOTICES)
        self._state: State = "running"
        self._error = ""
        self._done_ms = 0.0
        self._total_ms: float | None = None
        self._history: deque[tuple[float, float]] = deque()
        self._running_since: float | None = None
        self.recorded: Callable[[], int] | None = None

    @property
    def running(self) -> bool:
        """True while events may still be added."""
        return self._state == "running"

    def add(self, event: Event) -> None:
        """Add an event."""
        with self._lock:
            self._events.append(event)

    def report(self, done_ms: float, total_ms: float | None = None) -> None:
        """State how far the work is.

        Args:
            done_ms: milliseconds of the video, or of the stream, that are done.
            total_ms: length of the video; None if unknown.
        """
        now = self._clock()
        with self._lock:
            if (
                self.kind == "spotting" and done_ms < self._done_ms
            ):  # another piece of work has begun
                self._history.clear()
            if self._running_since is not None:  # the time that was shown does not go back
                done_ms = max(done_ms, self._now_ms(now))
                self._running_since = now
            self._done_ms, self._total_ms = done_ms, total_ms
            self._history.append((now, done_ms))
            while len(self._history) > 2 and self._history[1][0] < now - _SPEED_OVER_S:
                self._history.popleft()

    def run_on(self, running: bool) -> None:
        """State that the stream goes on between the reports, in real time, or that it stands."""
        now = self._clock()
        with self._lock:
            self._done_ms = self._now_ms(now)
            self._running_since = now if running else None

    def note(self, time_ms: int, text: str) -> None:
        """Add a notice about the work, such as a lost connection, at a time of the video."""
        with self._lock:
            self._notices.append({"time_ms": time_ms, "text": text})

    def finish(self, done_ms: float) -> None:
        """State where the stream ended, which may be before the time that was shown last."""
        with self._lock:
            self._running_since, self._done_ms = None, done_ms

    def end(self, state: State, error: str = "") -> None:
        """Report that no more events will come, and why."""
        self.run_on(False)
        with self._lock:
            self._state, self._error = state, error

    def as_json(self, after: int = 0) -> dict[str, Any]:
        """Convert to JSON types.

        Args:
            after: number of events that the page has already, in the order in which they came.
        """
        after = max(0, after)
        with self._lock:
            new = zip(identify_events(self._events)[after:], self._events[after:], strict=True)
            speed = self._speed()
            left_ms = None if self._total_ms is None else max(0.0, self._total_ms - self._done_ms)
            return {
                "kind": self.kind,
                "title": self.title,
                "state": self._state,
                "error": self._error,
                "done_ms": round(self._now_ms(self._clock())),
                "total_ms": None if self._total_ms is None else round(self._total_ms),
                "speed": speed,
                "left_s": None
                if not speed or left_ms is None
                else round(left_ms / 1000 / speed, 1),
                "count": len(self._events),
                "events": [
                    {
                        "id": name,
                        "position_ms": event.position_ms,
                        "label": event.label.value,
                        "confidence": round(event.confidence, 4),
                        "team": event.team.value,
                        "half": event.half,
                    }
                    for name, event in new
                ],
                "notices": list(self._notices),
                "recorded": None if self.recorded is None else self.recorded(),
            }

    def _now_ms(self, now: float) -> float:
        if self._running_since is None:
            return self._done_ms
        return self._done_ms + 1000 * (now - self._running_since)

    def _speed(self) -> float | None:
        """Seconds of video per second, over the last while; None before it is known."""
        if len(self._history) < 2:
            return None
        (begin_s, begin_ms), (end_s, end_ms) = self._history[0], self._history[-1]
        if end_s - begin_s <= 0 or end_ms <= begin_ms:
            return None
        return round((end_ms - begin_ms) / 1000 / (end_s - begin_s), 2)
