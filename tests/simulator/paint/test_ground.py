"""Pitch lines and shadows."""

from dataclasses import replace

import numpy as np
from painted_scenes import SIZE, empty_state, ideal_camera, ideal_look, lone_person, main_camera

from onball.simulator.look.look import Look
from onball.simulator.look.venue import Weather
from onball.simulator.paint.ground import pitch_texture
from onball.simulator.paint.painter import Painter


def test_lines_are_painted_at_their_projected_pixels(shadowless_painter):
    camera = main_camera()
    frame = shadowless_painter.paint(empty_state(), camera).astype(int).sum(2)
    spots = np.array([(0, -20, 0), (0, 15, 0), (9.15, 0, 0), (-9.15, 0, 0)], float)
    pixels, _ = camera.project(spots, *SIZE)
    for x, y in np.floor(pixels).astype(int):
        on_line = frame[y, x - 1 : x + 2].max()
        beside = np.median(frame[y, x - 12 : x + 13])
        assert on_line > beside + 120


def test_shadows_fall_away_from_the_sun():
    look = ideal_camera(Look.random(4))
    light = replace(look.light, weather=Weather.SUN, shadow=0.5, sun=(0.8, 0.0, 0.6))
    look = replace(look, light=light)
    state = empty_state()
    state.xy[5] = (0.0, 0.0)
    painter, camera = Painter(look), main_camera(focal=5.0)
    box = painter.boxes(state, camera)[5]
    darker = painter.paint(empty_state(), camera).astype(int).sum(2)
    darker = darker - painter.paint(state, camera).sum(2)
    feet = slice(int(box[3]) - 4, int(box[3]) + 2)
    left, right = darker[feet, int(box[0]) - 20 : int(box[0])], darker[feet, int(box[2]) + 1 :]
    assert (left > 30).sum() > 15
    assert (right > 30).sum() == 0


def test_a_person_has_four_shadows_at_night_and_one_by_day():
    state, camera = lone_person(0.0, 0.0), main_camera(focal=9.0)
    sides = []
    for weather in (Weather.NIGHT, Weather.SUN):
        light = {"weather": weather, "shadow": 0.5, "sun": (0.7, -0.3, 0.65)}
        painter = Painter(ideal_look(light=light))
        darker = painter.paint(empty_state(), camera).astype(int).sum(2)
        darker = darker - painter.paint(state, camera).astype(int).sum(2) > 40
        x0, _, x1, y1 = painter.boxes(state, camera)[5]
        feet = int(y1)
        quarters = (
            darker[feet - 22 : feet - 3, : int(x0) - 2],
            darker[feet - 22 : feet - 3, int(x1) + 2 :],
            darker[feet + 2 : feet + 20, : int(x0) - 2],
            darker[feet + 2 : feet + 20, int(x1) + 2 :],
        )
        sides.append(sum(bool(quarter.sum() > 5) for quarter in quarters))
    assert sides == [4, 1]


def test_the_shadow_under_an_overcast_sky_is_soft_and_below_the_body():
    painter = Painter(ideal_look(light={"weather": Weather.OVERCAST, "shadow": 0.4}))
    state, camera = lone_person(0.0, 0.0), main_camera(focal=6.0)
    darker = painter.paint(empty_state(), camera).astype(int).sum(2)
    darker = darker - painter.paint(state, camera).astype(int).sum(2)
    x0, _, x1, y1 = painter.boxes(state, camera)[5].astype(int)
    assert darker[y1 - 2 : y1 + 3, x0:x1].max() > 20
    assert (darker[y1 - 12 : y1 + 12, : x0 - 14] == 0).all()


def test_the_stands_shadow_darkens_ground_and_people_behind_its_edge(bare_painter):
    shaded = {"shade_normal": (1.0, 0.0), "shade_offset": 0.0, "shade": 0.4}
    painter = Painter(ideal_look(light=shaded))
    camera = main_camera()
    rows = slice(110, 200)
    with_shade, without = (
        one.paint(empty_state(), camera).astype(float) for one in (painter, bare_painter)
    )
    ratio = with_shade[rows] / np.maximum(without[rows], 1)
    assert abs(np.median(ratio[:, 230:380]) - 0.6) < 0.03
    assert abs(np.median(ratio[:, 20:170]) - 1.0) < 0.03
    chests = []
    for one in (painter, bare_painter):
        state = lone_person(8.0, 0.0)
        x0, y0, x1, y1 = one.boxes(state, camera)[5]
        row, column = int(0.65 * y0 + 0.35 * y1), int((x0 + x1) / 2)
        chests.append(one.paint(state, camera)[row, column].astype(float).sum())
    assert 0.5 < chests[0] / chests[1] < 0.75


def test_litter_lies_on_the_pitch_mostly_near_the_goals():
    look = ideal_look()
    clean, littered = (
        pitch_texture(replace(look, turf=replace(look.turf, litter=count))).astype(int)
        for count in (0, 200)
    )
    changed = (np.abs(littered - clean).max(2) > 20).any(0)
    columns = np.flatnonzero(changed)
    assert len(columns) > 200
    thirds = np.histogram(columns, 3, (0, len(changed)))[0]
    assert thirds[0] > thirds[1] < thirds[2]
    assert littered[(littered != clean).any(2)].mean() > clean.mean() + 40


def test_the_size_of_the_penalty_spot_varies():
    look = ideal_look()
    small, large = (
        pitch_texture(replace(look, turf=replace(look.turf, spot_size=size))).astype(int)
        for size in (0.7, 1.8)
    )
    changed = np.argwhere(np.abs(large - small).max(2) > 20)
    assert 30 < len(changed) < 200  # three spots, the middle one among them
