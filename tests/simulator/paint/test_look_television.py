"""What makes the picture television: lens, motion blur, light, stands, graphics."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from test_painter import BALL, SIZE, changed_pixels, crowd, empty, exact, extent, main_camera

from onball.simulator.look.kits import Kit, Pattern
from onball.simulator.look.look import Bug, Look
from onball.simulator.look.venue import Boards, Weather
from onball.simulator.paint.painter import Painter
from onball.simulator.paint.scene import distort, undistort
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH, PEOPLE, Camera

SPARE = PEOPLE + 1
NO_GRAPHICS = {"opacity": 0.0, "bug_at": (0.0, 0.0), "bug": Bug.DARK}


def look(seed=4, light=None, stands=None, **lens):
    made = exact(Look.random(seed), **lens)
    return replace(
        made,
        light=replace(made.light, **(light or {})),
        stands=replace(made.stands, **(stands or {})),
        graphics=replace(made.graphics, **NO_GRAPHICS),
    )


def one_at(x, y, person=5):
    world = empty()
    world.xy[person] = (x, y)
    world.gesture[:] = 0
    world.speed[:] = 0
    return world


@pytest.fixture(scope="module")
def plain():
    return Painter(look())


@pytest.mark.parametrize("k1", [-0.03, -0.01, 0.0, 0.02, 0.03])
def test_undistort_is_the_inverse_of_distort_and_no_corner_stays_empty(k1):
    x, y = np.meshgrid(np.linspace(0, 398, 9), np.linspace(0, 224, 7))
    picture = np.stack([x, y], -1)
    straight = undistort(picture, *SIZE, k1)
    np.testing.assert_allclose(distort(straight, *SIZE, k1), picture, atol=1e-6)
    assert straight.min() > -1e-6
    assert (straight < np.array(SIZE) + 1e-6).all()


def test_distortion_is_the_documented_formula():
    half = np.hypot(*SIZE) / 2
    for k1, zoom in ((0.03, 1.0), (-0.03, 1 / 0.97)):
        moved = distort(np.array([199.0 + 0.5 * half, 112.0]), *SIZE, k1)
        np.testing.assert_allclose(moved, [199 + 0.5 * half * (1 + k1 * 0.25) * zoom, 112.0])


@pytest.mark.parametrize("k1", [-0.03, 0.03])
def test_lines_and_boxes_agree_with_the_distorted_picture(k1):
    painter, camera = Painter(look(distortion=k1)), main_camera(0.0, -12.0, focal=1.4)
    picture = painter.paint(empty(), camera).astype(int).sum(2)
    spots = np.array([(28.0, -34.0, 0), (-28.0, -34.0, 0), (22.0, -34.0, 0), (-22.0, -34.0, 0)])
    pixels, _ = camera.project(spots, *SIZE)
    for x, y in np.floor(distort(pixels, *SIZE, k1)).astype(int):
        assert picture[y - 1 : y + 2, x].max() > np.median(picture[y - 8 : y + 9, x]) + 60
    for person, place in ((3, (-38.0, 20.0)), (14, (24.0, -20.0))):
        alone = one_at(*place, person)
        painted = extent(changed_pixels(painter, alone, empty(), camera))
        np.testing.assert_allclose(painted, painter.boxes(alone, camera)[person], atol=1.6)
        off = Painter(look()).boxes(alone, camera)[person] - painter.boxes(alone, camera)[person]
        assert np.abs(off).max() > 0.8


def test_the_spare_ball_is_painted_in_its_box(plain):
    world = empty()
    world.spare_ball[:] = (5.0, -20.0, 0.11)
    found = plain.boxes(world, main_camera())
    assert np.flatnonzero(~np.isnan(found[:, 0])).tolist() == [SPARE]
    painted = extent(changed_pixels(plain, world, empty(), main_camera()))
    np.testing.assert_allclose(painted, found[SPARE], atol=1.6)


def test_without_movement_an_open_shutter_changes_nothing(plain):
    world, camera = crowd(), main_camera()
    still = plain.paint(world, camera, before=(world, camera))
    np.testing.assert_array_equal(still, plain.paint(world, camera))


def test_a_fast_ball_is_a_smear_from_where_it_was_and_fainter_the_longer_it_is(plain):
    camera, brightest = main_camera(), []
    background = plain.paint(empty(), camera)
    for metres in (0.0, 0.6, 1.2):
        now, then = empty(), empty()
        now.ball[:], then.ball[:] = (3.0, 5.0, 1.0), (3.0 - metres, 5.0, 1.0)
        picture = plain.paint(now, camera, before=(then, camera)).astype(int)
        painted = extent((np.abs(picture - background) > 12).any(2))
        ends, _ = camera.project(np.array([then.ball, now.ball]), *SIZE)
        np.testing.assert_allclose(painted[[0, 2]], ends[:, 0] + (-1.3, 1.3), atol=1.7)
        brightest.append(picture[painted[1] : painted[3], painted[0] : painted[2]].min(2).max())
    assert brightest[0] > brightest[1] > brightest[2] > 90


def test_a_pan_blurs_the_ground_along_it_and_not_across(plain):
    world, camera = empty(), main_camera()
    row = int(camera.project(np.array([0.0, HALF_WIDTH, 0.0]), *SIZE)[0][1])

    def edges(before):
        picture = plain.paint(world, camera, before=before).astype(int).sum(2)
        line = picture[100:215, 150:250]  # the halfway line, upright
        far = picture[row - 2 : row + 4, 20:380]  # the touchline, level
        upright, level = np.abs(np.diff(line, axis=1)), np.abs(np.diff(far, axis=0))
        return np.median(upright.max(1)), np.median(level.max(0))

    upright, level = edges(None)
    panned_upright, panned_level = edges((world, main_camera(-1.5)))
    assert panned_upright < 0.6 * upright
    assert panned_level > 0.8 * level


def test_a_long_lens_blurs_the_stands_and_not_the_player():
    world = one_at(0.0, 10.0)
    camera = Camera.looking_at(np.array([0.0, -40.0, 2.0]), np.array([0.0, 10.0, 1.2]), 16.0)
    painters = [Painter(look(aperture=aperture)) for aperture in (1e-6, 0.012)]
    x0, y0, x1, y1 = painters[0].boxes(world, camera)[5].round().astype(int)
    sharp, soft = (painter.paint(world, camera).astype(float).mean(2) for painter in painters)
    detail = [np.abs(cv2.Laplacian(picture, cv2.CV_64F)) for picture in (sharp, soft)]
    beside = (slice(16, 60), slice(0, max(x0 - 10, 20)))
    assert detail[1][beside].mean() < 0.3 * detail[0][beside].mean()
    inside = (slice(y0 + 5, y1 - 5), slice(x0 + 5, x1 - 5))
    assert detail[1][inside].mean() > 0.6 * detail[0][inside].mean()


def test_at_night_four_shadows_and_by_day_one():
    world, camera = one_at(0.0, 0.0), main_camera(focal=9.0)
    sides = []
    for weather in (Weather.NIGHT, Weather.SUN):
        light = {"weather": weather, "shadow": 0.5, "sun": (0.7, -0.3, 0.65)}
        painter = Painter(look(light=light))
        darker = painter.paint(empty(), camera).astype(int).sum(2)
        darker = darker - painter.paint(world, camera).astype(int).sum(2) > 40
        x0, _, x1, y1 = painter.boxes(world, camera)[5]
        feet = int(y1)
        quarters = (
            darker[feet - 22 : feet - 3, : int(x0) - 2],
            darker[feet - 22 : feet - 3, int(x1) + 2 :],
            darker[feet + 2 : feet + 20, : int(x0) - 2],
            darker[feet + 2 : feet + 20, int(x1) + 2 :],
        )
        sides.append(sum(bool(quarter.sum() > 5) for quarter in quarters))
    assert sides == [4, 1]


def test_under_clouds_a_shadow_is_soft_and_below_the_body():
    painter = Painter(look(light={"weather": Weather.OVERCAST, "shadow": 0.4}))
    world, camera = one_at(0.0, 0.0), main_camera(focal=6.0)
    darker = painter.paint(empty(), camera).astype(int).sum(2)
    darker = darker - painter.paint(world, camera).astype(int).sum(2)
    x0, _, x1, y1 = painter.boxes(world, camera)[5].astype(int)
    assert darker[y1 - 2 : y1 + 3, x0:x1].max() > 20
    assert (darker[y1 - 12 : y1 + 12, : x0 - 14] == 0).all()


def test_the_stands_shadow_darkens_ground_and_people_behind_its_edge():
    shaded = {"shade_normal": (1.0, 0.0), "shade_offset": 0.0, "shade": 0.4}
    painter, bright = Painter(look(light=shaded)), Painter(look())
    camera = main_camera()
    rows = slice(110, 200)
    with_shade, without = (one.paint(empty(), camera).astype(float) for one in (painter, bright))
    share = with_shade[rows] / np.maximum(without[rows], 1)
    assert abs(np.median(share[:, 230:380]) - 0.6) < 0.03
    assert abs(np.median(share[:, 20:170]) - 1.0) < 0.03
    chests = []
    for one in (painter, bright):
        world = one_at(8.0, 0.0)
        x0, y0, x1, y1 = one.boxes(world, camera)[5]
        row, column = int(0.65 * y0 + 0.35 * y1), int((x0 + x1) / 2)
        chests.append(one.paint(world, camera)[row, column].astype(float).sum())
    assert 0.5 < chests[0] / chests[1] < 0.75


@pytest.mark.parametrize("move", list(Boards))
def test_boards_move_where_the_look_says_so(move):
    painter = Painter(look(stands={"boards_move": move, "board_speed": 6.0}))
    camera = main_camera(0.0, 20.0)
    (_, row), _ = camera.project(np.array([0.0, 38.5, 0.5]), *SIZE)
    boards = slice(int(row) - 2, int(row) + 2)
    one, other = (
        painter.paint(replace(empty(), time_ms=time_ms), camera)[boards].astype(int)
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
def test_above_the_ground_there_are_stands_wherever_the_camera_looks(position, target):
    sky = (255, 0, 255)
    painter = Painter(look(light={"sky": sky}, stands={"upper": 12.0, "lower": 10.0}))
    camera = Camera.looking_at(np.array(position), np.array(target), 1.6)
    picture = painter.paint(empty(), camera).astype(int)
    is_sky = (np.abs(picture - sky) < 40).all(2)
    horizon = int(camera.project(np.array([0.0, 0.0, 0.0]), *SIZE)[0][1] * 0 + 112)
    assert is_sky[horizon - 20 :].sum() == 0
    assert is_sky[horizon - 60 :].mean() < 0.02


def test_the_main_stand_does_not_hide_the_pitch_from_its_own_cameras(plain):
    for x in (-40.0, 0.0, 40.0):
        camera = main_camera(x, -5.0)
        picture = plain.paint(empty(), camera).astype(int)
        greener = picture[..., 1] - picture[..., [0, 2]].max(2)
        assert np.median(greener[110:190, 40:360]) > 10


def test_a_number_is_seen_from_behind_only_and_only_near(plain):
    numbered, blank = look(), look()
    people = tuple(replace(person, number=0) for person in blank.outfits.people)
    blank = replace(blank, outfits=replace(blank.outfits, people=people))
    painters = Painter(numbered), Painter(blank)
    near = Camera.looking_at(np.array([0.0, -6.0, 1.6]), np.array([0.0, 0.0, 1.0]), 1.9)
    differs = {}
    for name, heading, camera in (
        ("back", np.pi / 2, near),
        ("chest", -np.pi / 2, near),
        ("far", np.pi / 2, main_camera()),
    ):
        world = one_at(0.0, 0.0)
        world.heading[:] = heading
        one, other = (painter.paint(world, camera).astype(int) for painter in painters)
        differs[name] = int((np.abs(one - other).max(2) > 40).sum())
    assert differs["back"] > 30
    assert differs["chest"] == differs["far"] == 0


@pytest.mark.parametrize("pattern", [Pattern.STRIPES, Pattern.HOOPS, Pattern.SASH, Pattern.HALVES])
def test_a_pattern_shows_its_second_colour_at_the_size_of_the_main_camera(pattern):
    made, shirts = look(), []
    red = Kit(shirt=(200, 30, 30), sleeves=(200, 30, 30), shorts=(200, 30, 30), socks=(200, 30, 30))
    for drawn in (Pattern.PLAIN, pattern):
        people = tuple(
            replace(
                person,
                kit=replace(red, second=(240, 240, 240), pattern=drawn),
                forearms=person.skin,
            )
            for person in made.outfits.people
        )
        painter = Painter(replace(made, outfits=replace(made.outfits, people=people)))
        world = one_at(0.0, 0.0)
        world.heading[:] = -np.pi / 2
        x0, y0, x1, y1 = painter.boxes(world, main_camera())[5].astype(int)
        body = painter.paint(world, main_camera())[y0 + 3 : y0 + (y1 - y0) // 2, x0:x1]
        shirts.append(body.astype(int).min(2).max())
    assert shirts[1] > shirts[0] + 30


def test_a_replay_has_a_badge_and_no_score_bug(plain):
    world, camera = empty(), main_camera()
    pictures = {
        (score, replay): plain.paint(world, camera, 61_000, score, replay=replay).astype(int)
        for score in ((0, 0), (3, 2))
        for replay in (False, True)
    }
    assert np.abs(pictures[(0, 0), False] - pictures[(3, 2), False]).max() > 60
    np.testing.assert_array_equal(pictures[(0, 0), True], pictures[(3, 2), True])
    assert np.abs(pictures[(0, 0), True] - pictures[(0, 0), False]).max() > 60


@pytest.mark.parametrize("bug", list(Bug))
@pytest.mark.parametrize("size", [(398, 224), (1280, 720)])
def test_every_score_bug_is_inside_the_picture_and_shows_clock_and_score(bug, size):
    made = look()
    made = replace(made, graphics=replace(made.graphics, bug=bug, bug_at=(0.9, 0.9)))
    painter = Painter(made, *size)
    camera = main_camera()
    one, clock, score = (
        painter.paint(empty(), camera, clock_ms, goals).astype(int)
        for clock_ms, goals in ((0, (0, 0)), (83_000, (0, 0)), (0, (4, 0)))
    )
    for other in (clock, score):
        changed = extent(np.abs(one - other).max(2) > 30)
        assert (changed[2:] < size).all()
        assert (changed[:2] > 0.6 * np.array(size)).all()


def test_a_large_picture_is_painted_without_supersampling_and_everything_grows_with_it():
    small, large = Painter(look()), Painter(look(), 1280, 720)
    assert (small.supersampling, large.supersampling) == (2, 1)
    assert large.canvas.shape == (720, 1280, 3)
    world, camera = empty(), main_camera()
    world.ball[:] = (4.0, 3.0, 0.11)
    sizes = []
    for painter in (small, large):
        painted = extent(changed_pixels(painter, world, empty(), camera))
        sizes.append(float((painted[2:] - painted[:2]).mean()) / painter.height)
        assert not np.isnan(painter.boxes(world, camera)[BALL]).any()
    assert 0.6 < sizes[1] / sizes[0] < 1.3
