"""Scores that are kept while a video is spotted: a call that continues returns the same events."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import random_model

from onball.config import ComponentConfig, InferenceConfig
from onball.errors import OnballError, OnballNotice
from onball.progress import Progress
from onball.spotting.compute import TorchCompute
from onball.spotting.engine import ScoredFrames
from onball.spotting.journal import KeptParts, ScoreJournal, continue_scores
from onball.spotting.runtimes import OpenedRuntime
from onball.spotting.spotter import Spotter
from onball.video import VideoWriter

pytestmark = pytest.mark.usefixtures("one_thread")

REQUEST = {"video": "match.mp4 (12345678)", "frames": "0 to the end", "tracks": None}
LENGTHS = (3, 1, 7, 4)
STEP_MS = 80


def computed(
    done_ms: int | None = None, parts: object = None, *, team: bool = True
) -> Iterator[ScoredFrames]:
    """Scores of 15 frames; of the last ones, from some frames before those after a time."""
    scores = np.random.default_rng(0).random((15, 25), np.float32)
    begin = 0 if done_ms is None else max(0, done_ms // STEP_MS - 2)
    for length in LENGTHS:
        part, begin = slice(begin, min(begin + length, 15)), begin + length
        if part.start < 15:
            rows = scores[part]
            left = rows[:, 12:24] if team else None
            times = np.arange(15)[part] * STEP_MS
            yield ScoredFrames(rows[:, :12], times, left, rows[:, 24] if team else None)


def joined(parts: Iterator[ScoredFrames]) -> list[np.ndarray | None]:
    columns = zip(*parts, strict=True)
    return [None if c[0] is None else np.concatenate(c) for c in columns]


def assert_same(parts: Iterator[ScoredFrames], *, team: bool = True) -> None:
    for found, expected in zip(joined(parts), joined(computed(team=team)), strict=True):
        if expected is None:
            assert found is None
        else:
            np.testing.assert_array_equal(found, expected)
            assert found is not None and found.dtype == expected.dtype


def record_ends(content: bytes) -> Iterator[int]:
    """Positions after the magic line and after each record."""
    end = content.index(b"\n") + 1
    while end < len(content):
        yield end
        end += 8 + int.from_bytes(content[end : end + 4], "little")
    yield end


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "scores"


@pytest.fixture
def complete(path):
    """A journal of all scores."""
    assert_same(continue_scores(ScoreJournal(path, REQUEST), computed))
    return path


@pytest.mark.parametrize("team", [False, True])
def test_kept_scores_are_those_that_were_computed(path, team):
    def compute(done_ms, parts):
        return computed(done_ms, team=team)

    assert_same(continue_scores(ScoreJournal(path, REQUEST), compute), team=team)
    journal = ScoreJournal(path, REQUEST)
    assert journal.frames == 15 and journal.last_ms == 14 * STEP_MS
    assert_same(journal.read(), team=team)


def test_a_journal_that_is_cut_off_anywhere_continues_with_the_same_scores(complete):
    content = complete.read_bytes()
    kept = set()
    ends = [0, *record_ends(content)]
    near = {end + more for end in ends for more in (-9, -1, 0, 1, 8)}
    for size in sorted(near & set(range(len(content) + 1))):
        complete.write_bytes(content[:size])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OnballNotice)  # a header that is not complete
            journal = ScoreJournal(complete, REQUEST)
        kept.add(journal.frames)
        assert_same(continue_scores(journal, computed))
        assert_same(ScoreJournal(complete, REQUEST).read())
    assert kept == {0, 3, 4, 11, 15}


def test_a_damaged_record_and_all_after_it_are_computed_again(complete):
    content = bytearray(complete.read_bytes())
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(content), 50):
        damaged = content.copy()
        damaged[position] ^= 1 << rng.integers(8)
        complete.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OnballNotice)
            journal = ScoreJournal(complete, REQUEST)
        assert journal.frames < 15
        assert_same(continue_scores(journal, computed))


def test_scores_of_another_request_are_named_and_replaced(complete):
    request = REQUEST | {"video": "match.mp4 (87654321)"}
    with pytest.warns(
        OnballNotice, match=r"video match.mp4 \(12345678\) instead of match.mp4 \(87"
    ):
        journal = ScoreJournal(complete, request)
    assert journal.frames == 0 and journal.last_ms is None
    assert list(journal.read()) == []
    assert_same(continue_scores(journal, computed))
    assert ScoreJournal(complete, request).frames == 15
    with pytest.warns(OnballNotice):
        assert ScoreJournal(complete, REQUEST).frames == 0


def test_a_file_of_something_else_is_named_and_replaced(path):
    path.parent.mkdir()
    path.write_bytes(b"onball scores 0\nold")
    with pytest.warns(
        OnballNotice, match="results: the scores .* are damaged or of another version"
    ):
        journal = ScoreJournal(path, REQUEST)
    assert_same(continue_scores(journal, computed))
    assert ScoreJournal(path, REQUEST).frames == 15


def test_without_scores_there_is_no_file(path):
    journal = ScoreJournal(path, REQUEST)
    assert list(continue_scores(journal, lambda done_ms, parts: computed(10_000))) == []
    assert not path.parent.exists()


def test_a_full_disk_keeps_what_was_there(path, small_disk):
    scores = continue_scores(ScoreJournal(path, REQUEST), computed)
    next(scores)
    with small_disk(path.stat().st_size + 9), pytest.raises(OnballError, match="scores: cannot be"):
        next(scores)
    journal = ScoreJournal(path, REQUEST)
    assert journal.frames == LENGTHS[0]
    assert_same(continue_scores(journal, computed))


# A spotter with a journal


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of 24 s of noise that changes every 200 ms."""
    path = tmp_path_factory.mktemp("video") / "noise.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, (64, 36), 5, gop=25) as writer:
        for _ in range(120):
            writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))
    return path


def small_spotter(*, threads: int | None = None, **settings: object) -> Spotter:
    """A random model with windows of 20 frames, neighbouring frames and displacements."""
    net, config = random_model(
        backbone=ComponentConfig(name="test_byobnet", pretrained=False, neighbours=2),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )
    small = {"window_frames": 20, "threshold": 0.0, "nms_window_ms": 500} | settings
    inference = InferenceConfig.model_validate(config.inference.model_dump() | small)
    config = config.model_copy(update={"inference": inference})
    return Spotter(net, config, device="cpu", threads=threads)


class Stop(Exception):
    """Raised to interrupt a call."""


def interrupt(spotter: Spotter, video: Path, journal: Path, at_ms: int, **settings: object) -> None:
    """Spot a video until that many milliseconds are done."""

    def stop(progress: Progress) -> None:
        if progress.done >= at_ms:
            raise Stop

    with pytest.raises(Stop):
        spotter.spot(video, journal=journal, progress=stop, **settings)


@pytest.fixture(scope="module")
def spotter():
    return small_spotter()


@pytest.mark.parametrize("part", [{}, {"start_ms": 5_000, "end_ms": 20_000}])
def test_an_interrupted_call_continues_with_the_same_events(spotter, video, tmp_path, part):
    journal = tmp_path / "scores"
    expected = spotter.spot(video, **part)
    assert len(expected) > 20
    seen: list[Progress] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OnballNotice)
        for at_ms in (4_000, 9_000):
            interrupt(spotter, video, journal, at_ms, **part)
    with pytest.warns(OnballNotice, match="noise: continues at 00:00:"):
        again = spotter.spot(video, journal=journal, progress=seen.append, name="noise", **part)
    assert again.events == expected.events
    assert 9_000 <= seen[0].resumed == seen[0].done < 12_000
    assert {report.resumed for report in seen} == {seen[0].resumed}
    assert seen[-1].done == seen[-1].total


def test_scores_of_another_runtime_or_precision_are_not_continued(spotter, video, tmp_path):
    others = [
        OpenedRuntime("torch", spotter.compute, spotter.device, torch.bfloat16, "torch 2"),
        OpenedRuntime("openvino", spotter.compute, spotter.device, torch.float32, "openvino 1"),
        OpenedRuntime("openvino-int8", spotter.compute, spotter.device, torch.int8, "openvino 1"),
        OpenedRuntime("openvino-int8", spotter.compute, spotter.device, torch.int8, "openvino 2"),
    ]
    interrupt(spotter, video, tmp_path / "scores", 4_000)
    before = spotter
    for opened in others:
        after = Spotter(spotter.net, spotter.config, opened=opened)
        changed = "runtime" if after.runtime != before.runtime else "(precision|version)"
        with pytest.warns(OnballNotice, match=f"are of another run: .*{changed} .* instead of"):
            interrupt(after, video, tmp_path / "scores", 4_000)
        before = after


CLIPS = {"frames": 20, "overlap": 10, "start": -5, "outside": "black"}


@pytest.mark.parametrize("settings", [{"window_frames": 100}, {"clips": CLIPS}, "whole clips"])
def test_a_call_that_continues_computes_no_part_of_the_video_twice(
    video, tmp_path, monkeypatch, settings
):
    spotter = small_spotter(**({} if settings == "whole clips" else settings), threads=16)
    if settings == "whole clips":
        monkeypatch.setattr(spotter.net.backbone, "context", None)
        spotter = Spotter(spotter.net, spotter.config, device="cpu", threads=16)
    computed = 0
    compute = TorchCompute.features

    def counted(self, *arguments):
        nonlocal computed
        computed += 1
        return compute(self, *arguments)

    monkeypatch.setattr(TorchCompute, "features", counted)
    expected = spotter.spot(video)
    once, computed = computed, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OnballNotice)
        for at_ms in (1, 6_000, 12_000):
            interrupt(spotter, video, tmp_path / "scores", at_ms)
        again = spotter.spot(video, journal=tmp_path / "scores")
    assert again.events == expected.events and len(expected) > 20
    assert computed == once


def test_parts_that_are_not_needed_any_more_leave_the_file(tmp_path):
    parts = KeptParts(tmp_path / "parts", REQUEST)
    rng = np.random.default_rng(0)
    results = {first: rng.random((8, 4096), np.float32) for first in range(0, 800, 8)}
    for first, result in results.items():
        parts(first, lambda result=result: result)
        parts.forget_before(first - 40)
        assert (tmp_path / "parts").stat().st_size < 2.2 * 1024**2
    parts.close()
    again = KeptParts(tmp_path / "parts", REQUEST)
    for first in range(752, 800, 8):
        np.testing.assert_array_equal(again(first, lambda: pytest.fail("kept")), results[first])
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
    with pytest.raises(ZeroDivisionError):
        KeptParts(tmp_path / "parts", REQUEST | {"frames": "0 to 3"})(792, lambda: 1 // 0)
