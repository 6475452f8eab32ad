"""RTMP and RTSP servers that are not onball's: nginx with its RTMP module, and GStreamer's RTSP server.

Tests that use them are skipped where they are not installed. On Debian and Ubuntu:

    apt-get install nginx libnginx-mod-rtmp python3-gi gir1.2-gst-rtsp-server-1.0 \
        gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_streams import free_port, is_listening, wait_until

_RTMP_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_rtmp_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_rtmp_module.so"),
)
_RTMP_CONFIG = """
load_module {module};
daemon off;
master_process off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{}}
rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}
"""

#: The Python of the system, for which GStreamer's bindings are packaged.
_PYTHON = "/usr/bin/python3"
_BINDINGS = """
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("qtdemux", "h264parse", "rtph264pay")))
"""
_RTSP_SERVER = (
    _BINDINGS
    + """
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f'( filesrc location="{sys.argv[2]}" ! qtdemux ! h264parse ! rtph264pay name=pay0 )'
)
server.get_mount_points().add_factory("/match", factory)
server.attach(None)
GLib.MainLoop().run()
"""
)


class RtmpServer:
    """An nginx that passes on what is sent to it, and can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        module = next((path for path in _RTMP_MODULES if path.is_file()), None)
        program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
        if program is None or module is None:
            pytest.skip("nginx with its RTMP module is not installed")
        self._port = free_port()
        self.url = f"rtmp://127.0.0.1:{self._port}/live/match"
        config = folder / "nginx.conf"
        config.write_text(_RTMP_CONFIG.format(module=module, folder=folder, port=self._port))
        self._command = [program, "-p", str(folder), "-c", str(config)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server during the block; at its end all connections are cut."""
        with subprocess.Popen(self._command, stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: process.poll() is not None or is_listening(self._port))
                assert process.poll() is None, "nginx does not start"
                yield
            finally:
                process.kill()


@contextmanager
def rtsp_server(video: Path) -> Iterator[str]:
    """Address of a server that plays a video to everybody who asks, in real time, as a camera does."""
    probe = [_PYTHON, "-c", _BINDINGS]
    if not Path(_PYTHON).is_file() or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("GStreamer's RTSP server with its bindings for Python is not installed")
    port = free_port()
    command = [_PYTHON, "-c", _RTSP_SERVER, str(port), str(video)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_listening(port))
            assert process.poll() is None, "the RTSP server does not start"
            yield f"rtsp://127.0.0.1:{port}/match"
        finally:
            process.kill()
