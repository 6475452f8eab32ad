"""Choice of the device: one short line names the devices that the machine has."""

from __future__ import annotations

import pytest
import torch

from onball.errors import InputError
from onball.models.compute import available_devices, choose_device


def test_auto_and_cpu_are_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device().type in {name.partition(":")[0] for name in available_devices()}
    assert available_devices()[0] == "cpu"


@pytest.mark.parametrize("name", ["gpu", "toaster", "cuda:99", "ipu", "meta", ""])
def test_a_device_that_is_absent_is_one_short_line(name):
    with pytest.raises(InputError) as found:
        choose_device(name)
    present = ", ".join(available_devices())
    assert str(found.value) == f"device '{name}': not on this machine, which has: {present}"
    assert len(str(found.value)) < 120


def test_a_machine_with_two_gpus_names_both(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert available_devices() == ["cpu", "cuda", "cuda:0", "cuda:1"]
    with pytest.raises(InputError, match="which has: cpu, cuda, cuda:0, cuda:1"):
        choose_device("cuda:2")


def test_a_device_that_cannot_be_used_is_one_line(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("The driver is too old.\nmany\nmore lines")

    monkeypatch.setattr("onball.models.compute.available_devices", lambda: ["cpu", "cuda"])
    monkeypatch.setattr(torch, "empty", broken)
    with pytest.raises(InputError, match=r"'cuda' cannot be used \(The driver is too old\.\)") as e:
        choose_device("cuda")
    assert "\n" not in str(e.value)
