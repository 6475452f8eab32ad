"""Spotting nets: shapes, motion channels, computation in parts, and the registry."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from onball.config import (
    BaseConfig,
    ComponentConfig,
    ExperimentConfig,
    ModelConfig,
    PreprocessingConfig,
)
from onball.errors import ConfigError
from onball.models import DenseScores, build_model
from onball.models.backbones.image import LUMA, ImageBackbone
from onball.models.backbones.pretrained import widen_stem
from onball.models.components import NoTemporal
from onball.models.temporal import TEMPORAL_HEADS, TemporalHead

TINY = "test_byobnet"
PLAIN = PreprocessingConfig()


pytestmark = pytest.mark.usefixtures("one_thread")


def model_config(neighbours: int = 0, **temporal: object) -> ModelConfig:
    return ModelConfig(
        backbone=ComponentConfig(name=TINY, pretrained=False, neighbours=neighbours),
        temporal=ComponentConfig(**{"name": "bilstm", "hidden": 8, **temporal}),
    )


def video(frames: int, clips: int = 1) -> torch.Tensor:
    return torch.randint(0, 256, (clips, frames, 3, 36, 64), dtype=torch.uint8)


def test_the_net_scores_every_frame_for_13_classes():
    net = build_model(model_config()).eval()
    scores = net(video(5, clips=2))
    assert scores.logits.shape == (2, 5, 13)
    assert torch.allclose(scores.probabilities().sum(-1), torch.ones(2, 5))
    assert torch.equal(scores.action_probabilities(), scores.probabilities()[..., 1:])


def test_a_net_with_teams_has_25_classes_and_sums_over_teams():
    net = build_model(model_config().model_copy(update={"teams": True})).eval()
    scores = net(video(5, clips=2))
    assert scores.logits.shape == (2, 5, 25) and scores.tells_teams
    probabilities = scores.probabilities()
    both = probabilities[..., 1:13] + probabilities[..., 13:]
    torch.testing.assert_close(scores.action_probabilities(), both)
    torch.testing.assert_close(scores.left_probabilities(), probabilities[..., 1:13])
    assert torch.equal(scores.outputs(), probabilities)


def test_an_auxiliary_head_exists_only_if_configured():
    frames = video(5)
    assert build_model(model_config()).eval()(frames).auxiliary is None
    joint = build_model(model_config().model_copy(update={"auxiliary": "soccernet-v2"})).eval()
    scores = joint(frames)
    assert scores.auxiliary.shape == (1, 5, 18)
    assert scores.outputs().shape == (1, 5, 13)


def test_scores_from_features_are_those_of_the_whole_net():
    net = build_model(model_config(neighbours=1)).eval()
    frames = video(6)
    apart = net.scores_from_features(net.features(frames))
    assert torch.equal(apart.logits, net(frames).logits)


def test_uint8_and_float_frames_give_equal_scores():
    net = build_model(model_config(neighbours=1)).eval()
    frames = video(3)
    assert torch.allclose(net(frames).logits, net(frames / 255).logits, atol=1e-4)


def test_a_grey_backbone_does_not_see_colours_of_the_same_luminance():
    grey = ImageBackbone(TINY, PLAIN, grey=True).eval()
    coloured = ImageBackbone(TINY, PLAIN).eval()
    coloured.load_state_dict(grey.state_dict())
    frames = torch.rand(1, 3, 3, 32, 48)
    # More red and less green, as the luminance of normalised frames weighs them.
    weights = torch.tensor(LUMA[:2]) / torch.tensor(PLAIN.std[:2])
    redder = frames.clone()
    redder[:, :, :2] += (0.1 / weights * torch.tensor([1.0, -1.0])).view(2, 1, 1)
    assert torch.allclose(grey(redder), grey(frames), atol=1e-4)
    assert not torch.allclose(coloured(redder), coloured(frames), atol=1e-2)


@pytest.mark.parametrize("neighbours", [0, 1, 3])
def test_features_of_a_part_with_its_context_equal_those_of_the_whole(neighbours):
    backbone = ImageBackbone(TINY, PLAIN, neighbours=neighbours).eval()
    assert backbone.context == neighbours
    frames = video(14)
    whole = backbone(frames)
    first, last = 5, 9
    part = backbone(frames[:, first - neighbours : last + neighbours])
    inner = part[:, neighbours : part.shape[1] - neighbours]
    assert torch.allclose(inner, whole[:, first:last], atol=1e-5)
    at_start = backbone(frames[:, : last + neighbours])[:, :last]
    assert torch.allclose(at_start, whole[:, :last], atol=1e-5)
    at_end = backbone(frames[:, first - neighbours :])[:, neighbours:]
    assert torch.allclose(at_end, whole[:, first:], atol=1e-5)


def test_a_static_video_has_equal_features_and_a_change_affects_exactly_the_neighbours():
    backbone = ImageBackbone(TINY, PLAIN, neighbours=2).eval()
    still = video(1).expand(1, 9, 3, 36, 64).clone()
    features = backbone(still)
    assert torch.allclose(features, features[:, :1].expand_as(features), atol=1e-5)
    still[:, 4] = 255 - still[:, 4]
    changed = (backbone(still) - features).abs().amax(dim=(0, 2)) > 1e-4
    assert changed.tolist() == [False, False, True, True, True, True, True, False, False]


def test_a_widened_stem_initially_equals_the_plain_network():
    plain = ImageBackbone(TINY, PLAIN).eval()
    wide = ImageBackbone(TINY, PLAIN, neighbours=2).eval()
    first = plain.network.default_cfg["first_conv"]
    wide.network.load_state_dict(widen_stem(plain.network.state_dict(), first, 7))
    frames = video(4)
    assert torch.allclose(wide(frames), plain(frames), atol=1e-5)


def test_the_head_stays_in_float32_under_mixed_precision():
    net = build_model(model_config()).eval()
    with torch.autocast("cpu", torch.bfloat16):
        features = net.features(video(2))
        scores = net.scores_from_features(features)
    assert features.dtype == torch.bfloat16
    assert scores.logits.dtype == torch.float32


def test_the_net_runs_on_a_device_without_autocast():
    net = build_model(model_config()).to("meta")
    assert net(video(2).to("meta")).logits.shape == (1, 2, 13)


@pytest.mark.parametrize("name", ["crossvit_tiny_240", "tresnet_m"])
def test_pretrained_networks_without_one_first_convolution_take_no_neighbours(name):
    backbone = ComponentConfig(name=name, pretrained=True, neighbours=1)
    config = model_config().model_copy(update={"backbone": backbone})
    with pytest.raises(ConfigError, match=f"model.backbone.neighbours: .*'{name}' cannot"):
        build_model(config)


def test_a_bilstm_depends_on_both_directions_and_no_head_on_neither():
    features = torch.randn(1, 9, 6)
    other = features.clone()
    other[:, 4] += 1.0
    lstm = TEMPORAL_HEADS.build(ComponentConfig(name="bilstm", hidden=8), 6).eval()
    assert lstm(features).shape == (1, 9, lstm.output_dim) == (1, 9, 16)
    assert ((lstm(other) - lstm(features)).abs().amax(-1) > 0).all()
    none = TEMPORAL_HEADS.build(ComponentConfig(name="none"), 6)
    assert none.output_dim == 6
    assert torch.equal(none(features), features)


def test_dense_scores_of_low_precision_logits_are_float32():
    assert DenseScores(torch.zeros(1, 1, 13, dtype=torch.bfloat16)).probabilities().dtype == (
        torch.float32
    )


def test_a_registered_head_can_be_configured():
    class ScaleOptions(BaseConfig):
        factor: float = 2.0

    class Scale(NoTemporal):
        def __init__(self, feature_dim: int, factor: float) -> None:
            super().__init__(feature_dim)
            self.factor = factor

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features * self.factor

    @TEMPORAL_HEADS.register("scale_for_test", ScaleOptions)
    def build(feature_dim: int, options: ScaleOptions) -> TemporalHead:
        return Scale(feature_dim, options.factor)

    net = build_model(
        model_config(name="scale_for_test", factor=3.0, hidden=None).model_copy(
            update={"temporal": ComponentConfig(name="scale_for_test", factor=3.0)}
        )
    )
    assert isinstance(net.temporal, Scale)
    assert net.temporal.factor == 3.0


@pytest.mark.parametrize(
    ("part", "component", "expected"),
    [
        ("temporal", {"name": "bilsm"}, "model.temporal.name: .* did you mean 'bilstm'"),
        ("temporal", {"name": "bilstm", "hiden": 3}, "model.temporal.hiden: .*'hidden'"),
        ("temporal", {"name": "bilstm", "hidden": 0}, "model.temporal.hidden: .* got 0"),
        ("temporal", {"name": "none", "hidden": 3}, "model.temporal.hidden: unknown setting"),
        ("head", {"name": "lineer"}, "model.head.name: .* did you mean 'linear'"),
        ("backbone", {"name": "regnety_0002"}, "did you mean 'regnety_002'"),
        ("backbone", {"name": TINY, "neighbors": 1}, "did you mean 'neighbours'"),
    ],
)
def test_an_invalid_component_is_reported_in_one_line(part, component, expected):
    config = model_config().model_copy(update={part: ComponentConfig(**component)})
    with pytest.raises(ConfigError, match=expected) as caught:
        build_model(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "head"),
    [
        ({"auxiliary": "soccernet-v2"}, {"displacement": 3, "team": True}),
        ({"classes": ["PASS", "SHOT"]}, {"independent": True}),
    ],
    ids=["teams and displacement", "independent"],
)
def test_a_blended_net_has_the_mean_of_all_outputs(model, head):
    torch.manual_seed(0)
    backbone = ComponentConfig(name="test_resnet", pretrained=False)
    config = ModelConfig(
        backbone=backbone, head=ComponentConfig(name="linear", **head), members=2, **model
    )
    net = build_model(config).eval()
    one = build_model(config.model_copy(update={"members": 1, "auxiliary": None})).eval()
    frames = torch.randint(0, 256, (1, 3, 3, 32, 32), dtype=torch.uint8)
    weights = net.state_dict()
    outputs = []
    for prefix in ("", "others.0."):
        one.load_state_dict({name: weights[prefix + name] for name in one.state_dict()})
        outputs.append(one(frames).outputs())
    assert not torch.allclose(*outputs, atol=1e-3)
    assert torch.allclose(net(frames).outputs(), sum(outputs) / 2, atol=1e-6)


def test_several_nets_are_not_trained_together():
    with pytest.raises(ValidationError, match="trained one at a time"):
        ExperimentConfig.model_validate({"model": {"members": 2}})
