"""What is behind a spotting mAP: precision over recall, timing errors, mix-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from onball.actions import ACTIONS, Action
from onball.evaluation.confusion import CONFUSION_NAMES
from onball.reports.html.chart import FAINT, GROUND, INK, Chart, Look, label, new_axes, title
from onball.reports.html.evaluated import EvaluatedSpotting

_HEAT = LinearSegmentedColormap.from_list("heat", ("#eef3f9", "#7fb2dd", "#0a4f86"))


def pr_charts(evaluated: Sequence[EvaluatedSpotting], look: Mapping[str, Look]) -> list[Chart]:
    """Precision over recall, a chart for each action, a curve for each run."""
    return [_pr(action, evaluated, look) for action in ACTIONS]


def timing_chart(one: EvaluatedSpotting, look: Look) -> Chart:
    """How early or late the right detections of a run are."""
    timing = one.report.timing
    edges, counts = timing.edges_ms, timing.counts
    figure, axes = new_axes(4.6, 3.0)
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=look.colour,
             edgecolor=GROUND, linewidth=0.6)  # fmt: skip
    axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
    axes.set_xlim(edges[0], edges[-1])
    axes.grid(False, axis="x")
    if timing.median_ms is not None and timing.median_absolute_ms is not None:
        heading = (
            f"Timing error: median {timing.median_ms:+.0f} ms, "
            f"absolute {timing.median_absolute_ms:.0f} ms"
        )
    else:
        heading = "Timing error: no detection is right"
    title(axes, heading)
    label(axes, "early  ←  detection minus label, ms  →  late", "events")
    rows = list(zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True))
    return Chart(
        f"timing_{slug(one.run.name)}", f"{heading}, run {one.run.name}", figure,
        ("from_ms", "to_ms", "events"), rows,
    )  # fmt: skip


def confusion_chart(one: EvaluatedSpotting) -> Chart:
    """What each label of a run's matches was found as."""
    matrix = one.report.confusion
    names = [_short(name) for name in CONFUSION_NAMES[:-1]]
    n = len(CONFUSION_NAMES)
    figure, axes = new_axes(5.9, 5.2)
    axes.grid(False)
    rows_of_labels = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, rows_of_labels, out=np.zeros(matrix.shape), where=rows_of_labels > 0)
    # What is nobody's label has no total to be a share of.
    share[-1] = matrix[-1] / max(1, matrix.max())
    shown = np.ma.masked_where(matrix == 0, share)
    axes.pcolormesh(shown, cmap=_HEAT, vmin=0, vmax=1, edgecolors="none")
    for row, column in zip(*np.nonzero(matrix), strict=True):
        axes.text(
            column + 0.5, row + 0.5, str(matrix[row, column]), ha="center", va="center",
            fontsize=8, color="white" if share[row, column] > 0.55 else "#1d2331",
        )  # fmt: skip
    for line in range(n + 1):
        axes.axhline(line, color=GROUND, linewidth=1.5)
        axes.axvline(line, color=GROUND, linewidth=1.5)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.set_xticks(
        np.arange(n) + 0.5, [*names, "Missed"], rotation=45, ha="left", rotation_mode="anchor"
    )
    axes.set_yticks(np.arange(n) + 0.5, [*names, "False alarm"])
    axes.xaxis.tick_top()
    axes.tick_params(labelcolor=INK, labelsize=8)
    label(axes, "found as", "labelled")
    axes.xaxis.set_label_position("bottom")
    for spine in axes.spines.values():
        spine.set_visible(False)
    right = int(np.trace(matrix[:-1, :-1]))
    says = f"Confusion matrix of {one.run.name}: {right} of {int(matrix[:-1].sum())} labels found"
    rows = [[name, *row] for name, row in zip(CONFUSION_NAMES, matrix.tolist(), strict=True)]
    return Chart(
        f"confusion_{slug(one.run.name)}", says, figure, ("labelled", *CONFUSION_NAMES), rows
    )


def slug(name: str) -> str:
    """The name as a part of a file's name and of an id on a page."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def _pr(action: Action, evaluated: Sequence[EvaluatedSpotting], look: Mapping[str, Look]) -> Chart:
    figure, axes = new_axes(2.35, 2.1)
    rows: list[tuple[object, ...]] = []
    for one in evaluated:
        curve = one.report.curves[action]
        style = look[one.run.name]
        rows += [
            (one.run.name, float(t), float(p), float(r))
            for t, p, r in zip(curve.threshold, curve.precision, curve.recall, strict=True)
        ]
        axes.plot(curve.recall, curve.precision, color=style.colour, linestyle=style.dash,
                  linewidth=1.5)  # fmt: skip
        if curve.best.threshold is not None:
            axes.plot(curve.best.recall, curve.best.precision, marker="o", markersize=6,
                      color=style.colour, markeredgecolor=GROUND)  # fmt: skip
    labels = evaluated[0].means.counts[action] if evaluated else 0
    if not labels or not rows:
        axes.text(0.5, 0.5, "no labels" if not labels else "nothing found", ha="center",
                  va="center", fontsize=9, color=FAINT, transform=axes.transAxes)  # fmt: skip
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    ticks = [0, 0.5, 1]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(labelsize=8)
    title(axes, action.value.capitalize(), size=9)
    label(axes, "recall", "precision", size=8)
    return Chart(
        f"pr_{slug(action.value)}",
        f"Precision over recall of {action}, {labels} labels",
        figure,
        ("run", "threshold", "precision", "recall"),
        rows,
        [look[one.run.name] for one in evaluated],
    )


def _short(name: str) -> str:
    shorter = {"PLAYER SUCCESSFUL TACKLE": "Tackle", "BALL PLAYER BLOCK": "Block"}
    return shorter.get(name, name.capitalize())
