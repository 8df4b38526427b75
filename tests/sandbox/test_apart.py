"""Two sandboxes at once: what one does, the other cannot tell.

Knows what a kernel shares among its processes. Does not know timing, which it shares too.
"""

from __future__ import annotations

import pytest

from tests.sandbox.scenes import meet_outside, play, ways

pytestmark = pytest.mark.parametrize("who", ways())

LOCK = """
import fcntl, os, select, socket
def tried(act):
    try:
        act(); return 'had'
    except OSError:
        return 'refused'
BOTH = fcntl.LOCK_EX | fcntl.LOCK_NB
"""
COUNTED = "import os, select, socket, threading, time, fcntl\nkept = []\n"

# what is shared on a machine without walls → (what one process does, what another then sees)
SIGNALS = {
    "a lock on the one inode of all epoll descriptors": (
        LOCK + "e = select.epoll(); print(tried(lambda: fcntl.flock(e.fileno(), BOTH)))",
        LOCK + "e = select.epoll(); print(tried(lambda: fcntl.flock(e.fileno(), BOTH)))",
    ),
    "a record lock on the one inode of all eventfds": (
        LOCK + "e = os.eventfd(0); print(tried(lambda: fcntl.lockf(e, BOTH)))",
        LOCK + "e = os.eventfd(0); print(tried(lambda: fcntl.lockf(e, BOTH)))",
    ),
    "a lock on a device": (
        LOCK + "f = open('/dev/null', 'r+b', 0); print(tried(lambda: fcntl.flock(f, BOTH)))",
        LOCK + "f = open('/dev/null', 'r+b', 0); print(tried(lambda: fcntl.lockf(f, BOTH)))\n"
        "print(tried(lambda: fcntl.flock(f, BOTH)))",
    ),
    "a lock on a program": (
        LOCK + "f = open('/usr/bin/env', 'rb'); print(tried(lambda: fcntl.flock(f, BOTH)))",
        LOCK + "f = open('/usr/bin/env', 'rb'); print(tried(lambda: fcntl.flock(f, BOTH)))",
    ),
    "a lock on a namespace": (
        LOCK + "f = open('/proc/self/ns/time'); print(tried(lambda: fcntl.flock(f, BOTH)))",
        LOCK + "f = open('/proc/self/ns/time'); print(tried(lambda: fcntl.flock(f, BOTH)))",
    ),
    "an abstract socket": (
        "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0valve-meets'); s.listen()",
        "import socket\nprint(socket.socket(socket.AF_UNIX).connect_ex('\\0valve-meets'))",
    ),
    "a port of loopback": (
        "import socket\ns = socket.create_server(('127.0.0.1', 40123))",
        "import socket\nprint(socket.socket().connect_ex(('127.0.0.1', 40123)))",
    ),
    "the number of sockets": (
        COUNTED + "kept += [socket.create_server(('127.0.0.1', 0)) for _ in range(300)]",
        "try: print(open('/proc/net/sockstat').read().split()[11])\nexcept OSError as e: print(e.errno)",
    ),
    "the number of processes, as sysinfo has it": (
        COUNTED + "w = threading.Event(); threading.stack_size(65536)\n"
        "for _ in range(300): t = threading.Thread(target=w.wait, daemon=True); t.start(); kept.append(t)",
        "import ctypes\nb = ctypes.create_string_buffer(112); ctypes.CDLL(None).sysinfo(b)\n"
        "print(int.from_bytes(b[80:82], 'little') // 200)",
    ),
    "free memory": (
        COUNTED + "kept.append(bytearray(200 << 20))",
        "import os\nprint(os.sysconf('SC_AVPHYS_PAGES'), open('/proc/meminfo').read().split()[4])",
    ),
}


@pytest.mark.parametrize("signal", SIGNALS)
def test_what_one_does_the_other_cannot_tell(who: str, signal: str) -> None:
    holder, seeker = SIGNALS[signal]
    # Why not once: free memory is the whole machine's, and what else went on may have hidden it.
    meetings = (meet_outside(holder, seeker) for _ in range(5))
    assert any(alone != beside for alone, beside in meetings), "it is no signal even without walls"
    alone, beside = play(who, "meet", holder=holder, seeker=seeker)
    assert alone == beside
    assert alone.strip()


ASK_THE_CACHE = """
import mmap, os, ctypes, sys
f = os.open(sys.argv[1], os.O_RDONLY)
try:
    os.preadv(f, [bytearray(1)], 0, os.RWF_NOWAIT); print('told')
except BlockingIOError:
    print('told')
except OSError:
    print('refused')
m = mmap.mmap(f, 4096, prot=mmap.PROT_READ)
v = ctypes.create_string_buffer(1)
at = ctypes.CDLL(None).mmap
at.restype = ctypes.c_void_p
libc = ctypes.CDLL(None)
where = at(None, ctypes.c_size_t(4096), 1, 1, f, ctypes.c_long(0))
print('refused' if libc.mincore(ctypes.c_void_p(where), ctypes.c_size_t(4096), v) else 'told')
print('refused' if libc.madvise(ctypes.c_void_p(where), ctypes.c_size_t(4096), 21) else 'told')
"""


def test_what_is_in_the_page_cache_is_not_told(who: str) -> None:
    from tests.sandbox.scenes import outside

    assert outside(ASK_THE_CACHE, "/usr/bin/env").split() == ["told"] * 3
    ran = play(who, "run", code=ASK_THE_CACHE, arguments=["/usr/bin/env"])
    assert ran["out"].split() == ["refused"] * 3, ran["err"]


def test_advice_about_a_shared_file_is_taken_and_not_followed(who: str) -> None:
    code = """
import os
f = os.open('/usr/bin/env', os.O_RDONLY)
os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED); print('taken')
"""
    assert play(who, "run", code=code)["out"] == "taken\n"


def test_how_full_the_host_s_disk_is_does_not_show(who: str) -> None:
    code = "import os\nfor p in '/', '/usr', '/etc/services': s = os.statvfs(p); print(s.f_blocks, s.f_files)"
    host = set(outside_lines(code))
    inside = play(who, "run", code=code)["out"].splitlines()
    assert len(inside) == 3
    assert not host & set(inside)


def outside_lines(code: str) -> list[str]:
    from tests.sandbox.scenes import outside

    return outside(code).splitlines()


UNDER_WAY = """
import os, socket
a, b = socket.socketpair()
f = os.open('/dev/null', os.O_RDONLY)
try:
    for _ in range(40): socket.send_fds(a, [b'x'], [f] * 50)
    print('no bound')
except OSError: pass
"""


def test_a_sandbox_starts_whatever_another_has_under_way(who: str) -> None:
    """What one user's processes send each other of descriptors is counted together."""
    assert play(who, "meet", holder=UNDER_WAY, seeker="print('there')") == ["there\n", "there\n"]


SENDS_ONE = """
import os, socket
a, b = socket.socketpair()
f = os.open('/dev/null', os.O_RDONLY)
try: print('sent', socket.send_fds(a, [b'x'], [f]))
except OSError as e: print('refused', e.errno)
"""


def test_who_is_nobody_else_has_a_count_of_what_is_under_way_to_himself(who: str) -> None:
    """Open for an ordinary user, whose sandboxes are all of one uid: docs/THREATS.md, D09."""
    alone, beside = play(who, "meet", holder=UNDER_WAY, seeker=SENDS_ONE)
    assert (alone == beside) is who.startswith("root")
