"""Checkpoints that become saved models: recognised, nested, damaged, dangerous, of other models."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_published import BIG, SMALL, tiny_catalogue, tiny_checkpoint

from onball.errors import ModelError
from onball.frames import FrameBatch
from onball.models import load_model
from onball.models.published.importing import cached_model, import_model, is_cached, licence_text
from onball.outputs import OutputConflictError
from onball.spotting.compute import TorchCompute
from onball.spotting.engine import StreamingEngine

pytestmark = pytest.mark.usefixtures("one_thread", "catalogue")


@pytest.fixture(autouse=True)
def catalogue(monkeypatch, tmp_path):
    """The tiny catalogue, and a cache of its own."""
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    with tiny_catalogue():
        yield


def saved(folder: Path, content: object, name: str = "best.pt", **options: object) -> Path:
    torch.save(content, folder / name, **options)
    return folder / name


def prefixed(prefix: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in weights.items()}


@pytest.mark.parametrize(
    "nest",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": prefixed("module.", weights), "epoch": 3},
        lambda weights: {"trainer": {"model": prefixed("_orig_mod.module.", weights)}, "lr": 0.1},
        lambda weights: {
            "last": {name: tensor + 1 for name, tensor in weights.items()},
            "averaged": weights,
            "params": {"name": "x"},
        },
    ],
    ids=["bare", "module", "deep", "averaged"],
)
def test_an_imported_model_computes_what_the_published_weights_compute(tmp_path, nest):
    weights = tiny_checkpoint(SMALL)
    imported = import_model(saved(tmp_path, nest(weights)), "tiny-small", tmp_path / "out")
    net, config = load_model(imported.folder)
    frames = torch.randint(0, 256, (1, 4, 3, 36, 64), dtype=torch.uint8)
    expected = SMALL.build(weights)(frames).action_probabilities()
    assert torch.equal(net(frames).action_probabilities(), expected)
    assert config == SMALL.config.model_copy(update={"model": config.model})
    assert config.actions.names == ("PASS", "SHOT")
    assert (config.fps, config.size, config.clip_frames) == (5.0, (64, 36), 8)
    assert config.inference == SMALL.inference


def test_files_of_several_folds_become_one_model_that_averages_them(onball, tmp_path):
    folds = [tiny_checkpoint(SMALL, seed) for seed in range(3)]
    files = [saved(tmp_path, fold, f"fold{number}.pt") for number, fold in enumerate(folds)]
    code, _, err = onball("models", "import", *files, "--as", "tiny-small", "-o", tmp_path / "out")
    assert code == 0, err
    net, config = load_model(tmp_path / "out", "spotting")
    assert config.model.members == 3
    frames = torch.randint(0, 256, (1, 4, 3, 36, 64), dtype=torch.uint8)
    each = [SMALL.build(fold)(frames).action_probabilities().detach() for fold in folds]
    expected = torch.stack(each).mean(dim=0)
    assert torch.allclose(net(frames).action_probabilities(), expected, atol=1e-6)
    assert not torch.allclose(each[0], each[1], atol=1e-4)
    assert (
        net.features(frames).shape[-1] == net.feature_dim == 3 * SMALL.build(folds[0]).feature_dim
    )
    engine = StreamingEngine(TorchCompute(net), window_frames=4, overlap=0.5)
    batch = FrameBatch(frames[0].permute(0, 2, 3, 1).numpy(), np.arange(4) * 200)
    (scored,) = engine.run([batch])
    assert np.allclose(scored.probabilities, expected[0].numpy(), atol=1e-6)
    assert "fold1.pt" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(ModelError, match=r"other\.pt: no checkpoint of tiny-small"):
        import_model([files[0], saved(tmp_path, tiny_checkpoint(BIG), "other.pt")], "tiny-small")


@pytest.mark.parametrize("model", [SMALL, BIG], ids=lambda model: model.name)
def test_a_model_without_a_name_is_recognised_and_found_by_its_name_later(tmp_path, model):
    path = tmp_path / "weights.safetensors"
    save_file(tiny_checkpoint(model), path)
    imported = import_model(path)
    assert (imported.name, imported.was_done) == (model.name, False)
    assert imported.folder == cached_model(model.name) and is_cached(model.name)


def test_the_format_before_2020_is_read(tmp_path):
    path = saved(tmp_path, tiny_checkpoint(SMALL), _use_new_zipfile_serialization=False)
    assert import_model(path, out=tmp_path / "out").name == "tiny-small"


def test_the_card_names_file_and_licences(tmp_path):
    folder = import_model(saved(tmp_path, tiny_checkpoint(SMALL)), out=tmp_path / "out").folder
    card = (folder / "README.md").read_text()
    assert "`best.pt` (SHA-256 " in card and "Published figure: unknown" in card
    assert "No licence of the weights is stated" in card and "is under MIT" in card
    assert "stated where they are published: cc-by-4.0." in licence_text(SMALL.origin, "cc-by-4.0")


def test_a_model_that_is_there_is_kept_and_another_replaces_it_only_if_asked_for(tmp_path):
    one = saved(tmp_path, tiny_checkpoint(SMALL))
    other = saved(tmp_path, tiny_checkpoint(SMALL, seed=1), "other.pt")
    assert not import_model(one, out=tmp_path / "out").was_done
    assert import_model(one, out=tmp_path / "out").was_done
    with pytest.raises(OutputConflictError, match="holds results with checkpoint"):
        import_model(other, out=tmp_path / "out")
    assert not import_model(other, out=tmp_path / "out", overwrite=True).was_done
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="holds other files"):
        import_model(one, out=tmp_path / "full")


def test_weights_that_changed_since_are_reported(tmp_path):
    folder = import_model(saved(tmp_path, tiny_checkpoint(SMALL))).folder
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match=r"model.safetensors: changed since tiny-small"):
        is_cached("tiny-small")


class _Dangerous:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder / "pwned"),)


def dangerous(folder: Path) -> Path:
    return saved(folder, {"x": _Dangerous(folder), **tiny_checkpoint(SMALL)})


def cut(folder: Path) -> Path:
    path = saved(folder, tiny_checkpoint(SMALL))
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def text(folder: Path, content: bytes) -> Path:
    (folder / "best.pt").write_bytes(content)
    return folder / "best.pt"


def one_missing(folder: Path) -> Path:
    weights = tiny_checkpoint(SMALL)
    del weights["_fc.bias"]
    return saved(folder, {**weights, "_features.surplus": torch.zeros(2)})


@pytest.mark.parametrize(
    ("make", "name", "expected"),
    [
        (dangerous, None, r"refers to '\w+.mkdir', which may run code, and was not loaded"),
        (cut, None, "damaged or no file of weights"),
        (lambda folder: text(folder, b"<!DOCTYPE html><html>"), None, "is a web page"),
        (lambda folder: text(folder, b"version https://git-lfs.github"), None, "Git LFS"),
        (lambda folder: text(folder, b""), None, "is empty"),
        (lambda folder: folder / "best.pt", None, "no such file"),
        (lambda folder: saved(folder, {"epoch": 3}), None, "holds no weights"),
        (
            lambda folder: saved(folder, {"a.weight": torch.zeros(2)}),
            None,
            r"it has 1 tensors \(a.weight, …\)",
        ),
        (
            lambda folder: saved(folder, tiny_checkpoint(BIG)),
            "tiny-small",
            r"no checkpoint of tiny-small: this looks like tiny-big \(--as tiny-big\)",
        ),
        (
            one_missing,
            "tiny-small",
            r"1 unknown \(_features.surplus\); 1 missing \(head.linear.bias\)",
        ),
        (one_missing, None, r"1 unknown \(_features.surplus\); 1 missing"),
        (
            lambda folder: saved(folder, tiny_checkpoint(SMALL)),
            "tiny-smal",
            "did you mean 'tiny-small'",
        ),
    ],
)
def test_unusable_files_are_refused_in_one_line_and_nothing_is_written(
    tmp_path, make, name, expected
):
    path = make(tmp_path)
    with pytest.raises(ModelError, match=expected) as caught:
        import_model(path, name, tmp_path / "models" / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "pwned").exists() and not (tmp_path / "models").exists()


def test_the_commands_import_and_list(onball, tmp_path):
    path = saved(tmp_path, tiny_checkpoint(SMALL))
    code, out, err = onball("models", "import", path, "--as", "tiny-small", "--out", tmp_path / "m")
    assert code == 0, err
    assert f"spot VIDEO --model {tmp_path / 'm'}" in out and "No licence of the weights" in err
    assert json.loads((tmp_path / "m" / "config.json").read_text())["width"] == 64
    code, out, _ = onball("models", "list")
    assert code == 0
    assert "tiny-small" in out and "code MIT, weights not stated" in out and "unknown" in out
    code, out, err = onball("models", "import", path, "--as", "tiny-big")
    assert code == 2 and err.count("\n") == 1
