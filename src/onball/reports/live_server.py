"""Serve a live stream's messages on this machine, for a second screen.

`/` is a page with the latest events and counts per action, `/events` the messages as server-sent
events, `/events.ndjson` the same as lines of JSON, `/counts` the counts so far.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Condition, Thread
from typing import Any, ClassVar

from onball.actions import BALL_ACTIONS, EventLabel
from onball.errors import InputError

DEFAULT_PORT = 8765
#: Names by which a browser on this machine may call the server. A page of another site that has its
#: name resolved to this machine calls it by that name, and gets nothing.
_LOCAL_HOSTS = ("127.0.0.1", "localhost")
#: Seconds after which a silent stream gets a comment, so that a closed connection is noticed.
_KEEP_ALIVE_S = 15.0
#: Longest time that the server takes to notice that it is to end, in seconds.
_POLL_S = 0.05
#: Part of the page that is replaced by the names and colours of the actions.
_PLACE_OF_ACTIONS = "/*ACTIONS*/[]"


class LiveServer:
    """HTTP server on 127.0.0.1 for the messages of one live stream; a context manager.

        with LiveServer(8765) as server:
            for message in onball.live("rtsp://camera/main"):
                server.publish(message.to_dict())

    A client that connects late gets the earlier messages first. Everything is kept in memory: the
    messages of a match are some hundred kilobytes.

    Args:
        port: the port; 0 takes any that is free.
        actions: actions whose counts the page shows from the beginning.

    Raises:
        InputError: the port is taken or not allowed.
    """

    def __init__(
        self, port: int = DEFAULT_PORT, actions: Iterable[EventLabel] = BALL_ACTIONS
    ) -> None:
        self._messages: list[str] = []
        self._counts: Counter[str] = Counter()
        self._time_ms = 0
        self._changed = Condition()
        self._closed = False
        self._page = _page(actions)
        handler = type("Handler", (_Handler,), {"live": self})
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"port {port} cannot be used ({reason}): choose another one") from None
        self._server.daemon_threads = True
        self._thread = Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="onball http", daemon=True
        )

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> LiveServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def publish(self, message: Mapping[str, Any]) -> None:
        """Send a message, as its `to_dict()` gives it, to all clients."""
        text = json.dumps(message, ensure_ascii=False)
        with self._changed:
            self._messages.append(text)
            if message.get("type") == "event":
                self._counts[message["label"]] += 1
                self._time_ms = max(self._time_ms, message["position_ms"])
            self._changed.notify_all()

    def page(self) -> str:
        """The page of the second screen."""
        return self._page

    def counts(self) -> dict[str, Any]:
        """Number of events of each action, and the time of the latest event in milliseconds."""
        with self._changed:
            return {"position_ms": self._time_ms, "counts": dict(self._counts.most_common())}

    def stream(self, first: int = 0) -> Iterator[tuple[int, str] | None]:
        """Yield the number and text of each message from number `first` on, until the server closes.

        None is yielded where nothing has happened for a while.
        """
        number = max(0, first)
        while True:
            with self._changed:
                if number >= len(self._messages) and not self._closed:
                    self._changed.wait(_KEEP_ALIVE_S)
                ready = self._messages[number:]
                if not ready and self._closed:
                    return
            if not ready:
                yield None
            for text in ready:
                yield number, text
                number += 1


class _Handler(BaseHTTPRequestHandler):
    """Answers one request to a `LiveServer`."""

    live: ClassVar[LiveServer]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Host", "").rpartition(":")[0] not in _LOCAL_HOSTS:
            self.send_error(HTTPStatus.FORBIDDEN, "call it by 127.0.0.1 or localhost")
            return
        try:
            match self.path.partition("?")[0]:
                case "/":
                    self._send("text/html", self.live.page())
                case "/counts":
                    self._send("application/json", json.dumps(self.live.counts()))
                case "/events":
                    self._stream("text/event-stream")
                case "/events.ndjson":
                    self._stream("application/x-ndjson")
                case _:
                    self.send_error(HTTPStatus.NOT_FOUND)
        except ConnectionError:
            self.close_connection = True  # the client has gone

    def _send(self, kind: str, text: str) -> None:
        body = text.encode()
        self._begin(kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begin(self, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Cache-Control", "no-store")

    def _stream(self, kind: str) -> None:
        """Send messages until the stream or the client ends."""
        self._begin(kind)
        self.send_header("Connection", "close")
        self.end_headers()
        events = kind == "text/event-stream"
        # A browser that lost the connection states the last message that it has.
        last = self.headers.get("Last-Event-ID", "")
        first = int(last) + 1 if last.isascii() and last.isdigit() else 0
        for item in self.live.stream(first):
            if item is not None:
                number, text = item
                line = f"id: {number}\ndata: {text}\n\n" if events else f"{text}\n"
            else:
                line = ": still here\n\n" if events else "\n"
            self.wfile.write(line.encode())
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


def _page(actions: Iterable[EventLabel]) -> str:
    listed = json.dumps([{"label": each.value, "colour": each.colour} for each in actions])
    text = files("onball.reports").joinpath("live_page.html").read_text("utf-8")
    # Names may be the user's: `<` must not end the script that they are put into.
    return text.replace(_PLACE_OF_ACTIONS, listed.replace("<", "\\u003c"))
