"""`onball demo`: events, timeline and metrics of the bundled sample match."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console
from onball.cli.evaluate import result_table
from onball.cli.spot import events_table


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("onball-demo"),
) -> None:
    """Spot the bundled simulated match with the bundled model, and compare with its labels."""
    from onball.assets import sample_match
    from onball.data.layout import VIDEO_FILE
    from onball.evaluation import evaluate_spotting
    from onball.files import require_writable
    from onball.formats.event_table import TABLE_FILE
    from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_labels
    from onball.reports.timeline import draw_timeline
    from onball.spotting.spotter import Spotter, write_events
    from onball.video import probe

    require_writable(out)
    video, labels = sample_match() / VIDEO_FILE, read_labels(sample_match() / LABELS_FILE)
    spotter = Spotter.from_pretrained()
    with console.progress_bar() as progress:
        events = replace(spotter.spot(video, progress=progress), match="sample match")
    shown = spotter.confident(events)
    write_events(events, shown, out)
    figure = out / "timeline.png"
    draw_timeline(
        shown,
        figure,
        truth=labels,
        title="Sample match: 90 seconds of simulated football",
        duration_ms=probe(video).duration_ms,
    )

    console.say(f"\n{len(shown)} events (the labels have {len(labels)})")
    console.console.print(events_table(shown), "")
    lowest = min((event.confidence for event in events), default=None)
    console.console.print(result_table(evaluate_spotting([labels], [events]), lowest))
    console.note(
        "One short simulated match, by a model that has only ever seen simulated football: this shows "
        "that everything works, not how good it is. See the model's card for more."
    )
    console.say(f"\n{figure}  the timeline")
    console.say(f"{out / TABLE_FILE}  the events as a table")
    console.say(f"{out / RESULTS_FILE}  all candidates, in SoccerNet's format")
    onball = console.this_command()
    console.say(
        "\nNext\n"
        f"  {onball} spot YOUR_MATCH.mp4 --out results\n"
        f"  {onball} simulate --out data/simulated\n"
        f"  {onball} train spotting/demo --data data/simulated"
    )
