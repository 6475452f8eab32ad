"""Every parameter of a published checkpoint has a place, and every parameter here is given.

The published names and shapes are written out from the structure of each model, in the other direction
than the rules that the package has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from torch import Tensor

from onball.config import load_config
from onball.errors import ModelError
from onball.models.nets import build_model
from onball.models.published import PUBLISHED, find_published
from onball.models.published.importing import import_model
from onball.models.saved import load_model

pytestmark = pytest.mark.usefixtures("one_thread")

#: Number of entries in each checkpoint, as its authors' code saves it.
ENTRIES = {
    "adaspot-small": 957,
    "adaspot-big": 1155,
    "tdeed-challenge1": 598,
    "tdeed-challenge2": 609,
    "team-baseline": 600,
    "e2espot-rny002": 417,
    "e2espot-rny008": 446,
    "stacker-2023": 515,
}
Shapes = dict[str, tuple[int, ...]]


def network(own: Shapes, here: str, published: str, shift: str, *, padded: bool = False) -> Shapes:
    """Published names of a RegNet with gated shifts, whose convolutions may pad outside."""
    names: Shapes = {}
    shifted = {key.partition(".shift.")[0] for key in own if ".shift." in key}
    inner = ".1" if padded else ""
    for key, shape in own.items():
        if not key.startswith(f"{here}."):
            continue
        block, _, layer = key.partition(".shift.")
        to = published + block.removeprefix(here)
        if layer == "gate.weight":
            names[f"{to}.{shift}.conv3D.weight"] = (2, shape[1], 3, *shape[2:])
        elif layer == "gate_bias":
            names[f"{to}.{shift}.conv3D.bias"] = shape
        elif layer.startswith("norm."):
            names[f"{to}.{shift}.bn.{layer.removeprefix('norm.')}"] = shape
        elif layer.startswith("fusion."):
            for half in (1, 2):
                last = layer.removeprefix("fusion.")
                names[f"{to}.{shift}.channel_conv{half}{inner}.{last}"] = (1, *shape[1:])
        else:
            parent = next((s for s in shifted if key.startswith(f"{s}.")), None)
            if parent is not None:
                to = f"{published}{parent.removeprefix(here)}.net{key.removeprefix(parent)}"
            elif padded and re.search(r"(stem|conv2)\.conv\.weight$", key):
                to = to.replace("conv.weight", "conv.1.weight")
            names[to] = shape
    return names


def linear(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def gru(name: str, features: int) -> Shapes:
    names: Shapes = {}
    for way in ("", "_reverse"):
        for part in ("ih", "hh"):
            names[f"{name}.weight_{part}_l0{way}"] = (3 * features, features)
            names[f"{name}.bias_{part}_l0{way}"] = (3 * features,)
    return names


def adaspot(own: Shapes, features: int) -> Shapes:
    names: Shapes = {"temp_enc": (100, features)}
    for here, to in (("low", "lowres"), ("high", "highres")):
        names |= network(own, f"backbone.{here}.network", f"{to}_backbone", "gs", padded=True)
        names |= linear(f"{to}_linear.0", features // 2, features)
        names |= linear(f"{to}_linear.2", features, features // 2)
    for suffix in ("", "_highres", "_lowres"):
        names |= gru(f"_temp_fine{suffix}", features)
        names |= linear(f"_pred_fine{suffix}._fc_out", 11, 2 * features)
    return names


def tdeed(own: Shapes, features: int, *, team: bool = False) -> Shapes:
    names: Shapes = {"temp_enc": (100, features)}
    names |= network(own, "backbone.network", "_features", "gs")
    wide = {"psi": 9, "convw": 9, "convkw": 41, "fc": 1, "global_fc": 1}
    dense = {"mlp.0": (4, 1), "mlp.2": (1, 4), "concat_fc": (1, 6)}

    def layers(prefix: str, mixer: bool) -> Iterator[tuple[str, tuple[int, ...], int]]:
        for suffix in ("1", "2") if mixer else ("",):
            yield f"{prefix}.ln{suffix}", (1, features, 1), features
            for name, taps in wide.items():
                yield f"{prefix}.{name}{suffix}", (features, 1, taps), features
        yield f"{prefix}.gn", (features,), features
        for name, (outputs, inputs) in dense.items():
            if mixer or name != "concat_fc":
                shape = (outputs * features, inputs * features, 1)
                yield f"{prefix}.{name}", shape, outputs * features

    prefixes = [(f"_temp_fine._sgp.{index}", False) for index in range(5)]
    prefixes += [(f"_temp_fine._sgpMixer.{index}", True) for index in range(2)]
    for prefix, mixer in prefixes:
        for name, shape, outputs in layers(prefix, mixer):
            names[f"{name}.weight"] = shape
            names[f"{name}.bias"] = shape if ".ln" in name else (outputs,)
    names |= linear("_pred_fine._fc1._fc_out", 13, features)
    names |= linear("_pred_fine._fc2._fc_out", 18, features)
    names |= linear("_pred_displ._fc_out", 1, features)
    return names | (linear("_pred_team._fc_out", 1, features) if team else {})


def e2espot(own: Shapes, features: int) -> Shapes:
    names = network(own, "backbone.network", "_features", "gsm")
    names |= gru("_pred_fine._gru", features)
    return names | linear("_pred_fine._fc_out._fc_out", 18, 2 * features)


def stacker(own: Shapes) -> Shapes:
    blocks = {
        "expand": "conv_pw",
        "depthwise": "conv_dw",
        "reduce": "conv_pwl",
        "squeeze": "se.conv_reduce",
        "excite": "se.conv_expand",
    }
    names: Shapes = {}
    for key, shape in own.items():
        name = key.removeprefix("backbone.")
        name = re.sub(r"^network\.", "conv2d_encoder.", name)
        name = re.sub(r"^project_(.d)\.", r"conv\1_projection.", name)
        name = re.sub(r"^head\.linear", "classifier", name)
        name = re.sub(r"^power$", "global_pool.p", name)
        match = re.match(r"^blocks\.(\d)\.(\w+?)(?:_(\d))?\.(\w+)$", name)
        if match:
            layer = f"bn{match[3]}.bn3d" if match[3] else blocks[match[2]]
            name = f"conv3d_encoder.{match[1]}.{layer}.{match[4]}"
        names[name] = shape
    return names


@cache
def own_shapes(name: str) -> tuple[Shapes, int]:
    """Names and shapes of the weights of a published model here, and its number of features."""
    with torch.device("meta"):
        net = build_model(find_published(name).model, fetch_weights=False)
    shapes = {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()}
    return shapes, net.backbone.feature_dim


def checkpoint(name: str, device: str = "cpu") -> dict[str, Tensor]:
    """Random weights with the names and shapes of a published checkpoint."""
    own, features = own_shapes(name)
    family = name.partition("-")[0]
    if family == "adaspot":
        shapes = adaspot(own, features)
    elif family == "e2espot":
        shapes = e2espot(own, features)
    elif family == "stacker":
        shapes = stacker(own)
    else:
        shapes = tdeed(own, features, team=family == "team")
    return {key: torch.rand(shape, device=device) for key, shape in shapes.items()}


def test_every_model_is_checked():
    assert list(ENTRIES) == list(PUBLISHED)


@pytest.mark.parametrize("name", ["adaspot-small", "team-baseline", "e2espot-rny002"])
def test_a_checkpoint_with_the_published_names_loads(name):
    weights = checkpoint(name)
    assert len(weights) == ENTRIES[name]
    net = find_published(name).build(weights)
    assert not net.training


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_every_published_name_has_its_own_place(name):
    model = find_published(name)
    published = checkpoint(name, "meta")
    assert len(published) == ENTRIES[name]
    assert {model.renamed(key) for key in published} == set(own_shapes(name)[0])


def test_a_published_checkpoint_becomes_a_saved_model_with_the_same_scores(tmp_path):
    # Small values, so that scores do not overflow.
    weights = {key: 0.05 * value for key, value in checkpoint("e2espot-rny002").items()}
    torch.save(
        {"model": {f"module.{key}": value for key, value in weights.items()}}, tmp_path / "a.pt"
    )
    imported = import_model(tmp_path / "a.pt", out=tmp_path / "model")
    assert imported.name == "e2espot-rny002"
    net, config = load_model(imported.folder, "spotting")
    assert config.inference.clips is not None and config.inference.clips.outside == "mean"
    frames = torch.randint(0, 256, (1, 4, 3, 64, 64), dtype=torch.uint8)
    expected = find_published("e2espot-rny002").build(weights)(frames)
    assert expected.logits.isfinite().all()
    assert torch.equal(net(frames).logits, expected.logits)


def test_weights_of_another_model_are_refused_in_one_line():
    with pytest.raises(
        ModelError, match=r"^not a checkpoint of e2espot-rny002: \d+ unknown"
    ) as caught:
        find_published("e2espot-rny002").build(checkpoint("stacker-2023"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "settings", "published", "changes"),
    [
        ("adaspot_small", [], "adaspot-small", {"classes": None}),
        ("adaspot_big", [], "adaspot-big", {"classes": None}),
        ("tdeed_published", [], "tdeed-challenge1", {"auxiliary": None}),
        ("e2espot", [], "e2espot-rny002", {"classes": None}),
        # The larger models, as the comments of the configs describe them.
        (
            "tdeed_published",
            [
                "model.backbone={name: regnety_008, shift: gsf, shift_variant: published}",
                "model.backbone.shift_stages=[3, 4]",
            ],
            "tdeed-challenge2",
            {"auxiliary": None},
        ),
        (
            "e2espot",
            [
                "model.backbone={name: regnety_008, shift: gsm, shift_variant: published}",
                "model.temporal.hidden=768",
            ],
            "e2espot-rny008",
            {"classes": None},
        ),
    ],
)
def test_configs_train_the_published_nets_on_the_12_actions(config, settings, published, changes):
    trained = load_config(f"spotting/{config}", settings)
    model = find_published(published)
    with torch.device("meta"):
        expected = build_model(model.model.model_copy(update=changes), fetch_weights=False)
        own = build_model(trained.model, fetch_weights=False)
    assert repr(own) == repr(expected)
    assert trained.data.size == (model.width, model.height)
    assert trained.data.clip_frames == trained.inference.window_frames == model.clip_frames
