"""Size an archive: core-hours, GPU-hours, network and storage, from measured throughputs.

    python benchmarks/archive_sizing.py                         # 10,000 matches of 90 minutes
    python benchmarks/archive_sizing.py --matches 380 --minutes 95 --cores 32
    python benchmarks/archive_sizing.py --gpu-rate RATE         # (c) of benchmarks/spot.py on a GPU
    python benchmarks/archive_sizing.py --write                 # into docs/cluster.md

Prints a table in Markdown. The throughputs are those of the table "Measured
with RegNetY-002 and BiLSTM" in docs/performance.md, on two cores. `--core-rate` is a measured rate of
one core in multiples of real time, for another model or processor.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"
PAGE, SIZING_PAGE = _DOCS / "performance.md", _DOCS / "cluster.md"
#: Lines of docs/cluster.md around the table.
_BEGIN, _END = "<!-- by benchmarks/archive_sizing.py --write -->\n\n", "\n<!-- end -->\n"
_CORES = 2
_ROW = re.compile(
    r"^\| (?P<video>\w+ H\.264) \| (?P<runtime>[^|]+) \| (?P<read>[\d.]+) \| [\d.]+ \| (?P<spot>[\d.]+) \|",
    re.M,
)
#: Bytes of a candidate in results_spotting.json, and candidates per minute of the demo model on the sample
#: match; bytes of a score, float32; and of a minute of confidences.npz, at most.
_CANDIDATE_BYTES, _CANDIDATES_PER_MINUTE = 200, 180
_SCORE_BYTES, _CONFIDENCE_BYTES = 4, 1e6 / 90


@dataclass(frozen=True, slots=True)
class Throughput:
    """Measured speeds, in multiples of real time.

    Attributes:
        video, runtime: what was measured.
        read: reading alone, per core.
        spot: `onball spot`, per core.
    """

    video: str
    runtime: str
    read: float
    spot: float


def measured(page: str) -> list[Throughput]:
    """Read the throughputs per core from the page on performance."""
    found = [
        Throughput(
            row["video"],
            row["runtime"].strip(),
            float(row["read"]) / _CORES,
            float(row["spot"]) / _CORES,
        )
        for row in _ROW.finditer(page)
    ]
    if not found:
        raise SystemExit(f"{PAGE}: the table of throughputs is not there")
    return found


def sizing(
    rows: list[Throughput], matches: int, minutes: float, cores: int, megabits: dict[str, float]
) -> Iterator[str]:
    """Yield the lines of the table.

    Args:
        rows: measured throughputs.
        matches: number of matches.
        minutes: length of each.
        cores: cores that work at the same time.
        megabits: megabits per second of each kind of video.
    """
    hours = matches * minutes / 60
    yield (
        f"| video | computes with | core-hours | on {cores} cores | to read in all "
        f"| {cores} cores read |"
    )
    yield "|---|---|---:|---:|---:|---:|"
    for row in rows:
        rate = megabits[row.video.split()[0]]
        core_hours = hours / row.spot
        terabytes = hours * 3600 * rate / 8 / 1e6
        yield (
            f"| {row.video}, {rate:g} Mbit/s | {row.runtime} | {core_hours:,.0f} "
            f"| {core_hours / cores / 24:.1f} days | {terabytes:.1f} TB "
            f"| {cores * rate * row.spot / 1000:.1f} Gbit/s |"
        )


def gpus(rows: list[Throughput], matches: int, minutes: float, rate: float | None) -> str:
    """Return a sentence about GPU-hours, and the cores that read videos for a GPU.

    Args:
        rows: measured throughputs.
        matches: number of matches.
        minutes: length of each.
        rate: multiple of real time of one GPU; None if it was not measured.
    """
    hours = matches * minutes / 60
    slowest = min(row.read for row in rows)
    if rate is None:
        return (
            f"GPU-hours: {hours:,.0f} / N, if a GPU spots N times as fast as real time; "
            f"N / {slowest:.0f} cores read 720p for it."
        )
    return (
        f"GPU-hours: {hours / rate:,.0f} at {rate:g} times real time; {rate / slowest:.0f} cores read "
        "720p for each GPU."
    )


def storage(matches: int, minutes: float, fps: float, classes: int) -> str:
    """Return sentences about the storage of results, and of the scores of segments.

    Args:
        matches: number of matches.
        minutes: length of each.
        fps: sampled frames per second.
        classes: classes of the model.
    """
    candidates = _CANDIDATES_PER_MINUTE * minutes
    results = candidates * _CANDIDATE_BYTES + minutes * _CONFIDENCE_BYTES
    scores = minutes * 60 * fps * (classes * _SCORE_BYTES + 8)
    return (
        f"Results: {candidates:,.0f} candidates and {results / 1e6:.1f} MB for each match, "
        f"{matches * results / 1e9:.0f} GB in all. Scores that wait: {scores / 1e6:.1f} MB for each match "
        "that is being spotted."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--matches", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--cores", type=int, default=100, help="that work at the same time")
    parser.add_argument("--mbit-720p", type=float, default=3, help="megabits per second of a video")
    parser.add_argument("--mbit-224p", type=float, default=0.6)
    parser.add_argument("--core-rate", type=float, help="multiple of real time of one core")
    parser.add_argument("--gpu-rate", type=float, help="multiple of real time of one GPU")
    parser.add_argument("--write", action="store_true", help="replace the table in docs/cluster.md")
    options = parser.parse_args()
    rows = measured(PAGE.read_text(encoding="utf-8"))
    if options.core_rate:
        first = {row.video: row for row in reversed(rows)}
        rows = [
            Throughput(one.video, "measured", one.read, options.core_rate) for one in first.values()
        ]
    megabits = {"720p": options.mbit_720p, "224p": options.mbit_224p}
    text = "\n".join(
        [
            *sizing(rows, options.matches, options.minutes, options.cores, megabits),
            "",
            gpus(rows, options.matches, options.minutes, options.gpu_rate),
            storage(options.matches, options.minutes, fps=12.5, classes=12),
        ]
    )
    if options.write:
        page = SIZING_PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(_BEGIN)
        SIZING_PAGE.write_text(f"{before}{_BEGIN}{text}\n{_END}{rest.partition(_END)[2]}", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
