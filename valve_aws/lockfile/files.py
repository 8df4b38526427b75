"""The file on the disk: read whole, replaced whole.

Knows its name and how it is replaced. Does not know what is in it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from valve_aws.lockfile.reading import Lock, read
from valve_aws.lockfile.writing import written
from valve_aws.model.source import Invalid, Where

NAME = "valve.lock"
"""Beside the template, as `valve.yaml` is."""


def load(path: Path) -> Lock | None:
    """Return what a file says; None when there is none. Raises `Invalid`."""
    try:
        return read(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise Invalid(Where(str(path)), "this is not UTF-8", "make it anew: `valve lock update`") from error
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be read: {error.strerror}", "mend the path") from error


def save(path: Path, lock: Lock) -> bool:
    """Write a file unless it says so already; return whether it was written. Raises `Invalid`.

    Whoever reads it sees the old or the new one whole (rename(2)); a file that is a link stays one.
    """
    text, path = written(lock).encode(), Path(os.path.realpath(path))
    try:
        if path.is_file() and path.read_bytes() == text:
            return False
        mode = path.stat().st_mode & 0o777 if path.is_file() else 0o644
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            made = Path(file.name)
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                made.chmod(mode)
                made.replace(path)
            except BaseException:
                made.unlink()
                raise
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be written: {error.strerror}", "mend the path") from error
    return True
