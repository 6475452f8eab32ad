"""The page of a match: its events in one HTML file that needs no other file, network or script."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from onball import __version__
from onball.actions import BALL_ACTIONS, Action, ActionSet, EventLabel
from onball.errors import InputError, optional_dependency
from onball.events import Event, EventList, SpottingInfo
from onball.files import write_text_atomic
from onball.formats.conversion.base import (
    PERIOD_NAMES,
    find_periods,
    one_line,
    with_kickoffs,
)
from onball.formats.event_files import find_event_files
from onball.formats.event_selection import EventSelection, load_events
from onball.formats.event_table import match_clock
from onball.outputs import write_once
from onball.progress import Progress, ProgressCallback, no_progress
from onball.reports.match_summary import (
    ATTEMPTS,
    FIRST,
    LONGEST_GAP_MS,
    SECOND,
    Bin,
    Chain,
    ChainCounts,
    count_bins,
    count_chains,
    find_chains,
    team_of,
)
from onball.reports.style import action_name
from onball.reports.templates import new_environment
from onball.timing import format_time
from onball.video.match_videos import MatchVideo, match_videos
from onball.video.reading import frame_near

with optional_dependency("pillow", "plot", "A summary"):
    from PIL import Image

SUMMARY_SUFFIX = ".summary.html"
_TEMPLATE = "summary.html.jinja"
#: Most thumbnails, events of a chain and chains on a page.
_MOST_THUMBNAILS, _MOST_STEPS, _MOST_CHAINS = 48, 10, 12
_THUMBNAIL_WIDTH, _JPEG_QUALITY = 400, 74
#: Height of a lane and of the axis of the timeline, in pixels.
_LANE, _AXIS = 26, 24
_TICKS_MS = (10_000, 30_000, 60_000, 5 * 60_000, 10 * 60_000)
_MOST_TICKS = 10
#: Number of events from which on marks are narrower.
_MANY = 300
#: Most of the colour of an action in a cell, in per cent: text on it stays legible.
_MOST_COLOUR = 42
_TEAM_COLOURS = {FIRST: "#0072b2", SECOND: "#d55e00"}


def write_summary(
    events: EventList | str | Path,
    videos: str | Path | Sequence[str | Path] | None = None,
    out: str | Path | None = None,
    *,
    threshold: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    actions: Sequence[str] | None = None,
    thumbnails: Sequence[str] | None = None,
    kickoffs_s: Mapping[int, float] | Sequence[float] | None = None,
    classes: ActionSet = BALL_ACTIONS,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> tuple[Path, bool]:
    """Write the page of a match: timeline, counts, chains of possession, thumbnails.

    Args:
        events: events, a file of them, or the folder of the results of a video.
        videos: the video, or the files of a match that was spotted as one, in their order, for
            thumbnails; None for a page without.
        out: the page; by default `NAME.summary.html` beside the events.
        threshold: see `convert_events`.
        thresholds: see `convert_events`.
        actions: names of the actions on the page; None for all.
        thumbnails: names of the actions with thumbnails; None for shots and goals.
        kickoffs_s: see `convert_events`.
        classes: actions that may occur in files without a list of their own.
        overwrite: replace another page that is there.
        progress: called with the number of thumbnails.

    Returns:
        The page, and False if it was there already with the same content.

    Raises:
        InputError: a setting is out of range, the events are those of several matches, or the videos
            are not those that were spotted as one.
        VideoError: the video cannot be read.
        OutputConflictError: another file is there.
        MissingDependencyError: Jinja2, matplotlib or Pillow is not installed.
    """
    found, name, folder = _load(events, classes)
    chosen = EventSelection(threshold, thresholds, actions).select(with_kickoffs(found, kickoffs_s))
    page = Path(out) if out is not None else folder / f"{name}{SUMMARY_SUFFIX}"
    files = () if videos is None else match_videos(chosen, videos)
    wanted = _wanted(chosen, thumbnails)
    pictures = _thumbnails(chosen, files, wanted, progress)
    html = _render(chosen, name, files, pictures, wanted)
    written = write_once(page, lambda path: write_text_atomic(path, html), overwrite=overwrite)
    return page, written


def _load(events: EventList | str | Path, classes: ActionSet) -> tuple[EventList, str, Path]:
    """Events, name of the match, and folder for the page."""
    if isinstance(events, EventList):
        return events, one_line(Path(events.match).name) or "events", Path()
    files = find_event_files(events)
    if len(files) > 1:
        raise InputError(f"{events}: has {len(files)} videos: name the folder of one")
    ((name, path),) = files.items()
    return load_events(path, classes), Path(name).name, path.parent


def _wanted(events: EventList, names: Sequence[str] | None) -> list[EventLabel]:
    """Actions with thumbnails."""
    if names is None:
        return list(ATTEMPTS)
    return list(dict.fromkeys(events.classes.find(name, BALL_ACTIONS) for name in names))


# Thumbnails


@dataclass(frozen=True, slots=True)
class _Thumbnail:
    event: Event
    jpeg: bytes


def _thumbnails(
    events: EventList,
    files: Sequence[MatchVideo],
    wanted: Sequence[EventLabel],
    progress: ProgressCallback,
) -> list[_Thumbnail]:
    """Frames of events in order of time; if there are too many, of those of highest confidence."""
    inside = [
        (event, file)
        for event in events
        if event.label in wanted
        for file in files
        if file.shows(event)
    ]
    # Goals before all: they are few.
    ranked = sorted(inside, key=lambda one: (one[0].label is not Action.GOAL, -one[0].confidence))
    chosen = sorted(ranked[:_MOST_THUMBNAILS], key=lambda one: one[0].position_ms)
    made = []
    for index, (event, file) in enumerate(chosen):
        video = file.video
        width = min(_THUMBNAIL_WIDTH, video.width)
        size = (width, max(1, round(video.height * width / video.width)))
        jpeg = _frame(video.path, event.position_ms - file.start_ms, size)
        if jpeg is not None:
            made.append(_Thumbnail(event, jpeg))
        progress(Progress("thumbnails", index + 1, len(chosen), "frames"))
    return made


def _frame(path: Path, position_ms: int, size: tuple[int, int]) -> bytes | None:
    """JPEG of the frame that is nearest to a position; None if there is none near it."""
    best = frame_near(path, position_ms, size)
    if best is None:
        return None
    buffer = io.BytesIO()
    Image.fromarray(best).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


# Page


class _Mark(NamedTuple):
    """An event on a timeline: place in per cent, and extent in pixels."""

    at: str
    top: float
    height: float
    colour: str
    title: str


class _Tick(NamedTuple):
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Timeline of a half."""

    name: str
    lanes: Sequence[EventLabel]
    counts: Mapping[EventLabel, int]
    marks: Sequence[_Mark]
    ticks: Sequence[_Tick]
    height: int

    @property
    def mark_width(self) -> int:
        """Width of a mark in pixels."""
        return 4 if len(self.marks) < _MANY else 3


@dataclass(frozen=True, slots=True)
class _TeamRow:
    """Counts of an action by team."""

    label: EventLabel
    total: int
    first: int
    second: int
    unknown: int
    first_percent: float


@dataclass(frozen=True, slots=True)
class _Cell:
    """A count, and the strength of its colour in per cent."""

    count: int
    percent: int


def _render(
    events: EventList,
    name: str,
    files: Sequence[MatchVideo],
    pictures: Sequence[_Thumbnail],
    wanted: Sequence[EventLabel],
) -> str:
    info = events.info or SpottingInfo()
    counts = events.counts()
    labels = events.classes.ordered(counts)
    chains = find_chains(events)
    teams = {team for team in map(team_of, events) if team}
    halves = {event.half for event in events}
    bins = count_bins(events)
    return (
        new_environment()
        .get_template(_TEMPLATE)
        .render(
            title=one_line(events.match.rpartition("/")[2]) or name,
            subtitle=_subtitle(events, files),
            tiles=_tiles(events, counts, chains),
            timelines=_timelines(events, labels),
            lane=_LANE,
            axis=_AXIS,
            team_rows=_team_rows(events, labels) if teams else [],
            team_names=_team_names(halves) if teams else {},
            team_colours=_TEAM_COLOURS,
            counts=[(label, counts[label]) for label in labels],
            bins=bins,
            bin_rows=_bin_rows(bins, labels),
            bin_halves=[
                (_half_name(half), sum(one.half == half for one in bins)) for half in sorted(halves)
            ],
            clock_known=bool(info.kickoffs_ms),
            chain_teams=_chain_teams(chains, teams, halves),
            chains=[_shown_chain(chain, info) for chain in _notable(chains)],
            chains_are_attempts=any(chain.has_attempt for chain in chains),
            gap_s=LONGEST_GAP_MS // 1000,
            thumbnails=[(one, _caption(one.event, info)) for one in pictures],
            wanted=_heading(wanted),
            wanted_count=sum(counts[label] for label in wanted),
            has_video=bool(files),
            are_certain=all(event.confidence == 1 for event in events),
            version=__version__,
        )
    )


def _heading(wanted: Sequence[EventLabel]) -> str:
    """Heading of the thumbnails."""
    if tuple(wanted) == ATTEMPTS:
        return "Shots and goals"
    return f"Frames of {', '.join(map(action_name, wanted))}"


def _subtitle(events: EventList, files: Sequence[MatchVideo]) -> str:
    info = events.info or SpottingInfo()
    names = [file.video.path.name for file in files] or [part.video for part in info.parts]
    texts = []
    if name := one_line(_listed(names or [info.video])):
        texts.append(name)
    if length := files[-1].end_ms if files else info.duration_ms:
        texts.append(f"{format_time(length)} long")
    if info.model:
        texts.append(f"found by the model {one_line(info.model)}")
    lowest = [value for label, value in (info.thresholds or {}).items() if label in events.counts()]
    if lowest and max(lowest) > 0:
        low, high = min(lowest), max(lowest)
        texts.append(
            f"confidence from {low:g}" + (f" to {high:g}, by action" if high > low else "")
        )
    return " · ".join(texts)


def _listed(names: Sequence[str]) -> str:
    """Names of the files of a match; of many the first and the last one."""
    return f"{names[0]} … {names[-1]}" if len(names) > 3 else ", ".join(names)


def _tiles(
    events: EventList, counts: Counter[EventLabel], chains: Sequence[Chain]
) -> list[tuple[str, str]]:
    """Large figures at the top, and what they count."""
    longest = max((len(chain.events) for chain in chains), default=0)
    tiles = [(f"{len(events):,}", "event" if len(events) == 1 else "events")]
    for label, one, several in (
        (Action.GOAL, "goal", "goals"),
        (Action.SHOT, "shot", "shots"),
    ):
        if label in events.classes:
            tiles.append((str(counts[label]), one if counts[label] == 1 else several))
    return [*tiles, (str(longest), "events in the longest chain")]


def _half_name(half: int) -> str:
    return PERIOD_NAMES.get(half, f"Period {half}")


def _team_names(halves: set[int]) -> dict[int, str]:
    if halves <= {1}:
        return {FIRST: "Left team", SECOND: "Right team"}
    return {FIRST: "Left in half 1", SECOND: "Right in half 1"}


def _timelines(events: EventList, labels: Sequence[EventLabel]) -> list[_Timeline]:
    """A timeline of each half."""
    halves = sorted({event.half for event in events})
    kickoffs = {period.half: period.start_ms for period in find_periods(events)}
    made = []
    for half in halves:
        inside = [event for event in events if event.half == half]
        first, last = inside[0].position_ms, inside[-1].position_ms
        start = min(first, kickoffs.get(half, 0 if half == halves[0] else first))
        span = max(1, last - start)
        made.append(
            _Timeline(
                _half_name(half) if len(halves) > 1 else "",
                labels,
                Counter(event.label for event in inside),
                [
                    _mark(event, labels, start, span, events.info or SpottingInfo())
                    for event in inside
                ],
                _ticks(start, span),
                _LANE * len(labels) + _AXIS,
            )
        )
    return made


def _place(time_ms: int, start: int, span: int) -> str:
    """Place on the axis; marks at its ends are not cut off."""
    return f"{0.6 + 98.6 * (time_ms - start) / span:.3f}%"


def _mark(
    event: Event, labels: Sequence[EventLabel], start: int, span: int, info: SpottingInfo
) -> _Mark:
    """Mark of an event: the upper half of its lane for the first team, the lower for the second."""
    team = team_of(event)
    top = labels.index(event.label) * _LANE + (3 if team != SECOND else _LANE / 2 + 1)
    height = _LANE - 6 if not team else _LANE / 2 - 4
    return _Mark(
        _place(event.position_ms, start, span),
        top,
        height,
        event.label.colour,
        f"{action_name(event.label)}, {_caption(event, info)}",
    )


def _ticks(start: int, span: int) -> list[_Tick]:
    step = next((one for one in _TICKS_MS if span / one <= _MOST_TICKS), 30 * 60_000)
    first = -(-start // step)
    times = [k * step for k in range(first, (start + span) // step + 1)]
    # The last label would not fit if it began at the very end.
    return [
        _Tick(_place(time, start, span), _short(time))
        for time in times
        if (time - start) / span < 0.96
    ]


def _short(time_ms: int) -> str:
    minutes, seconds = divmod(time_ms // 1000, 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _caption(event: Event, info: SpottingInfo) -> str:
    """Clock or time, side and confidence of an event."""
    clock = match_clock(event, info)
    time = format_time(event.position_ms)
    texts = [f"{clock} ({time} in the video)" if clock else time]
    if team_of(event):
        texts.append(event.team.value)
    if event.confidence < 1:
        texts.append(f"confidence {event.confidence:.2f}")
    return ", ".join(texts)


def _team_rows(events: EventList, labels: Sequence[EventLabel]) -> list[_TeamRow]:
    rows = []
    for label in labels:
        found = Counter(team_of(event) for event in events if event.label == label)
        known = found[FIRST] + found[SECOND]
        percent = 100 * found[FIRST] / known if known else 0.0
        total = found.total()
        rows.append(_TeamRow(label, total, found[FIRST], found[SECOND], found[0], percent))
    return rows


def _bin_rows(
    bins: Sequence[Bin], labels: Sequence[EventLabel]
) -> list[tuple[EventLabel, list[_Cell]]]:
    """Counts of each action by bin, with the strength of their colour."""
    rows = []
    for label in labels:
        most = max(one.counts[label] for one in bins)
        cells = [
            _Cell(count, round(_MOST_COLOUR * count / most))
            for count in (one.counts[label] for one in bins)
        ]
        rows.append((label, cells))
    return rows


def _chain_teams(
    chains: Sequence[Chain], teams: set[int], halves: set[int]
) -> list[tuple[str, str, ChainCounts]]:
    """Name, colour and chains of each team, or of both together where no team is known."""
    if not teams:
        return [("Both teams together", "", count_chains(chains))]
    names = _team_names(halves)
    return [
        (
            names[team],
            _TEAM_COLOURS[team],
            count_chains([one for one in chains if one.team == team]),
        )
        for team in (FIRST, SECOND)
    ]


def _notable(chains: Sequence[Chain]) -> list[Chain]:
    """Chains with a shot or goal, or else the longest ones, in order of time."""
    attempts = [chain for chain in chains if chain.has_attempt]
    if attempts:
        # Goals first where there are too many.
        ranked = sorted(attempts, key=lambda one: one.events[-1].label is not Action.GOAL)
        return sorted(ranked[:_MOST_CHAINS], key=lambda one: one.events[0].position_ms)
    long = [chain for chain in chains if len(chain.events) > 1]
    ranked = sorted(long, key=lambda chain: -len(chain.events))[: _MOST_CHAINS // 2]
    return sorted(ranked, key=lambda chain: chain.events[0].position_ms)


class _ShownChain(NamedTuple):
    """A chain on the page: the steps up to its last shot or goal, and how many are left out."""

    time: str
    team: int
    before: int
    steps: Sequence[EventLabel]
    after: int
    seconds: str


def _shown_chain(chain: Chain, info: SpottingInfo) -> _ShownChain:
    events = chain.events
    attempts = [index for index, event in enumerate(events) if event.label in ATTEMPTS]
    end = attempts[-1] + 1 if attempts else len(events)
    steps = [event.label for event in events[max(0, end - _MOST_STEPS) : end]]
    return _ShownChain(
        match_clock(events[0], info) or format_time(events[0].position_ms),
        chain.team,
        end - len(steps),
        steps,
        len(events) - end,
        f"{(events[end - 1].position_ms - events[0].position_ms) / 1000:.0f} s",
    )
