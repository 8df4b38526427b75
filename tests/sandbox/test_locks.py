"""File locks inside: they work among a sandbox's own processes as flock(2) and fcntl(2) say.

Knows the table of locks and programs that rely on it. Does not know why the kernel's are not used; see
`test_apart`.
"""

from __future__ import annotations

import pytest

from tests.sandbox.scenes import play, ways
from valve_aws.sandbox.inside.asked.locks import END, MOST, Lock, Locks

FILE, OTHER = (1, 10), (1, 11)
A, B = (2, 3), (4, 3)


def table(gone: set[tuple[int, int]] | None = None) -> Locks:
    return Locks(lambda lock, asking: None if lock.owner in (gone or set()) else lock.owner)


def test_an_exclusive_lock_keeps_others_out_and_a_shared_one_only_exclusive_ones() -> None:
    locks = table()
    assert locks.take(Lock(FILE, A, exclusive=True))
    assert locks.conflict(Lock(FILE, B, exclusive=False))
    assert not locks.conflict(Lock(FILE, A, exclusive=True))
    assert not locks.conflict(Lock(OTHER, B, exclusive=True))
    assert locks.take(Lock(FILE, A, exclusive=False))
    assert not locks.conflict(Lock(FILE, B, exclusive=False))
    assert locks.conflict(Lock(FILE, B, exclusive=True))
    locks.release(Lock(FILE, A, exclusive=False))
    assert not locks.conflict(Lock(FILE, B, exclusive=True))


def test_record_locks_are_about_bytes_and_the_middle_can_be_let_go() -> None:
    locks = table()
    locks.take(Lock(FILE, A, True, 10, 30))
    assert not locks.conflict(Lock(FILE, B, True, 0, 10))
    assert not locks.conflict(Lock(FILE, B, True, 30, END))
    assert locks.conflict(Lock(FILE, B, False, 29, 31))
    locks.release(Lock(FILE, A, False, 15, 20))
    assert not locks.conflict(Lock(FILE, B, True, 15, 20))
    assert locks.conflict(Lock(FILE, B, True, 14, 20))
    assert locks.conflict(Lock(FILE, B, True, 15, 21))


def test_a_part_can_be_made_shared() -> None:
    locks = table()
    locks.take(Lock(FILE, A, True, 0, 10))
    locks.take(Lock(FILE, A, False, 4, 6))
    assert not locks.conflict(Lock(FILE, B, False, 4, 6))
    assert locks.conflict(Lock(FILE, B, False, 3, 6))


def test_flock_and_record_locks_do_not_see_each_other() -> None:
    locks = table()
    locks.take(Lock(FILE, A, True, whole=True))
    assert not locks.conflict(Lock(FILE, B, True))
    assert locks.conflict(Lock(FILE, B, True, whole=True))


def test_what_the_dead_held_is_free_and_an_heir_holds_on() -> None:
    locks = table({A})
    locks.take(Lock(FILE, A, True))
    assert not locks.conflict(Lock(FILE, B, True))
    heirs = Locks(lambda lock, asking: (9, 9))
    heirs.take(Lock(FILE, A, True, whole=True))
    held = heirs.conflict(Lock(FILE, B, True, whole=True))
    assert held
    assert held.owner == (9, 9)
    assert not heirs.conflict(Lock(FILE, (9, 9), True, whole=True))


def test_there_are_no_more_locks_than_fit_and_the_dead_make_room() -> None:
    gone: set[tuple[int, int]] = set()
    locks = table(gone)
    assert all(locks.take(Lock(FILE, (n, 1), False)) for n in range(MOST))
    assert not locks.take(Lock(FILE, A, False))
    gone.add((7, 1))
    assert locks.take(Lock(FILE, A, False))


SEVERAL = """
import os, sqlite3
def db(): return sqlite3.connect('/tmp/db', timeout=20, isolation_level=None)
db().execute('create table t(n)'); db().execute('insert into t values(0)')
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        d = db()
        for _ in range(20):
            d.execute('begin immediate')
            d.execute('update t set n=?', (d.execute('select n from t').fetchone()[0] + 1,))
            d.execute('commit')
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children], db().execute('select n from t').fetchone()[0])
"""


@pytest.mark.parametrize("who", ways())
def test_processes_that_share_a_database_do_not_overwrite_one_another(who: str) -> None:
    ran = play(who, "run", code=SEVERAL)
    assert ran["out"] == "[0, 0, 0, 0] 80\n", ran["err"]


WAITING = """
import fcntl, os, struct
a, b = open('/tmp/l', 'w'), open('/tmp/l', 'w')
fcntl.flock(a, fcntl.LOCK_EX)
try: fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError: print('one at a time', flush=True)
ready, told = os.pipe()
child = os.fork()
if not child:
    os.close(a.fileno())
    c = open('/tmp/l', 'w'); os.write(told, b'!')
    fcntl.flock(c, fcntl.LOCK_EX); print('in turn', flush=True); os._exit(0)
os.read(ready, 1)
a.close()
os.waitpid(child, 0)
fcntl.lockf(b, fcntl.LOCK_EX, 10, 5)
child = os.fork()
if not child:
    asked = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)
    kind, whence, start, length, pid = struct.unpack('hhqqi4x', fcntl.fcntl(b, fcntl.F_GETLK, asked))
    print(kind == fcntl.F_WRLCK, whence, start, length, pid == os.getppid(), flush=True)
    try: fcntl.lockf(b, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 14)
    except OSError as e: print(e.errno, flush=True)
    fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 15); os._exit(0)
print(os.waitpid(child, 0)[1])
try: fcntl.flock(99, fcntl.LOCK_EX)
except OSError as e: print(e.errno)
"""


@pytest.mark.parametrize("who", ways())
def test_who_waits_gets_it_when_the_holder_closes_the_file(who: str) -> None:
    ran = play(who, "run", code=WAITING)
    told = ["one at a time", "in turn", "True 0 5 10 True", "11", "0", "9"]
    assert ran["out"].splitlines() == told, ran


SHELL = """
exec 9>/tmp/l
flock 9 && (flock -n 8 || echo taken) 8>/tmp/l
exec 9>&-
(flock -n 8 && echo free) 8>/tmp/l
"""


@pytest.mark.parametrize("who", ways())
def test_a_shell_keeps_the_lock_that_a_program_took_for_it(who: str) -> None:
    assert play(who, "run", argv=["/bin/sh", "-c", SHELL])["out"].split() == ["taken", "free"]


HOSTILE = """
import ctypes, fcntl, os, threading
libc = ctypes.CDLL(None, use_errno=True)
f = open('/tmp/l', 'w')
wide = ctypes.c_long
for number in (72, 99) if os.uname().machine == 'x86_64' else (25, 179):
    for address in (-1, 0, 1 << 47, 8, -4096):
        first = f.fileno() if number in (72, 25) else address
        for command in (5, 6, 36, 37):
            assert libc.syscall(wide(number), wide(first), wide(command), wide(address)) == -1
for size in (1 << 62, -1, -(1 << 62)):
    asked = (ctypes.c_int64 * 4)(1, size, 1 << 62, 0)
    assert libc.syscall(wide(72 if number == 99 else 25), wide(f.fileno()), wide(6), asked) == -1 or size > 0
def held(): fcntl.flock(open('/tmp/other', 'w'), fcntl.LOCK_EX)
threads = [threading.Thread(target=held) for _ in range(150)]
for each in threads: each.start()
for each in threads: each.join()
if not os.fork():
    os.execv('/bin/sh', ['/bin/sh', '-c', 'exec 9>/tmp/third; flock -n 9 && echo locked'])
os.wait()
libc.prctl(4, 0)
try: fcntl.lockf(f, fcntl.LOCK_EX)
except OSError as e: print('refused', e.errno, flush=True)
libc.prctl(4, 1)
fcntl.lockf(f, fcntl.LOCK_EX)
print('lives')
"""


@pytest.mark.parametrize("who", ways())
def test_pid_1_survives_whatever_it_is_asked(who: str) -> None:
    ran = play(who, "run", code=HOSTILE)
    assert (ran["out"].split(), ran["status"]) == (["locked", "refused", "37", "lives"], 0), ran
