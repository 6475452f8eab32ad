"""Projection, lens distortion and true boxes."""

import numpy as np
import pytest
from painted_scenes import SIZE, crowded_state, empty_state, main_camera

from onball.formats.camera_parquet import distort
from onball.simulator.paint.scene import boxes, undistort
from onball.simulator.world import PEOPLE


@pytest.mark.parametrize("k1", [-0.03, -0.01, 0.0, 0.02, 0.03])
def test_undistort_inverts_distort_and_fills_the_corners(k1):
    x, y = np.meshgrid(np.linspace(0, 398, 9), np.linspace(0, 224, 7))
    frame = np.stack([x, y], -1)
    straight = undistort(frame, *SIZE, k1)
    np.testing.assert_allclose(distort(straight, *SIZE, k1), frame, atol=1e-6)
    assert straight.min() > -1e-6
    assert (straight < np.array(SIZE) + 1e-6).all()


def test_distortion_is_the_documented_formula():
    half = np.hypot(*SIZE) / 2
    for k1, zoom in ((0.03, 1.0), (-0.03, 1 / 0.97)):
        moved = distort(np.array([199.0 + 0.5 * half, 112.0]), *SIZE, k1)
        np.testing.assert_allclose(moved, [199 + 0.5 * half * (1 + k1 * 0.25) * zoom, 112.0])


def test_people_outside_the_frame_or_behind_the_camera_have_no_box():
    state = empty_state()
    state.xy[1] = (0.0, -90.0)  # behind
    state.xy[2] = (-50.0, 0.0)  # far to the left
    state.xy[3] = (0.0, 0.0)
    state.ball[:] = (0.0, 0.0, 60.0)  # far above
    found = boxes(state, main_camera(focal=4.0))
    assert found.dtype == np.float32
    assert found.shape == (PEOPLE + 2, 4)
    assert np.flatnonzero(~np.isnan(found[:, 0])).tolist() == [3]


def test_boxes_are_clipped_to_the_frame():
    state = crowded_state(3)
    state.xy[:] *= 3
    found = boxes(state, main_camera(focal=5.0))
    seen = found[~np.isnan(found[:, 0])]
    assert len(seen) > 0
    assert (seen >= 0).all()
    assert (seen[:, 2] <= SIZE[0]).all()
    assert (seen[:, 3] <= SIZE[1]).all()
    assert (seen[:, 2:] > seen[:, :2]).all()


def test_a_player_is_as_tall_as_in_broadcasts(shadowless_painter):
    state = empty_state()
    state.xy[5] = (0.0, 0.0)
    x0, y0, x1, y1 = shadowless_painter.boxes(state, main_camera())[5]
    assert 10 < y1 - y0 < 30
    assert x1 - x0 < y1 - y0
