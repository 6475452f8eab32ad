"""Properties of container files that FFmpeg does not report: joined, scrambled, incomplete, running.

Files that were joined byte by byte are read by FFmpeg only up to the end of the first one, except for
AVI, transport and program streams and bare streams, and it leaves out packets that are scrambled. At
the end of a playlist without a last line it waits for more; files that are missing from one are left
out. None of these is an error to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from onball.video.streams import open_bytes

#: Beginning of a playlist, its last line, and the line before the name of another one in it.
_PLAYLIST, _LAST_LINE, _VARIANT = b"#EXTM3U", "#EXT-X-ENDLIST", "#EXT-X-STREAM-INF"
_LONGEST_PLAYLIST = 1 << 24
#: IDs of the elements that a Matroska file consists of.
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
#: GUID of the first object of an ASF file.
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
#: Types of the tags of an FLV: sound, video, script.
_FLV_TAGS = (8, 9, 18)
#: Larger parts of a file (bytes) are those of a damaged one.
_LARGEST = 2**48
#: Byte with which every packet of a transport stream begins, and its sizes: plain; with a time before
#: it, as on Blu-ray; and with a checksum after it.
_SYNC, _TS_SIZES = 0x47, (188, 192, 204)
#: Parts of a transport stream that are searched for scrambled packets, and their length in packets.
_TS_SAMPLES, _TS_PACKETS = 256, 512


def is_running_playlist(path: Path) -> bool:
    """Return True for a playlist (HLS, RFC 8216) that is to be continued, or has one in it."""
    lines = _playlist(path)
    variants = [after for line, after in pairwise(lines) if line.startswith(_VARIANT)]
    playlists = [_playlist(path.parent / variant) for variant in variants] or [lines]
    return any(playlist and _LAST_LINE not in playlist for playlist in playlists)


def missing_segments(path: Path) -> list[str]:
    """Names of the files that a playlist lists and that are not there; none for another file."""
    names = (line for line in _playlist(path) if line and not line.startswith("#"))
    local = [name for name in names if "://" not in name]
    return [name for name in local if not (path.parent / name).exists()]


def _playlist(path: Path) -> list[str]:
    """Lines of a playlist; none of another file."""
    if not path.is_file():
        return []
    with open_bytes(path) as file:
        if file.read(len(_PLAYLIST)) != _PLAYLIST:
            return []
        text = _PLAYLIST + file.read(_LONGEST_PLAYLIST)
    return [line.strip() for line in text.decode("utf-8", "replace").splitlines()]


def joined_files(path: Path) -> int:
    """Count the Matroska, MP4, FLV, AVI or ASF files that a file consists of; 1 for other containers."""
    if not path.is_file():  # A pipe can be read only once.
        return 1
    status = path.stat()
    return _joined_files(path.absolute(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _joined_files(path: Path, size: int, modified_ns: int) -> int:
    with open_bytes(path) as file:
        start = file.read(16)
        file.seek(0)
        count = 1
        if start[:4] == _EBML:
            count = sum(name == _EBML for name in _elements(file))
        elif start[4:8] == b"ftyp":
            count = sum(name == b"moov" for name in _boxes(file))
        elif start[:3] == b"FLV":
            count = _flv_headers(file)
        elif start[:4] == b"RIFF":
            count = sum(name == b"AVI " for name in _riff_forms(file))
        elif start == _ASF:
            count = sum(name == _ASF for name in _asf_objects(file))
        return max(1, count)


def is_fragmented(path: Path) -> bool:
    """Return True for an MP4 whose index is not in one place, but in each of its fragments."""
    with open_bytes(path) as file:
        if file.read(8)[4:] != b"ftyp":
            return False
        file.seek(0)
        media = 0
        for name in _boxes(file):
            media += name == b"mdat"
            if name == b"moof" or media > 1:
                return name == b"moof"
    return False


def _elements(file: BinaryIO) -> Iterator[bytes]:
    """IDs of the outermost elements of Matroska up to one of unknown size (RFC 8794)."""
    while name := file.read(4):
        yield name
        size = _ebml_size(file) if name in (_EBML, _SEGMENT) else None
        if size is None or size > _LARGEST:
            return
        file.seek(size, os.SEEK_CUR)


def _boxes(file: BinaryIO) -> Iterator[bytes]:
    """Types of the outermost boxes of an MP4 (ISO/IEC 14496-12, 4.2)."""
    while len(header := file.read(8)) == 8:
        size, name = int.from_bytes(header[:4]), header[4:]
        yield name
        if size == 1:
            size = int.from_bytes(file.read(8)) - 8
        if not 8 <= size <= _LARGEST:  # Up to the end of the file, or damaged.
            return
        file.seek(size - 8, os.SEEK_CUR)


def _ebml_size(file: BinaryIO) -> int | None:
    """Read the size of an element (RFC 8794, section 4); None if it is unknown or invalid."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1)) & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else value


def _flv_headers(file: BinaryIO) -> int:
    """Number of headers of an FLV; tags follow each of them."""
    count, header = 0, file.read(9)
    while header[:3] == b"FLV":
        count += 1
        file.seek(int.from_bytes(header[5:9]) - 9 + 4, os.SEEK_CUR)
        while (tag := file.read(9))[:1] and tag[0] & 0x1F in _FLV_TAGS:
            # Of the tag's 11 bytes 2 are still to come, and after it its size.
            file.seek(2 + int.from_bytes(tag[1:4]) + 4, os.SEEK_CUR)
        header = tag
    return count


def _riff_forms(file: BinaryIO) -> Iterator[bytes]:
    """Forms of the outermost chunks of a RIFF file; a long AVI has several, the first `AVI `."""
    while (header := file.read(12))[:4] == b"RIFF" and len(header) == 12:
        yield header[8:]
        size = int.from_bytes(header[4:8], "little")
        file.seek(size - 4 + size % 2, os.SEEK_CUR)


def _asf_objects(file: BinaryIO) -> Iterator[bytes]:
    """GUIDs of the outermost objects of an ASF file."""
    while len(header := file.read(24)) == 24:
        yield header[:16]
        size = int.from_bytes(header[16:], "little")
        if not 24 <= size <= _LARGEST:
            return
        file.seek(size - 24, os.SEEK_CUR)


def scrambled_part(path: Path, pid: int) -> float:
    """Part of the packets of a stream in a transport stream that are scrambled, 0 to 1.

    Of long files samples are read.

    Args:
        path: the file.
        pid: identifier of the stream.
    """
    if not path.is_file():
        return 0.0
    status = path.stat()
    return _scrambled_part(path.absolute(), pid, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _scrambled_part(path: Path, pid: int, size: int, modified_ns: int) -> float:
    packets = scrambled = 0
    with open_bytes(path) as file:
        begin, length = _ts_packets(file.read(4 * max(_TS_SIZES)))
        if not length:
            return 0.0
        step = max(1, size // length // _TS_SAMPLES)
        for first in range(0, size // length, step):
            file.seek(begin + first * length)
            block = file.read(min(step, _TS_PACKETS) * length)
            for at in range(0, len(block) - 3, length):
                sync, high, low, control = block[at : at + 4]
                if sync == _SYNC and (high & 0x1F) << 8 | low == pid:
                    packets += 1
                    scrambled += control >> 6 != 0
    return scrambled / packets if packets else 0.0


def _ts_packets(start: bytes) -> tuple[int, int]:
    """Offset and size of the packets of a transport stream; size 0 if it is none."""
    for size in _TS_SIZES:
        begin = 4 if size == 192 else 0
        if all(start[at : at + 1] == bytes([_SYNC]) for at in range(begin, 3 * size, size)):
            return begin, size
    return 0, 0
