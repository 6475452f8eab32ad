"""`onball spot`: what it prints, its exit codes, and what it leaves behind."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_matches import write_flashes
from tiny_models import random_model

from onball.config import ComponentConfig
from onball.formats.soccernet import read_results
from onball.models import save_model
from onball.outputs import output_lock
from onball.spotting import videos as batch
from onball.video import cut_video

pytestmark = pytest.mark.usefixtures("one_thread")


def save(folder: Path, **parts: object) -> None:
    """Save a model of random weights, which shows what it is least unsure of."""
    backbone = ComponentConfig(name="test_byobnet", pretrained=False)
    net, config = random_model(backbone=backbone, **parts)
    # Several windows in the shortest of videos.
    changed = {"threshold": 0.0, "report_threshold": 0.0, "window_frames": 16}
    inference = config.inference.model_copy(update=changed)
    save_model(net, config.model_copy(update={"inference": inference}), folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "random"
    save(folder)
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A video of 4 s."""
    folder = tmp_path_factory.mktemp("original")
    write_flashes(folder, 0)
    cut_video(folder / "224p.mp4", 0, 4000, folder / "short" / "224p.mp4")
    return folder / "short" / "224p.mp4"


@pytest.fixture
def spot(onball, model, original, tmp_path, monkeypatch):
    """Run `onball spot` with that model beside `a.mp4` and `b.mp4`."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(original, name)
    return lambda *arguments: onball("spot", *arguments, "--model", model, "--out", "out")


def test_events_are_listed_with_time_and_confidence_before_the_summary(spot):
    code, shown, error = spot("a.mp4")
    assert code == 0, error
    lines = shown.splitlines()
    events = read_results(Path("out/a/results_spotting.json"))
    summary = next(i for i, line in enumerate(lines) if line.startswith("a: "))
    assert summary == len(events) > 0
    for line, event in zip(lines, events, strict=False):
        time, rest = line.split("  ", 1)
        assert time.startswith("00:00:0") and rest.startswith(event.label.value)
        assert rest.endswith(f"  {event.confidence:.2f}")
    assert f"a: {len(events)} events (" in lines[summary]
    assert "out/a/events.csv" in shown and "onball events out/a --threshold" in shown
    assert "not a probability" in error and "a: 100%" in error
    counts = events.counts()
    for action, count in counts.items():
        lanes = [line for line in lines[summary:] if line.startswith(f"{action.value}  ")]
        assert len(lanes) == 1 and lanes[0].endswith(f"  {count}")


def test_clips_are_cut_at_once_and_next_steps_are_named(spot):
    code, _, error = spot("a.mp4", "--clips", "zzz")
    assert code == 2 and "unknown action 'zzz'" in error and not Path("out").exists()
    code, shown, error = spot("a.mp4")
    assert code == 0, error
    assert (
        "onball convert out/a --to sportscode" in shown
        and "onball clips out/a a.mp4 --reel" in shown
    )
    found = read_results(Path("out/a/results_spotting.json"))
    action = found[0].label
    code, shown, error = spot("a.mp4", "-q", "--clips", action)
    assert code == 0, error
    clips = list(Path("out/a/clips").glob("*.mp4"))
    assert len(clips) == found.counts()[action] and all(str(clip) in shown for clip in clips)


def test_actions_that_the_model_cannot_predict_are_named(onball, original, tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    save(model, classes=["PASS", "Corner", "SHOT"])
    code, _, error = onball("spot", original, "-m", model, "--out", out, "--actions", "goal,out")
    assert code == 2 and "this model does not predict GOAL, OUT, but PASS, Corner, SHOT" in error
    assert not out.exists()
    code, _, error = onball("spot", original, "-m", model, "--out", out)
    assert code == 0 and "This model has its own 3 classes: PASS, Corner, SHOT." in error
    labels = {event.label.value for event in read_results(out / "224p" / "results_spotting.json")}
    assert labels == {"PASS", "Corner", "SHOT"}


def test_a_batch_has_headings_and_a_line_per_video(spot):
    code, shown, error = spot("*.mp4", "--actions", "throw-in")
    assert code == 0, error
    lines = shown.splitlines()
    assert lines.index("a") < lines.index("b")
    assert sum("THROW IN" in line for line in lines) > 0 and "SHOT" not in shown
    for name in ("a", "b"):
        assert any(
            line.startswith(f"{name}: ") and f"out/{name}/events.csv" in line for line in lines
        )
    assert "\n2 videos, " in shown


def test_what_is_done_or_edited_is_skipped_and_named(spot):
    assert spot("a.mp4", "b.mp4", "-q")[0] == 0
    Path("out/b/events.csv").write_text("time,label\n00:00:01,SHOT\n")
    code, shown, error = spot("a.mp4", "b.mp4")
    assert code == 0, error
    assert "a: done already, " in shown and "b: kept, because it was edited by hand: out/b" in shown
    assert "--overwrite" in error and "%" not in error
    assert Path("out/b/events.csv").read_text().endswith("SHOT\n")


def test_quiet_prints_one_line_per_video(spot):
    code, shown, error = spot("a.mp4", "b.mp4", "--quiet")
    assert code == 0 and error == ""
    assert [line.split(":")[0] for line in shown.splitlines()] == ["a", "b"]


def test_without_events_the_best_candidate_and_the_remedies_are_shown(spot):
    code, shown, error = spot("a.mp4", "--threshold", "1", "--actions", "GOAL")
    assert code == 0
    assert "a: 0 events" in shown and "out/a/events.csv  " in shown
    assert "No event reaches the threshold. The best candidate is GOAL at 00:00:0" in error
    assert "Next:" not in shown
    assert "onball events out/a --threshold 0" in error and "close-ups" in error
    assert "Next" not in shown, "no higher threshold is suggested"


def test_the_match_clock_is_shown_if_the_kick_off_is_known(spot):
    shown = spot("a.mp4", "--kickoff", "-10:00", "--half", "2", "--end", "2")[1]
    assert shown.splitlines()[0].split()[1].startswith("55'0")


def test_results_of_joined_videos_are_in_one_folder(spot):
    code, shown, error = spot("a.mp4", "b.mp4", "--join")
    assert code == 0, error
    assert [path.name for path in Path("out").iterdir()] == ["a"]
    assert "a (1/2): 100%" in error and "a (2/2): 100%" in error
    assert "00:00:07" in shown


def test_a_folder_gives_a_joined_match_its_name(spot, tmp_path):
    Path("final").mkdir()
    shutil.move("a.mp4", "final/1.mp4")
    shutil.move("b.mp4", "final/2.mp4")
    assert spot("final", "--join", "-q")[0] == 0
    assert Path("out/final/events.csv").is_file()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["a.mp4", "c.mp4", "d.mp4"], "2 inputs cannot be used, so nothing was done:"),
        (["a.mp4", "--start", "noon"], "--start: 'noon' is not a time"),
        (["a.mp4", "--kickoff", "1:99"], "--kickoff: '1:99' is not a time"),
        (["a.mp4", "--actions", "gaol"], "did you mean 'GOAL'"),
        (["a.mp4", "--tracks", "absent"], "absent: no such tracks file"),
        (["https://example.org/a.mp4"], "https://example.org/a.mp4: is a URL"),
    ],
)
def test_errors_come_before_any_work_and_leave_nothing(spot, arguments, words):
    code, shown, error = spot(*arguments)
    assert code == 2 and words in error and shown == ""
    assert not Path("out").exists()


def failing(monkeypatch, video: str, fail: Callable[[], object]) -> None:
    """Let the work on a video fail when it begins."""
    spot_one = batch._Work.spot

    def spot(work, job):
        if job.name == video:
            fail()
        return spot_one(work, job)

    monkeypatch.setattr(batch._Work, "spot", spot)


def raising(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "fail, words",
    [
        (lambda: Path("a.mp4").unlink(), "a.mp4: no such file"),
        (raising(RuntimeError("no\nluck")), "a: failed with RuntimeError (no luck) (--debug shows"),
    ],
)
def test_a_video_that_fails_does_not_stop_the_others(spot, monkeypatch, fail, words):
    failing(monkeypatch, "a", fail)
    code, shown, error = spot("a.mp4", "b.mp4")
    assert code == 1
    assert words in error and "Traceback" not in error
    assert "1 of 2 videos failed; the results of the other 1 are in out" in error
    assert [path.name for path in Path("out").iterdir()] == ["b"]
    rows = [line.split()[:2] for line in shown.splitlines()]
    assert rows.index(["a", "failed"]) + 1 == rows.index(["b", "spotted"])


def test_debug_shows_where_a_video_failed(spot, monkeypatch):
    failing(monkeypatch, "a", raising(RuntimeError("no luck")))
    code, _, error = spot("a.mp4", "--debug")
    assert code == 1 and error.index("Traceback") < error.index(
        "error: a: failed with RuntimeError"
    )
    assert "in fail\n" in error


@pytest.mark.parametrize("kind, expected", [(KeyboardInterrupt, 130), (signal.SIGTERM, 143)])
def test_an_interruption_names_what_is_kept_and_how_to_go_on(spot, monkeypatch, kind, expected):
    stop = raising(kind()) if kind is KeyboardInterrupt else lambda: signal.raise_signal(kind)
    failing(monkeypatch, "b", stop)
    code, _, error = spot("a.mp4", "b.mp4")
    assert code == expected
    assert "interrupted: the results of a are complete; the same command continues" in error
    assert Path("out/a/events.csv").is_file() and not Path("out/b").exists()


def test_an_interrupted_video_continues_where_it_stopped(spot, monkeypatch):
    assert spot("b.mp4", "-q")[0] == 0
    expected = Path("out/b/results_spotting.json").read_bytes()
    shutil.rmtree("out")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("onball.cli.spot._Screen.show_event", stop)
        assert spot("b.mp4")[0] == 130
    kept = sorted(path.name for path in Path("out/b").iterdir())
    assert kept == [".onball-scores", ".onball-scores-parts"]
    code, _, error = spot("b.mp4", "--threshold", "0.5")
    assert code == 0 and "b: continues at 00:00:0" in error
    assert not any(Path("out/b", name).exists() for name in kept)
    assert spot("b.mp4", "--overwrite")[0] == 0
    assert Path("out/b/results_spotting.json").read_bytes() == expected


def test_results_that_another_process_is_writing_are_left_to_it(spot):
    with output_lock("out/a"):
        code, shown, error = spot("a.mp4", "b.mp4")
    assert code == 1 and shown == ""
    assert "out/a: another onball process is writing its results there" in error
    assert not Path("out").exists()


def test_a_full_disk_is_one_line(spot, small_disk):
    with small_disk(200):
        code, _, error = spot("a.mp4")
    assert code == 1 and "File too large" in error and "free some space" in error
    assert "Traceback" not in error and list(Path("out").rglob("*")) == []
    assert spot("a.mp4", "-q")[0] == 0


def test_without_a_model_the_ball_is_followed(onball, original, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ONBALL_MODEL")
    code, shown, error = onball("spot", original, "--out", "out")
    assert code == 0, error
    assert "Model: ball-tracks" in error + shown
    assert (tmp_path / "out" / "224p" / "tracks.parquet").is_file()
    code, shown, error = onball("spot", original, "--out", "out")
    assert code == 0 and "done already" in shown


def test_the_demo_model_by_default_says_how_good_it_is_and_what_is_missing(
    onball, original, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONBALL_MODEL", "demo")
    code, shown, error = onball("spot", original, "--out", "out")
    assert code == 0, error
    assert "no better than chance" in error + shown and "onball[track]" in error + shown
