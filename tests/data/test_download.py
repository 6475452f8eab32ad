"""Downloading a data set from a hub that runs here: success, refusals, broken connections."""

from __future__ import annotations

import io
import json
import re
import stat
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from onball.data.download import AccessError, HubDataset, PasswordError, SplitResult, download
from onball.data.layout import OFFICIAL_SPLITS, find_matches
from onball.errors import ConfigError, DataError, OnballError, OnballWarning
from onball.files import write_text_atomic
from onball.progress import Progress

REPO = "SoccerNet/SN-BAS-2025"
COMMIT = "c" * 40
TRAIN = OFFICIAL_SPLITS["train"]


class Hub:
    """As much of a hub as a download needs, and what it was asked for.

    Attributes:
        files: what the data set holds.
        refusal: status and error code of every answer, if it refuses.
        break_after: bytes after which the next transfer breaks off; then the hub is down.
        elsewhere: files lie on another host, as large ones do on real hubs.
        ranges: the `Range` of each transfer ('' for none).
        tokens: the `Authorization` of each request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.refusal: tuple[int, str] | None = None
        self.break_after: int | None = None
        self.down = False
        self.elsewhere = False
        self.ranges: list[str] = []
        self.tokens: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                hub.answer(self)

            def do_GET(self) -> None:
                hub.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.tokens.append(request.headers.get("Authorization", ""))
        if self.refusal is not None:
            return self._send(request, self.refusal[0], {"X-Error-Code": self.refusal[1]})
        if self.down:
            return self._send(request, 503, {})
        if request.path.startswith(f"/api/datasets/{REPO}"):
            entries = [
                {"type": "file", "path": name, "oid": "0", "size": len(content)}
                for name, content in self.files.items()
            ]
            kind = {"Content-Type": "application/json"}
            return self._send(request, 200, kind, json.dumps(entries).encode())
        found = re.fullmatch(
            rf"(/cdn|/datasets/{REPO}/resolve/(?:main|{COMMIT}))/(.+)", request.path
        )
        if not found or found[2] not in self.files:
            return self._send(request, 404, {"X-Error-Code": "EntryNotFound"})
        content = self.files[found[2]]
        etag = f'"{hash(content)}"'
        headers = {"ETag": etag, "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if self.elsewhere and found[1] != "/cdn":
            other = self.address.replace("127.0.0.1", "localhost")
            headers |= {"Location": f"{other}/cdn/{found[2]}", "X-Linked-Etag": etag}
            return self._send(request, 302, headers | {"X-Linked-Size": str(len(content))})
        if request.command == "HEAD":
            return self._send(request, 200, headers, content)
        wanted = request.headers.get("Range", "")
        self.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(request, 206 if start else 200, headers, content[start:])

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        body: bytes = b"",
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if self.break_after is not None:
            body, self.break_after, self.down = body[: self.break_after], None, True
            request.close_connection = True
        request.wfile.write(body)


@pytest.fixture
def hub(monkeypatch) -> Iterator[Hub]:
    """A hub with the training split, and nothing that leads to another one."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
    # What is lost when a connection breaks; usually 10 MB.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub = Hub()
    hub.files["train.zip"] = archive({f"{name}/{file}": body for name, file, body in contents()})
    thread = threading.Thread(target=hub.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def contents() -> Iterator[tuple[str, str, bytes]]:
    for number, name in enumerate(TRAIN):
        yield name, "224p.mp4", bytes([number]) * 50_000
        yield name, "Labels-ball.json", b'{"annotations": []}'


def archive(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return written.getvalue()


def get(hub: Hub, out: Path, **options: object) -> list[str]:
    """Download the training split; return the names of its matches."""
    dataset = HubDataset(REPO, hub.address, token="hf_secret")
    (result,) = download(out, ["train"], dataset=dataset, **options)
    return list(result.matches)


def test_a_split_is_where_training_looks_for_it(hub, tmp_path):
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

    download(tmp_path, ["train"], dataset=HubDataset(REPO, hub.address), progress=note)
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
    (result,) = download(tmp_path, ["train"], dataset=HubDataset(REPO, hub.address))
    assert result.was_complete and list(result.matches) == list(TRAIN)
    assert len(hub.tokens) == asked


def test_only_what_is_missing_is_unpacked_and_corrected_labels_stay(hub, tmp_path):
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


def test_a_broken_download_goes_on_where_it_stopped(hub, tmp_path):
    hub.break_after = 70_000
    with pytest.raises(OnballError, match=r"error 503; what has come so far is kept"):
        get(hub, tmp_path)
    assert (tmp_path / "train.zip.part").stat().st_size == 70_000
    assert not (tmp_path / "train.zip").exists()
    hub.down, hub.ranges = False, []
    assert get(hub, tmp_path) == list(TRAIN)
    assert hub.ranges == ["bytes=70000-"]


def test_a_short_break_is_bridged_within_one_call(hub, tmp_path):
    hub.break_after = 70_000
    send = hub._send

    def recover(request, status, headers, body=b""):
        send(request, status, headers, body)
        hub.down = False

    hub._send = recover
    assert get(hub, tmp_path) == list(TRAIN)
    assert hub.ranges == ["", "bytes=70000-"]


def test_a_file_on_another_host_is_fetched_without_telling_it_the_token(hub, tmp_path):
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


def test_a_file_that_changed_meanwhile_begins_anew(hub, tmp_path):
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
def test_a_refusal_says_how_to_get_access(hub, tmp_path, status, code, words):
    hub.refusal = (status, code)
    with pytest.raises(AccessError) as told:
        get(hub, tmp_path)
    assert words in str(told.value) and f"{hub.address}/datasets/{REPO}" in str(told.value)
    assert "\n" not in str(told.value) and "hf_secret" not in str(told.value)


def test_an_archive_of_another_name_is_found(hub, tmp_path):
    hub.files = {"224p/train.zip": hub.files["train.zip"], "README.md": b""}
    assert get(hub, tmp_path) == list(TRAIN)


def test_no_such_archive_names_those_that_are_there(hub, tmp_path):
    hub.files = {"valid.zip": b""}
    with pytest.raises(OnballError, match=r"no file '\*train.zip' there \(archives: valid.zip\)"):
        get(hub, tmp_path)


def test_no_network_is_one_line(hub, tmp_path):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(OnballError, match="cannot be reached: check the network"):
        get(hub, tmp_path)


def test_a_full_disk_is_told_before_the_download(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OnballError, match=r"0\.0 GB free, but the archive"):
        get(hub, tmp_path)
    assert hub.ranges == []


def test_a_second_download_into_a_folder_is_refused(hub, tmp_path):
    def again(progress: Progress) -> None:
        with pytest.raises(OnballError, match="another download"):
            download(tmp_path, ["train"])

    download(tmp_path, ["train"], dataset=HubDataset(REPO, hub.address), progress=again)


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown split 'tst'"):
        download(tmp_path, ["train", "tst"])


def unpack(folder: Path, content: bytes, **options: object) -> SplitResult:
    """Unpack an archive that is already there, without any hub."""
    folder.mkdir(exist_ok=True)
    (folder / "train.zip").write_bytes(content)
    (result,) = download(
        folder, ["train"], dataset=HubDataset(REPO, "http://127.0.0.1:1"), **options
    )
    return result


def test_folders_above_the_league_and_junk_are_left_out(tmp_path):
    content = archive(
        {
            f"train/{TRAIN[0]}/224p.mp4": b"a",
            f"{TRAIN[1].rpartition('/')[2]}/224p.mp4": b"b",
            f"__MACOSX/train/{TRAIN[0]}/._224p.mp4": b"junk",
            "LICENCE.txt": b"text",
        }
    )
    unpack(tmp_path, content)
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.glob("[!.]*/**/*") if p.is_file())
    assert files == sorted(Path(name) / "224p.mp4" for name in TRAIN[:2])


def test_a_match_that_the_list_does_not_name_is_told(tmp_path):
    with pytest.warns(OnballWarning, match=r"'a/b/c', which SoccerNet's list of 'train'"):
        unpack(tmp_path, archive({"a/b/c/224p.mp4": b"a"}))


@pytest.mark.parametrize(
    "name",
    ["../../../../evil.txt", "/a/b/c/evil.txt", "a/b/c/..\\evil", "a/b/C:/evil", "a/../b/c/d"],
)
def test_a_path_that_leads_elsewhere_stops_everything(tmp_path, name):
    content = archive({f"{TRAIN[0]}/224p.mp4": b"a", name: b"evil"})
    with pytest.raises(DataError, match="unsafe path"):
        unpack(tmp_path / "out", content)
    assert not list(tmp_path.rglob("*evil*")) and not (tmp_path / "out" / TRAIN[0]).exists()


def test_a_link_in_an_archive_stops_everything(tmp_path):
    written = io.BytesIO()
    link = zipfile.ZipInfo(f"{TRAIN[0]}/224p.mp4")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(written, "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="unsafe path"):
        unpack(tmp_path, written.getvalue())


def test_a_damaged_archive_leaves_no_half_match(tmp_path):
    content = bytearray(archive({f"{TRAIN[0]}/224p.mp4": b"film" * 1000, "x/y/z/a": b"b"}))
    content[500] ^= 255
    with pytest.raises(DataError, match=r"train.zip: damaged \(Bad CRC.*\): delete it"):
        unpack(tmp_path, bytes(content))
    assert not (tmp_path / TRAIN[0]).exists()
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path, b"no zip at all")


def test_interrupted_unpacking_goes_on(tmp_path):
    files = {f"{TRAIN[0]}/224p.mp4": b"film", f"{TRAIN[0]}/Labels-ball.json": b"{}"}
    write_text_atomic(tmp_path / ".download" / "train" / TRAIN[0] / "224p.mp4", "done")
    unpack(tmp_path, archive(files))
    assert (tmp_path / TRAIN[0] / "224p.mp4").read_bytes() == b"done", "unpacked before"
    assert not (tmp_path / ".download" / "train").exists()


def encrypted() -> bytes:
    """An archive whose only file is encrypted with `secret` by zip's traditional method."""
    plain = b"film" * 10
    crc_table = [zlib.crc32(bytes([i]), 0xFFFFFFFF) ^ 0xFFFFFFFF for i in range(256)]
    name = f"{TRAIN[0]}/224p.mp4"
    key = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        key[0] = (key[0] >> 8) ^ crc_table[(key[0] ^ byte) & 255]
        key[1] = ((key[1] + (key[0] & 255)) * 134775813 + 1) & 0xFFFFFFFF
        key[2] = (key[2] >> 8) ^ crc_table[(key[2] ^ (key[1] >> 24)) & 255]

    for byte in b"secret":
        update(byte)
    coded = bytearray()
    for byte in bytes(11) + bytes([zlib.crc32(plain) >> 24]) + plain:
        mask = key[2] | 2
        coded.append(byte ^ ((mask * (mask ^ 1)) >> 8) & 255)
        update(byte)
    content = bytearray(archive({name: plain}))
    # The flag "encrypted", the longer size and the coded data, in the file's own header …
    content[6] |= 1
    size = (len(plain) + 12).to_bytes(4, "little")
    content[18:22] = size
    start = 30 + len(name)
    content[start : start + len(plain)] = coded
    # … and in the directory, which the end record then finds 12 bytes later.
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    content[directory + 20 : directory + 24] = size
    end = content.index(b"PK\x05\x06")
    content[end + 16 : end + 20] = directory.to_bytes(4, "little")
    return bytes(content)


def test_an_encrypted_archive_asks_for_its_password(tmp_path):
    with pytest.raises(PasswordError, match="is encrypted: give --password"):
        unpack(tmp_path, encrypted())
    with pytest.raises(PasswordError, match=r"cannot be decrypted .*: check --password"):
        unpack(tmp_path, encrypted(), password="wrong")
    assert (tmp_path / "train.zip").is_file(), "it need not be downloaded again"
    unpack(tmp_path, encrypted(), password="secret")
    assert (tmp_path / TRAIN[0] / "224p.mp4").read_bytes() == b"film" * 10


def test_aes_says_which_package_reads_it(tmp_path, monkeypatch):
    content = bytearray(encrypted())
    directory = content.index(b"PK\x01\x02")
    content[8:10] = content[directory + 10 : directory + 12] = (99).to_bytes(2, "little")
    monkeypatch.setitem(sys.modules, "pyzipper", None)
    with pytest.raises(PasswordError, match=r"AES.*pip install pyzipper"):
        unpack(tmp_path, bytes(content), password="secret")


def test_the_command_downloads_the_named_splits_and_says_where_they_are(hub, onball, tmp_path):
    hub.files["valid.zip"] = archive({f"{OFFICIAL_SPLITS['valid'][0]}/224p.mp4": b"film"})
    arguments = ("data", "download", "--out", tmp_path, "--endpoint", hub.address)
    code, shown, told = onball(*arguments, "--split", "train, valid")
    assert code == 0, told
    lines = shown.splitlines()
    assert lines == [
        f"train: complete, 4 matches in {tmp_path}",
        f"valid: complete, 1 matches in {tmp_path}",
    ]
    assert "for research only" in told and "data check" in told
    code, shown, _ = onball(*arguments, "--split", "train")
    assert code == 0 and shown == f"train: already complete, 4 matches in {tmp_path}\n"


def test_the_command_explains_a_refusal_step_by_step(hub, onball, tmp_path, monkeypatch):
    hub.refusal = (403, "GatedRepo")
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    code, _, told = onball("data", "download", "--out", tmp_path)
    assert code == 1 and "Traceback" not in told
    assert told.splitlines()[-1].startswith("error: ") and "access refused" in told
    assert "non-disclosure agreement" in told and "hf auth login" in told
    assert f"ask for access on the page of the data set: {hub.address}/datasets/{REPO}" in told


def test_the_command_names_the_splits_there_are(onball, tmp_path):
    code, _, told = onball("data", "download", "--out", tmp_path, "--split", "train,val")
    assert code == 2 and "unknown split 'val': choose train, valid, test, challenge" in told
