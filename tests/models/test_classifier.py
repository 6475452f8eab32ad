"""The clip classifier: an action on any frame is an action of the clip."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from onball.config import ComponentConfig, ModelConfig, PreprocessingConfig
from onball.errors import ConfigError
from onball.models import ClipClassifier, build_model
from onball.models.backbones import Backbone
from onball.models.components import NoTemporal
from onball.training.losses import clip_loss

CONFIG = ModelConfig(
    backbone=ComponentConfig(name="test_byobnet", pretrained=False),
    temporal=ComponentConfig(name="bilstm", hidden=8),
)


pytestmark = pytest.mark.usefixtures("one_thread")


class MeanColour(Backbone):
    """Backbone whose feature of a frame is its mean colour, 0 to 1."""

    feature_dim, context = 3, 0

    def __init__(self) -> None:
        super().__init__(PreprocessingConfig())
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, frames: Tensor) -> Tensor:
        return self.scale * frames.float().mean(dim=(-2, -1)) / 255


def colour_classifier() -> ClipClassifier:
    return ClipClassifier(MeanColour(), NoTemporal(3), dropout=0.0)


def clip(length: int, lit: int | None) -> Tensor:
    frames = torch.zeros(length, 3, 4, 6, dtype=torch.uint8)
    if lit is not None:
        frames[lit, 1] = 255
    return frames


def test_a_clip_gets_one_logit_per_action():
    net = build_model(CONFIG, "classification").eval()
    frames = torch.randint(0, 256, (2, 5, 3, 36, 64), dtype=torch.uint8)
    assert net(frames).shape == (2, 12)
    assert net(frames[:, :1]).shape == (2, 12)


def test_features_are_pooled_by_their_maximum_over_time():
    net = build_model(
        CONFIG.model_copy(update={"temporal": ComponentConfig(name="none")}), "classification"
    )
    net.eval()
    frames = torch.randint(0, 256, (2, 5, 3, 36, 64), dtype=torch.uint8)
    pooled = net.backbone(frames).max(dim=1).values
    torch.testing.assert_close(net(frames), net.linear(pooled))


def test_attention_weighs_the_scores_of_the_frames_for_each_action():
    net = build_model(CONFIG.model_copy(update={"pooling": "attention"}), "classification").eval()
    frames = torch.randint(0, 256, (2, 5, 3, 36, 64), dtype=torch.uint8)
    features = net.in_context(net.features(frames))
    scores, weights = net.linear(features), net.attention(features).exp()
    weighted = (weights * scores).sum(dim=1) / weights.sum(dim=1)
    torch.testing.assert_close(net(frames), weighted)
    # One frame has all the weight.
    torch.testing.assert_close(
        net(frames[:, :1]), net.linear(net.in_context(net.features(frames[:, :1])))[:, 0]
    )


@pytest.mark.parametrize("lit", [0, 3, 6])
def test_the_scores_do_not_depend_on_which_frame_shows_the_action(lit):
    net = colour_classifier().eval()
    dark = net(clip(7, None)[None])
    seen = net(clip(7, lit)[None])
    assert not torch.allclose(seen, dark)
    assert torch.equal(seen, net(clip(7, 5)[None]))
    twice = clip(7, lit)
    twice[5, 1] = 255
    assert torch.equal(net(twice[None]), seen)


@pytest.mark.parametrize("attention", [False, True])
def test_a_classifier_learns_an_action_of_one_frame(attention):
    net = ClipClassifier(MeanColour(), NoTemporal(3), dropout=0.0, attention=attention).train()
    clips = torch.stack([clip(6, lit) for lit in (0, 2, 5, None, None, None)])
    present = torch.zeros(6, 12)
    present[:3, 4] = 1.0
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        clip_loss(net(clips), present).backward()
        optimizer.step()
    scores = net(clips).sigmoid()
    assert ((scores > 0.5) == (present > 0.5)).all()


def test_logits_are_float32_under_mixed_precision():
    net = build_model(CONFIG, "classification").eval()
    frames = torch.randint(0, 256, (1, 2, 3, 36, 64), dtype=torch.uint8)
    with torch.autocast("cpu", torch.bfloat16):
        assert net(frames).dtype == torch.float32


def test_a_classifier_runs_on_a_device_without_autocast():
    net = build_model(CONFIG, "classification").to("meta")
    frames = torch.zeros(1, 2, 3, 36, 64, dtype=torch.uint8, device="meta")
    assert net(frames).shape == (1, 12)


def test_an_invalid_component_is_reported_in_one_line():
    wrong = CONFIG.model_copy(update={"temporal": ComponentConfig(name="bilsm")})
    with pytest.raises(ConfigError, match=r"model\.temporal\.name: .*'bilstm'") as caught:
        build_model(wrong, "classification")
    assert "\n" not in str(caught.value)
