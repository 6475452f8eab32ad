"""`onball data import` with unusual and bad input: the right labels, or one clear line and no file."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from onball.formats.soccernet import read_labels
from onball.video.writing import VideoWriter

CODES = "Conducción: DRIVE\nВедение: DRIVE\nPase: PASS\nTiro: SHOT\n1: PASS\nドリブル: DRIVE\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two halves and a video of 29.97 frames per second of 20 s each, 45 chapters of a second, codes."""
    folder = tmp_path_factory.mktemp("input")
    frame = np.zeros((16, 16, 3), np.uint8)
    (folder / "chapters").mkdir()
    chapters = [(f"chapters/GX{number}.mp4", 5, 1) for number in range(1, 46)]
    halves = [("half_1.mp4", 5, 20), ("half_2.mp4", 5, 20), ("ntsc.mp4", 30000 / 1001, 20)]
    halves += [("1ra_parte.mp4", 5, 20), ("2da_parte.mp4", 5, 20)]
    for name, fps, seconds in [*halves, *chapters]:
        with VideoWriter(folder / name, (16, 16), fps) as writer:
            for _ in range(round(fps * seconds)):
                writer.write(frame)
    (folder / "codes.yaml").write_text(CODES, encoding="utf-8")
    return folder


def run(onball, folder, tmp_path, files, videos, options):
    """Write files of tags and import them; returns exit code, errors, and labels by match."""
    paths = []
    for name, content in files.items():
        path = tmp_path / name
        if content is None:
            path.mkdir()
        elif content != b"missing":
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    root = tmp_path / "data"
    named = [folder / name for name in videos.split()]
    code, out, err = onball(
        "data", "import", *paths, "--video", *named, "--out", root, "--name", "m",
        *(["--map", folder / "codes.yaml"] if "--map" not in options else []), *options.split(),
    )  # fmt: skip
    found = {
        file.parent.relative_to(root / "m").as_posix(): [
            (event.position_ms, event.label.value) for event in read_labels(file)
        ]
        for file in root.glob("m/**/Labels-ball.json")
    }
    return code, out + err, found


def xml(*instances, encoding="utf-8"):
    """Sportscode XML of starts and codes."""
    body = "".join(
        f"<instance><ID>{number}</ID><start>{start}</start><end>{start}</end><code>{code}</code></instance>"
        for number, (start, code) in enumerate(instances)
    )
    text = f'<?xml version="1.0" encoding="{encoding}"?><file><ALL_INSTANCES>{body}</ALL_INSTANCES></file>'
    return text.encode(encoding)


def zipped():
    """A zip file with XML in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tags.xml", xml((3, "Pase")))
    return file.getvalue()


DRIVE = {".": [(12_500, "DRIVE")]}
HALF = "half_1.mp4"
HALVES = "half_1.mp4 half_2.mp4"
PERIODS = "period,time,code\n1,0,Pase\n1,9,Tiro\n2,0,Pase\n2,4,Tiro\n"

#: Files of tags, videos, options, labels by folder of the video, and a text that is shown.
RIGHT = {
    "Windows-1252": (
        {"a.csv": "Código;Inicio\nConducción;12,5\n".encode("cp1252")},
        HALF,
        "",
        DRIVE,
        "was read as Windows-1252",
    ),
    "UTF-16 with tabs": (
        {"a.csv": "Código\tInicio\nConducción\t12,5\n".encode("utf-16")},
        HALF,
        "",
        DRIVE,
        "",
    ),
    "UTF-16, big-endian": (
        {"a.csv": b"\xfe\xff" + "code;time\nConducción;12,5\n".encode("utf-16-be")},
        HALF,
        "",
        DRIVE,
        "",
    ),
    "UTF-8 with a byte order mark": (
        {"a.csv": "code;time\nConducción;12,5\n".encode("utf-8-sig")},
        HALF,
        "",
        DRIVE,
        "",
    ),
    "an encoding that is named": (
        {"a.csv": "код;время\nВедение;0:12,5\n".encode("cp1251")},
        HALF,
        "--encoding cp1251",
        DRIVE,
        "",
    ),
    "XML in UTF-16": ({"a.xml": xml((12.5, "Conducción"), encoding="utf-16")}, HALF, "", DRIVE, ""),
    "XML in Windows-1251": (
        {"a.xml": xml((12.5, "Ведение"), encoding="windows-1251")},
        HALF,
        "",
        DRIVE,
        "",
    ),
    "decimal commas in quotes": ({"a.csv": 'code,start\nConducción,"12,5"\n'}, HALF, "", DRIVE, ""),
    "decimal commas in XML": ({"a.xml": xml(("12,5", "Conducción"))}, HALF, "", DRIVE, ""),
    "another alphabet": ({"a.csv": "код;время\nВедение;0:12,5\n"}, HALF, "", DRIVE, ""),
    "Japanese": ({"a.csv": "code,start\nドリブル,12.5\n"}, HALF, "", DRIVE, ""),
    "accents written as two characters": (
        {"a.csv": "code,start\nConduccio\u0301n,12.5\n"},
        HALF,
        "",
        DRIVE,
        "",
    ),
    **{
        f"{encoding} without a byte order mark": (
            {"a.csv": "код\tвремя\r\nВедение\t12,5\r\n".encode(encoding)},
            HALF,
            "",
            DRIVE,
            "",
        )
        for encoding in ("utf-16-le", "utf-16-be")
    },
    "digits of other alphabets": (
        {"a.csv": "code,start\nPase,٠:٠٣٫٥\nTiro,００：１２\n"},
        HALF,
        "",
        {".": [(3500, "PASS"), (12_000, "SHOT")]},
        "",
    ),
    "lines that end with CR": (
        {
            "a.srt": "1\r00:00:03,000 --> 00:00:05,000\rPase\r\r2\r00:00:09,000 --> 00:00:09,500\rTiro\r"
        },
        HALF,
        "",
        {".": [(3000, "PASS"), (9000, "SHOT")]},
        "",
    ),
    "files with byte order marks put together": (
        {"a.csv": "\ufeffcode,start\nPase,3\n\ufeffTiro,9\n"},
        HALF,
        "",
        {".": [(3000, "PASS"), (9000, "SHOT")]},
        "",
    ),
    "case and blanks": ({"a.csv": "code,start\n  CONDUCCIÓN ,12.5\n"}, HALF, "", DRIVE, ""),
    "drop-frame time codes": (
        {"a.csv": 'code,start\nPase,"00:00:10;00"\nTiro,00:00:15:15\n'},
        "ntsc.mp4",
        "",
        {".": [(10_010, "PASS"), (15_516, "SHOT")]},
        "",
    ),
    "time codes of another rate": (
        {"a.csv": "code,start\nPase,00:00:10:49\n"},
        HALF,
        "--fps 50",
        {".": [(10_980, "PASS")]},
        "",
    ),
    "duplicate tags": (
        {"a.csv": "code,start\nPase,3\nPase,3\nPASE,3.0004\nTiro,3\n"},
        HALF,
        "",
        {".": [(3000, "PASS"), (3000, "SHOT")]},
        "left out as duplicates, of the same class and time",
    ),
    "duplicates in two files": (
        {"a.csv": "code,start\nPase,3\nTiro,5\n", "b.csv": "code,start\nPase,3\nPase,7\n"},
        HALF,
        "",
        {".": [(3000, "PASS"), (5000, "SHOT"), (7000, "PASS")]},
        "same class and time as another: 1 tag",
    ),
    "a file for each half": (
        {"a.xml": xml((3, "Pase"), (19, "Tiro")), "b.xml": xml((2.5, "Tiro"))},
        HALVES,
        "",
        {"1": [(3000, "PASS"), (19_000, "SHOT")], "2": [(2500, "SHOT")]},
        "",
    ),
    "a file for each half, each early": (
        {"a.xml": xml((3, "Pase")), "b.xml": xml((2.5, "Tiro"))},
        HALVES,
        "--shift 1=1.25 2=-0.5",
        {"1": [(4250, "PASS")], "2": [(2000, "SHOT")]},
        "",
    ),
    "a file for each half by the clock of the period": (
        {"a.csv": "code,start\nPase,3\n", "b.csv": "code,start\nTiro,2.5\n"},
        HALVES,
        "--clock period --kickoff 1=4 2=5",
        {"1": [(7000, "PASS")], "2": [(7500, "SHOT")]},
        "",
    ),
    "a clock that is late": (
        {"a.csv": "code,start\nConducción,15\n"},
        HALF,
        "--shift -2.5",
        DRIVE,
        "",
    ),
    "a recording of 45 chapters": (
        {"a.csv": "code,start\nPase,1.5\nTiro,9.25\nPase,44.5\n"},
        "chapters",
        "",
        {"2": [(500, "PASS")], "10": [(250, "SHOT")], "45": [(500, "PASS")]},
        "",
    ),
    "a video shorter than the tags": (
        {"a.csv": "code,start\nConducción,12.5\nPase,99\n"},
        HALF,
        "--skip-outside",
        DRIVE,
        "1 tag",
    ),
    "marked periods that overlap": (
        {"a.csv": "code,start,end\n1H,0,11\n2H,10,19\nPase,3,\nTiro,15,\n"},
        HALF,
        "",
        {".": [(3000, "PASS"), (15_000, "SHOT")]},
        "before the end of period 1 at 11 s",
    ),
    "a code that is a number": (
        {"a.csv": "code,start\n1,12.5\n"},
        HALF,
        "",
        {".": [(12_500, "PASS")]},
        "",
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_unusual_input_gives_the_right_labels(case, folder, onball, tmp_path):
    files, videos, options, expected, shown = RIGHT[case]
    code, text, found = run(onball, folder, tmp_path, files, videos, options)
    assert code == 0, text
    assert {name: labels for name, labels in found.items() if labels} == expected
    assert shown in text


#: Files of tags, videos, options, and a part of the line that is shown.
BAD = {
    "tags beyond the video": (
        {"a.csv": "code,start\nPase,3\nTiro,21.5\n"},
        HALF,
        "",
        "1 of 2 tags lie outside of the video, which ends at 00:00:20, first 'Tiro' (row 3) at 00:00:21",
    ),
    "tags before the video": (
        {"a.csv": "code,start\nPase,3\n"},
        HALF,
        "--shift -9",
        "first 'Pase' (row 2) at -00:00:06",
    ),
    "tags beyond the second half": (
        {"a.xml": xml((3, "Pase")), "b.xml": xml((27, "Tiro"))},
        HALVES,
        "",
        "1 of 2 tags lie outside of half_2.mp4, which ends at 00:00:20, first 'Tiro' (instance 1) at",
    ),
    "halves in the wrong order": (
        {"a.csv": "code,start\nPase,3\n"},
        "half_2.mp4 half_1.mp4",
        "",
        "half_1.mp4 is given after half_2.mp4",
    ),
    "halves in the wrong order by their words": (
        {"a.csv": "code,start\nPase,3\n"},
        "2da_parte.mp4 1ra_parte.mp4",
        "",
        "1ra_parte.mp4 is given after 2da_parte.mp4",
    ),
    "a fifth period": (
        {"a.csv": PERIODS + "5,3,Tiro\n"},
        HALF,
        "--kickoff 1=0 2=10",
        "row 6: its period is not known: write 1 to 4",
    ),
    "overlapping periods": (
        {"a.csv": PERIODS},
        HALF,
        "--kickoff 1=0 2=8",
        "period 2 begins at 00:00:08 in the video, and period 1 has tags",
    ),
    "a period without a kick-off": (
        {"a.csv": PERIODS},
        HALF,
        "--kickoff 1=0",
        "give that of period 2 in the video",
    ),
    "a shift of a period without tags": (
        {"a.csv": PERIODS},
        HALF,
        "--kickoff 1=0 2=10 --shift 3=1",
        "given for period 3",
    ),
    "files by different clocks": (
        {"a.csv": PERIODS, "b.csv": "code,start\nPase,3\n"},
        HALF,
        "--kickoff 1=0 2=10",
        "the clocks of the files differ",
    ),
    "unknown codes": (
        {"a.csv": "code,start\nПередача,5\nПередача,6\nパス,7\n"},
        HALF,
        "",
        "2 codes are not in",
    ),
    "unknown codes of several lines": (
        {"a.csv": 'code,start\n"Pase\nlargo",5\n'},
        HALF,
        "",
        "'Pase largo' (1): map each to an action",
    ),
    "drop-frame time codes at 25 frames": (
        {"a.csv": 'code,start\nPase,"00:00:10;00"\n'},
        HALF,
        "--fps 25",
        "for 29.97 or 59.94 frames per second, not 25",
    ),
    "a time code that drop-frame skips": (
        {"a.csv": 'code,start\nPase,"00:01:00;01"\n'},
        "ntsc.mp4",
        "",
        "does not occur among drop-frame time codes",
    ),
    "a frame that the rate does not have": (
        {"a.csv": "code,start\nPase,00:00:10:25\n"},
        HALF,
        "--fps 25",
        "is no time code at 25 frames per second",
    ),
    "a time in another unit": (
        {"a.csv": "code,start\nPase,1732552800000\n"},
        HALF,
        "",
        "is it in another unit?",
    ),
    "a time that is no number": (
        {"a.csv": "code,start\nPase,nan\n"},
        HALF,
        "",
        "row 2, column start: 'nan' is not a time",
    ),
    "another encoding than the one named": (
        {"a.csv": "code,start\nConducción,3\n".encode("cp1252")},
        HALF,
        "--encoding utf-8",
        "is not text in the encoding 'utf-8'",
    ),
    "codes of another encoding": (
        {"a.csv": "code;start\nВедение;3\n".encode("cp1251")},
        HALF,
        "",
        "(the text is not UTF-8 and was read as Windows-1252: --encoding names another)",
    ),
    "XML that is not in the encoding it names": (
        {"a.xml": xml((3, "Conducción")).decode().encode("cp1252")},
        HALF,
        "",
        "give that of the program, such as --encoding cp1252",
    ),
    "a workbook of before 2007": (
        {"a.xls": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(900)},
        HALF,
        "",
        "is a workbook or document of Office before 2007, or a protected one: save or export",
    ),
    "a web page": (
        {"a.xls": "<!DOCTYPE html>\n<HTML><table></table></HTML>"},
        HALF,
        "",
        "is a web page: save or export",
    ),
    "a PDF": ({"a.pdf": "%PDF-1.4\n"}, HALF, "", "is a PDF: save or export the tags as"),
    "a folder": ({"a": None}, HALF, "", "is a folder: name the file with the tags"),
    "a zip file": ({"a.zip": zipped()}, HALF, "", "is a zip file and no workbook: unpack it"),
    "a binary file": (
        {"a.bin": bytes(range(256)) * 40},
        HALF,
        "",
        "is no file of tags that onball reads",
    ),
    "a video": (
        {"a.mp4": b"\0\0\0\x20ftypisom" + bytes(2000)},
        HALF,
        "",
        "is no file of tags that onball reads",
    ),
    "an empty file": ({"a.csv": b""}, HALF, "", "the file is empty"),
    "a header alone": ({"a.csv": "code,start\n"}, HALF, "", "no tags in it"),
    "a missing file": ({"a.csv": b"missing"}, HALF, "", "no such file"),
    "broken XML": ({"a.xml": xml((3, "Pase"))[:-20]}, HALF, "", "broken XML at line 1"),
    "JSON of another kind": ({"a.json": json.dumps({"a": 1})}, HALF, "", "JSON of an unknown kind"),
    "a timeline that defines entities": (
        {"a.fcpxml": '<!DOCTYPE fcpxml [<!ENTITY a "b">]><fcpxml version="1.8">&a;</fcpxml>'},
        HALF,
        "",
        "defines XML entities",
    ),
    "a marker before the video": (
        {
            "a.fcpxml": '<fcpxml version="1.8"><event><asset-clip ref="r1" start="0s" duration="9s"><marker '
            'start="-5s" value="Pase"/></asset-clip></event></fcpxml>'
        },
        HALF,
        "",
        "first 'Pase' (marker 1) at -00:00:05",
    ),
    "a project of Premiere": (
        {"a.xml": '<!DOCTYPE xmeml><xmeml version="5"><sequence/></xmeml>'},
        HALF,
        "",
        "no <instance> in it: is it Sportscode XML?",
    ),
    "a video that is missing": (
        {"a.csv": "code,start\nPase,3\n"},
        "half_3.mp4",
        "",
        "no such file: did you mean",
    ),
    "a kick-off of another form": (
        {"a.csv": PERIODS},
        HALF,
        "--kickoff 1:0",
        "is not of the form 1=00:03:12.4",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line_and_no_file(case, folder, onball, tmp_path):
    files, videos, options, message = BAD[case]
    code, text, _ = run(onball, folder, tmp_path, files, videos, options)
    (line,) = [line for line in text.splitlines() if line.startswith("error: ")]
    assert code == 2 and message in line
    assert not (tmp_path / "data").exists()
