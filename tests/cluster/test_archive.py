"""`spot_archive`: inputs, results of segments, failures, and what is done already."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_engine import FakeEngine

from onball.cluster import work
from onball.cluster.archive import ArchiveMatch, find_archive, read_manifest, spot_archive
from onball.cluster.engine import Task, answer
from onball.cluster.scheduling import Retry
from onball.cluster.work import segments_of
from onball.errors import DataError, InputError, VideoError
from onball.outputs import LOCK_FILE, OutputConflictError, output_lock
from onball.progress import Progress
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos
from onball.video import VideoWriter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two videos of noise, of 11 and 3 s, and a file that is no video."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(0)
    for name, seconds in (("long", 11), ("short", 3)):
        with VideoWriter(folder / f"{name}.mp4", (64, 36), 5, gop=25) as writer:
            for _ in range(5 * seconds):
                writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))
    (folder / "broken.mp4").write_bytes(b"no video" * 100)
    return folder


@pytest.fixture(scope="module")
def single(model, archive, tmp_path_factory):
    """Results of the two videos by `spot_videos`."""
    out = tmp_path_factory.mktemp("single")
    videos = [archive / "long.mp4", archive / "short.mp4"]
    results = list(spot_videos(videos, out, model=model, device="cpu", threads=1))
    assert all(len(result.events) > 10 for result in results)
    return out


def spot(archive, out, model, engine=None, **settings):
    """Results by name, with segments of 4 s."""
    given = {"segment_minutes": 1 / 15} | settings
    results = list(spot_archive(archive, out, cluster=engine or FakeEngine(), model=model, **given))
    assert len({result.name for result in results}) == len(results)
    return {result.name: result for result in results}


def assert_same(out: Path, single: Path, *names: str) -> None:
    for name in names:
        assert files(out / name) == files(single / name)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_results_of_segments_are_those_of_one_machine_byte_for_byte(
    archive, model, single, tmp_path, monkeypatch
):
    scored: list[tuple[int, int | None]] = []
    compute = Spotter.scores

    def recorded(self, video, *, start_ms, end_ms):
        scored.append((start_ms, end_ms))
        return compute(self, video, start_ms=start_ms, end_ms=end_ms)

    monkeypatch.setattr(Spotter, "scores", recorded)
    engine = FakeEngine(room=4, lose={"long, segment 2": 2, "long": 1, "short": 1})
    progress: list[Progress] = []
    monkeypatch.setattr("onball.cluster.archive.Retry", lambda attempts: Retry(attempts, 0.001))
    results = spot(archive, tmp_path / "out", model, engine, progress=progress.append)
    assert_same(tmp_path / "out", single, "long", "short")
    assert scored.count((4000, 8000)) == 1 and len(scored) == 3
    assert results["long"].retries == 3 and results["long"].outcome == "spotted"
    assert results["long"].candidates > 10
    broken = results["broken"]
    assert broken.outcome == "failed" and "broken.mp4: not a readable video" in broken.error
    assert engine.submitted.count("broken") == 1 and not (tmp_path / "out" / "broken").exists()
    assert progress[0] == Progress("archive", 0, 3, "matches")
    assert progress[-1] == Progress("archive", 3, 3, "matches")
    assert {p.done % 1 for p in progress} > {0.0, 0.25}

    # Again: what is done is skipped without a task, what failed is tried again.
    again = FakeEngine()
    results = spot(archive, tmp_path / "out", model, again, progress=progress.append)
    assert [results[name].outcome for name in ("long", "short")] == ["done", "done"]
    assert again.submitted == ["broken"] and progress[-1] == Progress("archive", 3, 3, "matches", 2)

    # Other settings into the same place.
    with pytest.raises(OutputConflictError, match=r"threshold of the model instead of 0\.5"):
        spot(archive, tmp_path / "out", model, threshold=0.5)


def test_scores_that_are_missing_are_computed_where_they_are_joined(
    archive, model, single, tmp_path, monkeypatch
):
    join = work.join_segments

    def without_the_second(order):
        shutil.rmtree(order.segment_folder(1))
        return join(order)

    monkeypatch.setattr("onball.cluster.archive.join_segments", without_the_second)
    spot(archive / "long.mp4", tmp_path, model)
    assert_same(tmp_path, single, "long")


class StoppedEngine(FakeEngine):
    """An engine whose driver is interrupted when the first tasks are submitted."""

    def wait(self, timeout_s):
        raise KeyboardInterrupt

    def close(self):
        """Keep the tasks to look at."""


def test_a_killed_run_is_continued_and_its_leftovers_are_removed(archive, model, single, tmp_path):
    engine = StoppedEngine(room=3)
    with pytest.raises(KeyboardInterrupt):
        spot(archive / "long.mp4", tmp_path, model, engine)
    (_, first), *others = engine.waiting
    assert len(others) == 2
    assert work.score_segment(first.argument) == 50  # and then the run was killed
    order = first.argument.match
    kept = order.segment_folder(0) / "scores"
    before = kept.stat().st_mtime_ns
    assert work.score_segment(first.argument) == 50 and kept.stat().st_mtime_ns == before
    spot(archive / "long.mp4", tmp_path, model)
    assert_same(tmp_path, single, "long")
    order.segment_folder(0).mkdir(parents=True)  # killed after the results were written
    assert spot(archive / "long.mp4", tmp_path, model)["long"].outcome == "done"
    assert_same(tmp_path, single, "long")


def test_a_match_that_another_process_spots_is_busy(archive, model, tmp_path):
    matches = find_archive(archive / "short.mp4")
    settings = work.SpotSettings(str(tmp_path))
    order = work.MatchOrder(
        "short", matches[0].videos, work.ModelOrder(str(model), "", "torch", "cpu", 1), settings
    )
    with output_lock(tmp_path / "short"):
        assert answer(Task("short", work.spot_match, order)).busy
    assert not (tmp_path / "short" / LOCK_FILE).exists()
    other = dataclasses.replace(order.model, fingerprint="0000")
    error = answer(Task("short", work.spot_match, dataclasses.replace(order, model=other))).error
    assert "is another model here" in error


def test_segments_cover_a_video_and_the_last_one_is_open():
    minute = 60_000
    assert list(segments_of(25 * minute, 10 * minute)) == [
        (0, 10 * minute),
        (10 * minute, None),
    ]
    assert list(segments_of(26 * minute, 10 * minute))[-1] == (20 * minute, None)
    assert list(segments_of(0, minute)) == list(segments_of(1000, minute)) == [(0, None)]


def test_manifests_name_matches_and_their_files(tmp_path):
    (tmp_path / "list.txt").write_text("# cup\na/1.mp4\n\ns3://store/b.mp4\n")
    assert read_manifest(tmp_path / "list.txt") == [
        ArchiveMatch("", (str(tmp_path / "a/1.mp4"),)),
        ArchiveMatch("", ("s3://store/b.mp4",)),
    ]
    (tmp_path / "list.csv").write_text("name,video\nfinal,1.mp4\n,x.mp4\nfinal,2.mp4\n", "utf-16")
    assert read_manifest(tmp_path / "list.csv") == [
        ArchiveMatch("final", (str(tmp_path / "1.mp4"), str(tmp_path / "2.mp4"))),
        ArchiveMatch("", (str(tmp_path / "x.mp4"),)),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file\na.mp4\n", "no column 'video'"),
        ("name,video\n../a,a.mp4\n", "cannot be the name of a folder"),
        ("name,video\na,\n", "a row names no video"),
        ("name,video\n", "names no video"),
    ],
)
def test_damaged_manifests_are_one_line(tmp_path, content, message):
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(DataError, match=message) as error:
        read_manifest(tmp_path / "list.csv")
    assert str(error.value).startswith(str(tmp_path / "list.csv"))


def test_names_of_an_archive_differ(archive, tmp_path):
    for season in ("2023", "2024"):
        (tmp_path / season).mkdir()
        shutil.copy(archive / "short.mp4", tmp_path / season)
    assert [m.name for m in find_archive(tmp_path)] == ["2023_short", "2024_short"]
    (tmp_path / "list.csv").write_text("name,video\nshort,2023/short.mp4\n")
    with pytest.raises(InputError, match="have the same name, 'short'"):
        find_archive([tmp_path / "list.csv", tmp_path / "2024"])
    with pytest.raises(VideoError, match="no such file"):
        find_archive(tmp_path / "missing.mp4")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cpus": 0}, "at least 1"),
        ({"attempts": 0}, "at least 1"),
        ({"segment_minutes": 0.0}, "longer than 0"),
        ({"threshold": 2.0}, "outside 0 to 1"),
        ({"cluster": "ry"}, "did you mean ray"),
        ({"cluster": "local", "slurm": {"partition": "gpu"}}, "the engine is local"),
        ({"actions": ["pas"]}, "pas"),
    ],
)
def test_wrong_settings_are_an_error_at_the_call(archive, model, tmp_path, wrong, message):
    with pytest.raises(InputError, match=message):
        spot_archive(archive, tmp_path / "out", model=model, **wrong)
    assert not (tmp_path / "out").exists()
