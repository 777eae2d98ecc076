"""Every way edgepack can fail on purpose: a class per exit code, each with a hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class EdgepackError(Exception):
    """Base of all errors a user is meant to read.

    Attributes:
        message: What is wrong, in one sentence, naming the thing that is wrong.
        hint: What to try next; empty when there is nothing sensible to suggest.
        details: Evidence for `--debug` and `--json`: logs, figures, paths.
        exit_code: What the command line exits with, one number per class.
    """

    exit_code: ClassVar[int] = 70
    message: str
    hint: str
    details: Mapping[str, Any]

    def __init__(self, message: str, hint: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[type[EdgepackError], tuple[str, str, dict[str, Any]]]:
        # Errors cross process borders, and Exception's own pickling would drop hint and details.
        return type(self), (self.message, self.hint, dict(self.details))


class VerificationFailed(EdgepackError):
    """An artifact does not compute what the source model computes."""

    exit_code = 1


class UsageError(EdgepackError):
    """The command line or the options make no sense."""

    exit_code = 2


class SourceError(EdgepackError):
    """The model, or data that came with it, cannot be used."""

    exit_code = 3


class ConversionError(EdgepackError):
    """No route led from the model to the format."""

    exit_code = 4


class Unsuitable(ConversionError):
    """A model has nothing that a precision changes, or not in a form that its tools can work on.

    A gap by nature, not a failure.
    """


class ToolError(EdgepackError):
    """A package, program or runtime that this needs is missing, or failed."""

    exit_code = 5


class BundleError(EdgepackError):
    """A bundle is damaged, of an unknown version, or not safe to read."""

    exit_code = 6


class InternalError(EdgepackError):
    """A bug in edgepack itself."""

    exit_code = 70
