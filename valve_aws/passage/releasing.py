"""The links of one crossing that may leave: pinned to what is there now, and signed anew for the backend.

Knows how the backend is asked and what took a link's place. Decides nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from valve_aws.aws import Anew
from valve_aws.course import commands as ask
from valve_aws.course.drive import drive
from valve_aws.course.release import result
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Link
from valve_aws.passage.driver import Passage, utc
from valve_aws.proxy import Target

READS = frozenset({"GetObject", "HeadObject"})


async def released(passage: Passage, subject: Subject, payload: bytes) -> tuple[str, bytes | None]:
    """Judge an invocation's result; return the record's id with what may be returned, None for nothing."""
    letter, releasing = passage.aws.opened(payload), Releasing(passage)
    passage.sighted(subject, "Result", payload)
    course = result(passage.court, subject, letter.held, letter.links)
    ident, verdict = await drive(course, releasing.act)
    return ident, letter.sealed(releasing.anew) if verdict.passes else None


class Releasing:
    """What takes the places of one crossing's links."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._signed: dict[str, Anew] = {}
        self.anew: dict[str, Anew] = {}
        """By a link's text: what goes in its place."""

    def act(self, command: ask.Command) -> Any:
        """Answer a command, or return an awaitable of the answer."""
        match command:
            case ask.Pin(link):
                return self._pin(link)
            case ask.Sign(link, seconds, version):
                return self._sign(link, seconds, version)
            case ask.Replace(link):
                self.anew[link.text] = self._signed[link.text]
                return None
            case _:
                return self._passage.at_once(command)

    async def _pin(self, link: Link) -> ask.Pinned:
        """Ask the backend which version a link reads now; it may not be there yet."""
        call = link.call
        if call.operation not in READS:
            return ask.Pinned()
        if named := str(call.params.get("VersionId") or ""):
            return ask.Pinned(named)
        try:
            status, headers = await self._asked(replace(call, operation="HeadObject", params=_named(call)))
        except ask.Lost:
            return ask.Pinned()
        found = self._passage.aws.reply(call, status, headers, None)
        version = dict(headers).get("x-amz-version-id", "")
        return ask.Pinned("" if status != 200 or version == "null" else version, found.seen)

    async def _asked(self, call: Call) -> tuple[int, tuple[tuple[str, str], ...]]:
        passage = self._passage
        endpoint = await passage.cloud()
        outgoing = passage.aws.write(call, passage.written_for(endpoint), endpoint.credential, utc())
        target = Target(endpoint.host, endpoint.port, endpoint.tls)
        reply = await passage.send(target, outgoing, outgoing.body)
        reply.close()
        return reply.status, reply.headers

    async def _sign(self, link: Link, seconds: int, version: str) -> None:
        passage = self._passage
        endpoint = await passage.cloud()
        self._signed[link.text] = passage.aws.anew(
            link, passage.written_for(endpoint), endpoint.credential, utc(), seconds, version
        )


def _named(call: Call) -> dict[str, Any]:
    return {name: call.params[name] for name in ("Bucket", "Key")}
