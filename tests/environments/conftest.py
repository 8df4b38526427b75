"""A world for environments without walls: a plan run as a plain child process, its Runtime API on loopback.

Knows how to translate a plan's paths to the host's. Does not stand in for anything: function, awslambdaric
and processes are real.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from valve_aws import runtime
from valve_aws.course.subject import Subject
from valve_aws.environments import host
from valve_aws.environments.cache import Cache
from valve_aws.environments.environment import Environment
from valve_aws.environments.plan import plan
from valve_aws.environments.prepare import prepare
from valve_aws.environments.surroundings import Surroundings
from valve_aws.model.call import Key
from valve_aws.model.plan import Jail, Listeners, Plan
from valve_aws.model.stack import Code, Function
from valve_aws.runtime import events, faults

SHIMS = Path(__file__).parents[2] / "shims" / "python"
KEY = Key("ASIAPLACEHOLDER00001", "secret", "token")
HEAD_LIMIT = 64 * 1024
COUNTS = """
import threading, time
last, longest = time.monotonic(), 0.0
def pause(): return max(longest, time.monotonic() - last)
def count():
    global last, longest
    while True:
        longest, last = pause(), time.monotonic()
        time.sleep(0.005)
threading.Thread(target=count, daemon=True).start()
def handler(event, context): return pause()
"""
"""A function that works in the background and says for how many seconds at a stretch it could not.

Why not how often it could: that depends on what else the machine does, and so would the test.
"""


class PlainJail:
    """A child process and its group, as a `Jail`."""

    def __init__(self, child: subprocess.Popen[bytes], listener: socket.socket) -> None:
        self.listeners = Listeners((listener,), (), all_ports=False)
        self.child = child
        assert child.stdout
        assert child.stderr
        self.stdout, self.stderr = os.dup(child.stdout.fileno()), os.dup(child.stderr.fileno())
        child.stdout.close()
        child.stderr.close()
        self.pid = child.pid
        self._peak = 0

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int | None:
        status = self.child.wait(timeout)
        self._signal(signal.SIGKILL)
        return status

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def line(self) -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def memory(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_memory(self) -> int:
        try:
            self._peak = max(self._peak, self.memory())
        except (OSError, IndexError):
            pass
        return self._peak

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass


def spawn_plainly(planned: Plan) -> Jail:
    """Run a plan with the host's own paths in place of those inside."""
    targets = sorted(((bind.target, str(bind.source)) for bind in planned.binds), key=lambda b: -len(b[0]))

    def outside(value: str) -> str:
        for inside, source in targets:
            if value == inside or value.startswith(inside + "/"):
                return source + value[len(inside) :]
        return value

    listener = socket.create_server(("127.0.0.1", 0))
    environ = dict(planned.environ)
    environ["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{listener.getsockname()[1]}"
    environ["LAMBDA_TASK_ROOT"] = outside(environ["LAMBDA_TASK_ROOT"])
    environ["PYTHONPATH"] = ":".join(outside(part) for part in environ["PYTHONPATH"].split(":"))
    environ["LD_LIBRARY_PATH"] = outside("/var/lang/lib")
    argv = [outside(part) for part in planned.argv]
    child = subprocess.Popen(
        argv,
        env=environ,
        cwd=outside(planned.directory),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return PlainJail(child, listener)


def serve(environment: Environment, jail: Jail) -> Callable[[], None]:
    """Serve the Runtime API of one environment on its listener, and `/crosses`."""

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            method, target, _ = first.split(" ")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            if headers.get("expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if headers.get("transfer-encoding"):
                body = b""
                while size := int(await reader.readline(), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readline()
            else:
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            if target == "/crosses":  # stands for what is no request to the Runtime API
                status, named, answer = 204, (), b""
                if not environment.crosses():
                    return
            else:
                status, named, answer = await environment.runtime_request(method, target, headers, body)
            told = "".join(f"{name}: {value}\r\n" for name, value in named)
            first = f"HTTP/1.1 {status} x\r\n{told}Content-Length: {len(answer)}\r\n\r\n"
            writer.write(first.encode() + answer)
            await writer.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def accept(listener: socket.socket) -> None:
        server = await asyncio.start_server(connected, sock=listener)
        async with server:
            await server.serve_forever()

    tasks = [asyncio.ensure_future(accept(listener)) for listener in jail.listeners.tcp]

    def stop() -> None:
        for task in tasks:
            task.cancel()
        for listener in jail.listeners.udp:
            listener.close()

    return stop


@dataclass
class World:
    """Makes functions and environments, and keeps the lines that they wrote."""

    folder: Path
    cache: Cache
    said: list[str]
    lines: list[tuple[str, str]] = field(default_factory=list)
    made: list[Environment] = field(default_factory=list)
    jails: list[Jail] = field(default_factory=list)
    how: Callable[[Plan], Jail] = field(default_factory=lambda: spawn_plainly)
    authority: bytes = b""

    def function(self, source: str, **changes: object) -> Function:
        """Write a module `app` and return the function of its `handler`."""
        (self.folder / "app.py").write_text(source)
        given: dict[str, Any] = {
            "logical": "Fn",
            "name": "fn",
            "arn": "arn:aws:lambda:us-east-1:123456789012:function:fn",
            "handler": "app.handler",
            "runtime": host.own().name,
            "code": Code(folder=self.folder),
            "timeout": 30,
            **changes,
        }
        return Function(**given)

    def surroundings(self) -> Surroundings[Environment]:
        return Surroundings(
            spawn=self.spawn,
            serve=serve,
            machine=lambda fn, external: runtime.Machine(
                lambda: str(uuid.uuid4()), fn.name, fn.handler, external=external
            ),
            faults=faults,
            events=events,
            telemetry=runtime.telemetry,
            log=lambda _, stream, line: self.lines.append((stream, line)),
            now=time.time,
            tick=time.monotonic,
        )

    def spawn(self, planned: Plan) -> Jail:
        jail = self.how(planned)
        self.jails.append(jail)
        return jail

    def environment(self, source: str, **changes: object) -> Environment:
        """Return an environment of a new function, not started."""
        function = self.function(source, **changes)
        prepared = prepare(function, self.cache, SHIMS, self.said.append)
        stream = "2026/01/01/[$LATEST]0123456789abcdef"
        planned = plan(prepared, KEY, region="us-east-1", stream=stream, authority=self.authority)
        name = f"fn-{len(self.made)}"
        environment = Environment(Subject(name, "Fn"), function, planned, self.surroundings())
        self.made.append(environment)
        return environment

    def text(self, stream: str) -> str:
        """Return what came on one stream, a line each."""
        return "\n".join(line for name, line in self.lines if name == stream)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def world(tmp_path: Path, shared_cache: Path) -> Iterator[World]:
    folder = tmp_path / "code"
    folder.mkdir()
    said: list[str] = []
    made = World(folder, Cache(shared_cache, said.append), said)
    yield made
    for jail in made.jails:
        jail.kill()
