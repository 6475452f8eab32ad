"""Videos on a store are read in blocks where their containers allow it, and are downloaded else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from irregular_videos import write_packets_again
from stores import unreliable_store
from tiny_models import random_model

from onball.errors import OnballError, OnballNotice, VideoError
from onball.progress import no_progress
from onball.spotting.results import Outcome
from onball.spotting.spotter import Spotter
from onball.spotting.stored import StoreCache, VideoOpener, find_stored_videos
from onball.spotting.videos import spot_videos
from onball.video import VideoWriter, probe, read_frames

BLOCK = 16 << 10
#: Bytes for the fingerprint, and of blocks that are read more than once or for nothing.
OVERHEAD = 2 * (64 << 10) + 10 * BLOCK
#: To recognise the streams of a file, and their rate, FFmpeg and `probe` read up to ten seconds of 16.
PROBED = 10 / 16
#: How packets are written again into containers.
WAYS = {
    "end.mp4": {"format": "mp4"},
    "match.mov": {"options": {"movflags": "faststart"}},
    "fragments.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
    "match.ts": {"format": "mpegts"},
}
INDEXED = ["front.mp4", "end.mp4", "match.mov", "match.mkv", "match.avi"]
CONTAINERS = [*INDEXED, "fragments.mp4", "match.ts"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> dict[str, Path]:
    """The same 16 s of noise in several containers, of 0.8 MB each."""
    folder = tmp_path_factory.mktemp("containers")
    noise = np.random.default_rng(0).integers(0, 256, (400, 36, 64, 3), np.uint8)
    first = folder / "front.mp4"
    for path in (first, folder / "match.mkv"):
        with VideoWriter(path, (64, 36), 25, crf=18, gop=25, options={"bframes": "0"}) as writer:
            for frame in noise:
                writer.write(frame)
    for name, settings in WAYS.items():
        write_packets_again(first, folder / name, **settings)
    with av.open(str(folder / "match.ts")) as read, av.open(str(folder / "match.avi"), "w") as avi:
        stream = avi.add_stream_from_template(read.streams.video[0], time_base=Fraction(1, 25))
        for packet in read.demux(video=0):
            if packet.size:
                packet.stream = stream
                avi.mux(packet)
    return {name: folder / name for name in CONTAINERS}


@pytest.fixture
def system(videos, monkeypatch):
    """A store with these videos, read in small blocks."""
    monkeypatch.setattr("onball.stores._FIRST_PAUSE_S", 0)
    monkeypatch.setattr("onball.stores._BLOCK_BYTES", BLOCK)
    system = unreliable_store()
    for name, path in videos.items():
        system.pipe(f"/bucket/{name}", path.read_bytes())
    yield system
    system.clear()


@pytest.fixture
def cache(tmp_path):
    return StoreCache.of(tmp_path / "cache", 1)


@contextmanager
def opened(name: str, cache: StoreCache, whole: bool = False):
    (video,) = find_stored_videos([f"unreliable://bucket/{name}"], cache, "test")
    with VideoOpener([video], whole=whole) as opener:
        opener.open(video, no_progress)
        yield video


def read(path: Path, **part: int) -> tuple[np.ndarray, np.ndarray]:
    batches = list(read_frames(path, 25, None, threads=1, **part))
    frames = np.concatenate([batch.frames for batch in batches])
    return frames, np.concatenate([batch.pts_ms for batch in batches])


def is_downloaded(cache: StoreCache) -> bool:
    return any(path.name == ".complete" for path in cache.folder.rglob("*"))


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_video_is_read_once_and_has_the_frames_of_a_local_file(name, videos, system, cache):
    size = videos[name].stat().st_size
    with opened(name, cache) as video:
        assert is_downloaded(cache) == (name not in INDEXED)
        assert replace(probe(video.path), path=videos[name]) == probe(videos[name])
        assert system.bytes_read <= PROBED * size + OVERHEAD + size * is_downloaded(cache)
        before = system.bytes_read
        for stored, local in zip(read(video.path), read(videos[name]), strict=True):
            assert np.array_equal(stored, local)
        assert system.bytes_read - before <= size * (not is_downloaded(cache))
        video.check()


@pytest.mark.parametrize("name", INDEXED)
def test_of_a_part_of_a_video_only_that_part_is_read(name, videos, system, cache):
    part = {"start_ms": 12_000, "end_ms": 13_000}
    with opened(name, cache) as video:
        read(video.path)
        before = system.bytes_read
        for stored, local in zip(read(video.path, **part), read(videos[name], **part), strict=True):
            assert np.array_equal(stored, local)
    # AVI is read from its beginning: it has no times of shown frames.
    is_part = system.bytes_read - before < videos[name].stat().st_size / 2
    assert is_part == (name != "match.avi")


def test_an_indexed_video_is_downloaded_if_it_is_to_be_read_several_times(system, cache):
    with opened("front.mp4", cache, whole=True) as video:
        assert video.path.read_bytes() == system.cat("/bucket/front.mp4")


def test_a_connection_that_is_lost_while_frames_are_read_is_opened_again(videos, system, cache):
    with opened("front.mp4", cache) as video:
        frames = read_frames(video.path, 25, None, threads=1, batch_frames=20)
        found = [next(frames).frames]
        system.failures[:] = [ConnectionResetError("reset by peer"), TimeoutError("timed out")]
        found += [batch.frames for batch in frames]
        video.check()
    assert system.failures == []
    assert np.array_equal(np.concatenate(found), read(videos["front.mp4"])[0])


@pytest.mark.parametrize("name", INDEXED)
def test_a_connection_that_stays_lost_is_one_error_and_no_short_video(name, system, cache, capfd):
    with opened(name, cache) as video:
        system.lose_connection(name, after=10 * BLOCK)
        with pytest.raises(OnballError, match="reset by peer") as error:
            list(read_frames(video.path, 25, None, threads=1))
        assert str(error.value).startswith(f"unreliable://bucket/{name}: ")
        with pytest.raises(OnballError, match="reset by peer"):
            video.check()
    assert capfd.readouterr().err == ""


def test_a_video_that_changes_while_it_is_read_is_an_error(videos, system, cache):
    with opened("front.mp4", cache) as video:
        system.pipe("/bucket/front.mp4", videos["match.mkv"].read_bytes())
        with pytest.raises(OnballError, match="changed while it was read"):
            video.check()


def test_the_next_video_is_downloaded_while_one_is_used(videos, system, cache):
    names = ["match.ts", "fragments.mp4", "front.mp4"]
    found = find_stored_videos([f"unreliable://bucket/{name}" for name in names], cache, "test")
    first, second, third = found
    with VideoOpener(found, whole=False) as opener, ThreadPoolExecutor(1) as pool:
        opener.open(first, no_progress)
        pool.submit(opener.open, second, no_progress).result(timeout=60)
        assert second.path.read_bytes() == videos["fragments.mp4"].read_bytes()
        first.release(done=True)
        assert not first.path.exists() and second.path.exists()
        opener.open(third, no_progress)
        assert replace(probe(third.path), path=Path()) == replace(
            probe(videos["front.mp4"]), path=Path()
        )


def test_a_video_for_which_there_was_no_room_beside_another_is_downloaded_after_it(
    videos, system, tmp_path
):
    size = videos["match.ts"].stat().st_size
    cache = StoreCache.of(tmp_path / "cache", 1.5 * size / 1e9)
    addresses = [f"unreliable://bucket/{name}" for name in ("match.ts", "fragments.mp4")]
    first, second = find_stored_videos(addresses, cache, "test")
    with VideoOpener([first, second], whole=False) as opener:
        opener.open(first, no_progress)
        first.release(done=True)
        opener.open(second, no_progress)
        assert second.path.read_bytes() == videos["fragments.mp4"].read_bytes()


def test_what_is_no_video_is_not_downloaded(system, cache):
    system.pipe("/bucket/broken.mp4", bytes(4 << 20))
    with (
        pytest.raises(VideoError, match="not a readable video"),
        opened("broken.mp4", cache),
    ):
        pass
    assert system.bytes_read < 2 << 20  # FFmpeg looks at 1 MiB


@pytest.mark.medium
@pytest.mark.usefixtures("one_thread")
def test_a_connection_lost_in_the_middle_fails_one_video_and_publishes_nothing_of_it(
    system, videos, tmp_path
):
    net, config = random_model()
    spotter = Spotter(net, config, device="cpu", name="random", fingerprint="0123456789")
    addresses = ["unreliable://bucket/front.mp4", "unreliable://bucket/match.mkv"]

    def lose(progress):
        if not system.lost:
            # After the first scores, and before the last frames are read ahead.
            system.lose_connection("front", after=int(0.72 * videos["front.mp4"].stat().st_size))

    def spot(progress=no_progress):
        settings = {"model": spotter, "cache": tmp_path / "cache"}
        out = "unreliable://bucket/results"
        return list(spot_videos(addresses, out, progress=progress, **settings))

    failed, other = spot(lose)
    assert failed.error.startswith(f"{addresses[0]}: the connection failed (reset by peer)")
    assert not system.exists("/bucket/results/front")
    assert other.outcome is Outcome.SPOTTED
    system.lose_connection("")
    with pytest.warns(OnballNotice, match="front: continues at"):
        _, stored = spot()  # what is done comes first
    (local,) = spot_videos(videos["front.mp4"], tmp_path / "out", model=spotter)
    assert stored.events == local.events
