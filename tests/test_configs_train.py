"""Building and training of every bundled config, for two or three steps on tiny matches."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from tiny_tracks import tiny_tracks

from onball.actions import ACTIONS
from onball.config import ExperimentConfig, load_config
from onball.events import Event, EventList, Team
from onball.formats.soccernet import write_labels
from onball.formats.soccernet_v2 import V2_ACTIONS
from onball.formats.tracks_parquet import write_tracks
from onball.training import run
from onball.training.module import TrainingModule
from onball.video import VideoWriter

CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = sorted(
    file.relative_to(CONFIGS).with_suffix("").as_posix()
    for folder in ("spotting", "classification")
    for file in (CONFIGS / folder).glob("*.yaml")
)
SMALL = [
    "data={width: 64, height: 36, clip_frames: 4}",
    "training={epochs: 1, warmup_epochs: 0, batch_size: 2}",
    "training={workers: 0, threads: 1, precision: 32, loggers: [], action_share: 1}",
]
#: Another size, backbone or weight of the loss than a config that is trained by default, or parts that
#: others train.
SLOW = (
    "classification/convnext_tiny",
    "classification/resnet50",
    "spotting/adaspot_big",
    "spotting/regnety_bilstm_focal1",
    "spotting/regnety_bilstm_512",
    "spotting/regnety_bilstm_focal2",
    "spotting/regnety_gsf_tdeed_team",
    "spotting/x3d_bilstm",
)
#: Parameters that these steps may leave unchanged, with the reason.
UNUSED: dict[str, str] = {}

pytestmark = [
    pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning"),
    pytest.mark.usefixtures("one_thread"),
]


def marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if name in SLOW else []


def write_video(path: Path) -> list[int]:
    """Write 4 s of grey frames with noise and flashes; return the start of each flash in ms."""
    rng = np.random.default_rng(0)
    with VideoWriter(path, (64, 36), 25) as writer:
        for index in range(100):
            frame = rng.integers(60, 120, (36, 64, 3), np.uint8)
            if index % 10 < 3:
                frame[:, :, index // 10 % 3] = 230
            writer.write(frame)
    return [index * 40 for index in range(0, 100, 10)]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A training match, and a match of SoccerNet-v2."""
    root = tmp_path_factory.mktemp("matches")
    match = root / "ball" / "train" / "league" / "season" / "match"
    events = [
        Event(ms, ACTIONS[number % 12], team=(Team.LEFT, Team.RIGHT)[number % 2])
        for number, ms in enumerate(write_video(match / "224p.mp4"))
    ]
    write_labels(EventList.of(events), match / "Labels-ball.json")
    tracks = tiny_tracks([event.position_ms for event in events], duration_ms=4000)
    # Some frames of every clip have no people, so that the parameters of that case are trained too.
    seen = tracks.time_ms % 480 < 240
    for name in ("tracks.parquet", "tracks_ballnet.parquet"):
        write_tracks(tracks.where(seen), match / name)
    other = root / "v2" / "league" / "season" / "match"
    annotations = [
        {"gameTime": f"{half} - 00:00", "position": str(ms), "label": V2_ACTIONS[number % 17]}
        for half in (1, 2)
        for number, ms in enumerate(write_video(other / f"{half}_224p.mkv"))
    ]
    (other / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))
    return root


def steps_of(config: ExperimentConfig) -> int:
    """The fewest steps after which every parameter has had a gradient.

    Blocks of RegNet begin with a factor of zero, which the first step changes; the second one changes the
    zero gates of a shift, and only then its normalisation gets gradients.
    """
    backbone = config.model.backbone
    return 3 if "shift" in backbone.options else 2


def tiny(name: str, root: Path) -> ExperimentConfig:
    settings = [*SMALL, f"data.root={root / 'ball'}", f"data.cache={root / '.cache'}"]
    path = CONFIGS / f"{name}.yaml"
    config = load_config(path)
    settings.append(f"training.clips_per_epoch={2 * steps_of(config)}")
    model = config.model
    if model.takes_frames:
        settings.append("model.backbone.pretrained=false")
    if model.backbone.name == "adaspot":
        settings.append("model.backbone.crop=16")
    if model.auxiliary:
        settings.append(f"data.auxiliary.root={root / 'v2'}")
    return load_config(path, settings)


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in NAMES])
def test_every_config_trains_and_every_parameter_learns(name, root, tmp_path, monkeypatch):
    learned: dict[str, bool] = {}
    original = TrainingModule.optimizer_step

    def optimizer_step(self, *args, **kwargs):
        original(self, *args, **kwargs)
        for parameter_name, parameter in self.net.named_parameters():
            size = 0.0 if parameter.grad is None else float(parameter.grad.norm())
            assert math.isfinite(size), parameter_name
            learned[parameter_name] = learned.get(parameter_name, False) or size > 0

    monkeypatch.setattr(TrainingModule, "optimizer_step", optimizer_step)
    # Those of the larger nets have hundreds of megabytes.
    monkeypatch.setattr("lightning.Trainer.save_checkpoint", lambda *_, **__: None)
    config = tiny(name, root)
    run.train(config, run_dir=tmp_path / "run")
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        (epoch,) = csv.DictReader(file)
    assert epoch["step"] == str(steps_of(config))
    assert math.isfinite(float(epoch["train_loss"]))
    unused = [each for each, moved in learned.items() if not moved]
    assert [each for each in unused if not any(re.search(u, each) for u in UNUSED)] == []
