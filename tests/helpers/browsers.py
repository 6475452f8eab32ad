"""The browser that tests of pages drive."""

from __future__ import annotations

import shutil

import pytest

#: Chromium of this system, or None; Playwright's own one is not needed.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
#: Expression of the pixels of the frame on the screen: width, height and RGBA.
SHOWN_PIXELS = """new Promise((resolve) => {
    const video = document.querySelector('video:not(.off)');
    requestAnimationFrame(() => requestAnimationFrame(() => {
        const canvas = document.createElement('canvas');
        canvas.width = video.videoWidth;
        canvas.height = video.videoHeight;
        const context = canvas.getContext('2d');
        context.drawImage(video, 0, 0);
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        resolve([canvas.width, canvas.height, Array.from(data)]);
    }));
})"""
#: Expression that is true if a frame is on the screen and no seek is under way.
IS_SHOWN = """(() => {
    const video = document.querySelector('video:not(.off)');
    return video && video.readyState >= 2 && !video.seeking;
})()"""
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


def launch_chromium(playwright):
    """Start Chromium without a window; it ends with Playwright."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
