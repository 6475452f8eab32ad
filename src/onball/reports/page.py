"""The page: which figures it has, in which order, and what is said about each."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from onball import __version__
from onball.actions import ACTIONS, Action
from onball.config import ComponentConfig
from onball.data.layout import Match, find_matches, some_names
from onball.errors import DataError, optional_dependency
from onball.files import require_writable, write_text_atomic
from onball.formats.soccernet import read_labels
from onball.reports.figures import (
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
from onball.reports.moments import STRIP_TIMES_MS, Gallery
from onball.reports.runs import (
    Evaluated,
    EvaluatedClips,
    EvaluatedSpotting,
    Run,
    evaluate_classifier,
    evaluate_spotter,
    read_runs,
)
from onball.reports.style import Look, looks

with optional_dependency("jinja2", "plot", "A report"):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape


_TEMPLATE = "page.html.jinja"
#: Options of components that say where weights come from, not what the net is.
_ORIGINS = {"pretrained"}


def _breakable(name: str) -> Markup:
    """Text whose lines may break behind `_`, `-` and `/`, as in names of runs."""
    return Markup(re.sub(r"(?<=[_/-])", "<wbr>", str(escape(name))))


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def _mark_best(shares: Sequence[float]) -> list[tuple[str, bool]]:
    """Per cent with two digits; what rounds to the highest is the best, unless all do."""
    texts = [f"{100 * share:.2f}" for share in shares]
    highest = max(texts, key=float)
    return [(text, text == highest and len(set(texts)) > 1) for text in texts]


def _options(component: ComponentConfig, more: str = "") -> str:
    """The options of a component in one line."""
    options = [f"{k} {v}" for k, v in component.options.items() if k not in _ORIGINS]
    return ", ".join([*options, more] if more else options)


def _signed_ms(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:+.0f} ms".replace("-", "−")


def _signed_s(milliseconds: int) -> str:
    return f"{milliseconds / 1000:+.2f} s".replace("-", "−") if milliseconds else "0 s"


_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)
_PAGES.filters |= {
    "breakable": _breakable,
    "data_uri": _data_uri,
    "last_part": _last_part,
    "mark_best": _mark_best,
    "options": _options,
    "signed_ms": _signed_ms,
    "signed_s": _signed_s,
}


@dataclass(frozen=True, slots=True)
class APRow:
    """A row of the table of AP.

    Attributes:
        name: of the action or the mean.
        action: None in the rows of the means.
        count: how many labels, or clips, it has.
        ap: of each run, 0 to 1.
    """

    name: str
    action: Action | None
    count: int
    ap: Sequence[float]


class Tile(NamedTuple):
    """A figure in large print at the top of the page."""

    value: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Task:
    """The runs of one task and their charts.

    Attributes:
        stem: begins ids on the page and names of files.
        name: of the task, where the page has several; else "".
        evaluated: the runs.
        looks: of the runs.
        bars, costs, training, precision_recall: charts; the last of spotting only.
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
        """The means, then each action."""
        means = [one.means for one in self.evaluated]
        counts = means[0].counts
        return [
            APRow("mAP10", None, sum(counts[a] for a in ACTIONS[:10]), [m.map10 for m in means]),
            APRow("mAP12", None, sum(counts.values()), [m.map12 for m in means]),
            *(APRow(a.value, a, counts[a], [m.ap[a] for m in means]) for a in ACTIONS),
        ]

    def write_ap(self, folder: Path) -> None:
        """Write the table of AP as `ap.csv`, in per cent; nothing where there are no labels."""
        header = ["action", self.counted, *(one.run.name for one in self.evaluated)]
        rows = [
            [row.name, row.count,
             *(100 * ap if row.count or not row.action else None for ap in row.ap)]
            for row in self.ap_rows
        ]  # fmt: skip
        write_csv(folder / f"{self.stem}ap.csv", header, rows)


@dataclass(frozen=True, slots=True)
class Panel:
    """What the page has on one spotting run alone."""

    one: EvaluatedSpotting
    look: Look
    confusion: Chart
    timing: Chart
    gallery: Gallery


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a report shows.

    Attributes:
        evaluated: the runs, in the order that the user named them.
        galleries: of each spotting run, by its name.
        look: of each run, by its name.
        data: the data set and the split, for the subtitle.
        matches: how many there are.
        today: the date on it.
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
        # Before the PNG files: writing one adds a legend to its figure.
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
        """The tasks that have runs, spotting first."""
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
            training=training_charts([one.run for one in evaluated], self.look, stem),
            precision_recall=(),
        )

    def _panels(self) -> list[Panel]:
        panels = []
        for one in self._spotting:
            look, gallery = self.look[one.run.name], self.galleries[one.run.name]
            panels.append(Panel(one, look, confusion_chart(one), timing_chart(one, look), gallery))
        return panels

    def _tiles(self, tasks: Sequence[Task]) -> list[Tile]:
        """The best scores of each task, and how many labels they are measured on."""
        tiles = []
        for task in tasks:
            of_task = f", {task.name.lower()}" if task.name else ""
            scores = [(one.means, one.run.name) for one in task.evaluated]
            for name, values in (
                ("mAP10", [(means.map10, run) for means, run in scores]),
                ("mAP12", [(means.map12, run) for means, run in scores]),
            ):
                highest, run = max(values, key=lambda value: value[0])
                tiles.append(Tile(f"{100 * highest:.1f}", f"best {name}{of_task}", run))
        counts = tasks[0].evaluated[0].means.counts
        seen = sum(counts[action] > 0 for action in ACTIONS)
        note = "of all 12 actions" if seen == 12 else f"of {seen} of the 12 actions"
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


# --- `write_report`: training runs in, one self-contained page out, its figures beside it


PAGE_FILE, FIGURES_FOLDER, PREDICTIONS_FOLDER = "report.html", "figures", "predictions"

Progress = Callable[[str, float], None]
"""Called with what is being done and how much of all is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A run and the matches to test it on."""

    run: Run
    root: Path
    matches: Sequence[Match]


def write_report(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    device: str = "auto",
    progress: Progress = lambda what, share: None,
    today: date | None = None,
) -> Path:
    """Compare training runs on one page; returns its path.

    Writes `report.html`, which needs nothing but itself, and into `figures/` each figure as PNG
    (strips of frames as JPEG) and CSV. Runs that `onball evaluate` has not measured are measured
    here; their predictions stay in `predictions/` for the next time.

    Args:
        folders: of the runs, as `onball train` writes them.
        out: the folder to write into.
        data: the data set to test on; None takes that of each run's config.
        split: of the data set.
        device: for the nets.
        progress: told how far the work is.
        today: the date on the page.

    Raises, before any net is run, `ConfigError`, `DataError`, `ModelError` or `LabelError` for a
    run or data set that cannot be used, and for runs that would be tested on different matches.
    """
    out = Path(out)
    if not folders:
        raise DataError("no run given: name the folders that `onball train` wrote")
    runs = read_runs([Path(folder) for folder in folders])
    work = [_work(run, None if data is None else Path(data), split) for run in runs]
    _check_same_matches(work)
    require_writable(out)
    look = looks([run.name for run in runs])
    evaluated: list[Evaluated] = []
    galleries: dict[str, Gallery] = {}
    for number, one in enumerate(work):
        steps = _Steps(progress, number, len(work), len(one.matches))
        evaluated.append(_evaluated(one, split, out / PREDICTIONS_FOLDER, steps, device))
        last = evaluated[-1]
        if isinstance(last, EvaluatedSpotting):
            galleries[one.run.name] = Gallery.of(last, steps)
    first = work[0]
    name = f"the split '{split}' of {first.root.resolve().name}"
    day = today or date.today()
    page = Page(evaluated, galleries, look, name, len(first.matches), day)
    page.write(out / PAGE_FILE, out / FIGURES_FOLDER)
    progress("", 1.0)
    return out / PAGE_FILE


class _Steps:
    """The share of all work that is done, from that of the piece that is being done.

    A run has a piece for each match and one for its gallery; some may be left out.
    """

    def __init__(self, progress: Progress, run: int, runs: int, matches: int) -> None:
        self._progress, self._run, self._runs, self._pieces = progress, run, runs, matches + 1
        self._seen: list[str] = []

    def __call__(self, what: str, share: float) -> None:
        if what not in self._seen:
            self._seen.append(what)
        done = min(1.0, (self._seen.index(what) + share) / self._pieces)
        self._progress(what, (self._run + done) / self._runs)


def _work(run: Run, data: Path | None, split: str) -> _Work:
    root = data or run.config.data.root
    if root is None:
        raise DataError(f"{run.folder}: its config names no data set: name it with --data")
    try:
        matches = find_matches(root, split)
    except DataError as error:
        hint = "" if data else "; name another data set with --data"
        raise DataError(f"{run.folder}: {error}{hint}") from None
    for match in matches:
        read_labels(match.require_labels())
        match.require_video()
    return _Work(run, root, matches)


def _check_same_matches(work: Sequence[_Work]) -> None:
    """Scores of different matches do not compare."""
    first = work[0]
    for one in work[1:]:
        folders = [[match.folder.resolve() for match in w.matches] for w in (first, one)]
        if folders[0] != folders[1]:
            raise DataError(
                f"{one.run.folder}: is tested on {some_names([m.name for m in one.matches])} in "
                f"{one.root}, {first.run.folder} on other matches ({first.root}): name one data "
                "set for all runs with --data"
            )


def _evaluated(one: _Work, split: str, kept: Path, progress: Progress, device: str) -> Evaluated:
    if one.run.config.task == "spotting":
        return evaluate_spotter(one.run, split, one.matches, kept, progress, device)
    return evaluate_classifier(one.run, split, one.matches, one.root, kept, progress, device)
