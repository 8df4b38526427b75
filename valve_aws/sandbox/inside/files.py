"""The file system as a function sees it: read-only binds on an empty root, a private /tmp, nothing else of
the host.

Knows paths and mounts. Does not know namespaces; it is called in a mount namespace of its own.
"""

from __future__ import annotations

import os
import stat
from errno import EINVAL, EOPNOTSUPP

from valve_aws.sandbox.inside import host
from valve_aws.sandbox.inside.host import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from valve_aws.sandbox.order import Order

BASE = "/tmp"
"""Where the new root is mounted for a moment; the sources of binds have been opened before it disappears."""

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Programs and libraries. Where the host has a symbolic link (merged /usr), so has the sandbox."""

SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/services", "/etc/protocols")
"""What programs of /usr need of the host's /etc. Without /etc/localtime the clock is UTC, as on Lambda."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
"""No tty, no shm: Lambda has no /dev/shm either, so what breaks there (POSIX semaphores) breaks here."""

LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/etc/os-release": "../usr/lib/os-release",
}

UID, GID, USER = 993, 990, "sbx_user1051"
"""Lambda's own numbers and name for whoever runs a function."""

# Any address reaches the valve; this one is Lambda's name server.
ETC = {
    "/etc/passwd": f"root:x:0:0:root:/root:/sbin/nologin\n{USER}:x:{UID}:{GID}::/home/{USER}:/sbin/nologin\n",
    "/etc/group": f"root:x:0:\n{USER}:x:{GID}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/resolv.conf": "nameserver 169.254.78.1\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
}

PROC_KEPT = frozenset(
    "self thread-self net mounts cpuinfo meminfo stat uptime loadavg version filesystems vmstat sys".split()
)
"""Every other entry of /proc that is no process is covered: kcore, keys, sysrq-trigger, timer_list, irq …"""

ROOT_OPTIONS = "size=64m,nr_inodes=32k,mode=755"
INODES_PER_MIB = 64
LEAST_INODES = 16384

EMPTY = "/.empty"
"""What covers a file of /proc; the covers keep it alive when its name is gone."""

NOTHING = "/.nothing"
"""The empty lower layer that an overlay asks for beside the one that matters; it must stay."""


class Bind:
    """One thing of the host that will show inside: opened while the host's files are in sight, mounted when
    they are not."""

    def __init__(self, source: str, target: str, attributes: int, shared: bool) -> None:
        if not _plain(target):
            raise OSError(EINVAL, f"`{target}` is no absolute path in its shortest form")
        try:
            self.tree = host.open_tree(source)
            self.opened = os.open(source, os.O_PATH | os.O_CLOEXEC)
        except OSError as problem:
            raise OSError(problem.errno, f"`{source}`: {problem.strerror}") from None
        host.restrict(self.tree, host.RDONLY | host.NOSUID | attributes)
        kind = stat.S_IFMT(os.fstat(self.opened).st_mode)
        if kind not in (stat.S_IFDIR, stat.S_IFREG) and source not in DEVICES:
            raise OSError(EINVAL, f"`{source}` is neither a folder nor a file")
        self.source = source
        self.target = target
        self.folder = kind == stat.S_IFDIR
        self.own_inodes = self.folder and not shared

    def mount(self) -> None:
        """Put it in place."""
        _mount_point(self.target, self.folder)
        if not self.own_inodes or not self._overlay():
            host.attach(self.tree, self.target)
        os.close(self.tree)
        os.close(self.opened)

    def _overlay(self) -> bool:
        """Mount the folder as a read-only overlay, which has inodes of its own.

        Why: a read-only bind still lets a process connect to a UNIX socket or write into a named pipe that
        lies in it, and somebody on the host may be listening there. On an overlay neither finds its other
        end, nor do file locks. Where the kernel cannot (file systems without it, mounts below the folder),
        the folder must hold neither."""
        try:
            layers = f"lowerdir=/proc/self/fd/{self.opened}:{NOTHING}"
            host.mount("overlay", self.target, MS_RDONLY | MS_NOSUID | MS_NODEV, layers)
        except OSError:
            refuse_ways_out(f"/proc/self/fd/{self.opened}", self.source)
            return False
        return True


def refuse_ways_out(folder: str, source: str) -> None:
    """Raise OSError if anything below `folder` is no folder, file or link; `source` is what to call it."""
    for entry in os.scandir(folder):
        inside = f"{source}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            refuse_ways_out(entry.path, inside)
        elif not entry.is_symlink() and not entry.is_file():
            raise OSError(EOPNOTSUPP, f"`{inside}` is a socket or a pipe, a way to the host")


def gather(order: Order) -> list[Bind]:
    """Open what will show of the host, each already read-only with all that is mounted below it."""
    host.mount("", "/", MS_REC | MS_PRIVATE)
    system = [path for path in (*SYSTEM, *SETTINGS) if os.path.exists(path) and not os.path.islink(path)]
    binds = [Bind(path, path, host.NODEV, shared=True) for path in system]
    binds += [Bind(source, target, host.NODEV, shared=False) for source, target in order["binds"]]
    binds += [Bind(path, path, host.NOEXEC, shared=True) for path in DEVICES]
    binds.sort(key=lambda bind: bind.target.count("/"))
    return binds


def enter(links: dict[str, str]) -> None:
    """Make an empty root and step into it; from here on every path, and every symbolic link, ends inside."""
    host.mount("tmpfs", BASE, MS_NOSUID | MS_NODEV, ROOT_OPTIONS)
    os.chdir(BASE)
    host.pivot_root_here()
    os.chdir("/")
    for path, points_to in links.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(points_to, path)


def links_of_the_host() -> dict[str, str]:
    """Return the symbolic links that stand for /bin and its like, and the ones of /dev."""
    return {path: os.readlink(path) for path in SYSTEM if os.path.islink(path)} | LINKS


def furnish(order: Order, binds: list[Bind]) -> None:
    """Put /proc, the binds, /tmp and the files of the plan in place."""
    _mount_proc()
    os.mkdir(NOTHING)
    for bind in binds:
        try:
            bind.mount()
        except OSError as problem:
            raise OSError(problem.errno, f"`{bind.target}`: {problem.strerror}") from None
    size = order["ephemeral"]
    inodes = max(LEAST_INODES, size * INODES_PER_MIB)
    _mount_point("/tmp", True)
    # Exec is allowed in /tmp, as on Lambda.
    host.mount("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, f"size={size}m,nr_inodes={inodes},mode=1777")
    contents = {path: text.encode() for path, text in ETC.items()} | order["files"]
    for number, (path, content) in enumerate(contents.items()):
        try:
            _lay(path, content, f"/.laid{number}")
        except OSError as problem:
            raise OSError(problem.errno, f"`{path}`: {problem.strerror}") from None
    _mount_point(order["directory"], True)


def leave() -> None:
    """Drop the host's tree and close the root itself against writing."""
    os.chdir("/")
    host.detach_old_root()
    host.restrict_path("/", host.RDONLY | host.NOSUID | host.NODEV)


def _plain(path: str) -> bool:
    shortest = os.path.normpath(path) == path and path.startswith("/") and not path.startswith("//")
    return shortest and path != "/" and "\0" not in path


def _mount_point(path: str, folder: bool) -> None:
    if os.path.isdir(path) if folder else os.path.lexists(path):
        return
    os.makedirs(path if folder else os.path.dirname(path), exist_ok=True)
    if not folder:
        _write(path, b"")


def _write(path: str, content: bytes) -> None:
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444)
    with open(made, "wb") as file:
        file.write(content)


def _lay(path: str, content: bytes, stage: str) -> None:
    """Make `path` show `content`: written where the root is ours, else mounted over the file that a bind
    brought."""
    if not _plain(path):
        raise OSError(EINVAL, "no absolute path in its shortest form")
    place = os.path.realpath(path)
    if not os.path.exists(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        _write(place, content)
        return
    _write(stage, content)
    tree = host.open_tree(stage, recursive=False)
    host.restrict(tree, host.RDONLY | host.NOSUID | host.NODEV)
    host.attach(tree, place)
    os.close(tree)
    os.unlink(stage)  # the mount keeps it alive; nobody inside sees the name


def _mount_proc() -> None:
    """Mount the new pid namespace's /proc: the system's settings read-only, the machine's entries covered."""
    _mount_point("/proc", True)
    host.mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    settings = host.open_tree("/proc/sys")
    host.restrict(settings, host.RDONLY | host.NOSUID | host.NODEV | host.NOEXEC)
    host.attach(settings, "/proc/sys")
    os.close(settings)
    _write(EMPTY, b"")
    for entry in os.scandir("/proc"):
        if entry.name in PROC_KEPT or entry.name.isdigit() or entry.is_symlink():
            continue
        if entry.is_dir():
            host.mount(
                "tmpfs", entry.path, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=2,size=4k"
            )
        else:
            cover = host.open_tree(EMPTY, recursive=False)
            host.restrict(cover, host.RDONLY | host.NOSUID | host.NODEV | host.NOEXEC)
            host.attach(cover, entry.path)
            os.close(cover)
    os.unlink(EMPTY)
