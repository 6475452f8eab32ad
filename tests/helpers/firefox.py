"""Firefox without a window, driven over its protocol Marionette, which geckodriver speaks as well.

Playwright drives only a Firefox of its own.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

#: Firefox of this system, or None.
FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
#: Limit of everything that is waited for, in seconds.
PATIENCE = 60.0
needs_firefox = pytest.mark.skipif(FIREFOX is None, reason="needs Firefox")

#: Keys of WebDriver that are no characters.
KEYS = {
    "Alt": "\ue00a",
    "ArrowDown": "\ue015",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "Control": "\ue009",
    "Escape": "\ue00c",
    "Shift": "\ue008",
}
PREFERENCES = {
    "marionette.port": 0,  # any that is free; its number is in a file of the profile
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.alwaysOpenPanel": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class FirefoxError(Exception):
    """A command that Firefox refused, or that took too long."""


class Firefox:
    """A running Firefox with one tab. Its downloads go to `downloads`."""

    def __init__(self, folder: Path) -> None:
        self.downloads = folder / "downloads"
        profile = folder / "profile"
        for each in (self.downloads, profile):
            each.mkdir(parents=True)
        preferences = {**PREFERENCES, "browser.download.dir": str(self.downloads)}
        lines = [
            f'user_pref("{name}", {json.dumps(value)});' for name, value in preferences.items()
        ]
        (profile / "user.js").write_text("\n".join(lines))
        self.last = 0
        self.rest = b""
        self.log = (folder / "firefox.log").open("wb")
        assert FIREFOX is not None
        self.process = subprocess.Popen(
            [FIREFOX, "--headless", "--no-remote", "--marionette", "--profile", str(profile)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        try:
            self.socket = self.connect(profile / "MarionetteActivePort")
            self.read()  # a greeting
            timeouts = {"script": int(PATIENCE * 1000), "pageLoad": int(PATIENCE * 1000)}
            self.send("WebDriver:NewSession", {"capabilities": {}})
            self.send("WebDriver:SetTimeouts", timeouts)
        except BaseException:
            self.close()
            raise

    def connect(self, port_file: Path) -> socket.socket:
        """Connect as soon as it listens."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            text = port_file.read_text() if port_file.is_file() else ""
            if text.strip():
                return socket.create_connection(("127.0.0.1", int(text)), timeout=2 * PATIENCE)
            time.sleep(0.05)
        raise FirefoxError(f"Firefox did not start: see {self.log.name}")

    def __enter__(self) -> Firefox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, with its processes."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        if hasattr(self, "socket"):
            self.socket.close()
        self.log.close()

    def read(self) -> Any:
        """Read one message: its length in decimal digits, a colon and JSON."""
        while b":" not in self.rest:
            self.rest += self.receive()
        length, _, self.rest = self.rest.partition(b":")
        while len(self.rest) < int(length):
            self.rest += self.receive()
        message, self.rest = self.rest[: int(length)], self.rest[int(length) :]
        return json.loads(message)

    def receive(self) -> bytes:
        """Receive some bytes."""
        received = self.socket.recv(1 << 16)
        if not received:
            raise FirefoxError(f"Firefox ended: see {self.log.name}")
        return received

    def send(self, command: str, parameters: dict[str, Any] | None = None) -> Any:
        """Send a command, and return the answer."""
        self.last += 1
        message = json.dumps([0, self.last, command, parameters or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        answer = self.read()
        assert isinstance(answer, list) and answer[:2] == [1, self.last], answer
        _, _, error, result = answer
        if error:
            raise FirefoxError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def open(self, url: str) -> None:
        """Open an address."""
        self.send("WebDriver:Navigate", {"url": url})

    def reload(self) -> None:
        """Load the page again."""
        self.send("WebDriver:Refresh")

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window."""
        self.send("WebDriver:SetWindowRect", {"width": width, "height": height})

    def run(self, body: str, *arguments: object) -> Any:
        """Run the body of a JavaScript function in the page; a promise is awaited."""
        return self.send(
            "WebDriver:ExecuteScript", {"script": body, "args": list(arguments), "sandbox": None}
        )

    def value(self, expression: str) -> Any:
        """Evaluate a JavaScript expression in the page."""
        return self.run(f"return {expression}")

    def wait_for(self, expression: str, seconds: float = PATIENCE) -> Any:
        """Wait until an expression is true, and return its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.value(expression)
            if found:
                return found
            time.sleep(0.03)
        raise FirefoxError(f"not true within {seconds:g} s: {expression}")

    def press(self, keys: str) -> None:
        """Press keys, such as `a` or `Alt+ArrowLeft`."""
        names = [KEYS.get(key, key) for key in keys.split("+")]
        actions = [{"type": "keyDown", "value": name} for name in names]
        actions += [{"type": "keyUp", "value": name} for name in reversed(names)]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self.send("WebDriver:PerformActions", {"actions": [source]})

    def click(self, selector: str, index: int = 0, at: tuple[float, float] | None = None) -> None:
        """Click on the middle of an element, or at a position in it."""
        script = """
            const [selector, index, at] = arguments;
            const element = document.querySelectorAll(selector)[index];
            element.scrollIntoView({ block: 'nearest' });
            const box = element.getBoundingClientRect();
            return at ? [box.x + at[0], box.y + at[1]] : [box.x + box.width / 2, box.y + box.height / 2];
        """
        x, y = self.run(script, selector, index, at)
        move = {"type": "pointerMove", "x": round(x), "y": round(y), "origin": "viewport"}
        buttons = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        source = {"type": "pointer", "id": "mouse", "actions": [move, *buttons]}
        self.send("WebDriver:PerformActions", {"actions": [source]})
