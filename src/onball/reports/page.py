"""The page: which figures it has, in which order, and what is said about each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from onball import __version__
from onball.actions import ACTIONS
from onball.data.layout import Match, find_matches, some_names
from onball.errors import DataError
from onball.files import require_writable
from onball.formats.soccernet import read_labels
from onball.reports.figures import (
    Chart,
    Look,
    bar_charts,
    confusion_chart,
    cost_charts,
    looks,
    pr_charts,
    timing_chart,
    tolerance_chart,
    training_charts,
    write_csv,
)
from onball.reports.moments import Gallery
from onball.reports.runs import (
    Evaluated,
    EvaluatedClips,
    EvaluatedSpotting,
    Run,
    evaluate_classifier,
    evaluate_spotter,
    read_runs,
)
from onball.reports.tables import (
    ap_rows,
    ap_table,
    breakable,
    charts,
    match_table,
    section,
    settings_table,
    swatch,
    tabs,
    text,
    threshold_table,
)

_STYLE = Path(__file__).with_name("page.css")
#: Strips are scrolled to their middle; without scripts they begin at the left.
_SCRIPT = (
    "const centre=()=>document.querySelectorAll('.film').forEach("
    "e=>e.scrollLeft=(e.scrollWidth-e.clientWidth)/2);"
    "centre();document.querySelectorAll('.tabs>input').forEach(e=>e.onchange=centre);"
)
_LOSSES = (
    "Training and validation loss (lower is better) and mAP on the validation matches (higher is "
    "better). Only compare losses of runs with the same loss and augmentation settings: mixup and "
    "label smoothing raise the training loss. The kept model is that of the highest mAP10."
)
_SPOTTING_METRIC = (
    "<b>AP</b> of an action: detections are ranked by confidence; one is right if a label of its "
    "action lies within ±{half} s and no better one took it. AP is the mean precision at 11 levels "
    "of recall, as SoccerNet’s evaluator computes it. <b>mAP12</b> is the mean of all 12 actions, "
    "<b>mAP10</b> leaves out FREE KICK and GOAL, which are rare. "
)
_CLIP_METRIC = (
    "<b>AP</b> of an action: clips are ranked by its score; the area below precision over recall, "
    "in steps. <b>mAP12</b> is the mean of all 12 actions, <b>mAP10</b> leaves out FREE KICK and "
    "GOAL, which are rare. "
)
_TABLE = (
    "AP in per cent; the best run of each row is marked. An action without labels in the split "
    "counts as 0 in the means, as in SoccerNet’s evaluator."
)
_COSTS = (
    "Up and to the left is better: more mAP10 for fewer weights, and for less arithmetic (10⁹ "
    "multiply-adds for one clip). Both axes of cost are logarithmic."
)
_PR = (
    "Each curve goes from the surest detections at the left to all of them at the right; higher is "
    "better. The dot is the threshold where F1 is best: the events from there up are those that "
    "the figures of single runs below look at."
)
_CONFUSION = (
    "A row is what is labelled, a column what was found within ±{half} s of it; the nearest pair "
    "counts. Darker is a larger share of the row. Last column: missed. Last row: false alarms."
)
_TIMING = "How far right detections are from their labels; left of the line is too early."
_GALLERY = (
    "Seven frames 0.24 s apart; the framed one is the moment of the label (of a false alarm, of "
    "the detection). Below: ▲ what is labelled, ● what was found, with its confidence."
)


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
        from onball.files import write_text_atomic

        drawn: list[Chart] = []
        html = self._html(drawn)
        for chart in drawn:
            chart.write(figures)
        for gallery in self.galleries.values():
            gallery.write(figures)
        for key, _, group in self._tasks():
            write_csv(figures / f"{key}ap.csv", *ap_rows(group))
        write_text_atomic(page, html)

    @property
    def _spotting(self) -> list[EvaluatedSpotting]:
        return [one for one in self.evaluated if isinstance(one, EvaluatedSpotting)]

    @property
    def _clips(self) -> list[EvaluatedClips]:
        return [one for one in self.evaluated if isinstance(one, EvaluatedClips)]

    def _tasks(self) -> list[tuple[str, str, Sequence[Evaluated]]]:
        """Stem of names, heading and runs of each task that there is."""
        groups: list[tuple[str, str, Sequence[Evaluated]]] = [
            ("", "Spotting", self._spotting),
            ("clips_", "Clip classification", self._clips),
        ]
        return [group for group in groups if group[2]]

    def _html(self, drawn: list[Chart]) -> str:
        sections = [("runs", "Runs", self._settings())]
        for stem, heading, group in self._tasks():
            several = len(self._tasks()) > 1
            prefix = f"{heading}: " if several else ""
            sections += [
                (key, f"{prefix}{name}" if several else name[:1].upper() + name[1:], content)
                for key, name, content in self._task(stem, group, drawn)
            ]
        if self._spotting:
            sections.append(("each", "Run by run", self._run_by_run(drawn)))
        links = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, name, _ in sections)
        body = "".join(section(*one) for one in sections)
        count = len(self.evaluated)
        heading = f"{count} training run{'s' if count > 1 else ''}"
        subtitle = f"{text(self.data)}, {self.matches} matches · {self.today:%d %B %Y}"
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="icon" href="data:,"><title>onball: {heading}</title>'
            f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>"
            f'<header class="top"><h1>{heading}</h1><p class="sub">Tested on {subtitle}</p>'
            f"{self._tiles()}</header><nav><ul>{links}</ul></nav><main>{body}</main>"
            f"<footer>Made by onball {__version__}. Every figure is also a picture and a table in "
            f"the folder <b>figures</b> beside this page.</footer><script>{_SCRIPT}</script>"
            "</body></html>\n"
        )

    def _tiles(self) -> str:
        tiles = []
        for _, heading, group in self._tasks():
            task = f", {heading.lower()}" if len(self._tasks()) > 1 else ""
            scores = [(one.means, one.run.name) for one in group]
            for name, values in (
                ("mAP10", [(means.map10, run) for means, run in scores]),
                ("mAP12", [(means.map12, run) for means, run in scores]),
            ):
                highest, run = max(values, key=lambda value: value[0])
                tiles.append((f"{100 * highest:.1f}", f"best {name}{task}", run))
        counts = self._tasks()[0][2][0].means.counts
        what = "labels" if self._spotting else "clips with an action"
        seen = sum(counts[action] > 0 for action in ACTIONS)
        tiles.append(
            (
                f"{sum(counts.values()):,}",
                what,
                "of all 12 actions" if seen == 12 else f"of {seen} of the 12 actions",
            )
        )
        cells = "".join(
            f"<div><b>{value}</b><span>{name}<br>{breakable(more)}</span></div>"
            for value, name, more in tiles
        )
        return f'<div class="tiles">{cells}</div>'

    def _settings(self) -> str:
        table = settings_table([one.run for one in self.evaluated], self.look)
        how = "Budget: training clips seen so far. GFLOPs: 10⁹ multiply-adds for one clip."
        return f'{table}<p class="how">{how}</p>'

    def _task(
        self, stem: str, group: Sequence[Evaluated], drawn: list[Chart]
    ) -> list[tuple[str, str, str]]:
        """The sections on the runs of one task: key, heading, content."""
        looks = [self.look[one.run.name] for one in group]
        spotting = [one for one in group if isinstance(one, EvaluatedSpotting)]
        curves = training_charts([one.run for one in group], self.look, stem)
        bars, costs = bar_charts(group, self.look, stem), cost_charts(group, self.look, stem)
        metric = self._metric(spotting[0]) if spotting else _CLIP_METRIC
        if spotting:
            bars.append(tolerance_chart(spotting, self.look))
        drawn += [*curves, *bars, *costs]
        sections = [
            ("results", "results", charts(bars, metric, "", looks if spotting else ())),
            ("actions", "AP per action",
             ap_table(group, self.look, f"{stem}ap") + f'<p class="how">{_TABLE}</p>'),
            ("costs", "score against cost", charts(costs, _COSTS, "pair", looks)),
            ("training", "training", charts(curves, _LOSSES, "", looks)),
        ]  # fmt: skip
        if spotting:
            curves = pr_charts(spotting, self.look)
            drawn += curves
            content = charts(curves, _PR, "small", looks)
            sections.append(("pr", "precision and recall", content))
        return [(f"{stem}{key}", name, content) for key, name, content in sections]

    def _metric(self, one: EvaluatedSpotting) -> str:
        said = _SPOTTING_METRIC.format(half=f"{one.report.tolerance_s / 2:g}")
        intervals = one.intervals
        if intervals is None:
            return said
        unit = "blocks of 5 minutes" if intervals.unit == "blocks" else "matches"
        said += (
            f"Lines: 95 % bootstrap intervals over {intervals.units} {unit}; runs whose lines "
            "overlap widely may differ by chance."
        )
        return said

    def _run_by_run(self, drawn: list[Chart]) -> str:
        panels = []
        for one in self._spotting:
            look = self.look[one.run.name]
            confusion, timing = confusion_chart(one), timing_chart(one, look)
            drawn += [confusion, timing]
            half = f"{one.report.tolerance_s / 2:g}"
            heading = swatch(look.colour) + text(one.run.name)
            content = (
                '<div class="twice">'
                + charts([confusion], _CONFUSION.format(half=half), "wide")
                + charts([timing], _TIMING)
                + "</div><h3>At the best thresholds</h3>"
                + threshold_table(one)
                + "<h3>Match by match</h3>"
                + match_table(one)
                + f'<h3>Moments</h3><p class="how">{_GALLERY}</p>'
                + self.galleries[one.run.name].html()
            )
            panels.append((heading, content))
        return tabs("run", panels)


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
