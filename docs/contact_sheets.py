"""Draw `docs/actions/<action>.jpg`, twelve frames around the contact of each action, and `docs/views.jpg`.

    python docs/contact_sheets.py [--out docs] [--seeds 3]

The sheets are for visual inspection of the simulated football. The frames are unchanged; those of
actions are cropped around the ball.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, Action
from onball.events import Event
from onball.simulator.cameras import Shot
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.world import TICK_MS

TIMES_MS = (-440, -280, -200, -120, -80, -40, 0, 40, 80, 160, 320, 560)
"""Times of the frames relative to the contact; the labelled frame is the seventh."""
TILE = (220, 150)


def sheet(renderer: MatchRenderer, event: Event) -> NDArray[np.uint8]:
    """Twelve frames around one action in two rows of six, uint8 RGB `[H, W, 3]`."""
    tiles = []
    for offset in TIMES_MS:
        time_ms = event.position_ms + offset
        frame = renderer.frame(time_ms)
        view = renderer.view(event.position_ms)
        ball = renderer.motion.ball[event.position_ms // TICK_MS].astype(np.float64)
        (x, y), _ = view.camera.project(ball, renderer.plan.width, renderer.plan.height)
        left = int(np.clip(x - TILE[0] / 2, 0, renderer.plan.width - TILE[0]))
        top = int(np.clip(y - TILE[1] * 0.6, 0, renderer.plan.height - TILE[1]))
        tile = frame[top : top + TILE[1], left : left + TILE[0]].copy()
        colour = (255, 220, 60) if offset == 0 else (240, 240, 240)
        cv2.putText(
            tile, f"{offset:+d} ms", (6, 14), cv2.FONT_HERSHEY_DUPLEX, 0.36, colour, 1, cv2.LINE_AA
        )
        if offset == 0:
            cv2.rectangle(tile, (0, 0), (TILE[0] - 1, TILE[1] - 1), colour, 2)
        tiles.append(tile)
    return np.vstack([np.hstack(tiles[:6]), np.hstack(tiles[6:])])


def is_well_visible(renderer: MatchRenderer, event: Event) -> bool:
    """True if an action is well inside the video and the frame."""
    tick = event.position_ms // TICK_MS
    if event.position_ms < 2_000 or event.position_ms > renderer.duration_ms - 2_000:
        return False
    camera = renderer.view(event.position_ms).camera
    (x, y), _ = camera.project(
        renderer.motion.ball[tick].astype(np.float64), renderer.plan.width, renderer.plan.height
    )
    return bool(40 < x < renderer.plan.width - 40 and 30 < y < renderer.plan.height - 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--seeds", type=int, default=3, help="examples of each action")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found: dict[Action, list[NDArray[np.uint8]]] = {action: [] for action in ACTIONS}
    views: dict[str, list[NDArray[np.uint8]]] = {}
    for seed in range(40, 70):
        if all(len(sheets) >= options.seeds for sheets in found.values()):
            break
        plan = MatchPlan(seed, 600_000, width=640, height=360)
        renderer = MatchRenderer(plan)
        wanted = [a for a in ACTIONS if len(found[a]) < options.seeds]
        for action in wanted:
            events = [
                e
                for e in renderer.motion.events
                if e.label is action and is_well_visible(renderer, e)
            ]
            if events:
                found[action].append(sheet(renderer, events[len(events) // 2]))
        for begin, end, shot in renderer.shots():
            views.setdefault(shot.value, []).append(renderer.frame((begin + end) // 2))
        # Labelled actions are always shown by the main camera.
        middle = renderer.motion.events[len(renderer.motion.events) // 2].position_ms
        views.setdefault(Shot.MAIN.value, []).append(renderer.frame(middle))
    (options.out / "actions").mkdir(parents=True, exist_ok=True)
    for action, sheets in found.items():
        name = action.value.lower().replace(" ", "_")
        write(options.out / "actions" / f"{name}.jpg", np.vstack(sheets[: options.seeds]))
    kinds = [shot.value for shot in Shot]
    rows = [np.hstack((views.get(kind, []) * 4)[:4]) for kind in kinds if views.get(kind)]
    write(
        options.out / "views.jpg",
        cv2.resize(np.vstack(rows), None, fx=0.62, fy=0.62, interpolation=cv2.INTER_AREA),
    )


def write(path: Path, image: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(f"{path}: {image.shape[1]}x{image.shape[0]}")


if __name__ == "__main__":
    main()
