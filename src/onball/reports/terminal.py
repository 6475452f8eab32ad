"""Plots as text for a terminal: lines in braille dots, timelines of events in blocks, or ASCII.

`plotext` draws the lines; this module chooses round numbers for the ticks, which it does not do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from onball.actions import BALL_ACTIONS, EventLabel
from onball.errors import optional_dependency
from onball.events import EventList

_MIN_WIDTH, _MIN_HEIGHT = 24, 6
_LINES = "│┤└─┬"
_ASCII = str.maketrans(_LINES, "|++-+")
#: Fillings of a cell of a timeline, from few events to many; an empty cell.
_BLOCKS, _EMPTY = "▁▂▃▄▅▆▇█", "·"
_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18_000, 36_000)
#: Rows and columns of text per tick.
_ROWS_PER_TICK, _COLUMNS_PER_TICK = 2, 10


def plot_lines(
    x: Sequence[float],
    y: Sequence[float],
    *,
    width: int = 72,
    height: int = 12,
    x_label: str = "",
    y_label: str = "",
    ascii: bool = False,
) -> str:
    """Plot the line through the points (x, y), with axes and ticks.

    The y axis starts at 0 unless the values are negative or far from 0. The line is interrupted at
    points that are not finite.

    Args:
        x, y: coordinates of the points.
        width, height: maximum number of columns and lines, at least 24 and 6.
        x_label, y_label: labels at the end of the x axis and above the y axis, cut to the width.
        ascii: use ASCII characters only; see `needs_ascii`.

    Returns: lines of text joined by newlines, without trailing blanks.

    Raises:
        ValueError: x and y differ in length, no point is finite or the size is too small.
        MissingDependencyError: plotext is not installed.
    """
    # Imported here because timelines do without this optional package.
    with optional_dependency("plotext", "train", "A plot in the terminal"):
        import plotext  # type: ignore[import-untyped]

    if len(x) != len(y):
        raise ValueError(f"{len(x)} values of x, {len(y)} of y")
    if width < _MIN_WIDTH or height < _MIN_HEIGHT:
        raise ValueError(f"a plot of {width} x {height}: at least {_MIN_WIDTH} x {_MIN_HEIGHT}")
    points = list(zip(map(float, x), map(float, y), strict=True))
    runs = [list(run) for finite, run in groupby(points, _is_finite) if finite]
    if not runs:
        raise ValueError("no points to plot")
    xs = [value for run in runs for value, _ in run]
    ys = [value for run in runs for _, value in run]

    rows = height - 2 - bool(y_label)
    y_ticks = _ticks(*_y_range(ys), max(2, rows // _ROWS_PER_TICK))
    even = 1 + (rows - 1) // (len(y_ticks) - 1) * (len(y_ticks) - 1)
    if even >= 0.75 * rows:  # a line or two less, and the ticks are evenly spaced
        rows = even
    y_names = _names(y_ticks)
    left = max(map(len, y_names)) + 1
    columns = width - left
    low, high = min(xs), max(xs)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-280):
        x_ticks = [low]
        low, high = low - max(1.0, abs(low)), high + max(1.0, abs(high))
    else:
        integers = all(value.is_integer() for value in xs)
        outer = _ticks(low, high, max(2, columns // _COLUMNS_PER_TICK), integers=integers)
        slack = 1e-9 * (high - low)
        x_ticks = [tick for tick in outer if low - slack <= tick <= high + slack]
    # The label of the axis is at the end of the line of ticks, in place of names there.
    x_label = x_label[:columns]
    room = columns - len(x_label) - 2 * bool(x_label)
    x_names = [
        name if (tick - low) / (high - low) * (columns - 1) + len(name) / 2 < room else ""
        for tick, name in zip(x_ticks, _names(x_ticks), strict=True)
    ]

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, rows + 2)
    plotext.theme("clear")
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.xlim(low, high)
    plotext.ylim(y_ticks[0], y_ticks[-1])
    plotext.xticks(x_ticks, x_names)
    plotext.yticks(y_ticks, y_names)
    for run in runs:
        plotext.plot(
            [value for value, _ in run],
            [value for _, value in run],
            marker="*" if ascii else "braille",
        )
    lines = plotext.uncolorize(plotext.build()).splitlines()
    lines[-1] = lines[-1][: width - len(x_label)].ljust(width - len(x_label)) + x_label
    if y_label:
        lines.insert(0, y_label[:width])
    text = "\n".join(line.rstrip() for line in lines)
    return text.translate(_ASCII).encode("ascii", "replace").decode() if ascii else text


def plot_events(
    events: EventList,
    *,
    start_ms: int = 0,
    end_ms: int,
    width: int = 72,
    ascii: bool = False,
) -> list[tuple[EventLabel | None, str]]:
    """Plot a timeline of events, one lane for each action that occurs.

    A cell is filled the higher the more events it has, up to the fullest cell of all lanes; in
    ASCII it has their number, and `+` for ten and more.

    Args:
        events: the events.
        start_ms, end_ms: part of the video that is shown.
        width: maximum number of columns, at least 24 more than the longest name of an action.
        ascii: use ASCII characters only; see `needs_ascii`.

    Returns:
        Lines without trailing blanks: action and text of each lane, with the number of events at its
        end, in the order of the classes of the model, or else of the 12 actions; then None and the
        time axis, two lines.
    """
    counts = events.counts()
    lanes = (BALL_ACTIONS if events.info is None else events.info.classes).ordered(counts)
    left = max((len(action.value) for action in lanes), default=0) + 2
    right = 2 + max((len(str(counts[action])) for action in lanes), default=1)
    columns = max(20, width - left - right)
    cell_ms = max(1, end_ms - start_ms) / columns
    cells = Counter(
        (event.label, min(columns - 1, max(0, int((event.position_ms - start_ms) / cell_ms))))
        for event in events
    )
    fullest = max(cells.values(), default=1)
    lines: list[tuple[EventLabel | None, str]] = []
    for action in lanes:
        text = "".join(_cell(cells[action, column], fullest, ascii) for column in range(columns))
        lines.append((action, f"{action.value:<{left}}{text}  {counts[action]:>{right - 2}}"))
    ruler, labels = _time_axis(start_ms, end_ms, columns)
    if ascii:
        ruler = ruler.translate(_ASCII)
    return [*lines, (None, " " * left + ruler), (None, (" " * left + labels).rstrip())]


def _cell(count: int, fullest: int, ascii: bool) -> str:
    if not count:
        return "." if ascii else _EMPTY
    if ascii:
        return str(count) if count < 10 else "+"
    return _BLOCKS[math.ceil(count / fullest * len(_BLOCKS)) - 1]


def _time_axis(start_ms: int, end_ms: int, columns: int) -> tuple[str, str]:
    """Ruler and labels of a time axis, with round times."""
    start_s, seconds = start_ms / 1000, max(1, end_ms - start_ms) / 1000
    most = max(1, columns // _COLUMNS_PER_TICK)
    step = next((s for s in _TIME_STEPS_S if seconds / s <= most), _TIME_STEPS_S[-1])
    ruler, labels = ["─"] * columns, [" "] * columns
    for tick in range(math.ceil(start_s / step) * step, math.ceil(start_s + seconds), step):
        column = min(columns - 1, int((tick - start_s) / seconds * columns))
        hours, minutes = divmod(tick // 60, 60)
        name = f"{hours}:{minutes:02d}:{tick % 60:02d}" if hours else f"{minutes}:{tick % 60:02d}"
        ruler[column] = "┬"
        if column + len(name) <= columns:
            labels[column : column + len(name)] = name
    return "".join(ruler), "".join(labels)


def needs_ascii(encoding: str | None) -> bool:
    """Return True if an encoding (`sys.stdout.encoding`) has no braille dots, blocks and box characters."""
    try:
        f"⣿{_LINES}{_BLOCKS}{_EMPTY}".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def _is_finite(point: tuple[float, float]) -> bool:
    return all(map(math.isfinite, point))


def _y_range(values: Sequence[float]) -> tuple[float, float]:
    """Range of the y axis: includes 0 if the values are near it or do not differ visibly."""
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    if size < 1e-290:
        return 0.0, 1.0
    flat = high - low < 1e-5 * size
    if flat or 0 < low < high / 2:
        low = min(0.0, low)
    if flat or low / 2 < high < 0:
        high = max(0.0, high)
    return low, high


def _ticks(low: float, high: float, count: int, *, integers: bool = False) -> list[float]:
    """Multiples of 1, 2 or 5 x 10^n from below `low` to above `high`, at most about `count`."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * 0.999)
    if integers:
        step = max(1.0, step)
    # The slack keeps rounding errors from adding a step.
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _names(ticks: Sequence[float]) -> list[str]:
    """Format ticks with the number of digits that distinguishes them, at least six."""
    for digits in range(6, 17):
        names = [f"{tick:.{digits}g}" for tick in ticks]
        if len(set(names)) == len(ticks):
            break
    return names
