"""One crossing of one HTTP request: the commands that wait for somebody.

Knows the request, the reply and how one is made of the other. Does not know in which order they are asked
for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from valve_aws.aws import Length, Letter, Payload, Unclear, Unwritable, bodies, leaving
from valve_aws.course import commands as ask
from valve_aws.course.carry import carry, cross, turn_away
from valve_aws.course.drive import drive
from valve_aws.course.subject import Subject
from valve_aws.course.visit import visit
from valve_aws.model.call import UNREAD, Call, Head, Key, Unreadable
from valve_aws.model.ports import Outcome
from valve_aws.model.spellings import WIDTH
from valve_aws.model.verdict import Mode
from valve_aws.passage import calling
from valve_aws.passage.driver import BODY, Passage, utc
from valve_aws.passage.introducing import introduced
from valve_aws.passage.releasing import Releasing
from valve_aws.proxy import Exchange, Gone, Malformed, Reply, Target, Unreachable

if TYPE_CHECKING:
    from valve_aws.canary import Place

OURS = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "host",
    "expect",
    "x-valve-source",
    "x-valve-refused",
}
"""Headers of one hop (RFC 9110 §7.6.1), and what is ours to write."""

ELSEWHERE = {"x-original-url", "x-original-uri", "x-rewrite-url", "x-override-url", "x-http-destinationurl"}
"""Headers by which some servers take another path than the one that was asked for, and judged."""

LETTER = 1 << 20
"""Bytes of a body to another host that is held to look for links in it; in a longer one none is let go."""

SMALL = 64 << 10
"""Bytes of a body that is taken whole rather than piece by piece, either way: it is here in one read, each
iterator that it does not pass costs 10 µs of the millisecond that a guarded call may add, and what goes wrong
with an upload is known before any of it is sent."""

DECODED = "x-amz-decoded-content-length"
"""How many bytes of content an upload has that the SDKs send in chunks (S3 API Reference, PutObject)."""

LACKING = 501
"""What LocalStack answers to what it does not have: a service that is not enabled, an operation (RFC 9110
§15.6.2)."""

SETTLING = 8 << 20
"""Bytes of a reply that is read whole before it is released; AWS's own limits on such replies are below
that."""


async def request(passage: Passage, subject: Subject, key: Key, exchange: Exchange) -> None:
    """Take one HTTP request of an environment through.

    Budget: less than 1 ms at the median over the same call without a valve (docs/BENCHMARKS.md).
    """
    head = exchange.head
    if passage.aws.is_aws(head):
        await asked_of_aws(passage, subject, key, exchange)
        return
    crossing = Crossing(passage, subject, exchange)
    evidence = passage.evidence(subject, head)
    if astray := ELSEWHERE & {name for name, _ in head.headers}:
        unread = Unreadable(f"its header `{min(astray)}` names another path than the one that is asked for")
        crossing.sighted(unread)
        await drive(turn_away(passage.court, subject, unread), crossing.act)
        return
    path = head.target.partition("?")[0]
    call = replace(
        visit(head.origin.scheme, head.host, passage.port(head), path, evidence), stated=leaving.stated(head)
    )
    if held := passage.ring.found(leaving.head_of(head)):
        call = replace(call, held=held)
    crossing.sighted(call)
    call = await crossing.opened(call)
    await drive(cross(passage.court, subject, call), crossing.act)


async def asked_of_aws(
    passage: Passage,
    subject: Subject,
    key: Key,
    exchange: Exchange,
    kind: Callable[[Passage, Subject, Exchange], Crossing] | None = None,
) -> None:
    """Take a request through that is meant for AWS, whoever signed it. `kind` is what carries it out, where
    that is more than a crossing."""
    head = exchange.head
    crossing, evidence = (kind or Crossing)(passage, subject, exchange), passage.evidence(subject, head)
    exchange.invite(DECODED)
    key = passage.ring.signer(head, key)

    def read(body: bytes | None) -> Call | Unreadable:
        return crossing.understood(passage.aws.read(head, body, key, evidence), body)

    await drive(carry(passage.court, subject, passage.aws.peek(head), read), crossing.act)


async def malformed(passage: Passage, subject: Subject, problem: str) -> None:
    """Leave a trace of what could not even be read as a request; it was answered already."""

    def act(command: ask.Command) -> Any:
        return None if isinstance(command, ask.Refuse) else passage.at_once(command)

    await drive(turn_away(passage.court, subject, Unreadable(problem)), act)


class Crossing:
    """One HTTP exchange of one environment."""

    def __init__(self, passage: Passage, subject: Subject, exchange: Exchange) -> None:
        self._passage, self._subject, self._exchange = passage, subject, exchange
        self._body: bytes | None = None
        self._unclear = False
        self._declined = ("", "")
        self._releasing = Releasing(passage)
        self._letter: Letter | None = None
        """The body of a request to another host, where links may be in it."""
        self._told: list[str] = []
        """Credentials that stood in what was let go."""
        self._place: Place | None = None
        """Where a decoy is seen that stands in this; None where none is looked for."""

    def understood(self, call: Call | Unreadable, body: bytes | None) -> Call | Unreadable:
        """Keep what was read."""
        self._body = body
        if isinstance(call, Unreadable):
            self._declined = call.answer
        self.sighted(call)
        if body:
            self.sighted(call, body)
        return call

    def sighted(self, call: Call | Unreadable, body: bytes | None = None) -> None:
        """Look for decoys in what is here of a request: whether it leaves is not asked."""
        if (lookout := self._passage.lookout) is None:
            return
        self._place = self._place or lookout.place(self._subject.function, call)
        if body is None:
            lookout.head(self._place, self._exchange.head)
        else:
            lookout.look(self._place, BODY, body)

    async def opened(self, call: Call) -> Call:
        """Return a request to another host with the links in its body, and what else it says, where the
        policy asks for that: then the body is held to be written anew."""
        passage, length, judge = self._passage, self._exchange.length, self._passage.court.judge
        asked = frozenset[str]().union(*(judge.asks_body(target) for target in call.resources))
        wanted = asked or any(judge.takes_links(target) for target in call.resources)
        if not wanted or length == 0 or passage.court.mode is Mode.OFF:
            return call
        if length is None or length > LETTER:
            return replace(call, stated=(*call.stated, UNREAD)) if asked else call
        body = await self._exchange.collect(LETTER)
        self.sighted(call, body)
        self._letter = passage.aws.opened(body)
        said = bodies.said(self._exchange.head, body, asked) if asked else ()
        stated = (*call.stated, *said)
        return replace(call, held=call.held or self._letter.held, links=self._letter.links, stated=stated)

    def act(self, command: ask.Command) -> Any:
        """Answer a command, or return an awaitable of the answer."""
        deed = DEEDS.get(type(command))
        return self._passage.at_once(command) if deed is None else deed(self, command)

    def _begin(self, command: ask.Begin) -> Any:
        begun = self._passage.at_once(command)
        if self._place is not None:
            self._place.record = begun[0]
        return begun

    def _refuse_it(self, command: ask.Refuse) -> Coroutine[Any, Any, None]:
        if self._declined[0] and command.call is None:
            declined = self._passage.aws.declined(self._exchange.head, command.record, *self._declined)
            return self._answer(*declined)
        return self._refuse(command.record, command.call or self._exchange.head)

    def _fail(self, command: ask.Fail) -> Coroutine[Any, Any, None]:
        if self._unclear:
            return self._refuse(command.record, command.call)
        return self._answer(*self._passage.aws.failure(command.call, command.record))

    def _refuse(self, record: str, asked: Call | Head) -> Coroutine[Any, Any, None]:
        status, headers, body = self._passage.aws.refusal(asked, record)
        # Why: by it the shim tells our refusal from one of the service, and makes it the usual exception.
        return self._answer(status, (*headers, ("x-valve-refused", record)), body)

    async def _collect(self, limit: int) -> bytes:
        try:
            return await self._exchange.collect(limit)
        except Malformed as error:
            raise ask.Broken(str(error)) from error

    async def _forward(self, command: ask.Forward) -> ask.Reply:
        call, passage = command.call, self._passage
        asked = call.service, call.operation
        if call.service == "valve":
            return await self._visit(call)
        if call.service == "lambda" and call.operation in calling.OPERATIONS and passage.ours(call):
            return await calling.called(passage, self._exchange.head, command, self._body)
        if call.service == "lambda" and "DurableExecution" in call.operation and passage.executions:
            return await passage.executions.called(self._subject, command)
        function = passage.stack.functions.get(self._subject.function)
        if asked == ("sts", "GetCallerIdentity") and function and passage.ring.own(call.access_key):
            return introduced(function, passage.court.account, command.record)
        relay = passage.relay
        reply = await self._cloud(call, relay.marks(command) if relay else (), relay is None)
        if relay is None:
            if (told := reply.told) is None:
                passage.happened(command, reply)
                return reply

            def completed() -> ask.Reply:
                done = told()
                passage.happened(command, done)
                return done

            return replace(reply, told=completed)
        brought = relay.brought(command)
        return replace(reply, carries=brought.label, ways=brought.ways)

    async def _cloud(
        self, call: Call, marks: Sequence[tuple[str, str]] = (), later: bool = False
    ) -> ask.Reply:
        """Send an AWS call to the backend, written and signed anew; `marks` are headers that go beside it.
        With `later`, what became of it may be left to be told once it is released."""
        passage, aws = self._passage, self._passage.aws
        endpoint = await passage.cloud()
        if self._releasing.anew:
            call = aws.rewritten(call, self._releasing.anew)
        payload = aws.payload(call, passage.watch(self._told, self._place))
        length = Length(payload.length) if payload else None
        credential = passage.ring.upstream(call.access_key, endpoint.credential)
        there, whole = passage.written_for(endpoint), length or aws.content(call)
        try:
            outgoing = aws.write(call, there, credential, utc(), whole)
            outgoing = replace(outgoing, headers=(*outgoing.headers, *marks)) if marks else outgoing
        except Unwritable as unwritable:
            self._unclear = True
            raise ask.Lost(Outcome.FAILED, str(unwritable)) from unwritable
        content = await self._upload(payload) if payload else outgoing.body
        target = Target(endpoint.host, endpoint.port, endpoint.tls)
        try:
            reply = await passage.send(target, outgoing, content, length.count if length else None)
        except Unclear as unclear:
            self._unclear = True
            raise ask.Lost(Outcome.UNKNOWN, str(unclear)) from unclear
        if reply.status == LACKING:
            passage.tell(f"{call.service}:{call.operation} is not offered by the backend at {endpoint.url}")
        wanted = aws.wants_reply(call) or self._small(reply)
        body = await self._whole(reply, min(wanted, SETTLING)) if wanted else None
        try:
            answer = None if body is None else aws.answered(call, reply.status, reply.headers, body)
        except Unclear as unclear:
            self._unclear = True
            raise ask.Lost(Outcome.UNKNOWN, str(unclear)) from unclear
        here, held = body is not None or reply.length == 0, self._told[0] if self._told else ""
        found = ask.Reply(reply.status, Outcome.UNKNOWN, whole=here, held=held, body=answer or (reply, None))

        def told() -> ask.Reply:
            it = aws.reply(call, reply.status, reply.headers, body)
            became = (it.outcome, it.versions, it.created, it.removed, it.seen)
            return ask.Reply(reply.status, *became, whole=here, held=held, body=found.body)

        # Why later where that may be: the function waits for its answer, not for what we make of it.
        return replace(found, told=told) if later and here and not call.effect.reveals else told()

    async def _upload(self, payload: Payload) -> bytes | AsyncIterator[bytes]:
        """Return an upload's content: a small one whole and vouched for. Raises `Lost` when that one is not
        what it says."""
        length = self._exchange.length
        if (payload.length if length is None else length) > SMALL:
            return self._verified(payload)
        try:
            if length is None:
                ready = b"".join([payload.feed(piece) async for piece in self._exchange.stream()])
            else:
                ready = payload.feed(await self._exchange.collect(SMALL))
            return ready + payload.finish(self._exchange.trailers)
        except Unclear as unclear:
            self._unclear = True
            raise ask.Lost(Outcome.FAILED, str(unclear)) from unclear

    def _small(self, reply: Reply) -> int:
        """Return how many bytes a reply has that is better held than streamed, 0 for one that streams."""
        held = reply.length is not None and reply.length <= SMALL and self._exchange.head.method != "HEAD"
        return reply.length or 0 if held else 0

    async def _verified(self, payload: Payload) -> AsyncIterator[bytes]:
        """Give an upload's content as far as it is vouched for; its last part only when the whole is."""
        async for piece in self._exchange.stream():
            if ready := payload.feed(piece):
                yield ready
        if rest := payload.finish(self._exchange.trailers):
            yield rest

    async def _whole(self, reply: Reply, limit: int) -> bytes:
        try:
            return await reply.collect(limit)
        except (Unreachable, Malformed) as error:
            raise ask.Lost(Outcome.UNKNOWN, str(error)) from error

    async def _visit(self, call: Call) -> ask.Reply:
        """Send a request to another host; only its head is written anew, its content goes as it is."""
        head, exchange = self._exchange.head, self._exchange
        parts = urlsplit(call.resources[0])
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = parts.hostname or head.host
        told = self._passage.placed(name, port)
        host, at = await self._passage.place(name, port)
        named = {n.strip().lower() for n in (head.header("connection") or "").split(",")}
        headers = [("host", parts.netloc)] + [
            (n, v) for n, v in head.headers if n not in OURS and n not in named
        ]
        outgoing = Plain(head.method, head.target, headers)
        length = exchange.length
        content: bytes | AsyncIterator[bytes] | None = self._watched() if length != 0 else None
        if self._letter is not None:
            content = self._letter.sealed(self._releasing.anew)
            length = len(content)
        # Why no TLS to a stand-in: `--resolve` names a stub, which has no certificate for the name.
        target = Target(host, at, parts.scheme == "https" and told is None, name)
        reply = await self._passage.send(target, outgoing, content, length, tries=())
        done = Outcome.DONE if reply.status < 500 else Outcome.UNKNOWN
        return ask.Reply(
            reply.status, done, held=self._told[0] if self._told else "", body=(reply, None)
        )

    async def _watched(self) -> AsyncIterator[bytes]:
        """Give a body as it came, its end a little late: a credential is seen before all of it is gone."""
        watch, late = self._passage.watch(self._told, self._place), b""
        async for piece in self._exchange.stream():
            watch(piece)
            late += piece
            if len(late) > WIDTH:
                yield late[:-WIDTH]
                late = late[-WIDTH:]
        if late:
            yield late

    async def _release(self, reply: ask.Reply) -> None:
        match reply.body:
            case (Reply() as upstream, None):
                headers = [(n, v) for n, v in upstream.headers if n not in OURS]
                content = b"" if upstream.length == 0 else upstream.stream()
                await self._exchange.respond(upstream.status, headers, content, upstream.length)
            case (int() as status, headers, bytes() as body):
                await self._answer(status, [(n, v) for n, v in headers if n not in OURS], body)

    async def _answer(self, status: int, headers: Any, body: bytes) -> None:
        try:
            await self._exchange.respond(status, tuple(headers), body)
        except Gone:
            pass  # Why: the function does not want its answer any more; what was done is settled and recorded


DEEDS: Mapping[type, Callable[[Crossing, Any], Any]] = {
    ask.Begin: Crossing._begin,
    ask.Collect: lambda crossing, it: crossing._collect(it.limit),
    ask.Forward: lambda crossing, it: crossing._passage.guarded(it.record, crossing._forward(it)),
    ask.Release: lambda crossing, it: crossing._release(it.reply),
    ask.Refuse: Crossing._refuse_it,
    ask.Fail: Crossing._fail,
    **dict.fromkeys((ask.Pin, ask.Sign, ask.Replace), lambda crossing, it: crossing._releasing.act(it)),
}
"""What waits for somebody, or is the crossing's own; all else is done at once. Why a table: as in `Clerk`."""


class Plain:
    """A request to another host, as it is sent."""

    __slots__ = ("headers", "method", "path")

    def __init__(self, method: str, path: str, headers: list[tuple[str, str]]) -> None:
        self.method, self.path, self.headers = method, path, headers
