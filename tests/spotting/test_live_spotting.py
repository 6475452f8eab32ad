"""Live spotting: scores with a bounded lookahead, events after a bounded wait, and the messages."""

from __future__ import annotations

import json
import os
import threading

import numpy as np
import pytest
import torch
from live_streams import LIMIT_S, fast_clock, numbered_stream
from tiny_models import random_model

from onball.actions import NUM_ACTIONS, Action
from onball.errors import InputError, LabelError, ModelError
from onball.spotting.compute import OutputLayout
from onball.spotting.decoding import PeakFinder
from onball.spotting.live import (
    LiveEvent,
    LiveScores,
    LiveSummary,
    live,
    live_stages,
    split_lookahead,
)
from onball.spotting.spotter import Spotter
from onball.video.live import LiveFrame
from onball.video.notices import FramesSkipped, StreamConnected, StreamGap

FPS = 12.5


class CountingCompute:
    """A net whose outputs state what it has seen.

    The feature of a frame is its value and the difference of those beside it. Of the outputs the first
    two classes are the feature, the third the later frames of the window, the fourth its length.
    """

    context: int | None = 1
    layout = OutputLayout(NUM_ACTIONS, background=False)

    def __init__(self) -> None:
        self.computed = 0

    def features(self, frames, track_features=None):
        self.computed += len(frames)
        values = frames[:, 0, 0, 0].astype(np.float32)
        padded = np.pad(values, 1)
        return np.stack([values, padded[2:] - padded[:-2]], axis=1)

    def outputs(self, features):
        outputs = np.zeros((*features.shape[:2], NUM_ACTIONS), np.float32)
        length = features.shape[1]
        outputs[:, :, :2] = features
        outputs[:, :, 2] = np.arange(length)[::-1]
        outputs[:, :, 3] = length
        return outputs


def frames(numbers) -> list[LiveFrame]:
    return [LiveFrame(n, np.full((2, 2, 3), n % 251, np.uint8), 0.0) for n in numbers]


def scored(scores: LiveScores, numbers, sizes) -> tuple[np.ndarray, np.ndarray]:
    """Scores and frame numbers of frames that come in groups of some sizes."""
    given, parts, start = frames(numbers), [], 0
    while start < len(given):
        for size in sizes:
            parts += scores.push(given[start : start + size])
            start += size
    parts += scores.finish()
    times = np.concatenate([part.pts_ms for part in parts])
    return np.concatenate([part.probabilities for part in parts]), np.rint(times * FPS / 1000)


def live_scores(lookahead: int = 6, window: int = 20, compute=None) -> LiveScores:
    return LiveScores(
        compute or CountingCompute(), window_frames=window, lookahead_frames=lookahead, fps=FPS
    )


@pytest.mark.parametrize("sizes", [[4], [1], [16, 3], [200]])
def test_each_frame_is_scored_once_with_the_features_of_the_whole_video(sizes):
    values, numbers = scored(live_scores(), range(100), sizes)
    assert numbers.tolist() == list(range(100))
    whole = CountingCompute().features(np.stack([frame.pixels for frame in frames(range(100))]))
    assert (values[:, :2] == whole).all()


@pytest.mark.parametrize("lookahead", [0, 3, 9])
@pytest.mark.parametrize("sizes", [[4], [16, 1]])
def test_a_score_has_seen_the_lookahead_and_a_window_at_most(lookahead, sizes):
    values, _ = scored(live_scores(lookahead), range(150), sizes)
    later, length = values[:, 2], values[:, 3]
    assert (later[: 150 - lookahead] >= lookahead).all()
    assert (later <= lookahead + max(sizes)).all()
    assert (length <= 20).all() and (length[40:] == 20).all()


def test_scores_come_when_the_lookahead_is_there():
    scores = live_scores(lookahead=6)
    known = 0
    for count in range(1, 60):
        known += sum(len(part.pts_ms) for part in scores.push(frames([count - 1])))
        # One more frame, for the features of the newest one.
        assert known == max(0, count - 1 - 6)


def test_a_frame_goes_through_the_backbone_with_its_neighbours_only():
    compute = CountingCompute()
    scored(live_scores(compute=compute), range(100), [5])
    assert compute.computed <= 100 + 2 * 21


def test_frames_that_were_left_out_repeat_the_one_before():
    left_out = {10, 11, 12, 30}
    values, numbers = scored(live_scores(), [n for n in range(60) if n not in left_out], [4])
    assert numbers.tolist() == list(range(60))
    assert values[:, 0].tolist() == [
        9 if n in (10, 11, 12) else 29 if n == 30 else n for n in range(60)
    ]


@pytest.mark.parametrize("context", [0, 1])
def test_a_long_hole_separates_two_parts(context):
    compute = CountingCompute()
    compute.context = context
    seen = [*range(30), *range(100, 130)]
    values, numbers = scored(live_scores(compute=compute), seen, [4])
    assert numbers.tolist() == seen
    assert values[29, 2] == 0 and values[30:, 3].max() <= 20


def test_a_lookahead_above_half_a_window_is_half_a_window():
    values, _ = scored(live_scores(lookahead=1000), range(150), [4])
    assert values[50:100, 2].min() >= 10 and values[:, 2].max() <= 14


def test_models_that_need_more_than_frames_are_refused():
    whole = CountingCompute()
    whole.context = None
    with pytest.raises(ModelError, match="computes whole clips"):
        live_scores(compute=whole)
    from onball.config import TrackingConfig

    net, config = random_model(tracking=TrackingConfig())
    with pytest.raises(ModelError, match="takes the tracks of players and ball"):
        live_stages(Spotter(net, config), 1000)


# Peaks


def decided(probabilities, sizes, **settings) -> list[tuple[int, int, Action]]:
    """Time of the newest frame when each event was returned, its own time, and its action."""
    finder = PeakFinder(**{"nms_window_ms": 1000, "threshold": 0.1, "wait_ms": 400} | settings)
    found, start, times = [], 0, np.arange(len(probabilities)) * 80
    while start < len(times):
        for size in sizes:
            rows = slice(start, start + size)
            for event in finder.push(probabilities[rows], times[rows]):
                found.append((int(times[rows][-1]), event.position_ms, event.label))
            start += size
    return found + [(int(times[-1]), e.position_ms, e.label) for e in finder.finish()]


def random_scores(seed: int, length: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).random((length, NUM_ACTIONS), np.float32) ** 3


@pytest.mark.parametrize("wait_ms", [0, 80, 400, 1000])
def test_an_event_is_decided_after_the_wait(wait_ms):
    for known_ms, event_ms, _ in decided(random_scores(0), [1], wait_ms=wait_ms)[:-12]:
        assert event_ms + wait_ms <= known_ms <= event_ms + wait_ms + 160


@pytest.mark.parametrize("wait_ms", [0, 400, 1000])
def test_an_event_follows_one_within_the_window_only_if_its_score_is_higher(wait_ms):
    scores = random_scores(1)
    events = decided(scores, [1], wait_ms=wait_ms)
    assert [event_ms for _, event_ms, _ in events] == sorted(e for _, e, _ in events)
    for action in Action:
        times = np.array([event_ms for _, event_ms, label in events if label is action])
        heights = scores[times // 80, action.order]
        near = np.diff(times) < 1000
        assert len(times) > 5 and (np.diff(heights)[near] > 0).all()
        assert wait_ms < 1000 or not near.any()


def test_single_peaks_are_the_same_as_those_of_a_finished_video():
    scores = np.zeros((400, NUM_ACTIONS), np.float32)
    for frame in range(10, 390, 14):
        scores[frame - 1 : frame + 2, frame % NUM_ACTIONS] = [0.3, 0.9, 0.3]
    for wait_ms in (0, 400, 1000):
        events = [event[1:] for event in decided(scores, [4], wait_ms=wait_ms)]
        assert events == [event[1:] for event in decided(scores, [4], wait_ms=None)]


def test_a_higher_peak_within_the_wait_replaces_a_lower_one_and_a_later_one_is_added():
    scores = np.zeros((60, NUM_ACTIONS), np.float32)
    scores[[10, 14], 0] = [0.5, 0.9]  # 320 ms apart
    scores[[30, 37], 0] = [0.5, 0.9]  # 560 ms apart
    assert [event[1] for event in decided(scores, [1])] == [14 * 80, 30 * 80, 37 * 80]


def test_the_lookahead_is_divided_between_the_net_and_the_peaks():
    for lookahead_ms in (0, 500, 1500, 3000, 10_000):
        seen_ms, wait_ms = split_lookahead(lookahead_ms, 1000)
        assert seen_ms + wait_ms == lookahead_ms and 0 <= wait_ms <= 1000 and seen_ms >= 3 * wait_ms


# Streams


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    net, config = random_model()
    return Spotter(net, config)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return numbered_stream(tmp_path_factory.mktemp("live") / "match.mp4", 8)


def test_a_file_read_at_once_gives_its_events_and_a_summary(spotter, video):
    messages = list(live(video, model=spotter, realtime=False, threshold=0.02))
    assert isinstance(messages[0], StreamConnected)
    summary = messages[-1]
    assert isinstance(summary, LiveSummary) and summary.reason == "the stream ended"
    assert summary.frames == 100 and summary.skipped == summary.lost == summary.gaps_ms == 0
    events = [message for message in messages if isinstance(message, LiveEvent)]
    assert events and sum(summary.events.values()) == len(events)
    times = [message.event.position_ms for message in events]
    assert times == sorted(times) and times[-1] < 8000
    assert all(message.latency_ms is None for message in events) and not summary.latency_ms
    again = list(live(video, model=spotter, realtime=False, threshold=0.02))
    assert [m.event for m in again if isinstance(m, LiveEvent)] == [m.event for m in events]
    for message in messages:
        fields = json.loads(json.dumps(message.to_dict()))
        assert fields["type"] in ("connected", "event", "summary")


def test_only_the_actions_that_are_wanted_are_found(spotter, video):
    settings = {"model": spotter, "realtime": False, "threshold": 0.02}
    found = {
        m.event.label
        for m in live(video, actions=["shot", "pass"], **settings)
        if isinstance(m, LiveEvent)
    }
    assert found <= {Action.SHOT, Action.PASS}
    with pytest.raises(LabelError, match="dribble"):
        live(video, actions=["dribble"], **settings)


def test_a_stream_that_is_stopped_gives_what_it_has_and_a_summary(spotter, video):
    stop, fast = threading.Event(), fast_clock(4)
    begun = fast()

    def clock() -> float:
        return min(fast(), begun + 6)  # the video goes on after it has been stopped only

    messages = []
    for message in live(video, model=spotter, threshold=0.02, clock=clock, stop=stop):
        messages.append(message)
        if isinstance(message, LiveEvent):
            stop.set()
    assert isinstance(messages[-1], LiveSummary) and messages[-1].reason == "stopped"
    assert messages[-1].duration_ms < 7000


def test_a_model_slower_than_the_stream_leaves_frames_out_and_stays_at_the_live_edge(
    spotter, video, monkeypatch
):
    own, fast, spent = spotter.compute, fast_clock(4), [0.0]

    def clock() -> float:
        return fast() + spent[0]

    class Slow:
        context, layout, outputs = own.context, own.layout, own.outputs

        @staticmethod
        def features(frames, track_features=None):
            spent[0] += 0.4 * len(frames)  # five times slower than the stream
            return own.features(frames)

    monkeypatch.setattr(spotter, "compute", Slow)
    messages = list(live(video, model=spotter, threshold=0.0, clock=clock, lookahead_ms=500))
    summary = messages[-1]
    assert isinstance(summary, LiveSummary) and summary.skipped > 30
    gaps = [message for message in messages if isinstance(message, StreamGap)]
    within = sum(gap.start_ms + 40 < 80 * k < gap.end_ms - 40 for gap in gaps for k in range(100))
    assert summary.frames > 0
    assert abs(summary.frames + summary.skipped + within - 100) <= len(gaps)
    skipped = [message.frames for message in messages if isinstance(message, FramesSkipped)]
    assert sum(skipped) == summary.skipped
    assert summary.duration_ms >= 7900, "the stream was received to its end"


def test_the_net_computes_with_the_threads_that_do_not_decode(video, monkeypatch):
    net, config = random_model()
    spotter = Spotter(net, config, device="cpu", threads=6)
    own, threads, before = spotter.compute, set(), torch.get_num_threads()

    class Watched:
        context, layout, outputs = own.context, own.layout, own.outputs

        @staticmethod
        def features(frames, track_features=None):
            threads.add(torch.get_num_threads())
            return own.features(frames)

    monkeypatch.setattr(spotter, "compute", Watched)
    for _ in live(video, model=spotter, realtime=False):
        assert torch.get_num_threads() == before
    assert threads == {4}


@pytest.mark.skipif(os.name == "nt", reason="needs a pipe")
def test_standard_input_is_spotted_while_it_grows(spotter, tmp_path):
    content = numbered_stream(tmp_path / "match.ts", 16).read_bytes()
    shown, seen = threading.Event(), []

    def write(target: int) -> None:
        with open(target, "wb", buffering=0) as pipe:
            pipe.write(content[: len(content) * 3 // 4])
            seen.append(shown.wait(LIMIT_S))
            pipe.write(content[len(content) * 3 // 4 :])

    read_end, write_end = os.pipe()
    standard_input = os.dup(0)
    os.dup2(read_end, 0)
    try:
        writer = threading.Thread(target=write, args=[write_end], daemon=True)
        writer.start()
        messages = []
        for message in live("-", model=spotter, threshold=0.0, realtime=False):
            messages.append(message)
            if isinstance(message, LiveEvent):
                shown.set()
        writer.join(LIMIT_S)
    finally:
        os.dup2(standard_input, 0)
        for each in (standard_input, read_end):
            os.close(each)
    assert seen == [True], "the first event comes before the end of the stream"
    assert messages[-1].frames == 200 and messages[-1].reason == "the stream ended"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lookahead_ms": -1}, "lookahead of -1 ms"),
        ({"threshold": 2}, "threshold 2 is outside 0 to 1"),
        ({"record": "copy.txt"}, "unknown kind of video file"),
    ],
)
def test_settings_out_of_range_are_refused_at_the_call(spotter, video, settings, message):
    with pytest.raises(InputError, match=message):
        live(video, model=spotter, **settings)
