"""What can go wrong, one class for each thing that a program does differently about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class LabelerError(Exception):
    """Anything that this package raises of its own. str() is one sentence a person can act on."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "error",
        status: int | None = None,
        fields: Mapping[str, Sequence[Any]] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """The server's word for it, such as `too_few_labels`."""
        self.status = status
        """The HTTP status; None where there was no answer."""
        self.fields: dict[str, list[Any]] = {name: list(value) for name, value in (fields or {}).items()}
        """What is wrong with which member of the request."""
        self.details: dict[str, Any] = dict(details or {})
        """What else the server said, such as `current` of a stale version."""


class BadRequest(LabelerError):
    """400: the request cannot be understood; `fields` says what is wrong."""


class NotSignedIn(LabelerError):
    """401: the token is unknown, revoked or expired."""


class NotAllowed(LabelerError):
    """403: the token lacks a scope, or its person the role."""


class NotFound(LabelerError):
    """404: not there, or not for this person to know of."""


class Conflict(LabelerError):
    """409: in conflict with what is there."""


class StaleVersion(LabelerError):
    """412: somebody changed it since; `details["current"]` is the present version."""


class TooLarge(LabelerError):
    """413: larger than the server takes."""


class NotPossibleNow(LabelerError):
    """422: understood, and not possible in the present state, such as `too_few_labels`."""


class TooManyRequests(LabelerError):
    """429, still after waiting as often as the server asked to."""


class ServerBusy(LabelerError):
    """503, still after waiting as often as the server asked to."""


class StorageFull(LabelerError):
    """507: the server's disk is full."""


class ServerError(LabelerError):
    """Any other answer that is no success."""


class Unreachable(LabelerError):
    """No answer came, however often it was tried."""


class WorkFailed(LabelerError):
    """An import, training or release ended otherwise than done; `code` says why, "cancelled" if somebody did."""


class TimedOut(LabelerError):
    """Work had not ended when the patience of `wait` had."""


class ChecksumMismatch(LabelerError):
    """What was downloaded is not what the server has. The part is deleted: try again."""


class InvalidSignature(LabelerError):
    """A message is not from the server whose secret this is, or is too old."""


BY_STATUS: dict[int, type[LabelerError]] = {
    400: BadRequest,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: StaleVersion,
    413: TooLarge,
    422: NotPossibleNow,
    429: TooManyRequests,
    503: ServerBusy,
    507: StorageFull,
}
