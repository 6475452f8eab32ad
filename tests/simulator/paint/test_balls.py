"""Balls with a soft edge: streaks of long exposures, bloom, flicker and echoes."""

from dataclasses import replace

import numpy as np
import pytest
from painted_scenes import empty_state, ideal_look, main_camera

from onball.simulator.look.look import Ball, Transmission
from onball.simulator.paint.balls import BallPainter
from onball.simulator.paint.scene import Scene

SIZE = (320, 180)
CAMERA = main_camera(focal=12.0)
SOFT = Ball(softness=0.3, patches=False, rim=0.0)


def paint(ball=SOFT, metres=0.0, time_ms=1000, **losses):
    """Paint a ball that has moved that far to the right on grey: luma above it, `[H, W]`."""
    look = replace(ideal_look(), ball=ball, transmission=Transmission(**losses))
    now, then = replace(empty_state(), time_ms=time_ms), empty_state()
    now.ball[:], then.ball[:] = (0.0, 0.0, 0.11), (-metres, 0.0, 0.11)
    scene = Scene.of(now, CAMERA, *SIZE, (then, CAMERA))
    canvas = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    places = now.ball.astype(np.float64), then.ball.astype(np.float64)
    BallPainter(look, 1.0).draw(canvas, scene, *places, 1.0)
    return canvas.astype(int).mean(2) - 100, scene.project(places[0])[0]


def width(light, threshold=8):
    columns = np.flatnonzero((light > threshold).any(0))
    return columns[-1] - columns[0] + 1


def test_a_streak_is_centred_on_the_ball_and_grows_with_the_exposure():
    widths = []
    for metres in (0.0, 0.4, 0.8, 1.6):
        light, place = paint(metres=metres)
        columns = np.average(np.arange(SIZE[0]), weights=light.clip(0).sum(0))
        assert abs(columns - place[0]) < 1.0
        widths.append(width(light))
    assert widths[0] < widths[1] < widths[2] < widths[3]
    assert width(paint(replace(SOFT, streak=2.0), 0.8)[0]) > 1.5 * width(paint(metres=0.8)[0])


def test_a_streak_fades_with_its_length_as_fast_as_the_look_says():
    def brightest(metres, density):
        return paint(replace(SOFT, density=density, faintest=0.0), metres)[0].max()

    assert brightest(0.0, 1.0) > brightest(0.8, 0.3) > brightest(0.8, 1.0) > 5
    assert brightest(1.6, 1.0) < brightest(0.8, 1.0)


@pytest.mark.parametrize(
    ("change", "wider", "brighter"),
    [({"softness": 1.5}, True, False), ({"bloom": 0.5}, True, True)],
)
def test_softness_and_bloom_widen_the_ball(change, wider, brighter):
    light, changed = paint()[0], paint(replace(SOFT, **change))[0]
    assert bool(width(changed, 3) > width(light, 3)) is wider
    assert bool(changed.sum() > 1.1 * light.sum()) is brighter


def test_the_lower_half_lacks_light():
    light, place = paint(replace(SOFT, shading=0.6))
    row, column = np.rint(place[::-1]).astype(int)
    assert light[row + 2, column] < light[row - 2, column] - 10
    light, _ = paint()
    assert abs(light[row + 2, column] - light[row - 2, column]) < 10


def test_flicker_changes_from_frame_to_frame_and_is_the_same_again():
    look = replace(SOFT, flicker=0.8)
    sums = [paint(look, time_ms=time_ms)[0].sum() for time_ms in range(0, 400, 40)]
    assert len(set(sums)) > 8
    assert max(sums) < paint()[0].sum()
    assert sums == [paint(look, time_ms=time_ms)[0].sum() for time_ms in range(0, 400, 40)]


def test_an_echo_shows_a_moving_ball_twice_in_some_frames():
    # A quick shutter: the ball moves far between the two times.
    distance = 0.2
    single = width(paint(metres=distance)[0])
    widths = [
        width(paint(metres=distance, time_ms=time_ms, echo=0.5, echo_ms=80.0)[0])
        for time_ms in range(0, 1600, 40)
    ]
    assert min(widths) == single
    assert max(widths) > 1.5 * single
    light, place = paint(metres=distance, echo=1.0, echo_ms=30.0)
    assert abs(light.max(0).argmax() - place[0]) < 6  # the clearer of the two is the ball
    assert light[:, : int(place[0]) - 12].max() > 10
    assert width(paint(metres=0.0, echo=1.0, echo_ms=80.0)[0]) == width(paint()[0])


def test_fields_have_the_two_balls_in_alternating_rows():
    light, _ = paint(metres=0.3, echo=1.0, echo_ms=120.0, fields=True)
    columns = np.arange(SIZE[0])
    rows = np.flatnonzero(light.max(1) > 30)
    middles = {int(row): np.average(columns, weights=light[row].clip(0)) for row in rows}
    sides = [np.mean([at for row, at in middles.items() if row // 2 % 2 == f]) for f in (0, 1)]
    assert sides[0] > sides[1] + 5
