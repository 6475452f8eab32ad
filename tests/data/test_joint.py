"""Joint training: the mixture of clips of two data sets, and its reproducibility."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from onball.actions import Action
from onball.data.clips import ClipDataset, Clips
from onball.data.joint import JointClips
from onball.data.matches import LabelledFrames
from onball.events import Event
from onball.formats.soccernet_v2 import V2Event

pytestmark = pytest.mark.usefixtures("one_thread")


class Painted:
    """50 frames of one grey value."""

    times_ms = np.arange(50) * 80

    def __init__(self, grey: int) -> None:
        self._grey = grey

    def read(self, start, stop):
        return np.full((stop - start, 4, 6, 3), self._grey, np.uint8)


MAIN = LabelledFrames("main", Painted(10), [Event(800, Action.PASS), Event(2400, Action.SHOT)])
SECOND = LabelledFrames("second half 1", Painted(20), [V2Event(1600, "Goal", 1)])


def joint_clips(fraction: float, seed: int = 0) -> JointClips:
    def clips_of(match: LabelledFrames, source: int) -> ClipDataset:
        return ClipDataset([match], 16, radius=1, action_share=0.5, seed=seed, source=source)

    return JointClips(clips_of(MAIN, 0), clips_of(SECOND, 1), auxiliary_share=fraction, seed=seed)


def sources(clips: JointClips, epoch: int = 0, count: int = 4000) -> np.ndarray:
    return np.array([clips.source(epoch, index) for index in range(count)])


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_the_second_data_set_has_its_fraction_of_the_clips(fraction):
    # Four standard deviations of a fraction of 4000 clips are at most 0.032.
    assert (
        abs(sources(joint_clips(fraction)).mean() - fraction)
        <= 4 * (fraction * (1 - fraction) / 4000) ** 0.5
    )


def test_a_clip_equals_that_of_its_data_set_for_the_key():
    clips = joint_clips(0.5)
    for index in range(20):
        clip = clips[3, index]
        source = int(clip.source)
        alone = clips.datasets[source][3, index]
        assert source == clips.source(3, index)
        assert torch.equal(clip.frames, alone.frames) and torch.equal(clip.classes, alone.classes)
        assert clip.frames.unique().tolist() == [(10, 20)[source]]
        assert set(clip.classes.tolist()) <= ({0, 1, 8}, {0, 3})[source]
        assert clip.key.tolist() == [3, index]


def test_the_mixture_depends_on_seed_epoch_and_index_alone():
    first = sources(joint_clips(0.5))
    assert np.array_equal(sources(joint_clips(0.5)), first)
    backwards = joint_clips(0.5)
    again = [backwards.source(0, index) for index in reversed(range(100))]
    assert again[::-1] == first[:100].tolist()
    for other in (sources(joint_clips(0.5), epoch=1), sources(joint_clips(0.5, seed=1))):
        assert 0.45 < (other == first).mean() < 0.55


def test_the_place_of_a_clip_is_independent_of_its_data_set():
    # With the same random number for both, only one of the data sets would show its actions.
    clips = joint_clips(0.5)
    around = {0: [], 1: []}
    for index in range(400):
        generator = np.random.default_rng((0, 0, index))  # the generator of the position of a clip
        around[clips.source(0, index)].append(generator.random() < 0.5)
    assert all(0.4 < np.mean(drawn) < 0.6 for drawn in around.values())


def test_clips_of_both_data_sets_make_one_batch():
    clips = joint_clips(0.5)
    batch = default_collate([clips[0, index] for index in range(12)])
    assert isinstance(batch, Clips)
    assert batch.frames.shape == (12, 16, 3, 4, 6)
    assert set(batch.source.tolist()) == {0, 1}
    second = batch.source == 1
    assert not batch.present[second].any()
    assert batch.present[~second].any()
    assert (batch.sides == -1).all()


def test_a_fraction_out_of_range_is_refused():
    with pytest.raises(ValueError, match="auxiliary_share"):
        joint_clips(1.5)
