"""Published inference from a video to events, against a plain computation from its description.

The plain one holds all frames and scores, and follows the description of each model: cut clips, fill
them up outside of the video, call the net on each, move, average, suppress.
"""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from numbered_videos import steady, write_video
from tiny_models import random_model

from onball.actions import Action
from onball.assets import sample_match
from onball.config import InferenceConfig, ModelConfig, SavedModelConfig
from onball.events import EventList, Team
from onball.models import SpottingNet, build_model
from onball.models.published import find_published
from onball.spotting.spotter import Spotter
from onball.video import cut_video, read_frames

pytestmark = pytest.mark.usefixtures("one_thread")

VARIABLE = "ONBALL_PUBLISHED_VECTORS"
SIZE = (64, 36)
SOFT = {"method": "soft_nms", "window": 4}
#: Small nets of the parts of each published model, and its inference with shorter clips.
MODELS: dict[str, tuple[dict, dict]] = {
    "adaspot": (
        {
            "backbone": {"name": "adaspot", "network": "test_resnet", "crop": 32},
            "temporal": {"name": "bigru", "hidden": 8},
            "classes": ["DRIVE", "PASS", "something else"],
            "positions": 16,
            "branch_heads": True,
        },
        {"clips": {"frames": 16, "overlap": 8, "start": -5}, "suppression": SOFT},
    ),
    "tdeed": (
        {
            "backbone": {"name": "test_resnet", "shift": "gsf", "shift_variant": "published"},
            "temporal": {"name": "sgp", "variant": "published", "dim": 16},
            "head": {"name": "linear", "displacement": 4, "team": True},
            "positions": 16,
        },
        {"clips": {"frames": 16, "overlap": 12, "start": -5}, "suppression": SOFT},
    ),
    "e2espot": (
        {
            "backbone": {"name": "test_resnet", "shift": "gsm", "shift_variant": "published"},
            "temporal": {"name": "bigru", "hidden": 8},
        },
        {
            "clips": {"frames": 16, "overlap": 8, "start": -5, "outside": "mean"},
            "suppression": {"method": "keep_highest", "window": 2},
        },
    ),
}


def published_like(name: str, **inference: object) -> tuple[SpottingNet, SavedModelConfig]:
    """A net with random weights whose scores differ from frame to frame, and its settings."""
    parts, settings = MODELS[name]
    parts["backbone"]["pretrained"] = False
    model = ModelConfig.model_validate(parts)
    torch.manual_seed(3)
    net = build_model(model).eval()
    with torch.no_grad():
        for name_, weights in net.named_parameters():
            if ".gate." in name_ or name_ == "positions.vectors":
                weights.normal_(std=0.5)
        net.head.linear.weight.mul_(20)
        if net.head.radius:
            net.head.displacement.weight.mul_(20)
    config = SavedModelConfig(
        fps=12.5,
        width=SIZE[0],
        height=SIZE[1],
        model=model,
        inference=InferenceConfig.model_validate({**settings, **inference}),
    )
    return net, config


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """Noise without loss of a bit over 4 seconds: 53 sampled frames."""
    path = tmp_path_factory.mktemp("video") / "noise.mov"
    times = steady(25, 4.2)
    random = np.random.default_rng(0)
    base = random.integers(0, 256, (SIZE[1], SIZE[0], 3))
    images = [
        (base * random.uniform(0.2, 1) + random.integers(0, 40, base.shape)).clip(0, 255)
        for _ in times
    ]
    frames = [image.astype(np.uint8) for image in images]
    options = {"codec": "qtrle", "pixel_format": "rgb24", "size": SIZE, "frames": frames}
    return write_video(path, times, **options)


def plain_events(
    net: SpottingNet, config: SavedModelConfig, video: Path
) -> list[tuple[int, str, float, Team]]:
    """Time, action, score and team of all events, sorted."""
    batches = list(read_frames(video, config.fps, config.size))
    frames = np.concatenate([batch.frames for batch in batches]).transpose(0, 3, 1, 2) / 255
    times = np.concatenate([batch.pts_ms for batch in batches])
    clips = config.inference.clips
    mean = np.array(config.model.preprocessing.mean)[:, None, None]
    outside = mean if clips.outside == "mean" else np.zeros((3, 1, 1))
    teams = net.head.team is not None
    total: dict[int, list[np.ndarray]] = {t: [] for t in range(len(frames))}
    start = clips.start
    while True:
        clip = [frames[t] if t in total else outside + 0 * frames[0] for t in clip_of(start, clips)]
        batch = torch.from_numpy(np.stack(clip)).float()[None]
        with torch.inference_mode():
            scores = net(batch)
        rows = scores.logits[0].double().softmax(-1).numpy()
        if scores.displacement is not None:
            moved = np.zeros_like(rows)
            for t, d in enumerate(scores.displacement[0].numpy()):
                to = min(max(t + round(float(d)), 0), len(rows) - 1)
                moved[to] = np.maximum(moved[to], rows[t])
            rows = moved
        if teams:
            right = scores.team[0].double().sigmoid().numpy()[:, None]
            rows = np.concatenate([rows[:, :1], (1 - right) * rows[:, 1:], right * rows[:, 1:]], 1)
        for t, row in zip(clip_of(start, clips), rows, strict=True):
            if t in total and row.any():
                total[t].append(row)
        if start + clips.frames >= len(frames):
            break
        start += clips.frames - clips.overlap
    empty = np.zeros(rows.shape[1])
    averaged = np.stack([np.mean(rows, axis=0) if rows else empty for rows in total.values()])[
        :, 1:
    ]
    names = [label.value for label in config.actions]
    found = []
    for k, name in enumerate(names):
        columns = averaged[:, [k, k + len(names)] if teams else [k]].copy()
        for t, side, score in plain_suppression(columns, config.inference):
            team = (Team.LEFT, Team.RIGHT)[side] if teams else Team.UNKNOWN
            found.append((int(times[t]), name, score, team))
    return sorted(found)


def clip_of(start: int, clips) -> range:
    return range(start, start + clips.frames)


def plain_suppression(scores: np.ndarray, config: InferenceConfig) -> list[tuple[int, int, float]]:
    window, least = config.suppression.window, config.threshold
    candidates = {at: s for at, s in np.ndenumerate(scores) if s >= least}
    if config.suppression.method == "keep_highest":
        return [
            (t, k, s)
            for (t, k), s in candidates.items()
            if all(other <= s for (u, _), other in candidates.items() if abs(u - t) <= window)
        ]
    found = []
    while candidates and max(candidates.values()) >= least:
        (t, k), score = max(candidates.items(), key=lambda item: item[1])
        found.append((t, k, score))
        for u, j in candidates:
            if abs(u - t) <= window:
                candidates[u, j] *= (abs(u - t) / window) ** 2
    return found


def listed(events: EventList) -> list[tuple[int, str, float, Team]]:
    return sorted((e.position_ms, e.label.value, e.confidence, e.team) for e in events)


def assert_equal(found: EventList, expected: list[tuple[int, str, float, Team]]) -> None:
    events = listed(found)
    assert [(e[0], e[1], e[3]) for e in events] == [(e[0], e[1], e[3]) for e in expected]
    assert np.allclose([e[2] for e in events], [e[2] for e in expected], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_events_of_a_video_are_those_of_the_description(name, video):
    net, config = published_like(name)
    expected = plain_events(net, config, video)
    found = Spotter(net, config, device="cpu", precision="32").spot(video)
    assert_equal(found, expected)
    # The cases are not trivial: several actions, and scores in the whole range.
    assert len({event[1] for event in expected}) > 1
    scores = [event[2] for event in expected]
    assert min(scores) < 0.1 and max(scores) > 0.3


def test_a_video_shorter_than_a_clip_is_spotted(tmp_path):
    path = write_video(
        tmp_path / "short.mov", steady(25, 0.4), size=SIZE, codec="qtrle", pixel_format="rgb24"
    )
    net, config = published_like("adaspot", clips={"frames": 16, "overlap": 8, "start": -3})
    spotter = Spotter(net, config, device="cpu", precision="32")
    assert sum(len(part.pts_ms) for part in spotter.scores(path)) == 5
    assert_equal(spotter.spot(path), plain_events(net, config, path))


def test_events_of_a_part_are_those_of_the_whole_video(video):
    clips = {"frames": 16, "overlap": 8, "start": -5}
    net, config = published_like("tdeed", threshold=0.2, clips=clips)
    spotter = Spotter(net, config, device="cpu", precision="32")
    whole = listed(spotter.spot(video))
    for start, end in [(0, 1500), (1000, 2600), (2999, None)]:
        inside = [event for event in whole if start <= event[0] < (end or 10**6)]
        assert len(inside) > 3
        assert listed(spotter.spot(video, start_ms=start, end_ms=end)) == inside


def test_batches_of_any_size_have_the_same_scores(video):
    net, config = published_like("tdeed")
    spotter = Spotter(net, config, device="cpu", precision="32")
    whole = np.concatenate([part.probabilities for part in spotter.scores(video)])
    single = spotter.scores(read_frames(video, config.fps, config.size, batch_frames=1))
    parts = list(single)
    assert np.array_equal(np.concatenate([part.probabilities for part in parts]), whole)
    # Scores come as soon as no later clip contains their frame.
    assert len(parts) > 5


def test_events_come_while_the_video_is_read(video):
    net, config = published_like("tdeed", threshold=0.2)
    spotter = Spotter(net, config, device="cpu", precision="32")
    read: list[int] = []

    def watched():
        for batch in read_frames(video, config.fps, config.size, batch_frames=4):
            read.append(int(batch.pts_ms[-1]))
            yield batch

    lag = [read[-1] - event.position_ms for event in spotter.stream(watched())]
    assert min(lag) < 2500


def test_progress_reaches_the_end(video):
    net, config = published_like("e2espot")
    seen = []
    Spotter(net, config, device="cpu", precision="32").spot(video, progress=seen.append)
    assert seen[-1].done == seen[-1].total and len(seen) > 3


@pytest.mark.slow
def test_events_of_adaspot_with_the_weights_of_a_checkpoint_are_those_of_the_description(tmp_path):
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set: it names the folder of the reference vectors")
    published = find_published("adaspot-small")
    keys = Path(folder) / "adaspot_soccernetball_small" / "keys.json"
    program = runpy.run_path(str(Path(folder) / "fill.py"))
    arrays = program["fill_all"](json.loads(keys.read_text())["keys"], 1)
    net = published.build({name: torch.from_numpy(array) for name, array in arrays.items()})
    video = tmp_path / "part.mp4"
    cut_video(sample_match() / "224p.mp4", 0, 9000, video)
    found = Spotter(net, published.config, device="cpu", precision="32").spot(video)
    assert len(found) > 100
    assert_equal(found, plain_events(net, published.config, video))


def test_classes_in_another_order_get_the_scores_of_their_names(video):
    """Also without clips: the same net, whose classes are named in two orders."""
    names = [action.value for action in reversed(Action)]
    net, config = random_model()
    model = ModelConfig.model_validate(config.model.model_dump() | {"classes": names})
    renamed = config.model_copy(update={"model": model})
    scores, other = (
        np.concatenate([part.probabilities for part in Spotter(net, c, device="cpu").scores(video)])
        for c in (config, renamed)
    )
    assert np.array_equal(other, scores)
    found, other = (
        [event.label for event in Spotter(net, c, device="cpu").spot(video)]
        for c in (config, renamed)
    )
    opposite = dict(zip(Action, reversed(Action), strict=True))
    assert sorted(other) == sorted(opposite[label] for label in found)
