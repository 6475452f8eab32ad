"""Score bug and replay badge."""

from dataclasses import replace

import numpy as np
import pytest
from painted_scenes import SIZE, crowded_state, empty_state, extent, ideal_look, main_camera

from onball.simulator.look.look import Bug, Disc
from onball.simulator.paint.painter import Painter


def test_clock_and_score_change_only_the_score_bug(shadowless_painter):
    camera = main_camera()
    before, after = (
        shadowless_painter.paint(crowded_state(), camera, clock_ms, score)
        for clock_ms, score in ((59_000, (0, 0)), (60_000, (1, 0)))
    )
    changed = extent((before != after).any(2))
    assert changed[3] - changed[1] < 0.12 * SIZE[1]
    assert changed[2] - changed[0] < 110


def test_a_replay_has_a_badge_and_no_score_bug(bare_painter):
    state, camera = empty_state(), main_camera()
    frames = {
        (score, replay): bare_painter.paint(state, camera, 61_000, score, replay=replay).astype(int)
        for score in ((0, 0), (3, 2))
        for replay in (False, True)
    }
    assert np.abs(frames[(0, 0), False] - frames[(3, 2), False]).max() > 60
    np.testing.assert_array_equal(frames[(0, 0), True], frames[(3, 2), True])
    assert np.abs(frames[(0, 0), True] - frames[(0, 0), False]).max() > 60


@pytest.mark.parametrize(
    ("bug", "size"),
    [*((bug, (398, 224)) for bug in Bug), *((bug, (1280, 720)) for bug in list(Bug)[:2])],
)
def test_every_score_bug_is_inside_the_frame_and_shows_clock_and_score(bug, size):
    look = ideal_look()
    look = replace(look, graphics=replace(look.graphics, bug=bug, bug_at=(0.9, 0.9)))
    painter = Painter(look, *size)
    camera = main_camera()
    one, clock, score = (
        painter.paint(empty_state(), camera, clock_ms, goals).astype(int)
        for clock_ms, goals in ((0, (0, 0)), (83_000, (0, 0)), (0, (4, 0)))
    )
    for other in (clock, score):
        changed = extent(np.abs(one - other).max(2) > 30)
        assert (changed[2:] < size).all()
        assert (changed[:2] > 0.6 * np.array(size)).all()


def test_a_round_emblem_stands_where_the_look_puts_it():
    look, state, camera = ideal_look(), empty_state(), main_camera()
    disc = Disc(at=(0.5, 0.5), size=0.1, colour=(250, 250, 250), ring=(20, 20, 200), opacity=0.9)
    frames = [
        Painter(replace(look, graphics=replace(look.graphics, discs=discs)))
        .paint(state, camera)
        .astype(int)
        for discs in ((), (disc,))
    ]
    x0, y0, x1, y1 = extent((np.abs(frames[1] - frames[0]) > 12).any(2))
    np.testing.assert_allclose([x1 - x0, y1 - y0], 0.1 * SIZE[1], atol=1.5)
    np.testing.assert_allclose([x0 + x1, y0 + y1], SIZE, atol=3)
    assert frames[1][SIZE[1] // 2, SIZE[0] // 2].min() > 210
