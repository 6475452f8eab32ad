"""`spot_archive` with videos and results on a store: the driver handles addresses only."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_engine import FakeEngine
from stores import unreliable_store
from tiny_matches import write_flashes

from onball.cluster.archive import ArchiveMatch, read_manifest, spot_archive
from onball.errors import InputError, VideoError
from onball.outputs import RECORD_FILE
from onball.spotting.results import RESULT_FILES, Outcome
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("one_thread")]

VIDEOS, OUT = "unreliable://bucket/matches", "unreliable://bucket/results"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A store with a video and a file that is none, and an empty cache."""
    monkeypatch.setattr("onball.stores._FIRST_PAUSE_S", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    system = unreliable_store()
    write_flashes(tmp_path, 1)
    system.pipe("/bucket/matches/a.mp4", (tmp_path / "224p.mp4").read_bytes())
    system.pipe("/bucket/matches/broken.mp4", b"no video" * 100)
    yield system
    system.clear()


def spot(model: Path, videos=VIDEOS, out=OUT, **settings):
    results = list(spot_archive(videos, out, cluster=FakeEngine(), model=model, **settings))
    return {result.name: result for result in results}


def test_results_on_a_store_are_those_of_one_machine(system, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = spot(model)
    assert (done["a"].outcome, done["a"].folder) == (Outcome.SPOTTED, f"{OUT}/a")
    assert done["broken"].error.startswith(f"{VIDEOS}/broken.mp4: ")
    (tmp_path / "a.mp4").write_bytes(system.cat("/bucket/matches/a.mp4"))
    (local,) = spot_videos(tmp_path / "a.mp4", tmp_path / "out", model=model, device="cpu")
    for name in (*RESULT_FILES, RECORD_FILE):
        assert system.cat(f"/bucket/results/a/{name}") == (local.folder / name).read_bytes()
    assert not system.exists("/bucket/results/broken")
    assert spot(model)["a"].outcome is Outcome.DONE
    assert "threshold" in spot(model, threshold=0.5)["a"].error
    assert {path.name for path in tmp_path.iterdir()} <= {
        "224p.mp4", "Labels-ball.json", "a.mp4", "out", "cache"
    }  # fmt: skip


def test_a_list_names_addresses_and_their_results_in_a_folder(system, model, tmp_path):
    (tmp_path / "season.csv").write_text(f"name,video\nfinal,{VIDEOS}/a.mp4\n")
    out = tmp_path / "results"
    done = spot(model, tmp_path / "season.csv", out)
    assert (done["final"].outcome, done["final"].folder) == (Outcome.SPOTTED, out / "final")
    assert (out / "final" / RECORD_FILE).is_file()


@pytest.mark.parametrize("on_store", ["videos", "results", "both"])
def test_results_of_segments_are_those_of_one_machine(
    system, model, tmp_path, monkeypatch, on_store
):
    (tmp_path / "matches").mkdir()
    (tmp_path / "matches" / "a.mp4").write_bytes(system.cat("/bucket/matches/a.mp4"))
    (tmp_path / "matches" / "broken.mp4").write_bytes(b"no video" * 100)
    videos = VIDEOS if on_store != "results" else tmp_path / "matches"
    out = OUT if on_store != "videos" else tmp_path / "results"
    scored = []
    compute = Spotter.scores

    def recorded(self, video, *, start_ms, end_ms):
        scored.append((start_ms, end_ms))
        return compute(self, video, start_ms=start_ms, end_ms=end_ms)

    monkeypatch.setattr(Spotter, "scores", recorded)
    engine = FakeEngine(lose={"a, segment 2": 1, "a": 1})
    monkeypatch.setattr("onball.cluster.scheduling.Retry.delay_s", lambda self, attempt: 0.0)
    settings = {"segment_minutes": 1 / 15, "model": model}
    done = {one.name: one for one in spot_archive(videos, out, cluster=engine, **settings)}
    assert (done["a"].outcome, done["a"].retries) == (Outcome.SPOTTED, 2)
    assert "broken.mp4: " in done["broken"].error
    assert sorted(scored) == [(0, 4000), (4000, None)], (
        "each once, and nothing where they are joined"
    )
    source = tmp_path / "matches" / "a.mp4"
    (local,) = spot_videos(source, tmp_path / "out", model=model, device="cpu")
    for name in (*RESULT_FILES, RECORD_FILE):
        place = tmp_path / "results" / "a" / name
        found = (
            place.read_bytes() if on_store == "videos" else system.cat(f"/bucket/results/a/{name}")
        )
        assert found == (local.folder / name).read_bytes(), name
    assert not system.exists("/bucket/results/a/.onball-segments")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]

    again = {one.name: one for one in spot_archive(videos, out, cluster=FakeEngine(), **settings)}
    assert again["a"].outcome is Outcome.DONE and len(scored) == 2


def test_a_list_on_a_store_names_videos_beside_it(system):
    system.pipe("/bucket/season.csv", b"name,video\nfinal,matches/a.mp4\n,other://bucket/b.mp4\n")
    assert read_manifest("unreliable://bucket/season.csv") == [
        ArchiveMatch("final", (f"{VIDEOS}/a.mp4",)),
        ArchiveMatch("", ("other://bucket/b.mp4",)),
    ]
    with pytest.raises(InputError, match=r"unreliable://bucket/none\.txt: no such file or bucket"):
        read_manifest("unreliable://bucket/none.txt")


def test_a_store_without_such_videos_is_one_line(system, model):
    with pytest.raises(VideoError, match="unreliable://bucket/none: no such file"):
        spot(model, "unreliable://bucket/none")
