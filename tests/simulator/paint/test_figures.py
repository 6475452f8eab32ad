"""Painted people and balls."""

import numpy as np
import pytest
from painted_scenes import (
    BALL,
    SIZE,
    SPARE_BALL,
    changed_pixels,
    crowded_state,
    empty_state,
    extent,
    main_camera,
)


@pytest.mark.parametrize("person", [0, 4, 15, 22])
def test_boxes_enclose_the_painted_bodies(shadowless_painter, person):
    camera = main_camera(focal=4.0)
    alone = empty_state()
    alone.xy[person] = crowded_state(1).xy[person] / 4
    painted = extent(changed_pixels(shadowless_painter, alone, empty_state(), camera))
    box = shadowless_painter.boxes(alone, camera)[person]
    np.testing.assert_allclose(painted, box, atol=1.6)
    assert np.isnan(np.delete(shadowless_painter.boxes(alone, camera), person, axis=0)).all()


def test_the_ball_is_painted_in_its_box_and_stays_visible(shadowless_painter):
    for height in (0.11, 6.0):
        state = empty_state()
        state.ball[:] = (4.0, 3.0, height)
        camera = main_camera()
        changed = changed_pixels(shadowless_painter, state, empty_state(), camera)
        box = shadowless_painter.boxes(state, camera)[BALL]
        assert changed.sum() >= 4
        np.testing.assert_allclose(extent(changed), box, atol=1.6)
        row, column = int(box[1::2].mean()), int(box[::2].mean())
        middle = shadowless_painter.paint(state, camera)[row, column]
        assert middle.min() > 170


def test_the_spare_ball_is_painted_in_its_box(bare_painter):
    state = empty_state()
    state.spare_ball[:] = (5.0, -20.0, 0.11)
    found = bare_painter.boxes(state, main_camera())
    assert np.flatnonzero(~np.isnan(found[:, 0])).tolist() == [SPARE_BALL]
    painted = extent(changed_pixels(bare_painter, state, empty_state(), main_camera()))
    np.testing.assert_allclose(painted, found[SPARE_BALL], atol=1.6)


def test_nearer_people_occlude_farther_ones(shadowless_painter):
    camera = main_camera(focal=6.0)
    both, near = empty_state(), empty_state()
    near.xy[5] = both.xy[5] = (0.0, -1.0)
    both.xy[16] = (0.0, -0.4)
    x0, y0, x1, y1 = shadowless_painter.boxes(near, camera)[5]
    row, column = round(0.65 * y0 + 0.35 * y1), round((x0 + x1) / 2)
    chest = (slice(row - 1, row + 2), slice(column - 1, column + 2))
    with_other = shadowless_painter.paint(both, camera)
    alone = shadowless_painter.paint(near, camera)
    np.testing.assert_array_equal(with_other[chest], alone[chest])
    assert changed_pixels(shadowless_painter, both, near, camera).any()


def test_a_fast_ball_is_a_smear_that_fades_with_its_length(bare_painter):
    camera, brightest = main_camera(), []
    background = bare_painter.paint(empty_state(), camera)
    for metres in (0.0, 0.6, 1.2):
        now, then = empty_state(), empty_state()
        now.ball[:], then.ball[:] = (3.0, 5.0, 1.0), (3.0 - metres, 5.0, 1.0)
        frame = bare_painter.paint(now, camera, before=(then, camera)).astype(int)
        painted = extent((np.abs(frame - background) > 12).any(2))
        ends, _ = camera.project(np.array([then.ball, now.ball]), *SIZE)
        np.testing.assert_allclose(painted[[0, 2]], ends[:, 0] + (-1.3, 1.3), atol=1.7)
        brightest.append(frame[painted[1] : painted[3], painted[0] : painted[2]].min(2).max())
    assert brightest[0] > brightest[1] > brightest[2] > 90
