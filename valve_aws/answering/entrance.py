"""HTTP requests that functions answer: each with its route, its authorizer, its event and its response.

Knows the order of these. Does not know a payload format nor what a label means; they are carried along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from valve_aws import runtime, sandbox
from valve_aws.model.invocation import Beside
from valve_aws.model.source import Invalid
from valve_aws.model.verdict import Holding
from valve_aws.proxy import Exchange, TooLarge
from valve_aws.running.invoking import NOT_LABELLED, REFUSED, Invoking, full
from valve_aws.running.streaming import Finished, Stream
from valve_aws.triggers.gateway import answers, authorizers, cors, events, files, tokens
from valve_aws.triggers.gateway.asked import Answer, Asked, told
from valve_aws.triggers.gateway.authorizers import Allowed
from valve_aws.triggers.gateway.places import Place, There
from valve_aws.triggers.gateway.routes import Authorizer, Kind, Route, Taken, choose

LARGEST = 10 << 20
"""Bytes of a request's body (API Gateway quotas); what Lambda takes of an event is less."""

PATIENCE = {
    Kind.REST: (29.0, 504, "Endpoint request timed out"),
    Kind.HTTP: (30.0, 503, "Service Unavailable"),
}
"""Seconds that an API waits for its function, and what it says then (API Gateway quotas)."""


@dataclass(frozen=True, slots=True)
class Let:
    """What an authorizer's word comes with."""

    carried: Holding
    """What whoever is told of it has learned."""
    release: Callable[[], Awaitable[Finished]]
    """Judges whether it may leave (law 11)."""


class Entrance:
    """All APIs and function URLs of one stack. On one loop."""

    def __init__(
        self,
        routes: Sequence[Route],
        invoking: Invoking,
        say: Callable[[str], None],
        ident: Callable[[], str],
        now: Callable[[], float],
        *,
        authorize: bool = True,
        static: Path | None = None,
        hurries: bool = True,
    ) -> None:
        """`ident` gives UUIDs, `now` seconds since the epoch; `static` is a folder of files; `hurries` says
        whether an API waits no longer than AWS's."""
        self.place = Place(routes)
        self._invoking, self._say, self._ident, self._now = invoking, say, ident, now
        self._authorize, self._static, self._hurries = authorize, static, hurries
        self._under_way: set[asyncio.Task[Any]] = set()

    def told(self, url: str, bare: bool = True) -> list[str]:
        """Return what answers where, and what does not do all that AWS does, one line each."""
        return [*self.place.told(url, bare), *_noted(self.place.routes, self._authorize)]

    async def request(self, exchange: Exchange, route: Route | None = None) -> None:
        """Answer one request; by `route`, if it is for a URL that this does not know."""
        head = exchange.head
        path, _, query = head.target.partition("?")
        there = There((route,), path) if route else self.place.of(head.host, path)
        try:
            body = await exchange.collect(LARGEST)
        except TooLarge:
            kind = there.routes[0].api.kind if there.routes else Kind.REST
            await self._send(exchange, answers.too_long(kind), "")
            return
        ident, now = self._ident(), self._now()
        trace = f"Root=1-{int(now):08x}-{ident.replace('-', '')[:24]}"
        asked = Asked(
            head.method,
            there.path,
            query,
            exchange.spelled,
            body,
            exchange.peer,
            ident,
            now,
            trace,
            head.origin.port,
        )
        await self._send(exchange, await self.answer(asked, there.routes, head.host), ident)

    async def _send(self, exchange: Exchange, answer: Answer, ident: str) -> None:
        named = (("x-amzn-RequestId", ident),) if ident else ()
        try:
            await exchange.respond(answer.status, (*answer.headers, *named), answer.body)
        except ValueError:
            failed = answers.failed(Kind.REST)
            await exchange.respond(failed.status, failed.headers, failed.body)

    async def answer(self, asked: Asked, routes: Sequence[Route], host: str = "") -> Answer:
        """Return what a client gets from the APIs that have these routes; `host` is what it asked for."""
        own = next((r.api.cors for r in routes if r.api.kind is not Kind.REST and r.api.cors), None)
        if answered := cors.preflight(asked, own):
            return answered
        taken = choose(routes, asked.method, asked.path)
        if taken is not None and taken.route.closed and (self._authorize or not taken.route.function):
            return answers.closed()
        if taken is None or taken.route.path == "$default":
            file = files.found(self._static, asked)
            if file is not None:
                return file
        if taken is None:
            # Why here: a URL has a route for everything, so what has none at all is no URL.
            if host.partition(".")[2].startswith("lambda-url."):
                return answers.no_url()
            return answers.not_found(routes[0].api.kind if routes else Kind.REST)
        route, kind = taken.route, taken.route.api.kind
        if route.lacking:
            return _lacking(route.lacking)
        allowed, judge = await self._allowed(asked, taken)
        if isinstance(allowed, Answer):
            found = allowed
        elif not route.function:
            assert route.api.cors is not None
            return await self._after(judge, kind, cors.fixed(route.api.cors))
        else:
            found = await self._served(asked, taken, allowed, judge)
        return found if kind is Kind.REST else cors.beside(asked, route.api.cors, found)

    # Who may

    async def _allowed(self, asked: Asked, taken: Taken) -> tuple[Allowed | Answer | None, Let | None]:
        """Return what the route's authorizer says, and how a function that judged came to it."""
        authorizer, kind = taken.route.authorizer, taken.route.api.kind
        if authorizer is None or not self._authorize or authorizer.kind == "IAM":
            return None, None
        if authorizer.kind == "UNKNOWN":
            return _lacking(f"the authorizer `{authorizer.name}`, no function of this template"), None
        if authorizer.kind in {"JWT", "COGNITO"}:
            claims = tokens.claims(asked, authorizer, self._now())
            if claims is None:
                return authorizers.unauthorized(kind), None
            if not tokens.scoped(claims, authorizer):
                return authorizers.denied(kind, explicit=False), None
            return tokens.claimed(claims, taken, authorizer), None
        found = authorizers.identity(asked, taken, authorizer)
        if found is None:
            return authorizers.unauthorized(kind), None
        return await self._judged(asked, taken, authorizer, found)

    async def _judged(
        self, asked: Asked, taken: Taken, authorizer: Authorizer, found: tuple[str, ...]
    ) -> tuple[Allowed | Answer, Let | None]:
        """Ask the function that judges. What it says goes on to the function that it lets the client to, with
        its label; to the client, as a refusal, only if it may leave (law 11)."""
        kind = taken.route.api.kind
        payload = events.written(authorizers.shown(asked, taken, authorizer, found))
        try:
            run = await self._invoking.unreleased(authorizer.function, payload)
        except (Invalid, sandbox.SandboxError) as mistake:
            self._say(f"valve: {authorizer.function}: {mistake}")
            return authorizers.broken(kind), None
        if run.failed:
            decided: Allowed | Answer = authorizers.failed(kind, run.payload)
        else:
            arn = authorizers.method_arn(asked, taken)
            decided = authorizers.decided(taken, authorizer, arn, run.payload)
        judge = Let(Holding(run.label, True, run.ways), partial(self._invoking.release, run))
        if isinstance(decided, Allowed):
            return decided, judge
        return await self._after(judge, kind, decided), None

    async def _after(self, judge: Let | None, kind: Kind, answer: Answer) -> Answer:
        """Return what the API itself says once an authorizer has run, if what that came to may leave: that
        somebody was let in, too, is a word of the authorizer's."""
        if judge is None:
            return answer
        done = await judge.release()
        # Why as a function that failed: so ends, too, who is let in on the strength of what may not leave.
        return answers.failed(kind) if done.error_type == REFUSED else answer

    # What a function says

    async def _served(self, asked: Asked, taken: Taken, allowed: Allowed | None, judge: Let | None) -> Answer:
        route, kind = taken.route, taken.route.api.kind
        context = allowed.context if allowed else None
        payload = events.written(events.event(asked, taken, context))
        if runtime.faults.unacceptable(payload, True, ""):
            return await self._after(judge, kind, answers.too_long(kind))
        carried = judge.carried if judge else NOT_LABELLED
        # Why the request's id for a URL: there AWS gives the invocation the same one.
        beside = Beside(ident=asked.ident if kind is Kind.URL else "", arn=route.arn)
        if route.streams:
            return await self._streamed(asked, route, payload, beside, carried)
        task = asyncio.ensure_future(self._invoked(route, payload, beside, carried))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        seconds, status, message = PATIENCE.get(kind, (None, 0, ""))
        # Why not cut: a client that waits no longer ends no function.
        await asyncio.wait({task}, timeout=seconds if self._hurries else None)
        if not task.done():
            return told(status, {"message": message})
        done = task.result()
        if done is None or done.failed:
            return answers.throttled() if full(done) and kind is Kind.URL else answers.failed(kind)
        return answers.answer(asked, route, done.payload)

    async def _invoked(
        self, route: Route, payload: bytes, beside: Beside, carried: Holding
    ) -> Finished | None:
        """Return what the function's event came to, as it may leave; None when it could not be run."""
        try:
            return await self._invoking.operator(route.function, payload, route.trigger, beside, carried)
        except (Invalid, sandbox.SandboxError) as mistake:
            self._say(f"valve: {route.trigger or 'a function URL'}: {mistake}")
            return None

    async def _streamed(
        self, asked: Asked, route: Route, payload: bytes, beside: Beside, carried: Holding
    ) -> Answer:
        """Return a response that goes on while it is sent; each piece of it was judged when it came (law 11).

        What a function that answers whole says is a whole response.
        """
        try:
            stream = await self._invoking.stream(route.function, payload, route.trigger, beside, carried)
        except (Invalid, sandbox.SandboxError) as mistake:
            self._say(f"valve: {route.trigger or 'a function URL'}: {mistake}")
            return answers.failed(route.api.kind)
        if not stream.kind:
            whole = b"".join([piece async for piece in stream])
            if stream.finished is None or stream.finished.failed:
                return answers.throttled() if full(stream.finished) else answers.failed(route.api.kind)
            return answers.answer(asked, route, whole)
        begun = Answer(200, (("Content-Type", stream.kind),))
        first = b""
        if stream.kind == answers.PRELUDE:
            while answers.BREAK not in first and len(first) < answers.LONGEST_PRELUDE:
                if (piece := await stream.next()) is None:
                    break
                first += piece
            written, there, first = first.partition(answers.BREAK)
            try:
                begun = answers.prelude(written if there else b"")
            except answers.Malformed:
                stream.close()
                return answers.failed(route.api.kind)
        return Answer(begun.status, begun.headers, _poured(stream, first))

    async def close(self) -> None:
        """Cut what is still under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


async def _poured(stream: Stream, first: bytes) -> AsyncIterator[bytes]:
    """Give what is left of a stream. Raises ConnectionError when it ends badly, so that no client takes what
    it has for the whole."""
    try:
        if first:
            yield first
        async for piece in stream:
            yield piece
        if stream.finished is None or stream.finished.failed:
            raise ConnectionError("the function did not end well")
    finally:
        stream.close()


def _lacking(what: str) -> Answer:
    return told(501, {"message": f"valve-aws does not cover {what} (docs/HTTP.md)"})


NOTES = {
    "IAM": "signatures are not checked: whoever asks is let in",
    "JWT": "claims are read and held against issuer, audience and time; the signature is not checked",
    "COGNITO": "claims are read and held against their time; the signature is not checked",
    "UNKNOWN": "it is no function of this template; its routes answer 501",
}
"""Kind of authorizer → how less is done here than on AWS."""


def _noted(routes: Sequence[Route], authorize: bool) -> list[str]:
    used = {r.authorizer.name: r.authorizer.kind for r in routes if r.authorizer is not None}
    if used and not authorize:
        return ["no authorizer is asked (`--disable-authorizer`)"]
    return [f"authorizer {name}: {NOTES[kind]}" for name, kind in used.items() if kind in NOTES]
