"""Training clips: frames and labels, padding, keys, batches and epochs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numbered_frames import NumberedFrames
from torch.utils.data import DataLoader

from onball.actions import IGNORE, Action
from onball.config import DataConfig
from onball.data.clips import ClipDataset, Clips, EpochSampler, match_events, present_actions
from onball.data.matches import LabelledFrames, LabelledMatch, load_matches
from onball.errors import DataError
from onball.events import Event, EventList, Team

SIZE = (64, 36)


def video_of(data: DataConfig):
    return next(data.root.rglob("*.mp4"))


def clip_dataset(data: DataConfig, **settings) -> ClipDataset:
    matches = load_matches(data, "train")
    return ClipDataset(
        matches, data.clip_frames, **{"action_share": 0.5, "radius": 0, "seed": 0} | settings
    )


@pytest.mark.parametrize("cache", [True, False])
def test_a_clip_and_its_targets_belong_together(data, cache):
    clips = clip_dataset(data if cache else data.model_copy(update={"cache": None}))
    hits = 0
    for index in range(30 if cache else 6):
        clip = clips[(0, index)]
        frames = clip.frames
        assert (frames.dtype, tuple(frames.shape)) == (torch.uint8, (10, 3, 36, 64))
        # Frame k of the grid is frame 2k of the video, painted 4k + 20 (encoding may take two
        # levels off or add one); the event is at k = 25.
        index_of = ((frames.float().mean(dim=(1, 2, 3)) - 19.5) / 4).round().int().tolist()
        assert np.diff(index_of).tolist() == [1] * 9
        expected = [Event(0, Action.SHOT).class_index if k == 25 else 0 for k in index_of]
        assert clip.classes.tolist() == expected
        hits += 25 in index_of
    assert hits >= 1


def test_a_clip_longer_than_the_video_is_padded_and_not_scored(data):
    longer = data.model_copy(update={"clip_frames": 60})
    clip = clip_dataset(longer, radius=60)[(0, 0)]
    assert clip.classes[50:].tolist() == [IGNORE] * 10
    assert clip.classes[:50].tolist() == [Event(0, Action.SHOT).class_index] * 50
    assert clip.displacements.tolist() == [*range(25, -25, -1), *[0] * 10]
    assert clip.sides[50:].tolist() == [-1] * 10
    assert clip.present.nonzero().tolist() == [[Action.SHOT.order]]
    assert torch.equal(clip.frames[50:], clip.frames[49:50].expand(10, -1, -1, -1))


#: A PASS of the left team on frame 20, a GOAL of the right one on 26, an OUT of no team on 100.
EVENTS = EventList.of(
    [
        Event(1600, Action.PASS, team=Team.LEFT),
        Event(2080, Action.GOAL, team=Team.RIGHT),
        Event(8000, Action.OUT),
    ]
)
PASS, GOAL, OUT = (
    Event(0, action).class_index for action in (Action.PASS, Action.GOAL, Action.OUT)
)


def numbered(count: int = 120, clip_frames: int = 40, **settings) -> ClipDataset:
    readable = settings.pop("readable", None)
    matches = [LabelledMatch("numbered", NumberedFrames(count, readable, (4, 2)), EVENTS)]
    given = {"radius": 4, "action_share": 1.0, "seed": 0} | settings
    return ClipDataset(matches, clip_frames, **given)


def first_frame(clip: Clips) -> int:
    return int(clip.frames[0, 0, 0, 0])


def test_each_frame_has_class_displacement_and_side_of_the_nearest_event():
    events = {20: (PASS, 0), 26: (GOAL, 1), 100: (OUT, -1)}
    dataset, seen = numbered(), set()
    for index in range(20):
        clip = dataset[(0, index)]
        start = first_frame(clip)
        for offset in range(40):
            frame = start + offset
            # Of two as near, the rarer one: the higher class.
            distance, _, event = min((abs(frame - e), -events[e][0], e) for e in events)
            label = (
                clip.classes[offset].item(),
                clip.displacements[offset].item(),
                clip.sides[offset].item(),
            )
            if distance > 4:
                assert label == (0, 0, -1)
            else:
                assert label == (events[event][0], event - frame, events[event][1])
                seen.add(frame)
    assert {16, 22, 23, 24, 30, 96, 104} <= seen


def test_present_actions_are_those_on_the_frames_of_the_clip():
    # Labels within the radius include events beyond the clip; `present` does not.
    dataset = numbered(clip_frames=8, radius=8, action_share=0.0)
    hits = 0
    for index in range(60):
        clip = dataset[(0, index)]
        frames = range(first_frame(clip), first_frame(clip) + 8)
        expected = [
            action.order
            for action, frame in ((Action.PASS, 20), (Action.GOAL, 26), (Action.OUT, 100))
            if frame in frames
        ]
        assert clip.present.nonzero().flatten().tolist() == sorted(expected)
        hits += bool(expected)
    assert 0 < hits < 60


def test_an_action_counts_from_its_first_frame_to_the_one_before_the_end():
    known = match_events(EVENTS, np.arange(120) * 80)
    assert known.frames.tolist() == [20, 26, 100] and known.num_frames == 120
    assert present_actions(known, 20, 26).nonzero().tolist() == [[Action.PASS.order]]
    assert present_actions(known, 21, 27).nonzero().tolist() == [[Action.GOAL.order]]
    assert not present_actions(known, 21, 26).any()
    assert not match_events([], np.arange(3) * 80).frames.size


def test_a_clip_has_its_key_its_place_and_its_label_set():
    frames = [NumberedFrames(60), NumberedFrames(50)]
    matches = [
        LabelledFrames(f"match {i}", source, EVENTS.events) for i, source in enumerate(frames)
    ]
    dataset = ClipDataset(matches, 10, radius=0, action_share=0.0, seed=0, source=1)
    assert dataset.names == ["match 0", "match 1"]
    places = set()
    for index in range(20):
        clip = dataset[(3, index)]
        assert clip.key.tolist() == [3, index]
        assert clip.source.item() == 1
        match, start_ms = clip.place.tolist()
        assert start_ms == 80 * first_frame(clip)
        places.add(match)
    assert places == {0, 1}


def test_the_same_key_gives_the_same_clip_and_another_epoch_another():
    starts = [[first_frame(numbered()[(epoch, i)]) for i in range(10)] for epoch in (0, 0, 1)]
    assert starts[0] == starts[1] != starts[2]


def test_clips_are_padded_where_the_video_ends_early():
    clip = numbered(count=40, readable=30)[(0, 0)]
    assert clip.frames[:, 0, 0, 0].tolist() == [*range(30), *[29] * 10]
    assert (clip.classes[:30] != IGNORE).all() and (clip.classes[30:] == IGNORE).all()
    assert clip.displacements[30:].tolist() == [0] * 10 and clip.sides[30:].tolist() == [-1] * 10
    with pytest.raises(DataError, match=r"numbered: no frame could be read.*data\.cache") as caught:
        numbered(count=40, readable=0)[(0, 0)]
    assert "\n" not in str(caught.value)


def test_clips_become_batches_of_clips():
    loader = DataLoader(numbered(), batch_size=3, sampler=EpochSampler(7, epoch=2))
    batches = list(loader)
    assert [len(batch.frames) for batch in batches] == [3, 3, 1]
    assert isinstance(batches[0], Clips)
    assert batches[0].frames.shape == (3, 40, 3, 2, 4) and batches[0].frames.dtype == torch.uint8
    for name in ("classes", "displacements", "sides"):
        field = getattr(batches[0], name)
        assert field.shape == (3, 40) and field.dtype == torch.int64
    assert batches[0].present.shape == (3, 12) and batches[0].present.dtype == torch.float32
    assert batches[0].source.tolist() == [0, 0, 0]
    assert torch.cat([batch.key for batch in batches]).tolist() == [[2, i] for i in range(7)]


def test_the_sampler_yields_the_epoch_and_resumes_within_one():
    sampler = EpochSampler(4, epoch=2, skip=3)
    sampler.set_epoch(2)
    assert list(sampler) == [(2, 3)]
    sampler.set_epoch(3)
    assert list(sampler) == [(3, 0), (3, 1), (3, 2), (3, 3)]
    assert len(sampler) == 4


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("skipped_steps", [0, 1, 2])
def test_processes_share_an_epoch_batch_by_batch(world, skipped_steps):
    size, steps = 4, 3
    clips, skip = size * world * steps, skipped_steps * size * world
    parts = []
    for rank in range(world):
        sampler = EpochSampler(clips, 5, skip, batch_size=size, rank=rank, world=world)
        sampler.set_epoch(5)
        parts.append([index for _, index in sampler])
        assert len(sampler) == size * steps
    for step in range(skipped_steps, steps):
        at = (step - skipped_steps) * size
        together = [index for part in parts for index in part[at : at + size]]
        # Together, in the order of ranks, they are the batch that one process would take.
        assert together == list(range(step * size * world, (step + 1) * size * world))
    assert sorted(index for part in parts for index in part) == list(range(skip, clips))


def test_the_epoch_after_a_resumed_one_has_all_clips():
    sampler = EpochSampler(8, epoch=1, skip=4, batch_size=2, rank=1, world=2)
    sampler.set_epoch(1)
    assert list(sampler) == [(1, 6), (1, 7)]
    sampler.set_epoch(2)
    assert list(sampler) == [(2, 2), (2, 3), (2, 6), (2, 7)]


def test_matches_without_labels_are_an_error():
    bare = LabelledMatch("bare", NumberedFrames(60), EventList())
    with pytest.raises(DataError, match=r"no action is labelled in .*\(bare\)"):
        ClipDataset([bare], 10, radius=0, action_share=0.5, seed=0)
