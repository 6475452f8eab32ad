"""Links of the README and of the documentation's pages, and the site that is built from them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "src/onball/assets").rglob("*.md")]
)
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {text.strip().replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_to_files_and_headings(page):
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for link in LINK.findall(text):
        if re.match(r"\w+:", link):
            continue
        target, _, anchor = unquote(link).partition("#")
        file = page.parent / target if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert not broken


def test_images_have_an_alternative_text():
    for page in PAGES:
        assert "![](" not in page.read_text(encoding="utf-8"), page


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built with warnings as errors."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(folder))
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return folder


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_describes_every_public_name(site):
    import onball

    reference = "".join(path.read_text("utf-8") for path in (site / "reference").glob("*.html"))
    described = set(re.findall(r'id="onball\.(\w+)"', reference))
    assert described == set(onball.__all__)


@pytest.mark.slow
def test_no_page_of_the_site_loads_anything_from_another_server(site):
    loaded = re.compile(
        r'<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//|<link[^>]*href="(?:https?:)?//'
    )
    pages = [*site.rglob("*.html")]
    assert len(pages) > len(PAGES)
    assert not [page.name for page in pages if loaded.search(page.read_text("utf-8"))]
    assert not [css.name for css in site.rglob("*.css") if "url(http" in css.read_text("utf-8")]
