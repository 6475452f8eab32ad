"""Time `onball index` and `onball query` on many simulated matches.

    python benchmarks/index_speed.py [--matches 10000] [--events 1700] [--folder FOLDER]

Writes results with random events as frequent as in SoccerNet Ball Action Spotting: a few matches are
different, the others are copies of them. 10,000 matches take 4 GB of disk, which are removed unless
`--folder` keeps them. Prints wall-clock and CPU seconds, and exits with 1 if the index takes a minute or a
query a second of wall-clock time.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from onball.actions import ACTIONS
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats.event_index import index_events
from onball.formats.event_query import query_events
from onball.formats.soccernet import RESULTS_FILE

MAX_INDEX_S, MAX_QUERY_S = 60.0, 1.0
DIFFERENT = 20
HALF_MS = 48 * 60_000
#: Number of labels of each action in the seven matches of the data set.
FREQUENCIES = (4955, 4233, 713, 761, 559, 261, 362, 169, 223, 72, 19, 13)
QUERIES = {
    "counts": "SELECT team, half, action, count(*) FROM events GROUP BY ALL ORDER BY ALL",
    "matches": "SELECT match, count(*) AS n FROM events WHERE action = 'SHOT' GROUP BY match ORDER BY n",
    "confidences": "SELECT action, avg(confidence) FROM events WHERE confidence > 0.5 GROUP BY action",
    "one match": "SELECT * FROM events WHERE match = 'match 00007' AND action = 'SHOT'",
}


def main() -> int:
    """Write the results, time index and queries, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--matches", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=1_700)
    parser.add_argument("--folder", type=Path, help="keep results there, and use them again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        results, index = folder / "results", folder / "events.parquet"
        write_matches(results, options.matches, options.events)
        index.unlink(missing_ok=True)
        slow = timed("index", lambda: index_events(results, index).events, MAX_INDEX_S)
        timed("index again", lambda: index_events(results, index).read)
        (results / "match 00007" / RESULTS_FILE).touch()
        timed("index with one changed", lambda: index_events(results, index).read)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(f"{index.stat().st_size / 1e6:.0f} MB of index, {memory:.0f} MB of memory at most")
        for name, sql in QUERIES.items():
            slow |= timed(name, lambda sql=sql: len(list(query_events(sql, index))), MAX_QUERY_S)
    return int(slow)


def write_matches(results: Path, matches: int, events: int) -> None:
    """Write the results that are missing."""
    for number in range(matches):
        file = results / f"match {number:05d}" / RESULTS_FILE
        if file.exists():
            continue
        if number < DIFFERENT:
            simulated(number, events).save(file)
        else:
            file.parent.mkdir(parents=True)
            shutil.copyfile(results / f"match {number % DIFFERENT:05d}" / RESULTS_FILE, file)


def simulated(seed: int, events: int) -> EventList:
    """Make the events of a match."""
    source = random.Random(seed)
    info = SpottingInfo(
        model="simulated",
        video=f"{seed}.mp4",
        duration_ms=2 * HALF_MS,
        thresholds=dict.fromkeys(ACTIONS, 0.3),
        kickoffs_ms=(0, HALF_MS),
    )
    times = sorted(source.randrange(2 * HALF_MS) for _ in range(events))
    actions = source.choices(ACTIONS, FREQUENCIES, k=events)
    return EventList.of(
        [
            Event(
                time,
                action,
                source.uniform(0.3, 1),
                source.choice(list(Team)[:2]),
                info.half_at(time),
            )
            for time, action in zip(times, actions, strict=True)
        ],
        info=info,
    )


def timed(name: str, work: Callable[[], int], limit_s: float | None = None) -> bool:
    """Print the time of a function and what it returns; return True if it is above the limit."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {found:,} in {wall:.2f} s (CPU {cpu:.2f} s)", flush=True)
    return limit_s is not None and wall > limit_s


if __name__ == "__main__":
    sys.exit(main())
