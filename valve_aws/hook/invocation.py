"""A handler of this process as an invocation: its event admitted, its calls its own, its result judged.

Knows the order. Does not know what a handler does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from inspect import isasyncgen, isawaitable, iscoroutinefunction, isgenerator
from typing import Any

from valve_aws.course import commands as ask
from valve_aws.course.admit import admit
from valve_aws.course.carry import join
from valve_aws.course.drive import walk
from valve_aws.course.release import result
from valve_aws.course.subject import Subject
from valve_aws.hook.caller import CALLER, Caller, calling
from valve_aws.hook.watch import Watch
from valve_aws.model.label import Label
from valve_aws.model.verdict import Holding, Mode

FunctionHandler = Callable[..., Any]


class Refused(Exception):
    """Something that the guard did not let pass; `record` is the id of the refusal."""

    def __init__(self, what: str, record: str) -> None:
        self.record = record
        super().__init__(f"{what} ({record})")


class EventRefused(Refused):
    """The event carries what its function may not learn; the function did not see it."""


class ResultRefused(Refused):
    """The result carries what the caller may not get."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, and what is known of it before its function sees it."""

    content: Any
    trigger: str = ""
    """`Function.Event`, "" none that is named."""
    fields: Mapping[str, str] | None = None
    carried: Holding = Holding()
    source: str = "operator"
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Invocation:
    """Runs one function's handler under a guard."""

    on: Callable[[], Watch]
    """Return the guard; raises when it is not on."""
    function: str
    """Logical id."""
    handler: FunctionHandler
    ident: Callable[[], str]
    ended: Callable[[str, Label], None]
    """Is told what the handler knew in the end, where another handler gets it and no record says so."""

    def begin(self, event: Event) -> Subject:
        """Admit an event. Raises `EventRefused`."""
        ident = self.ident()
        subject = Subject(f"{self.function}-cooperative-{ident[:8]}", self.function, invocation=ident)
        subject.trigger, subject.fields, subject.cause = event.trigger, event.fields or {}, event.cause
        watch, begun = self.on(), []

        def act(command: ask.Command) -> Any:
            answer = watch.at_once(command)
            if isinstance(command, ask.Begin):
                begun.append(answer[0])
            return answer

        with watch.lock:
            verdict = walk(admit(watch.court, subject, event.source, event.carried), act)
        if not verdict.passes:
            raise EventRefused(f"the valve did not let the event of {self.function} in", begun[0])
        return subject

    def asker(self) -> Subject | None:
        """Return whose handler it is that calls this one itself, as a function; None: the operator does."""
        caller = CALLER.get()
        return caller.subject if caller is not None and caller.guard is self.on() else None

    def end(self, subject: Subject, value: Any, asker: Subject | None = None) -> None:
        """Judge what leaves by the invocation's end. Raises `ResultRefused`. Another handler gets it with its
        label."""
        watch = self.on()
        if watch.look is not None:
            with watch.lock:
                watch.look(self.function, "Result", value, "")
        if watch.court.mode is Mode.OFF:
            return
        with watch.lock:
            if asker is not None:
                self.ended(self.function, subject.label)
                walk(join(watch.court, asker, subject.label, tuple(subject.ways.values())), watch.at_once)
                return
            course = result(watch.court, subject, "", watch.wire.links(value))
            ident, verdict = walk(course, watch.at_once)
        if not verdict.passes:
            raise ResultRefused(f"the valve did not let the result of {self.function} out", ident)

    def run(self, event: Event, *more: Any, **named: Any) -> tuple[Any, Subject]:
        """Return what the handler returns, not judged, and who it was by then."""
        subject = self.begin(event)
        with calling(Caller(self.on(), subject)):
            try:
                return self.handler(event.content, *more, **named), subject
            except (Exception, SystemExit) as error:  # Why both: `sys.exit` ends an invocation, not a test
                raise Failed(error, subject) from error

    def call(self, event: Event, *more: Any, **named: Any) -> Any:
        """Return what the handler returns, to whoever called it."""
        asker = self.asker()
        try:
            value, subject = self.run(_handed_on(event, asker), *more, **named)
        except Failed as caught:
            failed = caught
        else:
            if isawaitable(value):
                return self._wait(subject, value, asker)
            if isgenerator(value) or isasyncgen(value):
                raise TypeError(
                    f"the handler of {self.function} is a generator: what it calls would count as the test's"
                )
            self.end(subject, value, asker)
            return value
        self.told(failed.subject, failed.error, asker)
        raise failed.error  # Why out here: its own cause and context stay as they are

    async def wait(self, event: Event, *more: Any, **named: Any) -> Any:
        """Return what a coroutine of a handler comes to, to whoever called it."""
        asker = self.asker()
        subject = self.begin(_handed_on(event, asker))
        return await self._wait(subject, self.handler(event.content, *more, **named), asker)

    async def _wait(self, subject: Subject, coming: Any, asker: Subject | None) -> Any:
        with calling(Caller(self.on(), subject)):
            try:
                value = await coming
            except (Exception, SystemExit) as error:
                self.told(subject, error, asker)
                raise
        self.end(subject, value, asker)
        return value

    def told(self, subject: Subject, error: BaseException, asker: Subject | None = None) -> None:
        """Judge an error as the result that it is. It reaches the operator all the same: his own code
        raised it, in his own process."""
        try:
            self.end(subject, error, asker)
        except ResultRefused:
            pass


def _handed_on(event: Event, asker: Subject | None) -> Event:
    """Return an event as one handler hands it to another: whatever the first knows may stand in it."""
    if asker is None:
        return event
    held = event.carried
    ways = {way.tag: way for way in (*asker.ways.values(), *held.ways)}
    carried = Holding(held.label | asker.label, held.complete, tuple(ways.values()))
    return replace(event, carried=carried, source=asker.function)


class Failed(Exception):
    """The handler raised; the error and who it was by then."""

    def __init__(self, error: BaseException, subject: Subject) -> None:
        self.error, self.subject = error, subject
        super().__init__(str(error))


def wrapped(invocation: Invocation, event: Callable[[Any], Event]) -> Any:
    """Return a handler that runs under its guard, which is to be on when it is called."""
    handler = invocation.handler
    if iscoroutinefunction(handler):

        @wraps(handler)
        async def later(content: Any, *more: Any, **named: Any) -> Any:
            return await invocation.wait(event(content), *more, **named)

        return later

    @wraps(handler)
    def now(content: Any, *more: Any, **named: Any) -> Any:
        return invocation.call(event(content), *more, **named)

    return now


def payload(value: Any) -> bytes:
    """Return a result as the bytes that an invoker gets."""
    return json.dumps(value, separators=(",", ":")).encode()
