"""What all settings are made of: typed sections, shares, and components chosen by name."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from onball.actions import ACTIONS, Action
from onball.tracks import TRACKS_FILE

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
FractionBelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]


class BaseConfig(BaseModel):
    """A group of settings: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ComponentConfig(BaseModel):
    """A component chosen by `name`, with its own options beside the name.

    The options are checked by whoever registered the component (see `onball.models.components`), so
    that a new backbone or head brings its own settings without a change here.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All settings but the name."""
        return dict(self.model_extra or {})


# --- Settings of cropping: how frames are cut to a window around players and ball.


class BallCropConfig(BaseConfig):
    """A window of each frame, of the picture's aspect, enlarged to the net's size.

    Attributes:
        players: so many people nearest to the ball are kept in sight.
        margin: room around them, as a share of the picture's width.
        least_scale: width of the smallest window, as a share of the picture's.
        smooth_ms: standard deviation of the Gaussian that smooths the window's movement.
    """

    players: PositiveInt = 6
    margin: Fraction = 0.05
    least_scale: Annotated[float, Field(gt=0.0, le=1.0)] = 0.45
    smooth_ms: PositiveInt = 800


# --- Settings of the data: which matches, and how their video is sampled.


class AuxiliaryDataConfig(BaseConfig):
    """A second data set with other labels, for joint training (see `ModelConfig.auxiliary`).

    Attributes:
        root: folder of the matches, in SoccerNet-v2's layout: `1_224p.mkv`, `2_224p.mkv` and
            `Labels-v2.json` in each match's folder.
    """

    root: Path | None = None


class DataConfig(BaseConfig):
    """Which matches, and how their video is sampled.

    Attributes:
        root: folder of the matches (SoccerNet's layout); needed for training only.
        fps: sampled frames per second of video time; 12.5 is every second frame of 25.
        width, height: size in pixels that frames are scaled to.
        clip_frames: sampled frames in a training clip.
        cache: folder for decoded frames (height × width × 3 bytes per frame: 0.65 GB for 10
            minutes at 224×128, 19 GB for a match of 90 at 398×224); null decodes each clip anew.
        tracks: name of the tracks file in each match's folder, for nets that take tracks.
        crop: cut each frame to a window around players and ball, found by the tracks, before it is
            scaled; null takes the whole picture.
        auxiliary: the second data set of joint training.
        skip_labels_outside: leave labels beyond the end of their video out, with a warning; false
            makes them an error, since they tell of a video that is cut short or of another match.
    """

    root: Path | None = None
    fps: PositiveFloat = 12.5
    width: PositiveInt = 398
    height: PositiveInt = 224
    clip_frames: PositiveInt = 50
    cache: Path | None = None
    tracks: str = TRACKS_FILE
    crop: BallCropConfig | None = None
    auxiliary: AuxiliaryDataConfig = AuxiliaryDataConfig()
    skip_labels_outside: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)


# --- Settings of the net: its three components, and what it tells apart.


#: What a model is for: dense scores of every frame, or which actions a clip holds.
Task = Literal["spotting", "classification"]
#: A backbone of this name looks at no pixels.
NO_BACKBONE = "none"


class PreprocessingConfig(BaseConfig):
    """Mean and standard deviation per RGB channel on the scale 0 to 1 (ImageNet's by default)."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)


class TrackingConfig(BaseConfig):
    """What the net gets from tracks, beside the features of each frame's pixels.

    Attributes:
        features: `study` has four numbers per frame, `full` ball, nearest players, spread and
            camera too (see `onball.tracking.features`).
        dim: features that they become.
    """

    features: Literal["study", "full"] = "full"
    dim: PositiveInt = 64


class ModelConfig(BaseConfig):
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
    dropout: FractionBelowOne = 0.5
    teams: bool = False
    auxiliary: Literal["soccernet-v2"] | None = None
    preprocessing: PreprocessingConfig = PreprocessingConfig()

    @property
    def takes_frames(self) -> bool:
        """False if the net looks at no pixels."""
        return self.backbone.name != NO_BACKBONE


# --- Settings of augmentation: what training does to its clips. Validation sees them as t


class JitterConfig(BaseConfig):
    """Colour jitter: each of the four happens with `probability`, the same for a whole clip.

    Attributes:
        factor: range of the factors of brightness, contrast and saturation.
        hue: largest turn of the hue to either side, as a share of the full circle.
    """

    probability: Fraction = 0.25
    factor: tuple[PositiveFloat, PositiveFloat] = (0.7, 1.2)
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2


class BlurConfig(BaseConfig):
    """Gaussian blur over five pixels, as strong in every frame of a clip.

    Attributes:
        sigma: range of the standard deviation, in pixels.
    """

    probability: Fraction = 0.0
    sigma: tuple[PositiveFloat, PositiveFloat] = (0.1, 2.0)


class RandomCropConfig(BaseConfig):
    """A window of the picture, the same in every frame, enlarged to the whole picture's size.

    Attributes:
        least_scale: the smallest window's height and width, as a share of the picture's.
    """

    probability: Fraction = 0.0
    least_scale: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7


class CameraShiftConfig(BaseConfig):
    """A smooth movement of the whole picture during a clip, as if the camera panned and swayed.

    Attributes:
        pixels_share: the largest distance between two positions of the picture, along each axis,
            as a share of its width.
    """

    probability: Fraction = 0.0
    pixels_share: Fraction = 0.05


class NoiseConfig(BaseConfig):
    """Gaussian noise of a camera's sensor, new in every frame.

    Attributes:
        sigma: the largest standard deviation, in grey levels of 255; that of a clip lies between 0
            and it.
    """

    probability: Fraction = 0.0
    sigma: PositiveFloat = 8.0


class AugmentationConfig(BaseConfig):
    """How clips are changed at random, each alike in all its frames.

    Attributes:
        flip: probability that a clip is mirrored left to right.
    """

    flip: Fraction = 0.5
    jitter: JitterConfig = JitterConfig()
    blur: BlurConfig = BlurConfig()
    crop: RandomCropConfig = RandomCropConfig()
    camera_shift: CameraShiftConfig = CameraShiftConfig()
    noise: NoiseConfig = NoiseConfig()


# --- Settings of training: optimizer, loss, sampling, and what happens around the steps.


# In YAML, 32 without quotes is a number.
PrecisionName = Annotated[Literal["auto", "32", "bf16", "fp16"], BeforeValidator(str)]
Logger = Literal["tensorboard", "wandb", "mlflow"]


class MixupConfig(BaseConfig):
    """Mixup (Zhang et al. 2018): a clip is blended with another one, pixels and targets alike.

    Attributes:
        probability: share of the clips that are blended.
        alpha: both parameters of the beta distribution that the weight is drawn from.
    """

    probability: Fraction = 0.0
    alpha: PositiveFloat = 0.2


class LossConfig(BaseConfig):
    """What the net is punished for.

    Attributes:
        background_weight, action_weight: class weights of the cross-entropy.
        focal_gamma: γ of the focal loss (Lin et al. 2017); 0 is plain cross-entropy.
        label_dilation: frames on each side of an action's frame that carry its label too.
        soft_label_sigma: instead, a label fades out with distance like a Gaussian of this standard
            deviation, in frames; null keeps hard labels.
        displacement_weight: weight of the loss of displacements or offsets, if the head gives any.
        auxiliary_weight: weight of the second head's cross-entropy in joint training.
    """

    background_weight: PositiveFloat = 1.0
    action_weight: PositiveFloat = 5.0
    focal_gamma: NonNegativeFloat = 0.0
    label_dilation: NonNegativeInt = 1
    soft_label_sigma: PositiveFloat | None = None
    displacement_weight: NonNegativeFloat = 1.0
    auxiliary_weight: NonNegativeFloat = 1.0


class TrainingConfig(BaseConfig):
    """How the net is trained.

    Attributes:
        warmup_epochs: epochs over which the learning rate rises; then it falls along a cosine.
        batch_size: clips that a device computes at once.
        accumulate: batches whose gradients are averaged for a step. It equals one larger batch but for
            batch normalisation, and for batches whose frames weigh differently.
        clips_per_epoch: clips drawn in one epoch, over all devices.
        action_share: share of the clips that are placed around an action. The others are uniform
            over the matches' time.
        class_balance: exponent b: of such an action with n labels each is drawn ∝ n^-b. 0 takes them
            as they come, 0.5 shows the rare ones more often, 1 shows all actions equally often.
        auxiliary_share: in joint training, share of the clips from the second data set.
        precision: `auto` is bfloat16 mixed precision where the device computes it natively.
        initial_model: folder of a saved model with the same net, whose weights training starts
            from; null starts from the backbone's own (`pretrained`) or random ones.
        freeze_backbone: train the heads only, on the backbone's features as they are.
        gradient_clip: largest norm of the gradient; null does not clip.
        ema_decay: validate and keep an exponential moving average of the weights; null does not.
        early_stopping_epochs: stop when validation mAP10 has not risen for so many epochs.
        workers: processes that prepare clips; 0 prepares them in the training process.
        threads: CPU threads of torch; null leaves torch's own choice.
        validate_every_epochs: the last epoch is always validated.
        loggers: besides `metrics.csv`: `tensorboard`, and `wandb` or `mlflow` if they are
            installed and you want them.
    """

    epochs: PositiveInt = 20
    warmup_epochs: NonNegativeFloat = 3
    learning_rate: PositiveFloat = 8e-4
    weight_decay: NonNegativeFloat = 0.01
    batch_size: PositiveInt = 4
    accumulate: PositiveInt = 1
    clips_per_epoch: PositiveInt = 2000
    action_share: Fraction = 0.5
    class_balance: Fraction = 0.5
    auxiliary_share: FractionBelowOne = 0.5
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    mixup: MixupConfig = MixupConfig()
    precision: PrecisionName = "auto"
    initial_model: Path | None = None
    freeze_backbone: bool = False
    gradient_clip: PositiveFloat | None = 1.0
    ema_decay: FractionBelowOne | None = None
    early_stopping_epochs: PositiveInt | None = None
    workers: NonNegativeInt = 2
    threads: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    validate_every_epochs: PositiveInt = 1
    loggers: tuple[Logger, ...] = ("tensorboard",)


# --- Settings of inference: from dense scores to events.


#: A saved model holds at most so many knots per action.
MAX_KNOTS = 32


def _strictly_rising(
    knots: tuple[tuple[float, float], ...],
) -> tuple[tuple[float, float], ...]:
    """The knots as they are. Raises `ValueError` if two scores could change places."""
    if knots[0][0] != 0.0 or knots[-1][0] != 1.0:
        raise ValueError("the first knot must be at score 0 and the last one at score 1")
    if any(a[0] >= b[0] or a[1] >= b[1] for a, b in pairwise(knots)):
        raise ValueError("scores and calibrated scores must rise from each knot to the next")
    return knots


Knots = Annotated[
    tuple[tuple[Fraction, Fraction], ...],
    Field(min_length=2, max_length=MAX_KNOTS),
    AfterValidator(_strictly_rising),
]
"""A strictly rising, piecewise linear map of [0, 1]: pairs of score and calibrated score."""


class InferenceConfig(BaseConfig):
    """From dense scores to events.

    Attributes:
        window_frames: frames that the temporal head sees at once.
        overlap: share of a window that the next one sees again; their scores are averaged.
        nms_window_ms: two events of one action closer than this cannot both stand.
        threshold: lowest score of an event, before calibration; low, because the metric wants all,
            ranked.
        report_threshold: lowest confidence of an event that is shown to people.
        report_thresholds: the same for single actions, where it differs.
        calibration: of an action, how its scores become confidences; without, they are the same.
    """

    window_frames: PositiveInt = 50
    overlap: FractionBelowOne = 0.5
    nms_window_ms: PositiveInt = 1000
    threshold: Fraction = 0.01
    report_threshold: Fraction = 0.3
    report_thresholds: dict[Action, Fraction] = Field(default_factory=dict)
    calibration: dict[Action, Knots] = Field(default_factory=dict)

    def report_threshold_of(self, action: Action) -> float:
        """Lowest confidence at which an event of that action is shown to people."""
        return self.report_thresholds.get(action, self.report_threshold)


# --- All settings of an experiment, and those that a saved model carries.


class ExperimentConfig(BaseConfig):
    """One experiment: all that a training run or an evaluation needs to know."""

    task: Task = "spotting"
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    inference: InferenceConfig = InferenceConfig()


class SavedModelConfig(BaseConfig):
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
    crop: BallCropConfig | None = None
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
