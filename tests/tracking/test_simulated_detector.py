"""The simulated detector: each kind of error separately, and the frames it uses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_tracks import tiny_tracks

from onball.errors import DataError
from onball.formats.tracks_parquet import write_tracks
from onball.tracking.detectors.opening import open_detector
from onball.tracking.detectors.simulated import LEVELS, DetectorNoise, SimulatedDetector
from onball.tracks import BALL, GOAL, KINDS, PERSON, TRACKS_FILE, TrackedVideo, Tracks

KEEPER, REFEREE = KINDS.index("goalkeeper"), KINDS.index("referee")
NO_PIXELS = np.zeros(0, np.uint8)
STEP_MS = 40


def static_tracks(boxes, kinds, frames=500):
    """Tracks with the same boxes in every frame."""
    count = len(boxes)
    return Tracks(
        np.repeat(np.arange(frames, dtype=np.int64) * STEP_MS, count),
        np.tile(np.arange(count, dtype=np.int64), frames),
        np.tile(np.array(kinds, np.uint8), frames),
        np.tile(np.array(boxes, np.float32), (frames, 1)),
        np.ones(count * frames, np.float32),
        TrackedVideo(400, 224, frames * STEP_MS, 1000 / STEP_MS),
    )


def found_in(truth, noise, seed=0, every=1):
    """Detections in every n-th frame. Boxes err independently: many in few frames are a sample too."""
    times = np.unique(truth.time_ms)[::every]
    return SimulatedDetector(truth, noise, seed).detect(NO_PIXELS, times)


def runs(values):
    """Return the lengths of the runs of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(values, int), [0]])))
    return edges[1::2] - edges[::2]


def test_a_perfect_detector_returns_the_truth():
    truth = tiny_tracks([1000], duration_ms=2000)
    for time, found in zip(
        np.unique(truth.time_ms), found_in(truth, LEVELS["perfect"]), strict=True
    ):
        true = truth.where(truth.time_ms == time)
        assert np.array_equal(found.boxes, true.boxes)
        assert np.array_equal(found.kinds, true.kinds)
        assert (found.scores == 1).all()


def test_boxes_are_those_of_the_nearest_frame_unless_it_is_far():
    truth = static_tracks([(10, 10, 16, 26)], [PERSON], frames=10)
    moved = np.arange(10, dtype=np.float32)[:, None] * [1, 0, 1, 0]
    truth = Tracks(
        truth.time_ms,
        truth.track_ids,
        truth.kinds,
        (truth.boxes + moved).astype(np.float32),
        truth.scores,
        truth.video,
    ).where(truth.time_ms != 200)
    detector = SimulatedDetector(truth, "perfect")
    times = np.array([0, 19, 21, 80, 200, 380, 600])
    left = [found.boxes[:, 0].tolist() for found in detector.detect(NO_PIXELS, times)]
    assert left == [[10], [10], [11], [12], [], [19], []]


def test_false_boxes_appear_without_any_true_box():
    nothing = static_tracks([(0, 0, 5, 5)], [PERSON], frames=1)
    nothing = nothing.where(np.zeros(1, bool))
    times = np.arange(0, 20_000, 200)
    assert not any(
        len(f.boxes) for f in SimulatedDetector(nothing, "perfect").detect(NO_PIXELS, times)
    )
    strong = SimulatedDetector(nothing, "strong").detect(NO_PIXELS, times)
    assert {PERSON, BALL} == {int(kind) for found in strong for kind in found.kinds}


def test_a_false_ball_stays_at_a_person_for_seconds():
    truth = static_tracks([(100, 50, 120, 90)], [PERSON], frames=4000)
    found = found_in(truth, DetectorNoise(decoys=0.4, least_px=0.1, false_ball_score=(40.0, 60.0)))
    counts = np.array([(f.kinds == BALL).sum() for f in found])
    assert counts.max() == 1
    assert counts.mean() == pytest.approx(0.4 * 0.7, abs=0.12)
    blocks = counts[: len(counts) // 100 * 100].reshape(-1, 100).mean(axis=1)  # of four seconds
    assert np.isclose(blocks, 0).any() and blocks.max() == pytest.approx(0.7, abs=0.15)
    balls = np.concatenate([f.boxes[f.kinds == BALL] for f in found])
    middles = (balls[:, :2] + balls[:, 2:]) / 2
    assert (np.abs(middles - [110, 70]) < [30, 26]).all()
    assert (middles[:, 1] > 80).mean() > 0.5, "most are at the feet"
    scores = np.concatenate([f.scores[f.kinds == BALL] for f in found])
    assert scores.mean() == pytest.approx(0.4, abs=0.06)


def test_confidences_of_balls_and_goals_may_be_others():
    truth = static_tracks(
        [(100, 50, 103, 53), (10, 10, 80, 60), (200, 50, 220, 90)] * 20,
        [BALL, GOAL, PERSON] * 20,
        frames=100,
    )
    noise = DetectorNoise(
        score=(80.0, 20.0), ball_score=(50.0, 50.0), goal_score=(30.0, 70.0), goal_missed=0.0
    )
    found = found_in(truth, noise)
    for kind, mean in ((BALL, 0.5), (GOAL, 0.3), (PERSON, 0.8)):
        scores = np.concatenate([f.scores[f.kinds == kind] for f in found])
        assert scores.mean() == pytest.approx(mean, abs=0.01)


def test_a_ball_in_a_goal_is_missed_more_often_and_less_sure():
    noise = DetectorNoise(
        goal_missed=0.0, ball_score=(50, 50), ball_in_goal=0.4, ball_in_goal_score=(20, 80)
    )
    seen, confidence = [], []
    for place in (40, 200):
        truth = static_tracks(
            [*[(place, 30, place + 3, 33)] * 5, (10, 10, 80, 60)], [*[BALL] * 5, GOAL], frames=4000
        )
        scores = [f.scores[f.kinds == BALL] for f in found_in(truth, noise, every=5)]
        seen.append(np.mean([len(each) for each in scores]) / 5)
        confidence.append(np.concatenate(scores).mean())
    # 0.4 of the frames, and three quarters of 0.4 of the seconds.
    assert seen == pytest.approx([0.6 * 0.7, 1.0], abs=0.04)
    assert confidence == pytest.approx([0.2, 0.5], abs=0.01)


def test_positions_and_sizes_have_the_configured_deviation():
    truth = static_tracks([(100, 50, 120, 90)] * 40, [PERSON] * 40, frames=100)
    boxes = np.concatenate([f.boxes for f in found_in(truth, DetectorNoise(centre=0.1, size=0.05))])
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    assert centre.mean(axis=0) == pytest.approx([110, 70], abs=0.3)
    assert centre.std(axis=0) == pytest.approx([2, 4], rel=0.06)
    assert size.std(axis=0) == pytest.approx([1, 2], rel=0.06)


def test_a_small_ball_has_the_least_deviation_in_pixels():
    truth = static_tracks([(100, 50, 102, 52)] * 40, [BALL] * 40, frames=100)
    boxes = np.concatenate([f.boxes for f in found_in(truth, DetectorNoise(0.01, 0.01, 0.4))])
    assert ((boxes[:, :2] + boxes[:, 2:]) / 2).std(axis=0) == pytest.approx([0.4] * 2, rel=0.06)
    assert (boxes[:, 2:] - boxes[:, :2]).min() >= 1 - 1e-4


def test_boxes_are_clipped_to_the_frame():
    truth = static_tracks([(0, 100, 4, 116), (396, 208, 400, 224)], [PERSON] * 2)
    boxes = np.concatenate([f.boxes for f in found_in(truth, DetectorNoise(centre=0.3, size=0.3))])
    assert (boxes >= 0).all() and (boxes <= [400, 224, 400, 224]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert {0.0, 400.0} <= set(boxes[:, 0::2].ravel().tolist())


def test_misses_of_single_frames_are_short_and_bursts_last():
    places = np.arange(20, 320, 30)
    truth = static_tracks([(x, 50, x + 6, 66) for x in places], [PERSON] * 10, frames=500)

    def misses(noise):
        return ~np.array([np.isin(places, f.boxes[:, 0]) for f in found_in(truth, noise)])

    def runs_of_all(missed):
        return np.concatenate([runs(person) for person in missed.T])

    single = misses(DetectorNoise(missed=0.2))
    assert single.mean() == pytest.approx(0.2, abs=0.02)
    assert runs_of_all(single).mean() == pytest.approx(1 / 0.8, rel=0.1)
    burst = misses(DetectorNoise(burst=0.4))
    # Three quarters of two in five seconds.
    assert burst.mean() == pytest.approx(0.3, abs=0.08)
    assert runs_of_all(burst).min() >= 12


def test_bodies_are_hidden_independently():
    truth = static_tracks([(20, 50, 26, 66), (200, 50, 206, 66)], [PERSON] * 2, frames=4000)
    seen = np.array(
        [
            [(f.boxes[:, 0] < 100).any(), (f.boxes[:, 0] > 100).any()]
            for f in found_in(truth, DetectorNoise(burst=0.5), every=5)
        ]
    )
    assert abs(np.corrcoef(seen.T)[0, 1]) < 0.2


def test_an_occluded_person_is_missed_and_the_nearer_one_is_not():
    truth = static_tracks([(100, 50, 108, 70), (100, 52, 108, 72)], [PERSON] * 2)
    found = found_in(truth, DetectorNoise(covered=1.0))
    tops = np.concatenate([f.boxes[:, 1] for f in found])
    assert (tops == 52).sum() == 500
    # Nine tenths of it are covered.
    assert (tops == 50).sum() == pytest.approx(50, abs=25)


def test_people_and_ball_do_not_occlude_each_other():
    truth = static_tracks([(100, 50, 108, 70), (103, 60, 105, 72)], [PERSON, BALL])
    assert all(len(f.boxes) == 2 for f in found_in(truth, DetectorNoise(covered=1.0)))


def test_half_of_the_false_balls_are_at_feet_and_half_static_for_a_second():
    truth = static_tracks([(100, 50, 108, 70)], [PERSON], frames=2500)
    found = found_in(truth, DetectorNoise(false_balls=5.0), every=5)
    centres = [(f.boxes[:, :2] + f.boxes[:, 2:])[f.kinds == BALL] / 2 for f in found]
    assert np.mean([len(c) for c in centres]) == pytest.approx(5.0, abs=0.6)
    at_feet = [np.linalg.norm(c - [104, 70], axis=1) < 25 for c in centres]
    assert np.mean([near.sum() for near in at_feet]) == pytest.approx(2.5, abs=0.3)
    still = [c[~near] for c, near in zip(centres, at_feet, strict=True)]
    for second in range(0, 500, 5):
        # A ball of the next second is elsewhere.
        assert all(np.array_equal(c, still[second]) for c in still[second : second + 5])


def test_false_boxes_have_lower_confidence_than_true_ones():
    truth = static_tracks([(100, 50, 108, 70)] * 10, [PERSON] * 10, frames=200)
    found = found_in(truth, DetectorNoise(false_people=10.0, score=(7.0, 2.0)))
    first = np.concatenate([f.scores[:10] for f in found])
    others = np.concatenate([f.scores[10:] for f in found])
    assert first.mean() == pytest.approx(7 / 9, abs=0.02)
    assert others.mean() == pytest.approx(0.25, abs=0.02)
    assert len(others) == pytest.approx(2000, rel=0.1)


@pytest.mark.parametrize(
    ("knows_football", "kinds"), [(True, {KEEPER, REFEREE, BALL}), (False, {PERSON, BALL})]
)
def test_a_detector_of_everyday_objects_returns_persons_and_balls_only(knows_football, kinds):
    truth = static_tracks(
        [(20, 50, 26, 66), (200, 50, 206, 66), (300, 60, 302, 62)], [KEEPER, REFEREE, BALL], 3
    )
    found = found_in(truth, DetectorNoise(knows_football=knows_football))
    assert all(set(f.kinds.tolist()) == kinds for f in found)


def test_each_level_detects_less_than_the_one_before_and_the_ball_least():
    truth = tiny_tracks(duration_ms=40_000)
    balls, people = [], []
    for level in ("perfect", "mild", "medium", "strong"):
        noise = replace(LEVELS[level], false_people=0.0, false_balls=0.0)
        found = found_in(truth, noise, every=4)
        balls.append(np.mean([(f.kinds == BALL).sum() for f in found]))
        people.append(np.mean([(f.kinds != BALL).sum() / 4 for f in found]))
    assert balls == sorted(balls, reverse=True)
    assert people == sorted(people, reverse=True)
    assert balls[0] == people[0] == 1
    assert all(ball < person for ball, person in zip(balls[1:], people[1:], strict=True))


def test_true_tracks_without_boxes_are_an_error(tmp_path):
    write_tracks(static_tracks(np.zeros((0, 4)), []), tmp_path / TRACKS_FILE)
    with pytest.raises(DataError, match="has no boxes: simulate the match with a video"):
        open_detector("simulated:mild", video=tmp_path / "224p.mp4")
