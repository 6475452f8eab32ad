"""Small samples of published data sets, written by hand after public descriptions of their formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onball.video import VideoWriter

PANORAMA = (384, 96)
#: Frames of the tracks, and of the video, of each half; the second video lacks two at its beginning.
HALVES = {1: (50, 50), 2: (42, 40)}
T0_MS = {1: -33.0, 2: 2_699_967.0}
_HALF_NAMES = {1: "1st", 2: "2nd"}


def write_soccertrack(
    root: Path, match: str = "117092", actions: Sequence[dict[str, Any]] | None = None
) -> Path:
    """Write a match of SoccerTrack v2: both halves, events, game states and the table of periods.

    Ten people stand around a point that moves to the right from the left of the panorama in the first
    half, and to the left from its right in the second. A red square marks it in the video.
    """
    videos, states, events = root / "videos" / match, root / "gsr" / match, root / "bas" / match
    for folder in (videos, states, events):
        folder.mkdir(parents=True)
    for half, (frames, shown) in HALVES.items():
        name = _HALF_NAMES[half]
        with VideoWriter(
            videos / f"{match}_panorama_{name}_half.mp4", PANORAMA, 25, crf=10
        ) as file:
            for frame in range(frames - shown, frames):
                file.write(_panorama(_centre(half, frame)))
        annotations = [{"supercategory": "pitch", "image_id": "3000001", "lines": {}}]
        for frame in range(frames):
            annotations += [_person(frame, person, _centre(half, frame)) for person in range(10)]
        content = {
            "info": {"version": "1.3", "seq_length": frames, "frame_rate": 25},
            "images": [{"image_id": "3000001", "width": 3840, "height": 1504}],
            "annotations": annotations,
            "categories": [],
        }
        (states / f"{match}_{name}.json").write_text(json.dumps(content))
    content = {"UrlLocal": match, "actions": list(ACTIONS if actions is None else actions)}
    (events / f"{match}_12_class_events.json").write_text(json.dumps(content))
    table_file = root / "bas_periods.json"
    table = json.loads(table_file.read_text()) if table_file.exists() else {"matches": {}}
    table["matches"][match] = {
        "periods": {
            **{
                str(half): {"t0_ms": T0_MS[half], "n_frames": frames, "t0_event_shift_frames": 0}
                for half, (frames, _) in HALVES.items()
            },
            "3": {"t0_ms": None, "n_frames": None, "has_tracks": False},
        }
    }
    table_file.write_text(json.dumps(table))
    return root


def soccertrack_action(
    game_time: str, position: int, label: str, team: str = "left"
) -> dict[str, Any]:
    return {
        "gameTime": game_time,
        "position": str(position),
        "label": label,
        "team": team,
        "player_id": 170959,
    }


#: Six events of the filmed halves, one that is written twice, and four that have no frame.
ACTIONS = (
    soccertrack_action("1 - 00:00", 47, "PASS"),
    soccertrack_action("1 - 00:01", 1007, "HIGH PASS", "right"),
    soccertrack_action("1 - 00:01", 1007, "SHOT"),
    soccertrack_action("1 - 00:01", 1007, "SHOT"),
    soccertrack_action("1 - 00:01", 1007, "GOAL"),
    soccertrack_action("2 - 45:00", 2_700_047, "DRIVE"),
    soccertrack_action("2 - 45:01", 2_701_047, "BALL PLAYER BLOCK"),
    soccertrack_action("1 - 45:01", 2_701_047, "PASS"),  # of the second half, by its time
    soccertrack_action("90:30", 5_430_000, "PASS"),  # third period, without a number
    soccertrack_action("1 - 135:27", 8_127_120, "PASS"),  # third period, with a wrong one
    soccertrack_action("45:00", 2_700_087, "PASS"),  # no number: of either half
)


def _centre(half: int, frame: int) -> float:
    along = frame / (HALVES[half][0] - 1)
    return 40 + 100 * along if half == 1 else 340 - 100 * along


def _panorama(centre: float) -> np.ndarray:
    image = np.full((PANORAMA[1], PANORAMA[0], 3), (60, 120, 60), np.uint8)
    left = round(centre) - 4
    image[44:52, left : left + 8] = (220, 20, 20)
    return image


def _person(frame: int, person: int, centre: float) -> dict[str, Any]:
    x, y = centre - 20 + 4 * person, 40 + 2 * (person % 5)
    role = "goalkeeper" if person == 0 else "player"
    corners = ("left", "middle", "right")
    return {
        "id": f"3{frame + 1:06d}{person:02d}",
        "image_id": f"3{frame + 1:06d}",
        "track_id": person + 1,
        "supercategory": "object",
        "category_id": 1,
        "attributes": {"role": role, "jersey": str(person), "team": "left", "player_id": 170959},
        "bbox_image": {"x": x, "y": y, "w": 4, "h": 8, "x_center": x + 2, "y_center": y + 4},
        "bbox_pitch": {f"{axis}_bottom_{corner}": 0.0 for axis in "xy" for corner in corners},
    }


# SoccerNet-GAR

GAR_FPS = 30000 / 1001


def write_sn_gar(root: Path, *, tracking: bool = True) -> Path:
    """Write two matches of SoccerNet-GAR of 2 s: a training and a test match, video and positions."""
    events = [
        _gar_event(100, "PASS"),
        _gar_event(700, "THROW IN", "away"),
        _gar_event(700, "THROW IN", "away"),
        _gar_event(9000, "GOAL"),
    ]
    for split, game in (("train", "3812"), ("test", "3850")):
        for part, kind, suffix in (
            ("SNGAR-Action-Spotting-Video", "video_mp4", "mp4"),
            ("SNGAR-Action-Spotting-Tracking", "tracking_parquet", "parquet"),
        ):
            if kind == "tracking_parquet" and not tracking:
                continue
            file = root / part / split / "videos" / f"{game}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            entry = {
                "game_id": game,
                "split": split,
                "inputs": [{"type": kind, "path": f"{split}/videos/{game}.{suffix}", "fps": 30.0}],
                "events": events,
            }
            content = {
                "version": "2.0",
                "task": "action_spotting",
                "labels": {"action": {"type": "single_label", "labels": ["PASS", "THROW IN"]}},
                "data": [entry],
            }
            (root / part / f"annotations_{split}.json").write_text(json.dumps(content))
            if suffix == "mp4":
                with VideoWriter(file, (96, 54), GAR_FPS) as video:
                    for frame in range(60):
                        grey = int(game) % 100 + frame
                        video.write(np.full((54, 96, 3), grey, np.uint8))
            else:
                _write_positions(file)
    return root


def _gar_event(position_ms: int, label: str, team: str = "home") -> dict[str, Any]:
    return {
        "head": "action",
        "label": label,
        "position_ms": position_ms,
        "gameTime": "1 - 00:00",
        "team": team,
        "visibility": "visible",
    }


def _write_positions(path: Path) -> None:
    """Write a keeper, a player that crosses the halfway line, and a ball in the centre at last."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    times = [33.375 * index for index in range(20)] + [33.375 * index for index in range(55, 60)]
    home, away, balls = [], [], []
    for index in range(len(times)):
        home.append(
            [_gar_player("1", -50.0, 0.0, "GK"), _gar_player("9", index - 10.0, 20.0, "FWD")]
        )
        away.append([_gar_player("9", 10.0, -20.0, "FWD", "ESTIMATED")])
        balls.append(
            [{"visibility": "VISIBLE", "x": 0.0, "y": 0.0, "z": 0.1}] if index > 20 else []
        )
    table = {
        "videoTimeMs": pa.array(times, pa.float32()),
        "frameNum": pa.array(range(len(times)), pa.int32()),
        "homePlayers": [json.dumps(row) for row in home],
        "awayPlayers": [json.dumps(row) for row in away],
        "balls": [json.dumps(row) for row in balls],
    }
    pq.write_table(pa.table(table), path, compression="zstd", row_group_size=16)


def _gar_player(
    number: str, x: float, y: float, group: str, visibility: str = "VISIBLE"
) -> dict[str, Any]:
    return {
        "jerseyNum": number,
        "confidence": "HIGH",
        "visibility": visibility,
        "x": x,
        "y": y,
        "position": group,
        "positionGroup": group,
    }


# FOOTPASS


def write_footpass(root: Path, *, labels: bool = True, tactical: bool = True) -> Path:
    """Write a training match of FOOTPASS of 3 s: video, labels and tactical data of both halves."""
    videos = root / "videos_352x640_TRAIN"
    videos.mkdir(parents=True)
    with VideoWriter(videos / "game_7.mp4", (64, 36), 25) as video:
        for frame in range(75):
            video.write(np.full((36, 64, 3), 60 + frame, np.uint8))
    if labels:
        # Frame, team, shirt number, class, box, replay.
        events = {
            "game_7_H1": [[5, 0, 9, 2, 1, 0], [20, 1, 4, 8, 0, 1]],
            "game_7_H2": [[50, 0, 1, 5, 1, 0], [500, 0, 1, 5, 1, 0]],
        }
        content = {"keys": list(events), "events": events}
        (root / "playbyplay_train.json").write_text(json.dumps(content))
    if tactical:
        import h5py

        hidden = [np.nan] * 4
        with h5py.File(root / "train_tactical_data.h5", "w") as file:
            for half, frames in (("game_7_H1", range(0, 40)), ("game_7_H2", range(45, 75))):
                rows = []
                for frame in frames:
                    box = [300 + 30 * (frame % 10), 540, 60, 120]
                    action = {5: 2, 50: 5}.get(frame, 0)
                    rows.append([frame, 109, 0, 9, 12, 0.5, 0.5, 0, 0, *box, action])
                    rows.append([frame, 201, 1, 1, 1, 0.9, 0.5, 0, 0, 1890, 500, 60, 120, 0])
                    rows.append([frame, 204, 1, 4, 3, 0.7, 0.5, 0, 0, *hidden, 0])
                file[half] = np.array(rows, np.float32)
    return root
