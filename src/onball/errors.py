"""One family of exceptions. Every message is one line: what, where, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class OnballError(Exception):
    """The work failed although the input was right. The command line exits with code 1."""

    exit_code = 1


class InputError(OnballError):
    """The user's input cannot be used as it is. The command line exits with code 2."""

    exit_code = 2


class VideoError(InputError):
    """A video that cannot be opened or holds no picture."""


class LabelError(InputError):
    """A label or prediction file, or an entry in it, that cannot be understood."""


class ConfigError(InputError):
    """A setting that is unknown, misspelt or out of range."""


class DataError(InputError):
    """A match folder or a split that is missing or incomplete."""


class EmptySplitError(DataError):
    """A data set that is there, but has no match of the split that is asked for."""


class ModelError(InputError):
    """A saved model that is missing, damaged or made for another purpose."""


class MissingDependencyError(InputError):
    """An optional package that this command needs is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs '{package}': pip install 'onball[{extra}]'")
        self._parts = (package, extra, purpose)

    def __reduce__(self) -> tuple[type[MissingDependencyError], tuple[str, str, str]]:
        # By default an exception is rebuilt from its message alone, on its way between processes.
        return type(self), self._parts


@contextmanager
def optional_dependency(package: str, extra: str, purpose: str) -> Iterator[None]:
    """Import an optional package inside this block.

    Args:
        package: name of the distribution, as `pip` knows it.
        extra: the extra of onball that installs it.
        purpose: what needs the package; the subject of the error message.

    Raises:
        MissingDependencyError: an import in the block failed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(package, extra, purpose) from error


class OnballWarning(UserWarning):
    """Something the user should know, though the work goes on (a damaged tail, a skipped file)."""
