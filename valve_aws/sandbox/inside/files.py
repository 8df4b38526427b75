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

ALTERNATIVES = "/etc/alternatives"
"""Links that programs of /usr are found by on Debian and its like."""

COPIED = ("/etc/ld.so.cache", "/etc/services", "/etc/protocols")
"""What programs of /usr need of the host's /etc, as copies: a file that is bound is one with the host's, and
locks, watches and figures of its disk are then shared. Without /etc/localtime the clock is UTC, as on
Lambda."""
LARGEST_COPY = 8 << 20

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
    "/etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
    f"{USER}:x:{UID}:{GID}::/home/{USER}:/sbin/nologin\n"
    "nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin\n",
    "/etc/group": f"root:x:0:\n{USER}:x:{GID}:\nnobody:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox.localdomain sandbox\n::1 localhost\n",
    "/etc/resolv.conf": "nameserver 169.254.78.1\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
}

PROC_KEPT = frozenset("self thread-self net mounts version filesystems sys".split())
"""Every other entry of /proc that is no process is covered: what the order tells of the machine lies over it,
or nothing does (kcore, keys, sysrq-trigger, timer_list, irq …)."""

NET_CLOSED = ("sockstat", "sockstat6", "protocols", "softnet_stat", "ptype", "rt_acct", "stat")
"""Entries of /proc/net that count for the whole machine, in every network namespace."""

FRESH = "/proc/sys/kernel/random/uuid"
"""Another name each time it is read: the one entry of /proc/sys that is not a copy."""
BOOT = "/proc/sys/kernel/random/boot_id"

ROOT_OPTIONS = "size=64m,nr_inodes=32k,mode=755"
INODES_PER_MIB = 64
LEAST_INODES = 16384

EMPTY = "/.empty"
"""What covers a file of /proc; the covers keep it alive when its name is gone."""

NOTHING = "/.nothing"
"""The empty layer that lies on top of every overlay; it must stay."""

STAGE = "/.stage"
"""Where an overlay is mounted for a moment, to take one file out of it."""


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
        self.shared = shared
        self.lower = self.opened
        if kind == stat.S_IFREG:
            self.source = os.path.realpath(source)
            self.lower = os.open(os.path.dirname(self.source), os.O_PATH | os.O_CLOEXEC)

    def mount(self) -> None:
        """Put it in place."""
        _mount_point(self.target, self.folder)
        if not (self._overlay(self.target) if self.folder else self._out_of_overlay()):
            host.attach(self.tree, self.target)
        for descriptor in {self.tree, self.opened, self.lower}:
            os.close(descriptor)

    def _out_of_overlay(self) -> bool:
        """Show a file out of an overlay of the folder that it is in, which is gone at once."""
        if self.source in DEVICES:
            return False
        os.mkdir(STAGE)
        try:
            if not self._overlay(STAGE):
                return False
            path = f"{STAGE}/{os.path.basename(self.source)}"
            same = _looks(os.stat(path)) == _looks(os.fstat(self.opened))
            if same:
                _attach(path, self.target, executable=True)
            host.detach(STAGE)
        finally:
            os.rmdir(STAGE)
        return same  # else it is a mount of its own, which an overlay does not show

    def _overlay(self, place: str) -> bool:
        """Mount the folder as a read-only overlay, which has inodes of its own.

        Why: a read-only bind still lets a process connect to a UNIX socket or write into a named pipe that
        lies in it, and somebody on the host may be listening there. On an overlay neither finds its other
        end, and its file system is this sandbox's: `statfs` tells of the empty layer on top, not how full the
        host's disk is, and no path of the host is in `mountinfo`. Where the kernel cannot (file systems
        without it, mounts below the folder), a folder that is not the system's must hold neither."""
        try:
            layers = f"lowerdir={NOTHING}:/proc/self/fd/{self.lower}"
            host.mount("overlay", place, MS_RDONLY | MS_NOSUID | MS_NODEV, layers)
        except OSError:
            if self.folder and not self.shared:
                refuse_ways_out(f"/proc/self/fd/{self.opened}", self.source)
            return False
        return True


def _looks(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_mode


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
    system = [path for path in (*SYSTEM, ALTERNATIVES) if os.path.isdir(path) and not os.path.islink(path)]
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


def copies() -> dict[str, bytes]:
    """Read what of the host's /etc programs need."""
    found: dict[str, bytes] = {}
    for path in COPIED:
        try:
            with open(path, "rb") as file:
                found[path] = file.read(LARGEST_COPY)
        except OSError:
            continue  # a host without it has programs that do without it
    return found


def furnish(order: Order, binds: list[Bind], copied: dict[str, bytes]) -> int:
    """Put /proc, the binds, /tmp and the files of the plan in place; return a descriptor of a /proc that can
    be written to, for pid 1 alone."""
    processes = _mount_proc(order["machine"])
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
    contents = copied | {path: text.encode() for path, text in ETC.items()} | order["files"]
    for number, (path, content) in enumerate(contents.items()):
        try:
            _lay(path, content, f"/.laid{number}")
        except OSError as problem:
            raise OSError(problem.errno, f"`{path}`: {problem.strerror}") from None
    for path in ("/opt", order["directory"]):
        _mount_point(path, True)
    return processes


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
    _attach(stage, place, executable=True)
    os.unlink(stage)  # the mount keeps it alive; nobody inside sees the name


def _mount_proc(machine: dict[str, bytes]) -> int:
    """Mount the new pid namespace's /proc, read-only, with what the order tells of the machine in place of
    what the kernel would; return it as it was before."""
    _mount_point("/proc", True)
    host.mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    processes = host.open_tree("/proc", recursive=False)
    _close_net()
    _write(EMPTY, b"")
    for entry in os.scandir("/proc"):
        if entry.name in PROC_KEPT or entry.name.isdigit() or entry.is_symlink():
            continue
        if entry.is_dir():
            _cover_folder(entry.path, "nr_inodes=2,size=4k")
        elif entry.path not in machine:
            _attach(EMPTY, entry.path)
    os.unlink(EMPTY)
    _settle_settings(machine)
    for number, (path, content) in enumerate(machine.items()):
        if not path.startswith("/proc/sys/") and os.path.exists(path):
            _write(f"/.machine{number}", content)
            _attach(f"/.machine{number}", path)
            os.unlink(f"/.machine{number}")
    host.restrict_path("/proc", host.RDONLY | host.NOSUID | host.NODEV | host.NOEXEC)
    return processes


def _settle_settings(machine: dict[str, bytes]) -> None:
    """Lay a folder of copies over /proc/sys: none of the kernel's own settings and counters is there."""
    with open(FRESH, "rb") as file:
        boot = file.read()
    fresh = host.open_tree(FRESH, recursive=False)
    host.restrict(fresh, host.RDONLY | host.NOSUID | host.NODEV | host.NOEXEC)
    host.mount("tmpfs", "/proc/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=128,size=256k,mode=755")
    settings = {path: content for path, content in machine.items() if path.startswith("/proc/sys/")}
    for path, content in (settings | {FRESH: b"", BOOT: boot}).items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write(path, content)
    host.attach(fresh, FRESH)
    os.close(fresh)
    host.restrict_path("/proc/sys", host.RDONLY | host.NOSUID | host.NODEV | host.NOEXEC)


def _close_net() -> None:
    """Take away what /proc/net tells of the whole machine.

    Invariant: /proc is read-only afterwards, as a function that runs for an ordinary user owns these."""
    for name in NET_CLOSED:
        path = f"/proc/self/net/{name}"
        if os.path.exists(path):
            os.chmod(path, 0)


def _cover_folder(path: str, options: str) -> None:
    host.mount("tmpfs", path, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, options)


def _attach(source: str, target: str, executable: bool = False) -> None:
    """Put a file over another, for reading only."""
    cover = host.open_tree(source, recursive=False)
    host.restrict(cover, host.RDONLY | host.NOSUID | host.NODEV | (0 if executable else host.NOEXEC))
    host.attach(cover, target)
    os.close(cover)
