"""Clip classification of whole matches: clips cover all frames and their labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numbered_frames import NumberedFrames
from torch import Tensor, nn

from onball.actions import Action
from onball.config import ComponentConfig, ModelConfig
from onball.data.matches import LabelledMatch
from onball.events import Event, EventList
from onball.models import build_model
from onball.spotting.matches import classify_match

pytestmark = pytest.mark.usefixtures("one_thread")


class Recorder(nn.Module):
    """Classifier that records the frames of each clip and predicts 0.5 for every action."""

    def __init__(self) -> None:
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(12))
        self.clips: list[list[int]] = []

    def forward(self, frames: Tensor) -> Tensor:
        assert frames.shape[2:] == (3, 32, 48) and frames.dtype == torch.uint8
        self.clips.append(frames[0, :, 0, 0, 0].tolist())
        return self.parameter[None]


def match(count: int, readable: int | None = None, **events: int) -> LabelledMatch:
    listed = [Event(80 * frame, Action[name]) for name, frame in events.items()]
    return LabelledMatch("match", NumberedFrames(count, readable), EventList.of(listed))


@pytest.mark.parametrize(
    ("count", "starts"),
    [(10, [0]), (20, [0, 10]), (21, [0, 10, 11]), (25, [0, 10, 15]), (30, [0, 10, 20])],
)
def test_clips_cover_all_frames_and_the_last_one_ends_with_the_match(count, starts):
    net = Recorder()
    clips = classify_match(net, match(count), 10, torch.float32)
    assert net.clips == [list(range(start, start + 10)) for start in starts]
    assert clips.scores.shape == clips.present.shape == (len(starts), 12)
    assert clips.scores.dtype == np.float32 and clips.present.dtype == np.bool_
    assert (clips.scores == 0.5).all()


def test_a_match_shorter_than_a_clip_is_one_short_clip():
    net = Recorder()
    clips = classify_match(net, match(4, SHOT=3), 10, torch.float32)
    assert net.clips == [[0, 1, 2, 3]]
    assert clips.present[0, Action.SHOT.order]


def test_an_action_is_present_in_the_clips_that_show_its_frame():
    clips = classify_match(
        Recorder(), match(25, PASS=0, SHOT=9, GOAL=10, OUT=17, CROSS=24), 10, torch.float32
    )
    found = [[a.name for a in Action if row[a.order]] for row in clips.present]
    # Clips 0-9, 10-19, 15-24.
    assert found == [["PASS", "SHOT"], ["OUT", "GOAL"], ["OUT", "CROSS"]]


def test_clips_end_where_the_video_ends_early():
    net = Recorder()
    clips = classify_match(net, match(40, readable=13, PASS=12, SHOT=14), 10, torch.float32)
    assert net.clips == [list(range(10)), [10, 11, 12]]
    assert clips.present.shape == clips.scores.shape == (2, 12)
    assert clips.present[1].nonzero()[0].tolist() == [Action.PASS.order]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_scores_are_the_probabilities_of_the_net(precision):
    config = ModelConfig(
        backbone=ComponentConfig(name="test_byobnet", pretrained=False),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )
    net, labelled = build_model(config, "classification").eval(), match(25, PASS=0)
    clips = classify_match(net, labelled, 10, precision)
    frames = torch.from_numpy(labelled.frames.read(15, 25)).permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        expected = net(frames)[0].sigmoid().numpy()
    np.testing.assert_allclose(
        clips.scores[2], expected, atol=1e-5 if precision.itemsize > 2 else 0.05
    )
