"""The page: which figures it has, in which order, and what is said about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from onball import __version__
from onball.actions import ACTIONS
from onball.reports.html import markup, tables
from onball.reports.html.chart import Chart, Look, write_csv
from onball.reports.html.evaluated import Evaluated, EvaluatedClips, EvaluatedSpotting
from onball.reports.html.gallery import Gallery
from onball.reports.html.score_charts import bar_charts, cost_charts, tolerance_chart
from onball.reports.html.spotting_charts import confusion_chart, pr_charts, timing_chart
from onball.reports.html.training_charts import training_charts

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
            write_csv(figures / f"{key}ap.csv", *tables.ap_rows(group))
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
        body = "".join(markup.section(*one) for one in sections)
        count = len(self.evaluated)
        heading = f"{count} training run{'s' if count > 1 else ''}"
        subtitle = f"{markup.text(self.data)}, {self.matches} matches · {self.today:%d %B %Y}"
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
            f"<div><b>{value}</b><span>{name}<br>{markup.breakable(more)}</span></div>"
            for value, name, more in tiles
        )
        return f'<div class="tiles">{cells}</div>'

    def _settings(self) -> str:
        table = tables.settings_table([one.run for one in self.evaluated], self.look)
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
            ("results", "results", markup.charts(bars, metric, "", looks if spotting else ())),
            ("actions", "AP per action",
             tables.ap_table(group, self.look, f"{stem}ap") + f'<p class="how">{_TABLE}</p>'),
            ("costs", "score against cost", markup.charts(costs, _COSTS, "pair", looks)),
            ("training", "training", markup.charts(curves, _LOSSES, "", looks)),
        ]  # fmt: skip
        if spotting:
            curves = pr_charts(spotting, self.look)
            drawn += curves
            content = markup.charts(curves, _PR, "small", looks)
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
            heading = markup.swatch(look.colour) + markup.text(one.run.name)
            content = (
                '<div class="twice">'
                + markup.charts([confusion], _CONFUSION.format(half=half), "wide")
                + markup.charts([timing], _TIMING)
                + "</div><h3>At the best thresholds</h3>"
                + tables.threshold_table(one)
                + "<h3>Match by match</h3>"
                + tables.match_table(one)
                + f'<h3>Moments</h3><p class="how">{_GALLERY}</p>'
                + self.galleries[one.run.name].html()
            )
            panels.append((heading, content))
        return markup.tabs("run", panels)
