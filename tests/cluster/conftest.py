"""A small model that the tests of archives share."""

from __future__ import annotations

import pytest
from tiny_models import random_model

from onball.config import ComponentConfig
from onball.models import save_model


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A random model with windows, neighbouring frames, and candidates of any score."""
    net, config = random_model(
        backbone=ComponentConfig(name="test_byobnet", pretrained=False, neighbours=2),
        temporal=ComponentConfig(name="bilstm", hidden=4),
    )
    update = {"threshold": 0.0, "window_frames": 20}
    inference = config.inference.model_copy(update=update)
    folder = tmp_path_factory.mktemp("model")
    save_model(net, config.model_copy(update={"inference": inference}), folder)
    return folder
