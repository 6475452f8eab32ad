"""Moments to look at, as HTML: a strip of frames with its time axis, for each kind some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.actions import Action
from onball.errors import VideoError
from onball.events import Event
from onball.files import atomic_path
from onball.reports.html.chart import write_csv
from onball.reports.html.evaluated import EvaluatedSpotting
from onball.reports.html.markup import swatch, text
from onball.reports.html.moments import Kind, Moment, choose, find_moments, shown_detections
from onball.reports.html.spotting_charts import slug
from onball.reports.html.strips import FRAMES, STEP_MS, Mark, as_data, marks, strip

_EACH = 5
_SAYS: dict[Kind, tuple[str, str]] = {
    Kind.FOUND: ("Found", "The surest detections that are right."),
    Kind.FALSE_ALARM: ("False alarms", "The surest detections with no free label near."),
    Kind.MISSED: ("Missed", "Labels without a detection, those with the least support first."),
    Kind.MIXED_UP: ("Mixed up", "The surest detections of another action than the label's."),
}


@dataclass(frozen=True, slots=True)
class Gallery:
    """The chosen moments of a run.

    Attributes:
        run: its name.
        moments: of each kind, with their pictures (JPEG; None where there is no film to read).
        thresholds: of each action, from which on detections are shown.
    """

    run: str
    moments: Mapping[Kind, Sequence[tuple[Moment, bytes | None]]]
    thresholds: Mapping[Action, float | None]

    @classmethod
    def of(cls, one: EvaluatedSpotting, progress: Callable[[str, float], None]) -> Gallery:
        """Choose the moments of a run, and read their frames from the films."""
        thresholds = {action: best.threshold for action, best in one.report.best.items()}
        found = find_moments(one.matches, thresholds, one.report.tolerance_s)
        chosen = [moment for kind in Kind for moment in choose(found, kind, _EACH)]
        pictures: dict[Kind, list[tuple[Moment, bytes | None]]] = {kind: [] for kind in Kind}
        for number, moment in enumerate(chosen):
            progress(f"{one.run.name}: frames of moments", number / len(chosen))
            pictures[moment.kind].append((moment, _picture(moment)))
        progress(f"{one.run.name}: frames of moments", 1.0)
        return cls(one.run.name, pictures, thresholds)

    def html(self) -> str:
        """All kinds, one below the other."""
        parts = []
        for kind, (heading, says) in _SAYS.items():
            moments = [self._moment(*one) for one in self.moments[kind]]
            content = "".join(moments) or '<p class="quiet">None.</p>'
            parts.append(f'<div class="kind"><h4>{heading}</h4><p>{says}</p>{content}</div>')
        return f'<div class="gallery">{"".join(parts)}</div>'

    def write(self, folder: Path) -> None:
        """Write each strip as `gallery_<run>_<kind>_<number>.jpg`, and what they show as CSV."""
        rows: list[list[object]] = []
        for kind, moments in self.moments.items():
            for number, (moment, jpeg) in enumerate(moments, 1):
                name = f"gallery_{slug(self.run)}_{slug(kind.value)}_{number}.jpg"
                if jpeg is not None:
                    with atomic_path(folder / name) as aside:
                        aside.write_bytes(jpeg)
                label, found = moment.label, moment.detection
                rows.append([
                    kind.value, moment.match.name, moment.event.half, moment.event.position_ms,
                    label.label.value if label else None, found.label.value if found else None,
                    found.confidence if found else None, moment.error_ms,
                    name if jpeg is not None else None,
                ])  # fmt: skip
        header = ("kind", "match", "half", "position_ms", "labelled", "found", "confidence",
                  "error_ms", "picture")  # fmt: skip
        write_csv(folder / f"gallery_{slug(self.run)}.csv", header, rows)

    def _moment(self, moment: Moment, jpeg: bytes | None) -> str:
        event = moment.event
        seconds = event.position_ms / 1000
        where = f"{moment.match.name.rpartition('/')[2]}, {int(seconds // 60)}:{seconds % 60:04.1f}"
        if jpeg is None:
            frames = '<p class="quiet">The film is not there.</p>'
        else:
            said = text(f"{FRAMES} frames around {where}")
            frames = f'<div class="frames"><img src="{as_data(jpeg)}" alt="{said}"></div>'
        shown = shown_detections(moment.match, self.thresholds)
        return (
            f"<article><h5>{swatch(event.label.colour)}{_headline(moment)}</h5>"
            f'<p class="where">{text(where)}</p><div class="scroll film" tabindex="0">'
            f'<div class="strip">{frames}{_ruler()}'
            f"{_lane('label', moment.match.truth, moment)}{_lane('found', shown, moment)}"
            "</div></div></article>"
        )


def _picture(moment: Moment) -> bytes | None:
    if moment.match.video is None:
        return None
    try:
        return strip(moment.match.video, moment.event.position_ms)
    except VideoError:  # the figures do not need the film
        return None


def _headline(moment: Moment) -> str:
    sure = f"confidence {moment.support:.2f}"
    named = f"<b>{text(moment.event.label)}</b>"
    match moment.kind:
        case Kind.FOUND:
            late = moment.error_ms or 0
            when = f"{abs(late)} ms {'late' if late > 0 else 'early'}" if late else "on the spot"
            return f"{named} found {when}, {sure}"
        case Kind.MIXED_UP:
            assert moment.detection is not None
            return f"{named} found as <b>{text(moment.detection.label)}</b>, {sure}"
        case Kind.FALSE_ALARM:
            return f"{named} found where no label is free, {sure}"
        case Kind.MISSED:
            below = f"the best is {moment.support:.2f}" if moment.support else "nothing near"
            unseen = "" if moment.event.visible else ", not shown on screen"
            return f"{named} missed, {below}{unseen}"


def _ruler() -> str:
    ticks = []
    for index in range(FRAMES):
        away = (index - FRAMES // 2) * STEP_MS / 1000
        said = f"{away:+.2f} s" if away else "0 s"
        ticks.append(f"<span>{said.replace('-', '−')}</span>")
    return f'<div class="ruler">{"".join(ticks)}</div>'


def _lane(kind: str, events: Iterable[Event], moment: Moment) -> str:
    """The labels, or the detections, within the strip."""
    near = marks(events, moment.event.position_ms, moment.event.half)
    rows = max((mark.row for mark in near), default=0) + 1
    inner = "".join(_mark(kind, mark) for mark in near)
    height = f"{1.35 * rows:.2f}em"
    return f'<div class="lane {kind}" style="height:{height}"><b>{kind}</b>{inner}</div>'


def _mark(kind: str, mark: Mark) -> str:
    event = mark.event
    name = text(event.label.value.capitalize())
    said = name if kind == "label" else f"{name} {event.confidence:.2f}"
    side = f"right:{100 - mark.at:.2f}%" if mark.turned else f"left:{mark.at:.2f}%"
    turned = " turned" if mark.turned else ""
    return (
        f'<span class="mark{turned}" style="{side};top:{1.35 * mark.row:.2f}em">'
        f'<i style="--colour:{event.label.colour}"></i>{said}</span>'
    )
