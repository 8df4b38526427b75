"""What the valve hands to the spawner, as marshal writes it.

Knows the shape. Does not know how it is carried; the spawner names it for type checkers only.
"""

from __future__ import annotations

from typing import TypedDict


class Order(TypedDict):
    """A `Plan` in plain values: bytes, strings, numbers, lists, dicts."""

    argv: list[str]
    environ: dict[str, str]
    directory: str
    binds: list[tuple[str, str]]
    """(path of the host, path inside)."""
    files: dict[str, bytes]
    machine: dict[str, bytes]
    """Paths of /proc and what they tell of the machine."""
    memory: int
    ephemeral: int
    processes: int
    descriptors: int
    hostname: str
    filter: bytes
    """The seccomp program of this architecture."""
