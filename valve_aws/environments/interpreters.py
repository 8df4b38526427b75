"""Which Python runs a function: the nearest that the host has to what its template names.

Knows versions. Does not look at the host; `host` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function

OLDEST = (3, 11)
PYTHON = re.compile(r"python([23])(?:\.(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One Python of the host, outside any virtual environment."""

    executable: Path
    version: tuple[int, int]
    prefix: Path
    """The folder that its `bin` and `lib` are in."""
    cafile: str = ""
    """Where its OpenSSL looks for trusted certificates when nobody says."""
    own: bool = False
    """It is the one that runs the valve."""

    @property
    def inside(self) -> str:
        """Return the path by which it runs inside."""
        system = str(self.executable)
        return system if system.startswith("/usr/bin/") else f"/var/lang/bin/{self.name}"

    @property
    def name(self) -> str:
        """Return its name as a runtime is named: `python3.11`."""
        return f"python{self.version[0]}.{self.version[1]}"

    def command(self, function: Function) -> tuple[str, ...]:
        """Return the first command: the bootstrap.

        Why -S: the host's own packages must not show. `bootstrap` gives back what `site` would have.
        """
        return (self.inside, "-S", "/var/runtime/bootstrap.py")

    def defaults(self, function: Function, packages: Iterable[str]) -> Mapping[str, str]:
        """Return the variables that are Python's own."""
        return {"PYTHONPATH": ":".join((*packages, "/var/runtime"))}


Others = Callable[[tuple[int, int], int], Iterable[Interpreter]]
"""Looks at the host: (version wanted, distance) → the interpreters nearer than that, the nearest first."""


def wanted(function: Function) -> tuple[int, int]:
    """Return the version that a function's runtime names. Raises Invalid for what is not Python."""
    match = PYTHON.fullmatch(function.runtime)
    if not match:
        problem = f"`{function.logical}`: there is no runtime `{function.runtime}`"
        raise Invalid(function.where, problem, "write `Runtime: python3.12`")
    return int(match[1]), int(match[2] or 0)


def distance(version: tuple[int, int], want: tuple[int, int]) -> int:
    """Return how far a version is from the one that is wanted; Python 2 is before every Python 3."""
    minor = want[1] if want[0] == 3 else -1
    return abs(version[1] - minor)


def nearest(function: Function, own: Interpreter, others: Others) -> tuple[Interpreter, str]:
    """Return the interpreter that runs a function, and a line to say when its version is another ("" else).

    Of equally near ones our own is taken. No version of Python is refused.
    """
    want = wanted(function)
    best = next(iter(others(want, distance(own.version, want))), own) if own.version != want else own
    if best.version == want:
        return best, ""
    return best, f"{function.logical}: {function.runtime} is not on this host, {best.name} runs it"
