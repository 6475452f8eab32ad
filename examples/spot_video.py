"""Find the actions in a video, and save them for a spreadsheet and for the next program.

    python examples/spot_video.py [VIDEO]        # default: the match that comes with onball

Writes `events.csv` and `results_spotting.json` into the working directory.
"""

from __future__ import annotations

import sys
from pathlib import Path

from onball import Spotter, sample_match, write_event_table, write_results


def main() -> None:
    video = Path(sys.argv[1]) if len(sys.argv) > 1 else sample_match() / "224p.mp4"
    spotter = Spotter.from_pretrained()  # a model that comes with onball; or give a run's folder
    events = spotter.spot(video, threshold=0.3)

    for event in events:
        minutes, seconds = divmod(event.position_ms / 1000, 60)
        print(f"{minutes:02.0f}:{seconds:04.1f}  {event.label:<24} {event.confidence:.2f}")
    print(f"{len(events)} events in {video.name}")

    write_event_table(events, "events.csv")
    write_results(events, "results_spotting.json")


if __name__ == "__main__":
    main()
