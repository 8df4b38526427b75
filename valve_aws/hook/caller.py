"""Who is calling, as it was said: the invocation whose handler runs, on whatever thread or task of its.

Knows how that follows the work. Does not know what is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

from valve_aws.course.subject import Subject
from valve_aws.hook.evidence import Place, calling_line


@dataclass(frozen=True, slots=True)
class Caller:
    """An invocation, and the guard that was told of it."""

    guard: object
    subject: Subject
    place: Place | None = None
    """The line of source that handed the work over, for what is done where none is."""


CALLER: ContextVar[Caller | None] = ContextVar("valve_caller", default=None)
"""None: the operator, who is whoever no handler was named for."""


@contextmanager
def calling(caller: Caller | None) -> Iterator[None]:
    """Let what happens within be done by `caller`; None: the operator."""
    token = CALLER.set(caller)
    try:
        yield
    finally:
        CALLER.reset(token)


def handed(caller: Caller | None) -> Caller | None:
    """Return a caller with the line that hands his work over; s3transfer's own threads do so in turn."""
    place = calling_line() if caller is not None else None
    return replace(caller, place=place) if caller is not None and place is not None else caller


def start(call: Callable[[], None], thread: Thread) -> None:
    """`Thread.start`, in the name of whoever starts it (s3transfer's threads are a handler's own)."""
    caller = handed(CALLER.get())
    if caller is not None:
        run = thread.run

        def within() -> None:
            with calling(caller):
                run()

        thread.run = within  # type: ignore[method-assign]  # this one thread's, before it begins
    call()


def submit(
    call: Callable[..., Future[Any]],
    _: ThreadPoolExecutor,
    function: Callable[..., Any],
    /,
    *given: Any,
    **named: Any,
) -> Future[Any]:
    """`ThreadPoolExecutor.submit`, in the name of whoever hands the work over: its threads may be older."""
    caller = handed(CALLER.get())

    def within() -> Any:
        token = CALLER.set(caller)
        try:
            return function(*given, **named)
        finally:
            CALLER.reset(token)

    return call(within)


def call_back(call: Callable[..., None], _: Future[Any], fn: Callable[[Future[Any]], Any]) -> None:
    """`Future.add_done_callback`, in the name of whoever adds it: any thread may be the one that calls it."""
    caller = handed(CALLER.get())

    def within(future: Future[Any]) -> None:
        with calling(caller):
            fn(future)

    call(within)
