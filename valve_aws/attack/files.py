"""The kit's own files: where they are, and a copy of them to run from.

Knows the wheel's place for them and the checkout's. Does not know what is in them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PARTS = shutil.ignore_patterns(".valve", "__pycache__")


def kit() -> Path:
    """Return the folder of the kit's stack: the wheel carries it, a checkout has it beside the package."""
    package = Path(__file__).parent.parent
    carried = package / "_attacks"
    return carried if carried.is_dir() else package.parent / "stacks" / "attacks"


def staged(home: Path, aged: Path | None = None) -> Path:
    """Copy the kit's stack into `home`, with an SDK of old in its code when there is one; return the copy.

    Why with what that was compiled to: each environment that imports it would compile it again.
    """
    folder = home / "attacks"
    shutil.copytree(kit(), folder, ignore=PARTS)
    if aged is not None:
        shutil.copytree(aged, folder / "src" / "aged", copy_function=_linked)
    return folder


def _linked(source: str, target: str) -> str:
    """Link a file, where that is possible, instead of copying it."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
    return target


def logs(home: Path) -> list[Path]:
    """Return the log files of all runs."""
    return sorted(home.glob("*.log"))


def tail(path: Path, seen: int) -> tuple[list[str], int]:
    """Return the whole lines of a growing file after its first `seen` bytes, and how far that is."""
    if not path.exists():
        return [], seen
    with path.open("rb") as file:
        file.seek(seen)
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), seen + len(whole)
