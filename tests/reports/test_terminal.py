"""Plots in the terminal: positions, ticks, sizes and ASCII."""

import itertools
import math
import random

import pytest

from onball.actions import Action
from onball.events import Event, EventList
from onball.reports.terminal import needs_ascii, plot_events, plot_lines

BRAILLE = [chr(0x2800 + bits) for bits in range(1, 256)]


def rows_of(text: str) -> list[tuple[str, str]]:
    """Tick and drawing of each line of the canvas, from the top."""
    lines = [line for line in text.splitlines() if "┤" in line or "│" in line]
    return [(line[:cut].strip(), line[cut + 1 :]) for line in lines for cut in [_axis_at(line)]]


def _axis_at(line: str) -> int:
    return line.index("┤") if "┤" in line else line.index("│")


def level_by_column(text: str) -> dict[int, int]:
    """Highest row with a mark in each column, counted from the bottom."""
    rows = rows_of(text)
    return {
        column: len(rows) - 1 - row
        for row, (_, drawing) in reversed(list(enumerate(rows)))
        for column, character in enumerate(drawing)
        if character in BRAILLE
    }


def warm_up_and_cosine(steps: int = 3000, warm: int = 600, peak: float = 8e-4) -> list[float]:
    return [
        peak * (step + 1) / warm
        if step < warm
        else peak * (1 + math.cos(math.pi * (step - warm) / (steps - warm))) / 2
        for step in range(steps)
    ]


def test_a_constant_is_a_horizontal_line_at_its_tick():
    drawn = [
        (tick, drawing) for tick, drawing in rows_of(plot_lines(range(9), [0.2] * 9)) if drawing
    ]
    assert len(drawn) == 1
    tick, drawing = drawn[0]
    assert tick == "0.2"
    assert len(set(drawing)) == 1
    assert len(drawing) == 72 - len("0.05┤")


def test_a_rising_line_rises_from_corner_to_corner():
    levels = level_by_column(plot_lines([0, 10], [0, 4]))
    heights = [levels[column] for column in sorted(levels)]
    assert sorted(levels) == list(range(len(levels)))  # no gap
    assert heights == sorted(heights)
    assert (heights[0], heights[-1]) == (0, max(heights))


def test_a_learning_rate_rises_for_its_warm_up_and_falls_to_zero():
    rates = warm_up_and_cosine()
    text = plot_lines(range(3000), rates, x_label="step", y_label="learning rate")
    lines = text.splitlines()
    assert lines[0] == "learning rate"
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 72
    assert [tick for tick, _ in rows_of(text) if tick] == [
        "0.0008", "0.0006", "0.0004", "0.0002", "0",
    ]  # fmt: skip
    assert lines[-1].split() == ["0", "500", "1000", "1500", "2000", "2500", "step"]
    levels = level_by_column(text)
    heights = [levels[column] for column in sorted(levels)]
    top = max(heights)
    rise = [column for column, height in enumerate(heights) if height == top]
    assert 0.15 * len(heights) < rise[0] < 0.21 * len(heights)
    assert heights[: rise[0]] == sorted(heights[: rise[0]])
    assert heights[rise[0] :] == sorted(heights[rise[0] :], reverse=True)
    assert (heights[0], heights[-1]) == (0, 0)


def test_y_ticks_are_evenly_spaced():
    for peak in (8e-4, 1e-3, 0.05, 1, 3.7, 90_000):
        text = plot_lines(range(3000), warm_up_and_cosine(peak=peak), y_label="y")
        at = [row for row, (tick, _) in enumerate(rows_of(text)) if tick]
        assert len({after - before for before, after in itertools.pairwise(at)}) == 1


def test_numbers_are_below_their_ticks():
    lines = plot_lines([0, 100], [0, 1]).splitlines()
    marks = [column for column, character in enumerate(lines[-2]) if character == "┬"]
    for name in lines[-1].split():
        start = lines[-1].index(f" {name}") + 1
        assert any(start <= column < start + len(name) for column in marks)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 0.5], ["0.5", "0"]),
        ([0, 25_000], ["25000", "0"]),
        ([0, 2e6], ["2e+06", "0"]),
        ([-4, 4], ["4", "-4"]),
        ([100, 101], ["101", "100"]),  # far above 0, so that the curve can be seen
        ([3, 10], ["10", "0"]),
        ([-3, -10], ["0", "-10"]),
        ([0, 0], ["1", "0"]),
    ],
)
def test_the_ends_of_the_y_axis_are_round_numbers(values, ticks):
    named = [tick for tick, _ in rows_of(plot_lines([0, 1], values)) if tick]
    assert [named[0], named[-1]] == ticks


def test_integer_steps_have_unique_integer_ticks():
    assert plot_lines([0, 1, 2], [0, 1, 0]).splitlines()[-1].split() == ["0", "1", "2"]


def test_the_line_breaks_where_a_value_is_missing():
    levels = level_by_column(plot_lines(range(5), [1, 1, math.nan, 1, 1]))
    columns = max(levels) + 1
    gap = [column for column in range(columns) if column not in levels]
    assert gap == list(range(gap[0], gap[-1] + 1))
    assert len(gap) == pytest.approx(columns / 2, abs=2)


def test_ascii_draws_the_same_curve_with_plain_characters():
    rates = warm_up_and_cosine()
    pretty = plot_lines(range(3000), rates, x_label="step", y_label="η")
    plain = plot_lines(range(3000), rates, x_label="step", y_label="η", ascii=True)
    assert plain.isascii()
    assert plain.splitlines()[0] == "?"
    assert plain.splitlines()[-1] == pretty.splitlines()[-1]
    assert len(plain.splitlines()) == len(pretty.splitlines())
    filled = [
        [[mark != " " for mark in line[7:].ljust(66)] for line in text.splitlines()[1:-2]]
        for text in (pretty, plain)
    ]
    same = [a == b for rows in zip(*filled, strict=True) for a, b in zip(*rows, strict=True)]
    assert sum(same) / len(same) > 0.95


@pytest.mark.parametrize("ascii", [False, True])
def test_any_curve_fits_its_size(ascii):
    rng = random.Random(0)
    for _ in range(60):
        width, height = rng.randrange(24, 120), rng.randrange(6, 30)
        scale, offset = 10 ** rng.uniform(-12, 12), rng.choice([0, 0, 1, -1e6, 1e9])
        size = rng.choice([1, 2, 5, 100])
        y = [offset + scale * rng.gauss(0, 1) for _ in range(size)]
        x = [rng.choice([0, 1e6]) + index * scale for index in range(size)]
        text = plot_lines(
            x, y, width=width, height=height, x_label="x" * rng.randrange(30), ascii=ascii
        )
        lines = text.splitlines()
        assert len(lines) <= height
        assert max(map(len, lines)) <= width
        assert all(line == line.rstrip() for line in lines)
        assert "nan" not in text
    assert plot_lines([0, 5e-324], [0, 5e-324])


def test_a_stream_without_braille_requires_ascii():
    assert not needs_ascii("utf-8")
    assert [needs_ascii(name) for name in ("ascii", "cp1252", "latin-1", None, "no-such")] == [
        True
    ] * 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (([0, 1], [0]), "2 values of x, 1 of y"),
        (([], []), "no points"),
        (([0], [math.nan]), "no points"),
    ],
)
def test_invalid_plots_are_errors(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        plot_lines(*arguments)


def test_a_plot_requires_a_minimum_size():
    with pytest.raises(ValueError, match="at least 24 x 6"):
        plot_lines([0, 1], [0, 1], width=10)


# Timelines


def timeline_of(*events: tuple[int, str], **settings) -> list[tuple[Action | None, str]]:
    listed = EventList.of([Event(at, label) for at, label in events])
    return plot_events(listed, **({"end_ms": 60_000, "width": 66} | settings))


def test_a_timeline_has_a_lane_per_action_that_occurs():
    lines = timeline_of((0, "PASS"), (59_999, "PASS"), (30_000, "SHOT"), width=69)
    (first, passes), (second, shots), *axis = lines
    assert (first, second) == (Action.PASS, Action.SHOT)
    assert [action for action, _ in axis] == [None, None]
    assert passes == "PASS  █" + "·" * 58 + "█  2"
    assert shots == "SHOT  " + "·" * 30 + "█" + "·" * 29 + "  1"
    assert axis[0][1] == "      " + "┬─────────" * 6
    assert axis[1][1].split() == ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50"]


def test_cells_of_a_timeline_are_filled_by_their_number_of_events():
    lines = timeline_of(*[(100, "PASS")] * 12, (30_100, "PASS"), *[(30_100, "DRIVE")] * 6)
    assert lines[0][1].replace("·", "").split() == ["PASS", "█▁", "13"]
    assert lines[1][1].replace("·", "").split() == ["DRIVE", "▄", "6"]
    lines = timeline_of(*[(100, "PASS")] * 12, *[(30_100, "PASS")] * 9, ascii=True)
    assert lines[0][1].replace(".", "").split() == ["PASS", "+9", "21"]
    assert all(line.isascii() for _, line in lines)


def test_a_timeline_of_a_part_begins_at_its_start():
    lines = timeline_of((2_400_000, "GOAL"), start_ms=2_400_000, end_ms=7_800_000)
    assert lines[0][1].startswith("GOAL  █")
    assert lines[-1][1].split() == ["1:00:00", "1:30:00", "2:00:00"]


def test_a_timeline_without_events_has_only_its_axis():
    lines = timeline_of()
    assert [action for action, _ in lines] == [None, None]
    assert "0:30" in lines[1][1]


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_timeline_is_not_wider_than_it_may_be(width):
    lines = timeline_of(
        (5, "PLAYER SUCCESSFUL TACKLE"), (9_000_000, "PASS"), end_ms=9_000_001, width=width
    )
    assert max(len(line) for _, line in lines) == width
