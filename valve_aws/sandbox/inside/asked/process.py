"""Pid 1's answers to the calls that the filter hands over (seccomp_unotify(2)).

Knows notifications, and the memory of the process that asks. Does not decide which calls come here; what it
answers touches nothing outside the sandbox.
"""

from __future__ import annotations

import os
from _struct import pack, unpack
from errno import EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ENOLCK, ENOSYS

from valve_aws.sandbox.inside import host
from valve_aws.sandbox.inside.asked.locks import END, Lock, Locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from valve_aws.sandbox.inside.asked.locks import Owner

# asm/unistd.h: number on x86_64, on aarch64
FCNTL, FLOCK, SYSINFO = ((72, 25), (73, 32), (99, 179))
_COLUMN = ("x86_64", "aarch64").index(os.uname().machine)

# linux/fcntl.h
LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = 1, 2, 4, 8
F_GETLK, F_SETLK, F_SETLKW = 5, 6, 7
F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
F_RDLCK, F_WRLCK, F_UNLCK = 0, 1, 2
FLOCK_STRUCT = "=hhiqqii"
"""struct flock of 64-bit machines: type, whence, padding, start, length, pid, padding."""
SYSINFO_STRUCT = "=q3Q6QHHIQQII"
"""struct sysinfo: uptime, loads, memory figures, processes, high memory, unit."""

NOTIFICATION = "=QIIiIQ6Q"
"""struct seccomp_notif: id, thread, flags, call number, architecture, instruction, arguments."""
PATIENCE = 0.02
"""Seconds between looks at whether who waits for a lock can have it: nobody tells pid 1 that a file was
closed."""

MOST_KNOWN = 64
"""Threads whose memory is kept open between two calls."""
LAST_ADDRESS = (1 << 63) - 1

Later = None
"""No answer yet."""


class Asked:
    """The calls under way. `listener` is the descriptor that loading the filter gave, `processes` the folder
    of a /proc that can be written to, `memory` the function's in bytes."""

    def __init__(self, listener: int, processes: int, memory: int) -> None:
        self.listener = listener
        self.processes = processes
        self.memory = memory
        self.locks = Locks(heir)
        self.waiting: list[tuple[int, int, int, int, tuple[int, ...]]] = []
        self._known: dict[int, tuple[int, int]] = {}
        """Thread → its memory, its process."""

    def rest(self) -> float:
        """Seconds until `again` is due."""
        return PATIENCE if self.waiting else 1.0

    def take(self) -> None:
        """Answer one call, or keep it until it can be."""
        try:
            received = host.next_notification(self.listener)
        except OSError:
            return  # it was interrupted meanwhile
        ident, thread, _, number, _, _, *arguments = unpack(NOTIFICATION, received)
        try:
            process = self._who(thread)[1]
        except OSError:
            process = thread  # it hides, and cannot be answered, or has just ended
        call = (ident, thread, process, number, tuple(arguments))
        if not self._finish(call):
            self.waiting.append(call)
        self.again()

    def forget(self) -> None:
        """Forget which threads there were. Call it sooner than numbers of threads come round again."""
        for memory, _ in self._known.values():
            os.close(memory)
        self._known.clear()

    def again(self) -> None:
        """Try those who wait once more; those who were interrupted are gone."""
        there = [call for call in self.waiting if host.asks(self.listener, call[0])]
        self.waiting = [call for call in there if not self._finish(call)]

    def _finish(self, call: tuple[int, int, int, int, tuple[int, ...]]) -> bool:
        ident, thread, process, number, arguments = call
        try:
            errno = self._answer(ident, thread, process, number, arguments)
        except OSError:
            # Whoever hides its memory (PR_SET_DUMPABLE) cannot be answered.
            errno = ENOSYS if number == SYSINFO[_COLUMN] else ENOLCK
        if errno is Later:
            return False
        host.answer(self.listener, ident, errno)
        return True

    def _answer(
        self, ident: int, thread: int, process: int, number: int, arguments: tuple[int, ...]
    ) -> int | None:
        if number == SYSINFO[_COLUMN]:
            return self._write(ident, thread, arguments[0], machine(self.memory))
        descriptor = arguments[0] & 0x7FFFFFFF
        try:
            status = os.stat(f"/proc/{process}/fd/{descriptor}")
        except FileNotFoundError:
            return EBADF
        inode = (status.st_dev, status.st_ino)
        command = arguments[1] & 0xFFFFFFFF
        if number == FLOCK[_COLUMN]:
            return self._whole(inode, (process, descriptor), command)
        owner = (process, descriptor if command in (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW) else -1)
        address = arguments[2]
        kind, whence, _, start, length, _, _ = unpack(FLOCK_STRUCT, self._read(thread, address, 32))
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END) or kind not in (F_RDLCK, F_WRLCK, F_UNLCK):
            return EINVAL
        begins = start
        if whence != os.SEEK_SET:
            begins += status.st_size if whence == os.SEEK_END else _position(thread, descriptor)
        first, limit = (begins, begins + length) if length >= 0 else (begins + length, begins)
        limit = END if length == 0 else limit
        if not 0 <= first < limit <= END:
            return EINVAL
        wanted = Lock(inode, owner, kind == F_WRLCK, first, limit)
        if command in (F_GETLK, F_OFD_GETLK):
            return self._write(ident, thread, address, self._told(wanted, whence, start, length))
        return self._record(wanted, kind == F_UNLCK, command in (F_SETLKW, F_OFD_SETLKW))

    def _whole(self, inode: tuple[int, int], owner: Owner, operation: int) -> int | None:
        kind = operation & ~LOCK_NB
        if kind not in (LOCK_SH, LOCK_EX, LOCK_UN):
            return EINVAL
        wanted = Lock(inode, owner, kind == LOCK_EX, whole=True)
        if kind == LOCK_UN:
            self.locks.release(wanted)
            return 0
        if self.locks.conflict(wanted):
            return EAGAIN if operation & LOCK_NB else Later
        return 0 if self.locks.take(wanted) else ENOLCK

    def _record(self, wanted: Lock, release: bool, wait: bool) -> int | None:
        if release:
            self.locks.release(wanted)
            return 0
        if self.locks.conflict(wanted):
            return Later if wait else EAGAIN
        return 0 if self.locks.take(wanted) else ENOLCK

    def _told(self, wanted: Lock, whence: int, start: int, length: int) -> bytes:
        held = self.locks.conflict(wanted)
        if held is None:
            return pack(FLOCK_STRUCT, F_UNLCK, whence, 0, start, length, 0, 0)
        length = 0 if held.limit == END else held.limit - held.first
        owner = held.owner[0] if held.owner[1] < 0 else -1
        kind = F_WRLCK if held.exclusive else F_RDLCK
        return pack(FLOCK_STRUCT, kind, 0, 0, held.first, length, owner, 0)

    def _who(self, thread: int) -> tuple[int, int]:
        if thread not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self.forget()
            memory = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
            self._known[thread] = (memory, _process_of(thread))
        return self._known[thread]

    def _read(self, thread: int, address: int, size: int) -> bytes:
        if address > LAST_ADDRESS:
            raise OSError(EFAULT, "no address")
        content = os.pread(self._who(thread)[0], size, address)
        if len(content) < size:  # it has executed another program since
            self.forget()
            content = os.pread(self._who(thread)[0], size, address)
        if len(content) < size:
            raise OSError(EFAULT, "no such memory")
        return content

    def _write(self, ident: int, thread: int, address: int, content: bytes) -> int:
        if address > LAST_ADDRESS:
            raise OSError(EFAULT, "no address")
        memory = os.open(f"{thread}/mem", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self.processes)
        try:
            if not host.asks(self.listener, ident):
                return EINTR  # the number may be another thread's by now
            os.pwrite(memory, content, address)
        finally:
            os.close(memory)
        return 0


def machine(memory: int) -> bytes:
    """Return `struct sysinfo` of a machine that has only this function, of which nothing can be learned."""
    return pack(SYSINFO_STRUCT, 1, 0, 0, 0, memory, memory, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)


def heir(lock: Lock, asking: Owner) -> Owner | None:
    """Return who holds a lock now: its owner while the file is open there. When that process is gone,
    whoever has the file under the same number has inherited it (`flock 9` in a shell), first of all who
    asks."""
    process, descriptor = lock.owner
    if descriptor < 0:
        return lock.owner if any(_leads_to(process, name, lock) for name in _descriptors(process)) else None
    if _leads_to(process, str(descriptor), lock):
        return lock.owner
    if os.path.exists(f"/proc/{process}"):
        return None
    if asking[1] == descriptor and _leads_to(asking[0], str(descriptor), lock):
        return asking
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1" and _leads_to(int(name), str(descriptor), lock):
            return int(name), descriptor
    return None


def _descriptors(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/fd")
    except OSError:
        return []


def _leads_to(process: int, descriptor: str, lock: Lock) -> bool:
    try:
        status = os.stat(f"/proc/{process}/fd/{descriptor}")
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == lock.inode


def _process_of(thread: int) -> int:
    """Return the process that a thread belongs to."""
    try:
        with open(f"/proc/{thread}/status", "rb") as file:
            return int(file.read().split(b"\nTgid:", 1)[1].split(None, 1)[0])
    except (OSError, IndexError):
        return thread


def _position(thread: int, descriptor: int) -> int:
    with open(f"/proc/{thread}/fdinfo/{descriptor}", "rb") as file:
        return int(file.read().split(None, 2)[1])
