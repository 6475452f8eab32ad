"""Small videos of numbered frames with sound: silence, and a tone from some time on."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numbered_videos import numbered

RATE = 48_000


def write_with_sound(
    path: Path, seconds: float, tone_from_s: float, *, fps: int = 25, delay_s: float = 0.0
) -> Path:
    """Write numbered frames with key frames every second, and a tone of 440 Hz from a time on.

    Args:
        path: the video.
        seconds: its length.
        tone_from_s: time at which the tone begins; it is silent before.
        fps: frames per second.
        delay_s: time at which the sound begins.
    """
    times = np.arange(int(delay_s * RATE), int(seconds * RATE)) / RATE
    wave = np.where(times >= tone_from_s, 0.5 * np.sin(2 * np.pi * 440 * times), 0).astype(
        np.float32
    )
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            "libx264", rate=fps, options={"g": str(fps), "preset": "ultrafast"}
        )
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for index in range(int(seconds * fps)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(numbered(index))))
        container.mux(video.encode(None))
        for first in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, first : first + 1024], "fltp", "mono")
            frame.sample_rate, frame.pts = RATE, int(delay_s * RATE) + first
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def heard_from(path: Path) -> tuple[float, float] | None:
    """Time at which a tone is first heard, from the first frame on, and the end of the sound."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        first = next(container.decode(video=0))
        begin_s = float(first.pts * first.time_base)
    with av.open(str(path)) as container:
        heard, end_s = -1.0, 0.0
        for frame in container.decode(audio=0):
            start_s = float(frame.pts * frame.time_base) - begin_s
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1)
            if heard < 0 and len(loud):
                heard = start_s + loud[0] / frame.sample_rate
            end_s = start_s + frame.samples / frame.sample_rate
    return heard, end_s
