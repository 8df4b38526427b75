"""The kernel calls of the spawner that Python 3.11 has no word for, each raising OSError.

Knows numbers and structures of Linux (man-pages 2, uapi headers). Does not know in which order they make a
sandbox.
"""

from __future__ import annotations

import os

# Why not `ctypes`: importing it takes 4 ms of every cold start, these names of its C half none.
from _ctypes import (
    FUNCFLAG_CDECL,
    FUNCFLAG_USE_ERRNO,
    Array,
    CFuncPtr,
    _SimpleCData,
    addressof,
    dlopen,
    get_errno,
)
from _struct import pack, unpack
from errno import EINVAL
from fcntl import ioctl

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 1 << 18
MNT_DETACH = 2

# asm/unistd.h: name → number on x86_64, on aarch64
_NUMBERS = {
    "capset": (126, 91),
    "close_range": (436, 436),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "umount2": (166, 39),
    "unshare": (272, 97),
}
_COLUMN = ("x86_64", "aarch64").index(os.uname().machine)

# linux/mount.h, linux/fcntl.h
_OPEN_TREE_CLONE, _AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = 1, -100, 0x1000, 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 4
RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
"""MOUNT_ATTR_*."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 28, 38, 47, 4
# linux/seccomp.h
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_NEW_LISTENER = 1, 8
_NOTIF_RECV, _NOTIF_SEND, _NOTIF_ID_VALID = 0xC0502100, 0xC0182101, 0x40082102
_NOTIFICATION_SIZE = 80
_SECUREBITS = 0xEF
"""NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, all locked: no uid ever means a capability
again."""
_CAPABILITY_VERSION_3 = 0x20080522
_CLOSE_RANGE_CLOEXEC = 4
_LAST_DESCRIPTOR = 0xFFFFFFFF


class _Long(_SimpleCData):  # type: ignore[type-arg]  # it takes no argument when it runs
    _type_ = "l"


class _Instruction(_SimpleCData):  # type: ignore[type-arg]  # it takes no argument when it runs
    _type_ = "Q"


class _Function(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = _Long


class _Libc:
    _handle = dlopen(None, os.RTLD_NOW)  # type: ignore[arg-type]  # None is this very program


_syscall = _Function(("syscall", _Libc()))  # type: ignore[arg-type]  # a CDLL is no more than this


def _call(name: str, *arguments: int | bytes) -> int:
    """Make one system call; bytes are passed by address."""
    wide = [a if isinstance(a, bytes) else _Long(a) for a in arguments]
    result: int = _syscall(_Long(_NUMBERS[name][_COLUMN]), *wide)
    if result < 0:
        errno = get_errno()
        raise OSError(errno, os.strerror(errno))
    return result


def unshare(flags: int) -> None:
    """Leave these namespaces for new ones."""
    _call("unshare", flags)


def enter(namespace: int, kind: int) -> None:
    """Enter the namespace of this descriptor; a mount namespace brings its own root and working directory."""
    _call("setns", namespace, kind)


def mount(kind: str, target: str, flags: int, options: str = "") -> None:
    """Mount a fresh file system, or with an empty kind change how `target` propagates."""
    _call("mount", kind.encode(), target.encode(), kind.encode(), flags, options.encode())


def open_tree(path: str, recursive: bool = True) -> int:
    """Return a descriptor of a detached copy of the mount at `path`: it can be put elsewhere once `path` is
    out of sight."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    return _call("open_tree", _AT_FDCWD, path.encode(), flags)


def restrict(tree: int, attributes: int, recursive: bool = True) -> None:
    """Set MOUNT_ATTR_* on a detached tree, and on every mount below it."""
    _set_attributes(tree, b"", _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0), attributes)


def restrict_path(path: str, attributes: int) -> None:
    """Set MOUNT_ATTR_* on the one mount that is at `path`."""
    _set_attributes(_AT_FDCWD, path.encode(), 0, attributes)


def _set_attributes(folder: int, path: bytes, flags: int, attributes: int) -> None:
    wanted = pack("=QQQQ", attributes, 0, MS_PRIVATE, 0)  # struct mount_attr
    _call("mount_setattr", folder, path, flags, wanted, len(wanted))


def attach(tree: int, target: str) -> None:
    """Put a detached tree at `target`; a symbolic link at its end is not followed."""
    _call("move_mount", tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)


def pivot_root_here() -> None:
    """Make the working directory the root; the old root then lies on top of it until `detach_old_root`."""
    _call("pivot_root", b".", b".")


def detach_old_root() -> None:
    """Let the host's files go: nothing refers to them any more but the binds."""
    detach(".")
    os.chdir("/")


def detach(path: str) -> None:
    """Take away what is mounted at a path; what refers to it keeps it alive."""
    _call("umount2", path.encode(), MNT_DETACH)


def set_hostname(name: str) -> None:
    """Name the machine, in this UTS namespace."""
    _call("sethostname", name.encode(), len(name.encode()))


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` when the parent dies. A change of identity clears it, so call it after
    the last."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def hide_memory() -> None:
    """Take `/proc/<pid>` of this process away from processes of the same uid; none can trace it."""
    _prctl(_PR_SET_DUMPABLE, 0)


def show_memory() -> None:
    """Be like any program that was executed: `/proc/<pid>` is this uid's own."""
    _prctl(_PR_SET_DUMPABLE, 1)


def drop_capabilities() -> None:
    """Give up every capability for good: bounding, ambient, permitted, effective, inheritable; then
    no_new_privs."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError as problem:
            if problem.errno != EINVAL:
                raise
            break  # the kernel knows no more of them
    _prctl(_PR_SET_SECUREBITS, _SECUREBITS)
    _call("capset", pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def load_filter(program: bytes) -> int:
    """Load an assembled seccomp filter, which stays on this process and on every child of it; return the
    descriptor on which the calls arrive that it hands over."""

    length = len(program) // 8

    class Code(Array):  # type: ignore[type-arg]  # it takes no argument when it runs
        _type_ = _Instruction
        _length_ = length

    code = Code(*unpack(f"={length}Q", program))
    asked = pack("@HP", length, addressof(code))
    return _call("seccomp", _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_NEW_LISTENER, asked)


def next_notification(listener: int) -> bytearray:
    """Return the struct seccomp_notif of a call that waits for an answer."""
    received = bytearray(_NOTIFICATION_SIZE)
    ioctl(listener, _NOTIF_RECV, received)
    return received


def asks(listener: int, ident: int) -> bool:
    """Say whether a call still waits for its answer."""
    try:
        ioctl(listener, _NOTIF_ID_VALID, pack("=Q", ident))
    except OSError:
        return False
    return True


def answer(listener: int, ident: int, errno: int) -> None:
    """Let a call return: with 0, or with this error."""
    try:
        ioctl(listener, _NOTIF_SEND, pack("=QqiI", ident, 0, -errno, 0))
    except OSError:
        pass  # a signal came first, and the call will be made again


def close_on_exec_from(descriptor: int) -> None:
    """Mark every descriptor from this one on to be closed by the next exec."""
    _call("close_range", descriptor, _LAST_DESCRIPTOR, _CLOSE_RANGE_CLOEXEC)


def close_all_but(*descriptors: int) -> None:
    """Close every descriptor but these."""
    first = 0
    for kept in sorted(descriptors):
        if first < kept:
            _call("close_range", first, kept - 1, 0)
        first = kept + 1
    _call("close_range", first, _LAST_DESCRIPTOR, 0)


def _prctl(option: int, second: int = 0, third: int | bytes = 0) -> None:
    _call("prctl", option, second, third, 0, 0)
