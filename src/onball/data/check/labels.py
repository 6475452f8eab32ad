"""Checks of the annotations of a match, alone and against its video.

A label file is read as training reads it, but all of its invalid annotations are reported at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet
from onball.data.check.layout import Problem, problem_of
from onball.errors import LabelError
from onball.events import Event
from onball.formats.soccernet import EntryError, read_label_entries

#: As in training: a label this long after the last frame may still belong to it.
_SLACK_MS = 1000


@dataclass(frozen=True, slots=True)
class _Label:
    """A valid annotation and its number in the file, from 1."""

    number: int
    event: Event

    def __str__(self) -> str:
        seconds = self.event.position_ms / 1000
        return f"{self.event.label} at {seconds:.2f} s, annotation {self.number}"


def check_labels(
    path: Path,
    duration_ms: int | None,
    frame_ms: float,
    actions: ActionSet = BALL_ACTIONS,
) -> tuple[int, list[Problem]]:
    """Count the annotations of a file and find what is wrong with them.

    Args:
        path: a `Labels-ball.json`.
        duration_ms: length of its video; None if it is not known.
        frame_ms: time of one frame of the video; the same action twice within it is a duplicate.
        actions: the classes that may occur.
    """
    try:
        entries = read_label_entries(path, actions)
    except LabelError as error:
        return 0, [problem_of(error, path, "repair it or get the file again")]
    if not len(entries):
        return 0, [Problem(path, "no annotation in it", "label the match or leave it out")]
    labels = [_Label(number, event) for number, event in entries.events]
    problems = _invalid(path, entries.errors)
    for check in (_unsorted, _second_half, _repeated):
        problems += check(path, labels)
    problems += _within_a_frame(path, labels, frame_ms)
    if duration_ms is not None:
        problems += _beyond(path, labels, duration_ms)
    return len(entries), problems


def _invalid(path: Path, errors: list[tuple[int, EntryError]]) -> list[Problem]:
    """One problem for all annotations with the same error."""
    numbers: dict[str, list[int]] = {}
    for number, error in errors:
        numbers.setdefault(error.what, []).append(number)
    remedies = {error.what: error.remedy for _, error in reversed(errors)}
    return [
        Problem(path, f"{_numbers(wrong)}: {what}", remedies[what])
        for what, wrong in numbers.items()
    ]


def _unsorted(path: Path, labels: list[_Label]) -> Iterator[Problem]:
    late = [after for before, after in pairwise(labels) if _time(after) < _time(before)]
    if late:
        what = f"not in order of time: {len(late)} of {len(labels)} labels, first {late[0]}"
        yield Problem(path, what, "sort the annotations by position")


def _second_half(path: Path, labels: list[_Label]) -> Iterator[Problem]:
    later = [label for label in labels if label.event.half > 1]
    if later:
        yield Problem(
            path,
            f"{len(later)} of {len(labels)} labels in half {later[0].event.half}, first {later[0]}, but "
            "one video",
            "count position from the beginning of the video, and write half 1 in gameTime",
        )


def _repeated(path: Path, labels: list[_Label]) -> Iterator[Problem]:
    """Annotations that are in the file twice."""
    pairs = [
        (first, second)
        for _, same in groupby(_by_action(labels), key=_identity)
        for first, second in pairwise(same)
    ]
    if pairs:
        first, second = pairs[0]
        what = (
            f"{len(pairs)} of {len(labels)} labels there twice, first {first} and {second.number}"
        )
        yield Problem(path, what, "delete one of each")


def _within_a_frame(path: Path, labels: list[_Label], frame_ms: float) -> Iterator[Problem]:
    pairs = [
        (first, second)
        for first, second in pairwise(_by_action(labels))
        if (first.event.label, first.event.half) == (second.event.label, second.event.half)
        and second.event.position_ms - first.event.position_ms < frame_ms
        and _identity(first) != _identity(second)
    ]
    if pairs:
        first, second = pairs[0]
        what = (
            f"{len(pairs)} of {len(labels)} labels repeat an action within one frame, first {first}"
        )
        yield Problem(path, f"{what}, and {second.number}", "keep one of each, or correct its time")


def _beyond(path: Path, labels: list[_Label], duration_ms: int) -> Iterator[Problem]:
    beyond = [label for label in labels if label.event.position_ms > duration_ms]
    if not beyond:
        return
    what = f"{len(beyond)} of {len(labels)} labels beyond the video's end at {duration_ms / 1000:.2f} s"
    far = any(label.event.position_ms > duration_ms + _SLACK_MS for label in beyond)
    remedy = "get the whole video, or the labels of this one" if far else "correct their positions"
    yield Problem(path, f"{what}, first {beyond[0]}", remedy)


def _by_action(labels: list[_Label]) -> list[_Label]:
    return sorted(labels, key=lambda label: (*_identity(label), label.number))


def _time(label: _Label) -> tuple[int, int]:
    return label.event.half, label.event.position_ms


def _identity(label: _Label) -> tuple[str, int, int, str]:
    event = label.event
    # The team as it is in the file, which may be none that an event can have.
    return event.label, event.half, event.position_ms, str(event.extra.get("team", event.team))


def _numbers(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"annotation {numbers[0]}"
    return f"annotations {', '.join(map(str, numbers[:3]))}" + (
        f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    )
