"""Starts a zygote and has it give birth: sandboxes like those of `spawn`, from an interpreter that is warm.

Knows the process and the socket to it. Does not know what it has imported, nor namespaces; see `spawner`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

from valve_aws.model.plan import Bind, Jail, Plan
from valve_aws.sandbox.process import (
    PACKAGE_ROOT,
    SandboxError,
    introduce,
    last_words,
    launch,
    order_of,
    written,
)
from valve_aws.sandbox.remedy import remedy

GROWTH = 30.0
"""Seconds until it has imported what it is to import; a busy machine needs one."""
OURS = "/var/valve/valve_aws"
"""Where the walls show in it."""


def _distrust(binds: tuple[Bind, ...]) -> None:
    """Raise SandboxError where root would run another's code: a zygote has every capability, and no walls."""
    for bind in binds if os.geteuid() == 0 else ():
        if bind.source.stat().st_uid != 0:
            raise SandboxError(
                "grow a zygote",
                f"`{bind.source}` is not root's own",
                "set VALVE_CACHE to a folder of root's and use an interpreter of root's, or run as its owner",
            )


class Zygote:
    """A running zygote. Thread-safe; it ends with `close`, and with the valve."""

    def __init__(
        self, outer: subprocess.Popen[bytes], control: socket.socket, stdout: int, stderr: int
    ) -> None:
        self._outer, self._control, self._outputs = outer, control, (stdout, stderr)
        self._asking = threading.Lock()
        self._closed = False

    @classmethod
    def grow(cls, plan: Plan) -> Zygote:
        """Start one and wait until it can give birth: blocks for some hundred milliseconds.

        `plan` has the command, the variables and the view of an interpreter before it meets any function.
        Raises SandboxError.
        """
        walls = Bind(Path(PACKAGE_ROOT) / "valve_aws", OURS)
        _distrust((*plan.binds, walls))
        order = order_of(replace(plan, binds=(*plan.binds, walls)))
        made = cls(*launch(order, "zygote"))
        try:
            made._wait()
        except BaseException:
            made.close()
            raise
        return made

    def _wait(self) -> None:
        """Read its messages until it has grown."""
        self._control.settimeout(GROWTH)
        while True:
            message, received, _, _ = socket.recv_fds(self._control, 8192, 4, socket.MSG_CMSG_CLOEXEC)
            for descriptor in received:
                os.close(descriptor)
            words = message.decode("utf-8", "replace").split("\t")
            match words[0]:
                case "born":
                    continue
                case "grown":
                    return
                case "fail":
                    raise SandboxError(words[1], words[3], remedy(words[1], int(words[2])))
                case _:
                    what = last_words(self._outputs[1]) or "it ended"
                    raise SandboxError("grow a zygote", what, remedy("", 0))

    def spawn(self, plan: Plan) -> Jail:
        """Make a sandbox and start the plan's program in it, as `sandbox.spawn` does.

        Raises SandboxError. The listeners and the two output descriptors are the caller's to close.
        """
        order = order_of(plan)
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stdout, stdout_inside = os.pipe()
        stderr, stderr_inside = os.pipe()
        given = written(order)
        handed = (theirs.detach(), given, stdout_inside, stderr_inside)
        try:
            with self._asking:
                socket.send_fds(self._control, [b"bear"], handed)
        except OSError as problem:
            # Why another step: too many descriptors under way say nothing of the zygote.
            step = "hand over" if problem.errno == errno.ETOOMANYREFS else "ask the zygote"
            raise SandboxError(step, str(problem), remedy("", 0)) from problem
        finally:
            for descriptor in handed:
                os.close(descriptor)
        try:
            return introduce(None, control, stdout, stderr)
        except BaseException:
            for descriptor in (stdout, stderr):
                os.close(descriptor)
            control.close()
            raise

    def close(self) -> None:
        """End it, and every sandbox that came of it."""
        with self._asking:
            if self._closed:
                return
            self._closed = True
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._outer.wait(2)
        self._outer.kill()
        self._outer.wait()
        for descriptor in self._outputs:
            os.close(descriptor)
