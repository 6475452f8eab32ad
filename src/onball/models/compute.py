"""Choice of the device and of the precision of a net's arithmetic."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from onball.cores import choose_threads
from onball.errors import InputError

Precision = Literal["auto", "32", "bf16", "fp16"]

#: Longest reason of a message, which has to fit into a line.
_REASON_LENGTH = 120


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name; `auto` is the first of CUDA, Apple's MPS and the CPU.

    Raises `InputError` for a device that this machine does not have or cannot use.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    present = available_devices()
    if name not in (*present, *(f"{device.partition(':')[0]}:0" for device in present)):
        raise InputError(f"device '{name}': not on this machine, which has: {', '.join(present)}")
    device = torch.device(name)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # an old driver, for example
        reason = str(error).partition("\n")[0][:_REASON_LENGTH]
        raise InputError(f"device '{name}' cannot be used ({reason}): try auto or cpu") from None
    return device


def available_devices() -> list[str]:
    """Names of the devices of this machine.

    Returns: `cpu`, then `cuda` or `mps`, and with several GPUs `cuda:0`, `cuda:1` …
    """
    accelerator = torch.accelerator.current_accelerator()
    count = torch.accelerator.device_count()
    if accelerator is None or not torch.accelerator.is_available() or count < 1:
        return ["cpu"]
    numbered = [f"{accelerator.type}:{index}" for index in range(count)] if count > 1 else []
    return ["cpu", accelerator.type, *numbered]


def choose_precision(name: Precision, device: torch.device) -> torch.dtype:
    """Return the dtype of the backbone's arithmetic; `auto` is bfloat16 where it is native.

    Raises `InputError` for another name, and for float16 on a CPU, which would be emulated.

    On a CPU with bfloat16 instructions it is about twice as fast as float32
    (`benchmarks/training_speed.py`); where it would be emulated it is slower.
    """
    if name == "bf16":
        return torch.bfloat16
    if name == "fp16":
        if device.type == "cpu":
            raise InputError("precision fp16 needs a GPU: take auto, bf16 or 32 on a CPU")
        return torch.float16
    if name == "32":
        return torch.float32
    if name != "auto":
        raise InputError(
            f"precision '{name}' does not exist: take {', '.join(get_args(Precision))}"
        )
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        native = cpu_has_bf16()
    else:
        native = False
    return torch.bfloat16 if native else torch.float32


def use_threads(threads: int | None = None) -> None:
    """Let torch compute operations with this many CPU threads.

    Args:
        threads: None lowers the present number to what `onball.cores.choose_threads` gives, since torch
            does not know the limits of cgroups.
    """
    if threads is None:
        threads = min(torch.get_num_threads(), choose_threads())
    torch.set_num_threads(threads)


def cpu_has_bf16() -> bool:
    """Return True if the CPU has bfloat16 instructions (AVX512-BF16, AMX, Arm's BF16)."""
    # Older releases of torch cannot detect them; float32 is then the safe choice.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    names = ("avx512_bf16", "amx_bf16", "bf16", "avx_ne_convert")
    return any(capabilities.get(name, False) for name in names)
