"""Addresses of live sources: their kinds, the options of FFmpeg that suit them, and opening them."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import av

from onball.errors import VideoError

Kind = Literal["file", "pipe", "device", "network"]

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.I)
#: Seconds for which RTSP's listening mode waits for a sender: a day.
_LISTEN_S = 86_400


@dataclass(frozen=True, slots=True)
class LiveAddress:
    """Address of a live source, and how it is opened.

    Attributes:
        url: address as FFmpeg takes it.
        kind: file, pipe, device or network.
        shown: the address without a password, for messages.
        format: FFmpeg's name of the container or device; None if FFmpeg recognises it.
        options: options of FFmpeg's demuxer and protocol.
    """

    url: str
    kind: Kind
    shown: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        source: str | Path,
        format: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> LiveAddress:
        """Parse a source as users give it.

        Args:
            source: a file, `-` for standard input, a named pipe, `/dev/video0`, or a URL.
            format: FFmpeg's name of the container or device: for raw pipes, and for devices, which
                it makes of the source (`avfoundation`, `dshow`, `v4l2`, `x11grab`, `lavfi` …).
            options: options of FFmpeg, which take precedence over those that are usual here.

        Raises:
            VideoError: there is no such file.
        """
        text, given = str(source), dict(options or {})
        if text == "-":
            return cls("pipe:0", "pipe", "standard input", format, given)
        if isinstance(source, str) and _URL.match(text):
            scheme, path = urlsplit(text).scheme.lower(), urlsplit(text).path.lower()
            # Some formats would otherwise be analysed for five seconds before the first frame.
            usual = {"analyzeduration": "1000000"}
            if scheme.startswith("rtsp"):
                # Cameras lose packets over UDP, and many networks let none of them pass.
                usual["rtsp_flags"] = "prefer_tcp"
                if "listen" in given.get("rtsp_flags", ""):
                    usual["listen_timeout"] = str(_LISTEN_S)
            elif path.endswith(".m3u8"):
                usual["live_start_index"] = "-1"  # the newest segment
            kind: Kind = "file" if scheme == "file" else "network"
            return cls(text, kind, _without_password(text), format, usual | given)
        path_ = Path(text)
        mode = path_.stat().st_mode if path_.exists() else 0
        if format is not None and not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            return cls(text, "device", text, format, given)
        if stat.S_ISCHR(mode) and text.startswith("/dev/video"):
            return cls(text, "device", text, "v4l2", given)
        if stat.S_ISFIFO(mode):
            return cls(text, "pipe", text, format, given)
        if stat.S_ISDIR(mode):
            raise VideoError(f"{text}: is a folder: give a video file, a stream's URL or -")
        if not mode:
            raise VideoError(f"{text}: no such file: check the path; a URL begins like rtsp://")
        return cls(text, "file", text, format, given)

    @property
    def returns(self) -> bool:
        """True if the source can be opened again when it has ended."""
        return self.kind in ("device", "network")

    @property
    def listens(self) -> bool:
        """True if the source waits for a sender instead of calling a server."""
        return self.options.get("listen", "0") != "0" or "listen" in self.options.get(
            "rtsp_flags", ""
        )

    def open(self, timeout_s: float) -> Any:
        """Open the source with FFmpeg, and return its container.

        Args:
            timeout_s: longest time without data, in seconds. A source that listens, and a pipe,
                may take longer to open.

        Raises:
            VideoError: it cannot be opened.
        """
        open_s = None if self.listens or self.kind == "pipe" else timeout_s
        try:
            return av.open(
                self.url,
                format=self.format,
                options=dict(self.options),
                timeout=(open_s, timeout_s),
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{self.shown}: {explain_failure(error, timeout_s)}") from None


def is_complete(container: Any) -> bool:
    """Return True for a container with all of a video, False for a stream still being produced."""
    return bool(container.duration) and container.duration > 0


def explain_failure(error: Exception, timeout_s: float) -> str:
    """Describe the reason of an error of FFmpeg, for users.

    Args:
        error: raised when the source was opened or read.
        timeout_s: longest time without data that was allowed, in seconds.
    """
    if isinstance(error, av.error.ExitError):
        return f"no data for {timeout_s:g} s"
    if isinstance(error, av.error.ProtocolNotFoundError):
        return "FFmpeg has no such protocol here: use RTSP, RTMP, HLS, UDP or a pipe"
    if isinstance(error, av.error.InvalidDataError):
        return "not a video that FFmpeg recognises: a raw stream needs its format"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"cannot be read ({reason})"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))
