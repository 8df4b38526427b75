"""What this host can enforce, found out by making a sandbox and looking around in it.

Knows which properties make a boundary. Does not know how they come about.
"""

from __future__ import annotations

import os
import socket
import sys

from valve_aws.model.plan import Plan, Strength
from valve_aws.sandbox.process import SandboxError, spawn

LOOK = (
    "/bin/sh",
    "-c",
    "cat /proc/self/status /proc/self/uid_map;"
    " (echo x > /proc/sys/kernel/domainname) 2>/dev/null || echo read-only",
)
PATIENCE = 10.0

Check = tuple[str, bool, str]

ALL_PORTS = (
    "only ports 53, 80, 443 and the Runtime API's are answered, other TCP ports refuse: "
    "load the kernel module nft_tproxy (`sudo modprobe nft_tproxy`) to have every port recorded"
)


def strength() -> Strength:
    """Make a sandbox and report what holds inside, one line each with its remedy; takes about 40 ms.

    A sandbox that cannot be made is a line too, never an exception.
    """
    system: Check = ("Linux", sys.platform == "linux", os.uname().release)
    try:
        jail = spawn(Plan(argv=LOOK, environ={"PATH": "/usr/bin:/bin"}, directory="/"))
    except SandboxError as problem:
        return Strength(False, (system, ("sandbox", False, str(problem))))
    try:
        seen = _read_all(jail.stdout)
        jail.wait(PATIENCE)
        families = {each.family for each in jail.listeners.tcp}
        every_port = jail.listeners.all_ports
    finally:
        jail.kill()
        jail.wait()
        for each in (*jail.listeners.tcp, *jail.listeners.udp):
            each.close()
        os.close(jail.stdout)
        os.close(jail.stderr)
    status = dict(line.split(":", 1) for line in seen.splitlines() if ":" in line)
    walls = (
        ("namespaces", _own_pids(status), "own user, mount, pid, network, ipc, uts, cgroup namespaces"),
        (
            "no capability",
            _no_capability(status),
            "permitted, inheritable, ambient and bounding sets are empty",
        ),
        ("no new privileges", status.get("NoNewPrivs", "").strip() == "1", "set-uid programs gain nothing"),
        ("system call filter", status.get("Seccomp", "").strip() == "2", "default deny"),
        ("own uid", _own_uid(seen), "a function never has the uid 0 of the host"),
        ("kernel settings", "read-only" in seen, "/proc/sys is read-only"),
    )
    ipv6 = socket.AF_INET6 in families
    extras = (
        ("every TCP port", every_port, "reaches the valve and is recorded" if every_port else ALL_PORTS),
        ("IPv6", True, "captured" if ipv6 else "this kernel has none, so nothing can leave by it"),
        (
            "memory limit",
            True,
            "by proportional set size, checked every 5 to 250 ms; buffers in the kernel are not counted",
        ),
    )
    return Strength(all(holds for _, holds, _ in walls), (system, *walls, *extras))


def _own_pids(status: dict[str, str]) -> bool:
    """One number, and a small one: the shell is pid 2, and no pid namespace lies below it."""
    pids = status.get("NSpid", "").split()
    return len(pids) == 1 and int(pids[0]) < 10


def _no_capability(status: dict[str, str]) -> bool:
    return all(
        status.get(name, "").strip("\t 0") == "" and name in status
        for name in ("CapInh", "CapPrm", "CapBnd", "CapAmb")
    )


def _own_uid(seen: str) -> bool:
    """Look at the uid map as the sandbox's own processes see it: `inside outside count`."""
    maps = [
        line.split() for line in seen.splitlines() if len(line.split()) == 3 and line.strip()[0].isdigit()
    ]
    return len(maps) == 1 and maps[0][2] == "1" and (os.geteuid() != 0 or maps[0][1] != "0")


def _read_all(descriptor: int) -> str:
    content = b""
    while chunk := os.read(descriptor, 65536):
        content += chunk
    return content.decode("utf-8", "replace")
