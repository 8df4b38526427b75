"""One event on its way through an environment, and what the Runtime API is asked and answers.

Knows the shape of an invocation and of its end. Does not know the Runtime API's states nor any socket.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from valve_aws.model.value import value


@value
class Invocation:
    """One event for one environment."""

    ident: str
    """The request id, a UUID."""
    payload: bytes
    deadline: float
    """Seconds since the epoch."""
    arn: str
    """The function's ARN as it was invoked (an alias or version included)."""
    trace: str = ""
    """X-Ray trace header, `Root=1-…;Parent=…;Sampled=0`."""
    client_context: str = ""
    """JSON text, already taken out of its base64."""
    cognito: str = ""
    """JSON text with `cognitoIdentityId` and `cognitoIdentityPoolId`."""
    tenant: str = ""
    """Whose invocation it is, for a function with tenant isolation."""
    streams: bool = False
    """Its caller takes a response in pieces, if the runtime sends one so."""


class Sink(Protocol):
    """Whoever takes a response in pieces, as the runtime writes them."""

    def begin(self, kind: str) -> None:
        """Take note that a response begins; `kind` is its Content-Type."""

    async def take(self, piece: bytes) -> None:
        """Take the next piece; waits while it has enough, so that the function waits too. Never raises."""


@value
class Beside:
    """What an Invoke request brings along beside its payload."""

    client_context: str = ""
    tenant: str = ""
    ident: str = ""
    """The request id that its platform has given it; "" makes one."""
    arn: str = ""
    """The name that it was invoked by, an alias or a version; "" is the function's own."""
    trace: str = ""
    """The X-Ray header of whoever invokes, "" for none."""


NOTHING_BESIDE = Beside()


class Kind(StrEnum):
    """How an invocation ended."""

    RESPONSE = "response"
    ERROR = "error"
    """The runtime reported an error of the handler, or its response was not acceptable."""
    INIT_ERROR = "init-error"
    """The runtime reported that it could not start."""
    TIMEOUT = "timeout"
    EXIT = "exit"
    """The runtime ended by itself."""
    MEMORY = "memory"
    """It was ended because it used more memory than the function has."""


@value
class Done:
    """The end of an invocation. `payload` is what the caller gets: the runtime's bytes, or AWS's error."""

    kind: Kind
    payload: bytes
    error_type: str = ""
    """`Runtime.ImportModuleError`, `Sandbox.Timedout` …; "" for a response."""

    @property
    def failed(self) -> bool:
        """Say whether the caller is told `FunctionError: Unhandled`."""
        return self.kind is not Kind.RESPONSE


@value
class Answer:
    """An HTTP response of the Runtime API, complete."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@value
class Begun:
    """A request whose body is a response in pieces."""

    kind: str
    """Its Content-Type."""


@value
class Wait:
    """A request that is answered later; `ticket` says which."""

    ticket: int


@value
class Reply:
    """The answer to a request that waited."""

    ticket: int
    answer: Answer
