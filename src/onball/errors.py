"""One family of exceptions. Every message is one line: what, where, what to do."""

from __future__ import annotations


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


class OnballWarning(UserWarning):
    """Something the user should know, though the work goes on (a damaged tail, a skipped file)."""
