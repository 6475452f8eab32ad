"""Looks drawn from wide ranges."""

import json
from dataclasses import replace

import numpy as np
import pytest

from onball.errors import InputError
from onball.outputs import OutputConflictError
from onball.simulator.cameras import CameraSetup
from onball.simulator.dataset import Outputs, missing_matches, simulate, write_match
from onball.simulator.look.broad import broad_look
from onball.simulator.look.look import Ball, Look, Transmission, Variety
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.world import TEAM_SIZE

PLAN = MatchPlan(seed=3, duration_ms=400, width=128, height=72, look=Variety.BROAD)
LABELS = Outputs(video=False)


@pytest.fixture(scope="module")
def looks():
    return [broad_look(seed) for seed in range(200)]


def test_the_same_seed_gives_the_same_look_and_camera(looks):
    assert broad_look(5) == looks[5]
    assert CameraSetup.broad(5) == CameraSetup.broad(5)
    assert CameraSetup.broad(5) != CameraSetup.random(5)


def test_a_broad_match_is_painted_with_its_own_look():
    renderer = MatchRenderer(PLAN)
    assert renderer.look == broad_look(PLAN.seed)
    frame = renderer.frame(200)
    assert np.array_equal(frame, renderer.frame(200))
    assert frame.std() > 5


@pytest.mark.parametrize(
    "feature",
    [
        lambda look: look.ball.rim == 0,
        lambda look: look.ball.patches,
        lambda look: min(look.ball.colour) < 150,
        lambda look: look.transmission.detail_x < 1,
        lambda look: look.transmission.detail_y < look.transmission.detail_x,
        lambda look: look.transmission.border > 0,
        lambda look: look.lens.sharpening > 0.9,
        lambda look: bool(look.graphics.captions),
        lambda look: look.turf.line_opacity < 0.6,
        lambda look: look.turf.litter > 40,
        lambda look: look.lens.shutter_ms < 4,
        lambda look: look.lens.shutter_ms > 25,
        lambda look: max(look.ball.colour) < 200,
        lambda look: look.ball.softness > 0.4,
        lambda look: look.ball.streak > 1.3,
        lambda look: look.ball.density < 0.5,
        lambda look: look.ball.faintest < 0.18,
        lambda look: look.ball.flicker > 0,
        lambda look: look.ball.bloom > 0,
        lambda look: look.transmission.echo > 0,
        lambda look: look.transmission.fields,
        lambda look: look.light.shade_offset < 30,
        lambda look: look.stands.netting.mesh < 0.15,
        lambda look: look.stands.netting.opacity > 0.5,
        lambda look: len(look.stands.netting.colours) > 1,
        lambda look: look.stands.netting.supports is None,
        lambda look: look.stands.board_gap < 0,
        lambda look: look.stands.board_height > 1.4,
        lambda look: look.stands.board_clutter > 0.3,
        lambda look: look.stands.bystanders > 5,
        lambda look: look.stands.objects > 0,
        lambda look: look.stands.specks > 0.01,
        lambda look: bool(look.graphics.discs),
        lambda look: any(person.gloves for person in look.outfits.people[1:TEAM_SIZE]),
    ],
)
def test_some_matches_have_each_feature_and_others_do_not(feature, looks):
    assert {feature(look) for look in looks} == {True, False}


def test_nets_fit_between_goal_line_and_boards(looks):
    for look in looks:
        netting = look.stands.netting
        assert netting.foot >= netting.top
        assert netting.foot + netting.sag < 5.0 + look.stands.board_gap


def test_the_standard_look_has_none_of_what_only_broad_ones_vary():
    for seed in range(20):
        look = Look.random(seed)
        assert (look.ball, look.transmission) == (Ball(), Transmission())
        assert look.stands.netting is None and look.graphics.discs == ()
        assert look.stands.board_gap == look.stands.board_clutter == look.stands.specks == 0
        assert look.stands.bystanders == look.stands.objects == look.turf.litter == 0


def test_the_standard_look_is_not_stored_so_that_earlier_data_sets_are_continued(tmp_path):
    write_match(replace(PLAN, look=Variety.STANDARD), tmp_path / "match", "match", LABELS)
    assert "look" not in json.loads((tmp_path / "match" / "simulation.json").read_text())
    with pytest.raises(OutputConflictError, match="look"):
        missing_matches(tmp_path, {"train": {"match": PLAN}}, LABELS)


def test_an_unknown_look_is_an_error(tmp_path):
    with pytest.raises(InputError, match="choose one of standard, broad"):
        simulate(tmp_path / "none", look="wild")
    assert not (tmp_path / "none").exists()
