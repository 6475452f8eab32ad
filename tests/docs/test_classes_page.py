"""The Python code of the page about own classes runs as written."""

from __future__ import annotations

from doc_blocks import ROOT, blocks_of


def test_the_code_for_own_classes_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks_of(ROOT / "docs" / "classes.md", "python")
    block.execute()
    assert (tmp_path / "corrected.csv").is_file()
