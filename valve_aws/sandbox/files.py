"""What of the host shows inside a sandbox: what an interpreter needs to run, and its processors.

Knows how Python installations and virtual environments lie on disk. Does not know what else is bound.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from valve_aws.model.plan import Bind

ALWAYS_THERE = Path("/usr")
"""The sandbox brings it along with /bin and /lib."""


def interpreter_binds(python: Path) -> tuple[Bind, ...]:
    """Return the binds under which `python`, by the same path, runs inside; none for one that lies in /usr.

    A virtual environment is bound whole; of the installation below it `bin` and `lib`, by its real path and
    by every link that leads there. Raises ValueError when `python` is no part of a Python installation: a
    bind could then show a home folder.
    """
    python = python.absolute()
    environment = python.parent.parent
    found: dict[str, Bind] = {}
    starts = [python]
    if (environment / "pyvenv.cfg").is_file():
        _add(found, environment, environment)
        starts.append(_home(environment) / python.resolve().name)
    for start in starts:
        for step in _chain(start):
            _add_installation(found, step.parent.parent, python)
    return tuple(found.values())


@cache
def processors() -> str:
    """Return /proc/cpuinfo as it was when it was first asked for; "" where there is none."""
    return text("/proc/cpuinfo")


def text(path: str) -> str:
    """Return what a file of /proc says; "" where there is none."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _home(environment: Path) -> Path:
    for line in (environment / "pyvenv.cfg").read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip())
    raise ValueError(f"`{environment / 'pyvenv.cfg'}` has no line `home`")


def _chain(path: Path) -> list[Path]:
    """Return `path`, each link that it leads over, and where it ends, links among the folders included."""
    steps = [path]
    while steps[-1].is_symlink() and len(steps) < 40:
        steps.append(Path(os.path.normpath(steps[-1].parent / steps[-1].readlink())))
    real = path.resolve()
    return [*steps, real] if steps[-1] != real else steps


def _add_installation(found: dict[str, Bind], prefix: Path, python: Path) -> None:
    real = prefix.resolve()
    if real == ALWAYS_THERE or ALWAYS_THERE in real.parents or str(prefix) in found:
        return
    if (prefix / "pyvenv.cfg").is_file():
        _add(found, prefix, real)
        return
    if not _has_library(real):
        raise ValueError(f"`{python}` leads to `{prefix}`, no Python installation; name another interpreter")
    for part in ("bin", "lib", "lib64"):
        if (real / part).is_dir():
            _add(found, prefix / part, real / part)


def _has_library(prefix: Path) -> bool:
    return any(next((prefix / lib).glob("python3*/os.py"), None) for lib in ("lib", "lib64"))


def _add(found: dict[str, Bind], shown: Path, real: Path) -> None:
    found.setdefault(str(shown), Bind(real.resolve(), str(shown)))
