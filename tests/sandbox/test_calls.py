"""Which system calls pass: the shipped filters against their table, and what a denied call answers inside.

Knows BPF well enough to run it. Does not know why a call is denied.
"""

from __future__ import annotations

import re
import struct
from itertools import product
from pathlib import Path

import pytest

from tests.sandbox.scenes import outside, play, players
from valve_aws.sandbox.seccomp.assemble import assemble
from valve_aws.sandbox.seccomp.table import (
    ALLOWED,
    ANSWERED,
    ARCHITECTURES,
    ASKED,
    ENOSYS,
    EPERM,
    JUDGED,
    Demand,
    numbers,
)

FOLDER = Path(__file__).parents[2] / "valve_aws" / "sandbox" / "seccomp"
ALLOW, KILL, PID_1 = "allow", "kill", "pid 1"
LONGEST = 4096
"""BPF_MAXINSNS."""


def decide(program: bytes, arch: int, number: int, *arguments: int) -> str | int:
    """Run the filter on one call, as the kernel does; return what it answers: allow, kill, pid 1 or an
    errno."""
    call = struct.pack("<iIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("<HBBI", program))
    accumulator: int = 0
    at = 0
    while True:
        operation, yes, no, k = code[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("<I", call, k)[0]
            case 0x54:
                accumulator &= k
            case 0x05:
                at += k
            case 0x15:
                at += yes if accumulator == k else no
            case 0x35:
                at += yes if accumulator >= k else no
            case 0x06:
                answers: dict[int, str | int] = {0x7FFF0000: ALLOW, 0x7FC00000: PID_1, 0x80000000: KILL}
                return answers.get(k & 0xFFFF0000, k & 0xFFFF)
            case _:
                raise AssertionError(f"no such instruction: {operation:#x}")


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_shipped_bytes_are_those_of_the_table(machine: str) -> None:
    shipped = (FOLDER / f"{machine}.bin").read_bytes()
    assert shipped == assemble(machine), "python -m valve_aws.sandbox.seccomp.files"
    assert len(shipped) // 8 < LONGEST


def test_every_number_answers_as_the_table_says(machine: str) -> None:
    program, arch = (FOLDER / f"{machine}.bin").read_bytes(), ARCHITECTURES[machine]
    expected: dict[int, str | int] = {}
    for _, cells in ALLOWED:
        expected.update(dict.fromkeys(numbers(cells, machine).values(), ALLOW))
    for cells, _, errno in ANSWERED:
        answer = PID_1 if errno == ASKED else errno
        expected.update(dict.fromkeys(numbers(cells, machine).values(), answer))
    judged = {number for cells, _, _ in JUDGED for number in numbers(cells, machine).values()}
    for number in range(5000):
        if number not in judged:
            answer = expected.get(number, EPERM if number <= 450 else ENOSYS)
            assert decide(program, arch, number) == answer, number


def read(demands: tuple[Demand, ...], arguments: tuple[int, ...]) -> str | int:
    """What the table says of a call that is judged, in words of its own."""
    for demand in demands:
        word = arguments[demand.argument] >> (32 if demand.high else 0) & 0xFFFFFFFF & demand.mask
        if (word in demand.values) != demand.wanted:
            return PID_1 if demand.errno == ASKED else demand.errno
    return ALLOW


def test_every_call_that_is_judged_answers_as_its_demands_read(machine: str) -> None:
    program, arch = (FOLDER / f"{machine}.bin").read_bytes(), ARCHITECTURES[machine]
    tried = 0
    for cells, _, demands in JUDGED:
        told = {value for demand in demands for value in (*demand.values, demand.mask, demand.mask + 1)}
        values = sorted({near & 0xFFFFFFFF for value in told for near in (value - 1, value, value + 1)} | {0})
        grid = [
            (*values, 1 << 32, 1 << 63) if any(d.argument == n for d in demands) else (0,) for n in range(6)
        ]
        for name, number in numbers(cells, machine).items():
            for arguments in product(*grid):
                assert decide(program, arch, number, *arguments) == read(demands, arguments), name
                tried += 1
    assert tried > 2000


def test_every_path_through_the_filter_goes_forward_and_ends_in_an_answer(machine: str) -> None:
    code = list(struct.iter_unpack("<HBBI", (FOLDER / f"{machine}.bin").read_bytes()))
    reached = {0}
    for at, (operation, yes, no, k) in enumerate(code):
        match operation:
            case 0x06:
                continue
            case 0x05:
                following = {at + 1 + k}
            case 0x15 | 0x35:
                following = {at + 1 + yes, at + 1 + no}
            case _:
                following = {at + 1}
        assert max(following) < len(code)
        reached |= following
    assert reached == set(range(len(code))), "what is never reached is a mistake"


def test_no_call_is_listed_twice(machine: str) -> None:
    cells = [cells for _, cells in ALLOWED] + [row[0] for row in (*JUDGED, *ANSWERED)]
    listed = [number for cell in cells for number in numbers(cell, machine).values()]
    assert len(listed) == len(set(listed))
    assert 200 < len(listed) < 300


HEADERS = {
    # Linux gives aarch64 the numbers of its generic table.
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "__NR_"),
    "aarch64": ("/usr/include/asm-generic/unistd.h", "__NR(?:3264)?_"),
}


def test_numbers_are_those_of_the_kernel_s_own_headers(machine: str) -> None:
    path, prefix = HEADERS[machine]
    if not Path(path).exists():
        return
    found = re.findall(rf"#define {prefix}(\w+) (\d+)", Path(path).read_text())
    kernel = {name: int(number) for name, number in found}
    assert len(kernel) > 250
    same = 0
    for cells in [cells for _, cells in ALLOWED] + [row[0] for row in (*JUDGED, *ANSWERED)]:
        for name, number in numbers(cells, machine).items():
            assert kernel.get(name, number) == number, name
            same += name in kernel
    assert same > 200


def test_another_architecture_or_x32_is_death(machine: str) -> None:
    program, arch = assemble(machine), ARCHITECTURES[machine]
    assert decide(program, 0x40000003, 1) == KILL
    assert decide(program, arch, 0x40000001) == KILL
    assert decide(program, arch, -1) == KILL


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone", (0x003D0F00,), ALLOW),  # a thread
        ("clone", (0x01200011,), ALLOW),  # fork
        *(("clone", (flag | 17,), EPERM) for flag in (0x20000, *(1 << bit for bit in range(25, 31)))),
        ("socket", (1, 0x80001, 0), ALLOW),
        ("socket", (2, 0x80801, 6), ALLOW),
        ("socket", (10, 2, 17), ALLOW),
        ("socket", (16, 3, 0), 97),
        ("socket", (17, 3, 0), 97),
        ("socket", (40, 1, 0), 97),
        ("socket", (38, 5, 0), 97),
        ("socket", (2, 3, 1), 93),
        ("socket", (2, 2, 1), 93),
        ("socket", (2, 5, 0), 93),
        ("socket", (2, 1, 262), 93),
        ("socket", (1 << 32 | 2, 1, 0), ALLOW),
        ("ioctl", (0, 0x5412), 25),
        ("ioctl", (0, 1 << 32 | 0x5412), 25),
        ("ioctl", (0, 0x541B), ALLOW),
        ("fcntl", (0, 10), 22),
        ("fcntl", (0, 1 << 32 | 10), 22),
        ("fcntl", (0, 1024), 22),
        ("fcntl", (0, 1026), 22),
        ("fcntl", (0, 1031), 22),
        ("fcntl", (0, 3), ALLOW),
        *(("fcntl", (0, command), PID_1) for command in (5, 6, 7, 36, 37, 38, 1 << 32 | 6)),
        ("preadv2", (3, 0, 1, 0, 0, 0), ALLOW),
        ("preadv2", (3, 0, 1, 0, 0, 8), 95),
        ("preadv2", (3, 0, 1, 0, 0, 0x80), 95),
        ("madvise", (0, 4096, 4), ALLOW),
        ("madvise", (0, 4096, 12), 22),
        ("madvise", (0, 4096, 21), 22),
        ("mmap", (0, 4096, 3, 0x22), ALLOW),
        ("mmap", (0, 4096, 3, 0x40022), 12),
        ("setsockopt", (3, 6, 1), ALLOW),
        ("setsockopt", (3, 6, 31), 92),
        ("timer_create", (0, 0), ALLOW),
        ("timer_create", (0, 1), EPERM),
        ("timer_create", (0, 1 << 32), EPERM),
        ("prctl", (15,), ALLOW),
        ("prctl", (22,), 22),
        ("prctl", (35,), 22),
        ("prlimit64", (0,), ALLOW),
        ("prlimit64", (1,), EPERM),
        ("setpriority", (0, 0), ALLOW),
        ("setpriority", (2, 0), EPERM),
        ("setpriority", (0, 1), EPERM),
    ],
)
def test_arguments_are_judged(machine: str, name: str, arguments: tuple[int, ...], answer: str | int) -> None:
    listed = {k: v for cells, _, _ in JUDGED for k, v in numbers(cells, machine).items()}
    assert decide(assemble(machine), ARCHITECTURES[machine], listed[name], *arguments) == answer


PROBES = {
    # what is tried → what it says where it succeeds
    "libc.unshare(0x10000000)": "0",
    "libc.unshare(0x40000000)": "0",
    "libc.unshare(0x20000) or libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)": "0",
    "libc.ptrace(16, os.fork() or os.pause(), 0, 0)": "0",
    "libc.syscall(425, 8, ctypes.create_string_buffer(256)) > 0": "True",
    "libc.syscall(323, 1) > 0": "True",
    "libc.syscall(321, 0, (ctypes.c_uint * 32)(2, 4, 4, 1), 128) > 0": "True",
    "libc.syscall(250, 0, -3, 1) > 0": "True",
    "libc.syscall(298, (ctypes.c_uint * 32)(1, 128), 0, -1, -1, 0) > 0": "True",
    "libc.syscall(310, *map(ctypes.c_long, (os.getpid(), 0, 0, 0, 0, 0)))": "0",
    "libc.setns(os.open('/proc/self/ns/uts', 0), 0)": "0",
    "libc.chroot(b'/tmp')": "0",
    "libc.syscall(294, 0) > 0": "True",
    "socket.socket(16, 3, 0).fileno() > 0": "True",
    "socket.socket(17, 3, 0).fileno() > 0": "True",
    "socket.socket(2, 3, 1).fileno() > 0": "True",
    "socket.socket(40, 1, 0).fileno() > 0": "True",
}

TRY = """
import ctypes, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
os.pause = signal.pause
for probe in sys.argv[1:]:
    child = os.fork()
    if not child:
        os.setsid()
        try:
            said = eval(probe)
        except OSError:
            said = 'refused'
        print(said, flush=True)
        os.killpg(0, 9)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("who", players())
def test_what_reaches_beyond_the_sandbox_is_denied(who: str) -> None:
    told = play(who, "run", code=TRY, arguments=list(PROBES))["out"].split()
    assert len(told) == len(PROBES)
    assert set(told) <= {"refused", "-1", "False"}, dict(zip(PROBES, told, strict=True))


def test_outside_root_may_do_all_of_it() -> None:
    if "root" in players():
        told = outside(TRY, *PROBES).split()
        assert dict(zip(PROBES, told, strict=True)) == PROBES
