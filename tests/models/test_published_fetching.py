"""Published and saved models from a local hub: which file is taken, licence, interruptions, names."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from tiny_hub import Hub
from tiny_models import random_model
from tiny_published import BIG, HUB, SMALL, TWELVE, tiny_catalogue, tiny_checkpoint

from onball.assets import sample_match
from onball.config import ExperimentConfig
from onball.data.layout import VIDEO_FILE
from onball.errors import InputError, ModelError, OnballError
from onball.events import Event, EventList
from onball.formats.soccernet import read_results, write_labels
from onball.hub import HubRepository, fetch_cached
from onball.models import load_model, save_model
from onball.models.finding import resolve_model
from onball.models.published import PUBLISHED
from onball.models.published.fetching import Download, fetch_model, rank_files
from onball.models.published.importing import import_model
from onball.progress import Progress
from onball.spotting.evaluating import evaluate
from onball.spotting.spotter import Spotter
from onball.training.initial import build_initial_net
from onball.video import cut_video

pytestmark = pytest.mark.usefixtures("one_thread")
CARD = b"---\nlicense: cc-by-nc-4.0\n---\n# Tiny\n"


def file_of(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.fixture
def models(hub, monkeypatch, tmp_path) -> Hub:
    """A hub with a repository of two published models, and an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    hub.models[HUB] = {
        "README.md": CARD,
        "config.json": b"{}",
        "weights/tiny_big-1/checkpoint_best.pt": file_of(tiny_checkpoint(BIG)),
        "weights/tiny_small-1/checkpoint_best.pt": file_of({"model": tiny_checkpoint(SMALL)}),
    }
    with tiny_catalogue():
        yield hub


def test_the_file_of_the_model_is_found_downloaded_once_and_computes_the_same(models):
    announced: list[Download] = []
    seen: list[Progress] = []
    fetched = fetch_model("tiny-small", on_download=announced.append, progress=seen.append)
    assert not fetched.was_done
    (download,) = announced
    assert download.file == "weights/tiny_small-1/checkpoint_best.pt"
    assert "stated where they are published: cc-by-nc-4.0." in download.licence
    assert seen[-1].done == seen[-1].total == download.size
    assert "cc-by-nc-4.0" in (fetched.folder / "README.md").read_text()
    frames = torch.randint(0, 256, (1, 4, 3, 36, 64), dtype=torch.uint8)
    expected = SMALL.build(tiny_checkpoint(SMALL))(frames).logits
    assert torch.equal(load_model(fetched.folder, "spotting")[0](frames).logits, expected)
    models.down = True
    assert fetch_model("tiny-small").was_done
    assert resolve_model("tiny-small") == fetched.folder


def test_the_content_decides_where_names_do_not(models):
    files = models.models[HUB]
    big, small = (files.pop(name) for name in list(files)[2:])
    files |= {"a.pt": big, "b.pt": small}
    announced: list[Download] = []
    fetch_model("tiny-small", on_download=announced.append)
    assert [download.file for download in announced] == ["a.pt", "b.pt"]


def test_files_of_real_names_and_sizes_are_ranked():
    small, big = PUBLISHED["adaspot-small"], PUBLISHED["adaspot-big"]
    files = {
        "FineDiving_small-1/checkpoint_best.pt": 43_000_000,
        "SoccerNetBall_small-1/checkpoint_best.pt": 43_000_000,
        "SoccerNetBall_small-1/optimizer.pt": 90_000_000,
        "SoccerNetBall_big-1/checkpoint_best.pt": 61_000_000,
        "README.md": 1000,
    }
    best = "SoccerNetBall_{}-1/checkpoint_best.pt"
    assert rank_files(small, files)[:1] == [best.format("small")]
    assert rank_files(big, files)[:1] == [best.format("big")]
    # Without names, sizes decide.
    unnamed = {"one.pth": 61_400_000, "two.pth": 43_500_000}
    assert rank_files(small, unnamed) == ["two.pth", "one.pth"]
    assert rank_files(big, unnamed) == ["one.pth", "two.pth"]


def test_a_repository_without_the_model_says_what_is_there(models):
    files = models.models[HUB]
    files["weights/tiny_small-1/checkpoint_best.pt"] = file_of({"epoch": 3})
    with pytest.raises(ModelError) as caught:
        fetch_model("tiny-small")
    text = str(caught.value)
    assert "\n" not in text and "no checkpoint of tiny-small there" in text
    assert "tiny_small-1/checkpoint_best.pt (holds no weights" in text
    assert "tiny_big-1/checkpoint_best.pt (no checkpoint of tiny-small: this looks like" in text
    assert "other files: README.md, config.json" in text


def test_an_interrupted_download_is_continued(models):
    models.models[HUB].pop("README.md")
    models.break_after = 50_000
    models.ranges.clear()
    with pytest.raises(OnballError, match="what has come so far is kept"):
        fetch_model("tiny-small")
    with pytest.raises(OnballError, match="answers with error 503: try again later"):
        fetch_model("tiny-big")
    models.down = False
    assert fetch_model("tiny-small").folder.is_dir()
    assert models.ranges[-1] == "bytes=50000-"


def test_a_damaged_download_is_deleted(models, tmp_path):
    models.wrong_etag = "0" * 64
    with pytest.raises(OnballError, match=r"'README.md' came damaged"):
        fetch_cached(HubRepository(HUB, kind="model"), "README.md")
    assert not list((tmp_path / "hub").rglob("0" * 64))


def test_without_a_network_there_is_one_line_and_nothing_is_left(models, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(OnballError, match="cannot be reached: check the network") as caught:
        resolve_model("tiny-small")
    assert "\n" not in str(caught.value) and "kept" not in str(caught.value)
    with pytest.raises(OnballError, match=r"someone/model: no such folder here, and on the hub: "):
        resolve_model("someone/model")
    assert not (tmp_path / "assets").exists() and not (tmp_path / "hub").exists()


def test_a_model_that_is_not_on_the_hub_names_the_file_and_the_command(models, tmp_path):
    with pytest.raises(
        ModelError, match=r"get it \(a drive\), then `onball models import FILE --as tiny-drive`"
    ):
        resolve_model("tiny-drive")
    (tmp_path / "a.pt").write_bytes(file_of(tiny_checkpoint(PUBLISHED["tiny-drive"])))
    imported = import_model(tmp_path / "a.pt", "tiny-drive")
    assert resolve_model("tiny-drive") == imported.folder


def test_a_saved_model_on_the_hub_is_downloaded_once(models, tmp_path):
    net, config = random_model()
    save_model(net, config, tmp_path / "saved")
    files = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    models.models["me/mine"] = files
    spotter = Spotter.from_pretrained("me/mine", device="cpu")
    assert spotter.name == "me/mine" and spotter.config.size == (64, 36)
    models.down = True
    folder = resolve_model("me/mine")
    assert (folder / "README.md").read_bytes() == files["README.md"]
    with pytest.raises(InputError, match=r"in the hub's cache: name a folder .* with --out"):
        evaluate("me/mine", tmp_path)


def test_a_repository_without_a_saved_model_is_refused(models):
    with pytest.raises(
        ModelError, match=r"no saved model of onball \(model.safetensors is missing"
    ):
        resolve_model(HUB)


def test_folders_have_precedence_and_misspelt_names_are_corrected(models, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("tiny-small").mkdir()
    Path("runs").mkdir()
    models.down = True
    assert resolve_model("tiny-small") == Path("tiny-small")
    assert resolve_model("runs/mine") == Path("runs/mine")
    with pytest.raises(ModelError, match="did you mean 'tiny-big'"):
        resolve_model("tiny-bug")


def test_a_name_is_enough_to_spot_a_video_and_download_and_licence_are_shown(
    models, onball, tmp_path
):
    cut_video(sample_match() / "224p.mp4", 0, 2_000, tmp_path / "two.mp4")
    arguments = ("spot", tmp_path / "two.mp4", "--model", "tiny-small", "--out", tmp_path / "out")
    code, _, err = onball(*arguments)
    assert code == 0
    assert "Downloading tiny-small: weights/tiny_small-1" in err and "cc-by-nc-4.0" in err
    info = read_results(tmp_path / "out" / "two" / "results_spotting.json").info
    assert info is not None and info.model == "tiny-small"
    models.down = True
    code, _, err = onball(*arguments, "--overwrite")
    assert code == 0 and "Downloading" not in err


def test_the_command_fetches_and_names_the_next_one(models, onball):
    code, out, err = onball("models", "fetch", "tiny-small")
    assert code == 0 and "spot VIDEO --model tiny-small" in out and "Downloading" in err
    code, out, err = onball("models", "fetch", "tiny-small")
    assert code == 0 and "is there already" in out and "Downloading" not in err


@pytest.fixture
def twelve(models, monkeypatch) -> str:
    """Name of a published model on the hub that predicts the 12 actions."""
    monkeypatch.setitem(PUBLISHED, TWELVE.name, TWELVE)
    models.models[HUB] = {"tiny_twelve.pt": file_of(tiny_checkpoint(TWELVE))}
    return TWELVE.name


def test_training_starts_from_a_published_model_by_name(twelve):
    config = ExperimentConfig.model_validate(
        {
            "model": TWELVE.model.model_dump(),
            "data": {"width": 64, "height": 36, "clip_frames": 8},
            "training": {"initial_model": twelve},
        }
    )
    net = build_initial_net(config)
    expected = TWELVE.build(tiny_checkpoint(TWELVE)).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())


def test_train_shows_a_download_and_names_a_model_to_get_by_hand(models, onball, tmp_path):
    arguments = ("train", "spotting/tiny", "--out", tmp_path / "run", "--data", tmp_path / "none")
    code, _, err = onball(*arguments, "--init", "tiny-drive")
    assert code == 2 and "models import FILE --as tiny-drive" in err
    code, _, err = onball(*arguments, "--init", "tiny-big")
    assert code == 2 and "Downloading tiny-big" in err and "cc-by-nc-4.0" in err


def test_a_published_model_is_calibrated_by_name(twelve, onball, tmp_path):
    videos = tmp_path / "data" / "valid" / "league" / "season" / "one"
    cut_video(sample_match() / VIDEO_FILE, 0, 5_000, videos / VIDEO_FILE)
    found = Spotter.from_pretrained(twelve, device="cpu").spot(videos / VIDEO_FILE)
    labels = [Event(event.position_ms, event.label) for event in list(found)[::2]]
    write_labels(EventList.of(labels, "league/season/one"), videos / "Labels-ball.json")
    out = tmp_path / "calibrated"
    code, _, err = onball(
        "calibrate", twelve, "--data", tmp_path / "data", "--out", out, "--device", "cpu"
    )
    assert code == 0, err
    assert load_model(out)[1].inference.calibration
    code, _, err = onball("calibrate", twelve, "--data", tmp_path / "data", "--in-place")
    assert code == 2 and "in the hub's cache: calibrate it into a folder with --out" in err
