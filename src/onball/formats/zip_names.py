"""Names of the files in a zip, whatever encoding they are in.

A zip says of each name only that it is UTF-8, or that it is not: then it is in the code page of the system
that wrote it, which is not named. `zipfile` takes it for that of the first PCs (CP437).
"""

from __future__ import annotations

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterable
from contextlib import suppress

#: Flag of a file in a zip: its name is UTF-8.
_UTF8_FLAG = 0x800
#: Extra field with the name in UTF-8, and the checksum of the name that it replaces (Info-ZIP).
_UNICODE_PATH = 0x7075
#: Code pages of Windows and of DOS, those of larger regions first.
_CODE_PAGES = (
    "cp437", "cp850", "cp1252", "cp852", "cp1250", "cp866", "cp1251", "cp932", "cp936", "cp949",
    "cp950", "cp857", "cp1254", "cp737", "cp1253", "cp862", "cp1255", "cp864", "cp1256", "mac_roman",
)  # fmt: skip


def decode_names(members: Iterable[zipfile.ZipInfo], known: Collection[str] = ()) -> None:
    """Decode the names of files in a zip again, in place, with `/` between folders.

    A name is UTF-8 if it says so or can be read so. Of others, the code page is taken in which most of
    the folders and files have known names; without any, names remain as `zipfile` decodes them.

    Args:
        members: the files, as `zipfile` describes them.
        known: names of folders and files, or paths of them, that the zip may contain.
    """
    parts = {_composed(part) for name in known for part in name.split("/")}
    unknown: list[tuple[zipfile.ZipInfo, bytes]] = []
    for member in members:
        if not member.flag_bits & _UTF8_FLAG:
            # Not `filename`, which ends at a zero and has the separator of this system.
            stored = member.orig_filename.encode("cp437")
            name = _unicode_path(member.extra, stored)
            with suppress(UnicodeError):
                name = name or stored.decode()
            if name is None:
                unknown.append((member, stored))
            else:
                member.filename = name
        # Some programs on Windows write it so.
        member.filename = member.filename.replace("\\", "/")

    def matches(page: str) -> int:
        decoded = (stored.decode(page, "replace").replace("\\", "/") for _, stored in unknown)
        return sum(_composed(part) in parts for name in decoded for part in name.split("/"))

    page = max(_CODE_PAGES, key=matches)  # the first of equal ones
    for member, stored in unknown:
        member.filename = stored.decode(page, "replace").replace("\\", "/")


def _unicode_path(extra: bytes, stored: bytes) -> str | None:
    """Name in UTF-8 in the extra fields of a file; None without, or if it is of another name."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(content) >= 5:
            version, checksum = struct.unpack_from("<BI", content)
            if version == 1 and checksum == zlib.crc32(stored):
                with suppress(UnicodeError):
                    return content[5:].decode()
    return None


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
