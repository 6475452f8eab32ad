"""Tracker, camera cuts, levels of the simulated detector, and tracking of a whole video."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_tracks import tiny_tracks

from onball.errors import InputError, VideoError
from onball.formats.tracks_parquet import read_tracks
from onball.tracking.detectors.base import Detections
from onball.tracking.detectors.simulated import LEVELS, SimulatedDetector
from onball.tracking.pipeline import track_video
from onball.tracking.tracker import CutDetector, Tracker, camera_shift
from onball.tracks import BALL, PERSON, UNTRACKED
from onball.video import VideoWriter

RNG = np.random.default_rng(0)
PLACES = RNG.uniform([20, 20], [380, 200], (12, 2))


def people(shift=(0.0, 0.0), order=None):
    centres = PLACES + shift
    boxes = np.concatenate([centres - [3, 8], centres + [3, 8]], axis=1).astype(np.float32)
    boxes = boxes if order is None else boxes[order]
    count = len(boxes)
    return Detections(boxes, np.full(count, 0.9, np.float32), np.full(count, PERSON, np.uint8))


def ball_at(x, y):
    return Detections(
        np.array([[x - 1, y - 1, x + 1, y + 1]], np.float32),
        np.array([0.8], np.float32),
        np.array([BALL], np.uint8),
    )


def joined(*parts):
    return Detections(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def test_people_keep_their_tracks_while_the_camera_pans_by_more_than_their_width():
    tracker = Tracker(12.5)
    seen = [tracker.update(people((9 * frame, 2 * frame))) for frame in range(20)]
    assert (seen[5] != UNTRACKED).all()
    assert all(np.array_equal(ids, seen[5]) for ids in seen[5:])


def test_tracks_do_not_depend_on_the_order_of_boxes():
    tracker = Tracker(12.5)
    for _ in range(3):
        first = tracker.update(people())
    order = np.random.default_rng(1).permutation(12)
    assert np.array_equal(tracker.update(people(order=order)), first[order])


def test_after_a_cut_all_tracks_are_new_and_no_id_is_reused():
    tracker = Tracker(12.5)
    before = [tracker.update(people()) for _ in range(4)][-1]
    tracker.reset()
    after = [tracker.update(people()) for _ in range(4)][-1]
    assert not set(before) & set(after)
    assert tracker.count == 24


def test_a_flying_ball_is_one_track_and_not_that_of_a_person():
    tracker = Tracker(12.5)
    seen = [tracker.update(joined(people(), ball_at(50 + 12 * f, 100))) for f in range(15)]
    balls = {int(ids[-1]) for ids in seen[3:]}
    assert len(balls) == 1 and UNTRACKED not in balls
    assert not balls & set(seen[-1][:-1].tolist())


def test_frames_without_people_are_accepted():
    tracker = Tracker(12.5)
    assert len(tracker.update(Detections.none())) == 0
    assert len(tracker.update(people())) == 12
    assert len(tracker.update(Detections.none())) == 0


def test_the_motion_of_the_camera_is_that_of_most_people():
    before, now = people().boxes.astype(float), people((7, -3)).boxes.astype(float)
    now[:3] += 15  # three run elsewhere
    assert camera_shift(before, now) == pytest.approx([7, -3], abs=0.01)
    assert camera_shift(before[:2], now[:2]).tolist() == [0, 0]


def scene(seed, step):
    image = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), np.uint8)
    return np.roll(np.kron(image, np.ones((10, 10, 1), np.uint8)), step, axis=1)


def test_a_cut_is_reported_at_its_first_frame_and_a_pan_is_not():
    detector = CutDetector(12.5)
    is_cut = [detector.is_cut(scene(index // 20, index)) for index in range(60)]
    assert np.flatnonzero(is_cut).tolist() == [20, 40]


def test_the_simulated_detector_has_the_error_rates_of_its_level():
    truth = tiny_tracks(duration_ms=60_000)
    times = np.arange(0, 60_000, 160, dtype=np.int64)
    mean_balls = {}
    for level, noise in LEVELS.items():
        found = SimulatedDetector(truth, level).detect(np.zeros(0, np.uint8), times)
        balls = np.mean([(f.kinds == BALL).sum() for f in found])
        mean_balls[level] = balls
        missed = 1 - (1 - noise.ball_missed) * (1 - 0.75 * noise.ball_burst)
        at_people = 4 * 0.7 * noise.decoys
        expected = 1 - missed + noise.false_balls + at_people
        assert balls == pytest.approx(expected, abs=0.08 + 0.2 * at_people), level
        people = np.mean([(f.kinds != BALL).sum() for f in found])
        assert people <= 4 + noise.false_people + 0.1
        for one in found[::25]:
            assert (one.boxes >= 0).all() and (one.boxes <= [64, 36, 64, 36]).all()
            assert ((one.scores >= 0) & (one.scores <= 1)).all()
    assert mean_balls["perfect"] == 1.0


def test_its_errors_do_not_depend_on_the_batching_of_frames():
    truth = tiny_tracks(duration_ms=4000)
    times = np.arange(0, 4000, 80, dtype=np.int64)
    whole = SimulatedDetector(truth, "strong", 3).detect(np.zeros(0, np.uint8), times)
    detector = SimulatedDetector(truth, "strong", 3)
    alone = [detector.detect(np.zeros(0, np.uint8), times[i : i + 1])[0] for i in (40, 7)]
    assert np.array_equal(alone[0].boxes, whole[40].boxes)
    assert np.array_equal(alone[1].scores, whole[7].scores)
    other = SimulatedDetector(truth, "strong", 4).detect(np.zeros(0, np.uint8), times)
    assert not all(np.array_equal(a.boxes, b.boxes) for a, b in zip(whole, other, strict=True))


def test_an_unknown_level_is_reported():
    with pytest.raises(InputError, match=r"unknown level 'brutal': one of perfect, mild"):
        SimulatedDetector(tiny_tracks(), "brutal")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Video of 36 s at 12.5 frames per second, with a cut after 30 s."""
    path = tmp_path_factory.mktemp("videos") / "video.mp4"
    with VideoWriter(path, (160, 90), 12.5) as writer:
        for index in range(450):
            writer.write(scene(index // 375, index // 5))
    return path


@pytest.fixture(scope="module")
def whole(video, tmp_path_factory):
    """Tracks of an uninterrupted call."""
    path = tmp_path_factory.mktemp("whole") / "t.parquet"
    track_video(video, Finder(), path)
    return path


class Finder:
    """Detects twelve people and a moving ball; counts its frames."""

    name = "finder"

    def __init__(self, stop_at: int | None = None) -> None:
        self.shown = 0
        self._stop_at = stop_at

    def detect(self, frames, times_ms):
        self.shown += len(frames)
        if self._stop_at is not None and self.shown > self._stop_at:
            raise KeyboardInterrupt
        small = [joined(people(), ball_at(20 + (t // 80) % 100, 50)) for t in times_ms.tolist()]
        largest = np.array([160, 90, 160, 90])
        clipped = [f._replace(boxes=f.boxes.clip(0, largest).astype(np.float32)) for f in small]
        return [
            Detections(*(column[whole] for column in f))
            for f in clipped
            for whole in [((f.boxes[:, 2] > f.boxes[:, 0]) & (f.boxes[:, 3] > f.boxes[:, 1]))]
        ]


def test_a_video_becomes_a_tracks_file_with_its_cuts(video, tmp_path):
    done: list[int] = []
    summary = track_video(
        video, Finder(), tmp_path / "t.parquet", progress=lambda at: done.append(int(at.done))
    )
    tracks = read_tracks(tmp_path / "t.parquet", video)
    assert summary.frames == 450 and summary.cuts == 1 and tracks.video.cuts_ms == (30_000,)
    assert summary.frames_with_ball == 450
    assert done == sorted(done) and done[-1] == 449 * 80
    before = set(tracks.track_ids[tracks.time_ms < 30_000]) - {UNTRACKED}
    after = set(tracks.track_ids[tracks.time_ms >= 30_000]) - {UNTRACKED}
    assert before and after and not before & after
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.parametrize("stop_at", [310, 380])
def test_interrupted_tracking_resumes_and_gives_the_same_tracks(video, whole, tmp_path, stop_at):
    with pytest.raises(KeyboardInterrupt):
        track_video(video, Finder(stop_at), tmp_path / "t.parquet")
    assert not (tmp_path / "t.parquet").exists()
    finder = Finder()
    summary = track_video(video, finder, tmp_path / "t.parquet")
    assert finder.shown < 220 and summary.frames == 450 and summary.detected < 220
    one, other = read_tracks(whole), read_tracks(tmp_path / "t.parquet")
    for name in ("time_ms", "track_ids", "kinds", "boxes", "scores"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.video == other.video


@pytest.mark.parametrize("cuts", [(256,), (250, 257), (255, 262)])
def test_cuts_near_an_interruption_are_those_of_an_uninterrupted_call(tmp_path, cuts):
    video = tmp_path / "video.mp4"
    with VideoWriter(video, (160, 90), 12.5) as writer:
        for index in range(280):
            writer.write(scene(sum(index >= cut for cut in cuts), index // 5))
    track_video(video, Finder(), tmp_path / "whole.parquet")
    with pytest.raises(KeyboardInterrupt):
        track_video(video, Finder(stop_at=270), tmp_path / "t.parquet")
    finder = Finder()
    track_video(video, finder, tmp_path / "t.parquet")
    assert finder.shown == 280 - 256  # the cuts are near the interruption
    one, other = (read_tracks(tmp_path / name) for name in ("whole.parquet", "t.parquet"))
    assert one.video.cuts_ms and one.video == other.video
    assert np.array_equal(one.track_ids, other.track_ids)


class Neighbours(Finder):
    """The same, with the neighbours of each frame."""

    farthest_neighbour_ms = 80.0

    def detect_among(self, frames, before, after, times_ms):
        # What it finds depends on the neighbours too.
        found = self.detect(np.stack(frames), times_ms)
        for one, *others in zip(found, before, after, strict=True):
            one.scores[:] = 0.5 + np.mean(others) / 512
        return found


@pytest.mark.parametrize("cut", [513, 514])
def test_cuts_between_the_frames_of_a_low_rate_are_found_and_kept(tmp_path, cut):
    video = tmp_path / "video.mp4"
    with VideoWriter(video, (160, 90), 12.5) as writer:
        for index in range(560):
            writer.write(scene(index >= cut, index // 5))
    summary = track_video(video, Neighbours(), tmp_path / "whole.parquet", fps=6.25)
    with pytest.raises(KeyboardInterrupt):
        track_video(video, Neighbours(stop_at=270), tmp_path / "t.parquet", fps=6.25)
    finder = Neighbours()
    track_video(video, finder, tmp_path / "t.parquet", fps=6.25)
    assert 0 < finder.shown < 40 and summary.frames == 280
    one, other = (read_tracks(tmp_path / name) for name in ("whole.parquet", "t.parquet"))
    assert one.video == other.video and one.video.cuts_ms == (80 * cut,)
    for name in ("time_ms", "track_ids", "boxes", "scores"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    before, after = (
        set(one.track_ids[mask]) - {UNTRACKED}
        for mask in (one.time_ms < 80 * cut, one.time_ms >= 80 * cut)
    )
    assert before and after and not before & after


def test_another_detector_does_not_resume_from_cached_detections(video, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        track_video(video, Finder(310), tmp_path / "t.parquet")
    other = Finder()
    other.name = "another"
    track_video(video, other, tmp_path / "t.parquet")
    assert other.shown == 450


def test_a_file_that_is_no_video_is_reported(tmp_path):
    (tmp_path / "video.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"video\.mp4"):
        track_video(tmp_path / "video.mp4", Finder(), tmp_path / "t.parquet")
