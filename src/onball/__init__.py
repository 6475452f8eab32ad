"""onball finds ball actions in football video.

    video -> frames -> backbone -> features -> temporal head -> dense scores -> peaks -> events

The names below are the whole public façade; `import onball` itself stays light (no torch, no
video library) because they are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from onball.actions import ACTIONS, Action
from onball.events import Event, EventList, Team

if TYPE_CHECKING:
    from onball.spotting.spotter import Spotter
    from onball.video.reading import read_frames

__version__ = "0.1.0"
__all__ = ["ACTIONS", "Action", "Event", "EventList", "Spotter", "Team", "read_frames"]

_LAZY = {"Spotter": "onball.spotting.spotter", "read_frames": "onball.video.reading"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'onball' has no attribute '{name}'")
