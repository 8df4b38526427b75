"""Pid 1 of a sandbox: it starts the runtime, reaps, freezes, watches the memory, and ends everything when the
valve goes.

Knows processes of its own pid namespace. Does not know what they run; nothing that they can send changes what
it does.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # typeshed lacks it; `signal` itself imports enum
import os
import resource
import select
import time
from _socket import socket

from valve_aws.sandbox.inside import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from valve_aws.sandbox.inside.asked.process import Asked
    from valve_aws.sandbox.order import Order

SOL_SOCKET, SCM_RIGHTS = 1, 1
AF_INET, SOCK_STREAM, SOCK_CLOEXEC = 2, 1, 0x80000
MIB = 1 << 20
BEYOND = 2048 * MIB
"""What one process may map above the plan's memory before `mmap` itself fails: a backstop should the watch be
starved. It leaves room for thread stacks, which are mapped whole and hardly used."""
LOCKED = 65536
"""Bytes of memory that a process may lock (recorded on Lambda)."""
PAGE = os.sysconf("SC_PAGE_SIZE")
FILL_RATE = 4096 * MIB
"""Bytes a second that a process can touch at most; from it follows when to look again."""
SOONEST, LATEST = 0.005, 0.25
MOST_OPEN = 8192
"""Descriptors of all processes together where there is no control group. Each may be a socket with 200 KiB in
the kernel that belongs to no process, and nothing else bounds them."""
SELF = "1"


def start(order: Order) -> int:
    """Execute the runtime as pid 2; raises OSError when that fails.

    The limits are pid 1's own too, so that nothing is left to do between fork and exec: where page faults are
    slow, forking this interpreter took 1 to 9 ms; posix_spawn, which lends its memory to the child, takes
    0.3."""
    limit(order)
    os.chdir(order["directory"])
    program = _find(order["argv"][0], order["environ"].get("PATH", ""))
    # Python ignores or handles these; what is ignored stays so across exec.
    restored = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD)
    host.close_on_exec_from(3)  # the socket to the valve came by inheritance, and goes no further
    child = os.posix_spawn(program, order["argv"], order["environ"], setsid=True, setsigdef=restored)
    os.chdir("/")
    return child


def go_on(order: Order) -> int:
    """Fork the runtime, as pid 2, from this process, which is a fork of a zygote; return its pid, and 0 in
    the runtime itself, which is then as far as a start of its command would have been."""
    limit(order)
    os.chdir(order["directory"])
    shown, show = os.pipe()
    child = os.fork()
    if child:
        os.chdir("/")
        os.close(show)
        os.read(shown, 1)  # else it would be taken for one that hides, and all its memory for its own
        os.close(shown)
        return child
    os.setsid()
    host.show_memory()
    os.close(show)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return 0


def lift() -> None:
    """Have as many descriptors as the host lets us, until `limit`."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit(order: Order) -> None:
    """Limit what this process and its children may use of the machine."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: LOCKED,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NOFILE: order["descriptors"],
        resource.RLIMIT_NPROC: order["processes"],
        resource.RLIMIT_DATA: order["memory"] * MIB + BEYOND,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _find(program: str, path: str) -> str:
    """Return where a bare name lies, as execvp does."""
    if "/" in program:
        return program
    places = (os.path.join(folder, program) for folder in path.split(":") if folder)
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found is None:
        raise FileNotFoundError(2, f"`{program}` is in no folder of its PATH")
    return found


class Watch:
    """The memory of everything inside but pid 1: proportional set sizes, so that a shared page counts
    once."""

    def __init__(self, limit: int, grouped: bool) -> None:
        self.limit = limit
        self.grouped = grouped
        self.now = 0
        self.peak = 0
        self._most = 0
        self._again = 0.0

    def exceeded(self) -> bool:
        """Look, and say whether the limit is passed.

        Cheaply while the resident sizes fit and do not rise: the true figure costs half a millisecond for
        60 MB, in which the process cannot touch a new page. It rises too as pages stop being shared, so it is
        read once in `LATEST` all the same.
        """
        self.now = resident = _resident()
        if resident > min(self.limit, self._most) or time.monotonic() >= self._again:
            self.measure()
            self._most = max(self._most, resident)
            self._again = time.monotonic() + LATEST
        return self.now > self.limit or (not self.grouped and _open_files() > MOST_OPEN)

    def measure(self) -> None:
        """Read the true figure, however long that takes."""
        self.now = sum(_proportional(pid) for pid in _pids())
        self.peak = max(self.peak, self.now)

    def rest(self) -> float:
        """Seconds within which what is left of the limit cannot be filled."""
        return min(max((self.limit - self.now) / FILL_RATE, SOONEST), LATEST)


def _pids() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and name != SELF]


def _open_files() -> int:
    """Return how many descriptors are open; before Linux 6.2 none of those of a process that hides."""
    total = 0
    for pid in _pids():
        folder = f"/proc/{pid}/fd"
        try:
            total += os.stat(folder).st_size or len(os.listdir(folder))
        except OSError:
            continue  # it has just ended
    return total


def _resident() -> int:
    total = 0
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                total += int(file.read().split()[1]) * PAGE
        except OSError:
            continue  # it has just ended
    return total


def _proportional(pid: str) -> int:
    """Return a process's share in bytes; of one that hides (PR_SET_DUMPABLE) all that is resident."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            rollup = file.read()
        return int(rollup.split(b"\nPss:", 1)[1].split(None, 1)[0]) * 1024
    except PermissionError:
        pass
    except (OSError, IndexError):
        return 0  # it has just ended
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


class Init:
    """The loop of pid 1. Orders come from the valve over `control`; its end of file is the valve's death."""

    def __init__(self, control: socket, runtime: int, watch: Watch, asked: Asked) -> None:
        self.control = control
        self.asked = asked
        self.runtime = runtime
        self.watch = watch
        self.frozen = False
        self.cause = ""
        self.status: int | None = None
        self.woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # else the byte of set_wakeup_fd is not written
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self, lifeline: int | None) -> None:
        """Serve until the runtime ends, the valve goes, or the spawner outside (`lifeline`) does."""
        waiting = select.poll()
        for descriptor in (self.control.fileno(), self.woken, lifeline, self.asked.listener):
            if descriptor is not None:
                waiting.register(descriptor, select.POLLIN)
        look_again = 0.0
        self.reap()
        while self.status is None:
            rest = max(min(look_again - time.monotonic(), self.asked.rest()), 0) * 1000
            ready = dict(waiting.poll(None if self.frozen else rest))
            if lifeline in ready:
                return
            if self.woken in ready:
                os.read(self.woken, 4096)
                self.reap()
            if self.control.fileno() in ready and not self.obey(self.control.recv(64)):
                return
            if self.asked.listener in ready:
                self.asked.take()
            elif self.asked.waiting and not self.frozen:
                self.asked.again()
            if not self.frozen and time.monotonic() >= look_again:
                if self.watch.exceeded():
                    self.cause = "memory"
                    _everyone(signal.SIGKILL)
                look_again = time.monotonic() + self.watch.rest()
                self.asked.forget()
        self.control.send(f"exit {self.status} {self.cause}".encode())

    def reap(self) -> None:
        """Take up every process that has ended: orphans become children of pid 1."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == self.runtime:
                    self.status = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return

    def obey(self, order: bytes) -> bool:
        """Carry out one order and answer it; False when there will be no more."""
        if order == b"freeze":
            # Invariant: nothing inside can then send SIGCONT (seccomp/table.py: F_SETSIG, timer_create,
            # mq_*).
            self.frozen = True
            _everyone(signal.SIGSTOP)
            answer = b"frozen"
        elif order == b"thaw":
            self.frozen = False
            _everyone(signal.SIGCONT)
            answer = b"thawed"
        elif order == b"memory":
            self.watch.measure()
            answer = f"memory {self.watch.now} {self.watch.peak}".encode()
        elif order == b"line":
            self.hand_over()
            return True
        else:
            return False
        self.control.send(answer)
        return True


    def hand_over(self) -> None:
        """Give the valve a socket of the network in here, with which it can call whoever listens there."""
        try:
            made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
            number = made.fileno().to_bytes(4, "little")
            self.control.sendmsg([b"line"], [(SOL_SOCKET, SCM_RIGHTS, number)])
            made.close()
        except OSError:
            self.control.send(b"busy")  # too many descriptors are under way, ours or another's


def _everyone(number: int) -> None:
    """Signal every process of this pid namespace but pid 1, in one step that no fork escapes (kill(2))."""
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass
