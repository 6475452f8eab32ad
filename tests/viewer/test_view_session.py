"""Videos, labels and predictions that belong together are shown as one match."""

from __future__ import annotations

import pytest

from onball.config import load_config, save_config
from onball.errors import InputError
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE
from onball.tracks import TRACKS_FILE
from onball.viewer.session import NotServedError, ViewSession


def only(paths) -> tuple:
    (match,) = ViewSession.open(paths).matches
    assert len(match.videos) < 2
    return next(iter(match.videos), None), match.truth, match.predictions


def test_a_folder_with_video_labels_and_results_is_one_match(match_folder):
    files = ("match.mp4", LABELS_FILE, RESULTS_FILE)
    assert only([match_folder]) == tuple(match_folder / name for name in files)


def test_a_data_set_and_predictions_are_joined_by_the_names_of_matches(write_match, tmp_path):
    for name in ("a", "b"):
        write_match(f"data/{name}", "224p.mp4", LABELS_FILE)
        write_match(f"predictions/{name}", RESULTS_FILE)
    matches = ViewSession.open([tmp_path / "data", tmp_path / "predictions"]).matches
    assert [match.name for match in matches] == ["a", "b"]
    for match in matches:
        assert match.videos == (tmp_path / "data" / match.name / "224p.mp4",)
        assert match.predictions == tmp_path / "predictions" / match.name / RESULTS_FILE


def test_a_video_is_joined_with_results_in_a_folder_of_its_name(write_match):
    video = write_match("videos", "cup.mp4") / "cup.mp4"
    results = write_match("results/cup", RESULTS_FILE)
    assert only([video, results]) == (video, None, results / RESULTS_FILE)


def test_a_video_alone_gets_the_results_that_spot_wrote_beside_it(write_match, tmp_path):
    video = write_match("videos", "cup.mp4") / "cup.mp4"
    write_match("videos/onball-results/cup", RESULTS_FILE, video_name="cup.mp4")
    assert only([video])[2] == tmp_path / "videos/onball-results/cup" / RESULTS_FILE


def test_results_alone_get_the_video_of_their_name_from_a_folder_above(write_match, tmp_path):
    video = write_match("videos", "cup.mp4") / "cup.mp4"
    write_match("videos/results/cup", RESULTS_FILE, video_name="cup.mp4")
    assert only([tmp_path / "videos/results/cup"])[0] == video


@pytest.mark.parametrize("name", ["../secret.mp4", "/etc/passwd", "a/b.mp4"])
def test_the_name_of_a_video_in_results_cannot_lead_elsewhere(write_match, tmp_path, name):
    write_match("", "secret.mp4")
    write_match("x/results", RESULTS_FILE, video_name=name)
    assert only([tmp_path / "x"])[0] is None


def test_several_videos_in_a_folder_without_labels_are_several_matches(write_match, tmp_path):
    write_match("clips", "one.mp4", "two.mp4")
    write_match("results/two", RESULTS_FILE)
    matches = ViewSession.open([tmp_path / "clips", tmp_path / "results"]).matches
    assert [(m.name, m.predictions is not None) for m in matches] == [("one", False), ("two", True)]


HALVES = ("first.mp4", "second.mp4")


@pytest.mark.parametrize(
    "paths",
    [
        ("cup", "results"),
        ("cup/first.mp4", "cup/second.mp4", "results/final"),
        ("cup/second.mp4", "results/final"),
        ("results/final", "cup"),
    ],
)
@pytest.mark.parametrize("labels", [(), (LABELS_FILE,)])
def test_files_that_were_spotted_as_one_are_one_match(paths, labels, write_match, tmp_path):
    folder = write_match("cup", *HALVES, "other.mp4")
    for file in labels:
        write_match("cup", file)
    results = write_match("results/final", RESULTS_FILE, parts=HALVES)
    session = ViewSession.open([tmp_path / path for path in paths])
    joined = [match for match in session.matches if len(match.videos) > 1]
    assert [match.videos for match in joined] == [tuple(folder / name for name in HALVES)]
    assert joined[0].predictions == results / RESULTS_FILE
    # Labels are looked for in the folders that are named, not beside files.
    assert joined[0].truth == (folder / LABELS_FILE if labels and "cup" in paths else None)
    others = [match.videos for match in session.matches if match not in joined]
    assert others == ([(folder / "other.mp4",)] if "cup" in paths and not labels else [])
    for video in joined[0].videos:
        assert session.require_served(video) == video
        assert session.match_of(video) is None, "a half is spotted as a match of its own"


@pytest.mark.parametrize("place", ["onball-results/cup", "cup/onball-results/first"])
@pytest.mark.parametrize(
    "paths", [("cup",), ("cup/first.mp4", "cup/second.mp4"), ("cup/first.mp4",)]
)
def test_joined_videos_get_the_results_that_spot_wrote(place, paths, write_match, tmp_path):
    folder = write_match("cup", *HALVES)
    write_match(place, RESULTS_FILE, parts=HALVES)
    (match,) = ViewSession.open([tmp_path / path for path in paths]).matches
    assert match.videos == tuple(folder / name for name in HALVES)
    assert match.predictions == tmp_path / place / RESULTS_FILE


def test_matches_whose_files_have_the_same_names_are_kept_apart(write_match, tmp_path):
    for name in ("a", "b"):
        write_match(f"cups/{name}", *HALVES)
        write_match(f"cups/{name}/results", RESULTS_FILE, parts=HALVES)
    matches = ViewSession.open([tmp_path / "cups"]).matches
    assert [match.videos[0].parent.name for match in matches] == ["a", "b"]
    assert all(len(match.videos) == 2 for match in matches)


def test_joined_results_without_all_their_videos_have_none(write_match, tmp_path):
    write_match("cup", "first.mp4")
    results = write_match("results", RESULTS_FILE, parts=HALVES)
    (match,) = ViewSession.open([results]).matches
    assert match.videos == ()


def test_a_run_shows_its_predictions_with_the_videos_and_labels_of_its_data_set(
    write_match, tmp_path
):
    for name in ("league/a", "league/b"):
        write_match(f"data/{name}", "224p.mp4", LABELS_FILE)
    run = write_match("run/evaluation/test/predictions/league/a", RESULTS_FILE)
    config = load_config("spotting/tiny", [f"data.root={tmp_path / 'data'}"])
    save_config(config, tmp_path / "run" / "config.yaml")
    assert only([tmp_path / "run"]) == (
        tmp_path / "data/league/a/224p.mp4",
        tmp_path / "data/league/a" / LABELS_FILE,
        run / RESULTS_FILE,
    )


def test_a_run_that_was_not_measured_is_refused_with_the_command(tmp_path):
    (tmp_path / "run").mkdir()
    save_config(load_config("spotting/tiny"), tmp_path / "run" / "config.yaml")
    with pytest.raises(InputError, match="onball evaluate"):
        ViewSession.open([tmp_path / "run"])


def test_labels_without_predictions_are_what_is_corrected(write_match):
    session = ViewSession.open([write_match("m", "224p.mp4", LABELS_FILE)])
    data = session.load(session.matches[0])
    assert len(data.events) == 3 and data.truth is None
    assert session.matches[0].corrections.path.name == "corrections.json"


@pytest.mark.parametrize("paths", [[], ["nothing"], ["empty"], ["m", "empty"]])
def test_nothing_to_view_is_one_line(paths, write_match, tmp_path):
    write_match("m", RESULTS_FILE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as error:
        ViewSession.open([tmp_path / path for path in paths])
    assert "\n" not in str(error.value)


def test_a_link_that_leads_out_of_the_folder_is_not_served(write_match, tmp_path):
    write_match("", "secret.mp4")
    folder = write_match("m", LABELS_FILE)
    (folder / "224p.mp4").symlink_to(tmp_path / "secret.mp4")
    session = ViewSession.open([folder])
    with pytest.raises(NotServedError, match="leads out"):
        session.require_served(session.matches[0].videos[0])
    both = ViewSession.open([folder, tmp_path / "secret.mp4"])
    assert both.require_served(folder / "224p.mp4") == (tmp_path / "secret.mp4").resolve()


def test_tracks_beside_a_video_that_was_named_alone_are_served(write_match):
    folder = write_match("m", "match.mp4", "other.mp4")
    session = ViewSession.open([folder / "match.mp4"])
    tracks = folder / TRACKS_FILE
    tracks.write_bytes(b"")  # made while the viewer runs
    assert session.matches[0].tracks(0) == tracks
    assert session.require_served(tracks) == tracks.resolve()
    with pytest.raises(NotServedError):
        session.require_served(folder / "other.mp4")


def test_links_of_joined_videos_do_not_lead_out_of_the_folder(write_match, tmp_path):
    write_match("", "secret.mp4")
    folder = write_match("m", "a.mp4", RESULTS_FILE, parts=("a.mp4", "b.mp4"))
    (folder / "b.mp4").symlink_to(tmp_path / "secret.mp4")
    session = ViewSession.open([folder])
    (match,) = session.matches
    assert [video.name for video in match.videos] == ["a.mp4", "b.mp4"]
    with pytest.raises(NotServedError, match="leads out"):
        session.require_served(match.videos[1])
