"""Measure a spotting model on short clips of real matches, beside its chance level.

    python benchmarks/real_clips.py FOLDER                       # the bundled model
    python benchmarks/real_clips.py FOLDER --model runs/mine/model --out real.json
    python benchmarks/real_clips.py FOLDER --model adaspot-small --threshold 0.2
    python benchmarks/real_clips.py FOLDER --model runs/mine/model --clip-statistics
    python benchmarks/real_clips.py FOLDER --model ball-tracks --detector ballnet:512

FOLDER holds `NAME.json` for each clip: `video` (path from FOLDER), and `annotations` with `position` in
milliseconds, `label`, and `sure`, false for an event in doubt. Those in doubt count neither as found nor as
missed, and predictions near them are no false alarms.

Prints F1 at the model's thresholds and AP within ±0.5 s and ±1 s, with the right action and whatever the
action, each beside the scores of the same predictions shifted in time (mean, 99th percentile, p). A model
works on these clips if its F1 within ±0.5 s, with the right action, is above the 99th percentile.

With --clip-statistics, the means and variances of the backbone's batch normalisation are computed from each
clip before it is spotted, in place of those of the training (Li et al., "Revisiting batch normalization for
practical domain adaptation", 2016).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from onball import Event, EventList, Spotter
from onball.errors import ConfigError, DataError
from onball.evaluation.chance import ChanceLevel, ChanceTest
from onball.files import read_json_object, to_json, write_json_atomic
from onball.models import load_model, save_model
from onball.models.finding import resolve_model
from onball.video import probe, read_frames

#: δ of the metric: matches are within ±δ/2.
TOLERANCES_S = (1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Clip:
    """A labelled clip.

    Attributes:
        video: the video file.
        sure, doubtful: its events.
    """

    video: Path
    sure: EventList
    doubtful: EventList


def main() -> None:
    """Spot the clips, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="folder or name of a saved model (that of `onball spot`)")
    parser.add_argument("--threshold", type=float, help="of all actions (the model's own)")
    parser.add_argument("--shifts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--tracks", type=Path, help="folder to keep tracks in, and to read them from"
    )
    parser.add_argument("--detector", help="of a model that takes tracks (the model's own)")
    parser.add_argument(
        "--clip-statistics", action="store_true", help="normalise with statistics of each clip"
    )
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    if options.clip_statistics and not options.model:
        parser.error("--clip-statistics needs --model")
    clips = read_clips(options.folder)
    named = [options.model] if options.model else []
    spotter = Spotter.from_pretrained(*named, runtime="torch", device=options.device)
    actions, inference = spotter.config.actions, spotter.config.inference
    if options.clip_statistics:
        spotters = adapted(options.model, clips, options.device)
    else:
        spotters = iter([spotter] * len(clips))
    found = [
        EventList.of(
            one.spot(
                clip.video,
                threshold=0,
                detector=options.detector,
                keep_tracks=options.tracks and options.tracks / f"{clip.video.stem}.parquet",
            )
        )
        for clip, one in zip(clips, spotters, strict=True)
    ]
    lengths = [probe(clip.video).duration_ms for clip in clips]
    thresholds = {
        action: inference.report_threshold_of(action)
        if options.threshold is None
        else options.threshold
        for action in actions
    }
    sure = sum(len(clip.sure) for clip in clips)
    print(
        f"{len(clips)} clips, {sum(lengths) / 1000:.0f} s, {sure} events, "
        f"{sum(len(clip.doubtful) for clip in clips)} in doubt; {options.shifts} shifts"
    )
    shown = sum(event.confidence >= thresholds[event.label] for events in found for event in events)
    print(f"{shown} events found\n")
    print(f"{'':8} {'':12} {'':4} {'model':>7} {'chance':>7} {'99 %':>7} {'p':>7}")
    figures: dict[str, object] = {}
    for tolerance_s in TOLERANCES_S:
        for aware in (True, False):
            test = ChanceTest(
                [clip.sure for clip in clips],
                found,
                lengths,
                thresholds,
                doubtful=[clip.doubtful for clip in clips],
                actions=actions,
                class_aware=aware,
            )
            levels = test.against_chance(tolerance_s, options.shifts, options.seed)
            for name, level in levels.items():
                print(row(tolerance_s, aware, name, level))
                key = f"{name}_{'action' if aware else 'any'}_{tolerance_s / 2:g}s"
                figures[key] = {
                    "value": level.value,
                    "chance": level.mean,
                    "chance_95": level.percentile(95),
                    "chance_99": level.percentile(99),
                    "p": level.p,
                }
                if (tolerance_s, aware, name) == (1.0, True, "f1"):
                    works = level.exceeded
    print(f"\nabove the 99th percentile of chance: {'yes' if works else 'no'}")
    if options.out:
        counts = {"clips": len(clips), "events": sure, "found": int(shown)}
        write_json_atomic(options.out, to_json({**counts, "scores": figures}))


def adapted(model: str, clips: list[Clip], device: str) -> Iterator[Spotter]:
    """Spotters of a model, one after the other, whose backbone is normalised by each clip's statistics.

    Raises `ConfigError` for a model that does not take whole frames.
    """
    net, config = load_model(resolve_model(model), "spotting")
    if config.crop or not config.model.takes_frames:
        raise ConfigError(f"{model}: takes no whole frames: leave out --clip-statistics")
    layers = [
        layer
        for layer in net.backbone.modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips:
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None  # the mean over all batches
                layer.train()
            size = (config.width, config.height)
            for batch in read_frames(
                clip.video,
                config.fps,
                size,
                batch_frames=config.clip_frames,
                scaling=config.scaling,
            ):
                with torch.no_grad():
                    net.backbone(torch.from_numpy(batch.frames).permute(0, 3, 1, 2)[None])
            save_model(net, config, Path(folder) / "model")
            yield Spotter.from_pretrained(Path(folder) / "model", runtime="torch", device=device)


def read_clips(folder: Path) -> list[Clip]:
    """Read the labels of all clips of a folder whose video is there.

    Raises `DataError` if there are none, or a file has another structure.
    """
    clips = []
    for path in sorted(folder.glob("*.json")):
        content = read_json_object(path, DataError)
        try:
            video = folder / content["video"]
            events = [
                (Event(int(entry["position"]), entry["label"]), bool(entry["sure"]))
                for entry in content["annotations"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: is no label file of a clip: {error!r}") from None
        if not video.is_file():
            raise DataError(f"{path}: its video {video} is missing")
        sure, doubtful = (
            EventList.of(event for event, known in events if known is which)
            for which in (True, False)
        )
        clips.append(Clip(video, sure, doubtful))
    if not clips:
        raise DataError(f"{folder}: has no label files (NAME.json)")
    return clips


def row(tolerance_s: float, aware: bool, name: str, level: ChanceLevel) -> str:
    """Format a line of the table, scores in per cent."""
    figures = [100 * value for value in (level.value, level.mean, level.percentile(99))]
    return (
        f"±{tolerance_s / 2:g} s{'':3} {'right action' if aware else 'any action':12} "
        f"{'F1' if name == 'f1' else 'AP':4} "
        + " ".join(f"{figure:7.1f}" for figure in figures)
        + f" {level.p:7.3f}"
    )


if __name__ == "__main__":
    main()
