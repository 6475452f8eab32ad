"""Figure of the statistics of a data set: bars, annotations and the image file."""

from __future__ import annotations

import pytest

from onball.actions import Action
from onball.events import Event, EventList

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from onball.reports.statistics import draw_statistics

PASSES = EventList.of([Event(i * 1000, Action.PASS) for i in range(31)])
GOAL = EventList.of([Event(500, Action.GOAL)])


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **kwargs: object) -> None:
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def texts(figure: Figure) -> list[list[str]]:
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_bars_are_annotated_with_counts_rates_and_the_median_gap(tmp_path, drawn):
    labels = {"train": {"a": PASSES}, "valid": {"b": GOAL}}
    draw_statistics(labels, tmp_path / "s.png", title="here")
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"
    counts, rates, gaps = texts(drawn[0])
    assert counts[:12] == ["31", *["0"] * 11] and counts[12:] == [*["0"] * 11, "1"]
    assert rates[0] == "62.00" and rates[Action.GOAL.order] == "2.00"
    assert gaps == ["median 1.00 s"]
    assert drawn[0].get_suptitle() == "here:  2 matches, 32 events, 0.5 min in play"
    legend = drawn[0].axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["train: 1 match", "valid: 1 match"]


def test_a_single_event_has_a_bar_and_no_events_have_none(tmp_path, drawn):
    draw_statistics({"all": {"b": GOAL}}, tmp_path / "s.svg")
    widths = [bars.patches[0].get_width() for bars in drawn[0].axes[0].containers]
    assert widths[Action.GOAL.order] > 0 and not any(widths[:-1])
    assert drawn[0].axes[0].get_xscale() == "log" and drawn[0].axes[0].get_legend() is None
    assert "<svg" in (tmp_path / "s.svg").read_text()


def test_a_match_in_two_splits_counts_once_over_all(tmp_path, drawn):
    draw_statistics({"train": {"a": PASSES}, "valid": {"a": PASSES}}, tmp_path / "s.png")
    assert drawn[0].get_suptitle() == "1 match, 31 events, 0.5 min in play"
