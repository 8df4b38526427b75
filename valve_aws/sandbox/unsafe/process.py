"""Runs a plan as an ordinary child process of ours, with the host's files, network and user around it.

Knows processes and loopback sockets. Guards nothing: a function reads what you can read and calls whom you
can call.

What differs from a sandbox, beside the walls: listeners are on ephemeral loopback ports and see only those
who are told of them, there is no DNS, binds and files are not laid out (the caller uses paths of the host),
/tmp is the host's, memory is not limited.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from valve_aws.model.plan import Jail, Listeners, Plan

BACKLOG = 128


def loopback_listeners() -> Listeners:
    """Return two TCP listeners on ephemeral ports of 127.0.0.1, the proxy's and the Runtime API's."""
    made = []
    for _ in range(2):
        each = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        each.bind(("127.0.0.1", 0))
        each.listen(BACKLOG)
        made.append(each)
    return Listeners(tuple(made), (), all_ports=False)


def spawn_unsafe(plan: Plan, listeners: Listeners) -> Jail:
    """Start the program in `plan.directory` of the host, beside listeners whose ports its environment
    names."""
    stdout, stdout_of_child = os.pipe()
    stderr, stderr_of_child = os.pipe()
    try:
        child = subprocess.Popen(
            plan.argv,
            env=dict(plan.environ),
            cwd=plan.directory,
            stdin=subprocess.DEVNULL,
            stdout=stdout_of_child,
            stderr=stderr_of_child,
            start_new_session=True,
        )
    except BaseException:
        os.close(stdout)
        os.close(stderr)
        raise
    finally:
        os.close(stdout_of_child)
        os.close(stderr_of_child)
    return Unguarded(child, listeners, stdout, stderr)


class Unguarded:
    """The port `Jail` over a process group. A child that leaves the group escapes all of this."""

    def __init__(
        self, child: subprocess.Popen[bytes], listeners: Listeners, stdout: int, stderr: int
    ) -> None:
        self.listeners = listeners
        self.stdout = stdout
        self.stderr = stderr
        self.pid = child.pid
        self._child = child
        self._peak = 0

    def kill(self) -> None:
        """End the process group."""
        self._signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int | None:
        """Block until the first process has ended; then end what is left of its group."""
        try:
            status = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return status

    def line(self) -> socket.socket:
        """Return a socket, not connected: the network inside is the host's."""
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def freeze(self) -> None:
        """Stop the process group."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def memory(self) -> int:
        """Return the resident set of the first process, in bytes, where /proc tells it; else 0."""
        now = next(self._figures("VmRSS:"), 0)
        self._peak = max(self._peak, now, *self._figures("VmHWM:"))
        return now

    def peak_memory(self) -> int:
        """Return the most of it so far."""
        self.memory()
        return self._peak

    def _figures(self, name: str) -> Iterator[int]:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith(name):
                    yield int(line.split()[1]) * 1024

    def _signal(self, number: int) -> None:
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
