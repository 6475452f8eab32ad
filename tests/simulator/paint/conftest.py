"""Painters for several test modules, because building one takes long."""

from functools import lru_cache
from types import SimpleNamespace

import pytest
from painted_scenes import ideal_camera, ideal_look

from onball.simulator.look.look import Look
from onball.simulator.paint import painter
from onball.simulator.paint.ground import Ground
from onball.simulator.paint.painter import Painter
from onball.simulator.paint.stadium import Stadium


@pytest.fixture(scope="package", autouse=True)
def shared_layers():
    """Let painters share ground and stands if these parts of their looks are equal."""

    @lru_cache(maxsize=3)
    def ground(seed, turf, light, scale):
        return Ground(SimpleNamespace(seed=seed, turf=turf, light=light), scale)

    @lru_cache(maxsize=3)
    def stadium(seed, stands, light, outfits):
        return Stadium(SimpleNamespace(seed=seed, stands=stands, light=light, outfits=outfits))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            painter, "Ground", lambda look, scale: ground(look.seed, look.turf, look.light, scale)
        )
        patch.setattr(
            painter,
            "Stadium",
            lambda look: stadium(look.seed, look.stands, look.light, look.outfits),
        )
        yield


@pytest.fixture(scope="session")
def shadowless_painter():
    """Painter with graphics and without shadows or lens effects."""
    return Painter(ideal_camera(Look.random(4)))


@pytest.fixture(scope="session")
def bare_painter():
    """Painter without graphics, shadows or lens effects."""
    return Painter(ideal_look())
