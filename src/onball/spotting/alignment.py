"""Result types of the alignment of tags with a video: shifts of periods, and delays of codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onball.errors import InputError, OnballError


class AlignmentError(OnballError):
    """The shift of a period is not certain."""


class PeriodOrderError(InputError):
    """Periods fit parts of the video that are in another order, or overlap."""


@dataclass(frozen=True, slots=True)
class TimedCode:
    """A tag as alignment sees it.

    Attributes:
        code: name of the action in the file of tags.
        time_ms: time by the clock of the tags; negative before its beginning.
        period: period of the match whose clock it is; None if all tags have one clock.
    """

    code: str
    time_ms: int
    period: int | None = None


@dataclass(frozen=True, slots=True)
class PeriodShift:
    """Shift of the tags of a period: time by their clock + shift = time in the video.

    A delay that all codes have in common is part of the shift.

    Attributes:
        period: the period; None if all tags have one clock.
        shift_ms: the best shift, with which tags come at the right time on average.
        tags: number of tags with an action of the model.
        agreeing: tags with a spot of their action within a second, after the correction of delays.
        evidence: logarithm of the likelihood ratio of this shift to tags without any relation to
            the video.
        second_shift_ms: the best shift at least three seconds away.
        second_evidence: its evidence.
        second_agreeing: tags with a spot of their action within a second at that shift.
        drift_ms: change of the shift from the first to the last third of the period's tags; None
            if too few agree.
        error_ms: standard error of the shift, if it is certain; None if it is not, or was given.
        problem: reason why the shift is not certain, in words; empty if it is.
        is_misplaced: True if the problem is the order of the periods in the video.
    """

    period: int | None
    shift_ms: int
    tags: int
    agreeing: int
    evidence: float
    second_shift_ms: int
    second_evidence: float
    second_agreeing: int
    drift_ms: int | None = None
    error_ms: int | None = None
    problem: str = ""
    is_misplaced: bool = False

    @property
    def is_certain(self) -> bool:
        """True if the shift can be used."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class CodeDelay:
    """Reaction delay of a code.

    Attributes:
        code: the code.
        delay_ms: typical time from the action to its tag, relative to that of all tags, or absolute
            if the shifts were given; negative if it is tagged earlier than others.
        error_ms: its standard error.
        pairs: number of tags that agree with a spot.
    """

    code: str
    delay_ms: int
    error_ms: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Result of `align_tags`.

    Attributes:
        periods: the shift of each period, in the order of the periods.
        delays: delay of each code with enough agreeing tags; all others follow the shift alone.
        unused: number of tags of each code that has no action of the model.
    """

    periods: tuple[PeriodShift, ...]
    delays: tuple[CodeDelay, ...]
    unused: Mapping[str, int]

    @property
    def is_certain(self) -> bool:
        """True if the shifts of all periods are certain."""
        return all(period.is_certain for period in self.periods)

    @property
    def shifts_ms(self) -> dict[int | None, int]:
        """Certain shifts by period: the position of each kick-off, for clocks of periods."""
        return {one.period: one.shift_ms for one in self.periods if one.is_certain}

    @property
    def delays_ms(self) -> dict[str, int]:
        """Delays by code."""
        return {one.code: one.delay_ms for one in self.delays}

    def require_certain(self) -> None:
        """Check that all shifts are certain. The message of an error names the period and why.

        Raises:
            AlignmentError: a shift is not certain.
            PeriodOrderError: periods are in the wrong order.
        """
        for one in self.periods:
            if one.problem:
                name = "the tags" if one.period is None else f"period {one.period}"
                error = PeriodOrderError if one.is_misplaced else AlignmentError
                raise error(f"{name}: {one.problem}")

    def place(self, tag: TimedCode, *, delays: bool = False) -> int:
        """Return the time of a tag in the video, in milliseconds; negative before its beginning.

        Args:
            tag: a tag of one of the periods.
            delays: subtract the delay of its code.

        Raises:
            AlignmentError: the shift of its period is not certain.
            InputError: there is no such period.
        """
        shift_ms = self.shifts_ms.get(tag.period)
        if shift_ms is None:
            self.require_certain()
            raise InputError(f"tag '{tag.code}': period {tag.period} was not aligned")
        return tag.time_ms + shift_ms - (self.delays_ms.get(tag.code, 0) if delays else 0)
