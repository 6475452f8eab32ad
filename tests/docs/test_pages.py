"""Commands in the pages of the documentation have options, configs and programs that exist."""

from __future__ import annotations

import pytest
from doc_blocks import ROOT, blocks_of

PAGES = [
    page
    for page in [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    if blocks_of(page, "sh")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_options_configs_and_programs_that_exist(page, onball):
    for block in blocks_of(page, "sh"):
        block.check(onball)
