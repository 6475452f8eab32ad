"""Settings of an experiment, as pydantic models.

The sections follow the data: matches and their frames, the net, its training, with the augmentation of
`onball.config.augmentation`, and decoding of its scores into events. A rule that joins several settings
is a validator of the smallest section that holds them all, so that code which receives a config need not
check it again. Rules that need more than the settings (files, registered components, a built net) are
checked where these are at hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from onball.actions import ActionSet
from onball.config.augmentation import AugmentationConfig, MixupConfig
from onball.config.base import (
    BaseConfig,
    ComponentConfig,
    Fraction,
    FractionBelowOne,
    PositiveFraction,
    conflict,
)
from onball.config.classes import ClassConfig, actions_of
from onball.config.inference import InferenceConfig
from onball.errors import LabelError
from onball.frames import Scaling
from onball.tracks import TRACKS_FILE

#: Task of a model: dense scores of every frame, or the actions that occur in a clip.
Task = Literal["spotting", "classification"]
#: Folder of features in that of a data set.
FEATURES_FOLDER = "features"
#: Name of the backbone that uses no pixels.
NO_BACKBONE = "none"
# In YAML, 32 without quotes is a number.
PrecisionName = Annotated[Literal["auto", "32", "bf16", "fp16"], BeforeValidator(str)]
Logger = Literal["tensorboard", "wandb", "mlflow"]
#: Part of the net that is not trained; K of `stages:K` counts from 1.
Freeze = Annotated[str, Field(pattern=r"^(none|backbone|stages:[1-9]\d?)$")]


# Data.


class BallCropConfig(BaseConfig):
    """Window of each frame around players and ball, of the frame's aspect ratio, scaled to the
    net's input size.

    Attributes:
        players: the window contains this many people nearest to the ball.
        margin: margin around them, as a fraction of the frame's width.
        least_scale: width of the smallest window, as a fraction of the frame's.
        smooth_ms: standard deviation of the Gaussian that smooths the window's movement.
    """

    players: PositiveInt = 6
    margin: Fraction = 0.05
    least_scale: PositiveFraction = 0.45
    smooth_ms: PositiveInt = 800


class AuxiliaryDataConfig(BaseConfig):
    """Second data set with other labels, for joint training (see `ModelConfig.auxiliary`).

    Attributes:
        root: folder of the matches, in SoccerNet-v2's layout: `1_224p.mkv`, `2_224p.mkv` and
            `Labels-v2.json` in each match's folder.
    """

    root: Path | None = None


class DataConfig(BaseConfig):
    """Matches and the sampling of their video.

    Attributes:
        root: folder of the matches (SoccerNet's layout); needed for training only.
        fps: sampled frames per second of video time; 12.5 is every second frame of 25.
        width, height: size in pixels that frames are scaled to.
        scaling: `area` averages areas; `opencv` gives the pixels of `cv2.VideoCapture` and
            `cv2.resize`, with which the authors of published models prepare whole frames.
        clip_frames: sampled frames in a training clip.
        cache: folder for decoded frames (height × width × 3 bytes per frame: 0.65 GB for 10
            minutes at 224×128, 19 GB for a match of 90 at 398×224); null decodes each clip again.
        features: train the heads on features of the frozen backbone, which are computed once per match
            into this folder; `auto` is `features` in `data.root`. See `onball features`.
        tracks: name of the tracks file in each match's folder, for nets that take tracks.
        crop: crop each frame to a window around players and ball, found by the tracks, before it
            is scaled; null takes the whole frame.
        auxiliary: the second data set of joint training.
        skip_labels_outside: leave out labels beyond the end of their video, with a warning; false
            makes them an error, since they are a sign of a truncated video or of another match.
    """

    root: Path | None = None
    fps: PositiveFloat = 12.5
    width: PositiveInt = 398
    height: PositiveInt = 224
    scaling: Scaling = "area"
    clip_frames: PositiveInt = 50
    cache: Path | None = None
    features: Literal["auto"] | Path | None = None
    tracks: str = TRACKS_FILE
    crop: BallCropConfig | None = None
    auxiliary: AuxiliaryDataConfig = AuxiliaryDataConfig()
    skip_labels_outside: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)

    @property
    def features_folder(self) -> Path | None:
        """Folder of the features; None to train on frames, or if it depends on a missing `root`."""
        if self.features == "auto":
            return None if self.root is None else self.root / FEATURES_FOLDER
        return self.features


# Model.


class PreprocessingConfig(BaseConfig):
    """Normalisation of pixels, by default with the values of ImageNet.

    Attributes:
        mean: mean of each RGB channel, which is subtracted, on the scale 0 to 1.
        std: standard deviation of each RGB channel, which it is divided by.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)


class TrackingConfig(BaseConfig):
    """Track features that the net takes beside the backbone's features of each frame.

    Attributes:
        features: `study`: four numbers per frame; `full`: ball, nearest players, spread and camera
            too; `ball`: path of the ball in heights of people, and goal. See `onball.tracking.features`.
        detector: detector that makes missing tracks, see `onball track`.
        fps: frames per second of missing tracks.
        dim: size of the features that the net computes from them.
    """

    features: Literal["study", "full", "ball"] = "full"
    detector: str = "auto"
    fps: PositiveFloat = 12.5
    dim: PositiveInt = 64


class ModelConfig(BaseConfig):
    """Net: a backbone per frame, a temporal head over frames, a prediction head per frame.

    Attributes:
        backbone: frames → features; `none` uses no pixels, for a net on tracks alone.
        tracking: features of players and ball beside the backbone's; null for none.
        temporal: features → features in the context of their neighbours.
        head: features → dense scores; a clip classifier has its own and ignores this one.
        pooling: how a clip classifier pools frames: `max` of each feature, or `attention`.
        dropout: fraction of the classifier's inputs that are dropped in training.
        teams: separate classes for the left and the right team, twice as many as without; left and
            right are the sides of the pitch on screen.
        auxiliary: a second head for the 17 actions of SoccerNet-v2, trained jointly on the matches
            of `data.auxiliary`.
        preprocessing: normalisation of pixels.
        classes: list of the classes besides background, as names or as `{name, colour, headline}`;
            null for those of `classes.txt` in the data set, or else the 12 actions.
        positions: longest clip of a net that adds a learned vector to the features of each position
            in a clip, as T-DEED and AdaSpot do; null for none.
        branch_heads: a temporal head and classifier for each branch of the backbone (`adaspot` has
            two), whose losses are averaged with that of the net in training.
        members: number of nets with these components whose probabilities are averaged, as for the
            folds of a published model; a net with more than one is not trained.
    """

    backbone: ComponentConfig = ComponentConfig(name="regnety_002")
    tracking: TrackingConfig | None = None
    temporal: ComponentConfig = ComponentConfig(name="bilstm")
    head: ComponentConfig = ComponentConfig(name="linear")
    pooling: Literal["max", "attention"] = "max"
    dropout: FractionBelowOne = 0.5
    teams: bool = False
    auxiliary: Literal["soccernet-v2"] | None = None
    classes: Annotated[tuple[ClassConfig, ...], Field(min_length=1)] | None = None
    positions: PositiveInt | None = None
    branch_heads: bool = False
    members: PositiveInt = 1
    preprocessing: PreprocessingConfig = PreprocessingConfig()

    @property
    def takes_frames(self) -> bool:
        """False if the net uses no pixels."""
        return self.backbone.name != NO_BACKBONE

    @property
    def actions(self) -> ActionSet:
        """The classes that the net predicts, in the order of its outputs."""
        return actions_of(self.classes)

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        try:
            actions_of(self.classes)
        except LabelError as error:
            raise conflict("classes", str(error).removeprefix("model.classes: ")) from None
        for option in ("team", "independent"):
            if self.teams and self.head.options.get(option):
                raise conflict(
                    "teams",
                    f"model.head.{option} is for classes without teams: --set model.teams=false, or "
                    f"model.head.{option}=false",
                )
        return self

    @model_validator(mode="after")
    def _has_input(self) -> Self:
        if self.tracking is None and not self.takes_frames:
            raise conflict(
                "backbone.name",
                f"'{self.backbone.name}' looks at no pixels, and without model.tracking the net "
                "would see nothing: --set model.tracking.features=full",
            )
        return self


# Training.


class LossConfig(BaseConfig):
    """Losses for classification and localisation.

    Attributes:
        background_weight, action_weight: class weights of the cross-entropy.
        focal_gamma: γ of the focal loss (Lin et al. 2017); 0 is plain cross-entropy.
        label_dilation: frames on each side of an action's frame that get its label too.
        soft_label_sigma: standard deviation of Gaussian labels, frames; null keeps hard labels.
        displacement_weight: weight of the loss of displacements or offsets, if the head has any.
        team_weight: weight of the binary cross-entropy of a head's logit of teams, if it has one.
        auxiliary_weight: weight of the second head's cross-entropy in joint training.
    """

    background_weight: PositiveFloat = 1.0
    action_weight: PositiveFloat = 5.0
    focal_gamma: NonNegativeFloat = 0.0
    label_dilation: NonNegativeInt = 1
    soft_label_sigma: PositiveFloat | None = None
    displacement_weight: NonNegativeFloat = 1.0
    team_weight: NonNegativeFloat = 1.0
    auxiliary_weight: NonNegativeFloat = 1.0


class TrainingConfig(BaseConfig):
    """Optimisation, sampling of clips, augmentation, validation and logging.

    Attributes:
        epochs: number of epochs.
        learning_rate: highest learning rate of AdamW, at the end of the warm-up.
        weight_decay: AdamW's weight decay, of weights but not of biases and normalisation layers.
        loss: classification and localisation losses.
        augmentation: random changes of clips.
        mixup: blending of clips.
        seed: seed of initial weights, clips and augmentation.
        warmup_epochs: epochs over which the learning rate rises; then it falls along a cosine.
        batch_size: clips in a batch, per device.
        accumulate: batches whose gradients are averaged for a step. This equals one larger batch
            except for batch normalisation, and for batches whose frames weigh differently.
        clips_per_epoch: clips drawn in one epoch, over all devices.
        action_share: fraction of the clips placed around an action; the others are uniform in time.
        class_balance: exponent b: the action of such a clip, with n labels, is drawn ∝ n^-b for
            each label. 0 keeps the labels' frequencies, 0.5 shows rare actions more often, 1 shows
            all actions equally often.
        auxiliary_share: in joint training, fraction of the clips from the second data set.
        precision: `auto` is bfloat16 mixed precision where the device supports it natively.
        initial_model: saved model with the same backbone, whose weights training starts from: those
            of the heads too, as far as they fit, and the classifier's for the classes that both
            have. null starts from the backbone's own (`pretrained`) or random ones.
        freeze: `backbone` trains the heads alone, on the features of the unchanged backbone;
            `stages:K` leaves its stem and its first K stages unchanged; `none` trains all. Batch
            normalisation of what is frozen keeps its statistics.
        layer_decay: learning rate of each stage of the backbone, as a fraction of that of the stage
            after it, and of the heads for the last: 1 trains all equally fast.
        gradient_clip: largest norm of the gradient; null does not clip.
        ema_decay: validate and save an exponential moving average of the weights; null does not.
        early_stopping_epochs: stop after N epochs without a better mAP10 (or mAP) in validation.
        workers: processes that prepare clips; 0 prepares them in the training process.
        threads: CPU threads of torch; null is one per core that the process may use.
        validate_every_epochs: the last epoch is always validated.
        loggers: besides `metrics.csv`: `tensorboard`, and `wandb` or `mlflow` if installed.
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
    freeze: Freeze = "none"
    layer_decay: PositiveFraction = 1.0
    gradient_clip: PositiveFloat | None = 1.0
    ema_decay: FractionBelowOne | None = None
    early_stopping_epochs: PositiveInt | None = None
    workers: NonNegativeInt = 2
    threads: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    validate_every_epochs: PositiveInt = 1
    loggers: tuple[Logger, ...] = ("tensorboard",)

    @model_validator(mode="before")
    @classmethod
    def _former_name_of_freeze(cls, tree: Any) -> Any:
        """Read `freeze_backbone: true` of configs written before there was `freeze`."""
        if not isinstance(tree, dict) or not isinstance(tree.get("freeze_backbone"), bool):
            return tree
        rest = {key: value for key, value in tree.items() if key != "freeze_backbone"}
        former = "backbone" if tree["freeze_backbone"] else "none"
        if rest.setdefault("freeze", former) != former:
            raise conflict(
                "freeze_backbone",
                f"the former name of training.freeze, which is '{rest['freeze']}': set that alone",
            )
        return rest


# Experiment.


class ExperimentConfig(BaseConfig):
    """All settings of a training run and its evaluation.

    Attributes:
        task: `spotting` or `classification`.
        data: matches, and how clips are sampled from them.
        model: components of the net.
        training: optimisation, augmentation and losses.
        inference: windows, peaks and thresholds.
    """

    task: Task = "spotting"
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    inference: InferenceConfig = InferenceConfig()

    @property
    def trains_jointly(self) -> bool:
        """True if the net has a second head, which is trained on a second data set."""
        return self.model.auxiliary is not None

    @property
    def frozen(self) -> str:
        """Part of the backbone that is not trained, as in `training.freeze`."""
        return "backbone" if self.data.features is not None else self.training.freeze

    @model_validator(mode="after")
    def _features_fit(self) -> Self:
        """Features are those of frames as they are, by the backbone that training starts with."""
        if self.data.features is None:
            return self
        model, inference = self.model, self.inference
        random = self.training.initial_model is None and not model.backbone.options.get(
            "pretrained", True
        )
        for refused, reason in (
            (not model.takes_frames, "the net looks at no pixels and has no features to keep"),
            (random, "the backbone has random weights: name a model to start from with --init"),
            (self.trains_jointly, "needs frames of a second data set: --set model.auxiliary=null"),
            (model.branch_heads, "branches are not kept: --set model.branch_heads=false"),
            (inference.mirror, "mirrored frames are not kept: --set inference.mirror=false"),
            (
                inference.clips is not None,
                "features are computed in one pass over the video: --set inference.clips=null",
            ),
        ):
            if refused:
                raise conflict("data.features", reason)
        return self

    @model_validator(mode="after")
    def _tracks_fit(self) -> Self:
        """Tracks exist for the main data set only, and describe whole frames."""
        tracking, crop = self.model.tracking is not None, self.data.crop is not None
        if (tracking or crop) and self.trains_jointly:
            raise conflict(
                "model.tracking" if tracking else "data.crop",
                "SoccerNet-v2's matches have no tracks: train without model.auxiliary",
            )
        augmentation = self.training.augmentation
        moving = {
            "crop": augmentation.crop.probability,
            "camera_shift": augmentation.camera_shift.probability,
        }
        for name, probability in moving.items():
            if tracking and probability > 0:
                raise conflict(
                    f"training.augmentation.{name}.probability",
                    "the frames would move and their tracks would not: set it to 0 for a net with "
                    "model.tracking",
                )
        if crop and not self.model.takes_frames:
            raise conflict("data.crop", "the net looks at no pixels: --set data.crop=null")
        return self

    @model_validator(mode="after")
    def _one_net_is_trained(self) -> Self:
        if self.model.members > 1:
            raise conflict("model.members", "nets are trained one at a time: --set model.members=1")
        return self

    @model_validator(mode="after")
    def _clips_fit(self) -> Self:
        check_positions(self.model, "data.clip_frames", self.data.clip_frames)
        check_inference(self.model, self.inference)
        return self

    @model_validator(mode="after")
    def _auxiliary_fits(self) -> Self:
        """A second data set needs a second head, which only a spotting net has.

        `data.auxiliary.root` may be missing, as `data.root` may: both are needed for training only.
        """
        root = self.data.auxiliary.root
        if self.trains_jointly and self.task != "spotting":
            raise conflict(
                "model.auxiliary",
                f"a second head is for task=spotting, not {self.task}: --set model.auxiliary=null",
            )
        if not self.trains_jointly and root is not None:
            raise conflict(
                "data.auxiliary.root",
                f"it is {root}, but the net has no second head to learn from it: --set "
                "model.auxiliary=soccernet-v2, or data.auxiliary.root=null",
            )
        return self


def check_inference(model: ModelConfig, inference: InferenceConfig) -> None:
    """Check that settings of single classes, windows and clips fit the net."""
    for setting in ("report_thresholds", "calibration"):
        for label in getattr(inference, setting):
            try:
                known = model.actions.parse(label)
            except LabelError as error:
                hint = "" if model.classes else "; model.classes declares other classes"
                raise conflict(f"inference.{setting}", f"{error}{hint}") from None
            if known != label:
                raise conflict(
                    f"inference.{setting}", f"'{label}' is spelt '{known}' in model.classes"
                )
    clips = inference.clips
    if clips is None:
        check_positions(model, "inference.window_frames", inference.window_frames)
        return
    check_positions(model, "inference.clips.frames", clips.frames)
    if model.tracking is not None:
        raise conflict(
            "inference.clips",
            "scores cannot be computed clip by clip by a net with model.tracking: --set "
            "inference.clips=null",
        )


def check_positions(model: ModelConfig, setting: str, frames: int) -> None:
    """Raise a validation error if a setting is longer than the clips that the net takes."""
    if model.positions is not None and frames > model.positions:
        raise conflict(
            setting,
            f"it is {frames}, and the net takes clips of at most model.positions="
            f"{model.positions} frames: --set {setting}={model.positions}",
        )
