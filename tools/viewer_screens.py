"""Take screenshots of every view of the viewer's page, and check each for accessibility.

    python tools/viewer_screens.py /tmp/screens              # 1400 and 390 px wide, light and dark
    python tools/viewer_screens.py /tmp/screens --only help --widths 390

The match is the bundled one, with the events of the bundled model. With axe-core, which `make viewer`
installs, each view is checked, and problems are printed; exit code 1 if there are serious ones.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
from playwright.sync_api import Page, sync_playwright

from onball.assets import sample_match
from onball.data.layout import VIDEO_FILE
from onball.formats.soccernet import RESULTS_FILE
from onball.viewer.server import ViewServer
from onball.viewer.session import ViewSession, spot_demo

AXE = Path(__file__).parents[1] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
HEIGHTS = {1400: 900, 390: 844}
SERIOUS = ("serious", "critical")
#: Expression that is true if nothing is missing in the rows on the screen.
THUMBNAILS_ARE_SHOWN = """() => [...document.querySelectorAll('.thumbnail')].every((each) => {
    const { top, bottom } = each.getBoundingClientRect();
    return bottom < 0 || top > innerHeight || (each.complete && each.naturalWidth > 0);
})"""


def write_matches(folder: Path) -> ViewSession:
    """Write the matches of the views into a folder, and return them after the demo."""
    demo = spot_demo(folder / "demo")
    results, video = folder / "demo" / RESULTS_FILE, sample_match() / VIDEO_FILE
    for name in ("without video", "damaged", "without events", "another codec"):
        (folder / name).mkdir(parents=True)
    shutil.copy(results, folder / "without video" / RESULTS_FILE)
    (folder / "damaged" / RESULTS_FILE).write_text('{"predictions": [{"label": "PASS"}]}')
    shutil.copy(video, folder / "without events" / "training session.mp4")
    copy = folder / "another codec" / "recording of the camera behind the goal.avi"
    write_avi(video, copy)
    shutil.copy(results, folder / "another codec" / RESULTS_FILE)
    names = ("without events", "another codec", "without video", "damaged")
    others = ViewSession.open([folder / name for name in names])
    matches = sorted(others.matches, key=lambda match: match.name)
    return ViewSession((*demo.matches, *matches), (*demo.roots, *others.roots))


def write_avi(video: Path, target: Path) -> None:
    """Write a video in a codec that browsers do not play."""
    with av.open(str(video)) as source, av.open(str(target), "w") as made:
        stream = made.add_stream("mpeg4", rate=25)
        stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
        stream.pix_fmt = "yuv420p"
        for frame in source.decode(video=0):
            image = frame.to_ndarray(format="rgb24")
            made.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        made.mux(stream.encode(None))


# Views


def show_match(page: Page) -> None:
    """The match, with some corrections."""
    page.wait_for_selector(".event img")
    for key in ("ArrowDown", "a", "a", "x", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_selector(".saved.saved:not(:empty)")


def show_tab(name: str) -> Callable[[Page], None]:
    """A panel beside the match."""

    def show(page: Page) -> None:
        show_match(page)
        page.get_by_role("tab", name=name).click()
        page.get_by_role("tabpanel").scroll_into_view_if_needed()

    return show


def show_missed(page: Page) -> None:
    """Labels that were missed, as a filter lists them."""
    page.wait_for_selector(".event img")
    page.locator("select:has(option[value=missed])").select_option("missed")


def show_help(page: Page) -> None:
    """All keys."""
    page.wait_for_selector(".event")
    page.keyboard.press("Shift+?")


def show_export(page: Page) -> None:
    """The dialog of exports, opened wide."""
    page.wait_for_selector(".event")
    page.keyboard.press("e")
    page.get_by_label("Seconds before").fill("oops")
    page.get_by_text("For single actions").click()
    page.get_by_text("Times of the match").click()


def show_spot(page: Page) -> None:
    """The choice of a video and a model."""
    page.get_by_role("button", name="Spot a video").click()
    page.wait_for_selector(".spot-form")


def show_as_it_is(page: Page) -> None:
    """The page without any action."""
    page.wait_for_selector(".event, .empty, [role=alert]")


VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "match": ("sample match", show_match),
    "figures": ("sample match", show_tab("Figures")),
    "review": ("sample match", show_tab("Review")),
    "missed": ("sample match", show_missed),
    "help": ("sample match", show_help),
    "export": ("sample match", show_export),
    "spot": ("sample match", show_spot),
    "copy": ("another codec", show_as_it_is),
    "no-video": ("without video", show_as_it_is),
    "no-events": ("without events", show_as_it_is),
    "error": ("damaged", show_as_it_is),
}


def problems_of(page: Page) -> list[tuple[str, str]]:
    """Impact and description of what axe finds; nothing without axe-core."""
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [(each["impact"], f"{each['help']}: {each['nodes'][0]['html'][:160]}") for each in found]


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder of the screenshots")
    parser.add_argument("--only", nargs="+", choices=VIEWS, default=list(VIEWS))
    parser.add_argument("--widths", nargs="+", type=int, default=list(HEIGHTS))
    parser.add_argument(
        "--schemes", nargs="+", choices=("light", "dark"), default=["light", "dark"]
    )
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    serious = 0
    with (
        tempfile.TemporaryDirectory(prefix="onball-") as folder,
        ViewServer(write_matches(Path(folder)), port=0, results=Path(folder) / "results") as server,
        sync_playwright() as playwright,
    ):
        names = [match.name for match in server.session.matches]
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in chosen.schemes:
            for width in chosen.widths:
                size = {"width": width, "height": HEIGHTS.get(width, 844)}
                for view in chosen.only:
                    context = browser.new_context(
                        viewport=size, color_scheme=scheme, bypass_csp=True
                    )
                    context.set_default_timeout(120_000)
                    page = context.new_page()
                    page.goto(server.url)
                    name, show = VIEWS[view]
                    index = next(i for i, each in enumerate(names) if name in each)
                    page.goto(f"{server.url.partition('?')[0]}#{index}")
                    show(page)
                    page.wait_for_function(THUMBNAILS_ARE_SHOWN)
                    page.screenshot(path=chosen.out / f"{view}-{width}-{scheme}.png")
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    found = problems_of(page)
                    if wide > width:
                        found.append(("serious", f"is {wide} px wide"))
                    for impact, what in found:
                        serious += impact in SERIOUS
                        print(f"{view}, {width} px, {scheme}: {impact}: {what}")
                    context.close()
        browser.close()
    print(
        f"{chosen.out}: {len(list(chosen.out.glob('*.png')))} screenshots, {serious} serious problems"
    )
    sys.exit(1 if serious else 0)


if __name__ == "__main__":
    main()
