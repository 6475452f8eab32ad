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


@pytest.fixture
def hub(monkeypatch):
    """A hub with the training split; settings that lead to another one are removed."""
    from huggingface_hub import constants
    from tiny_hub import running_hub

    for name in ("HF_TOKEN", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
    # Bytes that are lost when a connection breaks; usually 10 MB.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    with running_hub() as hub:
        yield hub
