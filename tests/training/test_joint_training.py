"""Joint training with SoccerNet-v2: losses of each head by source of the clips, and small runs."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import default_collate

from onball.actions import ACTIONS
from onball.config import ExperimentConfig, LossConfig, load_config
from onball.data.clips import Clips
from onball.errors import ConfigError, DataError, LabelError
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.formats.soccernet_v2 import V2_ACTIONS
from onball.models import SpottingNet, build_model, load_model
from onball.spotting.spotter import Spotter
from onball.training import run
from onball.training.losses import spotting_loss
from onball.training.module import SpottingModule
from onball.training.run import clip_describer
from onball.training.targets import frame_targets_of
from onball.video import VideoWriter

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"
JOINT = "model.auxiliary=soccernet-v2"
COLOURS = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220]], np.uint8)


pytestmark = pytest.mark.usefixtures("one_thread")


def write_video(path: Path, seed: int) -> list[tuple[int, int]]:
    """Write 6 s of grey with flashes of three frames; returns their times in ms and colours."""
    flashes = []
    rng = np.random.default_rng(seed)
    with VideoWriter(path, (64, 36), 25) as writer:
        for index in range(150):
            if index % 25 == 15:
                flashes.append((index * 40, int(rng.integers(3))))
            frame = np.full((36, 64, 3), 90, np.uint8)
            if flashes and index * 40 - flashes[-1][0] < 120:
                frame[:] = COLOURS[flashes[-1][1]]
            writer.write(frame)
    return flashes


def write_match(folder: Path, seed: int) -> None:
    flashes = write_video(folder / "224p.mp4", seed)
    events = EventList.of([Event(ms, ACTIONS[colour]) for ms, colour in flashes])
    write_labels(events, folder / "Labels-ball.json")


def write_v2_match(folder: Path, seed: int) -> None:
    annotations = [
        {"gameTime": f"{half} - 00:00", "position": str(ms), "label": V2_ACTIONS[5 * colour + 4]}
        for half in (1, 2)
        for ms, colour in write_video(folder / f"{half}_224p.mkv", seed + half)
    ]
    (folder / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("matches")
    for seed, split in enumerate(("train", "valid")):
        write_match(root / "ball" / split / "league" / "season" / f"match {seed}", seed)
    write_v2_match(root / "v2" / "league" / "season" / "other match", 10)
    return root


def configured(root: Path, *overrides: str) -> ExperimentConfig:
    places = [f"data.root={root / 'ball'}", f"data.cache={root / '.cache'}"]
    small = ["training.clips_per_epoch=10", "training.epochs=2", "training.precision=32"]
    return load_config(TINY, [*places, *small, *overrides])


def jointly(root: Path, *overrides: str) -> ExperimentConfig:
    return configured(root, JOINT, f"data.auxiliary.root={root / 'v2'}", *overrides)


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """An uninterrupted run."""
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    run.train(jointly(root), run_dir=run_dir)
    return run_dir


def joint_net(root: Path) -> SpottingNet:
    torch.manual_seed(0)
    return build_model(jointly(root).model)


def batch_of(root: Path, net: SpottingNet, clips: int = 8) -> Clips:
    """Clips of both data sets, as a run would load them."""
    loaded = run.training_clips(jointly(root), net)
    batch = default_collate([loaded[0, index] for index in range(clips)])
    assert set(batch.source.tolist()) == {0, 1}
    return batch


def loss_of(net: SpottingNet, clips: Clips, config: LossConfig) -> torch.Tensor:
    targets = frame_targets_of(clips, config, head_radius=net.head.radius, auxiliary=True)
    return spotting_loss(net(clips.frames), targets, config)


def only(clips: Clips, source: int) -> Clips:
    return Clips(*(values[clips.source == source] for values in clips))


def with_other_labels(clips: Clips, source: int) -> Clips:
    """The same clips; those of one source are labelled with an action on every frame."""
    other = torch.where(clips.source.unsqueeze(1) == source, 3, clips.classes)
    displacements = torch.where(clips.source.unsqueeze(1) == source, 0, clips.displacements)
    return clips._replace(classes=other, displacements=displacements)


def test_the_loss_of_each_head_depends_only_on_the_labels_of_its_own_clips(root):
    net = joint_net(root).eval()
    clips = batch_of(root, net)
    config = LossConfig()
    scores = net(clips.frames)

    def losses(labelled: Clips) -> tuple[float, float]:
        targets = frame_targets_of(labelled, config, auxiliary=True)
        main = spotting_loss(scores, targets._replace(auxiliary=None), config).item()
        return main, spotting_loss(scores, targets, config).item() - main

    main, second = losses(clips)
    main_changed, second_same = losses(with_other_labels(clips, 0))
    main_same, second_changed = losses(with_other_labels(clips, 1))
    assert main_same == main and second_same == pytest.approx(second, abs=1e-5)
    assert abs(main_changed - main) > 0.01 and abs(second_changed - second) > 0.01


@pytest.mark.parametrize("source", [0, 1])
def test_clips_of_one_data_set_train_only_its_own_head_and_the_shared_features(root, source):
    net = joint_net(root)
    loss_of(net, only(batch_of(root, net), source), LossConfig()).backward()
    heads = [net.head, net.auxiliary]
    own, other = heads[source], heads[1 - source]
    assert all(not p.grad.any() for p in other.parameters() if p.grad is not None)
    assert all(p.grad.any() for p in own.parameters())
    assert any(p.grad.any() for p in net.temporal.parameters())


def test_the_weight_of_the_second_loss_is_its_setting(root):
    net = joint_net(root).eval()
    clips = only(batch_of(root, net), 1)
    with torch.no_grad():
        losses = [loss_of(net, clips, LossConfig(auxiliary_weight=w)).item() for w in (0, 1, 3)]
    assert losses[0] == 0
    assert losses[2] == pytest.approx(3 * losses[1])


def test_each_head_learns_its_own_labels(root):
    net = joint_net(root)
    clips = batch_of(root, net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for _ in range(30):
        loss = loss_of(net, clips, LossConfig())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scores = net(clips.frames)
    for source, logits in enumerate((scores.logits, scores.auxiliary)):
        labelled = (
            (clips.source == source).unsqueeze(1) & (clips.classes > 0) & (clips.displacements == 0)
        )
        assert labelled.sum() >= 3
        right = logits.argmax(-1)[labelled] == clips.classes[labelled]
        assert right.float().mean() > 0.8


def test_a_joint_run_ends_with_a_model_that_spots(finished, root):
    net, config = load_model(finished / "model")
    assert config.model.auxiliary == "soccernet-v2"
    scores = net(torch.zeros(1, 4, 3, 36, 64, dtype=torch.uint8))
    assert scores.logits.shape == (1, 4, 13) and scores.auxiliary.shape == (1, 4, 18)
    video = next((root / "ball" / "valid").rglob("224p.mp4"))
    events = Spotter.from_pretrained(finished / "model", device="cpu").spot(video, threshold=0.0)
    assert len(events) and {event.label for event in events} <= set(ACTIONS)


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    original = SpottingModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == step:
            signal.raise_signal(signal.SIGINT)
        return original(self, batch, batch_idx)

    monkeypatch.setattr(SpottingModule, "training_step", training_step)


@pytest.mark.parametrize("step", [1, 4], ids=["within the first epoch", "within the last epoch"])
def test_an_interrupted_and_resumed_joint_run_equals_a_whole_one(
    finished, root, tmp_path, monkeypatch, step
):
    with monkeypatch.context() as patched:
        interrupt_at(patched, step)
        with pytest.raises(run.TrainingInterrupted, match=f"stopped at step {step + 1} of 6"):
            run.train(jointly(root), run_dir=tmp_path / "run")
    run.train(jointly(root), run_dir=tmp_path / "run", resume=True)
    one, other = (
        load_file(folder / "model" / "model.safetensors") for folder in (finished, tmp_path / "run")
    )
    assert one.keys() == other.keys()
    for name in one:
        assert torch.allclose(one[name].float(), other[name].float(), atol=1e-6), name


def test_mixup_and_teams_go_with_joint_training(root, tmp_path):
    settings = ["training.mixup.probability=1", "model.teams=true", "training.epochs=1"]
    model = run.train(jointly(root, *settings), run_dir=tmp_path / "run")
    scores = load_model(model)[0](torch.zeros(1, 4, 3, 36, 64, dtype=torch.uint8))
    assert scores.logits.shape == (1, 4, 25) and scores.auxiliary.shape == (1, 4, 18)
    row = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    loss = float(dict(zip(row[0].split(","), row[1].split(","), strict=True))["train_loss"])
    assert math.isfinite(loss) and loss > 0


def test_messages_name_the_half_that_a_clip_is_from(root):
    net = joint_net(root)
    clips = run.training_clips(jointly(root), net)
    batch = default_collate([clips[0, index] for index in range(8)])
    said = clip_describer(clips.datasets)(batch)
    assert "'league/season/match 0' from 0:0" in said
    assert "'league/season/other match half " in said


def test_net_and_data_must_agree_before_anything_is_read(root, tmp_path):
    nowhere = f"data.root={tmp_path / 'nowhere'}"
    with pytest.raises(DataError, match=r"--set data\.auxiliary\.root=FOLDER"):
        run.train(configured(root, JOINT, nowhere), run_dir=tmp_path / "run")
    second = f"data.auxiliary.root={root / 'v2'}"
    with pytest.raises(ConfigError, match=r"--set model\.auxiliary=soccernet-v2"):
        run.train(configured(root, second, nowhere), run_dir=tmp_path / "run")
    with pytest.raises(ConfigError, match=r"model\.auxiliary: a second head is for task=spotting"):
        run.train(configured(root, JOINT, nowhere, "task=classification"), run_dir=tmp_path / "run")


def test_a_broken_file_of_the_second_data_set_shows_before_the_first_is_decoded(root, tmp_path):
    folder = tmp_path / "v2" / "league" / "season" / "match"
    folder.mkdir(parents=True)
    (folder / "Labels-v2.json").write_text("{")
    cache = tmp_path / "cache"
    settings = [f"data.auxiliary.root={tmp_path / 'v2'}", f"data.cache={cache}"]
    with pytest.raises(LabelError, match=r"Labels-v2\.json: broken JSON"):
        run.train(configured(root, JOINT, *settings), run_dir=tmp_path / "run")
    (folder / "Labels-v2.json").write_text('{"annotations": []}')
    with pytest.raises(DataError, match="no video of half 1"):
        run.train(configured(root, JOINT, *settings), run_dir=tmp_path / "run")
    assert not cache.exists()
