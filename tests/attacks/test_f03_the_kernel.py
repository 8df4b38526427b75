"""F03: The kernel asked for what lies beyond a process: tracing, namespaces, mounts, keys, rings, programs.

Knows what is asked. Does not know which list refuses it.
"""

from __future__ import annotations

import os

from tests.attacks.walled import TRIGGER, Walled

ASK = """
import ctypes, os, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    wide = (ctypes.c_long(each) if isinstance(each, int) else each for each in (number, *arguments))
    return libc.syscall(*wide)
def words(*values):
    return (ctypes.c_uint32 * 32)(*values)
X86 = os.uname().machine == 'x86_64'
OUTER = os.getppid()
def outer():
    return OUTER
def writes(path):
    os.close(os.open(path, os.O_WRONLY)); return 0
WAYS = {
    # of the process above: the valve, or pid 1
    'trace it': lambda: libc.ptrace(16, outer(), 0, 0),
    'read its memory': lambda: os.close(os.open(f'/proc/{outer()}/mem', os.O_RDONLY)) or 0,
    'write its memory': lambda: writes(f'/proc/{outer()}/mem'),
    'list its descriptors': lambda: len(os.listdir(f'/proc/{outer()}/fd')) * 0,
    'enter its root': lambda: len(os.listdir(f'/proc/{outer()}/root/')) * 0,
    'enter its namespace': lambda: libc.setns(os.open(f'/proc/{outer()}/ns/net', os.O_RDONLY), 0),
    'take its descriptors': lambda: min(call(438, os.pidfd_open(outer()), 0, 0), 0),
    'limit it': lambda: __import__('resource').prlimit(outer(), 4, (0, 0)) and 0,
    # of the kernel
    'a user namespace': lambda: libc.unshare(0x10000000),
    'a mount': lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 32 | 4096, None),
    'a new mount': lambda: min(call(430, b'tmpfs', 0), 0),
    'another root': lambda: libc.chroot(b'/'),
    'a ring': lambda: min(call(425, 8, ctypes.create_string_buffer(256)), 0),
    'user faults': lambda: min(call(323 if X86 else 282, 1), 0),
    'a program': lambda: min(call(321 if X86 else 280, 0, words(2, 4, 4, 1), 128), 0),
    'counters': lambda: min(call(298 if X86 else 241, words(1, 128), 0, -1, -1, 0), 0),
    'keys': lambda: min(call(250 if X86 else 219, 0, -3, 1), 0),
    'a handle of a file': lambda: min(call(303 if X86 else 264, -100, b'/', words(8), words(0), 0), 0),
    'its log': lambda: min(libc.klogctl(10, None, 0), 0),
    'a setting': lambda: writes('/proc/sys/kernel/domainname'),
    'the key that resets it': lambda: writes('/proc/sysrq-trigger'),
    'where it puts its dumps': lambda: writes('/proc/sys/kernel/core_pattern'),
    'a kind of program': lambda: writes('/proc/sys/fs/binfmt_misc/register'),
    'a control group': lambda: writes('/sys/fs/cgroup/cgroup.procs'),
}
def tried(way):
    child = os.fork()
    if not child:
        signal.alarm(5)
        try: ended = 0 if way() == 0 else 1
        except Exception: ended = 1
        os._exit(ended)
    return os.waitpid(child, 0)[1] == 0
def handler(event, context):
    if event.get('twin'):
        return [os.getpid() > 0, os.listdir('/tmp') is not None, os.stat('/').st_mode > 0]
    kept = [name for name in WAYS if event['walls'] or name not in event['leave']]
    return {name: tried(WAYS[name]) for name in kept}
"""

LEAVE = ["limit it", "trace it", "a mount", "another root"]
"""What is not tried where nothing stops it: it would hit this very test run."""


def test_without_walls_the_kernel_does_most_of_it_and_within_them_nothing(walled: Walled) -> None:
    walled.lay(ASK)
    bare = walled.run({"walls": False, "leave": LEAVE}, "off", walls=False).told
    done = {name for name, had in bare.items() if had}
    assert len(done) > (10 if os.geteuid() == 0 else 2), bare
    ran = walled.run({"walls": True}, trigger=TRIGGER)
    assert [name for name, had in ran.told.items() if had] == []
    assert len(ran.told) > len(bare)


def test_the_honest_function_beside_it_lives(walled: Walled) -> None:
    assert walled.lay(ASK).run({"twin": True}, trigger=TRIGGER).told == [True] * 3
