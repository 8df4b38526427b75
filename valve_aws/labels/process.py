"""Who opened a rise: a process, and whether it still lives.

Knows proc(5). Does not know what is opened.
"""

from __future__ import annotations

import os
from pathlib import Path


def owner() -> str:
    """Return the name of this process in the book."""
    return f"{os.getpid()}:{_started(os.getpid())}"


def alive(owner: str) -> bool:
    """Say whether the process of that name lives."""
    pid, _, started = owner.partition(":")
    return bool(started) and _started(int(pid)) == started


def _started(pid: int) -> str:
    """Return when a process began (clock ticks since boot), so that a reused pid is not taken for its
    forerunner; proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
