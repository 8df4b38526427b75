"""One call of a client between its parameters and its reply, as the guards of this process are told of it.

Knows when a call is one, and when it came to nothing. Does not know where in botocore it is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError

from valve_aws.hook.evidence import Place, asked_at
from valve_aws.hook.presigning import Made

REFUSED = "valve_refused"
"""The attribute by which an error of ours is told from one of a service."""


class Errand(Protocol):
    """One call of one guard, between its two halves."""

    def replied(self, http: Any, parsed: Mapping[str, Any]) -> None:
        """Take what came back. Raises what the caller is to get in its place."""

    def lost(self, why: str) -> None:
        """Take that nothing came back."""

    def instead(self, body: Any) -> tuple[Any, Any] | None:
        """Return (HTTP response, parsed reply) of what is answered here, None for what is sent."""


class Guard(Protocol):
    """Who sees every call of the process."""

    def errand(
        self, client: Any, operation: Any, params: Mapping[str, Any], context: Mapping[str, Any]
    ) -> Errand:
        """Take a call in that is ready to be sent. Raises what the caller is to get when it is not."""

    def presigned(self, made: Made) -> None:
        """Take note of a link."""


@dataclass(slots=True)
class Flight:
    """One call of a client, from its parameters to its reply."""

    errands: list[Errand] = field(default_factory=list)
    http: Any = None
    begun: bool = False
    sent: bool = False
    """It is where botocore sends it; one that a stub answers never is."""
    waits: bool = False
    """Its client's methods are coroutines."""
    place: Place | None = None
    """The line that asked for it, where it is carried out later; None: now."""
    stray: bool = False
    """It came past `make_api_call`: whoever took its place calls the one that he kept from before."""

    def begin(self, client: Any, operation: Any, params: Mapping[str, Any], context: Any) -> None:
        """Show the call to every guard, in the order in which they came."""
        self.begun = True
        if self.place is None:
            self._show(client, operation, params, context)
        else:
            with asked_at(self.place):
                self._show(client, operation, params, context)

    def _show(self, client: Any, operation: Any, params: Mapping[str, Any], context: Any) -> None:
        for guard in tuple(GUARDS):
            self.errands.append(guard.errand(client, operation, params, context))

    def replied(self, parsed: Mapping[str, Any]) -> None:
        """Tell every guard what came back; the first that withholds it is who is heard."""
        withheld: BaseException | None = None
        for errand in self.errands:
            try:
                errand.replied(self.http, parsed)
            except BaseException as error:
                withheld = withheld or error
        if withheld is not None:
            raise withheld

    def answered(self, parsed: Mapping[str, Any]) -> bool:
        """Say whether an error is what came back, and not what a hook or another client raised meanwhile."""
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return self.http is not None or (status is not None and not self.sent)

    def ended(self, error: BaseException) -> None:
        """Tell every guard that the call came to an error, which may be its reply."""
        if not isinstance(error, ClientError):
            self.lost(f"{type(error).__name__}: {error}")
        elif hasattr(error, REFUSED):
            self.lost("refused before it was sent")
        elif not self.answered(error.response):
            self.lost(f"{type(error).__name__}: {error}")
        else:
            self.replied(error.response)

    def lost(self, why: str) -> None:
        """Tell every guard that nothing came back."""
        for errand in self.errands:
            errand.lost(why)


FLIGHT: ContextVar[Flight | None] = ContextVar("valve_flight", default=None)
GUARDS: list[Guard] = []
"""In the order in which they came."""


class UnderWay:
    """Lets what happens within belong to a call, and tells its guards when it comes to nothing.

    Why a class: a generator in its place takes a microsecond more, on every call.
    """

    __slots__ = ("_flight", "_token")

    def __init__(self, flight: Flight) -> None:
        self._flight = flight

    def __enter__(self) -> None:
        self._token = FLIGHT.set(self._flight)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is not None:
                self._flight.ended(error)
        finally:
            FLIGHT.reset(self._token)
