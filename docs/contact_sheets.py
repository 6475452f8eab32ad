"""Draws `docs/actions/<action>.jpg`: each action in twelve frames about its contact, and `docs/views.jpg`.

    python docs/contact_sheets.py [--out docs] [--seeds 3]

The sheets are for eyes: does it read as football? Every frame is what the film shows; the sheets of
actions cut out the surroundings of the ball.
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
"""About the contact; the labelled frame is the seventh."""
TILE = (220, 150)


def sheet(film: MatchRenderer, event: Event) -> NDArray[np.uint8]:
    """Twelve frames `[2 rows, 6]` about one action, uint8 RGB."""
    tiles = []
    for offset in TIMES_MS:
        time_ms = event.position_ms + offset
        frame = film.frame(time_ms)
        view = film.view(event.position_ms)
        ball = film.motion.ball[event.position_ms // TICK_MS].astype(np.float64)
        (x, y), _ = view.camera.project(ball, film.plan.width, film.plan.height)
        left = int(np.clip(x - TILE[0] / 2, 0, film.plan.width - TILE[0]))
        top = int(np.clip(y - TILE[1] * 0.6, 0, film.plan.height - TILE[1]))
        tile = frame[top : top + TILE[1], left : left + TILE[0]].copy()
        colour = (255, 220, 60) if offset == 0 else (240, 240, 240)
        cv2.putText(
            tile, f"{offset:+d} ms", (6, 14), cv2.FONT_HERSHEY_DUPLEX, 0.36, colour, 1, cv2.LINE_AA
        )
        if offset == 0:
            cv2.rectangle(tile, (0, 0), (TILE[0] - 1, TILE[1] - 1), colour, 2)
        tiles.append(tile)
    return np.vstack([np.hstack(tiles[:6]), np.hstack(tiles[6:])])


def good(film: MatchRenderer, event: Event) -> bool:
    """Whether an action is well inside film and picture."""
    tick = event.position_ms // TICK_MS
    if event.position_ms < 2_000 or event.position_ms > film.duration_ms - 2_000:
        return False
    camera = film.view(event.position_ms).camera
    (x, y), _ = camera.project(
        film.motion.ball[tick].astype(np.float64), film.plan.width, film.plan.height
    )
    return bool(40 < x < film.plan.width - 40 and 30 < y < film.plan.height - 20)


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
        film = MatchRenderer(plan)
        wanted = [a for a in ACTIONS if len(found[a]) < options.seeds]
        for action in wanted:
            events = [e for e in film.motion.events if e.label is action and good(film, e)]
            if events:
                found[action].append(sheet(film, events[len(events) // 2]))
        for begin, end, shot in film.shots():
            views.setdefault(shot.value, []).append(film.frame((begin + end) // 2))
        # A labelled moment is always seen from the main camera.
        middle = film.motion.events[len(film.motion.events) // 2].position_ms
        views.setdefault(Shot.MAIN.value, []).append(film.frame(middle))
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


def write(path: Path, picture: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(f"{path}: {picture.shape[1]}x{picture.shape[0]}")


if __name__ == "__main__":
    main()
