"""Pieces of HTML: escaped text, tables that scroll in their own box, figures, tabs without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from onball.actions import ACTIONS
from onball.config import ComponentConfig
from onball.reports.figures import Chart, Look
from onball.reports.runs import Evaluated, EvaluatedSpotting, Run


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        html: what is in it, escaped already.
        kind: its class: "number", "best", "quiet" …; may be several.
    """

    html: str
    kind: str = ""


def text(value: object) -> str:
    """The value as text that is safe on a page."""
    return escape(str(value))


def cell(value: object, kind: str = "") -> Cell:
    """A cell with plain text."""
    return Cell(text(value), kind)


def breakable(value: object) -> str:
    """The value as text whose lines may break behind `_`, `-` and `/`, as in names of runs."""
    return re.sub(r"(?<=[_/-])", "<wbr>", text(value))


def swatch(colour: str) -> str:
    """A small square of a colour, before a name."""
    return f'<i class="swatch" style="background:{colour}"></i>'


def table(header: Sequence[Cell], rows: Iterable[Sequence[Cell]], name: str = "") -> str:
    """A table in a box of its own, which scrolls where the page is too narrow.

    The first cell of each row is its heading. `name` becomes its id.
    """
    head = "".join(f'<th scope="col" class="{one.kind}">{one.html}</th>' for one in header)
    body = []
    for first, *others in rows:
        cells = "".join(f'<td class="{one.kind}">{one.html}</td>' for one in others)
        body.append(f'<tr><th scope="row" class="{first.kind}">{first.html}</th>{cells}</tr>')
    named = f' id="{name}"' if name else ""
    return (
        f'<div class="scroll" tabindex="0"><table{named}><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def charts(pictures: Sequence[Chart], how: str, kind: str = "", looks: Sequence[Look] = ()) -> str:
    """Charts beside each other with one legend above and one line on how to read them below.

    Args:
        pictures: the charts.
        how: the line, HTML.
        kind: class of the grid: "small" for many small ones, "wide" for one that needs room.
        looks: the runs of the legend.
    """
    cards = "".join(f'<div class="card">{chart.svg()}</div>' for chart in pictures)
    return (
        f'<figure>{legend(looks) if looks else ""}<div class="charts {kind}">{cards}</div>'
        f"<figcaption>{how}</figcaption></figure>"
    )


def legend(looks: Sequence[Look]) -> str:
    """The runs and how each is drawn."""
    items = []
    for look in looks:
        dash = "" if isinstance(look.dash, str) else " ".join(f"{2 * n:g}" for n in look.dash[1])
        items.append(
            f'<li><svg class="key" viewBox="0 0 28 8"><line x1="0" y1="4" x2="28" y2="4" '
            f'stroke="{look.colour}" stroke-width="4" stroke-dasharray="{dash}"/></svg>'
            f"{text(look.name)}</li>"
        )
    return f'<ul class="legend">{"".join(items)}</ul>'


def tabs(group: str, panels: Sequence[tuple[str, str]]) -> str:
    """Panels of which one is shown, by radio buttons; on paper all of them.

    Args:
        group: name of the buttons.
        panels: heading and content, HTML.
    """
    if len(panels) == 1:
        return f'<h3 class="alone">{panels[0][0]}</h3>{panels[0][1]}'
    parts = []
    for number, (heading, content) in enumerate(panels):
        key, checked = f"{group}-{number}", " checked" if number == 0 else ""
        parts.append(
            f'<input type="radio" name="{group}" id="{key}"{checked}>'
            f'<label for="{key}">{heading}</label>'
            f'<div class="panel"><h3 class="onpaper">{heading}</h3>{content}</div>'
        )
    return f'<div class="tabs">{"".join(parts)}</div>'


def section(key: str, heading: str, *content: str) -> str:
    """A part of the page that can be linked to."""
    return f'<section id="{key}"><h2>{heading}</h2>{"".join(content)}</section>'


# --- The tables of the page: settings of the runs, AP of each action, thresholds, matches


#: Options of components that say where weights come from, not what the net is.
_ORIGINS = {"pretrained"}
Rows = list[list[object]]


def settings_table(runs: Sequence[Run], look: Mapping[str, Look]) -> str:
    """What the runs are: their nets, clips and budgets."""
    names = ("run", "backbone", "temporal head", "prediction head", "pictures")
    numbers = ("epochs", "seed", "budget", "parameters", "GFLOPs")
    header = [*(cell(name) for name in names), *(cell(name, "number") for name in numbers)]
    return table(header, [_settings_row(run, look[run.name]) for run in runs], "settings")


def ap_table(evaluated: Sequence[Evaluated], look: Mapping[str, Look], name: str) -> str:
    """AP of each action and the means, a column for each run, the best of each row in bold."""
    header = [cell("action"), cell(_counted(evaluated), "number")]
    header += [_run_cell(look[one.run.name], "number") for one in evaluated]
    means = [one.means for one in evaluated]
    counts = means[0].counts
    rows = [
        [cell("mAP10", "mean"), _number(sum(counts[a] for a in ACTIONS[:10]), "mean"),
         *_marked([m.map10 for m in means], "mean")],
        [cell("mAP12", "mean"), _number(sum(counts.values()), "mean"),
         *_marked([m.map12 for m in means], "mean")],
    ]  # fmt: skip
    for action in ACTIONS:
        named = Cell(swatch(action.colour) + text(action.value.capitalize()))
        if counts[action]:
            rows.append([named, _number(counts[action]), *_marked([m.ap[action] for m in means])])
        else:
            nothing = [cell(f"no {_counted(evaluated)}", "number quiet") for _ in means]
            rows.append([named, _number(0, "quiet"), *nothing])
    return table(header, rows, name)


def ap_rows(evaluated: Sequence[Evaluated]) -> tuple[list[str], Rows]:
    """The same as numbers in per cent, for a file; nothing where there are no labels."""
    header = ["action", _counted(evaluated), *(one.run.name for one in evaluated)]
    means = [one.means for one in evaluated]
    counts = means[0].counts
    rows: Rows = [
        ["mAP10", sum(counts[a] for a in ACTIONS[:10]), *(100 * m.map10 for m in means)],
        ["mAP12", sum(counts.values()), *(100 * m.map12 for m in means)],
    ]
    for action in ACTIONS:
        values = [100 * m.ap[action] if counts[action] else None for m in means]
        rows.append([action.value, counts[action], *values])
    return header, rows


def threshold_table(one: EvaluatedSpotting) -> str:
    """What a user of the run gets of each action at its best threshold."""
    names = ("action", "labels", "AP", "threshold", "precision", "recall", "F1", "median error")
    rows = []
    result, timing = one.report.result, one.report.timing.median_ms_per_action
    for action, best in one.report.best.items():
        named = Cell(swatch(action.colour) + text(action.value.capitalize()))
        labels = result.truth_counts[action]
        if not labels or best.threshold is None:
            said = "no labels" if not labels else "nothing found"
            rows.append([named, _number(labels), cell(said, "number quiet"),
                         *(cell("–", "number quiet") for _ in names[3:])])  # fmt: skip
            continue
        shares = (best.precision, best.recall, best.f1)
        error = _signed(timing[action]) if action in timing else "–"
        rows.append([
            named, _number(labels), _number(f"{100 * result.ap[action]:.1f}"),
            _number(f"{best.threshold:.2f}"), *(_number(f"{100 * s:.0f} %") for s in shares),
            _number(error),
        ])  # fmt: skip
    return table([cell(n, "number" if i else "") for i, n in enumerate(names)], rows)


def match_table(one: EvaluatedSpotting) -> str:
    """The run on each match alone."""
    names = ("match", "labels", "mAP12", "mAP10", "precision", "recall", "F1", "median error")
    rows = [
        [
            cell(match.name.rpartition("/")[2]),
            _number(match.labels),
            _number(f"{100 * match.map12:.1f}"),
            _number(f"{100 * match.map10:.1f}"),
            *(_number(f"{100 * share:.0f} %")
              for share in (match.shown.precision, match.shown.recall, match.shown.f1)),
            _number("–" if match.median_ms is None else _signed(match.median_ms)),
        ]
        for match in one.report.matches
    ]  # fmt: skip
    return table([cell(n, "number" if i else "") for i, n in enumerate(names)], rows)


def _counted(evaluated: Sequence[Evaluated]) -> str:
    """What there are so many of: of each action."""
    return "labels" if isinstance(evaluated[0], EvaluatedSpotting) else "clips"


def _settings_row(run: Run, look: Look) -> list[Cell]:
    config, cost = run.config, run.cost
    data, training = config.data, config.training
    clips = training.clips_per_epoch
    if config.task == "classification":
        head = Cell("pooled over the clip")
    else:
        head = _component(config.model.head, "teams" if config.model.teams else "")
    done = len(run.epochs)
    return [
        _run_cell(look),
        _component(config.model.backbone),
        _component(config.model.temporal),
        head,
        _with_note(f"{data.width}×{data.height}", f"{data.clip_frames} at {data.fps:g} per second"),
        _number(done if done == training.epochs else f"{done} of {training.epochs}"),
        _number(training.seed),
        _number(f"{done * clips:,} clips"),
        _number(f"{cost.parameters / 1e6:.2f} M"),
        _number(f"{cost.gflops:.2f}"),
    ]


def _component(component: ComponentConfig, more: str = "") -> Cell:
    """Its name, and below it its options."""
    options = [f"{k} {v}" for k, v in component.options.items() if k not in _ORIGINS]
    return _with_note(component.name, ", ".join([*options, more] if more else options))


def _with_note(value: str, note: str) -> Cell:
    return Cell(text(value) + (f"<small>{text(note)}</small>" if note else ""))


def _signed(milliseconds: float) -> str:
    return f"{milliseconds:+.0f} ms".replace("-", "−")


def _run_cell(look: Look, kind: str = "") -> Cell:
    return Cell(swatch(look.colour) + breakable(look.name), f"run {kind}".strip())


def _number(value: object, kind: str = "") -> Cell:
    return cell(value, f"number {kind}".strip())


def _marked(shares: Sequence[float], kind: str = "") -> list[Cell]:
    """Per cent with two digits; what rounds to the highest is the best, unless all do."""
    texts = [f"{100 * share:.2f}" for share in shares]
    highest = max(texts, key=float)
    best = len(set(texts)) > 1
    return [_number(t, f"{kind} best" if best and t == highest else kind) for t in texts]
