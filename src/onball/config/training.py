"""Settings of training: optimizer, loss, sampling, and what happens around the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from onball.config.augmentation import AugmentationConfig
from onball.config.components import Section, Share, ShareBelowOne

# In YAML, 32 without quotes is a number.
PrecisionName = Annotated[Literal["auto", "32", "bf16", "fp16"], BeforeValidator(str)]
Logger = Literal["tensorboard", "wandb", "mlflow"]


class MixupConfig(Section):
    """Mixup (Zhang et al. 2018): a clip is blended with another one, pixels and targets alike.

    Attributes:
        probability: share of the clips that are blended.
        alpha: both parameters of the beta distribution that the weight is drawn from.
    """

    probability: Share = 0.0
    alpha: PositiveFloat = 0.2


class LossConfig(Section):
    """What the net is punished for.

    Attributes:
        background_weight, action_weight: class weights of the cross-entropy.
        focal_gamma: γ of the focal loss (Lin et al. 2017); 0 is plain cross-entropy.
        label_dilation: frames on each side of an action's frame that carry its label too.
        soft_label_sigma: instead, a label fades out with distance like a Gaussian of this standard
            deviation, in frames; null keeps hard labels.
        shift_weight: weight of the loss of displacements or offsets, if the head gives any.
        auxiliary_weight: weight of the second head's cross-entropy in joint training.
    """

    background_weight: PositiveFloat = 1.0
    action_weight: PositiveFloat = 5.0
    focal_gamma: NonNegativeFloat = 0.0
    label_dilation: NonNegativeInt = 1
    soft_label_sigma: PositiveFloat | None = None
    shift_weight: NonNegativeFloat = 1.0
    auxiliary_weight: NonNegativeFloat = 1.0


class TrainingConfig(Section):
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
    action_share: Share = 0.5
    class_balance: Share = 0.5
    auxiliary_share: ShareBelowOne = 0.5
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    mixup: MixupConfig = MixupConfig()
    precision: PrecisionName = "auto"
    initial_model: Path | None = None
    freeze_backbone: bool = False
    gradient_clip: PositiveFloat | None = 1.0
    ema_decay: ShareBelowOne | None = None
    early_stopping_epochs: PositiveInt | None = None
    workers: NonNegativeInt = 2
    threads: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    validate_every_epochs: PositiveInt = 1
    loggers: tuple[Logger, ...] = ("tensorboard",)
