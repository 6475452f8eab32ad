"""A small catalogue of published models, and checkpoints as their authors would save them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from onball.config import InferenceConfig, ModelConfig
from onball.models import build_model
from onball.models.published import PUBLISHED, Origin, PublishedModel, Rule

HUB = "someone/Tiny"


def tiny_model(name: str, classes: tuple[str, ...] | None, hub: str = "") -> PublishedModel:
    return PublishedModel(
        name=name,
        title="A tiny model",
        origin=Origin(
            data="nothing",
            code="https://example.org/code",
            code_licence="MIT",
            weights="a drive",
            hub=hub,
        ),
        parameters=1000,
        model=ModelConfig.model_validate(
            {
                "backbone": {"name": "test_resnet", "pretrained": False},
                "temporal": {"name": "none"},
                "classes": classes,
            }
        ),
        fps=5.0,
        width=64,
        height=36,
        clip_frames=8,
        inference=InferenceConfig.model_validate(
            {
                "window_frames": 8,
                "clips": {"frames": 8, "overlap": 2, "start": -2},
                "suppression": {"method": "soft_nms", "window": 3},
                "threshold": 0.02,
            }
        ),
        rules=(
            Rule(r"_features\.(.+)", r"backbone.network.\1"),
            Rule(r"_fc\.(\w+)", r"head.linear.\1"),
        ),
        place="averaged",
    )


SMALL = tiny_model("tiny-small", ("PASS", "SHOT"), HUB)
BIG = tiny_model("tiny-big", ("PASS", "SHOT", "GOAL"), HUB)
#: With the 12 actions; not in the catalogue unless a test adds it.
TWELVE = tiny_model("tiny-twelve", None, HUB)
BY_HAND = tiny_model("tiny-drive", ("Goal", "Corner", "Foul", "Offside"))


@contextmanager
def tiny_catalogue() -> Iterator[None]:
    """Replace the catalogue by the models above until the block ends."""
    former = dict(PUBLISHED)
    PUBLISHED.clear()
    PUBLISHED.update({model.name: model for model in (SMALL, BIG, BY_HAND)})
    yield
    PUBLISHED.clear()
    PUBLISHED.update(former)


def tiny_checkpoint(model: PublishedModel, seed: int = 0) -> dict[str, Tensor]:
    """Random weights by published names."""
    torch.manual_seed(seed)
    own = build_model(model.model).state_dict()
    renamed = {"backbone.network.": "_features.", "head.linear.": "_fc."}
    weights = {}
    for name, tensor in own.items():
        here = next(prefix for prefix in renamed if name.startswith(prefix))
        weights[renamed[here] + name.removeprefix(here)] = tensor.contiguous()
    return weights
