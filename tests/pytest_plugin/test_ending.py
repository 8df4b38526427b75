"""Nothing stays behind a test run, however it ends: by itself, by Ctrl-C, in a failing fixture.

Knows the processes of this machine. Does not know which of them the plugin starts.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import Project

pytestmark = pytest.mark.slow

SUBREAPER = 36
"""prctl(2), PR_SET_CHILD_SUBREAPER: whose parent ends becomes this process's child."""

FAILING = """
import pytest


@pytest.fixture
def broken(valve_stack, valve_lambda):
    valve_lambda("Worker").invoke({})
    raise RuntimeError("a fixture of the user's")


@pytest.fixture
def broken_later(valve_lambda):
    yield valve_lambda("Worker").invoke({})
    raise RuntimeError("and its end")


def test_one(broken):
    pass


def test_two(broken_later):
    pass


def test_three(valve_lambda):
    assert valve_lambda("Worker").invoke({}).result["ok"]
"""

WAITING = """
def test_it(valve_stack, valve_lambda):
    valve_lambda("Worker").invoke({})
    print("READY", flush=True)
    valve_lambda("Worker").invoke({"wait": True})
"""
SLEEPS = "    if event.get('wait'):\n        import time; time.sleep(25)\n    print("


@pytest.fixture
def orphans() -> Iterator[None]:
    """Have every process whose parent has ended become ours, for the length of a test."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(SUBREAPER, 1, 0, 0, 0) == 0
    yield
    libc.prctl(SUBREAPER, 0, 0, 0, 0)


def children() -> set[int]:
    """Return the children of this process; those that have ended are let go."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                told = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(told[1]) == os.getpid() and told[0] != "Z":
                found.add(int(entry.name))
    return found


def left(before: set[int], patience: float = 10) -> set[int]:
    """Return what is still there after a moment: a killed process takes one to go."""
    until = time.monotonic() + patience
    while (found := children() - before) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_failing_fixtures_leave_no_process(project: Project, orphans: None) -> None:
    before = children()
    project.write(tests__test_failing=FAILING)
    code, out = project.pytest()
    assert code == 1
    assert "2 passed, 2 errors" in out, out
    assert not left(before)


def test_ctrl_c_leaves_no_process(project: Project, orphans: None) -> None:
    before = children()
    code = (project.folder / "src" / "app.py").read_text()
    project.write(**{"src/app.py": code.replace("    print(", SLEEPS, 1)}, tests__test_waiting=WAITING)
    run = project.process("-s")
    assert run.stdout is not None
    seen = next(line for line in run.stdout if "READY" in line)
    assert seen
    assert len(children() - before) == 1, "its processes are its own until it ends"
    assert len(descendants(run)) > 1
    os.killpg(run.pid, signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    assert "KeyboardInterrupt" in out
    assert run.returncode == 2
    assert not left(before)


def descendants(run: subprocess.Popen[str]) -> set[int]:
    """Return what a process has started, and what that has."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {run.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {run.pid}
