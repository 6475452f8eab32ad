"""Pieces of HTML: escaped text, tables that scroll in their own box, figures, tabs without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from onball.reports.html.chart import Chart, Look


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
