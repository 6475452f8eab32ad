"""Can the videos be decoded, do they run at an even and expected rate, and is each there once?"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.data.check.layout import Placed, Problem, problem_of
from onball.errors import OnballWarning, VideoError
from onball.files import fingerprint
from onball.video import VideoInfo, probe
from onball.video.decoding import shown_pictures

#: Where pictures are decoded if not all are: shares of the film's length.
_PLACES = (0.0, 0.25, 0.5, 0.75)
#: The last stretch is decoded to its end.
_TAIL_MS = 1000
_LENGTH_TOLERANCE_MS = 1000
_RATE_TOLERANCE = 0.01
_USUAL_RATES = (12.5, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
#: A film with missing or held frames has nearly a usual rate on average.
_NEARLY = 0.002
#: Further findings of the decoder in one film are only counted.
_MOST_WARNINGS = 3


@dataclass(frozen=True, slots=True)
class CheckedVideo:
    """A video that could be opened.

    Attributes:
        placed: whose it is.
        info: what its header says.
        fingerprint: the same for the same file, from its length and its first and last 64 KiB.
    """

    placed: Placed
    info: VideoInfo
    fingerprint: str


def open_video(placed: Placed) -> tuple[CheckedVideo | None, list[Problem]]:
    """The match's video, if it has one and it opens."""
    path = placed.match.video
    if path is None:
        return None, []
    try:
        info = probe(path)
        return CheckedVideo(placed, info, fingerprint(path)), []
    except VideoError as error:
        return None, [problem_of(error, path)]
    except OSError as error:
        return None, [Problem(path, f"cannot be read ({error.strerror})", "check its rights")]


def decode(
    info: VideoInfo, *, full: bool, on_progress: Callable[[float], None] | None = None
) -> tuple[int, list[Problem]]:
    """How many frames were decoded, and what came to light.

    Args:
        info: the video.
        full: every frame; else one at the beginning, at some places in between, and the last
            second.
        on_progress: called with the milliseconds that are behind.
    """
    starts = [0] if full else [round(share * info.duration_ms) for share in _PLACES]
    if not full:
        starts.append(max(0, info.duration_ms - _TAIL_MS))
    count, end_ms = 0, 0.0
    problems: list[Problem] = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", OnballWarning)
        for start in starts:
            decoded_here = 0
            try:
                for picture in shown_pictures(info.path, start):
                    decoded_here += 1
                    end_ms = float(picture.time_ms + picture.duration_ms)
                    if on_progress is not None and full:
                        on_progress(end_ms)
                    if not full and start != starts[-1]:
                        break
            except VideoError as error:
                problems.append(problem_of(error, info.path))
            count += decoded_here
            if not decoded_here and not problems:
                what = f"no picture can be decoded at {start / 1000:.2f} s"
                problems.append(Problem(info.path, what, "get the file again"))
    messages = list(dict.fromkeys(str(w.message) for w in said))
    for message in messages[:_MOST_WARNINGS]:
        problems.append(problem_of(_without_use(message), info.path, "get the file again"))
    if not problems:
        problems += check_length(info, count if full else info.frame_count, end_ms)
    return count, problems


def check_rates(root: Path, videos: Sequence[CheckedVideo], fps: float) -> Iterator[Problem]:
    """Rates that vary, are not the expected one, or differ between the matches."""
    by_rate: dict[float, list[VideoInfo]] = defaultdict(list)
    for video in videos:
        if video.info.variable_rate:
            remedy = f"make it even with ffmpeg -vf fps={fps:g} if frame numbers made the labels"
            yield Problem(video.info.path, "its frame rate varies", remedy)
        else:
            by_rate[round(meant_rate(video.info), 2)].append(video.info)
    for rate, infos in by_rate.items():
        if abs(rate - fps) <= _RATE_TOLERANCE:
            continue
        others = sum(map(len, by_rate.values())) - len(infos)
        what = f"{rate:g} frames per second, not {fps:g}"
        if len(infos) > 1:
            what = f"{len(infos)} videos have {what}, first '{infos[0].path.parent.name}'"
        if others:
            what += f"; {others} others differ from that"
        remedy = f"get the other version, or say --fps {rate:g} if it is right"
        yield Problem(infos[0].path if len(infos) == 1 else root, what, remedy)


def check_copies(videos: Sequence[CheckedVideo]) -> Iterator[Problem]:
    """Videos that are there more than once, in one split or in two."""
    same: dict[str, list[CheckedVideo]] = defaultdict(list)
    for video in videos:
        same[video.fingerprint].append(video)
    for first, *others in same.values():
        for other in others:
            ours, theirs = _splits(first.placed), _splits(other.placed)
            if ours == theirs:
                remedy = "keep one of them"
            else:
                remedy = f"keep it in one split ('{theirs}' here, '{ours}' there)"
            yield Problem(other.info.path, f"the same video as {first.info.path}", remedy)


def check_length(info: VideoInfo, frames: int, end_ms: float) -> Iterator[Problem]:
    """The header's length against the frames there are.

    Args:
        info: the video.
        frames: how many it has.
        end_ms: when the last of them ends.
    """
    if info.duration_ms == 0:
        yield Problem(info.path, "its header says no length", "rewrite it with ffmpeg -c copy")
        return
    rate = meant_rate(info)
    by_frames = 1000 * frames / rate
    if not info.variable_rate and abs(by_frames - info.duration_ms) > _LENGTH_TOLERANCE_MS:
        yield Problem(
            info.path,
            f"{frames} frames at {rate:.5g} per second are {by_frames / 1000:.2f} s, but its "
            f"length is {info.duration_ms / 1000:.2f} s",
            "frames are missing or held: check the labels' times, or make the video anew",
        )
    elif end_ms - info.duration_ms > _LENGTH_TOLERANCE_MS:
        what = f"ends at {end_ms / 1000:.2f} s, after its length of {info.duration_ms / 1000:.2f} s"
        yield Problem(info.path, what, "rewrite it with ffmpeg -c copy")


def meant_rate(info: VideoInfo) -> float:
    """The usual rate that the film's average is nearest to, or the average if none is near."""
    nearest = min(_USUAL_RATES, key=lambda rate: abs(rate - info.fps))
    return nearest if abs(nearest - info.fps) <= _NEARLY * nearest / 2 else info.fps


def _without_use(message: str) -> str:
    """The decoder's remark without what a reader does about it: here it is to be repaired."""
    for end in (", what comes before is used", ": what cannot be decoded there is left out"):
        message = message.removesuffix(end)
    return message


def _splits(placed: Placed) -> str:
    return ", ".join(placed.splits) or "no split"
