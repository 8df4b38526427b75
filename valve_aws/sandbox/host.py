"""What this host can enforce, found out by making a sandbox and looking around in it.

Knows which properties make a boundary. Does not know how they come about.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

from valve_aws.model.plan import Plan, Strength
from valve_aws.sandbox.files import text
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


BOUNDED = "by a control group ({}), the kernel's buffers included"
NOT_BOUNDED = (
    "only by 8,192 open descriptors, as no control group can be made here: run as root, or under "
    "`systemd-run --user --scope --property=Delegate=yes`"
)
OWN_COUNTERS = "each sandbox has a uid of its own"
SHARED_COUNTERS = (
    "sandboxes of one user share its allowance of pipe pages and epoll watches, by which two of them could "
    "signal: run as root for a uid each"
)

# setting of the host → values that stand in the way → what that means and what to do
OBSTACLES: tuple[tuple[str, str, str, str], ...] = (
    (
        "AppArmor",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "it keeps ordinary users from user namespaces (Ubuntu 24.04 and later): run as root, or "
        "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
    ),
    (
        "user namespaces",
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "only root may make them (older Debian): run as root, or "
        "`sudo sysctl kernel.unprivileged_userns_clone=1`",
    ),
    (
        "user namespaces",
        "/proc/sys/user/max_user_namespaces",
        "0",
        "there may be none: `sudo sysctl user.max_user_namespaces=15000`",
    ),
    (
        "file locks",
        "/proc/sys/kernel/yama/ptrace_scope",
        "23",
        "`fcntl` locks answer ENOLCK inside, which stops SQLite: `sudo sysctl kernel.yama.ptrace_scope=1`",
    ),
)


def obstacles(read: Callable[[str], str]) -> tuple[Check, ...]:
    """Return a line for each setting of the host that stands in the way. `read` gives the text of a file, ""
    when it is not there."""
    return tuple(
        (what, False, meaning)
        for what, path, values, meaning in OBSTACLES
        if (value := read(path).strip()) and value in values
    )


def strength() -> Strength:
    """Make a sandbox and report what holds inside, one line each with its remedy; takes about 40 ms.

    A sandbox that cannot be made is a line too, never an exception.
    """
    system: Check = ("Linux", sys.platform == "linux", os.uname().release)
    try:
        jail = spawn(Plan(argv=LOOK, environ={"PATH": "/usr/bin:/bin"}, directory="/"))
    except SandboxError as problem:
        return Strength(False, (system, ("sandbox", False, str(problem)), *obstacles(text)))
    try:
        seen = _read_all(jail.stdout)
        jail.wait(PATIENCE)
        families = {each.family for each in jail.listeners.tcp}
        every_port = jail.listeners.all_ports
        group = str(getattr(jail, "group", ""))
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
        ("kernel settings", "read-only" in seen, "/proc/sys is a folder of copies"),
    )
    ipv6 = socket.AF_INET6 in families
    extras = (
        ("every TCP port", every_port, "reaches the valve and is recorded" if every_port else ALL_PORTS),
        ("IPv6", True, "captured" if ipv6 else "this kernel has none, so nothing can leave by it"),
        ("memory limit", True, "by proportional set size, checked every 5 to 250 ms"),
        ("kernel memory", bool(group), BOUNDED.format(group) if group else NOT_BOUNDED),
        ("own counters", os.geteuid() == 0, OWN_COUNTERS if os.geteuid() == 0 else SHARED_COUNTERS),
        *obstacles(text),
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
