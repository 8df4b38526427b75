"""What is to run inside a sandbox, and what one that runs can be asked.

Knows the shape of a plan. Does not know the operating system.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Protocol

from valve_aws.model.value import value


@value
class Bind:
    """A path of the host that shows inside, read-only always."""

    source: Path
    target: str


@value
class Plan:
    """Everything that one environment's sandbox is made of."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    """The whole environment of the process; nothing of the host's is added."""
    directory: str
    """Working directory inside, `/var/task` on Lambda."""
    binds: tuple[Bind, ...] = ()
    """Beside what the sandbox itself brings (`/usr`, libraries, a few files of `/etc`)."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Small read-only files laid into the view, path inside → content; they lie over binds."""
    extensions: tuple[str, ...] = ()
    """What is launched beside the program, by its names in `/opt/extensions`."""
    memory: int = 128
    """MiB for the function; the interpreter's own floor is added by the sandbox where it must be."""
    ephemeral: int = 512
    """MiB of /tmp."""
    wakeful: bool = False
    """What is inside may run between two events too: somebody debugs it."""
    processes: int = 1024
    descriptors: int = 1024
    hostname: str = "169-254-76-1"


@value
class Listeners:
    """Sockets made inside the sandbox's network namespace before the function started, already listening.

    `tcp` accept connections to any address and any port; `getsockname()` of an accepted one is what was
    meant.
    `udp` receive datagrams to port 53 of any address.
    """

    tcp: tuple[socket.socket, ...]
    udp: tuple[socket.socket, ...]
    all_ports: bool
    """False: this kernel has no transparent redirection; only ports 53, 80, 443 and the Runtime API's
    answer."""


class Jail(Protocol):
    """One running sandbox."""

    listeners: Listeners
    stdout: int
    """Descriptor to read the function's standard output from; ours to close."""
    stderr: int
    pid: int
    """Pid 1 of the sandbox as the host sees it."""

    def kill(self) -> None:
        """End every process inside, at once. Idempotent; the namespaces are gone when `wait` returns."""

    def wait(self, timeout: float | None = None) -> int | None:
        """Block until everything inside has ended; return the runtime's exit status (negative: signal),
        None on time-out."""

    def freeze(self) -> None:
        """Stop every process inside until `thaw`."""

    def thaw(self) -> None:
        """Let them go on."""

    def line(self) -> socket.socket:
        """Return a TCP socket of the network inside, not connected, with which we can call whoever listens
        there; ours to close. Raises ConnectionError when everything inside has ended."""

    def peak_memory(self) -> int:
        """Return the most memory used so far, in bytes (PSS or the control group's figure)."""

    def memory(self) -> int:
        """Return the memory in use now, in bytes."""


@value
class Strength:
    """What this host can enforce, one line each, for `valve doctor`."""

    enforced: bool
    checks: tuple[tuple[str, bool, str], ...]
    """(what, holds, what it means or how to mend it)."""
