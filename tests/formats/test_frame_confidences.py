"""Confidences of frames: what is written is read back, and damaged files are one line."""

from __future__ import annotations

import numpy as np
import pytest

from onball.errors import DataError
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences


@pytest.fixture
def confidences() -> FrameConfidences:
    values = np.array([[0.0, 0.2], [0.5, 1.0], [0.001, 0.003]], np.float32)
    return FrameConfidences.of(np.array([0, 80, 160]), values, ["PASS", "SHOT"])


def test_values_are_rounded_to_steps_of_a_255th(confidences):
    assert confidences.confidences.tolist() == [[0, 51], [128, 255], [0, 1]]


def test_a_file_has_the_same_values_and_the_same_bytes_every_time(confidences, tmp_path):
    files = [tmp_path / name / CONFIDENCES_FILE for name in "ab"]
    for file in files:
        confidences.save(file)
    assert files[0].read_bytes() == files[1].read_bytes()
    again = FrameConfidences.load(files[0])
    assert again.times_ms.tolist() == [0, 80, 160] and again.labels == ("PASS", "SHOT")
    assert again.confidences.tolist() == confidences.confidences.tolist()


def test_a_part_and_joined_files_keep_their_times(confidences):
    part = confidences.between(80, 160)
    assert part.times_ms.tolist() == [80]
    joined = FrameConfidences.join([(0, confidences), (1000, part)])
    assert joined.times_ms.tolist() == [0, 80, 160, 1080]
    assert joined.confidences[-1].tolist() == [128, 255]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"times_ms": np.zeros(2, np.int32), "confidences": np.zeros((2, 2), np.uint8)},
        {
            "times_ms": np.zeros(2, np.int32),
            "confidences": np.zeros((3, 1), np.uint8),
            "labels": np.array(["PASS"]),
        },
        {
            "times_ms": np.array([80, 0], np.int32),
            "confidences": np.zeros((2, 1), np.uint8),
            "labels": np.array(["PASS"]),
        },
        {
            "times_ms": np.zeros(0, np.int32),
            "confidences": np.zeros((0, 1), np.uint8),
            "labels": np.array([{}]),
        },
    ],
)
def test_damaged_files_are_refused_in_one_line(arrays, tmp_path):
    file = tmp_path / CONFIDENCES_FILE
    np.savez(file, **arrays)
    with pytest.raises(DataError, match="no file of confidences") as error:
        FrameConfidences.load(file)
    assert "\n" not in str(error.value)


def test_files_that_are_no_arrays_or_missing_are_refused(confidences, tmp_path):
    file = tmp_path / CONFIDENCES_FILE
    with pytest.raises(DataError, match="no such file"):
        FrameConfidences.load(file)
    confidences.save(file)
    content = file.read_bytes()
    for damaged in (b"", b"text", content[:-60], content[:40] + bytes(40) + content[80:]):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match="no file of confidences"):
            FrameConfidences.load(file)
