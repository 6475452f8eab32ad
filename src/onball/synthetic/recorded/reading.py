"""Matches that were recorded: tracking data and event data become a `Motion` to paint."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path

from onball.errors import DataError, InputError, OnballWarning
from onball.events import EventList
from onball.synthetic.recorded.acts import Act, acts_of_dataset, acts_of_labels
from onball.synthetic.recorded.formats import EVENTS, TRACKING, provider_of, read_file
from onball.synthetic.recorded.match import RecordedMatch
from onball.synthetic.recorded.periods import read_periods
from onball.synthetic.world import Motion

_MOST_FRAMES_PER_SECOND = 60


def recorded_motion(
    tracking: Path,
    events: Path | None = None,
    *,
    provider: str | None = None,
    meta: Path | None = None,
    events_provider: str | None = None,
    events_meta: Path | None = None,
    start_ms: int = 0,
    duration_ms: int | None = None,
    name: str = "",
) -> Motion:
    """The motion and the labels of a recorded match.

    Time 0 is the first frame of the first period, or `start_ms` after it; the periods follow each other
    after a break of three seconds. Each is turned, if need be, so that the home team defends the left goal
    in the first and the right goal in the second, as everywhere in the simulator. The pitch is scaled
    to 105 x 68 m. A file of labels counts its first half from the first frame, each further half from
    that half's beginning, and names sides as the tracking file has them.

    Args:
        tracking: the file of tracking data; of Metrica's CSV, that of either team.
        events: the file of event data, a `Labels-ball.json` or our CSV; None: no labels.
        provider: one of `formats.TRACKING`; None: known by its content.
        meta: the metadata that the provider needs; found by its name for Metrica's CSV.
        events_provider: one of `formats.EVENTS`; None: known by its content.
        events_meta: the metadata that the events need; None: `meta`, if that is of the same provider.
        start_ms: how much of the recording to skip.
        duration_ms: how much of it to take; None: all.
        name: SoccerNet's name of the match, for the labels.

    Warns with `OnballWarning` how many events of which kinds are no ball actions, and what lies outside
    the tracking.

    Raises `InputError` for a missing file, an unknown provider, or one that kloppy cannot read, and
    `DataError` if the recording is empty there or the events are of another match.
    """
    if start_ms < 0:
        raise InputError(f"start at {start_ms} ms: choose 0 or later")
    if duration_ms is not None and duration_ms <= 0:
        raise InputError(f"duration of {duration_ms} ms: choose more than 0")
    provider, meta = _tracking_source(tracking, provider, meta)
    limit = None
    if duration_ms is not None:
        limit = (start_ms + duration_ms) * _MOST_FRAMES_PER_SECOND // 1000 + 60
    people, periods = read_periods(read_file(tracking, provider, TRACKING, meta, limit))
    match = RecordedMatch(tracking, people, periods, start_ms, duration_ms)
    told = []
    if match.left_out:
        told.append(
            f"{tracking}: {match.left_out} stretches of players beyond the eleventh of a team"
        )
    if events is not None:
        # A CSV of the other team is Metrica's "metadata" for tracking, but not for events.
        spare = None if meta.suffix.lower() == ".csv" else meta
        found, ignored = _acts(events, events_provider, events_meta, (provider, spare))
        outside = match.place(found)
        # A part of the tracking data cannot tell whether later events belong to it.
        if limit is None and outside:
            if outside == len(found):
                raise DataError(
                    f"{events}: no event of it lies within {tracking}: are they of one match?"
                )
            told.append(f"{events}: {outside} actions outside the tracking data")
        if ignored:
            kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common())
            told.append(f"{events}: {ignored.total()} events that are no ball actions ({kinds})")
    for line in told:
        warnings.warn(f"{line}: left out", OnballWarning, stacklevel=2)
    return match.motion(name)


def _tracking_source(path: Path, provider: str | None, meta: Path | None) -> tuple[str, Path]:
    """The provider and the metadata of tracking data; Metrica's other CSV is found by its name."""
    provider = provider_of(path, provider, TRACKING, "--tracking-provider")
    if meta is None and provider == "metrica":
        swap = {"home": "away", "away": "home", "Home": "Away", "Away": "Home"}
        other = path.with_name(re.sub("|".join(swap), lambda m: swap[m[0]], path.name))
        meta = other if other != path and other.is_file() else None
    if meta is None:
        raise InputError(
            f"{path}: {provider} tracking data needs {TRACKING[provider].needs}: add --tracking-meta FILE"
        )
    return provider, meta


def _acts(
    path: Path, name: str | None, meta: Path | None, tracking: tuple[str, Path | None]
) -> tuple[list[Act], Counter[str]]:
    """The actions in a file of events, and how many there are of the other kinds."""
    name = provider_of(path, name, EVENTS, "--events-provider")
    needs = EVENTS[name].needs
    if meta is None and name == tracking[0]:
        meta = tracking[1]
    if needs and meta is None:
        raise InputError(f"{path}: {name} event data needs {needs}: add --events-meta FILE")
    content = read_file(path, name, EVENTS, meta)
    if isinstance(content, EventList):
        return acts_of_labels(content), Counter()
    return acts_of_dataset(content)
