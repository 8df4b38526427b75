"""Functions of the template, as a test invokes them.

Knows how an invocation is told to a test. Does not know how it is run or judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from valve_aws.model.label import Label, join
from valve_aws.model.record import Record
from valve_aws.model.safe import plain
from valve_aws.report.flows import Flows, action, is_call
from valve_aws.report.refusal import headline


@dataclass(frozen=True, slots=True)
class Told:
    """One crossing of an invocation, and what the guard said of it."""

    call: str
    """`sqs:SendMessage Jobs`, `POST https://…`."""
    verdict: str
    """`allow`, `refuse`; `would refuse` in audit."""
    labels: Label
    """The tags that it took along, or would have."""
    reason: str
    """The first reason, in words; "" for one that needed none."""
    where: str
    """`src/app.py:12`, as the function's own SDK says; "" when it does not."""
    record: Record


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one event came to."""

    result: Any
    """The function's result; None when it failed or the result was refused."""
    error: dict[str, Any] | None
    """`errorType`, `errorMessage` and the like; None when all went well."""
    logs: tuple[str, ...]
    """The lines that it wrote."""
    labels: Label
    """All that the environment had learned by its end."""
    verdicts: tuple[Told, ...]
    """Every crossing, in order: the event, calls, log lines that were judged, the result."""

    @property
    def calls(self) -> tuple[str, ...]:
        """Return what the function asked for, in order, refused or not: `dynamodb:GetItem`, a host."""
        return tuple(action(told.record) for told in self.verdicts if is_call(told.record))

    @property
    def refused(self) -> tuple[Told, ...]:
        """Return what was stopped."""
        return tuple(told for told in self.verdicts if told.verdict == "refuse")


Invoke = Callable[[str, bytes, str], tuple[bytes, bool, str, list[Record]]]
"""(function, payload, event source) → (payload, failed, invocation, records of it)."""


class Function:
    """One function of the template, enforced: in its sandbox."""

    def __init__(
        self, logical: str, invoke: Invoke, flows: Flows, logs: Callable[[str], tuple[str, ...]]
    ) -> None:
        self.logical, self._invoke, self._flows, self._logs = logical, invoke, flows, logs

    def invoke(self, event: Any = None, *, event_source: str = "") -> Invocation:
        """Invoke it with an event (what JSON can say; bytes are taken as they are), and let everything that
        it wakes come to its end.

        `event_source` says which trigger the event came from, `Function.Event`: then its labels apply.
        """
        __tracebackhide__ = True
        payload = event if isinstance(event, bytes) else json.dumps({} if event is None else event).encode()
        answer, failed, invocation, records = self._invoke(self.logical, payload, event_source)
        told = _parsed(answer)
        error = told if failed and isinstance(told, dict) else {"errorMessage": told} if failed else None
        return Invocation(
            None if failed else told,
            error,
            self._logs(invocation),
            join(*(record.label for record in records)),
            tuple(self._told(record) for record in records),
        )

    def _told(self, record: Record) -> Told:
        against = record.verdict == "refuse"
        place = f"{plain(record.evidence.file)}:{record.evidence.line}" if record.evidence.file else ""
        return Told(
            headline(record, self._flows.title),
            record.verdict if not against or record.stopped else "would refuse",
            join(record.writes, *(reason.excess for reason in record.reasons if against)),
            plain(record.reasons[0].text) if record.reasons else "",
            place,
            record,
        )


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")


class Lambdas:
    """`valve_lambda("Worker")`."""

    def __init__(self, make: Callable[[str], Function]) -> None:
        self._make = make

    def __call__(self, function: str) -> Function:
        """Return a function by its logical id, name or ARN; "" is the template's only one."""
        __tracebackhide__ = True
        return self._make(function)
