"""The door to a running jail's descriptors and end: its output read on the loop, its death told to the loop.

Knows descriptors and threads. Does not know what a line means.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

from valve_aws.environments.lines import Lines
from valve_aws.model.plan import Jail

CHUNK = 64 * 1024
SWEEP = 4 * 1024 * 1024
"""Bytes of one stream read at most when an invocation ends: an endless writer must not hold the loop."""


class Pump:
    """Reads a jail's two streams and hands their lines on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, jail: Jail, line: Callable[[str, str], None]) -> None:
        self._loop = loop
        self._line = line
        self._open: dict[str, tuple[int, Lines]] = {}
        for stream, descriptor in (("stdout", jail.stdout), ("stderr", jail.stderr)):
            os.set_blocking(descriptor, False)
            self._open[stream] = (descriptor, Lines())
            loop.add_reader(descriptor, self._read, stream)

    def sweep(self) -> None:
        """Read what has been written so far, and take an unfinished line for a line."""
        for stream in list(self._open):
            lines = self._open[stream][1]
            for _ in range(SWEEP // CHUNK):
                if self._read(stream) < CHUNK:
                    break
            for line in lines.flush():
                self._line(stream, line)

    def close(self) -> None:
        """Read what is left and let go of the descriptors. Idempotent."""
        self.sweep()
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


async def born(spawn: Callable[[], Jail]) -> Jail:
    """Run `spawn` in a thread. If nobody waits any more when its jail is there, the jail is ended."""
    lock = threading.Lock()
    there: list[Jail] = []
    wanted = True

    def make() -> Jail:
        jail = spawn()
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
