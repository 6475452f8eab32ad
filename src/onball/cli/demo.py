"""`onball demo`: events, timeline and metrics of the bundled sample match."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from onball.cli import console, options
from onball.cli.evaluate import result_table
from onball.cli.spot import event_line, files_written, timeline
from onball.events import Event

_NAME, _FIGURE = "sample match", "timeline.png"


def demo(
    out: Annotated[Path, options.out("Folder of the results.")] = Path("onball-demo"),
    overwrite: options.Overwrite = False,
) -> None:
    """Spot the bundled simulated match with the bundled model, and compare with its labels."""
    from onball.assets import demo_model, sample_match
    from onball.data.layout import VIDEO_FILE
    from onball.evaluation import evaluate_spotting
    from onball.files import require_writable, shell_quoted
    from onball.formats.event_table import TABLE_FILE
    from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
    from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_labels
    from onball.outputs import (
        OutputConflictError,
        OutputState,
        check_outputs,
        edited_files,
        record_outputs,
    )
    from onball.reports.timeline import draw_timeline
    from onball.spotting.results import write_events
    from onball.spotting.spotter import Spotter
    from onball.video import probe

    request = {"video": _NAME, "model": "demo"}
    files = (TABLE_FILE, RESULTS_FILE, CONFIDENCES_FILE, _FIGURE)
    # Unedited files of an earlier demo are written again: a demo is there to be seen.
    if check_outputs(out, files, request, overwrite=overwrite) is OutputState.EDITED:
        edited = ", ".join(edited_files(out, files))
        raise OutputConflictError(
            f"{out}: {edited} was edited by hand: --overwrite replaces it, or choose another --out"
        )
    require_writable(out)
    video, labels = sample_match() / VIDEO_FILE, read_labels(sample_match() / LABELS_FILE)
    duration_ms = probe(video).duration_ms
    spotter = Spotter.from_pretrained(demo_model())
    info = spotter.describe_results()

    def show(event: Event) -> None:
        if info.shows(event):
            console.say(event_line(event))

    confidences: list[FrameConfidences] = []
    with console.progress_bar() as progress:
        events = spotter.spot(
            video, name=_NAME, on_event=show, on_confidences=confidences.append, progress=progress
        )
    write_events(events, out, request, confidences[0])
    draw_timeline(
        events.shown,
        out / _FIGURE,
        truth=labels,
        title="Sample match: 90 seconds of simulated football",
        duration_ms=duration_ms,
    )
    record_outputs(out, files, request)

    found = console.count(len(events.shown), "event")
    console.say(f"\n{found}; the labels have {len(labels)}\n")
    for line in timeline(events.shown, duration_ms):
        console.say(line)
    console.say("")
    lowest = min((event.confidence for event in events), default=None)
    console.console.print(result_table(evaluate_spotting([labels], [events]), lowest))
    console.note(
        "One short simulated match, by a model that has only ever seen simulated football: this shows "
        "that everything works, not how good it is. See the model's card for more."
    )
    console.say("")
    for text in files_written(out, events, **{_FIGURE: "the timeline, with the labels"}):
        console.say(text)
    onball = console.this_command()
    folder = "" if out == Path("onball-demo") else f" --out {shell_quoted(out)}"
    console.say(
        "\nNext\n"
        f"  {onball} view --demo{folder}    (the events in the browser)\n"
        f"  {onball} spot YOUR_MATCH.mp4 --out results\n"
        f"  {onball} simulate --out data/simulated\n"
        f"  {onball} train spotting/demo --data data/simulated --dry-run    (measures how long the "
        "training takes here; without --dry-run it starts)"
    )
