"""Parts of a backbone that are not trained, or trained more slowly than the heads."""

from __future__ import annotations

from typing import Any

from torch import nn

from onball.config import TrainingConfig
from onball.errors import ConfigError
from onball.models.components import Backbone


def freeze(backbone: Backbone, setting: str) -> list[nn.Module]:
    """Exclude a part of a backbone from training, as `training.freeze` says.

    Args:
        backbone: its frozen parameters no longer require gradients.
        setting: `none`, `backbone`, or `stages:K` for the stem and the first K stages.

    Returns: the frozen modules. They are to be kept in evaluation mode, in which batch normalisation
    neither uses nor changes the statistics of a batch.

    Raises `ConfigError` if the backbone has fewer stages.
    """
    if setting == "none":
        return []
    if setting == "backbone":
        backbone.requires_grad_(False)
        return [backbone]
    count = int(setting.removeprefix("stages:"))
    stages = backbone.stages()
    if count >= len(stages):
        there = f"has stages 1 to {len(stages) - 1}" if len(stages) > 1 else "has no stages"
        raise ConfigError(
            f"training.freeze: {setting}: the backbone {there}: lower the number, or set "
            "training.freeze=backbone"
        )
    frozen = {name for stage in stages[: count + 1] for name in stage}
    for name, weight in backbone.named_parameters():
        if name in frozen:
            weight.requires_grad_(False)
    return [module for module in backbone.modules() if _is_frozen(module)]


def _is_frozen(module: nn.Module) -> bool:
    weights = list(module.parameters())
    return bool(weights) and not any(weight.requires_grad for weight in weights)


def parameter_groups(
    net: nn.Module, backbone: Backbone, training: TrainingConfig
) -> list[dict[str, Any]]:
    """Return the parameters to train, in groups with the same weight decay and learning rate.

    Biases and the parameters of normalisation layers are not decayed. With `training.layer_decay`
    below 1, each stage of the backbone has groups of its own, after those of the heads, which have
    the full rate (Howard & Ruder 2018, "discriminative fine-tuning").

    Args:
        net: the net.
        backbone: its backbone.
        training: settings of the optimiser.
    """
    rates: dict[int, float] = {}
    if training.layer_decay < 1.0:
        weights = dict(backbone.named_parameters())
        for depth, stage in enumerate(reversed(backbone.stages()), 1):
            rate = training.learning_rate * training.layer_decay**depth
            rates |= {id(weights[name]): rate for name in stage}
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    full = training.learning_rate
    groups: list[dict[str, Any]] = []
    for rate in sorted({full, *rates.values()}, reverse=True):
        same = [weight for weight in trained if rates.get(id(weight), full) == rate]
        for decayed in (True, False):
            chosen = [weight for weight in same if (weight.ndim > 1) is decayed]
            decay = training.weight_decay if decayed else 0.0
            group = {"params": chosen, "weight_decay": decay}
            if rate != full:
                group["lr"] = rate
            if chosen or rate == full:
                groups.append(group)
    return groups
