"""Exceptions and warnings of the package. Every message is one line: problem, place, remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class OnballError(Exception):
    """The work failed although the input is valid. The command line exits with code 1."""

    exit_code = 1


class InputError(OnballError):
    """The input is invalid. The command line exits with code 2."""

    exit_code = 2


class VideoError(InputError):
    """A video that cannot be opened or has no frame that can be decoded."""


class LabelError(InputError):
    """An event, a label or prediction file, or an entry in it, that is invalid."""


class ConfigError(InputError):
    """A setting that is unknown, misspelt or out of range."""


class DataError(InputError):
    """A match folder or a split that is missing or incomplete."""


class EmptySplitError(DataError):
    """A data set without matches in the requested split."""


class ModelError(InputError):
    """A saved model that is missing, damaged or made for another task."""


class MissingDependencyError(InputError):
    """A required optional package is not installed.

    Args:
        package: name of the distribution.
        extra: extra of onball that installs it.
        purpose: subject of the message, such as "A report".
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs '{package}': pip install \"onball[{extra}]\"")
        self._parts = (package, extra, purpose)

    def __reduce__(self) -> tuple[type[MissingDependencyError], tuple[str, str, str]]:
        # By default, unpickling in another process rebuilds an exception from its message alone.
        return type(self), self._parts


@contextmanager
def optional_dependency(package: str, extra: str, purpose: str) -> Iterator[None]:
    """Import an optional package inside this block.

    Args:
        package: name of the distribution, as `pip` knows it.
        extra: extra of onball that installs it.
        purpose: feature that needs the package; the subject of the error message.

    Raises:
        MissingDependencyError: an import in the block failed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(package, extra, purpose) from error


def describe_exception(name: str, error: Exception) -> str:
    """Return one line for an exception that nobody foresaw in the work on one of several inputs.

    Args:
        name: name of the input.
        error: the exception.
    """
    reason = " ".join(str(error).split())
    return f"{name}: failed with {type(error).__name__}{reason and f' ({reason})'}"


class OnballWarning(UserWarning):
    """A problem that does not stop the work, such as a skipped file or a damaged end of a video."""


class OnballNotice(UserWarning):
    """A remark about the course of the work, such as that it continues an interrupted run."""
