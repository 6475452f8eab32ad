"""Every setting of an experiment and of a saved model, typed. Unknown settings are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from onball.actions import ACTIONS, Action
from onball.config.components import ComponentConfig, Section, Share, ShareBelowOne

# In YAML, 32 without quotes is a number.
PrecisionName = Annotated[Literal["auto", "32", "bf16"], BeforeValidator(str)]


class DataConfig(Section):
    """Which matches, and how their video is sampled.

    Attributes:
        root: folder of the matches (SoccerNet's layout); needed for training only.
        fps: sampled frames per second of video time; 12.5 is every second frame of 25.
        width, height: size in pixels that frames are scaled to.
        clip_frames: sampled frames in a training clip.
        cache: folder for decoded frames (height × width × 3 bytes per frame: 0.65 GB for 10
            minutes at 224×128, 19 GB for a match of 90 at 398×224); null decodes each clip anew.
    """

    root: Path | None = None
    fps: PositiveFloat = 12.5
    width: PositiveInt = 398
    height: PositiveInt = 224
    clip_frames: PositiveInt = 50
    cache: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)


class PreprocessingConfig(Section):
    """Mean and standard deviation per RGB channel on the scale 0 to 1 (ImageNet's by default)."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)


class ModelConfig(Section):
    """The net: a backbone per frame, a temporal head over frames, a classifier per frame.

    Attributes:
        dropout: share of the classifier's inputs that are dropped in training.
    """

    backbone: ComponentConfig = ComponentConfig(name="regnety_002")
    temporal: ComponentConfig = ComponentConfig(name="bilstm")
    dropout: ShareBelowOne = 0.5
    preprocessing: PreprocessingConfig = PreprocessingConfig()


class JitterConfig(Section):
    """Colour jitter: each of the four happens with `probability`, the same for a whole clip.

    Attributes:
        factor: range of the factors of brightness, contrast and saturation.
        hue: largest turn of the hue to either side, as a share of the full circle.
    """

    probability: Share = 0.25
    factor: tuple[PositiveFloat, PositiveFloat] = (0.7, 1.2)
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2


class TrainingConfig(Section):
    """How the net is trained.

    Attributes:
        clips_per_epoch: clips drawn in one epoch.
        action_share: share of the clips that are placed around an action; the action is drawn
            with a probability ∝ 1/√(its count), so that rare ones are seen. The others are
            uniform over the matches' time.
        background_weight, action_weight: class weights of the cross-entropy.
        label_dilation: frames on each side of an action's frame that carry its label too.
        precision: `auto` is bfloat16 mixed precision where the device computes it natively.
        initial_model: folder of a saved model with the same net, whose weights training starts from; null
            starts from the backbone's own (`pretrained`) or random ones.
        gradient_clip: largest norm of the gradient; null does not clip.
        workers: processes that prepare clips; 0 prepares them in the training process.
        threads: CPU threads of torch; null leaves torch's own choice.
        validate_every_epochs: the last epoch is always validated.
    """

    epochs: PositiveInt = 20
    warmup_epochs: NonNegativeFloat = 3
    learning_rate: PositiveFloat = 8e-4
    weight_decay: NonNegativeFloat = 0.01
    batch_size: PositiveInt = 4
    clips_per_epoch: PositiveInt = 2000
    action_share: Share = 0.5
    background_weight: PositiveFloat = 1.0
    action_weight: PositiveFloat = 5.0
    label_dilation: NonNegativeInt = 1
    flip_probability: Share = 0.5
    jitter: JitterConfig = JitterConfig()
    precision: PrecisionName = "auto"
    initial_model: Path | None = None
    gradient_clip: PositiveFloat | None = 1.0
    workers: NonNegativeInt = 2
    threads: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    validate_every_epochs: PositiveInt = 1


class InferenceConfig(Section):
    """From dense scores to events.

    Attributes:
        window_frames: frames that the temporal head sees at once.
        overlap: share of a window that the next one sees again; their scores are averaged.
        nms_window_ms: two events of one action closer than this cannot both stand.
        threshold: lowest confidence of an event; low, because the metric wants all, ranked.
        report_threshold: lowest confidence of an event that is shown to people.
    """

    window_frames: PositiveInt = 50
    overlap: ShareBelowOne = 0.5
    nms_window_ms: PositiveInt = 1000
    threshold: Share = 0.01
    report_threshold: Share = 0.3


class ExperimentConfig(Section):
    """One experiment: all that a training run or an evaluation needs to know."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    inference: InferenceConfig = InferenceConfig()


class SavedModelConfig(Section):
    """The `config.json` of a saved model: all that is needed to run it on a video."""

    format_version: Literal[1] = 1
    actions: tuple[Action, ...] = ACTIONS
    fps: PositiveFloat
    width: PositiveInt
    height: PositiveInt
    model: ModelConfig
    inference: InferenceConfig

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)

    @classmethod
    def of(cls, config: ExperimentConfig) -> Self:
        """The part of an experiment that its model must carry."""
        data = config.data
        return cls(
            fps=data.fps,
            width=data.width,
            height=data.height,
            model=config.model,
            inference=config.inference,
        )
