"""Live sources for tests: senders in processes of their own, growing playlists, and fast clocks."""

from __future__ import annotations

import functools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from numbered_videos import write_video

from onball.video.live import LiveFrame, LiveSource

#: Nothing here takes this long, however slow the machine.
LIMIT_S = 120.0

# In a process of its own, since FFmpeg's senders hold Python's lock while they connect. Packets are
# sent in real time, or faster, once somebody listens.
_SENDER = """
import sys, time, av
path, url, kind, speed, *pairs = sys.argv[1:]
options = dict(pair.split("=") for pair in pairs)
with av.open(path) as source:
    stream = source.streams.video[0]
    for attempt in range(600):
        target = av.open(url, "w", format=kind, options=options)
        copy = target.add_stream_from_template(stream)
        try:
            target.start_encoding()
            break
        except OSError:
            time.sleep(0.1)
    begun = time.monotonic()
    for packet in source.demux(stream):
        if packet.dts is None:
            continue
        left = float(packet.dts * packet.time_base) / float(speed) - (time.monotonic() - begun)
        time.sleep(max(0.0, left))
        packet.stream = copy
        target.mux(packet)
    target.close()
"""


def fast_clock(speed: float) -> Callable[[], float]:
    """A steady clock that runs faster than it should."""
    begun = time.monotonic()
    return lambda: begun + speed * (time.monotonic() - begun)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """True if a server of this machine takes connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def sender(
    video: Path, url: str, kind: str, *options: str, speed: float = 20
) -> Iterator[subprocess.Popen[bytes]]:
    """Send a video to an address in another process."""
    command = [sys.executable, "-c", _SENDER, str(video), url, kind, str(speed), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes true in another thread."""
    ends_at = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < ends_at, "it does not come true"
        time.sleep(0.01)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a web server for a folder."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def numbered_stream(path: Path, seconds: float, rate: int = 25, **settings: object) -> Path:
    """A video whose frames encode their number."""
    times = [Fraction(i, rate) for i in range(round(seconds * rate))]
    return write_video(path, times, rate, **settings)


def collect(source: LiveSource, most: int = 16) -> tuple[list[LiveFrame], list[object]]:
    """All frames and all notices of a source, until it ends."""
    frames, notices = [], []
    ends_at = time.monotonic() + LIMIT_S
    with source:
        while not source.finished:
            assert time.monotonic() < ends_at, "the source does not end"
            for item in source.take(most):
                (frames if isinstance(item, LiveFrame) else notices).append(item)
    return frames, notices
