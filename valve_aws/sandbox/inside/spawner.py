"""The program that makes one sandbox; its order is on descriptor 0, and its one argument is the socket to the
valve.

Knows the order of the steps. Does not know the valve: it answers over one socket and ends when that closes.

Two processes stay. The outer one keeps the host's view and waits; it exists because only a process outside a
user namespace may say who is who inside, and because a pid namespace dies with its pid 1 and somebody must
see that. The inner one is pid 1.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # typeshed lacks it; `signal` itself imports enum
import marshal
import os
import sys
from _socket import socket

from valve_aws.sandbox.inside import files, host, listener, process
from valve_aws.sandbox.inside.asked.process import Asked
from valve_aws.sandbox.inside.cgroup.files import make as make_group
from valve_aws.sandbox.inside.files import GID, UID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from valve_aws.sandbox.order import Order

    Begin = Callable[[Order], int]

SOL_SOCKET, SCM_RIGHTS = 1, 1
NOBODY_BASE, NOBODY_COUNT = 0x70000000, 1 << 22
"""Uids that no distribution gives to anyone (systemd, UIDS-GIDS): one for each running spawner, as pids are
below 2**22."""

GROUPED, ALONE = b"g", b"a"
"""What the outer process answers: there is a control group, or none."""


class Teller:
    """Says to the valve how far we are, and where we failed."""

    def __init__(self, control: socket) -> None:
        self.control = control
        self.step = ""

    def at(self, step: str) -> None:
        """From here on a failure is this step's."""
        self.step = step

    def failed(self, problem: BaseException) -> None:
        errno = getattr(problem, "errno", None) or 0
        what = getattr(problem, "strerror", None) or f"{type(problem).__name__}: {problem}"
        if getattr(problem, "filename", None):
            what = f"`{problem.filename}`: {what}"  # type: ignore[attr-defined]  # an OSError's
        self.control.send(f"fail\t{self.step}\t{errno}\t{what}".encode()[:4096])

    def say(self, words: str, descriptors: list[int]) -> None:
        rights = b"".join(number.to_bytes(4, "little") for number in descriptors)
        self.control.sendmsg([words.encode()], [(SOL_SOCKET, SCM_RIGHTS, rights)])


class Outside:
    """Who says to the kernel, from outside a user namespace, who is who in it; and how it is asked."""

    def __init__(self, privileged: bool, ask: int, answered: int, question: bytes) -> None:
        self.privileged = privileged
        self.ask, self.answered, self.question = ask, answered, question
        self.grouped = False
        """There is a control group."""

    def identify(self) -> None:
        """Ask, and wait until it is done."""
        os.write(self.ask, self.question)
        said = os.read(self.answered, 1)
        if not said:
            raise OSError(3, "the outer process is gone")
        self.grouped |= said == GROUPED


def low(descriptor: int) -> socket:
    """Return a socket under the lowest number there is.

    Why: how many descriptors the valve has open would else show inside, as the size of the table that a
    process inherits (`FDSize`, proc(5))."""
    lower = os.dup(descriptor)
    os.close(descriptor)
    return socket(fileno=lower)


def main() -> None:
    """Make the sandbox, or say which step failed; leave nothing behind either way."""
    teller = Teller(low(int(sys.argv[1])))
    try:
        outer(teller, received(teller))
    except BaseException as problem:  # whatever it is, the valve must hear of it
        teller.failed(problem)
        os._exit(1)
    os._exit(0)


def received(teller: Teller) -> Order:
    """Read the order, and be a process that leaves the host's own ones alone."""
    teller.at("read the plan")
    with open(0, "rb", closefd=False) as given:
        order: Order = marshal.load(given)
    os.dup2(os.open("/dev/null", os.O_RDWR), 0)
    os.umask(0o022)
    process.lift()
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # should the host itself run out of memory, a sandbox goes first
    return order


def set_apart(teller: Teller) -> bool:
    """Have a pid namespace for the children, in a user namespace unless we are root; say whether we are."""
    privileged = os.geteuid() == 0
    if privileged:
        teller.at("make a pid namespace")
        host.unshare(host.CLONE_NEWPID)
    else:
        uid, gid = os.geteuid(), os.getegid()
        teller.at("make a user namespace")
        host.unshare(host.CLONE_NEWUSER | host.CLONE_NEWPID)
        # Why 0: whoever is 0 here owns the network namespace's entries in /proc and may close them.
        identify("self", (0, 0), (uid, gid))
    return privileged


def lend(teller: Teller, privileged: bool, pid: int) -> tuple[int, int]:
    """Return the uid and gid that a sandbox has among ours, and give it its outputs. `pid` is the host's
    number of a process that lives as long as the sandbox."""
    if not privileged:
        return 0, 0
    teller.at("lend a uid")
    uid = spare_identity(pid)
    for descriptor in (1, 2):
        os.fchown(descriptor, uid, uid)  # so that a function may open /dev/stdout
    return uid, uid


def outer(teller: Teller, order: Order) -> None:
    """Fork pid 1 into its namespaces, tell the kernel whose uid it has, and wait for its end."""
    privileged = set_apart(teller)
    ours = lend(teller, privileged, os.getpid())
    asked, ask = os.pipe()
    answered, answer = os.pipe()
    inner = os.fork()
    if not inner:
        os.close(asked)
        os.close(answer)
        pid_1(teller, order, Outside(privileged, ask, answered, b"?"), process.start, answered)
        os._exit(0)
    os.close(ask)
    os.close(answered)
    teller.at("bound what it may use")
    group = make_group(f"valve-{os.getpid()}", bound(order), order["processes"])
    group.take(inner)
    teller.at("name pid 1")
    teller.say(f"born\t{inner}\t{group.version}", [os.pidfd_open(inner)])
    teller.at("map the identity")
    if os.read(asked, 1):
        identify(str(inner), (UID, GID), ours)
        os.write(answer, GROUPED if group.folders else ALONE)
    teller.at("give up the outer process's capabilities")
    host.drop_capabilities()
    for descriptor in (1, 2):
        os.dup2(0, descriptor)  # else the function's output would not end with the function
    os.waitpid(inner, 0)
    if group.killed_for_memory():
        teller.control.send(b"full")
    group.remove()


def bound(order: Order) -> int:
    """Return how many bytes everything inside may have, /tmp and what is loaded into memory included."""
    return (order["memory"] + order["ephemeral"]) * process.MIB


def spare_identity(pid: int) -> int:
    """Return a uid of the host that belongs to nobody, for a root that must not lend its own."""
    with open("/proc/self/uid_map") as table:
        first, _, count = (int(number) for number in table.read().splitlines()[-1].split())
    last = first + count
    if last >= NOBODY_BASE + NOBODY_COUNT:
        return NOBODY_BASE + pid
    if count < 4096:
        raise OSError(1, f"root here has only {count} uids to itself, and none to spare")
    return last - 1 - pid % (count // 2)


def identify(process_id: str, inside: tuple[int, int], ours: tuple[int, int]) -> None:
    """Say that in the user namespace of this process there is one user and one group (`inside`), and which of
    ours they are."""
    folder = f"/proc/{process_id}/"
    lines = (
        ("uid_map", f"{inside[0]} {ours[0]} 1"),
        ("setgroups", "deny"),
        ("gid_map", f"{inside[1]} {ours[1]} 1"),
    )
    for name, line in lines:
        with open(folder + name, "w") as file:
            file.write(line)


def pid_1(teller: Teller, order: Order, outside: Outside, begin: Begin, lifeline: int | None) -> bool:
    """Build the sandbox from within, lock it, start the runtime by `begin`, and stay; what `begin` has forked
    to be the runtime comes back at once, with True. The sandbox ends when `lifeline` closes."""
    try:
        runtime, asked = build(teller, order, outside, begin)
        if runtime:
            teller.control.send(b"ready")
    except BaseException as problem:  # whatever it is, the valve must hear of it
        teller.failed(problem)
        return False
    if not runtime:
        teller.control.close()
        return True
    for descriptor in (1, 2):
        os.dup2(0, descriptor)
    watch = process.Watch(order["memory"] * process.MIB, outside.grouped)
    process.Init(teller.control, runtime, watch, asked).run(lifeline)
    return False


def build(
    teller: Teller, order: Order, outside: Outside, begin: Begin
) -> tuple[int, Asked]:
    """The walls, one after the other. The order matters: what needs a capability comes before it is gone."""
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # without handlers pid 1 takes no signal from inside its namespace
    teller.at("make mount, network, ipc and uts namespaces")
    host.unshare(host.CLONE_NEWNS | host.CLONE_NEWNET | host.CLONE_NEWIPC | host.CLONE_NEWUTS)
    teller.at("name the machine")
    host.set_hostname(order["hostname"])
    teller.at("make the network")
    hand_over(teller, *listener.raise_network())
    teller.at("open what shows inside")
    binds = files.gather(order)
    links, copied = files.links_of_the_host(), files.copies()
    teller.at("make an empty root")
    files.enter(links)
    teller.at("lay out the view")
    processes = files.furnish(order, binds, copied)
    teller.at("close the view")
    files.leave()
    if outside.privileged:
        teller.at("leave root's groups")
        os.setgroups([])
    # Why a user namespace even for root, and a second one for everybody else: it owns none of the others, so
    # whoever regains a
    # capability inside can use it on nothing; and limits on processes count from zero in it.
    teller.at("make the function's user namespace")
    host.unshare(host.CLONE_NEWUSER)
    outside.identify()
    # Why only now: we are in our control group by now, and its path, in which the host's number of a process
    # stands, becomes `/`.
    teller.at("make a cgroup namespace")
    host.unshare(host.CLONE_NEWCGROUP)
    os.setresgid(GID, GID, GID)
    os.setresuid(UID, UID, UID)
    teller.at("give up every capability")
    host.drop_capabilities()
    host.die_with_parent(signal.SIGKILL)
    host.hide_memory()
    teller.at("load the system call filter")
    asked = Asked(host.load_filter(order["filter"]), processes, order["memory"] * process.MIB)
    teller.at("start the runtime")
    return begin(order), asked


def hand_over(teller: Teller, tcp: list[socket], udp: list[socket], every_port: bool) -> None:
    """Give the sockets of the network to the valve, and keep none.

    Why so early: how many descriptors a user's processes have under way to each other is bounded by the limit
    of whoever sends, so that behind the function's own limit another sandbox could hinder a start.
    """
    numbers = [each.fileno() for each in (*tcp, *udp)]
    teller.say(f"network\t{len(tcp)}\t{len(udp)}\t{int(every_port)}", numbers)
    for each in (*tcp, *udp):
        each.close()
