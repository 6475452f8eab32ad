"""`onball spot --cluster ray://HOST:PORT`: a driver that is not a machine of the cluster."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_matches import write_flashes

from onball.spotting.videos import spot_videos

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray"),
]


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def address(monkeypatch) -> Iterator[str]:
    """Address of the client server of a Ray cluster of one machine."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # whether this user has a token or not
    port, client_port = free_ports(2)
    command = [
        Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus", "2",
        "--node-ip-address", "127.0.0.1", "--port", str(port),
        "--ray-client-server-port", str(client_port), "--include-dashboard", "false",
        "--disable-usage-stats",
    ]  # fmt: skip
    environment = {**os.environ, "RAY_raylet_start_wait_time_s": "300"}
    head = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + 300
        while True:
            assert head.poll() is None and time.monotonic() < end, "Ray does not start"
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", client_port)) == 0:
                    break
            time.sleep(0.2)
        yield f"ray://127.0.0.1:{client_port}"
    finally:
        head.send_signal(signal.SIGTERM)  # with --block, it stops all processes of Ray
        try:
            head.wait(60)
        finally:
            if head.poll() is None:
                os.killpg(head.pid, signal.SIGKILL)


def test_a_driver_elsewhere_gets_the_results_of_one_machine(address, model, tmp_path):
    for seed, name in enumerate("ab"):
        write_flashes(tmp_path / name, seed)
        (tmp_path / "videos").mkdir(exist_ok=True)
        shutil.move(tmp_path / name / "224p.mp4", tmp_path / "videos" / f"{name}.mp4")
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "driver").mkdir()
    command = [sys.executable, "-m", "onball", "spot", "--cluster", address, "../videos"]
    command += ["--out", "../results", "--model", str(model), "--segment", "0.1"]

    def spot() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=tmp_path / "driver",
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    first = spot()
    assert first.returncode == 1, first.stderr
    assert first.stdout.splitlines()[-1] == "3 matches: 2 spotted; results in ../results"
    assert "broken.mp4: not a readable video" in first.stderr
    settings = {"model": model, "device": "cpu", "threads": 1}
    for local in spot_videos((tmp_path / "videos").glob("?.mp4"), tmp_path / "single", **settings):
        found = tmp_path / "results" / local.name
        assert {path.name: path.read_bytes() for path in found.iterdir()} == {
            path.name: path.read_bytes() for path in local.folder.iterdir()
        }
    assert "2 done already" in spot().stdout


def test_an_address_without_a_cluster_is_one_line(tmp_path, model, onball):
    write_flashes(tmp_path, 0)
    (port,) = free_ports(1)
    code, _, error = onball(
        "spot", "--cluster", f"ray://127.0.0.1:{port}", tmp_path / "224p.mp4", "--model", model,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 2 and error.count("\n") == 1
    assert f"ray://127.0.0.1:{port}: no connection to Ray" in error
