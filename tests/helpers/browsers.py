"""The browser that tests of pages drive."""

from __future__ import annotations

import shutil

import pytest

#: Chromium of this system, or None; Playwright's own one is not needed.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


def launch_chromium(playwright):
    """Start Chromium without a window; it ends with Playwright."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
