"""An error as the Lambda API tells it.

Knows the shape of each error of the service. Does not know when one is due.
"""

from __future__ import annotations

import json
from typing import Any

STATUS = {
    "AccessDeniedException": 403,
    "CodeSigningConfigNotFoundException": 404,
    "InvalidParameterValueException": 400,
    "InvalidRequestContentException": 400,
    "NotImplementedException": 501,
    "PolicyLengthExceededException": 400,
    "PreconditionFailedException": 412,
    "ProvisionedConcurrencyConfigNotFoundException": 404,
    "RecursiveInvocationException": 400,
    "RequestEntityTooLargeException": 413,
    "ResourceConflictException": 409,
    "ResourceInUseException": 400,
    "ResourceNotFoundException": 404,
    "SerializationException": 400,
    "ServiceException": 500,
    "TooManyRequestsException": 429,
    "UnknownOperationException": 404,
    "UnsupportedMediaTypeException": 415,
    "ValidationException": 400,
}
"""Error → status (Lambda API reference, each operation's errors)."""

CAPITAL = frozenset(
    {
        "AccessDeniedException",
        "CodeSigningConfigNotFoundException",
        "RequestEntityTooLargeException",
        "ResourceNotFoundException",
        "ServiceException",
    }
)
"""Errors whose text is `Message` and whose others is `message`, as the service's model has them."""

BARE = frozenset(
    {"AccessDeniedException", "SerializationException", "UnknownOperationException", "ValidationException"}
)
"""Errors that come before the service itself, and carry no `Type`."""


class Fault(Exception):
    """What is answered in place of a result."""

    def __init__(self, code: str, message: str | None, bare: bool = False, **more: Any) -> None:
        """`more` are further members of the error; `bare` is one without `Type`."""
        super().__init__(message or code)
        self.code, self.message, self.more = code, message, more
        self.bare = bare or code in BARE

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return STATUS[self.code]

    def body(self) -> bytes:
        """Return the error as JSON."""
        told: dict[str, Any] = {} if self.bare else {"Type": "User"}
        if self.message is not None or self.code == "AccessDeniedException":
            told["Message" if self.code in CAPITAL else "message"] = self.message
        return json.dumps({**told, **self.more}, separators=(",", ":")).encode()


def invalid(message: str, bare: bool = False) -> Fault:
    """Return the error of a parameter that the service does not take."""
    return Fault("InvalidParameterValueException", message, bare)


def conflict(message: str) -> Fault:
    """Return the error of what is there already, or is in another state."""
    return Fault("ResourceConflictException", message)


def missing(message: str = "The resource you requested does not exist.") -> Fault:
    """Return the error of what is not there."""
    return Fault("ResourceNotFoundException", message)


def revised(call: str = "GetFunction/GetAlias") -> Fault:
    """Return the error of a revision that is not the latest."""
    return Fault(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {call} API to retrieve the latest Revision Id",
    )


def not_covered(what: str) -> Fault:
    """Return the error of what this API does not do."""
    return Fault("NotImplementedException", f"{what} is not covered by valve-aws (docs/LAMBDA.md)")
