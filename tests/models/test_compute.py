"""Choice of the device: one short line names the devices that the machine has."""

from __future__ import annotations

import pytest
import torch

from onball.errors import InputError
from onball.models import compute
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


def test_threads_of_torch_are_what_is_asked_for_or_at_most_what_the_process_may_use(monkeypatch):
    monkeypatch.setattr(compute, "choose_threads", lambda: 2)
    before = torch.get_num_threads()
    try:
        for present, asked, expected in [(4, None, 2), (1, None, 1), (1, 3, 3)]:
            torch.set_num_threads(present)
            compute.use_threads(asked)
            assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)
