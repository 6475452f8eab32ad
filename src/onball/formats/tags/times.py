"""Times as tagging and editing programs write them: seconds, clock times and SMPTE time codes.

`time_code_seconds` reads a time code, and `format_time_code` writes one.

Drop-frame time codes, `01:00:00;02`, count 30 frames a second for video of 29.97, and leave out the
labels of the first two frames of each minute but every tenth (SMPTE 12M), so that they stay near the
time of day; at 59.94 they leave out four of 60.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from onball.errors import LabelError

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
_CLOCK = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<h>\d{1,3}):)?(?P<m>\d{1,4})[:'’](?P<s>\d{1,2}(?:[.,]\d{1,12})?)(?:''|\"|”)?",
    re.ASCII,
)
_TIME_CODE = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2})(?P<drop>[:;])(?P<f>\d{2,3})", re.ASCII
)
#: Largest time that is no mistake, in seconds.
LIMIT_S = 100 * 3600
_NTSC = Fraction(1000, 1001)
#: Minus sign, dash and the decimal separator of Arabic.
_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u066b": "."})


def parse_seconds(text: str, fps: float | None = None) -> float:
    """Parse a time such as `83.5`, `83,5`, `1:23.5`, `01:02:03,250`, `47'12` or `01:02:03:12`.

    Args:
        text: the time.
        fps: frames per second of the video, for time codes that count frames.

    Raises:
        LabelError: it is no time, or a time code without `fps`.
    """
    text = _plain(text.strip())
    if found := _TIME_CODE.fullmatch(text):
        if fps is None:
            raise LabelError(f"'{text}' counts frames: give the frame rate with --fps")
        return float(time_code_seconds(text, fps))
    if _NUMBER.fullmatch(text):
        seconds = float(text.replace(",", "."))
    elif found := _CLOCK.fullmatch(text):
        hours, minutes = int(found["h"] or 0), int(found["m"])
        rest = float(found["s"].replace(",", "."))
        if rest >= 60 or (found["h"] and minutes > 59):
            raise LabelError(f"'{text}' is not a time: minutes and seconds count to 59")
        seconds = (hours * 60 + minutes) * 60 + rest
        seconds = -seconds if found["sign"] == "-" else seconds
    else:
        raise LabelError(f"'{text}' is not a time: write seconds (83.5), 1:23.5 or 1:02:03.5")
    if abs(seconds) > LIMIT_S:
        raise LabelError(f"'{text}' is too large for a time in seconds: is it in another unit?")
    return seconds


def _plain(text: str) -> str:
    """Return a time with the digits and signs of ASCII: in Arabic, or as wide as Chinese characters."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    return "".join(str(unicodedata.decimal(char, char)) for char in text)


def exact_rate(fps: float) -> Fraction:
    """Return the exact rate of a rounded one: 30000/1001 for 29.97."""
    nominal = round(fps)
    if nominal and abs(fps - float(nominal * _NTSC)) < 0.004 and abs(fps - nominal) > 0.004:
        return nominal * _NTSC
    return Fraction(fps).limit_denominator(1001)


def time_code_seconds(text: str, fps: float, *, drop_frame: bool | None = None) -> Fraction:
    """Convert a time code `HH:MM:SS:FF` to seconds since `00:00:00:00`.

    Args:
        text: the time code; a semicolon before the frames means drop-frame.
        fps: frames per second.
        drop_frame: True for drop-frame time codes also with a colon; None to decide by the text.

    Raises:
        LabelError: it is no time code, or has no such frame.
    """
    found = _TIME_CODE.fullmatch(text.strip())
    if found is None:
        raise LabelError(f"'{text}' is not a time code of the form 01:02:03:12")
    rate = exact_rate(fps)
    nominal = round(rate)
    hours, minutes, seconds, frames = (int(found[part]) for part in "hmsf")
    if frames >= nominal or seconds > 59 or minutes > 59:
        raise LabelError(f"'{text}' is no time code at {fps:g} frames per second")
    total = (hours * 60 + minutes) * 60 + seconds
    count = total * nominal + frames
    drops = found["drop"] == ";" if drop_frame is None else drop_frame
    if drops:
        if nominal % 30 or rate == nominal:
            raise LabelError(
                f"'{text}' is a drop-frame time code, for 29.97 or 59.94 frames per second, not {fps:g}"
            )
        left_out = nominal // 15
        if seconds == 0 and frames < left_out and minutes % 10:
            raise LabelError(f"'{text}' does not occur among drop-frame time codes")
        whole_minutes = total // 60
        count -= left_out * (whole_minutes - whole_minutes // 10)
    return count / rate


def is_drop_frame(rate: Fraction) -> bool:
    """Return True for the rates that drop-frame time codes are for: 29.97 and 59.94."""
    nominal = round(rate)
    return nominal % 30 == 0 and rate == nominal * _NTSC


def format_time_code(frame: int, rate: Fraction, *, drop_frame: bool = False) -> str:
    """Format the number of a frame as `HH:MM:SS:FF`, the reverse of `time_code_seconds`.

    Args:
        frame: number of the frame since `00:00:00:00`.
        rate: exact frames per second.
        drop_frame: leave out labels, and write a semicolon before the frames.
    """
    nominal = round(rate)
    if drop_frame:
        left_out = nominal // 15
        minute = 60 * nominal - left_out  # but every tenth, which has all its labels
        tens, rest = divmod(frame, 10 * minute + left_out)
        frame += left_out * (9 * tens + max(0, (rest - left_out) // minute))
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    mark = ";" if drop_frame else ":"
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{frames:02d}"
