"""Settings of cropping: how frames are cut to a window around players and ball."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from onball.config.components import Section, Share


class FrameCropConfig(Section):
    """A window of each frame, of the picture's aspect, enlarged to the net's size.

    Attributes:
        players: so many people nearest to the ball are kept in sight.
        margin: room around them, as a share of the picture's width.
        least_scale: width of the smallest window, as a share of the picture's.
        smooth_ms: standard deviation of the Gaussian that smooths the window's movement.
    """

    players: PositiveInt = 6
    margin: Share = 0.05
    least_scale: Annotated[float, Field(gt=0.0, le=1.0)] = 0.45
    smooth_ms: PositiveInt = 800
