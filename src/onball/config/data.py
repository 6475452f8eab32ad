"""Settings of the data: which matches, and how their video is sampled."""

from __future__ import annotations

from pathlib import Path

from pydantic import PositiveFloat, PositiveInt

from onball.config.components import Section
from onball.config.cropping import FrameCropConfig
from onball.tracks import TRACKS_FILE


class AuxiliaryDataConfig(Section):
    """A second data set with other labels, for joint training (see `ModelConfig.auxiliary`).

    Attributes:
        root: folder of the matches, in SoccerNet-v2's layout: `1_224p.mkv`, `2_224p.mkv` and
            `Labels-v2.json` in each match's folder.
    """

    root: Path | None = None


class DataConfig(Section):
    """Which matches, and how their video is sampled.

    Attributes:
        root: folder of the matches (SoccerNet's layout); needed for training only.
        fps: sampled frames per second of video time; 12.5 is every second frame of 25.
        width, height: size in pixels that frames are scaled to.
        clip_frames: sampled frames in a training clip.
        cache: folder for decoded frames (height × width × 3 bytes per frame: 0.65 GB for 10
            minutes at 224×128, 19 GB for a match of 90 at 398×224); null decodes each clip anew.
        tracks: name of the tracks file in each match's folder, for nets that take tracks.
        crop: cut each frame to a window around players and ball, found by the tracks, before it is
            scaled; null takes the whole picture.
        auxiliary: the second data set of joint training.
        skip_labels_outside: leave labels beyond the end of their video out, with a warning; false
            makes them an error, since they tell of a video that is cut short or of another match.
    """

    root: Path | None = None
    fps: PositiveFloat = 12.5
    width: PositiveInt = 398
    height: PositiveInt = 224
    clip_frames: PositiveInt = 50
    cache: Path | None = None
    tracks: str = TRACKS_FILE
    crop: FrameCropConfig | None = None
    auxiliary: AuxiliaryDataConfig = AuxiliaryDataConfig()
    skip_labels_outside: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in the order that `onball.video` takes them."""
        return (self.width, self.height)
