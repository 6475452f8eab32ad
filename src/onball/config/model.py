"""Settings of the net: its three components, and what it tells apart."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat

from onball.config.components import ComponentConfig, Section, ShareBelowOne

#: What a model is for: dense scores of every frame, or which actions a clip holds.
Task = Literal["spotting", "classification"]


class PreprocessingConfig(Section):
    """Mean and standard deviation per RGB channel on the scale 0 to 1 (ImageNet's by default)."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)


class ModelConfig(Section):
    """The net: a backbone per frame, a temporal head over frames, a prediction head per frame.

    Attributes:
        backbone: frames → features.
        temporal: features → features that know their neighbours.
        head: features → dense scores; a clip classifier has its own and takes none of these.
        dropout: share of the classifier's inputs that are dropped in training.
        teams: tell an action of the left team from one of the right team (24 classes and
            background instead of 12); the sides are those of the pitch on screen.
        auxiliary: a second head for the 17 actions of SoccerNet-v2, trained jointly on the matches
            of `data.auxiliary`.
    """

    backbone: ComponentConfig = ComponentConfig(name="regnety_002")
    temporal: ComponentConfig = ComponentConfig(name="bilstm")
    head: ComponentConfig = ComponentConfig(name="linear")
    dropout: ShareBelowOne = 0.5
    teams: bool = False
    auxiliary: Literal["soccernet-v2"] | None = None
    preprocessing: PreprocessingConfig = PreprocessingConfig()
