"""Small copies of videos: the same frames at the same times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from irregular_videos import join_bytes
from numbered_videos import hide_lead_in, numbers, steady, uneven, write_video

from onball.errors import OnballError, VideoError
from onball.outputs import OutputLockedError, output_lock
from onball.video import find_proxy, find_videos, make_proxy, probe, read_frames
from onball.video.proxies import PROXY_SIZE


def shown(path: Path, fps: float | None = None) -> tuple[list[int], list[int]]:
    """Numbers and times of the frames of a video."""
    batches = list(read_frames(path, fps, None, threads=1))
    frames = [number for batch in batches for number in numbers(batch.frames)]
    return frames, [int(time) for batch in batches for time in batch.pts_ms]


def lead_in(path: Path) -> Path:
    write_video(path, steady(25, 2))
    hide_lead_in(path, Fraction(12, 25))
    return path


VIDEOS = {
    "constant.mp4": lambda path: write_video(path, steady(25, 2)),
    "ntsc.ts": lambda path: write_video(path, steady(Fraction(30000, 1001), 1), 30),
    "uneven.mkv": lambda path: write_video(path, uneven(4)),
    "late.mp4": lambda path: write_video(path, [time + 3600 for time in steady(50, 1)], 50),
    "lead_in.mp4": lead_in,
    "old.avi": lambda path: write_video(path, steady(25, 1), codec="mpeg4"),
    "rotated.mp4": lambda path: write_video(path, steady(25, 1), rotate=180),
    "one_frame.mp4": lambda path: write_video(path, [Fraction(0)]),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_a_proxy_has_the_frames_of_its_video_at_their_times(tmp_path, name):
    video = VIDEOS[name](tmp_path / name)
    proxy = make_proxy(video, tmp_path / "proxies")
    assert proxy == find_proxy(video, tmp_path / "proxies")
    assert shown(proxy) == shown(video)
    for fps in (12.5, 25.0, 29.97):
        assert shown(proxy, fps) == shown(video, fps)
    info = probe(proxy)
    assert (info.width, info.height) == PROXY_SIZE
    assert info.duration_ms == pytest.approx(probe(video).duration_ms, abs=41)


def test_joined_recordings_and_their_proxy_have_the_same_times(tmp_path):
    part = write_video(tmp_path / "part.ts", steady(25, 1))
    video = join_bytes([part, part], tmp_path / "joined.ts")
    with pytest.warns(match="its clock begins again at 1.00 s"):
        proxy = make_proxy(video, tmp_path / "proxies")
    with pytest.warns(match="its clock begins again"):
        expected = shown(video)
    assert shown(proxy) == expected


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "match.mp4", steady(25, 1))


def test_a_proxy_is_made_once_and_found_by_the_content_of_its_video(tmp_path, video):
    folder = tmp_path / "proxies"
    assert not find_proxy(video, folder).exists()
    proxy = make_proxy(video, folder)
    made = proxy.stat().st_mtime_ns
    video = video.rename(tmp_path / "other name.mp4")
    assert make_proxy(video, folder) == proxy and proxy.stat().st_mtime_ns == made
    assert make_proxy(video, folder, (224, 128)) == proxy, "it serves smaller models"
    larger = make_proxy(video, folder, (797, 200))
    assert larger.stem == "798x224" and larger != proxy
    assert find_proxy(video, folder) == proxy
    other = write_video(tmp_path / "match.mp4", steady(25, 2))
    assert find_proxy(other, folder).parent != proxy.parent


def test_proxies_are_no_videos_of_a_folder(tmp_path, video):
    make_proxy(video, tmp_path / "proxies")
    assert [info.path for info in find_videos([tmp_path])] == [video]


def test_a_proxy_appears_when_it_is_complete(tmp_path):
    video, folder = write_video(tmp_path / "match.mp4", steady(25, 2)), tmp_path / "proxies"

    def stop(progress):
        if progress.done:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make_proxy(video, folder, progress=stop)
    assert not folder.exists()
    path = find_proxy(video, folder)
    path.parent.mkdir(parents=True)
    (path.parent / ".398x224.0123abcd.mp4").write_bytes(b"of a process that was killed")
    with output_lock(path.parent), pytest.raises(OutputLockedError):
        make_proxy(video, folder)
    make_proxy(video, folder)
    assert sorted(file.name for file in path.parent.iterdir()) == [".onball.json", "398x224.mp4"]


def test_a_full_disk_and_a_missing_video_are_errors(tmp_path, video, small_disk):
    with small_disk(2000), pytest.raises(OnballError, match="398x224"):
        make_proxy(video, tmp_path / "proxies")
    assert not (tmp_path / "proxies").exists()
    with pytest.raises(VideoError, match="cannot be read"):
        make_proxy(tmp_path / "no.mp4", tmp_path / "proxies")


def test_colours_are_those_of_the_video(tmp_path):
    colours = np.array([[200, 40, 40], [40, 160, 60], [50, 60, 200], [230, 230, 230]], np.uint8)
    image = np.repeat(np.repeat(colours[None], 720, 0), 320, 1)
    video = write_video(tmp_path / "hd.mp4", steady(25, 0.2), frames=[image] * 5, size=(1280, 720))
    proxy = make_proxy(video, tmp_path / "proxies")
    (expected,), (found,) = (list(read_frames(path, 25, PROXY_SIZE)) for path in (video, proxy))
    inner = np.s_[:, 8:-8, [50, 150, 250, 350]]  # between the edges
    np.testing.assert_allclose(
        found.frames[inner].astype(int), expected.frames[inner].astype(int), atol=4
    )
