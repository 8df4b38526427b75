"""The door to a running jail's descriptors and end: its output read on the loop, its death told to the loop.

Knows descriptors and threads. Does not know what a line means.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable

from valve_aws.environments.lines import Lines
from valve_aws.model.plan import Jail, Listeners
from valve_aws.model.telemetry import Crashed

CHUNK = 4 * 1024
"""Bytes of one read. Why so few: each may hold as many lines, and the loop serves others between two."""
SWEEP = 1024 * 1024
"""Bytes of one stream read at most when an invocation ends: an endless writer must not hold it up."""
LAST_WORDS = 1.0
"""Seconds that a dead jail's streams may take to end: what escaped a jail without walls may hold them."""


STARTING = "start the runtime"
"""The step of making a sandbox at which only what is to run can be at fault."""
OWN = ("`/var/task/", "`/opt/")
"""How a problem begins that is about a program of the function's own."""


class Stillborn:
    """The port `Jail` where the function's own program cannot be executed: it has ended before it began.

    Source: AWS's own words for it (`fork/exec /var/task/bootstrap: exec format error`); a wrapper is executed
    by a shell there, which ends as shells do (POSIX, "Exit Status for Commands").
    """

    pid = 0
    listeners = Listeners((), (), all_ports=False)

    def __init__(self, problem: str, wrapper: bool) -> None:
        """`problem` names the program in back-ticks, and what the kernel said; `wrapper`: it was to start the
        runtime."""
        path, _, said = problem.partition("`: ")
        told = Crashed("Runtime.InvalidEntrypoint", f"fork/exec {path[1:]}: {said.lower()}")
        self.unstarted = None if wrapper else told
        self._status = 127 if not wrapper or os.strerror(errno.ENOENT) in said else 126
        self.stdout, self.stderr = _nothing(), _nothing()

    def kill(self) -> None:
        """Do nothing: there is nothing inside."""

    freeze = thaw = kill

    def wait(self, timeout: float | None = None) -> int:
        """Return the status of a program that was not there, or could not be executed."""
        return self._status

    def memory(self) -> int:
        """Return 0 bytes."""
        return 0

    peak_memory = memory

    def line(self) -> socket.socket:
        """Raise OSError: there is no network inside."""
        raise OSError("nothing runs there")


def _nothing() -> int:
    """Return a descriptor at whose end one is at once."""
    reading, writing = os.pipe()
    os.close(writing)
    return reading


class Pump:
    """Reads a jail's two streams and hands their lines on, while the loop serves others."""

    def __init__(self, loop: asyncio.AbstractEventLoop, jail: Jail, line: Callable[[str, str], None]) -> None:
        self._loop = loop
        self._line = line
        self._open: dict[str, tuple[int, Lines]] = {}
        self._ended = asyncio.Event()
        for stream, descriptor in (("stdout", jail.stdout), ("stderr", jail.stderr)):
            os.set_blocking(descriptor, False)
            self._open[stream] = (descriptor, Lines())
            loop.add_reader(descriptor, self._read, stream)

    async def sweep(self) -> None:
        """Read what has been written so far, and take an unfinished line for a line."""
        for stream in ("stdout", "stderr"):
            for _ in range(SWEEP // CHUNK):
                if self._read(stream) < CHUNK:
                    break
                await asyncio.sleep(0)
            if stream in self._open:
                for line in self._open[stream][1].flush():
                    self._line(stream, line)

    async def finish(self) -> None:
        """Read to the end of both streams, which comes with the last process, and let go of them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self._ended.wait()
        for stream in list(self._open):
            self._drop(stream)

    def _read(self, stream: str) -> int:
        if stream not in self._open:
            return 0
        descriptor, lines = self._open[stream]
        try:
            chunk = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return 0
        except OSError:
            chunk = b""
        for line in lines.feed(chunk):
            self._line(stream, line)
        if not chunk:
            self._drop(stream)
        return len(chunk)

    def _drop(self, stream: str) -> None:
        descriptor, lines = self._open.pop(stream)
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        for line in lines.flush():
            self._line(stream, line)
        if not self._open:
            self._ended.set()


def watch(loop: asyncio.AbstractEventLoop, jail: Jail, ended: Callable[[int], None]) -> None:
    """Call `ended(status)` on the loop once everything in the jail is gone.

    Why a thread for each: `wait` blocks for as long as the environment lives, and would starve a shared pool
    of threads.
    """

    def wait() -> None:
        status = jail.wait()
        try:
            loop.call_soon_threadsafe(ended, -9 if status is None else status)
        except RuntimeError:
            pass  # Why: the loop is closed, so nobody is left to tell.

    threading.Thread(target=wait, name="valve-wait", daemon=True).start()


async def born(spawn: Callable[[], Jail], wrapper: str) -> Jail:
    """Run `spawn` in a thread. If nobody waits any more when its jail is there, the jail is ended. `wrapper`
    is the function's own program that is to start the runtime, "" for none.

    What is the function's own fault is told as an end, not raised.
    """
    lock = threading.Lock()
    there: list[Jail] = []
    wanted = True

    def make() -> Jail:
        try:
            jail = spawn()
        except Exception as problem:
            told = str(getattr(problem, "problem", ""))
            # Why by name: the one who makes sandboxes is another room.
            wrapped = bool(wrapper) and told.startswith(f"`{wrapper}`")
            if getattr(problem, "step", "") != STARTING or not (wrapped or told.startswith(OWN)):
                raise
            jail = Stillborn(told, wrapped)
        with lock:
            if wanted:
                there.append(jail)
                return jail
        discard(jail)
        return jail

    try:
        return await asyncio.to_thread(make)
    except asyncio.CancelledError:
        with lock:
            wanted = False
        for jail in there:
            threading.Thread(target=discard, args=(jail,), name="valve-discard").start()
        raise


def discard(jail: Jail) -> None:
    """End a jail that never served, and close what is ours of it. Blocks until it is gone."""
    jail.kill()
    for descriptor in (jail.stdout, jail.stderr):
        os.close(descriptor)
    for listener in (*jail.listeners.tcp, *jail.listeners.udp):
        listener.close()
    jail.wait()
