"""Starts the spawner, takes over the listeners it made, and asks pid 1 of the sandbox for things afterwards.

Knows child processes and the socket to them. Does not know namespaces; see `inside/`.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from valve_aws.model.plan import Jail, Listeners, Plan
from valve_aws.sandbox import machine
from valve_aws.sandbox.files import processors
from valve_aws.sandbox.inside.cgroup.files import Group
from valve_aws.sandbox.order import Order
from valve_aws.sandbox.remedy import remedy

PROGRAM = (
    "import os, sys; sys.path.append(os.environ['ROOT']); "
    "from valve_aws.sandbox.{}.spawner import main; main()"
)
PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
NAMELESS = "/proc/self/exe"
"""What the spawner is called, since its arguments can be read inside as pid 1's: an interpreter finds its
library from here too, and no path of the host is in it. The environment of pid 1 cannot be read."""
PATIENCE = 20.0
"""Seconds for a step of the spawner or an answer of pid 1; a busy machine needs tens of milliseconds."""
FAREWELL = 2.0
"""Seconds that a failed spawner has to remove its control group."""
MOST_DESCRIPTORS = 64
KILLED = -int(signal.SIGKILL)


class SandboxError(Exception):
    """A sandbox could not be made: at which step, what the kernel said, and what to do. Nothing of it is
    left."""

    def __init__(self, step: str, problem: str, what_to_do: str) -> None:
        self.step = step
        self.problem = problem
        self.remedy = what_to_do
        super().__init__(f"cannot {step}: {problem}; {what_to_do}")


def spawn(plan: Plan) -> Jail:
    """Make a sandbox and start the plan's program in it; return once it has been executed. Thread-safe;
    blocks some 25 ms. Budget: less than 30 ms over the same program without walls.

    Raises SandboxError. The listeners and the two output descriptors are the caller's to close.
    """
    spawner, control, stdout, stderr = launch(order_of(plan))
    try:
        return introduce(spawner, control, stdout, stderr)
    except BaseException:
        _end(spawner)
        os.close(stdout)
        os.close(stderr)
        control.close()
        raise


def launch(order: Order, room: str = "inside") -> tuple[subprocess.Popen[bytes], socket.socket, int, int]:
    """Start the spawner of a room; return it, the socket to it, and where to read its two outputs."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    given = written(order)
    stdout, stdout_inside = os.pipe()
    stderr, stderr_inside = os.pipe()
    try:
        spawner = subprocess.Popen(
            [NAMELESS, "-I", "-S", "-c", PROGRAM.format(room), str(theirs.fileno())],
            executable=_interpreter(),
            stdin=given,
            stdout=stdout_inside,
            stderr=stderr_inside,
            pass_fds=(theirs.fileno(),),
            env={"ROOT": PACKAGE_ROOT},
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        for descriptor in (stdout, stderr):
            os.close(descriptor)
        control.close()
        raise
    finally:
        for descriptor in (given, stdout_inside, stderr_inside, theirs.detach()):
            os.close(descriptor)
    return spawner, control, stdout, stderr


def written(order: Order) -> int:
    """Return a descriptor from which an order can be read."""
    given = os.memfd_create("order")
    with open(given, "wb", closefd=False) as file:
        marshal.dump(dict(order), file)
    os.lseek(given, 0, os.SEEK_SET)
    return given


def _end(spawner: subprocess.Popen[bytes]) -> None:
    """Let a spawner that has failed clear up after itself, for a moment."""
    try:
        spawner.wait(FAREWELL)
    except subprocess.TimeoutExpired:
        spawner.kill()  # pid 1 dies with it
        spawner.wait()


def order_of(plan: Plan) -> Order:
    """Return a plan in plain values. Raises SandboxError where there is no sandbox of ours."""
    architecture = platform.machine()
    program = Path(__file__).parent / "seccomp" / f"{architecture}.bin"
    if sys.platform != "linux" or not program.exists():
        raise SandboxError(
            "enforce anything here",
            f"{sys.platform} on {architecture} has no sandbox of ours",
            "run in a Linux virtual machine (x86_64 or aarch64)",
        )
    return Order(
        argv=list(plan.argv),
        environ=dict(plan.environ),
        directory=plan.directory,
        binds=[(str(bind.source), bind.target) for bind in plan.binds],
        files=dict(plan.files),
        machine=machine.shown(plan.memory, len(os.sched_getaffinity(0)), processors(), plan.hostname),
        memory=plan.memory,
        ephemeral=plan.ephemeral,
        processes=plan.processes,
        descriptors=plan.descriptors,
        hostname=plan.hostname,
        filter=program.read_bytes(),
    )


def _interpreter() -> str:
    """Return the interpreter below a virtual environment: it starts sooner, and the spawner needs none of its
    packages."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def introduce(
    spawner: subprocess.Popen[bytes] | None, control: socket.socket, stdout: int, stderr: int
) -> Jail:
    """Read the messages of a sandbox that is being made up to `ready`; one without a spawner of its own is a
    zygote's child, whose control group is ours to remove."""
    control.settimeout(PATIENCE)
    pid, pid_handle, group, folders = 0, -1, "", []
    listeners = Listeners((), (), all_ports=False)
    try:
        while True:
            message, received, _, _ = socket.recv_fds(
                control, 8192, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
            words = message.decode("utf-8", "replace").split("\t")
            match words[0]:
                case "born":
                    pid, pid_handle, group, folders = int(words[1]), received[0], words[2], words[3:]
                case "network":
                    tcp, udp = int(words[1]), int(words[2])
                    sockets = [socket.socket(fileno=number) for number in received]
                    listeners = Listeners(
                        tuple(sockets[:tcp]), tuple(sockets[tcp : tcp + udp]), words[3] == "1"
                    )
                case "ready":
                    return Sandbox(
                        spawner, control, listeners, stdout, stderr, pid, pid_handle, Group(folders, group)
                    )
                case "fail":
                    raise SandboxError(words[1], words[3], remedy(words[1], int(words[2])))
                case _:
                    raise SandboxError("start the spawner", last_words(stderr) or "it ended", remedy("", 0))
    except BaseException as problem:
        for each in (*listeners.tcp, *listeners.udp):
            each.close()
        if pid_handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pid_handle, signal.SIGKILL)
            ended = select.poll()  # which, unlike select, takes a handle beyond the first 1,024
            ended.register(pid_handle, select.POLLIN)
            ended.poll(FAREWELL * 1000)
            os.close(pid_handle)
        Group(folders, group).remove()
        if isinstance(problem, TimeoutError):
            raise SandboxError("make a sandbox", f"no answer for {PATIENCE:.0f} s", remedy("", 0)) from None
        raise


def last_words(stderr: int) -> str:
    """Return the last line of what was said so far."""
    os.set_blocking(stderr, False)
    with contextlib.suppress(OSError):
        return os.read(stderr, 65536).decode("utf-8", "replace").strip().rpartition("\n")[2]
    return ""


class Sandbox:
    """A running sandbox: the port `Jail`, and why it ended."""

    def __init__(
        self,
        spawner: subprocess.Popen[bytes] | None,
        control: socket.socket,
        listeners: Listeners,
        stdout: int,
        stderr: int,
        pid: int,
        pid_handle: int,
        group: Group,
    ) -> None:
        self.listeners = listeners
        self.stdout = stdout
        self.stderr = stderr
        self.pid = pid
        self.group = group.version
        """The kind of control group that bounds it: `v1`, `v2`, or none."""
        self.cause = ""
        """`memory` when it was ended for using more than the plan's, known once `wait` has returned."""
        self._spawner, self._group = spawner, group
        self._control = control
        self._pid_handle = pid_handle
        self._ended = os.pidfd_open(spawner.pid) if spawner else os.dup(pid_handle)
        self._asking = threading.Lock()
        self._ending = threading.Lock()
        self._last_message: list[str] = []
        self._full = False
        self._status: int | None = None
        self._memory = (0, 0)

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when everything inside has ended (`loop.add_reader`)."""
        return self._ended

    def kill(self) -> None:
        """End every process inside: pid 1 dies, and its namespace with it."""
        with self._ending:
            if self._status is None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pid_handle, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int | None:
        """Block until everything inside has ended; return the runtime's exit status, None on time-out
        (seconds)."""
        if self._status is None:
            ended = select.poll()
            ended.register(self._ended, select.POLLIN)
            if not ended.poll(None if timeout is None else max(timeout, 0) * 1000):
                return None
            self._bury()
        return self._status

    def _bury(self) -> None:
        with self._asking, self._ending:
            if self._status is not None:
                return
            if self._spawner:
                self._spawner.wait()
            elif self._group.killed_for_memory():
                self._full = True
            until = time.monotonic() + FAREWELL
            while not self._group.remove() and time.monotonic() < until:
                time.sleep(0.002)  # a moment after its end the kernel still counts a process
            while self._read():
                pass
            status = KILLED
            if self._last_message:
                status, self.cause = int(self._last_message[1]), self._last_message[2]
            if status == KILLED and self._full:
                self.cause = "memory"  # the kernel was quicker than pid 1's watch
            self._control.close()
            os.close(self._pid_handle)
            self._status = status

    def freeze(self) -> None:
        """Stop every process inside until `thaw`."""
        self._ask("freeze", "frozen")

    def thaw(self) -> None:
        """Let them go on."""
        self._ask("thaw", "thawed")

    def memory(self) -> int:
        """Return the proportional set size of all processes inside but pid 1, in bytes; the last known once
        it has ended."""
        self._measure()
        return self._memory[0]

    def peak_memory(self) -> int:
        """Return the most that was seen, in bytes."""
        self._measure()
        return self._memory[1]

    def line(self) -> socket.socket:
        """Return a socket of the network inside, not connected. Raises ConnectionError when it has ended."""
        with self._asking:
            if self._status is None and not self._last_message:
                with contextlib.suppress(OSError):
                    self._control.send(b"line")
                    while received := socket.recv_fds(self._control, 256, 1, socket.MSG_CMSG_CLOEXEC):
                        words, rights, _, _ = received
                        if rights:
                            return socket.socket(fileno=rights[0])
                        if self._heard(words)[:1] in ([], ["busy"]):
                            break
        raise ConnectionError("there is no way into the sandbox")

    def _measure(self) -> None:
        words = self._ask("memory", "memory")
        if words:
            self._memory = (int(words[1]), int(words[2]))

    def _ask(self, order: str, answer: str) -> list[str]:
        """Return the words of pid 1's answer; none when it has ended."""
        with self._asking:
            if self._status is not None or self._last_message:
                return []
            try:
                self._control.send(order.encode())
            except OSError:
                return []
            until = time.monotonic() + PATIENCE
            while (words := self._read()) and words[0] != answer and time.monotonic() < until:
                pass
            return words

    def _read(self) -> list[str]:
        try:
            return self._heard(self._control.recv(256))
        except OSError:
            return []

    def _heard(self, message: bytes) -> list[str]:
        """Take one message of pid 1's or of the spawner's; return its words, none at the end."""
        words = message.decode("ascii", "replace").split(" ")
        if words[0] == "exit":
            self._last_message = words
        self._full |= words[0] == "full"
        return words if words != [""] else []

    def __del__(self) -> None:
        """Close what `wait` has left; nobody can be waiting on it any more."""
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._ended)
