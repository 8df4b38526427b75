"""One control group: it bounds what pid 1's watch cannot see, the kernel's buffers of sockets and pipes.

Knows the folders and files of cgroup v1 and v2 (Documentation/admin-guide/cgroup-v1, cgroup-v2.rst). Does not
know when a sandbox is over.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_THE_KERNEL = 192 << 20
"""Bytes beyond the function's memory and its /tmp: stacks, page tables, ordinary buffers, pid 1."""

# controller → file → what is written; the first file must be there
V1 = {
    "memory": (("memory.limit_in_bytes", "{bytes}"), ("memory.memsw.limit_in_bytes", "{bytes}")),
    "pids": (("pids.max", "{processes}"),),
}
V2 = (("memory.max", "{bytes}"), ("memory.swap.max", "0"), ("pids.max", "{processes}"))
PARENT = "valve-aws"
"""The folder that groups are made in. Why: whoever removes a group has given up its capabilities by then, and
may write into no folder but one of its own. Where the one above is closed to it, this one stays, empty."""
OLD = 60.0
"""Seconds after which a group that nobody is in is nobody's."""
TRIES = 5
"""The last of other groups may remove it while ours is being made."""

KILLS = ("memory.oom_control", "memory.events")
"""Where v1 and v2 count whom the kernel has killed for memory, as a line `oom_kill N`."""


class Group:
    """The folders that stand for it: one in v2, one for each controller in v1, none where none can be."""

    def __init__(self, folders: list[str], version: str) -> None:
        self.folders = folders
        self.version = version

    def take(self, process: int) -> None:
        """Put a process in it, and whatever that process forks from then on."""
        for folder in self.folders:
            _write(f"{folder}/cgroup.procs", str(process))

    def killed_for_memory(self) -> bool:
        """Say whether the kernel has ended something in it because its memory was full."""
        for path in (f"{folder}/{name}" for folder in self.folders for name in KILLS):
            try:
                with open(path, "rb") as file:
                    words = file.read().split()
            except OSError:
                continue
            if b"oom_kill" in words and words[words.index(b"oom_kill") + 1] != b"0":
                return True
        return False

    def remove(self) -> bool:
        """Remove it, once nothing runs in it; say whether it is gone."""
        for folder in self.folders:
            _remove(folder)
        return not any(os.path.exists(folder) for folder in self.folders)


def make(name: str, memory: int, processes: int) -> Group:
    """Make a control group that bounds memory (bytes) and processes, or as much of it as the host allows."""
    given = {"bytes": str(memory + FOR_THE_KERNEL), "processes": str(processes + 1)}
    try:
        with open("/proc/self/cgroup") as groups, open("/proc/self/mountinfo") as mounts:
            found = dict(places(groups.read(), mounts.read()))
    except OSError:
        return Group([], "")
    if "" in found:
        made = _make(found[""], name, V2, given)
        if made:
            return Group([made], "v2")
    tried = [_make(found[kind], name, V1[kind], given) for kind in V1 if kind in found]
    folders = [folder for folder in tried if folder]
    return Group(folders, "v1" if folders else "")


def sweep() -> None:
    """Remove the groups of sandboxes whose first process is gone, as their valve may be too."""
    try:
        with open("/proc/self/cgroup") as groups, open("/proc/self/mountinfo") as mounts:
            found = dict(places(groups.read(), mounts.read()))
        for folder in {f"{place}/{PARENT}" for place in found.values()}:
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                number = name.partition("-")[2]
                if number.isdigit() and not os.path.exists(f"/proc/{number}"):
                    _remove(f"{folder}/{name}")
    except OSError:
        return  # nobody has groups here


def places(groups: str, mountinfo: str) -> Iterator[tuple[str, str]]:
    """Yield controller ("" for v2) and the folder in which a group for it can be made, from a process's
    `cgroup` and `mountinfo`: in v1 its own group, in v2 the one above, as a group of v2 has either processes
    or groups in it."""
    mounts = list(_mounts(mountinfo))
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            for kinds, root, point in mounts:
                if controller in kinds and (path + "/").startswith(root.rstrip("/") + "/"):
                    below = path[len(root.rstrip("/")) :].rstrip("/")
                    yield controller, point + (below if controller else os.path.dirname(below).rstrip("/"))


def _mounts(mountinfo: str) -> Iterator[tuple[list[str], str, str]]:
    """Yield (controllers, what of the hierarchy shows, where) of each mounted hierarchy."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            _, _, _, root, point, *_ = before.split(" ")
            yield options.split(",") if kind == "cgroup" else [""], root, point


def _make(place: str, name: str, files: tuple[tuple[str, str], ...], given: dict[str, str]) -> str:
    """Make a group and write its limits; return its folder, or "" when that cannot be."""
    folder = f"{place}/{PARENT}/{name}"
    try:
        for again in range(TRIES):
            try:
                os.makedirs(folder, exist_ok=True)
                break
            except FileNotFoundError:
                if again == TRIES - 1:
                    raise
        if not os.path.exists(f"{folder}/{files[0][0]}"):
            _write(f"{place}/{PARENT}/cgroup.subtree_control", "+memory +pids")
        for number, (file, value) in enumerate(files):
            if number == 0 or os.path.exists(f"{folder}/{file}"):
                _write(f"{folder}/{file}", value.format(**given))
    except OSError:
        _remove(folder)
        return ""
    _sweep(folder)
    return folder


def _sweep(folder: str) -> None:
    """Remove the groups beside ours that a killed valve has left. A young one may be another's, whose process
    is not ours to see."""
    made = os.stat(folder).st_mtime
    for beside in os.scandir(os.path.dirname(folder)):
        name, _, number = beside.name.partition("-")
        if name != "valve" or os.path.exists(f"/proc/{number}"):
            continue
        try:
            if made - beside.stat().st_mtime > OLD:
                os.rmdir(beside.path)
        except OSError:
            continue  # somebody else was quicker, or something lives in it


def _remove(folder: str) -> None:
    """Remove a group, and the folder of groups if it was the last."""
    for made in (folder, os.path.dirname(folder)):
        try:
            os.rmdir(made)
        except OSError:
            return


def _write(path: str, value: str) -> None:
    with open(path, "r+") as file:
        file.write(value)
