"""The driver: carries out what the courses ask for, with the rooms' own verbs, for every request of every
environment.

Knows what all crossings of one run share. Does not decide anything nor know in what order things are done.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from valve_aws.aws import Aws, Keyring, Outgoing
from valve_aws.aws import Endpoint as AwsEndpoint
from valve_aws.backend import Endpoint, NotStarted
from valve_aws.course import commands as ask
from valve_aws.course.carry import Court
from valve_aws.course.clerk import Clerk
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Effect, Evidence, Head, Origin
from valve_aws.model.invocation import Beside
from valve_aws.model.label import Label
from valve_aws.model.ports import Book, Outcome, Sink
from valve_aws.model.record import Record
from valve_aws.model.spellings import Sieve
from valve_aws.model.stack import Function, Stack
from valve_aws.model.verdict import Holding, Mode, Way
from valve_aws.proxy import Reply, Target, Unreachable, Upstream

if TYPE_CHECKING:
    from valve_aws.canary import Lookout, Place

BODY = "its body"

TRIES = (0.05, 0.2, 0.8)
"""Seconds before each new try when the backend takes no connection: a second in all, then the call fails
(exit code 4)."""


@dataclass(frozen=True, slots=True)
class Invoked:
    """What an invocation of another function came to."""

    payload: bytes
    error: bool
    label: Label
    ways: tuple[Way, ...]
    throttled: bool = False
    """It was not begun, as too many others were under way."""


@dataclass(slots=True)
class Versions:
    """Who knows what a function's qualifiers mean."""

    find: Callable[[str, str], Function | None] | None = None
    """(ARN, a version's number or an alias) → what is run; None when there is none such. None itself: they
    are as the template has them, as nobody can make any."""

    def meant(self, stack: Stack, arn: str) -> Function | None:
        """Return what a function's ARN, qualified or not, means; None when it means nothing."""
        plain, qualifier = ":".join(arn.split(":")[:7]), ":".join(arn.split(":")[7:])
        if self.find is not None and qualifier not in {"", "$LATEST"}:
            return self.find(plain, qualifier)
        latest = next((f for f in stack.functions.values() if f.arn == plain), None)
        return latest.qualified(qualifier) if latest else None


class Relay(Protocol):
    """Whoever runs functions in our place, or ours in his: what is sent to him is marked, so that an event
    which comes of it is known when it arrives."""

    def marks(self, command: ask.Forward) -> Sequence[tuple[str, str]]:
        """Return the headers by which what comes of a call is known again."""

    def brought(self, command: ask.Forward) -> Holding:
        """Return what the answer to a call carries beside what the book holds: what the functions that served
        it have learned (law 11)."""


class Executing(Protocol):
    """Whoever keeps durable executions in Lambda's place."""

    async def called(self, subject: Subject, command: ask.Forward) -> ask.Reply:
        """Carry out a call that names one, as it was judged. Raises `Lost`."""


Invoke = Callable[[str, bytes, bool, Label, tuple[Way, ...], str, Beside], Awaitable[Invoked]]
"""(function's ARN, payload, somebody waits, label, ways, cause, what else comes along) → what came of it; at
once and empty when nobody waits."""


@dataclass(slots=True)
class Sending:
    """One call whose bytes may still be leaving, in the task that sends it."""

    task: asyncio.Task[Any] | None
    cut: bool = False

    def end(self) -> None:
        """Cut it. Idempotent."""
        if self.task and not self.cut:
            self.cut = True
            self.task.cancel()

    def ended(self) -> bool:
        """Say whether the cancellation that arrived was this cut, and nobody else wants the task to end."""
        return self.cut and self.task is not None and self.task.uncancel() == 0


@dataclass(slots=True)
class Passage:
    """What all crossings of one run share."""

    court: Court
    stack: Stack
    book: Book
    sink: Sink
    aws: Aws
    upstream: Upstream
    backend: Callable[[], Awaitable[Endpoint]]
    invoke: Invoke
    seen: Callable[[Record], None]
    """Told of every record, after it is kept."""
    ident: Callable[[], str]
    resolve: Mapping[tuple[str, int], tuple[str, int]]
    quote: Callable[[str, str, int], Evidence]
    """(function, file inside, line) → where that is among the operator's own files, and what stands there."""
    ring: Keyring
    tell: Callable[[str], None] = lambda _: None
    """Told why a call came to nothing; parts of it are the function's own words."""
    failed: bool = False
    """The backend did not answer, once at least."""
    under_way: dict[str, Sending] = field(default_factory=dict)
    versions: Versions = field(default_factory=lambda: Versions())
    executions: Executing | None = None
    """Who keeps durable executions; None: nobody does."""
    relay: Relay | None = None
    """None: functions are invoked by us, and whatever else runs there wakes none of ours."""
    proxies: set[int] = field(default_factory=set)
    """Ports of ours that environments without walls were told to use as a proxy."""
    happened: Callable[[ask.Forward, ask.Reply], None] = lambda *_: None
    """Told of every call that the backend has answered, before it is settled."""
    lookout: Lookout | None = None
    """What looks for decoys in all that leaves; None, as outside of tests, costs nothing."""
    _clerk: Clerk = field(init=False)

    def __post_init__(self) -> None:
        self._clerk = Clerk(self.book, self.sink, self.seen, lambda: (self.ident(), now()))

    def watch(self, told: list[str], place: Place | None) -> Callable[[bytes], None]:
        """Return what looks through a body as it passes: it raises `Withheld` for a credential.

        Where the mode lets it pass, `told` gets to know of it. `place` is where decoys are seen, if they are
        looked for.
        """
        sieve = Sieve(self.ring.found)
        seen = self.lookout.stream(place, BODY) if self.lookout and place else None

        def look(piece: bytes) -> None:
            if seen is not None:
                seen(piece)
            if self.court.mode is not Mode.OFF and (what := sieve.look(piece)):
                if self.court.mode is Mode.ENFORCE:
                    raise ask.Withheld(what)
                told.append(what)

        return look

    def sighted(self, subject: Subject, operation: str, content: bytes) -> None:
        """Look for decoys in something of an environment that leaves whole and is no request."""
        if self.lookout is not None:
            self.lookout.look(self.lookout.place(subject.function, operation), BODY, content)

    def evidence(self, subject: Subject, head: Head) -> Evidence:
        """Read what the shim says about where the call was made: shown, never believed."""
        told = unquote(head.header("x-valve-source") or "", errors="replace")
        file, _, line = told.rpartition(":")
        if not file or not (line.isascii() and line.isdigit()) or len(told) > 512:
            return Evidence()
        return self.quote(subject.function, file, int(line[:9]))

    def port(self, head: Head) -> int:
        """Return the port that the request names: CONNECT's, the Host header's, else the connection's own."""
        for text in (head.origin.connect, head.header("host") or ""):
            named = text.rpartition(":")[2] if ":" in text else ""
            if named.isascii() and named.isdigit():
                return int(named)
        unguarded = head.origin.port in self.proxies
        return {"http": 80, "https": 443}[head.origin.scheme] if unguarded else head.origin.port

    def is_raw(self, origin: Origin) -> bool:
        """Say whether a destination is declared as raw TCP, so that TLS towards it is not opened."""
        return self.court.judge.declares(f"tcp://{origin.asked or origin.address}:{origin.port}")

    def ours(self, call: Call) -> bool:
        """Say whether a call is for a function of this template that we invoke."""
        named = call.resources[0] if call.resources and self.relay is None else ""
        return any(f.arn == named for f in self.stack.functions.values())

    def placed(self, host: str, port: int) -> tuple[str, int] | None:
        """Return where `--resolve` says that a host is found; None when it does not say."""
        return self.resolve.get((host, port)) or self.resolve.get((host, 0))

    async def place(self, host: str, port: int) -> tuple[str, int]:
        """Return the address of a host: `--resolve` comes before the system's own answer. Raises `Lost`.

        A name that leads to this machine leads nowhere, in any mode: inside, "here" is the sandbox, and
        whoever owns a name could point it at the operator's own services or his machine's metadata.
        """
        if told := self.placed(host, port):
            return told
        remedy = f"say where it answers: --resolve {host}:{port}=127.0.0.1:8080"
        if self._own_api(host):
            problem = f"`{host}` is this template's own API, which is not deployed"
            raise ask.Lost(Outcome.FAILED, f"{problem}; {remedy}")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ask.Lost(Outcome.FAILED, f"`{host}` cannot be found ({why}); {remedy}") from error
        for *_, (address, *_) in found:
            if not nearby(str(address)) and not here(str(address)):
                return str(address), port
        raise ask.Lost(Outcome.FAILED, f"`{host}` is an address of this machine; {remedy}")

    def _own_api(self, host: str) -> bool:
        """Say whether a host is an API of this template.

        Its id is made up here, so elsewhere the name leads to nobody, or to somebody else.
        """
        ident, _, rest = host.partition(".")
        apis = (r.arn.split(":") for r in self.stack.resources.values() if ":execute-api:" in r.arn)
        return rest.startswith("execute-api.") and any(ident == arn[5] for arn in apis)

    async def cloud(self) -> Endpoint:
        """Return the backend, started if need be. Raises `Lost`."""
        try:
            return await self.backend()
        except NotStarted as gone:
            self.failed = True
            raise ask.Lost(Outcome.FAILED, str(gone)) from gone

    async def guarded(self, record: str, crossing: Coroutine[Any, Any, Any]) -> Any:
        """Run the sending of a call so that a rise may cut it (law 3).

        Why in the request's own task: one of its own for every call costs two turns of the loop.
        """
        under_way = self.under_way[record] = Sending(asyncio.current_task())
        try:
            reply = await crossing
            if under_way.cut:
                await asyncio.sleep(0)  # Why: the cancellation is due, and is not to hit what comes after
            return reply
        except ask.Lost as lost:
            self.tell(f"a call came to nothing: {lost}")
            raise
        except asyncio.CancelledError:
            if not under_way.ended():
                raise
            raise ask.Lost(
                Outcome.UNKNOWN, "cut: the environment's label rose while the call was under way"
            ) from None
        finally:
            self.under_way.pop(record, None)

    def at_once(self, command: ask.Command) -> Any:
        """Carry out a command that waits for nobody."""
        if isinstance(command, ask.Cut):
            if sending := self.under_way.get(command.record):
                sending.end()
            return None
        return self._clerk.at_once(command)

    async def operate(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call of the operator's own, of a JSON protocol: a queue's trigger receives and deletes.
        Never judged."""
        status, body = await self.fetch(service, operation, params)
        if status != 200:
            self.failed = True
            raise ask.Lost(Outcome.FAILED, f"{service}:{operation} answered {status}: {body[:200]!r}")
        answer: dict[str, Any] = json.loads(body or b"{}")
        return answer

    async def fetch(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        limit: int = 8 << 20,
        endpoint: Endpoint | None = None,
    ) -> tuple[int, bytes]:
        """Make a call of the operator's own and return its status and body, whatever they are. Never judged.
        `endpoint` None is the backend. Raises `Lost`."""
        reply = await self._own(service, operation, params, endpoint)
        return reply.status, await reply.collect(limit)

    async def looked(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> tuple[int, dict[str, str]]:
        """Make a call of the platform's own that is answered by its headers alone. Never judged. Raises
        `Lost`."""
        reply = await self._own(service, operation, params)
        reply.close()
        told = {name.lower(): value for name, value in reply.headers}
        return reply.status, {"content-length": str(reply.length or 0), **told}

    async def posted(self, endpoint: Endpoint, path: str, body: bytes) -> tuple[int, bytes]:
        """Make a request of the platform's own that is no AWS call. Raises `Lost`."""
        headers = (("host", endpoint.url.partition("://")[2]), ("content-type", "application/json"))
        outgoing = Outgoing("POST", path, headers, body)
        reply = await self.send(Target(endpoint.host, endpoint.port, endpoint.tls), outgoing, body)
        return reply.status, await reply.collect(1 << 20)

    async def _own(
        self, service: str, operation: str, params: Mapping[str, Any], endpoint: Endpoint | None = None
    ) -> Reply:
        endpoint = endpoint or await self.cloud()
        call = Call(service, operation, self.court.region, (), Effect(), params)
        outgoing = self.aws.write(call, self.written_for(endpoint), endpoint.credential, utc())
        return await self.send(Target(endpoint.host, endpoint.port, endpoint.tls), outgoing, outgoing.body)

    def written_for(self, endpoint: Endpoint) -> AwsEndpoint:
        """Return how requests are addressed there: moto takes AWS's own host names, other endpoints their
        own."""
        return AwsEndpoint(
            "https" if endpoint.tls else "http", endpoint.host, endpoint.port, endpoint.kind == "moto"
        )

    async def send(
        self,
        target: Target,
        outgoing: Any,
        body: bytes | AsyncIterator[bytes] | None,
        length: int | None = None,
        tries: Sequence[float] = TRIES,
    ) -> Reply:
        """Send upstream; while no connection is taken there are bounded tries. Raises `Lost`."""
        for pause in (*tries, None):
            try:
                return await self.upstream.send(
                    target, outgoing.method, outgoing.path, outgoing.headers, body, length
                )
            except Unreachable as gone:
                if pause is None or gone.sent:
                    self.failed = self.failed or bool(tries)
                    raise ask.Lost(Outcome.UNKNOWN if gone.sent else Outcome.FAILED, str(gone)) from gone
                await asyncio.sleep(pause)
        raise AssertionError("the last try raises")


def nearby(address: str) -> bool:
    """Say whether an address means the machine itself or its link: never a destination (RFC 6890)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast


def here(address: str) -> bool:
    """Say whether an address is one of this machine's own. Nothing is sent: a datagram's socket only gets its
    route.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((address, 9))
        except OSError:
            return False
        return bool(asked.getsockname()[0] == address.partition("%")[0])


def ident() -> str:
    """Return the id of a new record: it tells nothing, not even by its order."""
    return f"r-{os.urandom(6).hex()}"


def utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def now() -> str:
    """Return the time as records have it."""
    at = time.time()
    return f"{_second(int(at))}.{int(at % 1 * 1000):03d}Z"


@lru_cache(maxsize=8)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
