"""Progress of the command line, as bars and as lines of a log, and formatted numbers."""

from __future__ import annotations

import io
import os
import re
import sys

import pytest
from rich.console import Console

from onball.assets import sample_match
from onball.cli import console
from onball.cli.main import main
from onball.progress import Progress


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    moved = Clock()
    monkeypatch.setattr(console, "monotonic", moved)
    return moved


@pytest.fixture
def log(monkeypatch):
    """Function that returns the lines on standard error, which is a file."""
    output = io.StringIO()
    monkeypatch.setattr(console, "status", Console(file=output, width=120))
    return lambda: output.getvalue().splitlines()


@pytest.fixture
def screen(monkeypatch):
    """Function that returns the lines that a terminal of 80 columns shows as standard error."""
    output = io.StringIO()
    terminal = Console(file=output, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "status", terminal)
    return lambda: displayed(output.getvalue())


def displayed(text: str) -> list[str]:
    """Lines that a terminal shows, with the control sequences that rich's bars use."""
    lines, row = [""], 0
    for part in re.findall(r"\x1b\[[?\d]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part[0] not in "\x1b\r":
            lines[row] += part
    return [line.rstrip() for line in lines if line.strip()]


def report(progress, task, amounts, total, unit="ms"):
    for done in amounts:
        progress(Progress(task, done, total, unit))


def test_nothing_is_shown_before_the_first_report(log, monkeypatch):
    with console.progress_bar():
        pass
    assert log() == []
    output = io.StringIO()
    monkeypatch.setattr(console, "status", Console(file=output, force_terminal=True))
    with console.progress_bar():
        pass
    assert output.getvalue() == ""


def test_the_rate_at_the_end_is_that_of_the_whole_time(log, clock):
    with console.progress_bar() as progress:
        clock.seconds += 2.0  # the first batch, after which the first report comes
        report(progress, "trunc.mkv", [7900], 8000)
        clock.seconds += 0.001
        report(progress, "trunc.mkv", [8000], 8000)
    (line,) = log()
    assert line == "trunc.mkv: 100%, 4.0x real time, in 2.0 s"


def test_no_rate_is_shown_for_work_that_took_no_time(log, clock):
    with console.progress_bar() as progress:
        report(progress, "short.mp4", [400], 400)
        clock.seconds += 0.02
    assert log() == ["short.mp4: 100%, in 0.0 s"]


def test_work_with_an_estimated_total_ends_full(log, clock):
    with console.progress_bar() as progress:
        report(progress, "match.mp4", [0, 4000, 7960], 12_000)
        clock.seconds += 1
    assert log() == ["match.mp4: 100%, 8.0x real time, in 1.0 s"]


def test_work_without_total_ends_full(log, clock):
    with console.progress_bar() as progress:
        report(progress, "stream", [10, 20], None, "frames")
        clock.seconds += 1
    assert log() == ["stream: 100%, 20 frames/s, in 1.0 s"]


def test_amounts_that_restart_are_measured_separately(log, clock):
    with console.progress_bar() as progress:
        clock.seconds += 1
        report(progress, "first.mp4", [0, 1000], 1000)
        report(progress, "second.mp4", [0], 1000)
        clock.seconds += 4
        report(progress, "second.mp4", [1000], 1000)
    assert log() == [
        "first.mp4: 100%, 1.0x real time, in 1.0 s",
        "second.mp4: 100%, 0.2x real time, in 4.0 s",
    ]


def test_amounts_that_continue_stay_together_under_the_latest_task(log, clock):
    with console.progress_bar() as progress:
        for done, task in enumerate(("a", "b", "c")):
            report(progress, task, [done], 3, "matches")
        clock.seconds += 90
        report(progress, "c", [3], 3, "matches")
    assert log()[-1] == "c: 100%, 2.0 matches/min, in 1:30 min"


def test_slow_clips_are_counted_by_the_minute(log, clock):
    with console.progress_bar() as progress:
        report(progress, "a.mp4", [0], 6, "clips")
        clock.seconds += 90
        report(progress, "b.mp4", [6], 6, "clips")
    assert log()[-1] == "b.mp4: 100%, 4 clips/min, in 1:30 min"


def test_a_resumed_download_counts_only_missing_bytes(log, clock):
    with console.progress_bar() as progress:
        report(progress, "train: downloading", [3e9], 12e9, "bytes")
        clock.seconds += 900
        report(progress, "train: downloading", [12e9], 12e9, "bytes")
    assert log()[-1] == (
        "train: downloading 12.00 GB, 3.00 GB are there: 100%, 10.0 MB/s, in 15:00 min"
    )


def test_a_log_gets_a_line_per_tenth_of_the_work_and_per_half_minute(log, clock):
    with console.progress_bar() as progress:
        for done in range(0, 101, 5):  # 20 s per tenth
            report(progress, "quick.mp4", [done * 1000], 100_000)
            clock.seconds += 10
    assert len(log()) == 10 and log()[0].startswith(
        "quick.mp4: 10%, 0.5x real time, about 3:00 min"
    )
    with console.progress_bar() as progress:
        for done in range(10):  # half a minute per hundredth
            report(progress, "slow.mp4", [done * 1000], 100_000)
            clock.seconds += 30
    assert [line.split(",")[0] for line in log()[10:13]] == [
        "slow.mp4: 1%",
        "slow.mp4: 2%",
        "slow.mp4: 3%",
    ]


def test_a_log_of_short_work_has_one_line(log):
    with console.progress_bar() as progress:
        report(progress, "match.mp4", range(0, 1001, 10), 1000)
    assert len(log()) == 1


def test_a_log_keeps_what_was_done_before_an_error(log, clock):
    with pytest.raises(ValueError, match="broken"), console.progress_bar() as progress:
        clock.seconds += 30
        report(progress, "match.mp4", [250], 1000)
        raise ValueError("broken")
    (line,) = log()
    assert line.startswith("match.mp4: 25%")


def test_a_bar_on_a_terminal_ends_full_with_its_rate(screen, clock):
    with console.progress_bar() as progress:
        report(progress, "[red]cup[/red].mp4", [0, 6000], 12_000)
        clock.seconds += 3
    (line,) = screen()
    assert line.startswith("[red]cup[/red].mp4") and line.endswith("100% 2.0x real time")


def test_a_bar_on_a_terminal_stays_unfinished_after_an_error(screen):
    with pytest.raises(ValueError, match="broken"), console.progress_bar() as progress:
        report(progress, "match.mp4", [0, 250], 1000)
        raise ValueError("broken")
    assert " 25%" in screen()[0]


def test_results_on_the_terminal_of_the_bar_appear_above_it(screen, clock, monkeypatch):
    monkeypatch.setattr(console, "console", Console(file=io.StringIO(), force_terminal=True))
    with console.progress_bar() as progress:
        report(progress, "match.mp4", [0, 500], 1000)
        console.say("0:12  PASS")
    event, bar = screen()
    assert event == "0:12  PASS" and bar.startswith("match.mp4")


def test_results_go_to_standard_output_where_it_is_redirected(screen, monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(console, "console", Console(file=output))
    with console.progress_bar() as progress:
        report(progress, "match.mp4", [0, 500], 1000)
        console.say("0:12  PASS")
        assert output.getvalue() == "0:12  PASS\n"
    assert len(screen()) == 1


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((0, "event"), "0 events"),
        ((1, "event"), "1 event"),
        ((1200, "event"), "1,200 events"),
        ((1, "match", "matches"), "1 match"),
        ((2, "match", "matches"), "2 matches"),
    ],
)
def test_numbers_are_followed_by_singular_or_plural(arguments, text):
    assert console.count(*arguments) == text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", ["configs", "doctor", "data stats {data}", "configs nowhere"])
def test_characters_that_the_output_lacks_are_replaced(monkeypatch, encoding, command):
    output = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding) for name in ("out", "err")}
    monkeypatch.setattr(sys, "stdout", output["out"])
    monkeypatch.setattr(sys, "stderr", output["err"])
    monkeypatch.setenv("COLUMNS", "200")
    data = str(sample_match().parent)
    monkeypatch.setattr(sys, "argv", ["onball", *command.format(data=data).split()])
    with pytest.raises(SystemExit) as end:
        main()
    printed = "".join(_text(stream) for stream in output.values())
    assert printed and end.value.code in ((2,) if "nowhere" in command else (0, None))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


def test_work_goes_on_when_the_reader_of_the_output_is_gone():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output:
        gone = type(console.console)(file=output)
        gone.print("first")
        gone.print("second")
        print("by others", file=output, flush=True)


def test_the_rate_and_the_time_left_are_those_of_the_new_work(log, clock):
    with console.progress_bar() as progress:
        progress(Progress("match", 4_000_000, 5_000_000, "ms", 4_000_000))
        clock.seconds += 10
        progress(Progress("match", 4_200_000, 5_000_000, "ms", 4_000_000))
        clock.seconds += 20
        progress(Progress("match", 4_600_000, 5_000_000, "ms", 4_000_000))
        clock.seconds += 10
        progress(Progress("match", 5_000_000, 5_000_000, "ms", 4_000_000))
    assert log() == [
        "match: 92%, 20.0x real time, about 20 s left",
        "match: 100%, 25.0x real time, in 40 s",
    ]
