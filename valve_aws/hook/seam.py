"""Where the hook is put in: methods of botocore's client class, so that clients made before are reached too.

Knows botocore's order: parameters, request, reply. Does not know what becomes of a call; its guards do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock, Thread
from typing import Any, Protocol

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.signers import RequestSigner, S3PostPresigner

from valve_aws.hook.caller import start, submit
from valve_aws.hook.presigning import ASKED, Asked, Made, of_form, of_url


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

    def begin(self, client: Any, operation: Any, params: Mapping[str, Any], context: Any) -> None:
        """Show the call to every guard, in the order in which they came."""
        self.begun = True
        for guard in tuple(_guards):
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

    def lost(self, why: str) -> None:
        """Tell every guard that nothing came back."""
        for errand in self.errands:
            errand.lost(why)


_FLIGHT: ContextVar[Flight | None] = ContextVar("valve_flight", default=None)
_guards: list[Guard] = []
_lock = Lock()

REFUSED = "valve_refused"
"""The attribute by which an error of ours is told from one of a service."""

Original = Callable[..., Any]
"""What stood there, bound to the instance."""


def make_api_call(call: Original, _: Any, operation_name: str, api_params: Any) -> Any:
    """`BaseClient._make_api_call`, with what its guards make of its reply."""
    flight = Flight()
    token = _FLIGHT.set(flight)
    try:
        parsed = call(operation_name, api_params)
    except ClientError as error:
        if hasattr(error, REFUSED):
            flight.lost("refused before it was sent")
        else:
            flight.replied(error.response)
        raise
    except BaseException as error:
        flight.lost(f"{type(error).__name__}: {error}")
        raise
    finally:
        _FLIGHT.reset(token)
    flight.replied(parsed)
    return parsed


def convert(
    call: Original, client: Any, api_params: Any, operation_model: Any, *more: Any, **named: Any
) -> Any:
    """`BaseClient._convert_to_request_dict`; here the parameters are what is going to be sent.

    Why behind it: what botocore itself does not take is no call.
    """
    request = call(api_params, operation_model, *more, **named)
    flight, context = _FLIGHT.get(), named.get("context") or {}
    if context.get("is_presign_request"):
        ASKED.set(Asked(client, operation_model, api_params, context))
    elif flight is not None and not flight.begun:
        flight.begin(client, operation_model, api_params, context)
    return request


def presign(
    call: Original, _: Any, request_dict: Any, operation_name: str, expires_in: int = 3600, **named: Any
) -> Any:
    """`RequestSigner.generate_presigned_url`; databases' tokens are made here too, and are no links."""
    asked = ASKED.get()
    ASKED.set(None)
    url = call(request_dict, operation_name, expires_in, **named)
    if asked is not None:
        for guard in tuple(_guards):
            guard.presigned(of_url(asked, request_dict, url, expires_in))
    return url


def presign_form(
    call: Original,
    _: Any,
    request_dict: Any,
    fields: Any = None,
    conditions: Any = None,
    expires_in: int = 3600,
    **named: Any,
) -> Any:
    """`S3PostPresigner.generate_presigned_post`."""
    asked = ASKED.get()
    ASKED.set(None)
    form = call(request_dict, fields, conditions, expires_in, **named)
    if asked is not None:
        for guard in tuple(_guards):
            guard.presigned(of_form(asked, form["fields"], expires_in))
    return form


def make_request(
    call: Original, _: Any, operation_model: Any, request_dict: Any, request_context: Any
) -> Any:
    """`BaseClient._make_request`, or what answers in its place."""
    flight = _FLIGHT.get()
    if flight is None:
        return call(operation_model, request_dict, request_context)
    for errand in flight.errands:
        if (answer := errand.instead(request_dict.get("body"))) is not None:
            flight.http = answer[0]
            return answer
    answer = call(operation_model, request_dict, request_context)
    flight.http = answer[0]
    return answer


SEAMS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (BaseClient, "_make_api_call", make_api_call),
    (BaseClient, "_convert_to_request_dict", convert),
    (BaseClient, "_make_request", make_request),
    (RequestSigner, "generate_presigned_url", presign),
    (S3PostPresigner, "generate_presigned_post", presign_form),
    (Thread, "start", start),
    (ThreadPoolExecutor, "submit", submit),
)


class Seam:
    """Ours in the place of what stood there, once."""

    def __init__(self) -> None:
        self.open = True
        self._were: list[tuple[type, str, Any, Any]] = []
        for owner, name, ours in SEAMS:
            was = owner.__dict__[name]
            put = self._bound(was, ours)
            self._were.append((owner, name, was, put))
            setattr(owner, name, put)

    def _bound(self, was: Any, ours: Callable[..., Any]) -> Original:
        @wraps(was)
        def put(instance: Any, /, *given: Any, **named: Any) -> Any:
            # Why bound as Python would: what tracers put there tells by it whose method it is.
            call = was.__get__(instance, type(instance))
            return ours(call, instance, *given, **named) if self.open else call(*given, **named)

        return put

    def close(self) -> None:
        """Put back what stood there. Where somebody has put his own over ours meanwhile his stays, and ours
        beneath it does nothing any more."""
        self.open = False
        for owner, name, was, put in self._were:
            if owner.__dict__[name] is put:
                setattr(owner, name, was)


_seam: list[Seam] = []


def put_in(guard: Guard) -> None:
    """Let a guard see every call from now on."""
    with _lock:
        if not _guards:
            _seam.append(Seam())
        _guards.append(guard)


def take_out(guard: Guard) -> None:
    """Undo `put_in`; with the last guard everything is as it was."""
    with _lock:
        _guards.remove(guard)
        if not _guards:
            _seam.pop().close()
