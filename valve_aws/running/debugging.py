"""Debuggers of the operator's: a port of this machine's loopback that leads into the environment debugged.

Knows who may come in and that nothing comes out by itself. Does not know what a debugger says.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from valve_aws.environments.dap import Gate
from valve_aws.environments.debugged import INSIDE, debugged, waits
from valve_aws.environments.environment import Environment
from valve_aws.environments.prepare import Prepared
from valve_aws.model.plan import Jail, Plan
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Function
from valve_aws.passage.driver import Passage, ident, now
from valve_aws.settings import Settings

UNHURRIED = 86_400
"""Seconds for an event while somebody debugs."""
PATIENCE = 10.0
"""Seconds in which what is debugged may begin to listen, once somebody calls."""
PIECE = 65_536
MOST = 32
"""Callers at once."""
KNOWN = 16
"""Bytes by which a protocol is known."""
PAGES = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"HEAD ")
"""What a page in the operator's browser could send here, and what no debugger begins with.

Why: the Debug Adapter Protocol has HTTP's framing, so the body of a form would be read as its commands.
"""
ASKS = b"GET "
HEAD = 16_384
"""Bytes of the head of a request for Node's inspector."""
HERE = re.compile(rb"(?:localhost|[0-9.]+|\[[0-9a-f:]+\])(?::[0-9]+)?", re.IGNORECASE)
"""A host that no name of somebody else's can be made to lead to (Node's inspector asks for the same)."""
OF_PAGES = frozenset({b"origin", b"referer", b"sec-fetch-site"})
"""What browsers say of the page that asks, and debuggers do not."""
DEVTOOLS = b"devtools://"
"""Where Chrome's own debugger says that it is."""


def concerns(settings: Settings, function: Function) -> bool:
    """Say whether a function is to be debugged."""
    named = settings.debug_function
    return bool(settings.debug_ports) and (not named or named in {function.logical, function.name})


def debuggable(settings: Settings, prepared: Prepared) -> Prepared:
    """See that a function which is to be debugged would wait for that. Raises `Invalid`."""
    function = prepared.function
    if concerns(settings, function) and not waits(prepared, settings.debug_args, _own()):
        raise Invalid(
            function.where,
            f"`{function.logical}` cannot wait for a debugger: debugpy is neither here nor in its packages",
            "`pip install debugpy` where valve is installed, or add it to the function's requirements.txt",
        )
    return prepared


def _own() -> Path | None:
    """Return the debugpy of the valve's own environment."""
    found = importlib.util.find_spec("debugpy")
    return Path(found.origin).parent if found and found.origin else None


class Debugging:
    """The debug ports of one run. On one loop."""

    def __init__(self, settings: Settings, passage: Passage, say: Callable[[str], None]) -> None:
        self._settings, self._passage, self._say = settings, passage, say
        self._servers: list[asyncio.Server] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._there: tuple[Environment, Jail] | None = None
        """The one that began last."""
        self._news = asyncio.Event()

    def concerns(self, function: Function) -> bool:
        """Say whether a function is debugged."""
        return concerns(self._settings, function)

    def planned(self, plan: Plan, prepared: Prepared) -> Plan:
        """Return a plan as it is when a debugger is waited for. Raises `Invalid` where there is none."""
        debuggable(self._settings, prepared)
        return debugged(plan, prepared, self._settings.debug_ports, self._settings.debug_args, _own())

    def unhurried(self, function: Function) -> Function:
        """Return a function whose events have all the time that a person needs."""
        return replace(function, timeout=UNHURRIED)

    async def open(self) -> None:
        """Listen on loopback, but where there are no walls: there the function does. Raises `Invalid`."""
        for port in () if self._settings.unsafe else self._settings.debug_ports:
            try:
                server = await asyncio.start_server(self._called(port), INSIDE, port)
            except OSError as error:
                problem = f"cannot listen on {INSIDE}:{port}: {error.strerror or error}"
                raise Invalid(Where("--debug-port"), problem, "name another with `-d`") from error
            self._servers.append(server)

    def arrived(self, environment: Environment, jail: Jail) -> None:
        """Take note of an environment that is debugged: who calls from now on is led there."""
        self._there = environment, jail
        self._news.set()
        ports = ", ".join(f"{INSIDE}:{port}" for port in self._settings.debug_ports)
        self._say(
            f"valve: {environment.subject.function} waits for a debugger at {ports}; its time-out is off, "
            "and nobody judges what the debugger is shown"
        )

    def _called(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._under_way) >= MOST:
                writer.transport.abort()
                return
            task = asyncio.ensure_future(self._lead(port, reader, writer))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

        return called

    async def _lead(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a caller with the environment that is debugged, until either of them goes."""
        try:
            environment, jail = await self._debugged()
            # Why that look: whoever has gone meanwhile must not be taken for one who attaches.
            if not reader.at_eof() and (inside := await self._inside(environment, jail, port)):
                self._record(environment, port)
                await _joined(reader, writer, *inside)
        finally:
            writer.transport.abort()

    async def _debugged(self) -> tuple[Environment, Jail]:
        """Wait until there is an environment that is debugged, and lives."""
        while not (self._there and self._there[0].alive):
            self._news.clear()
            await self._news.wait()
        return self._there

    async def _inside(
        self, environment: Environment, jail: Jail, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Call who listens inside, by a socket of the network there; None when nobody does.

        Invariant: that network has no way out but the valve's, so this address is the environment itself.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while environment.alive:
                    try:
                        line = await asyncio.to_thread(jail.line)
                    except ConnectionError:
                        return None
                    if await _connects(line, port):
                        return await asyncio.open_connection(sock=line)
                    await asyncio.sleep(0.05)
        return None

    def _record(self, environment: Environment, port: int) -> None:
        """Write down that somebody looks inside, before he does (law 15)."""
        court, who = self._passage.court, environment.subject
        self._passage.sink.write(
            Record(
                ident(),
                now(),
                "valve",
                "AttachDebugger",
                court.region,
                court.account,
                "allow",
                court.mode,
                who.function,
                who.environment,
                who.invocation,
                parameters={"port": port},
                label=who.label,
            )
        )

    async def close(self) -> None:
        """Listen no more, and cut who is there."""
        for server in self._servers:
            server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


async def _connects(line: socket.socket, port: int) -> bool:
    line.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(line, (INSIDE, port))
    except OSError:
        line.close()
        return False
    except BaseException:
        line.close()
        raise
    return True


async def _joined(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    inside: asyncio.StreamReader,
    into: asyncio.StreamWriter,
) -> None:
    """Forward both ways until one side goes. The caller speaks first: that tells what may come out."""
    try:
        first = await _beginning(reader)
        if not first or first.startswith(PAGES) or (first.startswith(ASKS) and _of_a_page(first)):
            return
        gate = Gate().feed if first.lower().startswith(b"content-") else bytes
        into.write(first)
        tasks = [
            asyncio.ensure_future(_pump(reader, into, bytes)),
            asyncio.ensure_future(_pump(inside, writer, gate)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        into.transport.abort()


async def _beginning(reader: asyncio.StreamReader) -> bytes:
    """Return the first bytes of a caller: enough to know the protocol by, a line, or the head of a GET."""
    first = b""
    while not _begun(first) and (piece := await reader.read(PIECE)):
        first += piece
    return first


def _begun(first: bytes) -> bool:
    if first.startswith(ASKS):
        return b"\r\n\r\n" in first or len(first) > HEAD
    return len(first) >= KNOWN or b"\n" in first


def _of_a_page(first: bytes) -> bool:
    """Say whether a browser asks for a page: what is inside would answer it, and the page could read that."""
    head, ends, _ = first.partition(b"\r\n\r\n")
    split = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    fields = {name.strip().lower(): value.strip() for name, _, value in split}
    if not ends or not HERE.fullmatch(fields.get(b"host", b"")):
        return True
    return bool(OF_PAGES & fields.keys()) and not fields.get(b"origin", b"").startswith(DEVTOOLS)


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: Callable[[bytes], bytes]
) -> None:
    """Carry one direction to its end, as the gate lets it."""
    while piece := await source.read(PIECE):
        sink.write(gate(piece))
        await sink.drain()
