"""One call of a client for one guard: taken in, answered or not, and what its caller is told.

Knows how botocore words a refusal. Does not know whether there is to be one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.awsrequest import AWSResponse

from valve_aws.course import commands as ask
from valve_aws.hook.arrival import Held, parsed
from valve_aws.hook.flight import REFUSED
from valve_aws.hook.halves import Halves
from valve_aws.hook.presigning import Made
from valve_aws.model.call import Call, Evidence, Link, Unreadable
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import Outcome, Tables
from valve_aws.model.verdict import Way


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a client is about to ask, in botocore's words."""

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    partition: str
    protocol: str
    signed: bool
    evidence: Evidence = Evidence()


Written = tuple[int, Sequence[tuple[str, str]], bytes]
"""Status, headers, body."""


class Wire(Protocol):
    """`aws/`, as the hook needs it."""

    @property
    def tables(self) -> Tables:
        """Return how tables tell their items apart: the template's, and those that were seen to be made."""

    def given(self, spoken: Spoken) -> Call | Unreadable:
        """Understand it, with the links that stand in it. Never raises."""

    def presigned(self, spoken: Spoken, made: Made, function: str, environment: str) -> None:
        """Keep a link, to know it again."""

    def links(self, value: Any) -> tuple[Link, ...]:
        """Return the links that stand in a value, as text."""

    def reply(self, call: Call, http: Any, parsed: Mapping[str, Any]) -> ask.Reply:
        """Return what came back; `http` None: nothing was sent, a stub answered with `parsed`."""

    def refusal(self, spoken: Spoken, ident: str, answer: tuple[str, str]) -> Written:
        """Return the refusal that this client understands; `answer` is the service's own, if it has one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a handler of this process came to, for whoever invoked it."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    label: Label = CLEAN
    ways: tuple[Way, ...] = ()


class Watcher(Protocol):
    """What an errand needs of its guard."""

    wire: Wire
    lock: Any

    def invoke(self, call: Call, sending: ask.Forward, body: Any) -> Answered | None:
        """Run a handler of this process; None when the call is for none. `body` is botocore's."""

    def landed(self, record: str) -> None:
        """A call is under way no more."""


class Errand:
    """See the module."""

    __slots__ = ("_call", "_client", "_halves", "_invoked", "_operation", "_spoken", "_watcher")

    def __init__(
        self,
        watcher: Watcher,
        client: Any,
        operation: Any,
        spoken: Spoken,
        call: Call | Unreadable,
        halves: Halves,
    ) -> None:
        self._watcher, self._client, self._operation = watcher, client, operation
        self._spoken, self._call, self._halves = spoken, call, halves
        self._invoked: Answered | None = None

    def instead(self, body: Any) -> tuple[Any, Any] | None:
        """See `seam.Errand`."""
        sending = self._halves.sending
        if sending is None:
            return None
        if self._halves.cut:
            raise self.refusal(sending.record)
        self._invoked = self._watcher.invoke(sending.call, sending, body)
        if self._invoked is None:
            return None
        return self._parsed(self._invoked.status, self._invoked.headers, self._invoked.body)

    def replied(self, http: Any, parsed: Mapping[str, Any]) -> None:
        """See `seam.Errand`."""
        halves = self._halves
        sending = halves.sending
        if sending is None:
            return
        with self._watcher.lock:
            self._watcher.landed(sending.record)
            if halves.cut:
                halves.lost(Outcome.UNKNOWN, "the environment's label rose while it was under way")
                raise self.refusal(sending.record)
            reply = self._watcher.wire.reply(sending.call, http, parsed)
            if (invoked := self._invoked) is not None:
                reply = ask.Reply(reply.status, Outcome.DONE, carries=invoked.label, ways=invoked.ways)
            halves.reply(reply)
        if halves.refused is not None:
            raise self.refusal(halves.refused.record)

    def lost(self, why: str) -> None:
        """See `seam.Errand`."""
        if (sending := self._halves.sending) is not None:
            with self._watcher.lock:
                self._watcher.landed(sending.record)
                self._halves.lost(Outcome.UNKNOWN, why)

    def refusal(self, ident: str) -> Exception:
        """Return the error that the client's user is to get: read from a reply as its service would write
        it."""
        answer = self._call.answer if isinstance(self._call, Unreadable) else ("", "")
        status, headers, body = self._watcher.wire.refusal(self._spoken, ident, answer)
        _, read = self._parsed(status, headers, body)
        kind = self._client.exceptions.from_code(read.get("Error", {}).get("Code"))
        error: Exception = kind(read, self._operation.name)
        setattr(error, REFUSED, ident)
        return error

    def _parsed(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[Any, Any]:
        """Return (HTTP response, parsed reply) of an answer that came over no wire."""
        http = AWSResponse("", status, dict(headers), Held(body))
        read = parsed(self._client._response_parser, http, body, self._operation)
        read["ResponseMetadata"]["RetryAttempts"] = 0
        return http, read


def content(body: Any) -> bytes:
    """Return a request's body, which nobody else is going to read."""
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")
