"""The filter of one architecture as classic BPF, assembled from the table.

Knows BPF and struct seccomp_data. Does not know why a call is allowed, and loads nothing.
"""

from __future__ import annotations

import struct

from valve_aws.sandbox.seccomp.table import (
    ALLOWED,
    ANSWERED,
    ARCHITECTURES,
    ASKED,
    ENOSYS,
    EPERM,
    JUDGED,
    NEWEST,
    Demand,
    numbers,
)

Instruction = tuple[int, int, int, int]
"""(code, jump if true, jump if false, k) of struct sock_filter."""

# linux/bpf_common.h
LOAD, AND, EQUAL, AT_LEAST, ALWAYS, RETURN = 0x20, 0x54, 0x15, 0x35, 0x05, 0x06
# linux/seccomp.h
KILL, ERRNO, NOTIFY, ALLOW = 0x80000000, 0x00050000, 0x7FC00000, 0x7FFF0000
NUMBER, ARCH, ARGUMENTS = 0, 4, 16
X32 = 0x40000000

LAST_ERRNO = 4095
FARTHEST = 255
"""A conditional jump has one byte for its distance."""


def assemble(machine: str) -> bytes:
    """Return the filter as an array of struct sock_filter, 8 bytes each, little endian."""
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCH),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, KILL),
        *_choose(_pieces(machine)),
    ]
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def _pieces(machine: str) -> list[tuple[int, list[Instruction]]]:
    """Return (first number, what to do from there on), in order, neighbours that do the same put together."""
    doing: dict[int, list[Instruction]] = {}
    for _, cells in ALLOWED:
        doing.update({number: [_answer(None)] for number in numbers(cells, machine).values()})
    for cells, _, demands in JUDGED:
        doing.update({number: _judge(demands) for number in numbers(cells, machine).values()})
    for cells, _, errno in ANSWERED:
        doing.update({number: [_answer(errno)] for number in numbers(cells, machine).values()})
    pieces: list[tuple[int, list[Instruction]]] = []
    for number in range(max(*doing, NEWEST) + 2):
        todo = doing.get(number, [_answer(EPERM if number <= NEWEST else ENOSYS)])
        if not pieces or pieces[-1][1] != todo:
            pieces.append((number, todo))
    return pieces


def _choose(pieces: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Return a binary search: a call costs about seven comparisons, and loading stays quick."""
    if len(pieces) == 1:
        return pieces[0][1]
    middle = len(pieces) // 2
    below, above = _choose(pieces[:middle]), _choose(pieces[middle:])
    start = pieces[middle][0]
    if len(below) <= FARTHEST:
        return [(AT_LEAST, len(below), 0, start), *below, *above]
    return [(AT_LEAST, 0, 1, start), (ALWAYS, 0, 0, len(below)), *below, *above]


def _judge(demands: tuple[Demand, ...]) -> list[Instruction]:
    code: list[Instruction] = []
    for demand in demands:
        code.append((LOAD, 0, 0, ARGUMENTS + 8 * demand.argument + 4 * demand.high))
        if demand.mask != 0xFFFFFFFF:
            code.append((AND, 0, 0, demand.mask))
        after = len(demand.values)
        for value in demand.values:
            after -= 1
            if demand.wanted:
                code.append((EQUAL, after + 1, 0, value))
            else:
                code.append((EQUAL, after, 0 if after else 1, value))
        code.append(_answer(demand.errno))
    return [*code, _answer(None)]


def _answer(errno: int | None) -> Instruction:
    if errno is None:
        return (RETURN, 0, 0, ALLOW)
    return (RETURN, 0, 0, NOTIFY if errno == ASKED else ERRNO | min(errno, LAST_ERRNO))
