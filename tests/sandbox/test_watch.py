"""When the true memory of a sandbox is read, which costs its processes time, and what is known without.

Knows the two figures of the kernel, which are given here. Does not start anything.
"""

from __future__ import annotations

import pytest

from valve_aws.sandbox.inside import process
from valve_aws.sandbox.inside.process import LATEST, Watch

MIB = 1 << 20


class Machine:
    """One process, whose pages and time are told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.resident, self.true, self.time, self.read = 60, 40, 100.0, 0
        patch.setattr(process, "_pids", lambda: ["2"])
        patch.setattr(process, "_resident", lambda: self.resident * MIB)
        patch.setattr(process, "_proportional", self.proportional)
        patch.setattr(process.time, "monotonic", lambda: self.time)

    def proportional(self, _: str) -> int:
        self.read += 1
        return self.true * MIB


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_what_does_not_rise_is_read_once_in_a_while(machine: Machine) -> None:
    watch = Watch(100 * MIB, grouped=True)
    for _ in range(100):
        assert not watch.exceeded()
        machine.time += LATEST / 10
    assert 10 <= machine.read <= 11


def test_what_rises_is_read_at_once(machine: Machine) -> None:
    watch = Watch(100 * MIB, grouped=True)
    for size in range(41, 60):
        machine.resident, machine.true = size + 20, size
        assert not watch.exceeded()
        assert watch.peak == size * MIB


def test_pages_that_are_no_longer_shared_are_seen_though_nothing_rises(machine: Machine) -> None:
    watch = Watch(100 * MIB, grouped=True)
    watch.exceeded()
    machine.true = 60
    machine.time += LATEST
    assert not watch.exceeded()
    assert watch.peak == 60 * MIB


def test_beyond_the_limit_the_true_figure_decides_at_each_look(machine: Machine) -> None:
    watch = Watch(100 * MIB, grouped=True)
    machine.resident = 130
    assert not watch.exceeded()
    assert not watch.exceeded()
    machine.true = 101
    assert watch.exceeded()
