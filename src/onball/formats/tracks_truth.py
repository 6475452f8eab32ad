"""What a simulated match says of its video, beside its true tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from onball.errors import DataError
from onball.files import read_json_object
from onball.tracks import TrackedVideo

SIMULATION_FILE = "simulation.json"
CAMERA_FILE = "camera.parquet"


def simulated_video(tracks: Path) -> TrackedVideo:
    """The video of a simulated match: from `simulation.json` and `camera.parquet` beside its tracks.

    Raises `DataError` if the former is missing or does not say it.
    """
    path = tracks.with_name(SIMULATION_FILE)
    if not path.is_file():
        raise DataError(
            f"{path}: no such file, and true tracks need it beside them: copy it too, or simulate the "
            "match again with `onball synth`"
        )
    about = read_json_object(path, DataError)
    try:
        return TrackedVideo(
            int(about["width"]),
            int(about["height"]),
            int(about["duration_ms"]),
            float(about["fps"]),
            _cuts(tracks.with_name(CAMERA_FILE)),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: does not say what the video is ({error!r})") from None


def _cuts(camera: Path) -> tuple[int, ...]:
    """First frames of another view, or of another moment of the match in a replay."""
    if not camera.is_file():
        return ()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(camera, columns=["time_ms", "view", "world_ms"])
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{camera}: cannot be read ({reason})") from None
    views = table.column("view").combine_chunks()
    indices = np.asarray(views.indices.to_numpy(zero_copy_only=False))
    times, world = (table.column(n).to_numpy().astype(np.int64) for n in ("time_ms", "world_ms"))
    lag = times - world
    # Slow motion lets the lag grow little by little; a cut makes it jump.
    jumped = np.abs(np.diff(lag)) > 500
    return tuple(int(t) for t in times[1:][(np.diff(indices) != 0) | jumped])
