"""Measure the speed of the painter on one core, by stage.

    python benchmarks/painter_speed.py [--frames 300] [--width 398] [--height 224] [--look 1]

The camera pans and frames have motion blur. Prints frames per second of processor time, and the time
of each stage.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import cv2
import numpy as np

from onball.simulator.look.look import Look
from onball.simulator.paint.painter import Painter
from onball.simulator.world import PEOPLE, Camera, Gesture, WorldState


def crowded_state(seed: int, time_ms: int) -> WorldState:
    """Random state with all people near the centre, nearly all in the frame, many with a gesture."""
    rng = np.random.default_rng(seed)
    return WorldState(
        time_ms=time_ms,
        xy=rng.uniform((-24, -26), (24, 30), (PEOPLE, 2)).astype(np.float32),
        heading=rng.uniform(-np.pi, np.pi, PEOPLE).astype(np.float32),
        speed=rng.uniform(0, 8, PEOPLE).astype(np.float32),
        stride=rng.uniform(0, 6, PEOPLE).astype(np.float32) + np.float32(time_ms * 0.01),
        gesture=(rng.integers(0, 2, PEOPLE) * rng.integers(0, len(Gesture), PEOPLE)).astype(
            np.uint8
        ),
        gesture_ms=rng.integers(-300, 300, PEOPLE).astype(np.int32),
        ball=np.array([0.015 * (time_ms % 1000), 0.0, 0.5], np.float32),
        spare_ball=np.array([20.0, -36.0, 0.11], np.float32),
    )


def main_camera(pan: float) -> Camera:
    """Main camera that looks `pan` metres to the right of the centre spot."""
    return Camera.looking_at(np.array([pan / 3, -85.0, 20.0]), np.array([pan, 2.0, 0.0]), 2.5)


def main() -> None:
    """Time every stage and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--width", type=int, default=398)
    parser.add_argument("--height", type=int, default=224)
    parser.add_argument("--supersampling", type=int)
    parser.add_argument("--look", type=int, default=1, help="seed of the look")
    options = parser.parse_args()
    cv2.setNumThreads(1)

    painter_look = Look.random(options.look)
    painter = Painter(painter_look, options.width, options.height, options.supersampling)
    spent: defaultdict[str, float] = defaultdict(float)
    for frame in range(-5, options.frames):
        if frame == 0:  # end of the warm-up
            spent.clear()
        pan = 15 * np.sin(frame / 50)
        state = crowded_state(frame // 25 + 1, frame * 40)
        camera = main_camera(pan)
        earlier = 15 * np.sin((frame - painter_look.shutter_ms / 40) / 50)
        opened = crowded_state(frame // 25 + 1, frame * 40 - round(painter_look.shutter_ms))

        begin = time.process_time()
        scene = painter.begin(state, camera, before=(opened, main_camera(earlier)))
        spent["bodies"] += time.process_time() - begin
        for layer in painter.layers:
            begin = time.process_time()
            layer.draw(painter.canvas, scene)
            spent[layer.name] += time.process_time() - begin
        begin = time.process_time()
        painter.finish(state.time_ms, frame * 40, (1, 0))
        spent["finish"] += time.process_time() - begin

    total = sum(spent.values())
    print(f"{options.width}x{options.height}, {painter.supersampling}x supersampling, one core")
    print(f"{options.frames / total:.0f} frames/s, {total / options.frames * 1000:.1f} ms a frame")
    for stage, seconds in spent.items():
        print(f"  {stage:<8} {seconds / total:5.0%}  {seconds / options.frames * 1000:5.2f} ms")


if __name__ == "__main__":
    main()
