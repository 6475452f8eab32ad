"""A chart: one picture that goes into the page as SVG and beside it as PNG and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from onball.errors import MissingDependencyError
from onball.files import atomic_path, write_text_atomic

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox
except ImportError:  # pragma: no cover - depends on the installation
    raise MissingDependencyError("matplotlib", "plot", "A report") from None

#: Text, quiet text, lines of the grid, ground. The page has its own of each, for light and dark.
INK, FAINT, GRID, GROUND = "#1d2330", "#5c6675", "#e3e7ed", "#fefefe"
_PAGE_COLOURS = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GRID: "var(--grid)",
    GROUND: "var(--card)",
}
#: Okabe and Ito's colours, without black and yellow, which one of the page's grounds would hide.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("-", (0, (4, 1.6)), (0, (1.2, 1.2)), (0, (5, 1.3, 1.2, 1.3)))
_PNG_DPI = 180


class Look(NamedTuple):
    """How a run is drawn in every chart.

    Attributes:
        name: of the run.
        colour: `#rrggbb`, safe for the colour-blind.
        dash: matplotlib's line style; runs that share a colour differ in it.
    """

    name: str
    colour: str
    dash: str | tuple[int, tuple[float, ...]]


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each run: six colours, then the same with other dashes."""
    n = len(_COLOURS)
    return {
        name: Look(name, _COLOURS[i % n], _DASHES[i // n % len(_DASHES)])
        for i, name in enumerate(names)
    }


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture and its numbers.

    Attributes:
        name: stem of its files.
        says: what it shows, for those who cannot see it.
        figure: the picture, without a legend of runs: the page has one for all its charts.
        header: of the table.
        rows: the numbers that are drawn.
        legend: the runs in it, for the PNG, which stands alone.
    """

    name: str
    says: str
    figure: Figure
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    legend: Sequence[Look] = field(default=())

    def svg(self) -> str:
        """The picture as an `<svg>` element for a page: no size, no links, colours of the page."""
        text = io.StringIO()
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": self.name}):
            self.figure.savefig(
                text,
                format="svg",
                transparent=True,
                metadata={"Creator": None, "Date": None, "Format": None, "Type": None},
            )
        # What is laid out stays so: doing it anew for the PNG takes as long as drawing.
        self.figure.set_layout_engine("none")
        return _inlined(text.getvalue(), self.name, self.says)

    def write(self, folder: Path) -> None:
        """Write `<name>.png` and `<name>.csv`."""
        write_csv(folder / f"{self.name}.csv", self.header, self.rows)
        width, height = self.figure.get_size_inches()
        below = 0.0
        if self.legend:
            entry = 0.6 + 0.08 * max(len(look.name) for look in self.legend)
            columns = max(1, min(3, int(width / entry)))
            below = 0.15 + 0.2 * -(-len(self.legend) // columns)
            self.figure.legend(
                handles=[
                    Line2D([], [], color=look.colour, linestyle=look.dash, label=look.name)
                    for look in self.legend
                ],
                loc="upper center",
                bbox_to_anchor=(0.5, 0.0),
                ncols=columns,
                frameon=False,
                fontsize=8,
                labelcolor=INK,
            )
        area = Bbox([[0.0, -below], [width, height]])
        with atomic_path(folder / f"{self.name}.png") as aside:
            self.figure.savefig(aside, dpi=_PNG_DPI, bbox_inches=area, facecolor="white")


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table as a file; numbers with all their digits, nothing for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    write_text_atomic(path, text.getvalue())


def new_axes(width: float = 4.2, height: float = 2.9) -> tuple[Figure, Axes]:
    """An empty chart in the page's style; sizes in inches, text of 9 points."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    axes.grid(True, color=GRID, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(length=0, labelsize=8.5, labelcolor=FAINT)
    return figure, axes


def title(axes: Axes, text: str, size: float = 10) -> None:
    """The chart's name, above and at the left."""
    axes.set_title(text, loc="left", fontsize=size, color=INK, fontweight="bold", pad=8)


def label(axes: Axes, x: str = "", y: str = "", size: float = 8.5) -> None:
    """What the axes mean."""
    axes.set_xlabel(x, fontsize=size, color=FAINT)
    axes.set_ylabel(y, fontsize=size, color=FAINT)


def _inlined(svg: str, name: str, says: str) -> str:
    """A whole SVG file as an element of a page."""
    body = svg[svg.index("<svg") :]
    opening, _, body = body.partition(">")
    box = re.search(r'viewBox="[^"]+"', opening)
    assert box is not None
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    # Ids are one name space on a page: charts must not take each other's clipping paths.
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for colour, variable in _PAGE_COLOURS.items():
        body = body.replace(colour, variable)
    said = says.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'<svg {box[0]} role="img" aria-label="{said}">{body.strip()}'
