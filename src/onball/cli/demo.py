"""`onball demo`: the whole way, from the bundled video to figures, without any data of one's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console
from onball.cli.evaluate import result_table
from onball.cli.spot import RESULTS, TABLE, events_table, spot_one, write_events


def sample_match() -> Path:
    """The folder of the bundled simulated match: `224p.mp4` and `Labels-ball.json`."""
    return Path(str(files("onball").joinpath("assets", "sample_match")))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("onball-demo"),
) -> None:
    """Spot the bundled simulated match with the bundled model, and compare with its labels."""
    from onball.evaluation import evaluate_spotting
    from onball.formats.soccernet import read_labels
    from onball.inference.spotter import Spotter
    from onball.reports.timeline import draw_timeline
    from onball.video.probe import probe

    video, labels = sample_match() / "224p.mp4", read_labels(sample_match() / "Labels-ball.json")
    spotter = Spotter.from_pretrained()
    events = spot_one(spotter, video, "sample match", threshold=None)
    confident = write_events(events, out, spotter.config.inference.report_threshold)
    picture = out / "timeline.png"
    draw_timeline(
        confident, picture, truth=labels, title="Sample match: 90 seconds of simulated football",
        duration_ms=probe(video).duration_ms,
    )  # fmt: skip

    show = console.console.print
    show(f"\n[bold]{len(confident)} events[/] (the labels have {len(labels)})")
    show(events_table(confident))
    show()
    show(result_table(evaluate_spotting([labels], [events])))
    show(
        "[dim]One short simulated match, by a model that has only ever seen simulated football: this "
        "shows that everything works, not how good it is. The model's card tells more.[/]\n"
    )
    for path, what in (
        (picture, "the timeline"),
        (out / TABLE, "the events as a table"),
        (out / RESULTS, "all candidates, in SoccerNet's format"),
    ):
        show(f"{path}  [dim]{what}[/]", highlight=False)
    show(
        "\n[bold]Next[/]\n"
        "  onball spot YOUR_MATCH.mp4 --out results\n"
        "  onball synth --out data/simulated\n"
        "  onball train configs/spotting/demo.yaml --data data/simulated\n",
        highlight=False,
    )
