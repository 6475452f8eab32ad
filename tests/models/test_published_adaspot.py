"""AdaSpot: regions and heads equal to its authors' outputs, and the parts around them.

`adaspot_small_vectors.npz` holds outputs of the authors' code (arturxe2/AdaSpot, commit 6a46bbc) for a
synthetic clip and the weights of `weights()`: features of both networks, the first one's mean
response, the chosen regions and the logits of the three heads. The networks themselves are compared in
`test_published_vectors.py`, which takes longer.
"""

from __future__ import annotations

import math
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onball.config import ComponentConfig, PreprocessingConfig, find_config, load_config
from onball.errors import ConfigError
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.backbones.adaspot import downscaled
from onball.models.backbones.pretrained import read_weights
from onball.models.backbones.saliency import Regions, RegionSelector, crop_regions, top_left
from onball.models.cost import measure
from onball.models.nets import build_model
from onball.models.published import find_published

pytestmark = pytest.mark.usefixtures("one_thread")

SEED = 4
PAGE = Path(__file__).parents[2] / "docs" / "models.md"
SMALL = find_published("adaspot-small").model


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name("adaspot_small_vectors.npz")) as file:
        return dict(file)


def drawn(name: str, shape: tuple[int, ...], deviation: float, mean: float = 0.0) -> Tensor:
    """Numbers that depend on name and seed only: sums of the four 16-bit parts of 64 random bits."""
    bits = np.random.PCG64(zlib.crc32(f"{SEED}/{name}".encode())).random_raw(math.prod(shape))
    total = bits.view(np.uint16).reshape(-1, 4).astype(np.int64).sum(axis=1)
    normal = (total - 131070) * (1.7320508075688772 / 65536.0)
    return torch.from_numpy((mean + deviation * normal).astype(np.float32).reshape(shape))


def head_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights of the vectors, by published names."""
    weights = {}
    for name, shape in shapes.items():
        last = name.rpartition(".")[2]
        if last == "temp_enc":
            deviation = 1.0
        elif "bias" in last:
            deviation = 0.1
        else:
            gain = 3.0 if "_fc_out." in name else 0.6 if last.startswith("weight_ih") else 1.0
            deviation = gain / math.sqrt(shape[1])
        weights[name] = drawn(name, shape, deviation)
    return weights


def published_names() -> dict[str, str]:
    """Published names of all parameters but the networks', by their names here."""
    gru = [f"{part}_l0{way}" for way in ("", "_reverse") for part in ("weight_ih", "weight_hh")]
    gru += [f"{part}_l0{way}" for way in ("", "_reverse") for part in ("bias_ih", "bias_hh")]
    linear = ("weight", "bias")
    names = ["temp_enc"]
    names += [f"{s}_linear.{i}.{p}" for s in ("lowres", "highres") for i in (0, 2) for p in linear]
    for suffix in ("", "_lowres", "_highres"):
        names += [f"_temp_fine{suffix}.{part}" for part in gru]
        names += [f"_pred_fine{suffix}._fc_out.{part}" for part in linear]
    return {find_published("adaspot-small").renamed(name): name for name in names}


def test_logits_of_all_heads_equal_those_of_the_authors_code(vectors):
    net = build_model(SMALL, fetch_weights=False).eval()
    own = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    names = published_names()
    assert {key for key in own if ".network." not in key} == set(names)
    weights = head_weights({names[key]: own[key] for key in names})
    net.load_state_dict({key: weights[name] for key, name in names.items()}, strict=False)
    with torch.inference_mode():
        low = net.backbone.project_low(torch.from_numpy(vectors["lr_features"])[None])
        high = net.backbone.project_high(torch.from_numpy(vectors["hr_features"])[None])
        found = {
            "logits": net.scores_from_features(torch.maximum(low, high)).logits,
            "logits_lowres": net.branches[0](net.placed(low)),
            "logits_highres": net.branches[1](net.placed(high)),
        }
    for name, logits in found.items():
        assert np.abs(logits.numpy() - vectors[name]).max() < 1e-4, name


def test_regions_equal_those_of_the_authors_code(vectors):
    maps = torch.from_numpy(vectors["saliency"])[None, :, None]
    regions = RegionSelector()(maps, 448, 796)
    assert np.array_equal(top_left(regions, 448, 796)[0], vectors["roi_top_left"])


@pytest.mark.parametrize(
    ("name", "height", "width", "threshold"),
    [("soccer_030", 448, 796, 0.3), ("square_050", 448, 448, 0.5), ("wide_050", 448, 796, 0.5)],
)
def test_sizes_of_regions_equal_those_of_the_authors_code(vectors, name, height, width, threshold):
    maps = torch.from_numpy(vectors[f"selector_{name}_maps"])
    found = RegionSelector(threshold=threshold)(maps, height, width)
    sizes = vectors[f"selector_{name}_sizes"]
    # Where no region exceeds the threshold the authors' crop is empty, and ours the largest one.
    chosen = (sizes != (420, 784)).any(axis=-1)
    assert chosen.sum() >= 12
    assert np.array_equal(found.sizes.numpy()[chosen], sizes[chosen])
    assert np.allclose(found.centres.numpy()[chosen], vectors[f"selector_{name}_centers"][chosen])
    assert (found.sizes.numpy()[~chosen] == 420).all()


def test_a_region_lies_within_its_frame_and_is_cut_out_or_scaled():
    frames = (
        torch.arange(64 * 96, dtype=torch.float32).view(1, 1, 1, 64, 96).expand(1, 3, 1, 64, 96)
    )
    centres = torch.tensor([[[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]])
    regions = Regions(centres, torch.full((1, 3, 2), 16))
    assert top_left(regions, 64, 96)[0].tolist() == [[0, 0], [24, 40], [47, 79]]
    crops = crop_regions(frames, regions, 16, scale=False)
    assert torch.equal(crops[0, 1, 0], frames[0, 1, 0, 24:40, 40:56])
    halved = crop_regions(frames, Regions(centres, torch.full((1, 3, 2), 32)), 16, scale=True)
    expected = (
        frames[0, 1, 0, 16:48, 32:64].unflatten(0, (16, 2)).unflatten(2, (16, 2)).mean((1, 3))
    )
    assert torch.allclose(halved[0, 1, 0], expected)


def test_a_region_is_scaled_as_torch_interpolates_it():
    frames = drawn("frames", (1, 2, 3, 40, 60), 1.0)
    regions = Regions(
        torch.tensor([[[0.2, 0.9], [0.7, 0.1]]]), torch.tensor([[[28, 28], [16, 16]]])
    )
    crops = crop_regions(frames, regions, 16, scale=True)
    for index, size in enumerate((28, 16)):
        top, left = top_left(regions, 40, 60)[0, index].tolist()
        window = frames[:, index, :, top : top + size, left : left + size]
        expected = F.interpolate(window, size=(16, 16), mode="bilinear")
        assert torch.allclose(crops[:, index], expected, atol=1e-6)


def test_a_crop_larger_than_the_frames_is_named():
    with pytest.raises(ValueError, match=r"smaller than model\.backbone\.crop, 32 × 32 pixels"):
        adaspot()(torch.zeros(1, 1, 3, 24, 64, dtype=torch.uint8))


def test_the_cost_is_measured_without_computing():
    for threshold in (0.0, 0.5):
        net = adaspot(shift="none", crop_threshold=threshold)
        assert measure(net, (4, 3, 64, 96)).gflops > 0


def adaspot(**options: object) -> Backbone:
    settings = {"network": "test_resnet", "pretrained": False, "crop": 32, **options}
    config = ComponentConfig(name="adaspot", **settings)
    net = BACKBONES.build(config, BackboneSetup(PreprocessingConfig())).eval()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
        if type(layer).__name__ == "GateShift":
            nn.init.normal_(layer.gate.weight, std=0.5)
    return net


def test_features_depend_on_the_frames_within_the_context():
    torch.manual_seed(0)
    net = adaspot()
    frames = torch.randint(0, 256, (1, 2 * net.context + 8, 3, 64, 96), dtype=torch.uint8)
    middle = net.context + 2
    with torch.inference_mode():
        whole = net(frames)
        part = net(frames[:, middle - net.context : middle + net.context + 1])
        floating = net(frames.float() / 255)
    assert torch.allclose(part[0, net.context], whole[0, middle], atol=1e-4)
    assert torch.allclose(floating, whole, atol=1e-4)


def test_heads_of_branches_train_both_networks():
    model = SMALL.model_copy(
        update={
            "backbone": ComponentConfig(
                name="adaspot", network="test_resnet", pretrained=False, crop=32
            ),
            "temporal": ComponentConfig(name="bigru", hidden=8),
        }
    )
    net = build_model(model, fetch_weights=False).train()
    scores = net(torch.randint(0, 256, (1, 4, 3, 64, 96), dtype=torch.uint8))
    assert [logits.shape for logits in scores.branches] == [scores.logits.shape] * 2
    scores.branches[1].sum().backward()
    stem = next(net.backbone.high.parameters())
    assert stem.grad is not None and next(net.backbone.low.parameters()).grad is None


def test_heads_of_branches_need_a_backbone_with_branches():
    model = SMALL.model_copy(
        update={"backbone": ComponentConfig(name="test_resnet", pretrained=False)}
    )
    with pytest.raises(ConfigError, match="'test_resnet' has no branches"):
        build_model(model)


def test_the_settings_of_the_ablations_in_the_docs_change_the_net():
    section = PAGE.read_text(encoding="utf-8").partition("Ablations of AdaSpot")[2]
    settings = re.findall(r"\| `(model\.[\w.]+=[\w.]+)`", section)
    assert len(settings) == 4
    full = load_config("spotting/adaspot_small").model
    for setting in settings:
        changed = load_config("spotting/adaspot_small", [setting]).model
        assert changed != full, setting
        with torch.device("meta"):
            build_model(changed, fetch_weights=False)


@pytest.mark.parametrize("budget", [None, "budgets"])
def test_the_low_resolution_branch_alone_equals_that_of_adaspot(budget: str | None):
    overlays = [["budgets/cpu", f"budgets/{name}_cpu"] for name in ("adaspot_low", "adaspot")]
    names = ("spotting/adaspot_low", "spotting/adaspot_small")
    alone, full = (
        load_config(find_config(name), overlays=map(find_config, over if budget else ()))
        for name, over in zip(names, overlays, strict=True)
    )
    with torch.device("meta"):
        own, both = (build_model(each.model, fetch_weights=False) for each in (alone, full))
    assert repr(own.backbone) == repr(both.backbone.low)
    assert (own.temporal.output_dim, len(own.branches)) == (both.temporal.output_dim, 0)
    assert alone.data.width * both.backbone.reduction == full.data.width
    shared = {"width", "height"}
    assert alone.data.model_dump(exclude=shared) == full.data.model_dump(exclude=shared)
    assert alone.training == full.training
    assert alone.inference == full.inference


def small_adaspot(**options: object) -> Backbone:
    torch.manual_seed(0)
    settings = {
        "network": "test_resnet",
        "pretrained": False,
        "crop": 16,
        "shift": "none",
        **options,
    }
    component = ComponentConfig(name="adaspot", **settings)
    return BACKBONES.build(component, BackboneSetup(PreprocessingConfig())).eval()


def clip_of(frames: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 256, (1, frames, 3, 64, 96), dtype=torch.uint8)


@torch.no_grad()
def test_both_networks_see_the_motion_of_their_neighbours():
    plain, moving = small_adaspot(), small_adaspot(neighbours=2)
    own = moving.state_dict()
    for name, weight in plain.state_dict().items():
        own[name][:, : weight.shape[1]].copy_(weight) if weight.ndim == 4 else own[name].copy_(
            weight
        )
    moving.load_state_dict(own)
    still = clip_of(1).expand(-1, 9, -1, -1, -1)
    torch.testing.assert_close(moving(still), plain(still))
    changed = clip_of(9)
    changed[:, 6] = 255 - changed[:, 6]
    for branch, other in zip(
        moving.branches(clip_of(9))[1], moving.branches(changed)[1], strict=True
    ):
        assert not torch.equal(branch[:, 4], other[:, 4])
    assert moving.context == plain.context + 4


@torch.no_grad()
def test_features_depend_on_frames_within_the_context_only():
    net = small_adaspot(neighbours=1, shift="none", smooth=False)
    frames = clip_of(12)
    part = net(frames[:, 4 - net.context : 8 + net.context])[:, net.context : -net.context]
    torch.testing.assert_close(part, net(frames)[:, 4:8])


def test_both_networks_start_from_a_saved_model_with_neighbours():
    model = Path(__file__).parents[2] / "src/onball/assets/demo_model"
    net = small_adaspot(network="regnety_002", pretrained=model, neighbours=2)
    assert net.low.network.stem.conv.weight.shape[1] == 7
    weights = read_weights(model)
    for network in (net.low.network, net.high.network):
        torch.testing.assert_close(network.stem.conv.weight, weights["stem.conv.weight"].float())


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_downscaling_for_exports_equals_antialiased_interpolation(factor):
    images = torch.rand(2, 3, 6 * factor, 5 * factor, generator=torch.manual_seed(0))
    wanted = torch.nn.functional.interpolate(images, size=(6, 5), mode="bilinear", antialias=True)
    torch.testing.assert_close(downscaled(images, factor), wanted)
