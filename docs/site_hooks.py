"""Hooks of MkDocs: pages of the site that are no files of docs/, and links that leave it.

- `reference/*.md`: the docstrings of the names of `onball.__all__`, one page per section of api.md.
- `contributing.md` and `changelog.md`: the pages of the repository's root.
- A link to the README leads to the home page; one to another file outside docs/ becomes its path,
  because the site does not contain the code.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import onball

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_SECTION = re.compile(r"^## (.+)$", re.M)
_ROW = re.compile(r"^\| `(\w+)[^`|]*` \|", re.M)
#: A link or image with a relative target: text, path, anchor.
_LINK = re.compile(r"(!?\[(?:[^\]\[]|\[[^\]]*\])*\])\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def reference_sections() -> dict[str, list[str]]:
    """Return the public names by section of api.md, in its order.

    Raises:
        PluginError: the page lists other names than `onball.__all__`.
    """
    _, *parts = _SECTION.split((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    sections = {
        title: names
        for title, text in zip(parts[::2], parts[1::2], strict=True)
        if (names := _ROW.findall(text))
    }
    listed = sorted(name for names in sections.values() for name in names)
    if listed != sorted(onball.__all__):
        raise PluginError("docs/api.md does not list exactly the names of onball.__all__")
    return sections


def reference_page(title: str, names: list[str]) -> str:
    """Return the page with the docstrings of some names; mkdocstrings fills it."""
    blocks = "\n\n".join(f"::: onball.{name}" for name in names)
    return f"# {title}\n\nNames to import from `onball`. [All names on one page](../api.md).\n\n{blocks}\n"


def relative_links(text: str, page: str) -> str:
    """Rewrite the links of a page for the site.

    Args:
        text: Markdown with links relative to the page's place in the repository.
        page: that place, such as `docs/results.md` or `CHANGELOG.md`.
    """

    def rewritten(found: re.Match[str]) -> str:
        label, target, anchor = found[1], found[2], found[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if not (ROOT / path).exists():
            return found[0]  # MkDocs reports it
        if path in ROOT_PAGES:
            return f"{label}({ROOT_PAGES[path]}{anchor})"
        if path == "README.md":
            return f"{label}(index.md)"
        if path.startswith("docs/"):
            return f"{label}({path.removeprefix('docs/')}{anchor})"
        # A part of the code: its path, after the text of the link unless that says the same.
        text = label[1:-1]
        return f"`{path}`" if text.strip("`").lower() in path.lower() else f"{text} (`{path}`)"

    return _LINK.sub(rewritten, text)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of the reference into the navigation."""
    pages = [{title: f"reference/{_slug(title)}.md"} for title in reference_sections()]
    for entry in config.nav or ():
        for section in entry.values():
            if isinstance(section, list):
                section[:] = [{"Reference": pages} if "Reference" in e else e for e in section]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of docs/."""
    for title, names in reference_sections().items():
        page = reference_page(title, names)
        files.append(File.generated(config, f"reference/{_slug(title)}.md", content=page))
    for source, name in ROOT_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=relative_links(text, source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of the pages of docs/."""
    if page.file.generated_by:
        return markdown
    return relative_links(markdown, f"docs/{page.file.src_uri}")


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower())
