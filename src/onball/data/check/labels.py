"""Do the annotations make sense, by themselves and beside their video?

The file is read entry by entry, so that everything wrong with it is told at once; training reads
it with `read_labels`, which stops at the first mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from onball.actions import Action, parse_action
from onball.data.check.layout import Problem, problem_of
from onball.errors import LabelError
from onball.files import read_json_object

_HALF = re.compile(r"\s*(\d{1,3})\s*-")
_WHOLE = re.compile(r"[+-]?\d{1,12}", re.ASCII)
#: As training: a label so far beyond the last frame may still belong to it.
_SLACK_MS = 1000


@dataclass(frozen=True, slots=True)
class _Label:
    """An annotation that can be read; `number` counts from 1."""

    number: int
    action: Action
    position_ms: int
    half: int
    team: str

    def __str__(self) -> str:
        return f"{self.action} at {self.position_ms / 1000:.2f} s, annotation {self.number}"


def check_labels(path: Path, duration_ms: int | None, frame_ms: float) -> tuple[int, list[Problem]]:
    """How many annotations a file has, and what is wrong with them.

    Args:
        path: a `Labels-ball.json`.
        duration_ms: length of its video; None if it is not known.
        frame_ms: time of one frame of the video; the same action twice within it is a duplicate.
    """
    try:
        content = read_json_object(path, LabelError)
    except LabelError as error:
        return 0, [problem_of(error, path, "repair it or get the file again")]
    entries = content.get("annotations")
    if not isinstance(entries, list):
        return 0, [Problem(path, "no list 'annotations' in it", "get the file again")]
    if not entries:
        return 0, [Problem(path, "no annotation in it", "label the match or leave it out")]
    labels, problems = _read(path, entries)
    for check in (_unsorted, _second_half, _repeated):
        problems += check(path, labels)
    problems += _within_a_frame(path, labels, frame_ms)
    if duration_ms is not None:
        problems += _beyond(path, labels, duration_ms)
    return len(entries), problems


def _read(path: Path, entries: Sequence[Any]) -> tuple[list[_Label], list[Problem]]:
    labels = []
    wrong: dict[str, tuple[list[int], str]] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            labels.append(_label(number, entry))
        except _WrongError as error:
            wrong.setdefault(error.what, ([], error.remedy))[0].append(number)
    return labels, [
        Problem(path, f"{_numbers(numbers)}: {what}", remedy)
        for what, (numbers, remedy) in wrong.items()
    ]


class _WrongError(Exception):
    """Why an entry cannot be read."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def _label(number: int, entry: Any) -> _Label:
    if not isinstance(entry, dict):
        raise _WrongError("not an object, {…}", "write it as SoccerNet does")
    for key in ("label", "position", "gameTime"):
        if key not in entry:
            raise _WrongError(f"no '{key}' in it", "add it")
    try:
        action = parse_action(entry["label"])
    except LabelError as error:
        what, _, hint = str(error).partition(": ")
        raise _WrongError(what, hint) from None
    text = str(entry["position"]).strip()
    if isinstance(entry["position"], bool) or not _WHOLE.fullmatch(text):
        raise _WrongError(f"position {entry['position']!r}", "write whole milliseconds")
    if int(text) < 0:
        raise _WrongError("negative position", "count from the video's first frame")
    half = _HALF.match(str(entry["gameTime"]))
    if not half or int(half[1]) < 1:
        raise _WrongError(f"gameTime {entry['gameTime']!r}", "write it as '1 - 46:04'")
    return _Label(number, action, int(text), int(half[1]), str(entry.get("team", "")))


def _unsorted(path: Path, labels: list[_Label]) -> Iterator[Problem]:
    late = [
        after
        for before, after in pairwise(labels)
        if (after.half, after.position_ms) < (before.half, before.position_ms)
    ]
    if late:
        what = f"not in order of time at {len(late)} places, first {late[0]}"
        yield Problem(path, what, "sort the annotations by position")


def _second_half(path: Path, labels: list[_Label]) -> Iterator[Problem]:
    later = [label for label in labels if label.half > 1]
    if later:
        yield Problem(
            path,
            f"{len(later)} labels of half {later[0].half}, first {later[0]}, but one video",
            "count position from the beginning of the video, and write half 1 in gameTime",
        )


def _repeated(path: Path, labels: list[_Label]) -> Iterator[Problem]:
    """One event entered twice: all that it says is the same."""
    pairs = [
        (first, second)
        for _, same in groupby(_by_action(labels), key=_identity)
        for first, second in pairwise(same)
    ]
    if pairs:
        first, second = pairs[0]
        what = f"{len(pairs)} events twice, first {first} and {second.number}"
        yield Problem(path, what, "delete one of each")


def _within_a_frame(path: Path, labels: list[_Label], frame_ms: float) -> Iterator[Problem]:
    pairs = [
        (first, second)
        for first, second in pairwise(_by_action(labels))
        if (first.action, first.half) == (second.action, second.half)
        and second.position_ms - first.position_ms < frame_ms
        and _identity(first) != _identity(second)
    ]
    if pairs:
        first, second = pairs[0]
        what = f"{len(pairs)} times the same action again within one frame, first {first}"
        yield Problem(path, f"{what}, and {second.number}", "keep one of each, or correct its time")


def _beyond(path: Path, labels: list[_Label], duration_ms: int) -> Iterator[Problem]:
    beyond = [label for label in labels if label.position_ms > duration_ms]
    if not beyond:
        return
    what = f"{len(beyond)} labels beyond the video's end at {duration_ms / 1000:.2f} s"
    far = any(label.position_ms > duration_ms + _SLACK_MS for label in beyond)
    remedy = "get the whole video, or the labels of this one" if far else "correct their positions"
    yield Problem(path, f"{what}, first {beyond[0]}", remedy)


def _by_action(labels: list[_Label]) -> list[_Label]:
    return sorted(labels, key=lambda label: (*_identity(label), label.number))


def _identity(label: _Label) -> tuple[str, int, int, str]:
    return label.action, label.half, label.position_ms, label.team


def _numbers(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"annotation {numbers[0]}"
    return f"annotations {', '.join(map(str, numbers[:3]))}" + (
        f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    )
