"""What one sandbox may use of the machine, how it is stopped, frozen and ended, and what is left of it.

Knows limits and endings. Does not know the walls.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sandbox import scenes
from tests.sandbox.scenes import play, ways
from valve_aws.sandbox.inside.cgroup import files as cgroup

MIB = 1 << 20

pytestmark = pytest.mark.parametrize("who", ways())


def test_output_errors_and_status_come_out(who: str) -> None:
    ran = play(who, "run", argv=["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (ran["out"], ran["err"], ran["status"]) == ("out\n", "err\n", 7)


def test_a_signal_that_ended_the_runtime_is_told(who: str) -> None:
    assert play(who, "run", argv=["/bin/sh", "-c", "kill -SEGV $$"])["status"] == -11


def test_a_fork_bomb_ends_at_its_limit(who: str) -> None:
    code = """
import os, signal
made = 0
try:
    while True:
        if not os.fork():
            signal.pause()
        made += 1
except BlockingIOError:
    print(made)
"""
    ran = play(who, "run", code=code, processes=50)
    assert 40 <= int(ran["out"]) <= 50
    assert ran["status"] == 0


def test_threads_count_as_processes(who: str) -> None:
    code = """
import threading
wait = threading.Event()
made = []
try:
    for _ in range(200):
        t = threading.Thread(target=wait.wait, daemon=True); t.start(); made.append(t)
except RuntimeError:
    print(len(made), flush=True)
wait.set()
"""
    assert int(play(who, "run", code=code, processes=40)["out"]) < 40


def test_two_hundred_threads_with_their_stacks_fit_into_a_small_function(who: str) -> None:
    code = """
import threading
wait = threading.Event()
made = [threading.Thread(target=wait.wait) for _ in range(200)]
for t in made: t.start()
print(len(made)); wait.set()
"""
    assert play(who, "run", code=code, memory=128)["out"] == "200\n"


def test_open_files_end_at_their_limit(who: str) -> None:
    code = "f = []\ntry:\n while 1: f.append(open('/dev/null'))\nexcept OSError as e: print(len(f), e.errno)"
    opened, errno = play(who, "run", code=code, descriptors=100)["out"].split()
    assert (90 < int(opened) < 100, errno) == (True, "24")


@pytest.mark.parametrize(
    "use",
    [
        "x = bytearray(600 << 20)",
        "import mmap; x = mmap.mmap(-1, 600 << 20)\nfor i in range(0, 600 << 20, 4096): x[i] = 1",
        "import os\nfor _ in range(5): os.fork()\nx = bytearray(20 << 20)",
    ],
    ids=["at-once", "shared", "by-children"],
)
def test_a_function_that_takes_more_memory_than_it_has_is_killed_as_on_lambda(who: str, use: str) -> None:
    ran = play(who, "run", code=f"{use}\nimport time\ntime.sleep(10)", memory=128)
    assert (ran["status"], ran["cause"]) == (-9, "memory")


def test_within_its_memory_it_runs(who: str) -> None:
    ran = play(who, "run", code="x = bytearray(60 << 20); print('fits')", memory=128)
    assert (ran["out"], ran["status"]) == ("fits\n", 0)


HIDDEN = """
import os, ctypes, multiprocessing.shared_memory as shared
libc = ctypes.CDLL(None, use_errno=True)
for way in (
    lambda: os.memfd_create('x'),
    lambda: shared.SharedMemory(create=True, size=4096).unlink(),
    lambda: libc.shmget(0, 4096, 0o1600),
    lambda: libc.msgget(0, 0o1600),
    lambda: libc.semget(0, 1, 0o1600),
    lambda: libc.mq_open(b'/x', 0o102, 0o600, None),
):
    try:
        print('refused' if way() == -1 else 'had')
    except OSError:
        print('refused')
"""


def test_memory_that_belongs_to_no_process_cannot_be_had(who: str) -> None:
    assert scenes.outside(HIDDEN).split()[:5] == ["had"] * 5
    assert play(who, "run", code=HIDDEN)["out"].split() == ["refused"] * 6


FILL = """
import os, signal, socket, sys
for _ in range(int(sys.argv[1])):
    told, tell = os.pipe()
    if not os.fork():
        kept = []
        try:
            while True:
                pair = socket.socketpair()
                pair[0].setblocking(False)
                kept += pair
                try:
                    while True: pair[0].send(bytes(65536))
                except BlockingIOError:
                    pass
        except OSError:
            os.write(tell, b'!'); signal.pause()
    os.read(told, 1); os.close(told); os.close(tell)
print('had', flush=True)
os.kill(0, 9)
"""


def test_the_kernel_s_buffers_end_too(who: str) -> None:
    """Three processes of a function of 64 MiB can have 340 MiB there, and without an end more each."""
    some = play(who, "run", code=FILL, arguments=["3"], memory=64, ephemeral=10)
    bounded = bool(some["group"])
    assert ("had" in some["out"], some["cause"]) == (not bounded, "memory" if bounded else "")
    more = play(who, "run", code=FILL, arguments=["10"], memory=64, ephemeral=10)
    assert ("had" in more["out"], more["status"], more["cause"]) == (False, -9, "memory")


SYSTEMD = """\
32 31 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
"""
HYBRID = """\
35 32 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 32 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
37 32 0:33 /docker/7f /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids
"""


@pytest.mark.parametrize(
    ("groups", "mounts", "found"),
    [
        ("0::/user.slice/app.slice/a.scope\n", SYSTEMD, {"": "/sys/fs/cgroup/user.slice/app.slice"}),
        ("0::/\n", SYSTEMD, {"": "/sys/fs/cgroup"}),
        (
            "8:pids:/docker/7f/x\n4:memory:/a\n1:name=systemd:/\n0::/\n",
            HYBRID,
            {"memory": "/sys/fs/cgroup/memory/a", "pids": "/sys/fs/cgroup/pids/x"},
        ),
        ("8:pids:/elsewhere\n", HYBRID, {}),
        ("", "", {}),
    ],
)
def test_control_groups_are_found_where_the_host_has_them(
    who: str, groups: str, mounts: str, found: dict[str, str]
) -> None:
    assert dict(cgroup.places(groups, mounts)) == found


def test_a_group_of_v2_is_bounded_and_removed(
    who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "places", lambda *_: [("", str(tmp_path))])
    made = tmp_path / cgroup.PARENT / "one"
    made.mkdir(parents=True)
    for name in ("memory.max", "memory.swap.max", "pids.max", "cgroup.procs", "memory.events"):
        (made / name).touch()
    group = cgroup.make("one", 100 * MIB, 50)
    group.take(77)
    told = {each.name: each.read_text() for each in made.iterdir()}
    assert told == {
        "memory.max": str(100 * MIB + cgroup.FOR_THE_KERNEL),
        "memory.swap.max": "0",
        "pids.max": "51",
        "cgroup.procs": "77",
        "memory.events": "",
    }
    assert not group.killed_for_memory()
    (made / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.killed_for_memory()


def test_what_a_killed_valve_left_is_removed_by_the_next(
    who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "places", lambda *_: [("", str(tmp_path))])
    folders = {
        name: tmp_path / cgroup.PARENT / name for name in ("valve-1", "valve-99999998", "valve-99999999")
    }
    for folder in (*folders.values(), made := tmp_path / cgroup.PARENT / "valve-2"):
        folder.mkdir(parents=True)
    (made / "memory.max").touch()
    for name in ("valve-1", "valve-99999998"):
        os.utime(folders[name], (0, 0))
    cgroup.make("valve-2", MIB, 1)
    assert {name for name, folder in folders.items() if folder.exists()} == {"valve-1", "valve-99999999"}


def test_tmp_has_its_size_and_is_not_counted_as_memory(who: str) -> None:
    code = """
import os
f = open('/tmp/x', 'wb', 0)
n = 0
try:
    while True: n += f.write(bytes(1 << 20))
except OSError as e:
    print(n >> 20, e.errno)
"""
    ran = play(who, "run", code=code, ephemeral=200, memory=64)
    assert ran["status"] == 0
    written, errno = ran["out"].split()
    assert 199 <= int(written) <= 200
    assert errno == "28"


def test_tmp_has_an_end_of_names_too(who: str) -> None:
    code = """
import os
n = 0
try:
    while True: os.mkdir(f'/tmp/{n}'); n += 1
except OSError as e:
    print(n, e.errno)
"""
    made, errno = play(who, "run", code=code, ephemeral=10)["out"].split()
    assert (int(made) <= 16384, errno) == (True, "28")


def test_memory_in_use_and_its_peak_are_told(who: str) -> None:
    told = play(who, "memory_grows")
    assert 2 * MIB < told["before"] < 40 * MIB
    # Why less than the 50 MiB: pages that were shared are counted whole once nobody shares them.
    assert 45 * MIB <= told["during"] - told["before"] <= 60 * MIB
    assert told["after"] < told["during"] - 40 * MIB
    assert told["peak"] >= told["during"]


def test_frozen_it_is_silent_and_thawed_it_goes_on(who: str) -> None:
    told = play(who, "freeze")
    assert told["heard"] > 0
    assert told["silent"]
    assert told["again"]
    assert told["measured"] > MIB


THAW = """
import ctypes, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
event = (ctypes.c_int * 16)(0, 0, 18, 0)  # SIGEV_SIGNAL, SIGCONT
print(libc.timer_create(0, event, ctypes.byref(ctypes.c_void_p())))
try:
    print(fcntl.fcntl(os.pipe()[0], 10, 18))  # F_SETSIG, SIGCONT
except OSError:
    print(-1)
"""


def test_nothing_inside_can_arrange_to_thaw_itself(who: str) -> None:
    assert scenes.outside(THAW).split() == ["0", "0"]
    assert play(who, "run", code=THAW)["out"].split() == ["-1", "-1"]


def test_killing_ends_two_hundred_children(who: str) -> None:
    told = play(who, "kill_many", marker=uuid4().hex)
    assert told["alive"] >= 200
    assert told["left"] == 0
    assert told["status"] == -9


def test_what_the_runtime_leaves_running_ends_with_it(who: str) -> None:
    marker = uuid4().hex
    argv = ["/bin/sh", "-c", f"MARK={marker} setsid sleep 1000 & exit 3"]
    assert play(who, "run", argv=argv)["status"] == 3
    assert scenes.marked(marker) == []


def test_the_sandbox_dies_with_a_valve_that_is_killed(who: str) -> None:
    told = play(who, "die_holding", marker=uuid4().hex)
    assert told["before"] >= 1
    assert told["after"] == 0


@pytest.mark.parametrize(
    ("given", "step", "words"),
    [
        ({"binds": [["/nowhere", "/var/task"]]}, "open what shows inside", "`/nowhere`"),
        ({"binds": [["/usr", "/var/../task"]]}, "open what shows inside", "shortest form"),
        ({"binds": [["/usr", "/usr/nowhere"]]}, "lay out the view", "`/usr/nowhere`"),
        ({"files": {"/usr/nowhere/x": "y"}}, "lay out the view", "`/usr/nowhere/x`"),
        ({"argv": ["/usr/nowhere"]}, "start the runtime", "`/usr/nowhere`"),
        ({"argv": ["nowhere"]}, "start the runtime", "nowhere"),
    ],
)
def test_a_step_that_fails_is_named_with_its_remedy_and_nothing_is_left(
    who: str, given: dict[str, object], step: str, words: str
) -> None:
    told = play(who, "refused", **given)
    assert told["step"] == step
    assert words in told["text"]
    assert "; " in told["text"]
    assert told["clean"]


def test_a_step_that_fails_is_told_beside_a_thousand_open_descriptors(who: str) -> None:
    told = play(who, "refused_beside_many")
    assert (told["step"], told["clean"]) == ("start the runtime", True)


def test_a_sandbox_leaves_neither_mounts_nor_descriptors(who: str) -> None:
    told = play(who, "traces")
    assert told["same"], told


def test_worker_threads_may_start_sandboxes_at_once(who: str) -> None:
    assert play(who, "crowd") == [f"{n}\n" for n in range(8)]


def test_pid_1_takes_no_signal_no_trace_and_no_limit_from_inside(who: str) -> None:
    code = """
import os, resource
for n in range(1, 65):
    try:
        os.kill(1, n)
    except (OSError, ValueError):
        pass
def tried(act):
    try:
        act(); return 'done'
    except OSError:
        return 'refused'
print(tried(lambda: open('/proc/1/environ').read()), tried(lambda: open('/proc/1/mem', 'rb')),
      tried(lambda: os.readlink('/proc/1/fd/0')), tried(lambda: os.stat('/proc/1/root/.')),
      tried(lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (1, 1))),
      tried(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19)),
      tried(lambda: os.setpriority(os.PRIO_USER, 0, 19)),
      tried(lambda: os.sched_setaffinity(1, {0})),
      tried(lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))))
"""
    ran = play(who, "run", code=code)
    assert ran["out"].split() == ["refused"] * 9
    assert ran["status"] == 0


def test_the_host_s_processes_are_the_same_afterwards(who: str) -> None:
    marker = uuid4().hex
    play(who, "run", argv=["/bin/true"], environ={"MARK": marker})
    assert scenes.marked(marker) == []
    assert not Path("/.laid0").exists()


@pytest.mark.parametrize("name", ["sandbox", "sandbox.localdomain"])
def test_the_valve_alone_can_call_who_listens_inside(who: str, name: str) -> None:
    told = play(who, "call_in", name=name)
    assert told == {"heard": "from the valve\n", "beside": errno.ECONNREFUSED, "after": "none"}
