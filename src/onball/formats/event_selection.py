"""Choice of the events of a file that are shown, listed or converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet
from onball.config import InferenceConfig
from onball.errors import InputError
from onball.events import EventList, SpottingInfo, Team


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Events that are wanted.

    Attributes:
        threshold: lowest confidence; None is that of `info`.
        thresholds: lowest confidence of single actions, by their names as people write them.
        actions: names of the actions; None is those of `info`.
        start_ms: events before are left out.
        end_ms: events from here on are left out; None is the end.
        team: only this team; None is all.
    """

    threshold: float | None = None
    thresholds: Mapping[str, float] | None = None
    actions: Sequence[str] | None = None
    start_ms: int = 0
    end_ms: int | None = None
    team: Team | None = None

    def select(self, events: EventList) -> EventList:
        """Return the events wanted; their `info` says which they are.

        Raises:
            LabelError: no action, or more than one, has a given name.
            InputError: a threshold is outside 0 to 1.
        """
        info = self.describe(replace(events.info or SpottingInfo(), classes=events.classes))
        chosen = replace(events, info=info).shown.between(self.start_ms, self.end_ms)
        return chosen if self.team is None else chosen.where(lambda event: event.team is self.team)

    def check(self) -> None:
        """Raise `InputError` if a threshold is outside 0 to 1."""
        for least in (self.threshold, *(self.thresholds or {}).values()):
            if least is not None and not 0 <= least <= 1:
                raise InputError(f"threshold {least:g} is outside 0 to 1")

    def describe(self, info: SpottingInfo) -> SpottingInfo:
        """Return the info of events with the thresholds and actions that are wanted in it.

        Raises:
            LabelError: no action, or more than one, has a given name.
            InputError: a threshold is outside 0 to 1.
        """
        self.check()
        if self.threshold is not None:
            info = replace(info, thresholds=dict.fromkeys(info.classes, self.threshold))
        if self.thresholds:
            single = {
                info.classes.find(name, BALL_ACTIONS): least
                for name, least in self.thresholds.items()
            }
            known = {label: least for label, least in single.items() if label in info.classes}
            info = replace(info, thresholds={**(info.thresholds or {}), **known})
        if self.actions is not None:
            wanted = (info.classes.find(name, BALL_ACTIONS) for name in self.actions)
            shown = dict.fromkeys(label for label in wanted if label in info.classes)
            info = replace(info, actions=tuple(shown))
        return info


def load_events(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventList:
    """Read a file of events; predictions of other programs get the default threshold.

    Args:
        path: results, table or labels, see `EventList.load`.
        actions: actions that may occur, see `EventList.load`.

    Raises:
        LabelError: the file is missing or damaged.
        InputError: its suffix is of no format.
    """
    events = EventList.load(path, actions)
    if events.info is None and Path(path).suffix.lower() == ".json":
        events = replace(events, info=default_info(events.classes))
    return events


def default_info(classes: ActionSet) -> SpottingInfo:
    """Return the info of predictions of another program: the default threshold for all actions."""
    least = InferenceConfig().report_threshold
    return SpottingInfo(thresholds=dict.fromkeys(classes, least), classes=classes)
