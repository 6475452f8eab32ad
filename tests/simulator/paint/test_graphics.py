"""Score bug and replay badge."""

from dataclasses import replace

import numpy as np
import pytest
from painted_scenes import SIZE, crowded_state, empty_state, extent, ideal_look, main_camera

from onball.simulator.look.look import Bug
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
