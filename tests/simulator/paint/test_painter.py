"""The painter: same pixels for the same match, things where the projection says, true boxes."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from onball.simulator.look.look import Look
from onball.simulator.look.venue import Weather
from onball.simulator.paint.painter import Painter
from onball.simulator.paint.scene import boxes
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH, PEOPLE, Camera, Gesture, WorldState

BALL = PEOPLE
SIZE = (398, 224)


def crowd(seed=0, time_ms=0):
    """People everywhere around the centre circle, many with a gesture."""
    rng = np.random.default_rng(seed)
    return WorldState(
        time_ms=time_ms,
        xy=rng.uniform((-22, -24), (22, 28), (PEOPLE, 2)).astype(np.float32),
        heading=rng.uniform(-np.pi, np.pi, PEOPLE).astype(np.float32),
        speed=rng.uniform(0, 8, PEOPLE).astype(np.float32),
        stride=rng.uniform(0, 6, PEOPLE).astype(np.float32),
        gesture=rng.integers(0, len(Gesture), PEOPLE).astype(np.uint8),
        gesture_ms=rng.integers(-300, 300, PEOPLE).astype(np.int32),
        ball=np.array([1.0, -2.0, 0.11], np.float32),
        spare_ball=np.array([20.0, -36.0, 0.11], np.float32),
    )


def empty():
    world = crowd()
    world.xy[:] = np.nan
    world.ball[:] = np.nan
    world.spare_ball[:] = np.nan
    return world


def exact(look, **lens):
    """The look without shadows, and with a lens and electronics that change nothing but what is said."""
    perfect = replace(
        look.lens,
        distortion=0.0,
        vignette=0.0,
        defocus=0.0,
        sharpening=0.0,
        saturation=1.0,
        exposure=1.0,
        white_balance=(1.0, 1.0, 1.0),
        contrast=1.0,
        gamma=1.0,
        grain=0.0,
        chroma_grain=0.0,
    )
    light = replace(look.light, shadow=0.0, shade_offset=float("inf"))
    return replace(look, lens=replace(perfect, **lens), light=light)


def main_camera(x=0.0, y=0.0, focal=2.6):
    return Camera.looking_at(np.array([x * 0.3, -85.0, 20.0]), np.array([x, y, 0.0]), focal)


@pytest.fixture(scope="module")
def plain():
    """What differs between two of its pictures is what was added."""
    return Painter(exact(Look.random(4)))


def changed_pixels(painter, one, other, camera):
    difference = painter.paint(one, camera).astype(int) - painter.paint(other, camera)
    return np.abs(difference).max(2) > 12


def extent(mask):
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def test_the_picture_has_the_wanted_size_and_much_in_it():
    picture = Painter(Look.random(1)).paint(crowd(), main_camera())
    assert picture.shape == (224, 398, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20


@pytest.mark.parametrize(("width", "height", "supersampling"), [(224, 128, 1), (640, 360, 3)])
def test_other_sizes_show_the_same_view(width, height, supersampling):
    small = Painter(exact(Look.random(1)), width, height, supersampling)
    usual = Painter(exact(Look.random(1)), width, height, 2)
    one = small.paint(empty(), main_camera()).astype(int)
    assert one.shape == (height, width, 3)
    other = usual.paint(empty(), main_camera())
    pitch = slice(height // 3, None)  # a crowd is noise, and different at every size
    assert np.abs(one - other)[pitch].mean() < 6


def test_two_processes_paint_the_same_pixels():
    program = (
        "import hashlib, sys; sys.path[:0] = sys.argv[1:]\n"
        "from test_painter import *\n"
        "before = crowd(2, 70), main_camera(-0.5)\n"
        "picture = Painter(Look.random(9)).paint(\n"
        "    crowd(2, 80), main_camera(), 61_000, (2, 1), before)\n"
        "print(hashlib.sha256(picture.tobytes()).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *sys.path, __file__.rpartition("/")[0]],
        capture_output=True,
        text=True,
        check=True,
    )
    painter = Painter(Look.random(9))
    # What was painted before leaves no trace.
    painter.paint(crowd(5), main_camera(30.0), replay=True)
    before = crowd(2, 70), main_camera(-0.5)
    here = painter.paint(crowd(2, 80), main_camera(), 61_000, (2, 1), before)
    assert run.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_looks_are_repeatable_and_differ_between_matches():
    assert Look.random(3) == Look.random(3)
    assert len({Look.random(seed).turf.grass for seed in range(20)}) > 5
    one, other = (Painter(Look.random(seed)).paint(crowd(), main_camera()) for seed in (1, 2))
    assert np.abs(one.astype(int) - other).mean() > 8


def test_lines_are_where_the_projection_says(plain):
    camera = main_camera()
    picture = plain.paint(empty(), camera).astype(int).sum(2)
    spots = np.array([(0, -20, 0), (0, 15, 0), (9.15, 0, 0), (-9.15, 0, 0)], float)
    pixels, _ = camera.project(spots, *SIZE)
    for x, y in np.floor(pixels).astype(int):
        on_line = picture[y, x - 1 : x + 2].max()
        beside = np.median(picture[y, x - 12 : x + 13])
        assert on_line > beside + 120


def test_stands_cover_what_is_behind_the_boards_and_grass_the_rest(plain):
    camera = main_camera()
    picture = plain.paint(empty(), camera).astype(int)
    greener = picture[..., 1] - picture[..., [0, 2]].max(2)
    (_, touchline), _ = camera.project(np.array([0.0, HALF_WIDTH, 0.0]), *SIZE)
    row = int(touchline)
    assert np.median(greener[row + 5 : row + 80]) > 10
    assert np.median(greener[: row - 15]) < 8


@pytest.mark.parametrize("person", [0, 4, 15, 22])
def test_boxes_enclose_the_painted_bodies(plain, person):
    camera = main_camera(focal=4.0)
    alone = empty()
    alone.xy[person] = crowd(1).xy[person] / 4
    painted = extent(changed_pixels(plain, alone, empty(), camera))
    box = plain.boxes(alone, camera)[person]
    np.testing.assert_allclose(painted, box, atol=1.6)
    assert np.isnan(np.delete(plain.boxes(alone, camera), person, axis=0)).all()


def test_the_ball_is_painted_in_its_box_and_stays_visible(plain):
    for height in (0.11, 6.0):
        world = empty()
        world.ball[:] = (4.0, 3.0, height)
        camera = main_camera()
        changed = changed_pixels(plain, world, empty(), camera)
        box = plain.boxes(world, camera)[BALL]
        assert changed.sum() >= 4
        np.testing.assert_allclose(extent(changed), box, atol=1.6)
        middle = plain.paint(world, camera)[int(box[1::2].mean()), int(box[::2].mean())]
        assert middle.min() > 170


def test_a_player_is_as_tall_as_on_television(plain):
    world = empty()
    world.xy[5] = (0.0, 0.0)
    x0, y0, x1, y1 = plain.boxes(world, main_camera())[5]
    assert 10 < y1 - y0 < 30
    assert x1 - x0 < y1 - y0


def test_what_is_outside_the_picture_or_behind_the_camera_has_no_box():
    world = empty()
    world.xy[1] = (0.0, -90.0)  # behind
    world.xy[2] = (-50.0, 0.0)  # far to the left
    world.xy[3] = (0.0, 0.0)
    world.ball[:] = (0.0, 0.0, 60.0)  # far above
    found = boxes(world, main_camera(focal=4.0))
    assert found.dtype == np.float32
    assert found.shape == (PEOPLE + 2, 4)
    assert np.flatnonzero(~np.isnan(found[:, 0])).tolist() == [3]


def test_boxes_are_cut_at_the_edge_of_the_picture():
    world = crowd(3)
    world.xy[:] *= 3
    found = boxes(world, main_camera(focal=5.0))
    seen = found[~np.isnan(found[:, 0])]
    assert len(seen) > 0
    assert (seen >= 0).all()
    assert (seen[:, 2] <= SIZE[0]).all()
    assert (seen[:, 3] <= SIZE[1]).all()
    assert (seen[:, 2:] > seen[:, :2]).all()


def test_who_is_nearer_hides_who_is_farther(plain):
    camera = main_camera(focal=6.0)
    both, near = empty(), empty()
    near.xy[5] = both.xy[5] = (0.0, -1.0)
    both.xy[16] = (0.0, -0.4)
    x0, y0, x1, y1 = plain.boxes(near, camera)[5]
    row, column = round(0.65 * y0 + 0.35 * y1), round((x0 + x1) / 2)
    chest = (slice(row - 1, row + 2), slice(column - 1, column + 2))
    with_other, alone = plain.paint(both, camera), plain.paint(near, camera)
    np.testing.assert_array_equal(with_other[chest], alone[chest])
    assert changed_pixels(plain, both, near, camera).any()


def test_shadows_fall_away_from_the_sun():
    look = exact(Look.random(4))
    light = replace(look.light, weather=Weather.SUN, shadow=0.5, sun=(0.8, 0.0, 0.6))
    look = replace(look, light=light)
    world = empty()
    world.xy[5] = (0.0, 0.0)
    painter, camera = Painter(look), main_camera(focal=5.0)
    box = painter.boxes(world, camera)[5]
    darker = painter.paint(empty(), camera).astype(int).sum(2) - painter.paint(world, camera).sum(2)
    feet = slice(int(box[3]) - 4, int(box[3]) + 2)
    left, right = darker[feet, int(box[0]) - 20 : int(box[0])], darker[feet, int(box[2]) + 1 :]
    assert (left > 30).sum() > 15
    assert (right > 30).sum() == 0


def test_grain_changes_from_frame_to_frame_and_its_strength_is_the_looks():
    painter = Painter(exact(Look.random(4), grain=3.0))
    one, other = (painter.paint(crowd(0, time_ms), main_camera()) for time_ms in (0, 40))
    noise = (one.astype(int) - other)[60:].std()
    assert 2.5 < noise / np.sqrt(2) < 4.0


def test_clock_and_score_change_only_the_score_bug(plain):
    camera = main_camera()
    before, after = (
        plain.paint(crowd(), camera, clock_ms, score)
        for clock_ms, score in ((59_000, (0, 0)), (60_000, (1, 0)))
    )
    changed = extent((before != after).any(2))
    assert changed[3] - changed[1] < 0.12 * SIZE[1]
    assert changed[2] - changed[0] < 110


@pytest.mark.parametrize("target", [(-52.0, 30.0), (52.0, -34.0), (0.0, 60.0)])
@pytest.mark.parametrize("focal", [0.8, 12.0])
def test_any_camera_gives_a_picture(plain, target, focal):
    picture = plain.paint(crowd(), main_camera(*target, focal=focal))
    assert picture.std() > 5


def test_a_camera_among_the_players_or_looking_at_the_sky_gives_a_picture(plain):
    for position, target in (
        ((0.0, 0.0, 1.8), (HALF_LENGTH, 0.0, 1.0)),
        ((0.0, -60.0, 15.0), (0.0, 20.0, 40.0)),
    ):
        camera = Camera.looking_at(np.array(position), np.array(target), 1.5)
        assert plain.paint(crowd(), camera).shape == (224, 398, 3)


def test_without_opencv_one_line_says_what_to_install():
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "import onball.simulator.look.look, onball.simulator.bodies.skeleton, onball.simulator.paint.scene\n"
        "from onball.errors import MissingDependencyError\n"
        "try: import onball.simulator.paint.painter\n"
        "except MissingDependencyError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *sys.path], capture_output=True, text=True, check=True
    )
    assert "pip install 'onball[simulate]'" in run.stdout
