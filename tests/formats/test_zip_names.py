"""Names in zips of systems in several languages."""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
import zlib

import pytest

from onball.formats.zip_names import decode_names

FILE = "results_spotting.json"


def members(*names: bytes, extra: bytes = b"") -> list[zipfile.ZipInfo]:
    """Files of a zip in which names are these bytes, without the flag of UTF-8."""
    buffer = io.BytesIO()
    places = [f"{number:0{len(name)}d}" for number, name in enumerate(names)]
    with zipfile.ZipFile(buffer, "w") as archive:
        for place in places:
            info = zipfile.ZipInfo(place)
            info.extra = extra
            archive.writestr(info, b"")
    content = buffer.getvalue()
    for place, name in zip(places, names, strict=True):
        assert content.count(place.encode()) == 2, "once at the file, once in the directory"
        content = content.replace(place.encode(), name)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.infolist()


def decoded(*names: bytes, known: tuple[str, ...] = (), extra: bytes = b"") -> list[str]:
    found = members(*names, extra=extra)
    decode_names(found, known)
    return [member.filename for member in found]


@pytest.mark.parametrize(
    ("page", "match"),
    [
        ("cp437", "São Paulo - Málaga"),
        ("cp850", "São Paulo - Grêmio"),
        ("cp1252", "Malmö - Brøndby"),
        ("cp852", "Śląsk Wrocław - Łódź"),
        ("cp866", "Спартак - Зенит"),
        ("cp1251", "Динамо - Шахтар"),
        ("cp932", "浦和 - ソニー仙台"),  # a second byte is that of a backslash
        ("cp936", "上海 - 北京"),
        ("cp949", "서울 - 전북"),
        ("utf-8", "São Paulo - 浦和"),
    ],
)
def test_the_code_page_is_that_in_which_names_are_known(page, match):
    names = [f"{match}/{FILE}", "other/read me.txt"]
    if page == "cp437":
        names[0] = names[0].replace("ã", "a")
        match = match.replace("ã", "a")
    stored = [name.encode(page) for name in names]
    known = (f"league/season/{unicodedata.normalize('NFD', match)}", "league/season/Köln - Čadca")
    assert decoded(*stored, known=known) == names
    assert decoded(*(name.replace(b"/", b"\\") for name in stored[1:]), known=known) == names[1:]


def test_without_known_names_they_are_those_of_the_first_pcs():
    assert decoded("Málaga/a.txt".encode("cp437")) == ["Málaga/a.txt"]
    assert decoded(b"S\xe3o/a.txt", known=("Köln",)) == ["Sπo/a.txt"]


def test_a_name_in_the_extra_field_counts_unless_it_is_of_another_name():
    stored, name = "Málaga".encode("cp437"), "São Paulo".encode()

    def extra(of: bytes) -> bytes:
        content = struct.pack("<BI", 1, zlib.crc32(of)) + name
        return struct.pack("<HH", 0x7075, len(content)) + content

    assert decoded(stored, extra=extra(stored)) == ["São Paulo"]
    assert decoded(stored, extra=extra(b"Malaga")) == ["Málaga"]
    assert decoded(stored, extra=struct.pack("<HH", 0x7075, 3) + b"abc") == ["Málaga"]


def test_paths_with_backslashes_have_slashes():
    assert decoded(b"..\\..\\etc\\passwd") == ["../../etc/passwd"]
