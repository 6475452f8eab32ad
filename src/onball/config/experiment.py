"""All settings of an experiment, and those that a saved model carries."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import PositiveFloat, PositiveInt

from onball.actions import ACTIONS, Action
from onball.config.components import ComponentConfig, Section
from onball.config.cropping import FrameCropConfig
from onball.config.data import DataConfig
from onball.config.inference import InferenceConfig
from onball.config.model import ModelConfig, Task
from onball.config.training import TrainingConfig


class ExperimentConfig(Section):
    """One experiment: all that a training run or an evaluation needs to know."""

    task: Task = "spotting"
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    inference: InferenceConfig = InferenceConfig()


class SavedModelConfig(Section):
    """The `config.json` of a saved model: all that is needed to run it on a video.

    Attributes:
        clip_frames: frames in a clip that a clip classifier takes; a spotting net has windows.
        crop: how frames are cut around players and ball; null for whole ones.
    """

    format_version: Literal[1] = 1
    task: Task = "spotting"
    actions: tuple[Action, ...] = ACTIONS
    fps: PositiveFloat
    width: PositiveInt
    height: PositiveInt
    clip_frames: PositiveInt = 50
    crop: FrameCropConfig | None = None
    model: ModelConfig
    inference: InferenceConfig

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)

    @property
    def needs_tracks(self) -> bool:
        """True if the model cannot do without players and ball."""
        return self.model.tracking is not None or self.crop is not None

    def sampling(self, data: DataConfig) -> DataConfig:
        """The data settings, with frames and clips as this model takes them."""
        names = ("fps", "width", "height", "clip_frames", "crop")
        own = {name: getattr(self, name) for name in names}
        return data.model_copy(update=own)

    @classmethod
    def of(cls, config: ExperimentConfig) -> Self:
        """The part of an experiment that its model must carry."""
        data = config.data
        return cls(
            task=config.task,
            fps=data.fps,
            width=data.width,
            height=data.height,
            clip_frames=data.clip_frames,
            crop=data.crop,
            model=_without_origin(config.model),
            inference=config.inference,
        )


def _without_origin(model: ModelConfig) -> ModelConfig:
    """The model without where its first weights came from: a saved model has its own."""
    backbone = dict(model.backbone)
    if "pretrained" in backbone:
        backbone["pretrained"] = False
    return model.model_copy(update={"backbone": ComponentConfig(**backbone)})
