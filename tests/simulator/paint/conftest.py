"""Painters for several test modules, because building one takes half a second."""

import pytest
from painted_scenes import ideal_camera, ideal_look

from onball.simulator.look.look import Look
from onball.simulator.paint.painter import Painter


@pytest.fixture(scope="session")
def shadowless_painter():
    """Painter with graphics and without shadows or lens effects."""
    return Painter(ideal_camera(Look.random(4)))


@pytest.fixture(scope="session")
def bare_painter():
    """Painter without graphics, shadows or lens effects."""
    return Painter(ideal_look())
