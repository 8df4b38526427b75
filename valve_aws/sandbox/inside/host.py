"""The kernel calls of the spawner that Python 3.11 has no word for, each raising OSError.

Knows numbers and structures of Linux (man-pages 2, uapi headers). Does not know in which order they make a
sandbox.
"""

from __future__ import annotations

import ctypes
import os
from errno import EINVAL

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 1 << 18
MNT_DETACH = 2

# linux/mount.h, linux/fcntl.h; the three calls have one number on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = 1, -100, 0x1000, 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 4
RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
"""MOUNT_ATTR_*."""

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 28, 38, 47, 4
_SECCOMP_MODE_FILTER = 2
_SECUREBITS = 0xEF
"""NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, all locked: no uid ever means a capability
again."""
_CAPABILITY_VERSION_3 = 0x20080522
_CLOSE_RANGE_CLOEXEC = 4

MACHINE = os.uname().machine


def unshare(flags: int) -> None:
    """Leave these namespaces for new ones."""
    _checked(_libc.unshare(flags))


def mount(kind: str, target: str, flags: int, options: str = "") -> None:
    """Mount a fresh file system, or with an empty kind change how `target` propagates."""
    _checked(
        _libc.mount(kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    )


def open_tree(path: str, recursive: bool = True) -> int:
    """Return a descriptor of a detached copy of the mount at `path`: it can be put elsewhere once `path` is
    out of sight."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    return _syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), flags)


def restrict(tree: int, attributes: int, recursive: bool = True) -> None:
    """Set MOUNT_ATTR_* on a detached tree, and on every mount below it."""
    _set_attributes(tree, b"", _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0), attributes)


def restrict_path(path: str, attributes: int) -> None:
    """Set MOUNT_ATTR_* on the one mount that is at `path`."""
    _set_attributes(_AT_FDCWD, path.encode(), 0, attributes)


def _set_attributes(folder: int, path: bytes, flags: int, attributes: int) -> None:
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, MS_PRIVATE, 0)
    _syscall(_MOUNT_SETATTR, folder, path, flags, ctypes.addressof(wanted), ctypes.sizeof(wanted))


def attach(tree: int, target: str) -> None:
    """Put a detached tree at `target`; a symbolic link at its end is not followed."""
    _syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)


def pivot_root_here() -> None:
    """Make the working directory the root; the old root then lies on top of it until `detach_old_root`."""
    _syscall(_PIVOT_ROOT[MACHINE], b".", b".")


def detach_old_root() -> None:
    """Let the host's files go: nothing refers to them any more but the binds."""
    _checked(_libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def set_hostname(name: str) -> None:
    """Name the machine, in this UTS namespace."""
    _checked(_libc.sethostname(name.encode(), ctypes.c_size_t(len(name.encode()))))


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` when the parent dies. A change of identity clears it, so call it after
    the last."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def hide_memory() -> None:
    """Take `/proc/<pid>` of this process away from processes of the same uid; none can trace it."""
    _prctl(_PR_SET_DUMPABLE, 0)


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
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def load_filter(program: bytes) -> None:
    """Load an assembled seccomp filter; it stays on this process and on every child of it."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]

    whole = Program(len(program) // 8, program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(whole))


def close_on_exec_from(descriptor: int) -> None:
    """Mark every descriptor from this one on to be closed by the next exec."""
    _checked(
        _libc.syscall(
            ctypes.c_long(436), ctypes.c_uint(descriptor), ctypes.c_uint(0xFFFFFFFF), _CLOSE_RANGE_CLOEXEC
        )
    )


def _prctl(option: int, second: int = 0, third: int = 0) -> None:
    _checked(
        _libc.prctl(
            option, ctypes.c_ulong(second), ctypes.c_ulong(third), ctypes.c_ulong(0), ctypes.c_ulong(0)
        )
    )


def _syscall(number: int, *arguments: int | bytes) -> int:
    wide = [a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide))


def _checked(result: int) -> int:
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    return int(result)
