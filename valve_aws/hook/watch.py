"""A cooperative guard at work: every call of the process taken in, in the name of whoever makes it.

Knows who calls and which course is gone. Does not know what a call means, nor what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any

from botocore import UNSIGNED

from valve_aws.course import commands as ask
from valve_aws.course.carry import cross, turn_away, wave_through
from valve_aws.course.clerk import Clerk
from valve_aws.course.court import Court
from valve_aws.course.subject import Subject
from valve_aws.hook.caller import CALLER, Caller
from valve_aws.hook.errand import Answered, Errand, Spoken, Wire
from valve_aws.hook.evidence import Place, calling_line
from valve_aws.hook.halves import AT_ONCE, Halves
from valve_aws.hook.presigning import Made
from valve_aws.model.call import Call, Effect, Evidence, Unreadable
from valve_aws.model.verdict import Mode, Verdict

OPERATOR = "operator"
"""Who calls when no handler does: the test's own body."""

Invoke = Callable[[Call, ask.Forward, Any], Answered | None]

Look = Callable[[str, Call | Unreadable | str, Any, str], None]
"""Looks for decoys: (function, call or `Result`, its parameters or value, its record). It changes nothing."""


@dataclass(slots=True)
class Watch:
    """One guard, once it is on."""

    court: Court
    """For handlers."""
    operators: Court
    """For everybody else: it refuses nothing."""
    clerk: Clerk
    wire: Wire
    quote: Callable[[str, int], Evidence]
    """(file, line) → that line as people find it."""
    invoke: Invoke = lambda *_: None
    look: Look | None = None
    lock: Any = field(default_factory=RLock)
    """Invariant: one course moves at a time. What stands between two commands is atomic, whatever threads
    there are."""
    _under_way: dict[str, Halves] = field(default_factory=dict)

    def errand(
        self, client: Any, operation: Any, params: Mapping[str, Any], context: Mapping[str, Any]
    ) -> Errand:
        """See `seam.Guard`."""
        caller = self._caller()
        said = spoken(client, operation, params, context, self._evidence(caller.place if caller else None))
        with self.lock:
            call = self.wire.given(said)
            course = self._recorded(call) if caller is None else self._judged(caller.subject, call)
            halves = Halves(course, self._act)
            errand = Errand(self, client, operation, said, call, halves)
            halves.begin()
            if halves.sending is not None:
                self._under_way[halves.sending.record] = halves
            if self.look is not None and caller is not None:
                decided = halves.sending or halves.refused
                self.look(caller.subject.function, call, params, decided.record if decided else "")
        if halves.refused is not None:
            raise errand.refusal(halves.refused.record)
        return errand

    def presigned(self, made: Made) -> None:
        """See `seam.Guard`; what the operator makes is his own."""
        caller, asked = self._caller(), made.asked
        if caller is not None and self.court.mode is not Mode.OFF:
            said = spoken(asked.client, asked.operation, asked.params, asked.context, Evidence())
            with self.lock:
                self.wire.presigned(said, made, caller.subject.function, caller.subject.environment)

    def _caller(self) -> Caller | None:
        """Return who calls, as far as this guard was told; None: the operator."""
        caller = CALLER.get()
        return caller if caller is not None and caller.guard is self else None

    def landed(self, record: str) -> None:
        """See `errand.Watcher`."""
        self._under_way.pop(record, None)

    def _judged(self, subject: Subject, call: Call | Unreadable) -> ask.Course[Verdict]:
        if isinstance(call, Unreadable):
            return turn_away(self.court, subject, call)
        return cross(self.court, subject, call)

    def _recorded(self, call: Call | Unreadable) -> ask.Course[Verdict]:
        """Take an operator's call through; he leaves nothing behind that the next one would carry."""
        operator = Subject("", OPERATOR)
        if isinstance(call, Unreadable):
            return _unread(self.operators, operator, call)
        return cross(self.operators, operator, replace(call, links=()) if call.links else call)

    def _evidence(self, otherwise: Place | None) -> Evidence:
        place = calling_line() or otherwise
        return self.quote(*place) if place else Evidence()

    def at_once(self, command: ask.Command) -> Any:
        """Carry out a command of a course that sends nothing."""
        kind = type(command)
        return AT_ONCE[kind] if kind in AT_ONCE else self._act(command)

    def _act(self, command: ask.Command) -> Any:
        if isinstance(command, ask.Cut):
            if (halves := self._under_way.get(command.record)) is not None:
                halves.cut = True
            return None
        return self.clerk.at_once(command)


def _unread(court: Court, subject: Subject, unreadable: Unreadable) -> ask.Course[Verdict]:
    """Let an operator's call pass that cannot be read with certainty: what it writes is not recognised."""
    ident, time = yield ask.Begin()
    call = Call(unreadable.service, unreadable.operation, court.region, (), Effect(), known=False)
    return (yield from wave_through(court, subject, call, ident, time))


def spoken(
    client: Any, operation: Any, params: Mapping[str, Any], context: Mapping[str, Any], evidence: Evidence
) -> Spoken:
    """Return what a client is about to ask; `operation` and `context` are botocore's own."""
    model = operation.service_model
    signing = context.get("signing") or {}
    unsigned = client.meta.config.signature_version is UNSIGNED or context.get("auth_type") == "none"
    return Spoken(
        model.service_name,
        operation.name,
        params,
        signing.get("region") or client.meta.region_name or "",
        client.meta.partition or "aws",
        getattr(model, "resolved_protocol", "") or model.protocol,
        not unsigned,
        evidence,
    )
