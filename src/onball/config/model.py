"""Settings of the net: its three components, and what it tells apart."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from onball.config.components import ComponentConfig, Section, ShareBelowOne

#: What a model is for: dense scores of every frame, or which actions a clip holds.
Task = Literal["spotting", "classification"]
#: A backbone of this name looks at no pixels.
NO_BACKBONE = "none"


class PreprocessingConfig(Section):
    """Mean and standard deviation per RGB channel on the scale 0 to 1 (ImageNet's by default)."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)


class TrackingConfig(Section):
    """What the net gets from tracks, beside the features of each frame's pixels.

    Attributes:
        features: `study` has four numbers per frame, `full` ball, nearest players, spread and
            camera too (see `onball.tracking.features`).
        dim: features that they become.
    """

    features: Literal["study", "full"] = "full"
    dim: PositiveInt = 64


class ModelConfig(Section):
    """The net: a backbone per frame, a temporal head over frames, a prediction head per frame.

    Attributes:
        backbone: frames → features; `none` looks at no pixels, for a net on tracks alone.
        tracking: features of players and ball that stand beside the backbone's; null for none.
        temporal: features → features that know their neighbours.
        head: features → dense scores; a clip classifier has its own and takes none of these.
        dropout: share of the classifier's inputs that are dropped in training.
        teams: tell an action of the left team from one of the right team (24 classes and
            background instead of 12); the sides are those of the pitch on screen.
        auxiliary: a second head for the 17 actions of SoccerNet-v2, trained jointly on the matches
            of `data.auxiliary`.
    """

    backbone: ComponentConfig = ComponentConfig(name="regnety_002")
    tracking: TrackingConfig | None = None
    temporal: ComponentConfig = ComponentConfig(name="bilstm")
    head: ComponentConfig = ComponentConfig(name="linear")
    dropout: ShareBelowOne = 0.5
    teams: bool = False
    auxiliary: Literal["soccernet-v2"] | None = None
    preprocessing: PreprocessingConfig = PreprocessingConfig()

    @property
    def takes_frames(self) -> bool:
        """False if the net looks at no pixels."""
        return self.backbone.name != NO_BACKBONE
