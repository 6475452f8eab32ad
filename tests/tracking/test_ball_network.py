"""The ball network: targets and their decoding, samples, neighbours of frames, the bundled weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_tracks import tiny_tracks

from onball.actions import Action
from onball.assets import sample_match
from onball.errors import DataError, InputError, ModelError
from onball.events import Event
from onball.formats.tracks_parquet import read_about, read_tracks
from onball.simulator.excerpts import INTERVALS_MS, ExcerptPlan, moments, write_excerpts
from onball.tracking.detectors.ball_layout import OUTPUTS
from onball.tracking.detectors.ballnet import BallAndPeople, BallNetDetector, decode_maps
from onball.tracking.detectors.base import Detections
from onball.tracking.detectors.opening import open_detector
from onball.tracking.pipeline import track_video
from onball.tracks import BALL, GOAL, PERSON, are_people
from onball.training.ball.network import BallNetwork
from onball.training.ball.samples import Excerpts, network_input, random_crop, target_maps
from onball.training.ball.training import (
    BallTraining,
    export_onnx,
    train_ball_network,
    training_loss,
)
from onball.video import VideoWriter, read_frames

SIZE = (256, 192)
BOXES = np.array([[100, 50, 106, 56], [30, 40, 45, 80], [180, 20, 240, 50]], np.float32)
CLASSES = np.array([0, 1, 2])


def perfect_maps(boxes=BOXES, classes=CLASSES):
    """The maps of a network that makes no error."""
    targets = target_maps(boxes, classes, SIZE)
    parts = torch.split(targets.regression, (2, 1, 2, 2, 2, 2))
    return [targets.centres.numpy().astype(np.float32), *(part.numpy() for part in parts)]


def test_the_width_of_frames_is_part_of_the_detectors_name():
    detector = open_detector("ballnet:512", threads=1)
    assert detector.name == "ballnet, score 0.1, width 512"
    assert detector.frame_size(1280, 720) == (512, 288)
    assert detector.frame_size(398, 224) == (398, 224)
    assert (
        open_detector("ballnet:640").name == open_detector("ballnet").name == "ballnet, score 0.1"
    )


@pytest.mark.parametrize("name", ["ballnet:fast", "ballnet:64", "ballnet:-512", "ballnet:²"])
def test_a_width_that_is_none_is_reported_in_one_line(name):
    with pytest.raises(
        InputError, match=f"^detector {name}: .*from 160 to 3840, such as ballnet:512$"
    ):
        open_detector(name)


def test_people_are_at_the_same_places_at_another_width():
    frames = next(iter(read_frames(sample_match() / "224p.mp4", size=None))).frames[:3]
    times = np.array([0, 80, 160])
    small, usual = (
        open_detector(name, threads=1).detect(frames, times)[1]
        for name in ("ballnet:512", "ballnet")
    )
    centres = [
        (found.boxes[:, :2] + found.boxes[:, 2:])[are_people(found.kinds) & (found.scores > 0.5)]
        / 2
        for found in (small, usual)
    ]
    assert min(map(len, centres)) >= 5
    distances = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2).min(1)
    assert np.median(distances) < 1.5


def test_targets_decode_to_the_boxes_they_were_drawn_from():
    found = decode_maps(perfect_maps(), SIZE, 1.0)
    order = np.argsort([{BALL: 0, PERSON: 1, GOAL: 2}[kind] for kind in found.kinds.tolist()])
    assert found.kinds[order].tolist() == [BALL, PERSON, GOAL]
    assert np.allclose(found.boxes[order], BOXES, atol=1e-3)


def test_boxes_are_on_the_scale_of_the_frame_and_within_it():
    found = decode_maps(perfect_maps(), (512, 110), 2.0)
    assert np.allclose(found.boxes[found.kinds == BALL], [[200, 100, 212, 110]], atol=1e-3)


def test_the_loss_is_least_for_the_targets_themselves():
    targets = target_maps(BOXES, CLASSES, SIZE)
    batch = type(targets)(*(value[None] for value in targets))
    network = BallNetwork()
    maps = network(torch.zeros(1, 5, SIZE[1], SIZE[0]))
    sure = torch.where(batch.centres, 12.0, -12.0)
    parts = torch.split(batch.regression, (2, 1, 2, 2, 2, 2), dim=1)
    assert training_loss(type(maps)(sure, *parts), batch) < 1e-3
    assert training_loss(maps, batch) > 1
    assert sum(weight.numel() for weight in network.parameters()) < 400_000


def test_the_input_is_the_frame_and_the_luma_of_its_neighbours():
    frames = np.zeros((3, 4, 6, 3), np.uint8)
    frames[0], frames[1], frames[2] = (255, 0, 0), (1, 2, 3), (0, 0, 255)
    assert network_input(frames)[:, 0, 0].tolist() == [1, 2, 3, 76, 29]


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("excerpts") / "00000"
    write_excerpts(
        ExcerptPlan(1, excerpts=2, frames=3, width=320, height=192, match_ms=8000), folder
    )
    return folder


def test_every_fourth_excerpt_is_at_a_shot_or_a_goal(monkeypatch):
    shots = [Event(20_000, Action.SHOT), Event(60_000, Action.GOAL)]
    events = [*shots, *(Event(at, Action.PASS) for at in range(100_000, 160_000, 900))]
    begins = list(moments(events, ExcerptPlan(1, excerpts=40), 40, np.random.default_rng(0)))
    assert len(begins) == 40
    for begin_ms in begins[3::4]:
        assert min(abs(begin_ms - 20_000), abs(begin_ms - 60_000)) <= 500
    for begin_ms in begins[1::4]:
        assert any(0 <= event.position_ms - begin_ms <= 360 for event in events)


def test_crops_keep_what_they_show_in_place(excerpts):
    read = Excerpts.read(excerpts)
    assert read.frames.shape == (6, 192, 320, 3)
    assert read.centres.tolist() == [1, 4]  # the others lack a neighbour in their excerpt
    tracks = read_tracks(excerpts / "tracks.parquet")
    assert sum(len(boxes) for boxes in read.boxes) >= len(tracks)
    rng = np.random.default_rng(0)
    samples = [random_crop(read, (128, 96), rng) for _ in range(20)]
    assert all(sample.frames.shape == (5, 96, 128) for sample in samples)
    assert sum(bool(sample.targets.centres[0].any()) for sample in samples) >= 8


@pytest.mark.slow
def test_an_interrupted_training_goes_on(excerpts, tmp_path):
    settings = BallTraining(steps=2, batch=2, precision="32")
    seen = []
    model = train_ball_network(
        excerpts.parent, tmp_path, settings, workers=0, progress=lambda p: seen.append(p.done)
    )
    assert seen == [1, 2] and BallNetDetector(model, threads=1).name == "ball.onnx, score 0.1"
    train_ball_network(
        excerpts.parent, tmp_path, settings, workers=0, progress=lambda p: seen.append(0)
    )
    assert seen == [1, 2]
    with pytest.raises(DataError, match="other settings"):
        train_ball_network(excerpts.parent, tmp_path, replace(settings, seed=1), workers=0)


def test_a_training_without_excerpts_is_refused(tmp_path):
    with pytest.raises(DataError, match="no excerpts"):
        train_ball_network(tmp_path, tmp_path / "out")


class _Recorder:
    """Detector that finds nothing, and records which neighbours it was shown."""

    name = "recorder"
    farthest_neighbour_ms = 80.0

    def detect(self, frames, times_ms):
        raise AssertionError("a detector that needs neighbours gets them")

    def detect_among(self, frames, before, after, times_ms):
        found = []
        for frame, earlier, later in zip(frames, before, after, strict=True):
            values = [int(image[0, 0, 0]) // 4 for image in (earlier, frame, later)]
            shown.append(tuple(values))
            found.append(Detections.none())
        return found


shown: list[tuple[int, int, int]] = []


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """A video of 41 frames that get brighter from one to the next."""
    video = tmp_path_factory.mktemp("numbered") / "v.mp4"
    with VideoWriter(video, (64, 48), 12.5, crf=0) as writer:
        for number in range(41):
            writer.write(np.full((48, 64, 3), 4 * number + 2, np.uint8))
    return video


def test_the_detector_gets_the_neighbours_of_each_frame_also_across_batches(numbered, tmp_path):
    shown.clear()
    track_video(numbered, _Recorder(), tmp_path / "t.parquet", threads=1)
    middle = [frame for _, frame, _ in shown]
    assert len(middle) == 41
    # Lossy colours differ by less than a step: the numbers ascend by one each.
    for index, (before, frame, after) in enumerate(shown):
        assert before == (middle[index - 1] if index else frame)
        assert after == (middle[index + 1] if index < 40 else frame)


@pytest.mark.parametrize("fps, steps", [(6.25, 2), (12.5 / 3, 3), (12.0, 1)])
def test_at_a_low_rate_the_neighbours_are_as_near_as_the_detector_wants(
    numbered, tmp_path, fps, steps
):
    shown.clear()
    track_video(numbered, _Recorder(), tmp_path / "dense.parquet", fps=fps * steps, threads=1)
    dense = list(shown)
    shown.clear()
    summary = track_video(numbered, _Recorder(), tmp_path / "t.parquet", fps=fps, threads=1)
    assert shown == dense[::steps] and summary.frames == len(shown)
    assert read_about(tmp_path / "t.parquet")["fps"] == fps


def test_the_ball_network_wants_neighbours_as_in_its_training():
    assert BallNetDetector(threads=1).farthest_neighbour_ms == max(INTERVALS_MS)


@pytest.fixture(scope="module")
def sample_frames():
    batches = read_frames(
        sample_match() / "224p.mp4", fps=12.5, size=None, start_ms=20_000, end_ms=20_700
    )
    return np.concatenate([batch.frames for batch in batches])


def test_the_bundled_weights_find_people_and_a_ball_in_a_simulated_match(sample_frames):
    detector = open_detector("ballnet", threads=1)
    found = detector.detect(sample_frames, np.arange(len(sample_frames)) * 80)
    people = [int(are_people(one.kinds).sum()) for one in found]
    assert min(people) >= 4
    assert np.mean([(one.scores[one.kinds == BALL] > 0.3).any() for one in found]) > 0.5
    size = np.array([398, 224, 398, 224])
    assert all((one.boxes >= 0).all() and (one.boxes <= size).all() for one in found)


def test_several_threads_find_the_same(sample_frames, tmp_path):
    video = tmp_path / "v.mp4"
    with VideoWriter(video, (398, 224), 12.5) as writer:
        for frame in sample_frames:
            writer.write(frame)
    tables = []
    for threads in (1, 3):
        out = tmp_path / f"{threads}.parquet"
        track_video(video, open_detector("ballnet", threads=threads), out, threads=threads)
        tables.append(read_tracks(out))
    one, other = tables
    assert len(one) and np.array_equal(one.boxes, other.boxes)
    assert np.array_equal(one.track_ids, other.track_ids)


class _WithNormalisation(torch.nn.Module):
    """Network as it was exported before its input was normalised outside."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, frames):
        maps = self.network(frames)
        return (maps.logits.sigmoid(), *maps[1:])


def test_networks_that_normalise_their_input_find_the_same(sample_frames, tmp_path):
    torch.manual_seed(0)
    network = BallNetwork().eval()
    one, other = export_onnx(network, tmp_path / "one.onnx"), tmp_path / "other.onnx"
    torch.onnx.export(
        _WithNormalisation(network), (torch.zeros(1, 5, 384, 640),), str(other), dynamo=False,
        input_names=["frames"], output_names=list(OUTPUTS),
    )  # fmt: skip
    times = np.arange(3) * 80
    found, same = (
        BallNetDetector(path, threshold=0.001, threads=1).detect(sample_frames[:3], times)
        for path in (one, other)
    )
    for first, second in zip(found, same, strict=True):
        assert len(first.boxes) and np.allclose(first.boxes, second.boxes, atol=1e-2)


class _Halving:
    """Detector that takes frames of half the size, and finds one person who fills all but a margin."""

    name = "halving"

    def frame_size(self, width, height):
        return width // 2, height // 2

    def detect(self, frames, times_ms):
        height, width = frames.shape[1:3]
        box = np.array([[8, 6, width + 0.25, height]], np.float32)
        found = Detections(box, np.ones(1, np.float32), np.array([PERSON], np.uint8))
        return [found] * len(frames)


def test_a_detector_gets_small_frames_and_its_boxes_are_in_pixels_of_the_video(tmp_path):
    video = tmp_path / "v.mp4"
    with VideoWriter(video, (64, 48), 12.5) as writer:
        for _ in range(20):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    track_video(video, _Halving(), tmp_path / "t.parquet")
    tracks = read_tracks(tmp_path / "t.parquet", video)
    assert (tracks.video.width, tracks.video.height, len(tracks)) == (64, 48, 20)
    assert (tracks.boxes == [16, 12, 64, 48]).all()


def test_large_frames_are_scaled_while_they_are_read(sample_frames, tmp_path):
    video = tmp_path / "v.mp4"
    with VideoWriter(video, (1194, 672), 12.5, crf=10) as writer:
        for frame in sample_frames[:4]:
            writer.write(np.kron(frame, np.ones((3, 3, 1), np.uint8)))
    detector = BallNetDetector(threads=1)
    assert detector.frame_size(1194, 672) == (640, 360)
    assert detector.frame_size(640, 480) == (640, 480) and detector.frame_size(398, 224)[0] == 398
    track_video(video, detector, tmp_path / "t.parquet")
    tracks = read_tracks(tmp_path / "t.parquet", video)
    (batch,) = read_frames(video, 12.5, None)
    whole = detector.detect(batch.frames, batch.pts_ms)
    for time_ms, found in zip(batch.pts_ms.tolist(), whole, strict=True):
        boxes = tracks.boxes[(tracks.time_ms == time_ms) & (tracks.scores > 0.5)]
        sure = found.boxes[found.scores > 0.5]
        away = np.abs(boxes[:, None] - sure).max(axis=2).min(axis=0)
        assert len(sure) and np.median(away) < 2


def test_the_ball_of_the_network_joins_the_people_of_another_detector(sample_frames):
    class Everywhere:
        name = "everywhere"

        def detect(self, frames, times_ms):
            kinds = np.array([PERSON, BALL], np.uint8)
            boxes = np.array([[1, 1, 9, 30], [300, 200, 302, 202]], np.float32)
            return [Detections(boxes, np.ones(2, np.float32), kinds)] * len(frames)

    both = BallAndPeople(Everywhere(), BallNetDetector(people=False, threads=1))
    found = both.detect(sample_frames[:3], np.arange(3) * 80)
    assert both.name == "everywhere; ball by ballnet, score 0.1"
    for one in found:
        assert are_people(one.kinds).sum() == 1
        assert not np.isclose(one.boxes[one.kinds == BALL], [300, 200, 302, 202]).all(1).any()


def test_tiles_and_other_networks_are_refused(tmp_path):
    with pytest.raises(InputError, match="leave out the tiles"):
        open_detector("ballnet", tiles="2x1")
    from tiny_detectors import write_detector

    with pytest.raises(ModelError, match="no ball network"):
        BallNetDetector(write_detector(tmp_path / "m.onnx", "yolox"))


def test_goals_are_no_people():
    tracks = tiny_tracks()
    goals = replace(tracks, kinds=np.full(len(tracks), GOAL, np.uint8))
    assert not goals.of_people.any()
    assert tracks.of_people.sum() == (tracks.kinds != BALL).sum()
