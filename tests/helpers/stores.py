"""Stores in memory for tests: `memory://`, and one whose connection is lost now and then."""

from __future__ import annotations

from threading import Lock
from typing import ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

_lock = Lock()


class UnreliableFileSystem(MemoryFileSystem):
    """A store in memory, at `unreliable://`, whose next calls fail.

    Attributes:
        failures: what the next calls that read or write raise, one each.
        written: addresses of all files written, in order.
        bytes_read: number of all bytes read.
        lost: part of the paths of files whose connection is lost; empty for none.
        lost_after: number of bytes still read of these files before it is.
    """

    protocol = ("unreliable",)
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    failures: ClassVar[list[Exception]] = []
    written: ClassVar[list[str]] = []
    bytes_read: ClassVar[int] = 0
    lost: ClassVar[str] = ""
    lost_after: ClassVar[int] = 0

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + str(path).removeprefix("unreliable://").strip("/")

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def cat_file(self, path, **settings):
        self._fail()
        is_lost = bool(self.lost) and self.lost in str(path)
        if is_lost and self.lost_after <= 0:
            raise ConnectionResetError("reset by peer")
        content = super().cat_file(path, **settings)
        with _lock:
            type(self).bytes_read += len(content)
            type(self).lost_after -= len(content) * is_lost
        return content

    def put_file(self, lpath, rpath, **settings):
        self._fail()
        self.written.append(str(rpath))
        return super().put_file(lpath, rpath, **settings)

    def lose_connection(self, path: str, after: int = 0) -> None:
        """Close the connection after a number of bytes of each file with this part in its path."""
        type(self).lost, type(self).lost_after = path, after

    def clear(self) -> None:
        """Delete everything, and count from 0 again."""
        type(self).bytes_read, type(self).lost = 0, ""
        for content in (self.store, self.failures, self.written):
            content.clear()


def unreliable_store() -> UnreliableFileSystem:
    """Register and return the file system of `unreliable://`, empty."""
    fsspec.register_implementation("unreliable", UnreliableFileSystem, clobber=True)
    system = fsspec.filesystem("unreliable")
    system.clear()
    return system
