"""How the trainings went: losses and mAP10 over epochs, all runs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.ticker import MaxNLocator

from onball.reports.html.chart import FAINT, Chart, Look, label, new_axes, title
from onball.reports.html.runs import Epoch, Run


def training_charts(runs: Sequence[Run], look: Mapping[str, Look], stem: str = "") -> list[Chart]:
    """Training loss, validation loss, and mAP10 on the split `valid`.

    Args:
        runs: of one task, whose losses can be compared.
        look: of each run, by its name.
        stem: what the names of the charts begin with.
    """
    return [
        _curves(
            runs, look, f"{stem}training_loss", "Training loss", "loss", lambda e: e.train_loss
        ),
        _curves(
            runs, look, f"{stem}validation_loss", "Validation loss", "loss", lambda e: e.valid_loss
        ),
        _curves(
            runs,
            look,
            f"{stem}validation_map10",
            "Validation mAP10",
            "mAP10, per cent",
            lambda e: None if e.map10 is None else 100 * e.map10,
        ),
    ]


def _curves(
    runs: Sequence[Run],
    look: Mapping[str, Look],
    name: str,
    heading: str,
    unit: str,
    value: Callable[[Epoch], float | None],
) -> Chart:
    figure, axes = new_axes()
    rows: list[tuple[object, ...]] = []
    for run in runs:
        points = [(epoch.epoch, y) for epoch in run.epochs if (y := value(epoch)) is not None]
        rows += [(run.name, x, y) for x, y in points]
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=look[run.name].colour,
            linestyle=look[run.name].dash,
            linewidth=1.8,
            # A single epoch is no line.
            marker="o" if len(points) < 3 else "",
            markersize=4,
        )
    if not rows:
        axes.text(0.5, 0.5, "not validated", transform=axes.transAxes, ha="center", color=FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    title(axes, heading)
    label(axes, "epoch", unit)
    says = f"{heading} over epochs of {', '.join(run.name for run in runs)}"
    return Chart(name, says, figure, ("run", "epoch", unit), rows, [look[r.name] for r in runs])
