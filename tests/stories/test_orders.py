"""The orders story, as `make demo` tells it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from world import ROOT

pytestmark = pytest.mark.slow


def test_every_leak_arrives_with_the_guard_off_and_none_does_when_it_enforces() -> None:
    """The script compares its three runs itself, and ends with 1 when one of its claims does not hold."""
    told = subprocess.run(
        [sys.executable, str(ROOT / "stacks" / "orders" / "demo.py")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    for claim in ("every leak arrives", "nothing is stopped", "enforced, nothing arrives", "the honest part"):
        assert any(claim in line and "✓" in line for line in told.stdout.splitlines()), told.stdout
