"""A curve as text, for a terminal: braille dots, or plain ASCII where those cannot be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SMALLEST = (24, 6)
_TINY = 1e-290
#: The dots of a braille character, from U+2800: four rows of two.
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
#: ASCII by the thirds of a cell that the curve crosses: 1 for the upper, 2 the middle, 4 the lower.
_ASCII = " '-\".:,|"


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
    """A plot of the line through the points (x, y), with axes and ticks.

    The y axis starts at 0 unless the curve is negative or lies far above. The line breaks at
    points that are not finite.

    Args:
        x, y: the points, equally many.
        width, height: columns and lines of the whole at most, at least 24 and 6.
        x_label, y_label: written at the end of the x axis and above the y axis, cut to the width.
        ascii: use ASCII characters alone; see `needs_ascii`.

    Returns: the lines, without trailing blanks, joined by newlines.

    Raises `ValueError` if x and y differ in length, no point is finite or the size is too small.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values of x, {len(y)} of y")
    if width < _SMALLEST[0] or height < _SMALLEST[1]:
        raise ValueError(f"a plot of {width} x {height}: at least {_SMALLEST[0]} x {_SMALLEST[1]}")
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    finite = [point for point in points if all(map(math.isfinite, point))]
    if not finite:
        raise ValueError("no points to plot")
    rows = height - 2 - bool(y_label)
    x_values, y_values = zip(*finite, strict=True)
    whole = all(value.is_integer() for value in x_values)
    y_axis = _Axis.around(y_values, ticks=max(2, rows // 2))
    even = 1 + (rows - 1) // y_axis.steps * y_axis.steps
    if even >= 0.75 * rows:  # a line or two less, and the ticks are evenly spaced
        rows = even
    names = _texts(y_axis.ticks)
    margin = max(map(len, names))
    columns = width - margin - 2
    x_axis = _Axis.within(x_values, ticks=max(2, columns // 10), whole=whole)
    canvas = _Canvas(columns, rows, ascii)
    canvas.draw(points, x_axis, y_axis)

    side, tick, corner, bottom, mark = "|++-+" if ascii else "│┤└─┬"
    at_row = {
        rows - 1 - y_axis.place(value, rows): name
        for value, name in zip(y_axis.ticks, names, strict=True)
    }
    lines = [
        f"{at_row.get(row, ''):>{margin}} {tick if row in at_row else side}{canvas.line(row)}"
        for row in range(rows)
    ]
    places = [x_axis.place(value, columns) for value in x_axis.ticks]
    rule = "".join(mark if column in places else bottom for column in range(columns))
    lines.append(f"{'':{margin}} {corner}{rule}")
    lines.append(_under_axis(places, _texts(x_axis.ticks), margin + 2, width, x_label[:columns]))
    if y_label:
        lines.insert(0, y_label[:width])
    text = "\n".join(line.rstrip() for line in lines)
    return text.encode("ascii", "replace").decode("ascii") if ascii else text


def needs_ascii(encoding: str | None) -> bool:
    """True if a stream of that encoding (`sys.stdout.encoding`) cannot show braille and lines."""
    try:
        "⣿│┤└─┬".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


@dataclass(frozen=True, slots=True)
class _Axis:
    """A stretch of numbers with ticks on it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @property
    def steps(self) -> int:
        """How many stretches from tick to tick there are, at least 1."""
        return max(1, len(self.ticks) - 1)

    @classmethod
    def around(cls, values: Sequence[float], ticks: int) -> _Axis:
        """From a tick below the values to one above; 0 is among them if it is near."""
        low, high = min(values), max(values)
        size = max(abs(low), abs(high))
        if size < _TINY:
            return cls.around((0.0, 1.0), ticks)
        flat = high - low < 1e-5 * size  # no tick could show the difference
        if flat or 0 < low < high / 2:
            low = min(0.0, low)
        if flat or low / 2 < high < 0:
            high = max(0.0, high)
        step = _step(low, high, ticks)
        # The slack keeps rounding errors from adding an empty step.
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        marks = tuple(number * step for number in range(first, last + 1))
        return cls(min(low, marks[0]), max(high, marks[-1]), marks)

    @classmethod
    def within(cls, values: Sequence[float], ticks: int, whole: bool) -> _Axis:
        """Exactly from the lowest value to the highest; ticks at whole numbers only if asked."""
        low, high = min(values), max(values)
        if high - low <= max(_TINY, 1e-12 * abs(low)):
            return cls(low - 1, low + 1, (low,))
        step = _step(low, high, ticks)
        if whole:
            step = max(1.0, step)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return cls(low, high, tuple(number * step for number in range(first, last + 1)))

    def place(self, value: float, places: int) -> int:
        """Which of so many places along the axis the value falls on."""
        share = (value - self.low) / (self.high - self.low)
        return min(places - 1, max(0, math.floor(share * (places - 1) + 0.5)))


class _Canvas:
    """Dots in cells, several to a character."""

    def __init__(self, columns: int, rows: int, ascii: bool) -> None:
        self._ascii = ascii
        self._across, self._down = (1, 3) if ascii else (2, 4)
        self._cells = [[0] * columns for _ in range(rows)]
        self._dots = (columns * self._across, rows * self._down)

    def draw(self, points: Sequence[tuple[float, float]], x_axis: _Axis, y_axis: _Axis) -> None:
        """Lines from each point to the next, leaving out those that are not finite."""
        previous: tuple[int, int] | None = None
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                previous = None
                continue
            dot = x_axis.place(x, self._dots[0]), y_axis.place(y, self._dots[1])
            start = previous or dot
            steps = max(abs(dot[0] - start[0]), abs(dot[1] - start[1]), 1)
            for step in range(steps + 1):
                across, up = (
                    math.floor(a + (b - a) * step / steps + 0.5)
                    for a, b in zip(start, dot, strict=True)
                )
                self._set(across, self._dots[1] - 1 - up)
            previous = dot

    def _set(self, across: int, down: int) -> None:
        inner = down % self._down
        bit = 1 << inner if self._ascii else _BRAILLE[inner][across % self._across]
        self._cells[down // self._down][across // self._across] |= bit

    def line(self, row: int) -> str:
        """The characters of a row."""
        if self._ascii:
            return "".join(_ASCII[bits] for bits in self._cells[row])
        return "".join(chr(0x2800 + bits) if bits else " " for bits in self._cells[row])


def _step(low: float, high: float, ticks: int) -> float:
    """A distance of 1, 2 or 5 x 10^n that makes about, and at most, so many steps."""
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _texts(values: Sequence[float]) -> list[str]:
    """The numbers, all in one notation: plain, in thousands, or with one power of ten."""
    largest = max(map(abs, values))
    scale, unit = 1.0, ""
    if largest >= 1e6 or 0 < largest < 1e-2:
        power = math.floor(math.log10(largest) + 1e-9)
        scale, unit = 10.0**power, f"e{power}"
    elif largest >= 1e4:
        scale, unit = 1000.0, "k"
    numbers = [value / scale for value in values]
    apart = abs(numbers[1] - numbers[0]) if len(numbers) > 1 else abs(numbers[0])
    for decimals in range(16):
        texts = [f"{number:.{decimals}f}" for number in numbers]
        if all(abs(float(t) - n) <= apart / 100 for t, n in zip(texts, numbers, strict=True)):
            break
    short = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    return [text + unit if number else "0" for text, number in zip(short, numbers, strict=True)]


def _under_axis(
    places: Sequence[int], names: Sequence[str], offset: int, width: int, label: str
) -> str:
    """The label at the end and, where there is room, the names of the ticks under their places."""
    line = ""
    room = width - len(label) - 2 if label else width
    for place, name in zip(places, names, strict=True):
        start = max(0, offset + place - (len(name) - 1) // 2)
        if not label:
            start = min(start, width - len(name))
        if start + len(name) <= room and (not line or start >= len(line) + 2):
            line = line.ljust(start) + name
    return line.ljust(width - len(label)) + label
