"""The page of a report: evaluated runs in, one HTML page out, with its figures beside it.

A `Page` gathers the charts and tables of its runs; `page.html.jinja` has its markup and texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from onball import __version__
from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config import ComponentConfig
from onball.data.classes import compare_classes
from onball.errors import optional_dependency
from onball.evaluation.average_precision import Mean, headline_of, means_of
from onball.files import write_text_atomic
from onball.reports.figures import (
    MOST_CLASSES_BESIDE,
    Chart,
    bar_charts,
    confusion_chart,
    cost_charts,
    pr_charts,
    timing_chart,
    tolerance_chart,
    training_charts,
    write_csv,
)
from onball.reports.gallery import STRIP_TIMES_MS, Gallery
from onball.reports.runs import Evaluated, EvaluatedClips, EvaluatedSpotting
from onball.reports.style import Look
from onball.reports.templates import new_environment

with optional_dependency("jinja2", "plot", "A report"):
    from markupsafe import Markup, escape

_TEMPLATE = "page.html.jinja"
#: Options of components that name the origin of the weights and do not describe the net.
_ORIGINS = {"pretrained"}


def _breakable(name: str) -> Markup:
    """Allow line breaks after `_`, `-` and `/` in a name."""
    return Markup(re.sub(r"(?<=[_/-])", "<wbr>", str(escape(name))))


def _all_actions(number: int) -> str:
    return {1: "of the only action", 2: "of both actions"}.get(number, f"of all {number} actions")


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def _mark_best(shares: Sequence[float]) -> list[tuple[str, bool]]:
    """Format fractions as per cent, and mark the highest after rounding unless all are equal."""
    texts = [f"{100 * share:.2f}" for share in shares]
    highest = max(texts, key=float)
    return [(text, text == highest and len(set(texts)) > 1) for text in texts]


def _options(component: ComponentConfig, more: str = "") -> str:
    """Format the options of a component in one line."""
    options = [f"{k} {v}" for k, v in component.options.items() if k not in _ORIGINS]
    return ", ".join([*options, more] if more else options)


def _signed_ms(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:+.0f} ms".replace("-", "−")


def _signed_s(milliseconds: int) -> str:
    return f"{milliseconds / 1000:+.2f} s".replace("-", "−") if milliseconds else "0 s"


_PAGES = new_environment()
_PAGES.filters |= {
    "breakable": _breakable,
    "last_part": _last_part,
    "mark_best": _mark_best,
    "options": _options,
    "signed_ms": _signed_ms,
    "signed_s": _signed_s,
}


@dataclass(frozen=True, slots=True)
class APRow:
    """A row of the table of average precision.

    Attributes:
        name: name of the action or the mean.
        action: the action; None in the rows of the means.
        count: number of labels, or of clips with the action.
        ap: value of each run, 0 to 1.
    """

    name: str
    action: EventLabel | None
    count: int
    ap: Sequence[float]


class Tile(NamedTuple):
    """A figure in large print at the top of the page."""

    value: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Task:
    """Runs of one task and their charts.

    Attributes:
        stem: prefix of ids on the page and of file names.
        name: name of the task if the page has several; else "".
        evaluated: results of the runs.
        looks: look of each run.
        bars, costs, training: charts.
        precision_recall: charts; empty for clip classification.
    """

    stem: str
    name: str
    evaluated: Sequence[Evaluated]
    looks: Sequence[Look]
    bars: Sequence[Chart]
    costs: Sequence[Chart]
    training: Sequence[Chart]
    precision_recall: Sequence[Chart]

    @property
    def actions(self) -> ActionSet:
        """The evaluated actions, the same for all runs."""
        return self.evaluated[0].means.actions

    @property
    def means(self) -> tuple[Mean, ...]:
        """Means of the AP: over all actions, and over the headline if that is smaller."""
        return means_of(self.actions)

    @property
    def means_text(self) -> str:
        """Definition of the means."""
        actions = self.actions
        left_out = [action for action in actions if action not in actions.headline]
        every = f"The mean AP {_all_actions(len(actions))}"
        if not left_out:
            return every
        if len(left_out) > len(actions.headline):
            return f"{every}, and of {_joined(actions.headline)}"
        rare = ", which are rare" if actions == BALL_ACTIONS else ""
        return f"{every}, and without {_joined(left_out)}{rare}"

    @property
    def class_notes(self) -> list[str]:
        """Lines on runs whose classes are not those of the labels."""
        notes = (
            compare_classes(one.run.actions.names, self.actions.names, f"The run {one.run.name}")
            for one in self.evaluated
        )
        return [note for note in notes if note]

    @property
    def headline(self) -> str:
        """Name of the mean by which runs are compared."""
        return headline_of(self.actions).name

    @property
    def is_spotting(self) -> bool:
        return isinstance(self.evaluated[0], EvaluatedSpotting)

    @property
    def counted(self) -> str:
        """Unit of the counts of actions."""
        return "labels" if self.is_spotting else "clips"

    @property
    def charts(self) -> list[Chart]:
        return [*self.bars, *self.costs, *self.training, *self.precision_recall]

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Id and name of each section."""
        sections = [
            ("results", "results"),
            ("actions", "AP per action"),
            ("costs", "score against cost"),
            ("training", "training"),
        ]
        return [*sections, ("pr", "precision and recall")] if self.is_spotting else sections

    def heading(self, section: str) -> str:
        """Heading of a section: names the task if the page has several."""
        return f"{self.name}: {section}" if self.name else section[:1].upper() + section[1:]

    @property
    def ap_rows(self) -> list[APRow]:
        """Rows of the means, then of the actions."""
        of_runs = [one.means for one in self.evaluated]
        counts = of_runs[0].counts
        return [
            *(
                APRow(
                    mean.name,
                    None,
                    sum(counts[action] for action in mean.actions),
                    [mean.of(run.ap) for run in of_runs],
                )
                for mean in reversed(self.means)
            ),
            *(
                APRow(action.value, action, counts[action], [run.ap[action] for run in of_runs])
                for action in self.actions
            ),
        ]

    def write_ap(self, folder: Path) -> None:
        """Write the rows as `<stem>ap.csv`, in per cent; actions without labels have empty cells."""
        header = ["action", self.counted, *(one.run.name for one in self.evaluated)]
        rows = [
            [row.name, row.count,
             *(100 * ap if row.count or not row.action else None for ap in row.ap)]
            for row in self.ap_rows
        ]  # fmt: skip
        write_csv(folder / f"{self.stem}ap.csv", header, rows)


@dataclass(frozen=True, slots=True)
class Panel:
    """Part of the page on a single spotting run.

    Its confusion matrix is beside the timing errors unless it has too many classes (`is_large`).
    """

    one: EvaluatedSpotting
    look: Look
    confusion: Chart
    timing: Chart
    gallery: Gallery

    @property
    def is_large(self) -> bool:
        return len(self.one.report.actions) > MOST_CLASSES_BESIDE


@dataclass(frozen=True, slots=True)
class Page:
    """Content of a report.

    Attributes:
        evaluated: results of the runs, in the order in which the user named them.
        galleries: examples of each spotting run, by name.
        look: look of each run, by name.
        data: data set and split, for the subtitle.
        matches: number of matches.
        today: date on the page.
    """

    evaluated: Sequence[Evaluated]
    galleries: Mapping[str, Gallery]
    look: Mapping[str, Look]
    data: str
    matches: int
    today: date

    def write(self, page: Path, figures: Path) -> None:
        """Write the page, and each figure into a folder as PNG (frames: JPEG) and CSV."""
        tasks, panels = self._tasks(), self._panels()
        # The SVG charts come first: writing a PNG file adds a legend to its figure.
        html = self._html(tasks, panels)
        charts = [chart for task in tasks for chart in task.charts]
        charts += [chart for panel in panels for chart in (panel.confusion, panel.timing)]
        for chart in charts:
            chart.write(figures)
        for gallery in self.galleries.values():
            gallery.write(figures)
        for task in tasks:
            task.write_ap(figures)
        write_text_atomic(page, html)

    @property
    def _spotting(self) -> list[EvaluatedSpotting]:
        return [one for one in self.evaluated if isinstance(one, EvaluatedSpotting)]

    def _tasks(self) -> list[Task]:
        """Return the tasks that have runs, spotting first."""
        spotting = self._spotting
        clips = [one for one in self.evaluated if isinstance(one, EvaluatedClips)]
        several = bool(spotting and clips)
        tasks = []
        if spotting:
            task = self._task("", "Spotting" if several else "", spotting)
            bars = [*task.bars, tolerance_chart(spotting, self.look)]
            tasks.append(replace(task, bars=bars, precision_recall=pr_charts(spotting, self.look)))
        if clips:
            tasks.append(self._task("clips_", "Clip classification" if several else "", clips))
        return tasks

    def _task(self, stem: str, name: str, evaluated: Sequence[Evaluated]) -> Task:
        return Task(
            stem,
            name,
            evaluated,
            looks=[self.look[one.run.name] for one in evaluated],
            bars=bar_charts(evaluated, self.look, stem),
            costs=cost_charts(evaluated, self.look, stem),
            training=training_charts(
                [one.run for one in evaluated], self.look, evaluated[0].means.actions, stem
            ),
            precision_recall=(),
        )

    def _panels(self) -> list[Panel]:
        """Return a panel for each spotting run, the one of highest headline mAP first."""
        panels = []
        for one in sorted(self._spotting, key=lambda one: one.means.map_headline, reverse=True):
            look, gallery = self.look[one.run.name], self.galleries[one.run.name]
            panels.append(Panel(one, look, confusion_chart(one), timing_chart(one, look), gallery))
        return panels

    def _tiles(self, tasks: Sequence[Task]) -> list[Tile]:
        """Return the best scores of each task and the number of labels."""
        tiles = []
        for task in tasks:
            of_task = f", {task.name.lower()}" if task.name else ""
            scores = [(one.means, one.run.name) for one in task.evaluated]
            for mean in reversed(task.means):
                values = [(mean.of(means.ap), run) for means, run in scores]
                highest, run = max(values, key=lambda value: value[0])
                tiles.append(Tile(f"{100 * highest:.1f}", f"best {mean.name}{of_task}", run))
        counts = tasks[0].evaluated[0].means.counts
        seen = sum(count > 0 for count in counts.values())
        some = f"of {seen} of the {len(counts)} actions"
        note = some if seen < len(counts) else _all_actions(len(counts))
        unit = "labels" if tasks[0].is_spotting else "clips with an action"
        return [*tiles, Tile(f"{sum(counts.values()):,}", unit, note)]

    def _html(self, tasks: Sequence[Task], panels: Sequence[Panel]) -> str:
        count = len(self.evaluated)
        return _PAGES.get_template(_TEMPLATE).render(
            title=f"{count} training run{'s' if count > 1 else ''}",
            data=self.data,
            matches=self.matches,
            today=self.today,
            runs=[one.run for one in self.evaluated],
            tasks=tasks,
            panels=panels,
            tiles=self._tiles(tasks),
            look=self.look,
            strip_times_ms=STRIP_TIMES_MS,
            version=__version__,
        )
