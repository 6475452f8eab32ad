"""Stores in memory for tests: `memory://`, and one whose connection is lost now and then."""

from __future__ import annotations

from typing import ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class UnreliableFileSystem(MemoryFileSystem):
    """A store in memory, at `unreliable://`, whose next calls fail.

    Attributes:
        failures: what the next calls that read or write raise, one each.
        written: addresses of all files written, in order.
    """

    protocol = ("unreliable",)
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    failures: ClassVar[list[Exception]] = []
    written: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + str(path).removeprefix("unreliable://").strip("/")

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def cat_file(self, path, **settings):
        self._fail()
        return super().cat_file(path, **settings)

    def put_file(self, lpath, rpath, **settings):
        self._fail()
        self.written.append(str(rpath))
        return super().put_file(lpath, rpath, **settings)

    def clear(self) -> None:
        """Delete everything."""
        for content in (self.store, self.failures, self.written):
            content.clear()


def unreliable_store() -> UnreliableFileSystem:
    """Register and return the file system of `unreliable://`, empty."""
    fsspec.register_implementation("unreliable", UnreliableFileSystem, clobber=True)
    system = fsspec.filesystem("unreliable")
    system.clear()
    return system
