"""Where the hook is put in: methods of botocore's client class, so that clients made before are reached too.

Knows botocore's order (parameters, request, reply), and that aiobotocore's classes are children of botocore's
with coroutines for methods. Does not know what becomes of a call; its guards do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from inspect import isawaitable
from threading import Lock, RLock, Thread
from typing import Any

from botocore.client import BaseClient
from botocore.signers import RequestSigner, S3PostPresigner

from valve_aws.hook.arrival import arrived
from valve_aws.hook.caller import CALLER, Caller, call_back, calling, start, submit
from valve_aws.hook.evidence import calling_line
from valve_aws.hook.flight import FLIGHT, GUARDS, Flight, Guard, UnderWay
from valve_aws.hook.presigning import ASKED, Asked, of_form, of_url

_lock = Lock()

Original = Callable[..., Any]
"""What stood there, bound to the instance."""


HERE: frozenset[type] = frozenset({dict, str})
"""What is certainly no awaitable. Why asked first: it is what nearly every call has, and the other question
takes a microsecond."""


def make_api_call(call: Original, _: Any, operation_name: str, api_params: Any) -> Any:
    """`BaseClient._make_api_call`, with what its guards make of its reply."""
    flight = Flight()
    with UnderWay(flight):
        parsed = call(operation_name, api_params)
    if type(parsed) not in HERE and isawaitable(parsed):
        flight.waits, flight.place = True, calling_line()
        return _awaited(flight, parsed, CALLER.get())
    flight.replied(parsed)
    return parsed


async def _awaited(flight: Flight, coming: Awaitable[Any], asked: Caller | None) -> Any:
    """The same where the call is a coroutine. Who awaits it calls; where that is no handler, who asked."""
    with calling(CALLER.get() or asked):
        with UnderWay(flight):
            parsed = await coming
        flight.replied(parsed)
    return parsed


def after(value: Any, then: Callable[[Any], Any]) -> Any:
    """Return what `then` makes of a value, or a coroutine that does once the value is there."""
    return _later(value, then) if type(value) not in HERE and isawaitable(value) else then(value)


async def _later(coming: Awaitable[Any], then: Callable[[Any], Any]) -> Any:
    return then(await coming)


def convert(
    call: Original, client: Any, api_params: Any, operation_model: Any, *more: Any, **named: Any
) -> Any:
    """`BaseClient._convert_to_request_dict`; here the parameters are what is going to be sent.

    Why behind it: what botocore itself does not take is no call.
    """

    coming = call(api_params, operation_model, *more, **named)

    def ready(request: Any) -> Any:
        flight, context = FLIGHT.get(), named.get("context") or {}
        if context.get("is_presign_request"):
            ASKED.set(Asked(client, operation_model, api_params, context))
        elif flight is None or flight.stray:
            _stray(isawaitable(coming)).begin(client, operation_model, api_params, context)
        elif not flight.begun:
            flight.begin(client, operation_model, api_params, context)
        return request

    return after(coming, ready)


def _stray(waits: bool) -> Flight:
    """Return a call around which nobody stands, until `make_request` does."""
    flight = Flight(stray=True, waits=waits)
    FLIGHT.set(flight)
    return flight


def presign(
    call: Original, _: Any, request_dict: Any, operation_name: str, expires_in: int = 3600, **named: Any
) -> Any:
    """`RequestSigner.generate_presigned_url`; databases' tokens are made here too, and are no links."""
    asked = ASKED.get()
    ASKED.set(None)

    def signed(url: Any) -> Any:
        if asked is not None:
            for guard in tuple(GUARDS):
                guard.presigned(of_url(asked, request_dict, url, expires_in))
        return url

    return after(call(request_dict, operation_name, expires_in, **named), signed)


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

    def signed(form: Any) -> Any:
        if asked is not None:
            for guard in tuple(GUARDS):
                guard.presigned(of_form(asked, form["fields"], expires_in))
        return form

    return after(call(request_dict, fields, conditions, expires_in, **named), signed)


def make_request(
    call: Original, _: Any, operation_model: Any, request_dict: Any, request_context: Any
) -> Any:
    """`BaseClient._make_request`, or what answers in its place."""
    flight = FLIGHT.get()
    if flight is None:
        return call(operation_model, request_dict, request_context)
    made: Original = _made_later if flight.waits else _made
    if not flight.stray:
        return made(flight, call, operation_model, request_dict, request_context)
    if flight.waits:
        return _strayed_later(flight, made(flight, call, operation_model, request_dict, request_context))
    with UnderWay(flight):
        answer = made(flight, call, operation_model, request_dict, request_context)
    flight.replied(answer[1])
    return answer


async def _strayed_later(flight: Flight, coming: Awaitable[Any]) -> Any:
    with UnderWay(flight):
        answer = await coming
    flight.replied(answer[1])
    return answer


def _under_send(flight: Flight) -> None:
    """From here on what is called is another call, though this one is not over."""
    FLIGHT.set(None)
    flight.sent = True


def _made(flight: Flight, call: Original, operation_model: Any, request_dict: Any, context: Any) -> Any:
    _under_send(flight)
    answer = _instead(flight, request_dict) or call(operation_model, request_dict, context)
    flight.http = answer[0]
    return answer


async def _made_later(
    flight: Flight, call: Original, operation_model: Any, request_dict: Any, context: Any
) -> Any:
    _under_send(flight)
    if operation_model.name == "Invoke":
        # Why a thread: a handler that is invoked may run a loop of its own, and no loop runs in another.
        from asyncio import to_thread

        found = await to_thread(_instead, flight, request_dict)
    else:
        found = _instead(flight, request_dict)
    if found is None:
        found = await call(operation_model, request_dict, context)
        flight.http = await arrived(found[0], operation_model)
    else:
        flight.http = found[0]
    return found


def _instead(flight: Flight, request_dict: Any) -> tuple[Any, Any] | None:
    for errand in flight.errands:
        if (answer := errand.instead(request_dict.get("body"))) is not None:
            return answer
    return None


SEAMS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (BaseClient, "_make_api_call", make_api_call),
    (BaseClient, "_convert_to_request_dict", convert),
    (BaseClient, "_make_request", make_request),
    (RequestSigner, "generate_presigned_url", presign),
    (S3PostPresigner, "generate_presigned_post", presign_form),
    (Thread, "start", start),
    (ThreadPoolExecutor, "submit", submit),
    (Future, "add_done_callback", call_back),
)

PARENTS = (BaseClient, RequestSigner, S3PostPresigner)
"""Whose children may have methods of their own in the place of these, as aiobotocore's do."""

BORN = "__init_subclass__"


class Seam:
    """Ours in the place of what stood there, once."""

    def __init__(self) -> None:
        self.open = True
        self._were: dict[tuple[type, str], tuple[Any, Any]] = {}
        self._lock = RLock()
        """Invariant: no class is missed that is made while this is put in, and none stays when it goes."""
        with self._lock:
            try:
                self._put_all()
            except BaseException:
                self.close()  # Why: a botocore without one of these methods is left as it was
                raise

    def _put_all(self) -> None:
        for parent in PARENTS:
            self._put(parent, BORN, self._watching(parent))
        for owner, name, ours in SEAMS:
            self._put(owner, name, self._bound(owner.__dict__[name], ours))
        for parent in PARENTS:
            for child in _descendants(parent):
                self._take(child)

    def _put(self, owner: type, name: str, put: Any) -> None:
        self._were[owner, name] = owner.__dict__.get(name), put
        setattr(owner, name, put)

    def _take(self, child: type) -> None:
        """Put ours into a class that has methods of its own in the place of its parent's."""
        for owner, name, ours in SEAMS:
            was = child.__dict__.get(name)
            if was is not None and issubclass(child, owner) and (child, name) not in self._were:
                self._put(child, name, self._bound(was, ours))

    def _watching(self, parent: Any) -> Any:
        """Return what a class calls when it is made of `parent`: nothing needs to be imported, and none that
        is imported later is missed."""
        was = parent.__dict__.get(BORN)

        def born(child: Any, /, **named: Any) -> None:
            told = was.__get__(None, child) if was is not None else super(parent, child).__init_subclass__
            told(**named)
            with self._lock:
                if self.open:
                    self._take(child)

        return classmethod(born)

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
        with self._lock:
            self.open = False
            for (owner, name), (was, put) in self._were.items():
                if owner.__dict__.get(name) is not put:
                    continue
                if was is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, was)


def _descendants(parent: type) -> Iterator[type]:
    child: type
    for child in parent.__subclasses__():
        yield child
        yield from _descendants(child)


_seam: list[Seam] = []


def put_in(guard: Guard) -> None:
    """Let a guard see every call from now on."""
    with _lock:
        if not GUARDS:
            _seam.append(Seam())
        GUARDS.append(guard)


def take_out(guard: Guard) -> None:
    """Undo `put_in`; with the last guard everything is as it was."""
    with _lock:
        GUARDS.remove(guard)
        if not GUARDS:
            _seam.pop().close()
