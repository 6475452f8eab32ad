"""A live stream in the viewer: events and time that grow, and the video recorded so far."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest
from numbered_videos import numbers, steady, write_video

from onball.events import Event, EventList
from onball.formats.soccernet import RESULTS_FILE
from onball.spotting.live import LiveEvent, LiveSummary
from onball.video.notices import StreamConnected, StreamGap, StreamLost
from onball.video.recording import RecordedPart, Recorder
from onball.viewer.finding import ViewedMatch
from onball.viewer.growing import GrowingEvents
from onball.viewer.live_view import LiveView
from onball.viewer.session import ViewSession
from onball.viewer.spot_queue import list_videos


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Four seconds with a key frame each half second, and numbers in the frames."""
    path = tmp_path_factory.mktemp("live") / "source.mp4"
    return write_video(path, steady(25, 4), 25, size=(96, 64), options={"g": "12", "bf": "0"})


@pytest.fixture
def record(source, tmp_path) -> Iterator[Path]:
    """A recording that is being written: about half of the stream has come."""
    path = tmp_path / "match.mp4"
    recorder = Recorder(path)
    with av.open(str(source)) as opened:
        stream = opened.streams.video[0]
        recorder.connect(stream)
        for packet in opened.demux(stream):
            if packet.dts is not None and packet.dts * packet.time_base < 2.3:
                recorder.write(packet, 0.0)
    yield path
    recorder.close()


def summary(duration_ms: int) -> LiveSummary:
    return LiveSummary("stopped", duration_ms, {}, 0, 0, 50, 0, {}, ())


# The recorded part


def test_the_recorded_part_ends_with_a_fragment_and_every_frame_of_it_decodes(record, tmp_path):
    size = RecordedPart(record).size()
    assert 0 < size <= record.stat().st_size
    with av.open(io.BytesIO(record.read_bytes()[:size])) as part:
        frames = [frame.to_ndarray(format="rgb24") for frame in part.decode(video=0)]
    assert len(frames) >= 24
    assert [numbers(frame[None])[0] for frame in frames] == list(range(len(frames)))


def test_half_a_fragment_does_not_count_and_the_part_grows_with_the_file(record, tmp_path):
    content, cut = record.read_bytes(), tmp_path / "cut.mp4"
    part, sizes = RecordedPart(cut), []
    assert part.size() == 0  # no file yet
    for length in (20, 100, len(content) // 2, len(content) - 1, len(content)):
        cut.write_bytes(content[:length])
        sizes.append(part.size())
        assert sizes[-1] == RecordedPart(cut).size() <= length
    assert sizes[:2] == [0, 0] and sizes == sorted(sizes)
    assert sizes[-1] == RecordedPart(record).size()


def test_containers_that_cannot_be_played_while_they_are_written_have_no_part(source, tmp_path):
    other = tmp_path / "match.mkv"
    shutil.copy(source, other)
    assert RecordedPart(other).size() == 0 and not RecordedPart(other).grows


# The page


@pytest.fixture
def view(record) -> Iterator[LiveView]:
    with LiveView("rtsp://user:secret@camera/main", record=record, port=0, results=None) as opened:
        yield opened


@pytest.fixture
def page(view) -> Iterator[httpx.Client]:
    base = view.url.partition("?")[0].rstrip("/")
    with httpx.Client(base_url=base, follow_redirects=True) as client:
        assert client.get(view.url).status_code == 200
        yield client


def test_messages_become_events_notices_and_time(view, page):
    view.publish(StreamConnected(0, 96, 64, "h264", "rtsp").to_dict())
    view.publish(LiveEvent(Event(1000, "PASS", 0.8), 1500).to_dict())
    match = page.get("/api/matches/0").json()
    growing = match["growing"]
    assert match["name"] == "rtsp://user:***@camera/main" or "secret" not in match["name"]
    assert match["corrections_file"] is None and match["ids"] == []
    assert growing["kind"] == "live" and growing["state"] == "running"
    assert growing["events"][0]["id"] == "PASS/1/1000" and growing["done_ms"] >= 2500
    view.publish(StreamLost(3000, "timed out").to_dict())
    view.publish(StreamGap(3000, 9000, "timed out").to_dict())
    view.publish(LiveEvent(Event(9500, "SHOT", 0.8), None).to_dict())
    newer = page.get("/api/matches/0/growing?after=1").json()
    assert [each["label"] for each in newer["events"]] == ["SHOT"]
    assert [each["text"] for each in newer["notices"]] == [
        "connection lost: timed out",
        "gap of 6.0 s: timed out",
    ]
    view.publish(summary(9600).to_dict())
    ended = page.get("/api/matches/0").json()
    assert ended["growing"]["state"] == "done" and ended["growing"]["done_ms"] == 9600
    assert ended["growing"]["count"] == 2 and ended["video"]["recorded"] is None


def test_the_video_so_far_is_served_in_ranges_up_to_the_part_that_was_asked_for(page, record):
    video = page.get("/api/matches/0").json()["video"]
    complete = RecordedPart(record).size()
    (file,) = video["files"]
    assert (video["recorded"], file["fps"], file["playable"]) == (complete, 25, True)
    content = record.read_bytes()
    for until, size in ((complete, complete), (1000, 1000), (10**12, complete)):
        answer = page.get(f"/video/0/0?until={until}", headers={"Range": "bytes=100-"})
        assert answer.status_code == 206 and answer.content == content[100:size]
        assert answer.headers["content-range"] == f"bytes 100-{size - 1}/{size}"
    tags = {
        page.get("/video/0/0?until=1000", headers={"Range": f"bytes={begin}-"}).headers["etag"]
        for begin in (0, 500)
    }
    assert len(tags) == 1  # the same for all ranges of one part


@pytest.mark.parametrize("until", ["", "-5", "1e3", "x", "٣", "9" * 30, "0"])
def test_a_part_that_cannot_be_is_refused(page, until):
    answer = page.get("/video/0/0", params={"until": until}, headers={"Range": "bytes=0-"})
    assert answer.status_code in (400, 416)
    assert page.get("/video/0/0?until=1000").status_code == 416  # the whole file is not complete


def test_without_a_recording_that_plays_the_reason_is_shown(tmp_path):
    for record, reason in (
        ("match.mp4", "Nothing is recorded yet"),
        ("match.mkv", "when they are"),
    ):
        with LiveView("udp://0.0.0.0:1", record=tmp_path / record, port=0, results=None) as view:
            base = view.url.partition("?")[0].rstrip("/")
            with httpx.Client(base_url=base, follow_redirects=True) as client:
                client.get(view.url)
                assert reason in client.get("/api/matches/0").json()["video"]["error"]


def test_the_video_of_a_file_is_the_file(source):
    with LiveView(source, port=0, results=None) as view:
        base = view.url.partition("?")[0].rstrip("/")
        with httpx.Client(base_url=base, follow_redirects=True) as client:
            client.get(view.url)
            match = client.get("/api/matches/0").json()
            assert match["name"] == "source.mp4" and match["video"]["recorded"] is None
            assert client.get("/video/0/0").content == source.read_bytes()


def test_a_recording_can_be_spotted_when_its_stream_has_ended(record):
    session = ViewSession((ViewedMatch("camera", (record,)),), (record.resolve(),))
    growing = session.growing[0] = GrowingEvents("live", "camera")
    assert list_videos(session) == []
    growing.end("done")
    assert [video.shown for video in list_videos(session)] == ["match.mp4"]


def test_events_of_a_stream_are_kept_and_can_be_corrected_when_it_has_ended(record, tmp_path):
    results = tmp_path / "results"
    (results / "match-live").mkdir(parents=True)  # of an earlier stream
    with LiveView("rtsp://camera/main", record=record, port=0, results=results) as view:
        base = view.url.partition("?")[0].rstrip("/")
        view.publish(LiveEvent(Event(1000, "PASS", 0.8), 1500).to_dict())
        kept = EventList.load(results / "match-live-2" / RESULTS_FILE)
        assert [event.position_ms for event in kept] == [1000], "while the stream runs"
        view.publish(LiveEvent(Event(2000, "SHOT", 0.7), 2500).to_dict())
        view.publish(summary(9600).to_dict())
        with httpx.Client(base_url=base, follow_redirects=True) as client:
            client.get(view.url)
            match = client.get("/api/matches/0").json()
            assert match["growing"] is None and match["corrections_file"] == "corrections.json"
            assert match["ids"] == ["PASS/1/1000", "SHOT/1/2000"]
    assert list((results / "match-live").iterdir()) == []
    (shown,) = ViewSession.open([record]).matches
    assert shown.predictions is None, "spotting the recording is still to come"


def test_events_of_a_stream_that_is_interrupted_are_kept(tmp_path):
    with (
        pytest.raises(RuntimeError),
        LiveView("rtsp://camera/main", port=0, results=tmp_path / "results") as view,
    ):
        for position_ms in (1000, 2000):
            view.publish(LiveEvent(Event(position_ms, "PASS", 0.8), 0).to_dict())
        raise RuntimeError("killed")
    assert view.folder == tmp_path / "results" / "stream-live"
    assert len(EventList.load(view.folder / RESULTS_FILE)) == 2


# Time


def test_the_time_of_a_stream_runs_on_between_messages_and_never_back():
    now = 100.0
    growing = GrowingEvents("live", "camera", clock=lambda: now)
    growing.report(0)
    growing.run_on(True)
    now += 4
    assert growing.as_json()["done_ms"] == 4000
    growing.report(3900)
    assert growing.as_json()["done_ms"] == 4000
    growing.run_on(False)  # the connection was lost
    now += 60
    assert growing.as_json()["done_ms"] == 4000
    growing.run_on(True)
    now += 1
    assert growing.as_json()["done_ms"] == 5000
