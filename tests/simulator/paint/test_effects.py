"""Motion blur, depth of field, lens distortion and grain."""

import cv2
import numpy as np
import pytest
from painted_scenes import (
    SIZE,
    changed_pixels,
    crowded_state,
    empty_state,
    extent,
    ideal_camera,
    ideal_look,
    lone_person,
    main_camera,
)

from onball.formats.camera_parquet import distort
from onball.simulator.look.look import Look
from onball.simulator.paint.painter import Painter
from onball.simulator.world import HALF_WIDTH, Camera


@pytest.mark.parametrize("k1", [-0.03, 0.03])
def test_lines_and_boxes_agree_with_the_distorted_frame(bare_painter, k1):
    painter, camera = Painter(ideal_look(distortion=k1)), main_camera(0.0, -12.0, focal=1.4)
    frame = painter.paint(empty_state(), camera).astype(int).sum(2)
    spots = np.array([(28.0, -34.0, 0), (-28.0, -34.0, 0), (22.0, -34.0, 0), (-22.0, -34.0, 0)])
    pixels, _ = camera.project(spots, *SIZE)
    for x, y in np.floor(distort(pixels, *SIZE, k1)).astype(int):
        assert frame[y - 1 : y + 2, x].max() > np.median(frame[y - 8 : y + 9, x]) + 60
    for person, place in ((3, (-38.0, 20.0)), (14, (24.0, -20.0))):
        alone = lone_person(*place, person)
        painted = extent(changed_pixels(painter, alone, empty_state(), camera))
        np.testing.assert_allclose(painted, painter.boxes(alone, camera)[person], atol=1.6)
        moved = painter.boxes(alone, camera)[person] - bare_painter.boxes(alone, camera)[person]
        assert np.abs(moved).max() > 0.8


def test_an_open_shutter_without_movement_changes_nothing(bare_painter):
    state, camera = crowded_state(), main_camera()
    still = bare_painter.paint(state, camera, before=(state, camera))
    np.testing.assert_array_equal(still, bare_painter.paint(state, camera))


def test_a_pan_blurs_the_ground_along_its_direction_only(bare_painter):
    state, camera = empty_state(), main_camera()
    row = int(camera.project(np.array([0.0, HALF_WIDTH, 0.0]), *SIZE)[0][1])

    def edges(before):
        frame = bare_painter.paint(state, camera, before=before).astype(int).sum(2)
        line = frame[100:215, 150:250]  # the halfway line, upright
        far = frame[row - 2 : row + 4, 20:380]  # the touchline, level
        upright, level = np.abs(np.diff(line, axis=1)), np.abs(np.diff(far, axis=0))
        return np.median(upright.max(1)), np.median(level.max(0))

    upright, level = edges(None)
    panned_upright, panned_level = edges((state, main_camera(-1.5)))
    assert panned_upright < 0.6 * upright
    assert panned_level > 0.8 * level


def test_a_long_lens_blurs_the_stands_and_not_the_player():
    state = lone_person(0.0, 10.0)
    camera = Camera.looking_at(np.array([0.0, -40.0, 2.0]), np.array([0.0, 10.0, 1.2]), 16.0)
    painters = [Painter(ideal_look(aperture=aperture)) for aperture in (1e-6, 0.012)]
    x0, y0, x1, y1 = painters[0].boxes(state, camera)[5].round().astype(int)
    sharp, soft = (painter.paint(state, camera).astype(float).mean(2) for painter in painters)
    detail = [np.abs(cv2.Laplacian(frame, cv2.CV_64F)) for frame in (sharp, soft)]
    beside = (slice(16, 60), slice(0, max(x0 - 10, 20)))
    assert detail[1][beside].mean() < 0.3 * detail[0][beside].mean()
    inside = (slice(y0 + 5, y1 - 5), slice(x0 + 5, x1 - 5))
    assert detail[1][inside].mean() > 0.6 * detail[0][inside].mean()


def test_grain_changes_between_frames_and_has_the_strength_of_the_look():
    painter = Painter(ideal_camera(Look.random(4), grain=3.0))
    one, other = (painter.paint(crowded_state(0, time_ms), main_camera()) for time_ms in (0, 40))
    noise = (one.astype(int) - other)[60:].std()
    assert 2.5 < noise / np.sqrt(2) < 4.0
