"""Charts on a page: self-contained SVG, distinct ids, colours of the page, and files."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from xml.etree import ElementTree

from onball.reports.figures import MIN_LABEL_GAP, Chart, spread_labels
from onball.reports.style import INK, label_axes, looks, new_axes, set_title


def chart(name: str) -> Chart:
    figure, axes = new_axes()
    axes.plot([0, 1], [0, 2], color="#0072b2")
    set_title(axes, "A & b")
    label_axes(axes, "x", "y")
    return Chart(
        name, 'x < y & "z"', figure, ("x", "y"), [(0, 0), (1, None)], looks(["a"]).values()
    )


def test_an_inlined_chart_has_no_external_references_and_uses_the_colours_of_the_page():
    svg = chart("one").svg()
    assert "http" not in svg and "<metadata" not in svg
    assert INK not in svg and "var(--ink)" in svg
    assert re.match(r'<svg viewBox="[\d. ]+" role="img"', svg)
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == 'x < y & "z"'


def test_ids_of_two_charts_are_distinct_and_resolve_within_each():
    first, second = chart("one").svg(), chart("two").svg()
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    for svg, own in ((first, ids[0]), (second, ids[1])):
        used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)
        assert used and all((a or b) in own for a, b in used)


def test_a_chart_is_written_as_image_and_table(tmp_path):
    chart("one").write(tmp_path)
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.reader((tmp_path / "one.csv").open()))
    assert rows == [["x", "y"], ["0", "0"], ["1", ""]]


def test_the_same_chart_gives_the_same_page():
    assert chart("one").svg() == chart("one").svg()


def test_many_runs_look_different():
    given = looks([f"run {i}" for i in range(24)])
    assert len({(look.colour, look.dash) for look in given.values()}) == 24


def test_names_of_equal_runs_do_not_overlap_and_stay_within_the_chart():
    for heights in ([0.5] * 6, [0.9, 0.95, 0.96, 0.97], [0.1, 0.5]):
        spread = spread_labels(heights)
        assert all(b - a >= MIN_LABEL_GAP - 1e-9 for a, b in pairwise(spread))
        assert spread[0] >= 0 and spread[-1] <= 0.97
    assert spread_labels([0.1, 0.5]) == [0.1, 0.5]
