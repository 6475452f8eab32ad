"""Inference in pieces of a few images gives the result of all images together."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from onball.config import PreprocessingConfig
from onball.models.backbones import pieces
from onball.models.backbones.image import ImageBackbone
from onball.models.backbones.shift import GateShift


def backbone(name: str, **options) -> ImageBackbone:
    torch.manual_seed(0)
    made = ImageBackbone(name, PreprocessingConfig(), **options).eval()
    for layer in made.modules():
        if isinstance(layer, GateShift):  # initially closed
            nn.init.normal_(layer.gate.weight)
    return made


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("regnety_002", {"shift": "gsf", "shift_variant": "published", "padding": "replicate"}),
        ("regnety_002", {"shift": "gsm", "shift_stages": (2, 3), "neighbours": 1}),
        ("resnet10t", {"shift": "gsf"}),
        ("mobilenetv3_small_050", {"shift": "gsm"}),
        ("convnext_atto", {"shift": "gsm"}),
    ],
)
def test_features_in_pieces_equal_those_of_all_frames_together(monkeypatch, name, options):
    whole, piecewise = backbone(name, **options), backbone(name, **options)
    monkeypatch.setattr(pieces, "_PIECE_ELEMENTS", 60_000)
    pieces.compute_in_pieces(piecewise)
    frames = torch.randint(0, 255, (2, 7, 3, 64, 96), dtype=torch.uint8)
    with torch.inference_mode():
        expected, found = whole(frames), piecewise(frames)
        again = piecewise(frames[:1, :3])  # no state is left
    assert found.std() > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    with torch.inference_mode():
        torch.testing.assert_close(again, whole(frames[:1, :3]), rtol=1e-5, atol=1e-5)


def test_layers_get_a_few_images_at_a_time(monkeypatch):
    net = backbone("regnety_002", shift="gsm")
    monkeypatch.setattr(pieces, "_PIECE_ELEMENTS", 60_000)
    pieces.compute_in_pieces(net)
    counts: dict[str, list[int]] = {"stem": [], "convolution": []}

    def count(key: str):
        return lambda _, inputs: counts[key].append(len(inputs[0]))

    net.network.stem.conv.register_forward_pre_hook(count("stem"))
    net.network.s1.b1.conv2.register_forward_pre_hook(count("convolution"))
    with torch.inference_mode():
        net(torch.zeros(1, 7, 3, 64, 96, dtype=torch.uint8))
    assert counts["stem"] == [3, 3, 1]  # 3 × 64 × 96 numbers each
    assert counts["convolution"] == [1] * 7  # 32 × 32 × 48


def test_networks_without_a_shift_stay_as_they_are():
    net = backbone("resnet18")
    pieces.compute_in_pieces(net)
    assert not any("forward" in vars(module) for module in net.modules())
