"""`spot_videos`: batches, joined matches, parts, the match clock, and results that are kept."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_matches import write_flashes
from tiny_models import random_model
from tiny_tracks import write_tiny_tracks

from onball.actions import Action
from onball.config import ComponentConfig, TrackingConfig
from onball.data.layout import find_matches
from onball.errors import InputError, OnballNotice, OnballWarning, VideoError
from onball.evaluation import evaluate_spotting
from onball.events import EventList, VideoPart
from onball.formats.event_table import TABLE_FILE, read_event_table
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.soccernet import RESULTS_FILE, read_results
from onball.outputs import RECORD_FILE, OutputConflictError
from onball.progress import Progress
from onball.spotting.journal import JOURNAL_FILE
from onball.spotting.results import Outcome
from onball.spotting.runtimes import OpenedRuntime
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos
from onball.video import VideoWriter, find_proxy, probe

pytestmark = pytest.mark.usefixtures("one_thread")


def random_spotter(threshold: float = 0.0, **parts: object) -> Spotter:
    """A model of random weights, whose candidates have at least a score of `threshold`."""
    net, config = random_model(**parts)
    inference = config.inference.model_copy(update={"threshold": threshold})
    config = config.model_copy(update={"inference": inference})
    return Spotter(net, config, device="cpu", name="random", fingerprint="0123456789")


@pytest.fixture(scope="module")
def spotter():
    return random_spotter()


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Two videos of 8 s."""
    folder = tmp_path_factory.mktemp("originals")
    for number in (1, 2):
        write_flashes(folder / str(number), number)
        (folder / str(number) / "224p.mp4").rename(folder / f"part{number}.mp4")
    return folder


@pytest.fixture
def folder(originals, tmp_path, monkeypatch):
    """The working directory, with `match/part1.mp4` and `match/part2.mp4`."""
    shutil.copytree(originals, tmp_path / "match", ignore=lambda *_: ["1", "2"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def whole(spotter, originals):
    """All candidates of the two videos."""
    return [spotter.spot(originals / f"part{number}.mp4") for number in (1, 2)]


def spot(spotter, *videos, **settings):
    return list(spot_videos(videos, "out", model=spotter, **settings))


def median(events) -> float:
    """A threshold that half of the events reach."""
    return float(np.median([event.confidence for event in events]))


# Results


def test_each_video_of_a_folder_has_its_results(folder, spotter, whole):
    first, second = spot(spotter, "match")
    assert [first.name, second.name] == ["part1", "part2"]
    assert first.outcome is second.outcome is Outcome.SPOTTED
    assert first.events.events == whole[0].events
    assert read_results(second.folder / RESULTS_FILE).events == whole[1].events
    assert first.events.info == replace(whole[0].info, video="part1.mp4")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["part1", "part2"]


def test_the_table_has_the_shown_events_and_the_results_all_candidates(folder, spotter, whole):
    threshold = median(whole[0])
    actions = list(whole[0].above(threshold).counts())[:2]
    (result,) = spot(
        spotter, "match/part1.mp4", threshold=threshold, actions=[a.lower() for a in actions]
    )
    table = read_event_table(result.folder / TABLE_FILE)
    shown = whole[0].above(threshold).of_action(*actions)
    assert 0 < len(table) == len(shown) < len(whole[0])
    assert result.events.shown.events == shown.events
    again = EventList.load(result.folder / RESULTS_FILE)
    assert again.events == whole[0].events and again.shown.events == shown.events


def test_a_threshold_below_the_models_own_gives_more_candidates(folder, spotter, whole):
    choosy = random_spotter(median(whole[0]))
    assert len(spot(choosy, "match/part1.mp4")[0].events) < len(whole[0])
    (result,) = spot_videos("match/part1.mp4", "lower", model=choosy, threshold=0.0)
    assert len(result.events) == len(whole[0])


def test_events_are_reported_as_they_are_found(folder, spotter, whole):
    seen = []
    results = spot_videos(
        "match",
        "out",
        model=spotter,
        threshold=0.0,
        actions=["SHOT"],
        on_event=lambda name, event: seen.append((name, event)),
    )
    first = next(results)
    assert seen == [("part1", event) for event in first.events.shown]
    (second,) = results
    assert seen[len(first.events.shown) :] == [("part2", event) for event in second.events.shown]
    assert {event.label for _, event in seen} == {Action.SHOT}


def test_matches_of_a_data_set_have_their_names(folder, spotter, whole):
    match = Path("data/test/league/season/home - away")
    match.mkdir(parents=True)
    shutil.copy("match/part1.mp4", match / "224p.mp4")
    seen: list[Progress] = []
    (result,) = spot_videos(
        find_matches("data", "test"), "out", model=spotter, progress=seen.append
    )
    assert result.name == "league/season/home - away"
    assert (folder / "out" / result.name / RESULTS_FILE).is_file()
    assert {report.task for report in seen} == {result.name}
    assert result.events.events == whole[0].events


# Results that are there


def test_results_that_are_there_are_not_computed_again(folder, spotter):
    first = spot(spotter, "match/part1.mp4")[0]
    written = (first.folder / RESULTS_FILE).stat().st_mtime_ns
    done, new = spot(spotter, "match/part2.mp4", "match/part1.mp4")
    assert (done.name, done.outcome) == ("part1", Outcome.DONE)
    assert (new.name, new.outcome) == ("part2", Outcome.SPOTTED)
    assert done.events == first.events
    assert (first.folder / RESULTS_FILE).stat().st_mtime_ns == written


def test_a_table_that_was_edited_by_hand_is_kept(folder, spotter):
    (result,) = spot(spotter, "match/part1.mp4")
    table = result.folder / TABLE_FILE
    table.write_text("time,label\n00:00:01,SHOT\n")
    (kept,) = spot(spotter, "match/part1.mp4")
    assert kept.outcome is Outcome.EDITED and table.read_text().count("\n") == 2
    (again,) = spot(spotter, "match/part1.mp4", overwrite=True)
    assert again.outcome is Outcome.SPOTTED
    assert len(read_event_table(table)) == len(again.events.shown)


@pytest.mark.parametrize(
    "settings, difference",
    [
        ({"threshold": 0.5}, "threshold of the model instead of 0.5"),
        ({"actions": ["shot", "goal"]}, "actions all instead of SHOT, GOAL"),
        ({"start_ms": 1500}, "start none instead of 00:00:01.500"),
        ({"end_ms": 4000}, "end none instead of 00:00:04"),
        ({"kickoffs_ms": [-60_000]}, "kickoff none instead of -00:01:00"),
        ({"half": 2}, "half none instead of 2"),
    ],
)
def test_results_of_other_settings_are_refused_before_any_work(
    folder, spotter, settings, difference
):
    (result,) = spot(spotter, "match/part2.mp4")
    with pytest.raises(OutputConflictError) as caught:
        spot(spotter, "match/part2.mp4" if "kickoffs_ms" in settings else "match", **settings)
    assert difference in str(caught.value) and "--overwrite" in str(caught.value)
    by_events = set(settings) <= {"threshold", "actions"}
    assert (f"onball events {result.folder}" in str(caught.value)) is by_events
    assert not Path("out/part1").exists()


def test_results_of_another_model_or_video_are_refused(folder, spotter):
    spot(spotter, "match/part1.mp4")
    other = Spotter(spotter.net, spotter.config, device="cpu", name="other", fingerprint="9876")
    with pytest.raises(OutputConflictError, match=r"model random \(01234567\) instead of other"):
        spot(other, "match/part1.mp4")
    shutil.copy("match/part2.mp4", "match/part1.mp4")
    with pytest.raises(OutputConflictError, match=r"video part1.mp4 \(.{8}\) instead of part1.mp4"):
        spot(spotter, "match/part1.mp4")


def test_results_in_8_bits_are_those_of_another_model(folder, spotter):
    spot(spotter, "match/part1.mp4", end_ms=1000)
    opened = OpenedRuntime("onnx-int8", spotter.compute, spotter.device, torch.int8, "onnx 1")
    names = {"name": "random", "fingerprint": f"{spotter.fingerprint}-int8"}
    other = Spotter(spotter.net, spotter.config, opened=opened, **names)
    with pytest.raises(OutputConflictError, match=r"\(01234567\) instead of .*\(01234567-int8\)"):
        spot(other, "match/part1.mp4", end_ms=1000)


def test_models_in_memory_with_other_weights_are_other_models(folder):
    net, config = random_model()
    spot(Spotter(net, config, device="cpu"), "match/part1.mp4", end_ms=1000)
    (again,) = spot(Spotter(net, config, device="cpu"), "match/part1.mp4", end_ms=1000)
    assert again.outcome is Outcome.DONE
    other = copy.deepcopy(net)
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    with pytest.raises(OutputConflictError, match=r"model \(\w{8}\) instead of \(\w{8}\)"):
        spot(Spotter(other, config, device="cpu"), "match/part1.mp4", end_ms=1000)


# Inputs


def test_all_unusable_inputs_are_named_before_any_work(folder, spotter):
    Path("broken.mp4").write_bytes(b"nothing")
    with pytest.raises(VideoError, match=r"(?s)2 inputs .*broken.mp4.*absent.mp4"):
        spot(spotter, "match", "broken.mp4", "absent.mp4")
    assert not Path("out").exists()


def test_a_video_that_cannot_be_read_any_more_does_not_stop_the_others(folder, spotter):
    results = spot_videos(["match", "match/part1.mp4"], "out", model=spotter)
    Path("match/part1.mp4").unlink()
    failed, done = results
    assert failed.outcome is Outcome.FAILED and "part1.mp4: no such file" in failed.error
    assert failed.events is None and not failed.folder.exists()
    assert done.outcome is Outcome.SPOTTED and done.name == "part2"


def test_results_do_not_go_into_a_file(folder, spotter):
    Path("out").write_text("in the way")
    with pytest.raises(InputError, match="out: is a file, not a folder"):
        spot(spotter, "match")
    with pytest.raises(InputError, match="out is a file, not a folder"):
        list(spot_videos("match", "out/half", model=spotter))


@pytest.mark.parametrize(
    "settings, reason",
    [
        ({"threshold": 2}, "threshold 2 is outside 0 to 1"),
        ({"start_ms": 5000, "end_ms": 5000}, "from 00:00:05 to 00:00:05 is empty"),
        ({"start_ms": 9000}, "part1: the part to spot begins at 00:00:09, and the video ends at"),
        ({"actions": ["gaol"]}, "did you mean 'GOAL'"),
        ({"half": 3}, "half 3 does not exist"),
        ({"kickoffs_ms": [1000, 2000], "half": 2}, "2 kick-offs are given, and 1 can be"),
        ({"kickoffs_ms": [2000, 1000]}, "the second kick-off is not after the first"),
        ({"kickoffs_ms": [9000]}, "the kick-off begins at 00:00:09"),
        ({"tracks": "absent.parquet"}, "absent.parquet: no such tracks file"),
        ({"detector": "absent.onnx"}, "absent.onnx: no such detector file"),
    ],
)
def test_settings_that_do_not_fit_are_errors_before_any_work(folder, spotter, settings, reason):
    with pytest.raises(InputError, match=reason):
        spot(spotter, "match/part1.mp4", **settings)
    assert not Path("out").exists()


def test_what_belongs_to_one_match_is_refused_for_several_videos(folder, spotter):
    Path("tracks.parquet").touch()
    with pytest.raises(InputError, match=r"a kick-off is given for 2 videos: .*--join"):
        spot(spotter, "match", kickoffs_ms=[0])
    for join in (False, True):
        with pytest.raises(InputError, match="tracks are those of one video, and 2 are given"):
            spot(spotter, "match", tracks="tracks.parquet", join=join)


def test_tracks_and_detector_are_not_used_by_a_model_that_takes_none(folder, spotter):
    with pytest.warns(OnballWarning, match="takes no tracks"):
        (result,) = spot(spotter, "match/part1.mp4", detector="rfdetr")
    assert result.outcome is Outcome.SPOTTED


# Matches in parts and halves


def test_joined_videos_have_one_result_in_one_timeline(folder, spotter, whole):
    (result,) = spot(spotter, "match", join=True)
    length = probe("match/part1.mp4").duration_ms
    moved = [replace(event, position_ms=event.position_ms + length) for event in whole[1]]
    assert result.name == "match"
    assert result.events.events == (*whole[0], *moved)
    assert result.events.info.duration_ms == length + probe("match/part2.mp4").duration_ms
    assert result.events.info.parts == (
        VideoPart("part1.mp4", 0, length),
        VideoPart("part2.mp4", length, length),
    )
    assert EventList.load(result.folder / RESULTS_FILE) == result.events
    confidences = FrameConfidences.load(result.folder / CONFIDENCES_FILE)
    assert (np.diff(confidences.times_ms) > 0).all()
    assert len(confidences.times_ms) == 2 * 8 * spotter.config.fps
    for event in result.events:  # each event is its frame's value
        frame = np.searchsorted(confidences.times_ms, event.position_ms)
        value = confidences.confidences[frame, confidences.labels.index(event.label)] / 255
        assert confidences.times_ms[frame] == event.position_ms
        assert value == pytest.approx(event.confidence, abs=0.5 / 255 + 1e-6)


def test_joined_videos_are_in_the_order_given(folder, spotter):
    (result,) = spot(spotter, "match/part2.mp4", "match/part1.mp4", join=True)
    assert result.name == "part2"
    assert [part.video for part in result.events.info.parts] == ["part2.mp4", "part1.mp4"]


@pytest.mark.parametrize("start_ms, end_ms", [(2000, 6000), (6000, 10_000), (9000, 12_000)])
def test_a_part_of_joined_videos_reads_only_the_files_it_is_in(
    folder, spotter, whole, start_ms, end_ms
):
    seen: list[Progress] = []
    (result,) = spot(
        spotter, "match", join=True, start_ms=start_ms, end_ms=end_ms, progress=seen.append
    )
    length = probe("match/part1.mp4").duration_ms
    expected = [*whole[0]] + [
        replace(event, position_ms=event.position_ms + length) for event in whole[1]
    ]
    inside = [event for event in expected if start_ms <= event.position_ms < end_ms]
    found = [(event.position_ms, event.label) for event in result.events]
    assert found == [(event.position_ms, event.label) for event in inside]
    files = {f"match ({n}/2)" for n in (1, 2) if start_ms < 8000 * n and end_ms > 8000 * (n - 1)}
    assert {report.task for report in seen} == files


def test_the_match_clock_begins_at_the_kickoffs(folder, spotter):
    (result,) = spot(spotter, "match", join=True, kickoffs_ms=[2000, 9000])
    halves = [(event.position_ms >= 9000) + 1 for event in result.events]
    assert [event.half for event in result.events] == halves and set(halves) == {1, 2}
    text = (result.folder / RESULTS_FILE).read_text()
    assert '"gameTime": "2 - 00:06"' in text and '"gameTime": "2 - 00:07"' not in text
    assert read_results(result.folder / RESULTS_FILE).events == result.events.events
    table = (result.folder / TABLE_FILE).read_text(encoding="utf-8-sig")
    assert ",clock," in table.splitlines()[0]


def test_results_of_a_second_half_are_evaluated_with_its_labels(folder, spotter):
    (result,) = spot(spotter, "match/part1.mp4", half=2, kickoffs_ms=[1000], threshold=0.0)
    read = read_results(result.folder / RESULTS_FILE)
    assert {event.half for event in read} == {2}
    best = max(read, key=lambda event: event.confidence)
    labels = EventList.of([replace(best, confidence=1.0)], read.match)
    scores = evaluate_spotting([labels], [read.where(lambda event: event == best)])
    assert scores.ap[best.label] == 1.0


def test_a_match_cannot_be_joined_with_videos(folder, spotter):
    Path("data/test/match").mkdir(parents=True)
    shutil.copy("match/part1.mp4", "data/test/match/224p.mp4")
    matches = find_matches("data", "test")
    with pytest.raises(InputError, match="cannot be joined"):
        spot_videos([*matches, "match"], "out", model=spotter)


def test_a_file_without_length_cannot_be_followed_by_another(folder, spotter):
    # A raw stream has no header that could say its length.
    with VideoWriter("raw.mkv", (64, 36), 25) as writer:
        writer.write(np.zeros((36, 64, 3), np.uint8))
    video = replace(probe("raw.mkv"), duration_ms=0)
    with pytest.raises(VideoError, match=r"raw\.mkv: its header has no length"):
        list(spot_videos([video, "match/part1.mp4"], "out", model=spotter, join=True))


def test_the_name_of_a_joined_match_can_be_given(folder, spotter):
    (result,) = spot(spotter, "match", join=True, name="final", end_ms=1000)
    assert result.folder == Path("out/final")


def test_damaged_tracks_of_a_match_do_not_stop_the_others(folder):
    for name in ("a", "b"):
        match = Path("data/test", name)
        match.mkdir(parents=True)
        shutil.copy("match/part1.mp4", match / "224p.mp4")
        write_tiny_tracks(match)
    spotter = random_spotter(backbone=ComponentConfig(name="none"), tracking=TrackingConfig())
    results = spot_videos(find_matches("data", "test"), "out", model=spotter)
    Path("data/test/a/tracks.parquet").write_bytes(b"damaged")
    failed, done = results
    assert failed.outcome is Outcome.FAILED and "a/tracks.parquet" in failed.error
    assert done.outcome is Outcome.SPOTTED and len(done.events) > 0


def test_a_process_that_was_killed_while_it_recorded_results_leaves_no_trace(folder, spotter):
    (result,) = spot(spotter, "match/part1.mp4")
    expected = {path.name: path.read_bytes() for path in result.folder.iterdir()}
    record = json.loads(expected[RECORD_FILE])
    record["results"][0]["replaces"] = {}
    (result.folder / RECORD_FILE).write_text(json.dumps(record))
    (result.folder / JOURNAL_FILE).write_bytes(b"scores")
    (result.folder / ".onball.part").mkdir()
    (again,) = spot(spotter, "match/part1.mp4")
    assert again.outcome is Outcome.DONE
    assert {path.name: path.read_bytes() for path in result.folder.iterdir()} == expected


# Small copies


def test_a_proxy_is_spotted_where_it_is_asked_for_and_its_results_are_others(folder, spotter):
    with pytest.warns(OnballNotice, match=r"part1: spots the small copy proxies/part1-\w+/398x224"):
        (small,) = spot(spotter, "match/part1.mp4", proxies="proxies")
    proxy = find_proxy("match/part1.mp4", "proxies")
    events = read_results(small.folder / RESULTS_FILE)
    direct = spotter.spot(proxy).events
    assert [(e.position_ms, e.label) for e in events] == [(e.position_ms, e.label) for e in direct]
    with pytest.raises(OutputConflictError, match="proxy 398x224 instead of none"):
        spot(spotter, "match/part1.mp4")
    made = proxy.stat().st_mtime_ns
    (again,) = spot(spotter, "match/part1.mp4", proxies="proxies")
    assert again.outcome is Outcome.DONE
    with pytest.warns(OnballNotice):
        (other,) = spot(random_spotter(0.01), "match/part1.mp4", proxies="proxies", overwrite=True)
    assert other.outcome is Outcome.SPOTTED and proxy.stat().st_mtime_ns == made
    (whole,) = spot(spotter, "match/part1.mp4", overwrite=True)
    assert whole.outcome is Outcome.SPOTTED


def test_scores_of_a_proxy_do_not_continue_those_of_its_video(folder, spotter):
    def stop(progress: Progress) -> None:
        if "small copy" not in progress.task and progress.done:
            raise ZeroDivisionError

    for settings in ({}, {"proxies": "proxies"}):
        with pytest.raises(ZeroDivisionError):
            spot(spotter, "match/part1.mp4", progress=stop, **settings)
    with pytest.warns(
        OnballNotice, match=r"of another run: video 398x224.mp4 .* instead of part1.mp4"
    ):
        (result,) = spot(spotter, "match/part1.mp4")
    assert result.outcome is Outcome.SPOTTED


def test_a_model_that_takes_tracks_has_no_proxies(folder):
    tracking = TrackingConfig()
    with pytest.raises(InputError, match="takes tracks"):
        spot(random_spotter(tracking=tracking), "match/part1.mp4", proxies="proxies")
    assert not Path("proxies").exists()
