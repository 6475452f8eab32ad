"""Settings of a saved model: those that are needed to run it on a video."""

from __future__ import annotations

import json
from typing import Any, Literal, Self

from pydantic import (
    ModelWrapValidatorHandler,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from onball.actions import ACTIONS, ActionSet
from onball.config.base import BaseConfig, ComponentConfig, conflict
from onball.config.classes import classes_of
from onball.config.inference import InferenceConfig
from onball.config.schema import (
    BallCropConfig,
    DataConfig,
    ExperimentConfig,
    ModelConfig,
    Task,
    TrackingConfig,
    check_inference,
)
from onball.frames import Scaling


class SavedModelConfig(BaseConfig):
    """The `config.json` of a saved model: all settings needed to run it on a video.

    Attributes:
        clip_frames: frames in a clip that a clip classifier takes; a spotting net uses windows.
        scaling: scaling of the frames, see `onball.frames.Scaling`.
        crop: how frames are cropped around players and ball; null for whole frames.
        imports: Python modules outside of onball that register components of the net.
    """

    format_version: Literal[1] = 1
    task: Task = "spotting"
    fps: PositiveFloat
    width: PositiveInt
    height: PositiveInt
    scaling: Scaling = "area"
    clip_frames: PositiveInt = 50
    crop: BallCropConfig | None = None
    model: ModelConfig
    inference: InferenceConfig
    imports: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)

    @property
    def needs_tracks(self) -> bool:
        """True if the model takes tracks of players and ball, as features or to crop frames."""
        return self.model.tracking is not None or self.crop is not None

    @property
    def detector(self) -> str:
        """Name of the detector that makes missing tracks, for `open_detector`."""
        return "auto" if self.model.tracking is None else self.model.tracking.detector

    @property
    def tracks_fps(self) -> float:
        """Frames per second of the tracks that are made."""
        return (self.model.tracking or TrackingConfig()).fps

    @property
    def actions(self) -> ActionSet:
        """The classes that the model predicts, in the order of its outputs."""
        return self.model.actions

    @model_serializer(mode="wrap")
    def _with_actions(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        names = [label.value for label in self.actions]
        written: dict[str, Any] = serialise(self)
        return {"format_version": 1, "task": self.task, "actions": names} | written

    @model_validator(mode="wrap")
    @classmethod
    def _actions_fit(cls, tree: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """The file names the classes for its readers; `model.classes` decides.

        Models saved before there were other classes name the 12 actions whatever their classes.
        """
        if not isinstance(tree, dict) or "actions" not in tree:
            return validate(tree)
        config = validate({key: value for key, value in tree.items() if key != "actions"})
        if tree["actions"] not in ([*config.actions], [*ACTIONS]):
            raise conflict("actions", "they are other actions than those of model.classes")
        return config

    @model_validator(mode="after")
    def _clips_fit(self) -> Self:
        check_inference(self.model, self.inference)
        return self

    def sampling(self, data: DataConfig) -> DataConfig:
        """Data settings with the frames and clips that this model takes."""
        names = ("fps", "width", "height", "scaling", "clip_frames", "crop")
        own = {name: getattr(self, name) for name in names}
        return data.model_copy(update=own)

    @classmethod
    def of(cls, config: ExperimentConfig) -> Self:
        """Settings of the model that an experiment trains."""
        data = config.data
        return cls(
            task=config.task,
            fps=data.fps,
            width=data.width,
            height=data.height,
            scaling=data.scaling,
            clip_frames=data.clip_frames,
            crop=data.crop,
            model=_complete(config.model),
            inference=config.inference,
        )


def training_settings(model: SavedModelConfig) -> list[str]:
    """Settings `a.b=c` of an experiment that goes on training a saved model on other labels.

    They are its net, its input and its classes. What depends on the former scores (calibration,
    thresholds) and heads for training alone are left out, and of several nets the first is trained.

    Args:
        model: settings of the saved model.
    """
    tree = model.model_dump(mode="json")
    net = tree["model"] | {"members": 1, "auxiliary": None, "branch_heads": False}
    inference = tree["inference"] | {"calibration": {}, "report_thresholds": {}}
    sampling = ("fps", "width", "height", "scaling", "clip_frames", "crop")
    sections = {
        "data": {name: tree[name] for name in sampling},
        "model": net,
        "inference": inference,
    }
    return [
        f"task={model.task}",
        *(
            f"{section}.{name}={json.dumps(value)}"
            for section, settings in sections.items()
            for name, value in settings.items()
        ),
    ]


def _complete(model: ModelConfig) -> ModelConfig:
    """The model without the source of its initial weights, and with the colours of its classes."""
    backbone = dict(model.backbone)
    if "pretrained" in backbone:
        backbone["pretrained"] = False
    classes = None if model.classes is None else classes_of(model.actions)
    return model.model_copy(update={"backbone": ComponentConfig(**backbone), "classes": classes})
