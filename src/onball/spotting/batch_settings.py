"""Settings of a batch of videos that do not concern the model: what to show, which part, which clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.errors import InputError
from onball.events import SpottingInfo, VideoPart
from onball.spotting.jobs import Job
from onball.timing import format_time

_HALVES = 2


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Checked settings of a batch.

    Attributes:
        threshold: lowest confidence to show; None takes those of the model.
        actions: names to show; None shows all.
        start_ms, end_ms: the part to spot; None is the end of the video.
        half: half with which the video begins.
        kickoffs_ms: kick-off of each half in the video; empty if unknown.
    """

    threshold: float | None
    actions: tuple[str, ...] | None
    start_ms: int
    end_ms: int | None
    half: int
    kickoffs_ms: tuple[int | None, ...]

    @classmethod
    def of(
        cls,
        threshold: float | None,
        actions: Iterable[EventLabel | str] | None,
        start_ms: int,
        end_ms: int | None,
        kickoffs_ms: Sequence[int],
        half: int,
    ) -> BatchSettings:
        """Check the settings. Raises `InputError` for one that is out of range."""
        if threshold is not None and not 0 <= threshold <= 1:
            raise InputError(f"threshold {threshold} is outside 0 to 1")
        if start_ms < 0 or (end_ms is not None and end_ms <= start_ms):
            end = "the end" if end_ms is None else format_time(end_ms)
            raise InputError(f"the part from {format_time(start_ms)} to {end} is empty")
        if not 1 <= half <= _HALVES:
            raise InputError(f"half {half} does not exist: 1 or 2")
        if len(kickoffs_ms) > _HALVES + 1 - half:
            raise InputError(
                f"{len(kickoffs_ms)} kick-offs are given, and {_HALVES + 1 - half} can be in a video "
                f"that begins with half {half}"
            )
        if list(kickoffs_ms) != sorted(set(kickoffs_ms)):
            raise InputError("the second kick-off is not after the first one")
        wanted = None if actions is None else tuple(actions)
        known = (*[None] * (half - 1), *kickoffs_ms) if kickoffs_ms else ()
        return cls(threshold, wanted, start_ms, end_ms, half, known)

    def for_model(self, predicted: ActionSet) -> BatchSettings:
        """Return the settings with the labels of a model in place of the names of actions.

        Those of the 12 actions that the model does not predict are left out.

        Raises:
            InputError: the model predicts none of the actions to show.
            LabelError: a name is neither one of its classes nor one of the 12 actions.
        """
        if self.actions is None:
            return self
        found = dict.fromkeys(predicted.find(name, BALL_ACTIONS) for name in self.actions)
        shown = tuple(label for label in found if label in predicted)
        if not shown:
            raise InputError(
                f"this model does not predict {', '.join(found)}, but {', '.join(predicted)}"
            )
        return replace(self, actions=shown)

    def check(self, job: Job) -> None:
        """Raise `InputError` if a time is after the end of a video."""
        duration_ms = job.duration_ms
        if duration_ms is None:
            return
        for what, time_ms in (
            ("the part to spot", self.start_ms),
            *(("the kick-off", kickoff) for kickoff in self.kickoffs_ms),
        ):
            if time_ms is not None and time_ms >= duration_ms:
                raise InputError(
                    f"{job.name}: {what} begins at {format_time(time_ms)}, and the video ends at "
                    f"{format_time(duration_ms)}"
                )

    def describe(self, info: SpottingInfo, job: Job) -> SpottingInfo:
        """Complete the description of a job's events."""
        parts: tuple[VideoPart, ...] = ()
        if len(job.parts) > 1:
            parts = tuple(
                VideoPart(part.video.path.name, part.offset_ms, part.video.duration_ms)
                for part in job.parts
            )
        return replace(
            info,
            duration_ms=job.duration_ms,
            actions=None if self.actions is None else tuple(map(info.classes.parse, self.actions)),
            kickoffs_ms=self.kickoffs_ms,
            start_ms=self.start_ms or None,
            end_ms=self.end_ms,
            parts=parts,
        )
