"""Painter as a whole: sizes, determinism, unusual cameras."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from painted_scenes import (
    BALL,
    changed_pixels,
    crowded_state,
    empty_state,
    extent,
    ideal_camera,
    ideal_look,
    main_camera,
)

from onball.simulator.look.look import Look
from onball.simulator.paint.painter import Painter
from onball.simulator.world import HALF_LENGTH, Camera


def output_of(program):
    """Run a Python program in a new process with the same import path, and return its output."""
    command = [sys.executable, "-c", program, *sys.path]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_frame_has_the_requested_size_and_contrast():
    frame = Painter(Look.random(1)).paint(crowded_state(), main_camera())
    assert frame.shape == (224, 398, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 20


@pytest.mark.parametrize(("width", "height", "supersampling"), [(224, 128, 1), (640, 360, 3)])
def test_other_sizes_show_the_same_view(width, height, supersampling):
    small = Painter(ideal_camera(Look.random(1)), width, height, supersampling)
    usual = Painter(ideal_camera(Look.random(1)), width, height, 2)
    one = small.paint(empty_state(), main_camera()).astype(int)
    assert one.shape == (height, width, 3)
    other = usual.paint(empty_state(), main_camera())
    pitch = slice(height // 3, None)  # the crowd is noise, and different at every size
    assert np.abs(one - other)[pitch].mean() < 6


def test_a_large_frame_is_painted_without_supersampling_at_the_same_proportions():
    small, large = Painter(ideal_look()), Painter(ideal_look(), 1280, 720)
    assert (small.supersampling, large.supersampling) == (2, 1)
    assert large.canvas.shape == (720, 1280, 3)
    state, camera = empty_state(), main_camera()
    state.ball[:] = (4.0, 3.0, 0.11)
    sizes = []
    for painter in (small, large):
        painted = extent(changed_pixels(painter, state, empty_state(), camera))
        sizes.append(float((painted[2:] - painted[:2]).mean()) / painter.height)
        assert not np.isnan(painter.boxes(state, camera)[BALL]).any()
    assert 0.6 < sizes[1] / sizes[0] < 1.3


def test_two_processes_paint_the_same_pixels():
    program = (
        "import hashlib, sys; sys.path[:0] = sys.argv[1:]\n"
        "from painted_scenes import crowded_state, main_camera\n"
        "from onball.simulator.look.look import Look\n"
        "from onball.simulator.paint.painter import Painter\n"
        "before = crowded_state(2, 70), main_camera(-0.5)\n"
        "frame = Painter(Look.random(9)).paint(\n"
        "    crowded_state(2, 80), main_camera(), 61_000, (2, 1), before)\n"
        "print(hashlib.sha256(frame.tobytes()).hexdigest())"
    )
    output = output_of(program)
    painter = Painter(Look.random(9))
    # Frames painted before have no effect.
    painter.paint(crowded_state(5), main_camera(30.0), replay=True)
    before = crowded_state(2, 70), main_camera(-0.5)
    here = painter.paint(crowded_state(2, 80), main_camera(), 61_000, (2, 1), before)
    assert output.strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_looks_are_reproducible_and_differ_between_matches():
    assert Look.random(3) == Look.random(3)
    assert len({Look.random(seed).turf.grass for seed in range(20)}) > 5
    one, other = (
        Painter(Look.random(seed)).paint(crowded_state(), main_camera()) for seed in (1, 2)
    )
    assert np.abs(one.astype(int) - other).mean() > 8


@pytest.mark.parametrize("target", [(-52.0, 30.0), (52.0, -34.0), (0.0, 60.0)])
@pytest.mark.parametrize("focal", [0.8, 12.0])
def test_every_camera_gives_a_frame(shadowless_painter, target, focal):
    frame = shadowless_painter.paint(crowded_state(), main_camera(*target, focal=focal))
    assert frame.std() > 5


def test_a_camera_among_the_players_or_towards_the_sky_gives_a_frame(shadowless_painter):
    for position, target in (
        ((0.0, 0.0, 1.8), (HALF_LENGTH, 0.0, 1.0)),
        ((0.0, -60.0, 15.0), (0.0, 20.0, 40.0)),
    ):
        camera = Camera.looking_at(np.array(position), np.array(target), 1.5)
        assert shadowless_painter.paint(crowded_state(), camera).shape == (224, 398, 3)


def test_missing_opencv_gives_one_line_with_the_install_command():
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "import onball.simulator.look.look, onball.simulator.bodies.skeleton\n"
        "import onball.simulator.paint.scene\n"
        "from onball.errors import MissingDependencyError\n"
        "try: import onball.simulator.paint.painter\n"
        "except MissingDependencyError as error: print(error)"
    )
    output = output_of(program)
    assert 'pip install "onball[simulate]"' in output
