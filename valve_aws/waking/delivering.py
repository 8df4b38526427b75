"""What the platform hands on from one store or function to the next: judged by its label, sent, recorded.

Knows that such a call is nobody's in an environment, and so is judged by what it carries alone (law 11). Does
not know why anything is handed on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any

from valve_aws.course import commands as ask
from valve_aws.course.carry import cross
from valve_aws.course.drive import drive
from valve_aws.course.subject import Subject
from valve_aws.model.call import Unreadable
from valve_aws.model.cell import Cell
from valve_aws.model.invocation import NOTHING_BESIDE
from valve_aws.model.ports import Outcome
from valve_aws.model.safe import plain
from valve_aws.model.verdict import Way
from valve_aws.passage.driver import Passage, utc
from valve_aws.proxy import Target
from valve_aws.triggers.sending import Asked

ANSWER = 1 << 20
"""Bytes of an answer to one of these calls that are read."""


class Sent(Enum):
    """What became of one."""

    DONE = "done"
    FAILED = "failed"
    """The backend did not do what was asked; it may the next time."""
    REFUSED = "refused"
    """It was not asked, nor will be."""


class Delivering:
    """The deliveries of one run."""

    def __init__(self, passage: Passage, say: Callable[[str], None]) -> None:
        self._passage, self._say = passage, say

    async def send(
        self, asked: Asked, subject: Subject, own: bool = False, lowers: bool = False
    ) -> Sent:
        """Make one call with the label of `subject`. `own`: it is the outcome of that function, and so a
        write of its own; `lowers`: what it may remove is removed.

        Its record's cause is the subject's. What is refused is told to the operator alone (law 14).
        """
        passage, region = self._passage, self._passage.court.region
        call = passage.aws.own(asked.service, asked.operation, asked.params, region)
        title = f"{asked.service}:{asked.operation} for {subject.function or 'the platform'}"
        if isinstance(call, Unreadable):
            self._say(f"valve: {title} cannot be made: {plain(call.problem)}")
            return Sent.REFUSED
        if own:
            call = replace(call, held=passage.ring.found(_shown(asked)))
        sending = Sending(passage, asked.body)
        court = replace(passage.court, judge=passage.court.judge.courier(own, lowers))
        verdict = await drive(cross(court, replace(subject, outgoing={}), call), sending.act)
        if verdict.passes and sending.status >= 300:
            self._say(f"valve: {title} was answered {sending.status}: {plain(sending.said)}")
        if not verdict.passes:
            return Sent.REFUSED
        return Sent.DONE if 0 < sending.status < 300 else Sent.FAILED


class Sending:
    """One delivery under way."""

    def __init__(self, passage: Passage, body: bytes) -> None:
        self._passage, self._body = passage, body
        self.status, self.said = 0, ""

    def act(self, command: ask.Command) -> Any:
        """Answer a command, or return an awaitable of the answer."""
        match command:
            case ask.Forward():
                return self._passage.guarded(command.record, self._forward(command))
            case ask.Release() | ask.Refuse() | ask.Fail():
                return None
            case _:
                return self._passage.at_once(command)

    async def _forward(self, command: ask.Forward) -> ask.Reply:
        call, passage, aws = command.call, self._passage, self._passage.aws
        if call.service == "lambda" and passage.ours(call):
            return await self._invoked(command)
        endpoint = await passage.cloud()
        there = passage.written_for(endpoint)
        outgoing = aws.write(call, there, endpoint.credential, utc(), self._body)
        target = Target(endpoint.host, endpoint.port, endpoint.tls)
        reply = await passage.send(target, outgoing, outgoing.body)
        body = await reply.collect(ANSWER)
        self.status = reply.status
        self.said = "" if reply.status < 300 else body[:200].decode("utf-8", "replace")
        settled = aws.reply(call, reply.status, reply.headers, body)
        found = ask.Reply(
            reply.status,
            settled.outcome,
            settled.versions,
            settled.created,
            settled.removed,
            settled.seen,
            whole=True,
            body=(reply.status, reply.headers, body),
        )
        passage.happened(command, found)
        return found

    async def _invoked(self, command: ask.Forward) -> ask.Reply:
        """Leave an event for a function of ours."""
        target, payload = command.call.resources[0], bytes(command.call.params["Payload"])
        ways = tuple(Way(way.tag, Cell(target, "event"), record=command.record) for way in command.ways)
        told = (command.carries, ways, command.record, NOTHING_BESIDE)
        await self._passage.invoke(target, payload, False, *told)
        self.status = 202
        return ask.Reply(202, Outcome.DONE, whole=True, body=(202, (), b""))


def _shown(asked: Asked) -> bytes:
    """Return all that a call says, as text."""
    told = {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in asked.params.items()}
    return json.dumps(told, default=str).encode() + asked.body
