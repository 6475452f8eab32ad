"""Downloads of a data set from a local hub: success, refusals, interrupted connections."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_hub import REPO, TRAIN, Hub, contents

from onball.data.download import AccessError, HubRepository, download
from onball.data.layout import find_matches
from onball.errors import ConfigError, OnballError, OnballWarning
from onball.progress import Progress


def get(hub: Hub, out: Path, **options: object) -> list[str]:
    """Download the training split and return the names of its matches."""
    dataset = HubRepository(REPO, hub.address, token="hf_secret")
    (result,) = download(out, ["train"], dataset=dataset, **options)
    return list(result.matches)


def test_a_downloaded_split_is_found_by_training(hub, tmp_path):
    assert get(hub, tmp_path / "bas") == list(TRAIN)
    matches = find_matches(tmp_path / "bas", "train")
    assert [match.name for match in matches] == list(TRAIN)
    assert [m.require_video().read_bytes() for m in matches] == [
        bytes([i]) * 50_000 for i in range(4)
    ]
    assert all(match.labels for match in matches)
    assert not list((tmp_path / "bas").glob("*.zip*")), "the archive is not needed any more"
    assert set(hub.tokens) == {"Bearer hf_secret"}


def test_progress_ends_with_everything_downloaded_and_unpacked(hub, tmp_path):
    seen: dict[str, tuple[float, float | None]] = {}

    def note(progress: Progress) -> None:
        assert progress.unit == "bytes"
        seen[progress.task] = (progress.done, progress.total)

    download(tmp_path, ["train"], dataset=HubRepository(REPO, hub.address), progress=note)
    size = len(hub.files["train.zip"])
    unpacked = sum(len(body) for _, _, body in contents())
    assert seen == {
        "train: downloading": (size, size),
        "train: unpacking": (unpacked, unpacked),
    }


def test_a_complete_split_needs_no_hub(hub, tmp_path):
    get(hub, tmp_path)
    hub.down = True
    asked = len(hub.tokens)
    (result,) = download(tmp_path, ["train"], dataset=HubRepository(REPO, hub.address))
    assert result.was_complete and list(result.matches) == list(TRAIN)
    assert len(hub.tokens) == asked


def test_only_missing_files_are_unpacked_and_corrected_labels_stay(hub, tmp_path):
    get(hub, tmp_path, keep_zip=True)
    video, labels = (tmp_path / TRAIN[0] / n for n in ("224p.mp4", "Labels-ball.json"))
    video.unlink()
    labels.write_text("corrected by hand")
    before = (tmp_path / TRAIN[1] / "224p.mp4").stat().st_mtime_ns
    asked = len(hub.tokens)
    with pytest.warns(OnballWarning, match="kept, though it differs"):
        get(hub, tmp_path, keep_zip=True)
    assert video.is_file() and labels.read_text() == "corrected by hand"
    assert (tmp_path / TRAIN[1] / "224p.mp4").stat().st_mtime_ns == before
    assert len(hub.tokens) == asked, "the archive that was kept is used"


def test_an_interrupted_download_is_resumed(hub, tmp_path):
    hub.break_after = 70_000
    with pytest.raises(OnballError, match=r"error 503; what has come so far is kept"):
        get(hub, tmp_path)
    assert (tmp_path / "train.zip.part").stat().st_size == 70_000
    assert not (tmp_path / "train.zip").exists()
    hub.down, hub.ranges = False, []
    assert get(hub, tmp_path) == list(TRAIN)
    assert hub.ranges == ["bytes=70000-"]


def test_a_short_interruption_is_retried_within_one_call(hub, tmp_path):
    hub.break_after = 70_000
    send = hub._send

    def recover(request, status, headers, body=b""):
        send(request, status, headers, body)
        hub.down = False

    hub._send = recover
    assert get(hub, tmp_path) == list(TRAIN)
    assert hub.ranges == ["", "bytes=70000-"]


def test_a_file_on_another_host_is_downloaded_without_sending_the_token(hub, tmp_path):
    hub.elsewhere, hub.break_after = True, None
    send = hub._send

    def break_the_file(request, status, headers, body=b""):
        if request.path.startswith("/cdn"):
            assert "Authorization" not in request.headers
            hub.break_after = 70_000 if hub.ranges == [""] else None
        send(request, status, headers, body)

    hub._send = break_the_file
    with pytest.raises(OnballError, match="error 503"):
        get(hub, tmp_path)
    hub.down = False
    assert get(hub, tmp_path) == list(TRAIN)
    assert hub.ranges == ["", "bytes=70000-"]


def test_a_changed_file_is_downloaded_from_its_start(hub, tmp_path):
    hub.break_after = 70_000
    with pytest.raises(OnballError):
        get(hub, tmp_path)
    hub.files["train.zip"] += b"\0" * 10
    hub.down, hub.ranges = False, []
    get(hub, tmp_path)
    assert hub.ranges == [""]


@pytest.mark.parametrize(
    "status, code, words",
    [
        (401, "GatedRepo", "not logged in, or the token is not valid"),
        (401, "", "not logged in, or the token is not valid"),
        (403, "GatedRepo", "access refused"),
        (403, "", "access refused"),
    ],
)
def test_a_refusal_explains_how_to_get_access(hub, tmp_path, status, code, words):
    hub.refusal = (status, code)
    with pytest.raises(AccessError) as caught:
        get(hub, tmp_path / "new" / "data")
    assert not list(tmp_path.iterdir()), "no empty folders are left"
    assert words in str(caught.value) and f"{hub.address}/datasets/{REPO}" in str(caught.value)
    assert "\n" not in str(caught.value) and "hf_secret" not in str(caught.value)


def test_an_archive_of_another_name_is_found(hub, tmp_path):
    hub.files = {"224p/train.zip": hub.files["train.zip"], "README.md": b""}
    assert get(hub, tmp_path) == list(TRAIN)


def test_the_error_for_a_missing_archive_names_the_existing_ones(hub, tmp_path):
    hub.files = {"valid.zip": b""}
    with pytest.raises(OnballError, match=r"no file '\*train.zip' there \(archives: valid.zip\)"):
        get(hub, tmp_path)


def test_a_missing_network_is_reported_in_one_line(hub, tmp_path):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(OnballError, match="cannot be reached: check the network"):
        get(hub, tmp_path)


def test_a_full_disk_is_reported_before_the_download(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OnballError, match=r"0\.0 GB free, but the archive"):
        get(hub, tmp_path)
    assert hub.ranges == []


def test_a_second_download_into_a_folder_is_refused(hub, tmp_path):
    def again(progress: Progress) -> None:
        with pytest.raises(OnballError, match="another download"):
            download(tmp_path, ["train"])

    download(tmp_path, ["train"], dataset=HubRepository(REPO, hub.address), progress=again)


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown split 'tst'"):
        download(tmp_path, ["train", "tst"])
