"""What tests of several folders share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from onball.cli.main import main


@pytest.fixture
def onball(monkeypatch, capfd) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["onball", *map(str, arguments)])
        # Wide enough that rich does not break paths.
        monkeypatch.setenv("COLUMNS", "300")
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch on one thread, its global chance from a fixed seed."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
