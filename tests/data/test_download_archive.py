"""Unpacking archives of a split: safe paths, damage, interruption, encryption."""

from __future__ import annotations

import io
import stat
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from tiny_hub import REPO, TRAIN, archive

from onball.data.download import HubRepository, PasswordError, SplitResult, download
from onball.errors import DataError, OnballWarning
from onball.files import write_text_atomic


def unpack(folder: Path, content: bytes, **options: object) -> SplitResult:
    """Unpack an existing archive without a hub."""
    folder.mkdir(exist_ok=True)
    (folder / "train.zip").write_bytes(content)
    (result,) = download(
        folder, ["train"], dataset=HubRepository(REPO, "http://127.0.0.1:1"), **options
    )
    return result


def test_folders_above_the_league_and_junk_are_skipped(tmp_path):
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


def test_a_match_missing_from_the_official_list_gives_a_warning(tmp_path):
    with pytest.warns(OnballWarning, match=r"'a/b/c', which SoccerNet's list of 'train'"):
        unpack(tmp_path, archive({"a/b/c/224p.mp4": b"a"}))


@pytest.mark.parametrize(
    "name",
    ["../../../../evil.txt", "/a/b/c/evil.txt", "a/b/c/..\\evil", "a/b/C:/evil", "a/../b/c/d"],
)
def test_an_archive_with_a_path_outside_the_folder_is_not_unpacked(tmp_path, name):
    content = archive({f"{TRAIN[0]}/224p.mp4": b"a", name: b"evil"})
    with pytest.raises(DataError, match="unsafe path"):
        unpack(tmp_path / "out", content)
    assert not list(tmp_path.rglob("*evil*")) and not (tmp_path / "out" / TRAIN[0]).exists()


def test_an_archive_with_a_link_is_not_unpacked(tmp_path):
    written = io.BytesIO()
    link = zipfile.ZipInfo(f"{TRAIN[0]}/224p.mp4")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(written, "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="unsafe path"):
        unpack(tmp_path, written.getvalue())


def test_a_damaged_archive_leaves_no_incomplete_match(tmp_path):
    content = bytearray(archive({f"{TRAIN[0]}/224p.mp4": b"video" * 1000, "x/y/z/a": b"b"}))
    content[500] ^= 255
    with pytest.raises(DataError, match=r"train.zip: damaged \(Bad CRC.*\): delete it"):
        unpack(tmp_path, bytes(content))
    assert not (tmp_path / TRAIN[0]).exists()
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path, b"no zip at all")


def test_interrupted_unpacking_is_resumed(tmp_path):
    files = {f"{TRAIN[0]}/224p.mp4": b"clip", f"{TRAIN[0]}/Labels-ball.json": b"{}"}
    write_text_atomic(tmp_path / ".download" / "train" / TRAIN[0] / "224p.mp4", "done")
    unpack(tmp_path, archive(files))
    assert (tmp_path / TRAIN[0] / "224p.mp4").read_bytes() == b"done", "unpacked before"
    assert not (tmp_path / ".download" / "train").exists()


def encrypted() -> bytes:
    """An archive whose only file is encrypted with `secret` by zip's traditional method."""
    plain = b"video" * 10
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


def test_an_encrypted_archive_needs_its_password(tmp_path):
    with pytest.raises(PasswordError, match="is encrypted: give --password"):
        unpack(tmp_path, encrypted())
    with pytest.raises(PasswordError, match=r"cannot be decrypted .*: check --password"):
        unpack(tmp_path, encrypted(), password="wrong")
    assert (tmp_path / "train.zip").is_file(), "it need not be downloaded again"
    unpack(tmp_path, encrypted(), password="secret")
    assert (tmp_path / TRAIN[0] / "224p.mp4").read_bytes() == b"video" * 10


def test_an_error_names_the_package_that_decrypts_aes(tmp_path, monkeypatch):
    content = bytearray(encrypted())
    directory = content.index(b"PK\x01\x02")
    content[8:10] = content[directory + 10 : directory + 12] = (99).to_bytes(2, "little")
    monkeypatch.setitem(sys.modules, "pyzipper", None)
    with pytest.raises(PasswordError, match=r"AES.*pip install pyzipper"):
        unpack(tmp_path, bytes(content), password="secret")
