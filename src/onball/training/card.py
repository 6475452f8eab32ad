"""The model card of a trained model: what it is, how it was trained, how good it is."""

from __future__ import annotations

from onball.config import ExperimentConfig
from onball.training.validation import ValidationResult


def model_card(config: ExperimentConfig, epoch: int, result: ValidationResult | None) -> str:
    """Markdown for people who find the model's folder.

    Args:
        config: of the experiment.
        epoch: after which the weights were taken, counted from 1.
        result: on the matches of the split `valid`, if there were any.
    """
    data, model, training = config.data, config.model, config.training
    spotting = config.task == "spotting"
    if result is None:
        score = "There were no matches to validate on."
    else:
        how = " at a tolerance of 1 s" if spotting else ", over all clips"
        score = (
            f"On the validation matches: mAP10 {100 * result.map10:.2f}, mAP12 "
            f"{100 * result.map12:.2f}{how}. The epoch was chosen by this very mAP10, so expect a "
            "little less on other matches."
        )
    if spotting:
        what = "Says on which frame of a football video one of 12 ball actions happens."
        use = "Use it with `onball spot VIDEO --out DIR --model FOLDER`"
    else:
        what = f"Says which of 12 ball actions happen in a clip of {data.clip_frames} frames."
        use = "Load it with `onball.models.load_classifier(FOLDER)`"
    options = ", ".join(f"{key} {value}" for key, value in model.temporal.options.items())
    return f"""# {"Ball action spotting model" if spotting else "Clip classifier"}

{what}

- backbone: `{model.backbone.name}`; temporal head: `{model.temporal.name}` ({options or "defaults"})
- input: {data.width}×{data.height} pixels, {data.fps:g} frames per second
- training: epoch {epoch} of {training.epochs}, {training.clips_per_epoch} clips of \
{data.clip_frames} frames per epoch, batches of {training.batch_size}, learning rate \
{training.learning_rate:g}, seed {training.seed}

{score}

{use}, where FOLDER is the folder of this file.
"""
