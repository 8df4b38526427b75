"""Commands that stay until they are told to end: what they open, say and close again.

Knows lifetimes of servers beside a valve, and signals. Does not know what is served.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from valve_aws.api.server import Listening, Loop, Taken
from valve_aws.api.web import application
from valve_aws.backend import Standing
from valve_aws.clock import Clock
from valve_aws.commands.told import gather
from valve_aws.commands.verbs import harmless_log, say
from valve_aws.model.plan import Listeners
from valve_aws.model.source import Invalid, Where
from valve_aws.proxy import LIMITS, Dial, Server
from valve_aws.proxy.server import Request
from valve_aws.sandbox import SandboxError
from valve_aws.valve import NotStarted, Valve

AnyValve = TypeVar("AnyValve", bound=Valve)


def start_lambda(functions: Sequence[str], host: str, port: int, told: Mapping[str, Any]) -> int:
    """`valve local start-lambda`: serve the Lambda API of the template's functions; return the exit code."""
    settings = gather(told)
    logging.getLogger().addHandler(harmless_log())
    cloud = Standing()
    valve = meant(Valve.read(settings, say, clock=Clock(), moto=cloud.start))
    chosen = [valve.choose(named, "") for named in functions] or list(valve.stack.functions)
    return staying(_start_lambda(valve, chosen, host, port), valve, cloud)


async def _start_lambda(valve: Valve, functions: Sequence[str], host: str, port: int) -> int:
    async with opened(valve, functions):
        api = valve.lambda_api(functions)
        async with listening(application(api, Loop(asyncio.get_running_loop()), host), host, port) as there:
            say(f"valve: the Lambda API of {', '.join(functions)} is at {there.url}; Ctrl-C ends it")
            first = valve.stack.functions[functions[0]].name
            say(f"valve: try `aws lambda invoke --endpoint-url {there.url} --function-name {first} out`")
            await told_to_end()
    return 0


def start_api(host: str, port: int, static: str, authorize: bool, told: Mapping[str, Any]) -> int:
    """`valve local start-api`: serve the template's APIs and function URLs; return the exit code."""
    settings = gather(told)
    logging.getLogger().addHandler(harmless_log())
    cloud = Standing()
    valve = meant(Valve.read(settings, say, clock=Clock(), moto=cloud.start))
    folder = valve.stack.folder / static
    course = _start_api(valve, host, port, folder if folder.is_dir() else None, authorize)
    return staying(course, valve, cloud)


async def _start_api(valve: Valve, host: str, port: int, static: Path | None, authorize: bool) -> int:
    async with opened(valve):
        entrance = valve.entrance(lambda: str(uuid.uuid4()), static=static, authorize=authorize)
        if not entrance.place.routes:
            problem = "no function of this template has an event of the type `Api` or `HttpApi`, or a URL"
            raise Invalid(Where(valve.stack.file), problem, "try `valve local start-lambda`")
        async with answering(entrance.request, host, port) as url:
            for line in entrance.told(url):
                say(f"valve: {line}")
            say(f"valve: {url} answers; Ctrl-C ends it")
            await told_to_end()
            await entrance.close()
    return 0


WIDE = replace(LIMITS, wide=True, idle=75.0, connections=1024)
"""What a server of ours takes of its clients, which are the operator's."""


@asynccontextmanager
async def answering(request: Request, host: str, port: int) -> AsyncIterator[str]:
    """Serve HTTP requests on this loop until the end; give the address. Raises `Invalid` where nothing can
    listen."""
    there = bound(host, port)
    port = there.getsockname()[1]

    async def silent(connection: Dial) -> None:
        """Leave alone what is not HTTP."""

    async def nameless(_: str, __: str) -> bool:
        return False

    if not ipaddress.ip_address(there.getsockname()[0]).is_loopback:
        say(f"valve: whoever reaches {host}:{port}, from other machines too, is the operator here")
    listeners = Listeners((there,), (), all_ports=False)
    server = await Server.open(listeners, "", None, request, silent, nameless, WIDE)
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await server.close()


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has an address. Raises `Invalid` where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    there = socket.socket(family, socket.SOCK_STREAM)
    try:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.bind((host, port))
        there.setblocking(False)
    except OSError as error:
        there.close()
        problem = f"cannot listen on {host}:{port}: {error.strerror or error}"
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise Invalid(Where("--host"), problem, "name an address of this machine") from error
        raise Invalid(Where("--port"), problem, "name another with `-p`, or `-p 0` for any") from error
    return there


def meant(valve: AnyValve) -> AnyValve:
    """See that the function which is to be debugged is there, and can be. Raises `Invalid`."""
    if named := valve.settings.debug_function:
        chosen = valve.choose(named, "")
        valve.settings = replace(valve.settings, debug_function=chosen)
        valve.prepare(chosen)
    return valve


def staying(course: Any, valve: Valve | None = None, cloud: Standing | None = None) -> int:
    """Run a command that stays; return its exit code. `cloud` loads meanwhile, where the valve's functions
    are likely to call it."""
    try:
        if valve and cloud and valve.settings.backend == "moto" and valve.stack.calls:
            cloud.ahead()
        code: int = asyncio.run(course)
        return code
    except NotStarted as missing:
        say(f"valve: {missing}")
        return 4
    except SandboxError as lacking:
        say(f"valve: {lacking}; `valve doctor` tells what else this host lacks")
        return 2
    finally:
        if cloud:
            cloud.end()


@asynccontextmanager
async def opened(valve: Valve, functions: Sequence[str] = ()) -> AsyncIterator[None]:
    """Keep a valve open, and have what wakes its functions wake them, until the end. `functions` are those
    that are served, by logical id; all if none are named."""
    await valve.open()
    if valve.settings.unsafe:
        say("valve: UNSAFE: no walls (`--unsafe-cooperative`); a hostile function steps around this guard")
    tending = asyncio.ensure_future(valve.triggering.keep())
    try:
        if valve.settings.eager:
            await valve.warm(functions or list(valve.stack.functions))
        yield
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await valve.close()
        say(valve.summary())


@asynccontextmanager
async def listening(app: Any, host: str, port: int) -> AsyncIterator[Listening]:
    """Serve an application until the end. Raises `Invalid` where nothing can listen."""
    bound(host, port).close()
    try:
        there = Listening(app, host, port)
    except Taken as taken:
        raise Invalid(Where("--port"), str(taken), "name another with `-p`, or `-p 0` for any") from taken
    try:
        yield there
    finally:
        await asyncio.to_thread(there.close)


async def told_to_end() -> None:
    """Wait for Ctrl-C, or for whoever ends this process."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, ended.set)
    await ended.wait()
