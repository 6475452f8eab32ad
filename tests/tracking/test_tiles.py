"""Tiled inference, with a detector of coloured boxes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from onball.errors import InputError
from onball.tracking.detectors.base import Detections
from onball.tracking.detectors.tiles import TiledDetector, _spans
from onball.tracks import BALL, KINDS, PERSON

PLAYER, KEEPER = KINDS.index("player"), KINDS.index("goalkeeper")


class Colours:
    """Detects red (people) and green (balls) regions that are not too small for the frame."""

    name = "colours"

    def __init__(self, least_fraction: float = 0.0, person: int = PERSON) -> None:
        self.least_fraction, self.person = least_fraction, person
        self.seen: list[tuple[int, int]] = []

    def detect(self, frames: np.ndarray, times_ms: np.ndarray) -> Sequence[Detections]:
        self.seen.append(frames.shape[1:3])
        return [self._one(frame) for frame in frames]

    def _one(self, frame: np.ndarray) -> Detections:
        cv2 = pytest.importorskip("cv2")
        boxes, kinds = [], []
        for channel, kind in ((0, self.person), (1, BALL)):
            mask = (frame[..., channel] > 100).astype(np.uint8)
            for x, y, width, height, _ in cv2.connectedComponentsWithStats(mask)[2][1:]:
                if width >= self.least_fraction * frame.shape[1]:
                    boxes.append((x, y, x + width, y + height))
                    kinds.append(kind)
        area = np.array([(b[2] - b[0]) * (b[3] - b[1]) for b in boxes], np.float32)
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            # A part of a body has at least the confidence of the whole.
            (0.9 - area / 1e6).astype(np.float32),
            np.array(kinds, np.uint8),
        )


def _frame(*boxes: tuple[int, int, int, int], balls: Sequence[tuple[int, int, int, int]] = ()):
    frame = np.zeros((180, 320, 3), np.uint8)
    for channel, drawn in ((0, boxes), (1, balls)):
        for x0, y0, x1, y1 in drawn:
            frame[y0:y1, x0:x1, channel] = 255
    return frame


def _boxes(detector: TiledDetector, frame: np.ndarray) -> list[tuple[int, ...]]:
    (found,) = detector.detect(frame[None], np.zeros(1, np.int64))
    return sorted(tuple(int(value) for value in box) for box in found.boxes)


@pytest.mark.parametrize("tiles", [(1, 1), (2, 1), (1, 2), (3, 2), (4, 3)])
@pytest.mark.parametrize("whole", [True, False])
def test_each_body_is_found_once_and_whole_at_any_position(tiles, whole):
    detector = TiledDetector(Colours(), *tiles, whole=whole)
    # Without the whole frame, only bodies no larger than the overlap are certainly whole.
    tall = 22 if whole else 12
    for x0 in range(0, 309, 5):
        y0 = 40 + x0 // 3
        bodies = [(x0, 5, x0 + 12, 5 + tall), (x0, y0, x0 + 12, y0 + tall)]
        assert _boxes(detector, _frame(*bodies)) == sorted(bodies), x0


def test_a_ball_too_small_for_the_whole_frame_is_found_in_a_tile():
    ball = (200, 100, 204, 104)
    small = Colours(least_fraction=0.02)
    assert small.detect(_frame(balls=[ball])[None], np.zeros(1, np.int64))[0].boxes.size == 0
    assert _boxes(TiledDetector(small, 3, 2), _frame(balls=[ball])) == [ball]


def test_a_body_larger_than_a_tile_is_found_in_the_whole_frame():
    body = (40, 20, 240, 170)
    assert _boxes(TiledDetector(Colours(), 3, 2), _frame(body)) == [body]
    assert len(_boxes(TiledDetector(Colours(), 3, 2, whole=False), _frame(body))) > 1


def test_a_ball_in_front_of_a_body_is_kept():
    body, ball = (150, 80, 170, 120), (155, 100, 161, 106)
    (found,) = TiledDetector(Colours(), 2, 2).detect(
        _frame(body, balls=[ball])[None], np.zeros(1, np.int64)
    )
    assert sorted(found.kinds.tolist()) == [PERSON, BALL]


def test_people_near_each_other_are_not_merged():
    pair = [(150, 80, 162, 110), (164, 80, 176, 110)]
    assert _boxes(TiledDetector(Colours(), 2, 2), _frame(*pair)) == pair


def test_a_body_of_different_kinds_in_two_tiles_is_merged():
    class Wavering(Colours):
        def detect(self, frames, times_ms):
            self.person = KEEPER if self.person == PLAYER else PLAYER
            return super().detect(frames, times_ms)

    body = (155, 80, 165, 110)
    assert _boxes(TiledDetector(Wavering(person=PLAYER), 2, 1), _frame(body)) == [body]


def test_frames_keep_their_order_and_may_be_empty():
    frames = np.stack([_frame((10, 10, 20, 30)), _frame(), _frame((300, 150, 310, 170))])
    found = TiledDetector(Colours(), 2, 2).detect(frames, np.arange(3))
    assert [len(one.boxes) for one in found] == [1, 0, 1]
    assert found[2].boxes[0, 0] == 300


def test_tiles_cover_the_frame_and_overlap():
    for length in (64, 224, 719, 1280):
        for count in (1, 2, 3, 7):
            for overlap in (0.0, 0.2, 0.5):
                spans = _spans(length, count, overlap)
                assert spans[0][0] == 0 and spans[-1][1] == length and len(spans) == count
                for (start, end), (following, _) in pairwise(spans):
                    assert abs(end - following - overlap * (end - start)) <= 2
                    assert following <= end


def test_a_single_tile_is_detected_once():
    detector = Colours()
    _boxes(TiledDetector(detector, 1, 1), _frame())
    assert detector.seen == [(180, 320)]


def test_the_name_contains_the_tiles():
    assert TiledDetector(Colours(), 3, 2).name == "colours, tiles 3x2"


def test_invalid_settings_are_reported():
    with pytest.raises(InputError, match="40x20 tiles: too many for frames of 320x180"):
        TiledDetector(Colours(), 40, 20).detect(_frame()[None], np.zeros(1, np.int64))
    for tiles, overlap in (((0, 1), 0.2), ((1, 1), 1.0), ((1, 1), -0.1)):
        with pytest.raises(ValueError):
            TiledDetector(Colours(), *tiles, overlap=overlap)
