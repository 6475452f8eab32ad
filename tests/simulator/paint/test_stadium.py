"""Stands and advertising boards."""

from dataclasses import replace

import numpy as np
import pytest
from painted_scenes import SIZE, empty_state, ideal_look, main_camera

from onball.simulator.look.venue import Boards
from onball.simulator.paint.painter import Painter
from onball.simulator.paint.stadium import board_strip, crowd_texture
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH, Camera


def test_stands_are_above_the_boards_and_grass_is_below(shadowless_painter):
    camera = main_camera()
    frame = shadowless_painter.paint(empty_state(), camera).astype(int)
    greener = frame[..., 1] - frame[..., [0, 2]].max(2)
    (_, touchline), _ = camera.project(np.array([0.0, HALF_WIDTH, 0.0]), *SIZE)
    row = int(touchline)
    assert np.median(greener[row + 5 : row + 80]) > 10
    assert np.median(greener[: row - 15]) < 8


@pytest.mark.parametrize("move", list(Boards))
def test_boards_move_unless_they_are_static(move):
    painter = Painter(ideal_look(stands={"boards_move": move, "board_speed": 6.0}))
    camera = main_camera(0.0, 20.0)
    (_, row), _ = camera.project(np.array([0.0, 38.5, 0.5]), *SIZE)
    boards = slice(int(row) - 2, int(row) + 2)
    one, other = (
        painter.paint(replace(empty_state(), time_ms=time_ms), camera)[boards].astype(int)
        for time_ms in (0, 11_000)
    )
    assert bool(np.abs(one - other).mean() > 8) == (move is not Boards.STATIC)


@pytest.mark.parametrize(
    ("position", "target"),
    [
        ((0.0, 30.0, 2.0), (0.0, -36.0, 4.0)),  # towards the main stand
        ((HALF_LENGTH + 14, 0.0, 7.0), (20.0, 0.0, 0.0)),  # from behind a goal
        ((0.0, -36.0, 1.8), (50.0, -36.0, 2.5)),  # along the touchline
        ((-60.0, -40.0, 6.0), (0.0, 0.0, 2.0)),  # from a corner
    ],
)
def test_stands_fill_the_frame_above_the_ground_in_every_direction(position, target):
    sky = (255, 0, 255)
    painter = Painter(ideal_look(light={"sky": sky}, stands={"upper": 12.0, "lower": 10.0}))
    camera = Camera.looking_at(np.array(position), np.array(target), 1.6)
    frame = painter.paint(empty_state(), camera).astype(int)
    is_sky = (np.abs(frame - sky) < 40).all(2)
    horizon = SIZE[1] // 2
    assert is_sky[horizon - 20 :].sum() == 0
    assert is_sky[horizon - 60 :].mean() < 0.02


def test_the_main_stand_does_not_hide_the_pitch_from_its_own_cameras(bare_painter):
    for x in (-40.0, 0.0, 40.0):
        camera = main_camera(x, -5.0)
        frame = bare_painter.paint(empty_state(), camera).astype(int)
        greener = frame[..., 1] - frame[..., [0, 2]].max(2)
        assert np.median(greener[110:190, 40:360]) > 10


def test_boards_may_show_shapes_instead_of_words():
    look = ideal_look()
    rngs = np.random.default_rng(0), np.random.default_rng(0)
    plain, shapes = (
        board_strip(rng, replace(look, stands=replace(look.stands, board_clutter=share)), 60.0)
        for rng, share in zip(rngs, (0.0, 1.0), strict=True)
    )
    assert plain.shape == shapes.shape
    assert (plain != shapes).mean() > 0.2


def test_specks_are_white_and_as_many_as_the_look_says():
    look = ideal_look()
    counts = []
    for share in (0.0, 0.01, 0.04):
        stands = replace(look.stands, specks=share, occupancy=0.5)
        rng = np.random.default_rng(0)
        crowd = crowd_texture(rng, replace(look, stands=stands), 18.0, 12.0, False)
        counts.append((crowd.min(2) > 100).mean())
    assert counts[0] + 0.004 < counts[1] < counts[2] - 0.015


def test_the_gap_moves_the_boards_away_from_the_pitch():
    camera, rows = main_camera(0.0, 20.0), []
    for gap in (0.0, 3.0):
        look = ideal_look(stands={"board_gap": gap, "boards": (((250, 0, 250), (250, 0, 250)),)})
        frame = Painter(look).paint(empty_state(), camera).astype(int)
        magenta = (frame[..., [0, 2]].min(2) - frame[..., 1]) > 80
        rows.append(np.flatnonzero(magenta[:, SIZE[0] // 2]).max())
    assert rows[1] < rows[0]
