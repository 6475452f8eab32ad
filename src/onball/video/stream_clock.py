"""Clocks of a live stream: times of its frames, and the times at which they are due.

A stream's timestamps begin anywhere, jump when an encoder is restarted, and begin again with each
connection. `StreamClock` maps them to one time axis that starts at 0 and never runs back.
`PlayoutClock` states when a player would show a packet: what is processed later than that is late.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Generic, TypeVar

from onball.video.notices import StreamGap

#: Steps between two frames up to this are part of a stream; longer ones are gaps.
LONGEST_STEP_MS = 2000
#: A step in timestamps is accepted if the elapsed time differs from it by no more than this.
_AGREEMENT_MS = 2000
#: Frames this much before the last one are late, not the beginning of a new clock.
_MOST_REORDERED_MS = 500
#: Speed at which a play-out that was delayed returns to the live edge.
_CATCH_UP = Fraction(11, 10)
#: Steps above this between packets are jumps of the stream's clock.
_LONGEST_PACKET_STEP_S = 10
#: Number of packets whose spacing distinguishes a burst from a stream, and the largest burst.
_BURST_ITEMS, _LONGEST_BURST = 6, 1500

T = TypeVar("T")


class StreamClock:
    """Maps the timestamps of a stream to milliseconds since its first frame.

    As long as timestamps advance steadily they alone count. Where they jump, and with each new
    connection, the time that has passed decides how much of the stream is missing: timestamps are
    used if they agree with it, and continue from there if they do not.
    """

    def __init__(self) -> None:
        self._offset: Fraction | None = None  # from timestamps to times
        self._last_pts = Fraction(0)
        self._last_received_s = 0.0

    @property
    def time_ms(self) -> Fraction:
        """Time of the last frame; 0 before the first one."""
        return Fraction(0) if self._offset is None else self._last_pts + self._offset

    def time_of(
        self, pts_ms: Fraction, received_s: float, interruption: str = ""
    ) -> tuple[Fraction, StreamGap | None] | None:
        """Time of the next frame, and the gap before it if there is one.

        Args:
            pts_ms: timestamp of the frame.
            received_s: time at which it was received, in seconds, by any steady clock.
            interruption: reason for a gap before this frame; empty if it follows the last one.

        Returns:
            None for a frame that is not after the last one, which is to be left out.
        """
        if self._offset is None:
            self._offset = -pts_ms
            self._advance(pts_ms, received_s)
            return Fraction(0), None
        step = pts_ms - self._last_pts
        if not interruption and -_MOST_REORDERED_MS < step <= LONGEST_STEP_MS:
            if step <= 0:
                return None
            self._advance(pts_ms, received_s)
            return self.time_ms, None
        start = self.time_ms
        passed = Fraction(max(0.0, received_s - self._last_received_s)) * 1000
        if step <= 0 or abs(step - passed) > _AGREEMENT_MS:
            # Another clock. At least one millisecond, because times never stand still.
            self._offset = start + max(Fraction(round(passed)), Fraction(1)) - pts_ms
            interruption = interruption or "timestamps jumped"
        self._advance(pts_ms, received_s)
        return self.time_ms, StreamGap(
            round(start), round(self.time_ms), interruption or "no frames"
        )

    def _advance(self, pts_ms: Fraction, received_s: float) -> None:
        self._last_pts, self._last_received_s = pts_ms, received_s


class PlayoutClock:
    """Times at which a player that waits for late packets would show the packets of a stream.

    A burst, such as a segment of HLS, is not due at once but in real time. After a delay the play-out
    runs 10 % faster until it is at the live edge again.
    """

    def __init__(self) -> None:
        self._due_s: float | None = None
        self._media_s = Fraction(0)

    def due(self, media_s: Fraction, received_s: float) -> float:
        """Time at which a packet is due, by the clock of `received_s`; never before that.

        Args:
            media_s: decoding time of the packet, in seconds.
            received_s: time at which it was received, in seconds.
        """
        step = media_s - self._media_s
        if self._due_s is None or not 0 <= step <= _LONGEST_PACKET_STEP_S:
            self._due_s = received_s
        else:
            self._due_s = max(received_s, self._due_s + float(step / _CATCH_UP))
        self._media_s = media_s
        return self._due_s


class FirstBurst(Generic[T]):
    """Arrival of the packets that are there at once when a connection is opened.

    FFmpeg analyses the beginning of a stream before it gives out the first packet, and servers begin
    with the last keyframe: the first packets are older than the time at which they are received. The
    last of them is new, and the others arrived as much earlier as their timestamps say.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[T, Fraction, float]] = []
        self._over = False

    def push(self, item: T, media_s: Fraction, received_s: float) -> list[tuple[float, T]]:
        """Add a packet, and return those whose arrival is known, each with it.

        Args:
            item: the packet.
            media_s: its decoding time, in seconds.
            received_s: time at which it was received, in seconds.
        """
        if self._over:
            return [(received_s, item)]
        self._waiting.append((item, media_s, received_s))
        _, before_s, at_s = self._waiting[-_BURST_ITEMS:][0]
        if len(self._waiting) >= _BURST_ITEMS and received_s - at_s >= (media_s - before_s) / 2:
            return self.finish()  # packets come in real time
        return self.finish() if len(self._waiting) >= _LONGEST_BURST else []

    def finish(self) -> list[tuple[float, T]]:
        """Return the packets that wait, each with its arrival."""
        self._over = True
        waiting, self._waiting = self._waiting, []
        newest_s = min((at_s - float(media_s) for _, media_s, at_s in waiting), default=0.0)
        return [(min(at_s, newest_s + float(media_s)), item) for item, media_s, at_s in waiting]


class Backoff:
    """Waiting times between attempts, which double up to a limit.

    Args:
        first_s: the first one, in seconds.
        longest_s: the limit, in seconds.
    """

    def __init__(self, first_s: float = 0.5, longest_s: float = 15.0) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._attempts = 0

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        wait = min(self._longest_s, self._first_s * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return wait

    def reset(self) -> None:
        """Begin again with the first waiting time."""
        self._attempts = 0
