"""What a zygote does: it makes its view, executes the interpreter there, and forks whenever the valve asks.

Knows the order of the steps. Does not know what the interpreter has imported, nor any environment: what one
is made of is received by the child, after the fork.

A zygote is pid 1 of a pid namespace that holds it and all its environments, so nothing of them outlives it.
Beside its outputs it has four descriptors, with fixed numbers; none of them is an environment's.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # typeshed lacks it; `signal` itself imports enum
import marshal
import os
import select
import sys
from _socket import socket

from valve_aws.sandbox.inside import files, host, process, spawner
from valve_aws.sandbox.inside.cgroup.files import make as make_group
from valve_aws.sandbox.inside.cgroup.files import sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from valve_aws.sandbox.order import Order

    Fits = Callable[[list[str], Mapping[str, str]], bool]

CONTROL, HOST_VIEW, PIDS, HOST_PROC = 3, 4, 5, 6
"""The socket to the valve, the host's mounts, the pid namespace to go back to, the host's /proc."""
ASIDE = 100
MSG_PEEK = 2
NUMBERS = 4 * 16
"""Bytes of control message for more descriptors than ever come."""


def main() -> None:
    """Fork the zygote into a pid namespace, and wait for its end; or say which step failed."""
    teller = spawner.Teller(spawner.low(int(sys.argv[1])))
    try:
        order = spawner.received(teller)
        spawner.set_apart(teller)
        inner = os.fork()
    except BaseException as problem:  # whatever it is, the valve must hear of it
        teller.failed(problem)
        os._exit(1)
    if not inner:
        try:
            grow(teller, order)
        except BaseException as problem:  # whatever it is, the valve must hear of it
            teller.failed(problem)
        os._exit(1)
    teller.control.close()
    host.drop_capabilities()
    for descriptor in (1, 2):
        os.dup2(0, descriptor)
    os.waitpid(inner, 0)
    sweep()
    os._exit(0)


def grow(teller: spawner.Teller, order: Order) -> None:
    """Make the view of an interpreter before it meets any function, and execute it; returns only by
    failing."""
    teller.at("keep the host's view")
    host.unshare(host.CLONE_NEWNS)
    kept = {
        CONTROL: teller.control.detach(),
        HOST_VIEW: os.open("/proc/self/ns/mnt", os.O_RDONLY),
        PIDS: os.open("/proc/self/ns/pid", os.O_RDONLY),
        HOST_PROC: os.open("/proc", os.O_RDONLY | os.O_DIRECTORY),
    }
    for place, number in kept.items():
        os.dup2(number, ASIDE + place, inheritable=False)
    teller.control = socket(fileno=ASIDE + CONTROL)
    # Why a network of its own: what `furnish` takes away of /proc/net would else be the host's.
    host.unshare(host.CLONE_NEWNS | host.CLONE_NEWNET | host.CLONE_NEWIPC | host.CLONE_NEWUTS)
    teller.at("open what shows in the zygote")
    binds = files.gather(order)
    links, copied = files.links_of_the_host(), files.copies()
    teller.at("make the zygote's root")
    files.enter(links)
    files.furnish(order, binds, copied)
    files.leave()
    os.chdir(order["directory"])
    teller.at("start the zygote's interpreter")
    for place in kept:
        os.dup2(ASIDE + place, place, inheritable=True)
    host.close_on_exec_from(HOST_PROC + 1)
    # Python ignores these; what is ignored stays so across exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execve(order["argv"][0], order["argv"], order["environ"])


def serve(fits: Fits) -> Order:
    """Fork for each order; return, with the order, in a child that is to become what its command would have
    started. `fits` says for which command and variables that is so; any other command is executed.

    Ends with the valve. Invariant: no child was made from a process that had seen an order.
    """
    host.die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the kernel reaps
    control = socket(fileno=CONTROL)
    control.send(b"grown")
    asking: dict[int, int] = {}
    while True:
        waiting = select.poll()
        for number in (CONTROL, *asking):
            waiting.register(number, select.POLLIN)
        for number, _ in waiting.poll():
            if number != CONTROL:
                _name(number, asking.pop(number))
            elif not control.recv(1, MSG_PEEK):
                os._exit(0)
            else:
                born = _bear(control, asking, fits)
                if born is not None:
                    return born


def privileged() -> bool:
    """Say whether we are the host's root, and not just a namespace's, which has one uid."""
    with open("/proc/self/uid_map") as table:
        return table.read().split()[2] != "1"


def _name(asked: int, answer: int) -> None:
    """Tell the kernel whose uid a child has, once it asks by its number on the host."""
    number = os.read(asked, 16).decode()
    os.close(asked)
    try:
        if number:
            uid = spawner.spare_identity(int(number)) if privileged() else 0
            folder = f"self/fd/{HOST_PROC}/{number}"
            spawner.identify(folder, (files.UID, files.GID), (uid, uid))
            os.write(answer, b"!")
    except OSError:
        pass  # it has ended, or finds by itself that nobody has answered
    os.close(answer)


def _bear(control: socket, asking: dict[int, int], fits: Fits) -> Order | None:
    """Fork a child into a pid namespace of its own, and wait until it has taken its order off the socket."""
    host.enter(PIDS, host.CLONE_NEWPID)
    host.unshare(host.CLONE_NEWPID)
    asked, ask = os.pipe()
    answered, answer = os.pipe()
    took, take = os.pipe()
    if os.fork():
        for number in (ask, answered, take):
            os.close(number)
        os.read(took, 1)
        os.close(took)
        asking[asked] = answer
        return None
    order: Order | None = None
    try:
        order = _live(control, take, ask, answered, fits)
    finally:
        if order is None:
            os._exit(0)
    return order


def _live(control: socket, take: int, ask: int, answered: int, fits: Fits) -> Order | None:
    """Be pid 1 of a sandbox until it ends; return, with the order, in the process that is its pid 2."""
    _, rights, _, _ = control.recvmsg(16, NUMBERS)
    numbers = rights[0][2]
    mine, given, stdout, stderr = (int.from_bytes(numbers[at : at + 4], "little") for at in range(0, 16, 4))
    control.close()
    os.close(take)
    teller = spawner.Teller(socket(fileno=mine))
    try:
        teller.at("read the plan")
        with open(given, "rb") as file:
            order: Order = marshal.load(file)
        for there, here in ((stdout, 1), (stderr, 2)):
            os.dup2(there, here)
        number = os.readlink("self", dir_fd=HOST_PROC)
        root = privileged()
        spawner.lend(teller, root, int(number))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        teller.at("see the host's files")
        host.enter(HOST_VIEW, host.CLONE_NEWNS)
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)  # the zygote's would be shared with every child
        host.close_all_but(0, 1, 2, mine, ask, answered)
        teller.at("bound what it may use")
        group = make_group(f"valve-{number}", spawner.bound(order), order["processes"])
        group.take(0)
        teller.at("name pid 1")
        told = "\t".join(("born", number, group.version, *group.folders))
        teller.say(told, [os.pidfd_open(1)])
    except BaseException as problem:  # whatever it is, the valve must hear of it
        teller.failed(problem)
        return None
    outside = spawner.Outside(root, ask, answered, number.encode())
    outside.grouped = bool(group.folders)

    def begin(order: Order) -> int:
        return (process.go_on if fits(order["argv"], order["environ"]) else process.start)(order)

    if not spawner.pid_1(teller, order, outside, begin, None):
        return None
    host.close_all_but(0, 1, 2)
    return order
