"""`Spotter`: the façade. A saved model in, a video in, events out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from onball.assets import demo_model
from onball.config import SavedModelConfig
from onball.data.frames import tracking_inputs
from onball.errors import InputError
from onball.events import Event, EventList
from onball.formats.event_table import write_csv
from onball.formats.soccernet import RESULTS_FILE, write_results
from onball.frames import BlankFrames, FrameBatch, frame_batches
from onball.models import SpottingNet, load_model, save_model
from onball.models.compute import Precision, choose_device, choose_precision
from onball.spotting.decoding import calibrated_events
from onball.spotting.engine import ScoredFrames, StreamingEngine
from onball.timing import grid_times
from onball.tracking.crop import windows_of
from onball.tracking.grid import PerFrame
from onball.tracks import Tracks

Progress = Callable[[int], None]
"""Called with the time in the video, in milliseconds, up to which everything is computed."""


class Spotter:
    """Finds ball actions in videos.

        spotter = Spotter.from_pretrained("runs/mine/model")
        for event in spotter.spot("match.mp4", threshold=0.3):
            print(event.game_time, event.label, event.confidence)

    Args:
        net: a spotting net in evaluation mode.
        config: what the saved model says about its input and its peaks.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        precision: of the backbone; `auto` is bfloat16 where the device has it natively.
    """

    def __init__(
        self,
        net: SpottingNet,
        config: SavedModelConfig,
        *,
        device: str = "auto",
        precision: Precision = "auto",
    ) -> None:
        self.device = choose_device(device)
        self.config = config
        self.net = net.eval().to(self.device)
        self._engine = StreamingEngine(
            self.net,
            window_frames=config.inference.window_frames,
            overlap=config.inference.overlap,
            precision=choose_precision(precision, self.device),
        )

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        *,
        device: str = "auto",
        precision: Precision = "auto",
    ) -> Spotter:
        """A spotter from a saved model's folder; None takes the bundled demo model.

        Raises `ModelError` if the folder holds no usable model.
        """
        net, config = load_model(demo_model() if model is None else Path(model))
        return cls(net, config, device=device, precision=precision)

    def save_pretrained(self, folder: str | Path, *, card: str | None = None) -> None:
        """Writes the model as a folder that `from_pretrained` reads."""
        save_model(self.net, self.config, folder, card=card)

    def spot(
        self,
        video: str | Path,
        *,
        threshold: float | None = None,
        progress: Progress | None = None,
        tracks: Tracks | str | Path | None = None,
    ) -> EventList:
        """All events of a video, in order of time.

        Args:
            video: a file that FFmpeg can read.
            threshold: least confidence; None takes the model's own, which is low: the metric wants
                all events, ranked.
            progress: told how far the work is.
            tracks: players and ball of that video, or a tracks file, for a model that takes them.

        Raises `VideoError` if the file is no video; `InputError` if the model takes tracks and
        there are none; `DataError` for tracks that are broken or of another video.
        """
        events = self.stream(video, threshold=threshold, progress=progress, tracks=tracks)
        return EventList.of(events, match=Path(video).stem)

    def stream(
        self,
        source: str | Path | Iterable[FrameBatch],
        *,
        threshold: float | None = None,
        progress: Progress | None = None,
        tracks: Tracks | str | Path | None = None,
    ) -> Iterator[Event]:
        """Events one by one, in order of time, each as soon as it is certain.

        Args:
            source: a video, or batches of frames at the model's size and rate (`frames` uint8
                `[t, H, W, 3]` RGB and `pts_ms` `[t]`), for example from a capture card.
            threshold, progress, tracks: as in `spot`.
        """
        if threshold is not None and not 0 <= threshold <= 1:
            raise InputError(f"threshold {threshold} is outside 0 to 1")
        scored = self.scores(source, tracks)
        if progress is not None:
            scored = _reporting(scored, progress)
        radius = self.net.head.radius
        yield from calibrated_events(scored, self.config.inference, radius, threshold)

    def scores(
        self,
        source: str | Path | Iterable[FrameBatch],
        tracks: Tracks | str | Path | None = None,
    ) -> Iterator[ScoredFrames]:
        """Dense scores of every sampled frame, in order, each frame once."""
        if isinstance(source, str | Path):
            from onball.video.reading import read_frames

            video = Path(source)
            if self.config.needs_tracks:
                return self._scores_with_tracks(video, _tracks_of(video, tracks))
            source = read_frames(video, fps=self.config.fps, size=self.config.size)
        elif self.config.needs_tracks:
            raise InputError(
                "this model takes the tracks of players and ball, which need the whole video: give "
                "its path and tracks, not frames"
            )
        return self._engine.run(source)

    def _scores_with_tracks(self, video: Path, tracks: Tracks) -> Iterator[ScoredFrames]:
        from onball.video.reading import read_frames, read_windows

        config = self.config
        times = grid_times(tracks.video.duration_ms, config.fps)
        tracking = None
        if config.model.tracking is not None:
            tracking = PerFrame(times, tracking_inputs(tracks, times, config.model.tracking))
        frames: Iterable[FrameBatch]
        if not config.model.takes_frames:
            frames = frame_batches(BlankFrames(times))
        elif config.crop is None:
            frames = read_frames(video, fps=config.fps, size=config.size)
        else:
            windows = windows_of(tracks, times, config.crop).per_frame
            frames = read_windows(video, config.fps, config.size, windows_at=windows.at)
        return self._engine.run(frames, tracking)


def _reporting(scored: Iterable[ScoredFrames], progress: Progress) -> Iterator[ScoredFrames]:
    for part in scored:
        yield part
        progress(int(part.pts_ms[-1]))


def _tracks_of(video: Path, tracks: Tracks | str | Path | None) -> Tracks:
    """The tracks of a video; a file is read and checked against the video."""
    if isinstance(tracks, Tracks):
        return tracks
    if tracks is None:
        raise InputError(
            f"{video}: this model takes the tracks of players and ball: make them with "
            f"`onball track {video}` and give the tracks file"
        )
    from onball.formats.tracks_parquet import read_tracks

    return read_tracks(Path(tracks), video)


# --- Where the events of several videos go, and in which files.


TABLE_FILE = "events.csv"


def write_events(events: EventList, shown: EventList, folder: Path) -> None:
    """Writes `results_spotting.json` with all events and `events.csv` with those people want to see.

    Raises `OnballError` if the folder cannot be written.
    """
    write_results(events, folder / RESULTS_FILE)
    write_csv(shown, folder / TABLE_FILE)


def name_results(videos: Sequence[Path]) -> dict[str, Path]:
    """A folder name for each video: its stem, or with its folder's name where stems repeat.

    SoccerNet calls every match 224p.mp4. Names that differ in case alone count as the same: on some
    file systems they are. Raises `InputError` for a video that is given twice.
    """
    # Not resolved: a link has the name that its owner gave it.
    paths = [video.absolute() for video in videos]
    names = [path.stem for path in paths]
    depth = 1
    while repeated := _repeated(names):
        depth += 1
        longer = [
            "_".join([*path.parts[1:-1], path.stem][-depth:]) if name.lower() in repeated else name
            for path, name in zip(paths, names, strict=True)
        ]
        if longer == names:
            twice = next(path for path in videos if path.stem.lower() in next(iter(repeated)))
            raise InputError(f"{twice} is given twice")
        names = longer
    return dict(zip(names, videos, strict=True))


def _repeated(names: Sequence[str]) -> set[str]:
    return {name for name, count in Counter(map(str.lower, names)).items() if count > 1}
