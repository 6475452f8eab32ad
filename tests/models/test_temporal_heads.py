"""Temporal heads: shapes for all lengths, receptive fields, and learning."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onball.config import ComponentConfig
from onball.errors import ConfigError
from onball.models.temporal import TEMPORAL_HEADS, TemporalHead, transformer
from onball.models.temporal.sgp import SGPMixer
from onball.models.temporal.transformer import sinusoidal_positions

C = 12
#: Small versions of all heads.
SMALL = {
    "bilstm": {"hidden": 16},
    "bigru": {"hidden": 16},
    "transformer": {"dim": 32, "heads": 4, "feedforward": 64, "layers": 2, "dropout": 0.0},
    "tcn": {"dim": 24, "layers": 3, "dropout": 0.0},
    "sgp": {"kernel": 3, "factor": 2},
}
every_head = pytest.mark.parametrize("name", SMALL)


pytestmark = pytest.mark.usefixtures("one_thread")


def build(name: str, feature_dim: int = C, **options: object) -> TemporalHead:
    settings = {"name": name, **SMALL[name], **options}
    return TEMPORAL_HEADS.build(ComponentConfig(**settings), feature_dim)


def reached(head: TemporalHead, length: int, frame: int) -> list[int]:
    """Return the frames whose output changes with the input of one frame."""
    features = torch.randn(1, length, C)
    other = features.clone()
    other[:, frame] += 1.0
    with torch.no_grad():
        change = (head(other) - head(features)).abs().amax(dim=(0, 2))
    return change.gt(1e-6).nonzero().flatten().tolist()


@every_head
@pytest.mark.parametrize("length", [1, 2, 3, 7, 50, 51])
def test_the_output_has_the_length_of_the_input(name, length):
    head = build(name)
    for training in (True, False):
        output = head.train(training)(torch.randn(1, length, C))
        assert output.shape == (1, length, head.output_dim)
        assert output.isfinite().all()


@every_head
def test_clips_of_a_batch_are_independent(name):
    head = build(name)
    features = torch.randn(4, 13, C)
    for training in (True, False):
        head.train(training)
        together = head(features)
        assert torch.allclose(head(features.flip(0)).flip(0), together, atol=1e-5)
        assert torch.allclose(head(features[2:3]), together[2:3], atol=1e-5)


@every_head
def test_without_dropout_training_and_evaluation_are_equal(name):
    head = build(name)
    features = torch.randn(2, 11, C)
    assert torch.allclose(head.train()(features), head.eval()(features), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"), [("transformer", {}), ("tcn", {}), ("bilstm", {"layers": 2})]
)
def test_dropout_is_active_in_training_only(name, options):
    head = build(name, **options, dropout=0.5)
    features = torch.randn(1, 9, C)
    assert not torch.allclose(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))


@every_head
def test_gradients_reach_all_parameters(name):
    head = build(name)
    head(torch.randn(2, 50, C)).square().sum().backward()
    for parameter, tensor in head.named_parameters():
        assert tensor.grad is not None, parameter
        assert tensor.grad.abs().sum() > 0, parameter


@every_head
def test_heads_run_on_the_meta_device(name):
    head = build(name).to("meta")
    for training in (True, False):
        output = head.train(training)(torch.empty(2, 9, C, device="meta"))
        assert output.shape == (2, 9, head.output_dim)


@every_head
def test_default_options_are_valid(name):
    head = TEMPORAL_HEADS.build(ComponentConfig(name=name), 16)
    assert head.eval()(torch.randn(1, 5, 16)).shape == (1, 5, head.output_dim)


@every_head
def test_an_untrained_head_gives_uncertain_scores(name):
    head = TEMPORAL_HEADS.build(ComponentConfig(name=name), 64)
    output = head(torch.rand(2, 50, 64))
    assert 0.02 < output.std() < 1.5


@every_head
def test_every_head_learns_to_spot_a_pattern_among_noise(name):
    # A pulse in channel 0 is an action if a pulse in channel 1 comes two frames later, and none if
    # it came two frames earlier.
    def clips() -> tuple[Tensor, Tensor]:
        features = 0.1 * torch.randn(16, 16, C)
        actions = torch.zeros(16, 16)
        rows, frame = torch.arange(16), torch.randint(2, 14, (16,))
        after = torch.rand(16) < 0.5
        features[rows, frame, 0] += 3.0
        features[rows, frame + torch.where(after, 2, -2), 1] += 3.0
        actions[rows, frame] = after.float()
        return features, actions

    model = nn.Sequential(head := build(name), nn.Linear(head.output_dim, 1))
    # 0.139 is the loss of a prediction by frequency alone, 0.043 that of one from single frames.
    loss = learn(
        model,
        clips,
        lambda logits, actions: F.binary_cross_entropy_with_logits(logits[..., 0], actions),
        until=0.139 / 5,
    )
    assert loss < 0.139 / 5


def test_a_transformer_learns_the_order_of_two_frames():
    def clips() -> tuple[Tensor, Tensor]:
        features = 0.1 * torch.randn(32, 12, C)
        places = torch.rand(32, 12).argsort(1)[:, :2]
        for channel in (0, 1):
            features[torch.arange(32), places[:, channel], channel] += 3.0
        return features, (places[:, 0] < places[:, 1]).long()

    model = nn.Sequential(build("transformer"), nn.Linear(32, 2))
    loss = learn(
        model, clips, lambda logits, order: F.cross_entropy(logits.mean(1), order), until=0.1
    )
    assert loss < 0.1


def test_a_transformer_without_positions_cannot_learn_the_order_of_frames(monkeypatch):
    head = build("transformer")
    features = torch.randn(1, 12, C)
    shuffled = torch.randperm(12)
    assert not torch.allclose(head(features[:, shuffled]), head(features)[:, shuffled], atol=0.1)
    monkeypatch.setattr(
        transformer, "sinusoidal_positions", lambda length, dim, _: torch.zeros(length, dim)
    )
    assert torch.allclose(head(features[:, shuffled]), head(features)[:, shuffled], atol=1e-5)


def learn(
    model: nn.Module,
    clips: Callable[[], tuple[Tensor, Tensor]],
    loss_of: Callable[[Tensor, Tensor], Tensor],
    until: float,
    steps: int = 300,
) -> float:
    """Train on new clips at each step until the mean loss of ten steps is low; return that mean."""
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, steps)
    losses: list[float] = []
    while len(losses) < steps and (len(losses) < 10 or sum(losses[-10:]) / 10 >= until):
        features, target = clips()
        loss = loss_of(model(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return sum(losses[-10:]) / 10


@pytest.mark.parametrize("dim", [1, 2, 7, 64])
def test_positions_are_the_same_in_a_longer_clip_and_all_differ(dim):
    short, long = sinusoidal_positions(9, dim), sinusoidal_positions(500, dim)
    assert long.shape == (500, dim)
    assert torch.equal(long[:9], short)
    assert long.abs().max() <= 1.0
    apart = torch.cdist(long, long) + torch.eye(500)
    assert dim == 1 or apart.min() > 1e-3


def test_positions_and_features_of_any_size_have_comparable_variance():
    head = build("transformer")
    # All frames are equal, so that only the positions differ.
    for size in (1e-2, 1.0, 1e3):
        nn.init.zeros_(head.project[0].bias)
        output = head((size * torch.randn(1, 1, C)).expand(1, 20, C))
        assert 0.1 < output.std(dim=1).mean() / output.std() < 1.0


@pytest.mark.parametrize(("layers", "span"), [(1, 2), (2, 2), (2, 3)])
def test_a_frame_attends_only_to_its_span_in_each_block(layers, span):
    head = build("transformer", layers=layers, attention_span=span)
    radius = layers * span
    assert reached(head, 21, 10) == list(range(10 - radius, 10 + radius + 1))


def test_a_frame_attends_to_all_without_a_span():
    assert reached(build("transformer"), 21, 10) == list(range(21))


@pytest.mark.parametrize(("layers", "kernel", "radius"), [(1, 3, 1), (3, 3, 7), (2, 5, 6)])
def test_the_receptive_field_of_a_tcn_is_the_sum_of_its_dilations(layers, kernel, radius):
    head = build("tcn", layers=layers, kernel=kernel)
    assert reached(head, 31, 15) == list(range(15 - radius, 15 + radius + 1))


def test_a_bigru_depends_on_both_directions_with_fewer_weights_than_a_bilstm():
    gru, lstm = build("bigru"), build("bilstm")
    assert reached(gru, 9, 4) == list(range(9))
    sizes = [sum(tensor.numel() for tensor in head.parameters()) for head in (gru, lstm)]
    assert sizes[0] * 4 == sizes[1] * 3


def test_recurrent_weights_keep_their_names():
    for name, prefix in (("bilstm", "lstm."), ("bigru", "gru.")):
        assert all(key.startswith(prefix) for key in build(name).state_dict())


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_an_sgp_head_mixes_the_whole_clip_at_any_depth(layers):
    head = build("sgp", layers=layers)
    assert reached(head, 21, 10) == list(range(21))


def test_an_sgp_head_projects_only_to_another_width():
    assert build("sgp").output_dim == C
    assert build("sgp", dim=20).output_dim == 20
    assert not any(key.startswith("project") for key in build("sgp").state_dict())


def test_sgp_kernels_are_w_and_the_factor_times_w_made_odd():
    head = TEMPORAL_HEADS.build(ComponentConfig(name="sgp"), 16)
    window = head.bottom.window
    assert [conv.kernel_size for conv in (window.gate, window.short, window.long)] == [
        (9,),
        (9,),
        (37,),
    ]
    assert build("sgp", kernel=5, factor=3).bottom.window.long.kernel_size == (15,)


@pytest.mark.parametrize("length", [6, 7])
def test_a_mixer_aligns_pooled_frames_with_their_original_times(length):
    # With all branches at 0 the mixer adds the two inputs: pooled times must equal the original ones.
    mixer = SGPMixer(2, 3, 7)
    for layer in (mixer.fuse, mixer.feedforward[-1]):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    time = torch.arange(0.0, 2 * ((length + 1) // 2)).expand(1, 2, -1)
    coarse = F.avg_pool1d(time, 2)
    mixed = mixer(torch.zeros(1, 2, length), coarse)
    inside = slice(1, length - 1)
    assert torch.allclose(mixed[..., inside], time[..., inside])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": "transformer", "heads": 3}, "heads: input should divide dim, which is 256"),
        ({"name": "transformer", "dim": 100}, "heads: input should divide dim, which is 100"),
        ({"name": "transformer", "attention_span": 0}, "attention_span: .* got 0"),
        ({"name": "tcn", "kernel": 4}, "kernel: input should be odd"),
        ({"name": "sgp", "kernel": 8}, "kernel: input should be odd"),
        ({"name": "sgp", "layer": 2}, "did you mean 'layers'"),
    ],
)
def test_an_invalid_option_is_reported_in_one_line(options, expected):
    with pytest.raises(ConfigError, match=f"model.temporal.*{expected}") as caught:
        TEMPORAL_HEADS.check(ComponentConfig(**options))
    assert "\n" not in str(caught.value)
