"""Files of a training run with an untrained net, for tests that only need a run."""

from __future__ import annotations

from pathlib import Path

import torch

from onball.config import ExperimentConfig, SavedModelConfig, load_config, save_config
from onball.models import build_model, save_model

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"


def write_run(folder: Path, root: Path, task: str = "spotting", seed: int = 0) -> ExperimentConfig:
    """Write config, model and metrics of a run of `spotting/tiny` on the data set `root`."""
    config = load_config(TINY, [f"data.root={root}", f"task={task}", f"training.seed={seed}"])
    torch.manual_seed(seed)
    net = build_model(config.model, task)
    save_model(net, SavedModelConfig.of(config), folder / "model")
    save_config(config, folder / "config.yaml")
    (folder / "metrics.csv").write_text(
        "epoch,step,learning_rate,train_loss,valid_loss,map12,map10,frames_per_second,seconds\n"
        "1,4,0.002,1.5,,,,100,5\n2,8,0.001,1.25,0.75,0.5,0.6,100,5\n"
    )
    return config
