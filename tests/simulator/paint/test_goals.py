"""Nets, bystanders and objects around the goals."""

from dataclasses import replace

import numpy as np
import pytest
from painted_scenes import empty_state, ideal_look, main_camera

from onball.simulator.look.venue import Netting
from onball.simulator.paint.goals import Furniture, Net
from onball.simulator.paint.scene import Scene
from onball.simulator.world import GOAL_HEIGHT, HALF_LENGTH

NETTING = Netting(
    mesh=0.25, colours=((240, 240, 240),), opacity=0.5, top=1.0, foot=2.0, sag=0.1,
    supports=None, poles=False,
)  # fmt: skip
SIZE = (640, 360)


def paint(netting):
    """Paint the right net on black, uint8 `[H, W, 3]`."""
    scene = Scene.of(empty_state(), main_camera(x=HALF_LENGTH, focal=10.0), *SIZE)
    canvas = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    Net(1, netting).draw(canvas, scene, 90.0)
    return canvas


def test_finer_nets_have_more_strings_and_opaque_ones_are_brighter():
    usual = paint(NETTING)
    assert 90 < usual.max() < 140
    assert paint(replace(NETTING, mesh=0.12)).mean() > 1.4 * usual.mean()
    assert paint(replace(NETTING, opacity=0.9)).max() > 1.5 * usual.max()


def test_the_strings_of_a_net_can_alternate_in_colour():
    two = paint(replace(NETTING, colours=((240, 0, 0), (0, 0, 240)))).max((0, 1))
    assert two[0] > 80 and two[2] > 80 and two[1] < 20


@pytest.mark.parametrize("change", [{"top": 0.3}, {"foot": 1.3}, {"sag": 0.35}])
def test_depth_and_sag_move_the_net(change):
    assert (paint(replace(NETTING, **change)) != paint(NETTING)).any()


def test_a_net_stays_behind_its_goal_and_above_the_ground():
    for top, foot in ((0.2, 1.2), (2.1, 2.1), (0.9, 2.4)):
        for side in (-1, 1):
            netting = replace(NETTING, top=top, foot=foot, sag=0.35)
            strings = Net(side, netting).strings
            depth = side * strings[..., 0] - HALF_LENGTH
            assert depth.min() >= 0 and depth.max() < 2.9
            assert strings[..., 2].min() >= 0 and strings[..., 2].max() <= GOAL_HEIGHT


def test_bystanders_and_objects_stand_outside_the_pitch_and_in_front_of_the_boards():
    look = ideal_look()
    bare = Furniture.build(look)
    stands = replace(look.stands, bystanders=12, objects=10, board_gap=1.0)
    look = replace(look, stands=stands)
    built = Furniture.build(look)
    added = slice(len(bare.radii), None)
    assert len(built.radii) >= len(bare.radii) + 2 * (3 * 12 + 10)
    depth = np.abs(built.starts[added, 0]) - HALF_LENGTH
    assert depth.min() > 0 and depth.max() < 6.0
    np.testing.assert_array_equal(built.colours, Furniture.build(look).colours)
    other = Furniture.build(replace(look, seed=look.seed + 1))
    assert not np.array_equal(built.starts[added], other.starts[added][: len(depth)])


def test_a_net_may_have_a_bar_on_the_ground_and_free_standing_poles():
    look = ideal_look()
    bare = len(Furniture.build(look).radii)
    for poles, count in ((False, 3), (True, 5)):
        netting = replace(NETTING, supports=(40, 64, 160), poles=poles)
        built = Furniture.build(replace(look, stands=replace(look.stands, netting=netting)))
        assert len(built.radii) == bare + 2 * count
